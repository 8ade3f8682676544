#!/usr/bin/env python3
"""Distils a sentence encoder to one short vector a word: src/cache/semantic/words/vectors.bin.

Usage: scripts/distill/distill.py TEACHER WORDNET SCOWL HALF WHOLE
TEACHER is the folder of all-MiniLM-L6-v2's files, WORDNET that of WordNet's `data.*` and `index.sense`, SCOWL
that of its lists. `run.sh` beside this gets all three. WHOLE is written with all that is known; HALF, by which the
scorer is taught (`teach.py`), without every second pair of alike.txt.

1. Each base of a common English word goes through the teacher, alone and in two short questions; so does what may be
   an ending of one, and has a vector of its own if the teacher thinks otherwise of it.
2. Principal components bring 384 numbers to DIMENSIONS.
3. Words that mean the same are drawn together, opposites and others of one kind pushed apart, as
   WordNet and alike.txt and unlike.txt tell, and all others held where they are: a teacher's vectors say what
   words are about, and the cache must know which may stand for one another.
4. Each number becomes one of sixteen steps.

Packed form, as one brotli stream: the number of words that dictionary.bin calls common (4 bytes, small end
first), one bit for each of them that tells whether it has a vector, and how many have (4 bytes); then of each how
rare its word is (one byte) and its numbers, two in a byte, the first in the lower half; then pairs of opposites,
each as the places of its two words among those with a vector (2 bytes each, small end first).
"""

import importlib
import itertools
import os
import struct
import sys

import brotli
import numpy as np

import vocabulary
import wordnet
from teacher import Teacher

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
dictionary = importlib.import_module("dictionary-pack")

WORDS = os.path.join(HERE, "../../src/cache/semantic/words")
DIMENSIONS = 64
SAYINGS = ("{}", "what is {}?", "how do i {}?")
# How alike (as a cosine) words that mean the same should be at least, opposites and others of one kind at most.
SAME, OPPOSITE, SISTER, UNLIKE = 0.9, 0.1, 0.4, 0.25
# An ending that is less like its base than this is a word of its own: *morning* is not *morn*.
ENDING = 0.6
# How strongly a word holds to its place, and how often all are moved.
HOLD, ROUNDS, STEP = 0.3, 300, 0.05


