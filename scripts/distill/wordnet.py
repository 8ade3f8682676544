"""What WordNet tells of pairs of words: which mean the same, the opposite, or another of the same kind."""

import collections
import itertools
import os

FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
# The share of a word's counted uses that a meaning must have to be what is meant.
SHARE = 0.25
# Kinds of more members than this are too wide to tell anything.
WIDEST = 60


def senses(folder):
    """How many uses were counted of each word in each set of synonyms, and which stands first."""
    kinds = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
    uses, first = collections.defaultdict(dict), {}
    with open(os.path.join(folder, "index.sense"), encoding="utf-8") as lines:
        for line in lines:
            key, place, rank, count = line.split()
            word, rest = key.split("%")
            kind = kinds[rest[0]]
            uses[word][kind + place] = int(count)
            if rank == "1":
                first[kind + place, word] = True
    return uses, first


def is_meant(word, place, uses, first):
    total = sum(uses[word].values())
    if total == 0:
        return (place, word) in first and len({at[0] for at in uses[word]}) == 1
    return uses[word].get(place, 0) >= total * SHARE


def relations(folder, chosen):
    """Pairs of chosen words: the same, opposites, and others of the same kind."""
    uses, first = senses(folder)
    chosen = set(chosen)
    same, opposite, sisters = set(), set(), set()
    for kind, name in FILES.items():
        kinds = collections.defaultdict(set)
        words_of, pointers = {}, []
        with open(os.path.join(folder, "data." + name), encoding="latin-1") as lines:
            for line in lines:
                if line.startswith("  "):
                    continue
                told = line.split("|")[0].split()
                count = int(told[3], 16)
                words = [told[4 + 2 * at].split("(")[0].lower() for at in range(count)]
                place = kind + told[0]
                words_of[place] = words
                rest = told[4 + 2 * count:]
                for at in range(int(rest[0])):
                    sign, to, of, ends = rest[1 + 4 * at:5 + 4 * at]
                    pointers.append((place, sign, ("a" if of == "s" else of) + to, ends))
        meant = {place: [word for word in words if word in chosen and is_meant(word, place, uses, first)]
                 for place, words in words_of.items()}
        for words in meant.values():
            same |= {tuple(sorted(pair)) for pair in itertools.combinations(set(words), 2)}
        for place, sign, to, ends in pointers:
            if sign == "!":
                one = words_of[place][int(ends[:2], 16) - 1]
                other = words_of.get(to, [""] * 16)[int(ends[2:], 16) - 1]
                if one in chosen and other in chosen:
                    opposite.add(tuple(sorted((one, other))))
            elif sign in ("@", "@i"):
                kinds[to] |= set(meant[place])
        for members in kinds.values():
            if 2 <= len(members) <= WIDEST:
                sisters |= {tuple(sorted(pair)) for pair in itertools.combinations(members, 2)}
    return same - opposite, opposite, sisters - same - opposite
