"""Which words have a vector: bases of common English words, and endings that mean something else than these."""

import re

import brotli

# How small a list of SCOWL a word must be in to have a vector though the teacher knows it only in pieces.
KNOWN = 35


def common(path):
    """The common words of dictionary.bin, in order."""
    with open(path, "rb") as file:
        plain = brotli.decompress(file.read()).decode()
    found, word = [], ""
    for shared, rest in re.findall(r"([^a-z.])([a-z.]*)", plain):
        if rest == ".":
            return found
        word = word[:ord(shared) - ord("0")] + rest
        found.append(word)
    raise ValueError("dictionary.bin has one list only")


def bases(word, known):
    """What a word may be an ending of, likeliest first: as `vectors.rs` looks it up."""
    found = []
    if word.endswith("s") and len(word) > 3 and word[-2] not in "sui":
        stem = word[:-1]
        if stem.endswith("ie"):
            found.append(stem[:-2] + "y")
        if stem.endswith("e") and stem[:-1].endswith(("s", "x", "z", "ch", "sh")):
            found.append(stem[:-1])
        found.append(stem)
    for ending in ("ed", "ing"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3:
            found += [stem, stem + "e"]
            if stem[-1] == stem[-2]:
                found.append(stem[:-1])
    return [base for base in found if base in known]


def choose(words, ranks, small):
    """The words that many know, in order: bases, and those that may be an ending of one, with these."""
    known = set(words)
    found = [word for word in words if len(word) > 1 and (word in ranks or word in small)]
    endings = {word: bases(word, known) for word in found}
    return [word for word in found if not endings[word]], {word: of for word, of in endings.items() if of}