def groups(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as lines:
        return [line.split() for line in lines if not line.startswith("#")]


def pairs(lines, known):
    found = set()
    for words in lines:
        for one, other in itertools.combinations(words, 2):
            if one != other and one in known and other in known:
                found.add(tuple(sorted((one, other))))
    return found


def taught(model, own, endings):
    """The words that have a vector, in order, and their vectors: of endings those of which the teacher thinks
    otherwise than of what they are an ending of."""
    words = sorted({*own, *endings})
    vectors = compressed(sum(model.encode([saying.format(word) for word in words]) for saying in SAYINGS))
    places = {word: at for at, word in enumerate(words)}
    apart = {word for word, of in endings.items()
             if all(vectors[places[word]] @ vectors[places[base]] < ENDING for base in of if base in places)}
    chosen = [word for word in words if word not in endings or word in apart]
    return chosen, vectors[[places[word] for word in chosen]]


def compressed(vectors):
    """The vectors in fewer dimensions, those that tell most."""
    middle = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh((middle.T @ middle).astype(np.float64))
    short = (middle @ axes[:, ::-1][:, :DIMENSIONS]).astype(np.float32)
    return short / np.linalg.norm(short, axis=1, keepdims=True)


def fitted(start, wanted):
    """The vectors, moved until pairs are as alike as is wanted, as far as they let themselves be moved.

    `wanted` has for each kind its pairs, how alike they should be, and whether that is the least or the most.
    """
    now = start.copy()
    first, second = np.zeros_like(now), np.zeros_like(now)
    gathered = [gathering(places) for places, _, _ in wanted]
    for turn in range(1, ROUNDS + 1):
        slope = HOLD * (now - start)
        for (places, target, least), (order, words, starts) in zip(wanted, gathered):
            one, other = now[places[:, 0]], now[places[:, 1]]
            alike = (one * other).sum(axis=1)
            wrong = alike < target if least else alike > target
            pull = np.where(wrong, -1.0 if least else 1.0, 0.0).astype(np.float32)[:, None]
            pulls = np.concatenate([pull * other, pull * one])
            slope[words] += np.add.reduceat(pulls[order], starts)
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope * slope
        now = now - STEP * (first / (1 - 0.9 ** turn)) / (np.sqrt(second / (1 - 0.99 ** turn)) + 1e-3)
        now /= np.linalg.norm(now, axis=1, keepdims=True)
    return now.astype(np.float32)


def gathering(places):
    """How what pulls at the two words of each pair is summed for each word."""
    ends = np.concatenate([places[:, 0], places[:, 1]])
    order = np.argsort(ends, kind="stable")
    words, starts = np.unique(ends[order], return_index=True)
    return order, words, starts


def stepped(vectors):
    """The numbers as steps, of which the widest of each vector is the last. Lengths are not told: all are one."""
    widest = np.abs(vectors).max(axis=1, keepdims=True)
    return np.clip(np.floor(vectors / widest * 8) + 8, 0, 15).astype(np.uint8)


def packed(common, chosen, ranks, vectors, opposites):
    places = {word: at for at, word in enumerate(chosen)}
    bits = np.packbits(np.array([word in places for word in common], dtype=np.uint8), bitorder="little")
    steps = stepped(vectors)
    rare = np.array([[min(ranks.get(word, len(ranks)) >> 7, 255)] for word in chosen])
    rows = np.concatenate([rare, steps[:, 0::2] | steps[:, 1::2] << 4], axis=1).astype(np.uint8)
    ends = b"".join(struct.pack("<HH", places[one], places[other]) for one, other in sorted(opposites))
    plain = struct.pack("<I", len(common)) + bits.tobytes() + struct.pack("<I", len(chosen)) + rows.tobytes() + ends
    return brotli.compress(plain, quality=11, lgwin=24)


def made(common, ranks, chosen, start, folder, kept_back):
    """The packed vectors, made without these pairs of words that mean the same."""
    places = {word: at for at, word in enumerate(chosen)}
    apart = pairs(groups("unlike.txt"), places)
    own = pairs(groups("alike.txt"), places) - apart
    same, opposites, sisters = wordnet.relations(folder, chosen)
    sisters -= same | own | apart
    same = (same - apart | own) - kept_back
    told = {"the same": same, "opposite": opposites, "unlike": apart, "of one kind": sisters,
            "kept back": own & kept_back}
    coded = {name: np.array([[places[one], places[other]] for one, other in sorted(found)])
             for name, found in told.items() if found}
    vectors = fitted(start, [
        (coded["the same"], SAME, True),
        (coded["opposite"], OPPOSITE, False),
        (coded["unlike"], UNLIKE, False),
        (coded["of one kind"], SISTER, False),
    ])
    for name, at in coded.items():
        before, after = ((of[at[:, 0]] * of[at[:, 1]]).sum(axis=1) for of in (start, vectors))
        print(f"{len(at)} pairs {name}: {np.percentile(before, [10, 50, 90]).round(2)} -> "
              f"{np.percentile(after, [10, 50, 90]).round(2)}")
    stream = packed(common, chosen, ranks, vectors, opposites)
    print(f"{len(chosen)} words of {len(common)}, {len(stream)} bytes")
    return stream


def main(teacher, folder, scowl, half, whole):
    common = vocabulary.common(os.path.join(WORDS, "dictionary.bin"))
    model = Teacher(teacher)
    alike = groups("alike.txt")
    own = {word for words in alike + groups("unlike.txt") for word in words}
    small = dictionary.read(scowl, dictionary.WORDS, (10, 20)) | own
    chosen, start = taught(model, *vocabulary.choose(common, model.vocabulary, small))
    for target, kept_back in ((half, pairs(alike[1::2], set(chosen))), (whole, set())):
        with open(target, "wb") as out:
            out.write(made(common, model.vocabulary, chosen, start, folder, kept_back))


if __name__ == "__main__":
    main(*sys.argv[1:])
