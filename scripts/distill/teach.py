#!/usr/bin/env python3
"""Teaches the scorer of the cache's mode `balanced`, on pairs of questions written for this project.

Usage: scripts/distill/teach.py pairs > PAIRS        writes the pairs, labelled
       scripts/distill/teach.py learn MEASURES RUST  learns from what the gateway measures of them
`run.sh` beside this does both, with the vectors made without half of alike.txt: the scorer is taught by
words that its vectors were never told of, as it will meet them.

The pairs are those of questions.txt, and frames with words in them: pairs kept back from the vectors ask the
same, those of unlike.txt do not, and neither do questions of which one has a word more.
"""

import itertools
import os
import sys
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FRAMES = (
    "How do I {} the old invoice in my account?", "Can I {} the ticket before the concert?",
    "What is the best {} for a small kitchen?", "Where can I find the {} of my contract?",
    "Which {} do I need for the garden?", "How long does the {} take in Norway?",
    "Is the {} included in the monthly plan?", "Who pays for the {} in a shared house?",
    "How do I change the {} of my bicycle?", "Why is the {} of my printer so strange?",
    "How can I {} a large document on my tablet?", "Do you have a {} near the harbour?",
    "What does the {} of the engine do?", "How do I {} my neighbour about the fence?",
    "Should I {} the carpet before winter?", "How many people {} the museum each year?",
)
# Words that make a question another one when they are added to it.
ADDED = ("for students", "in Berlin", "at night", "for a business", "without a receipt", "by post", "for twins",
         "with a discount", "in winter", "after surgery")
# How often a pair weighs that asks something else, against one that asks the same.
WEIGHT = 8.0
# How strongly weights are held back.
PULL = 1e-3
# Of each measure whether more of it may speak for (1) or against (-1) the same question; 0 where it may do either.
SIGNS = (0, -1, -1, 1, -1, -1, 1, -1, -1, 1, 0)


def lines(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as found:
        return [line.rstrip("\n") for line in found if not line.startswith("#")]


def chance(*words):
    """A number that looks drawn and is always the same."""
    return zlib.crc32(" ".join(words).encode())


def pairs():
    for line in lines("questions.txt"):
        label, one, other = line.split(" | ")
        yield label, one, other
    unlike = {tuple(sorted(pair)) for line in lines("unlike.txt")
              for pair in itertools.combinations(line.split(), 2)}
    kept_back = {tuple(sorted(line.split())) for line in lines("alike.txt")[1::2]} - unlike
    for label, found, often in (("same", kept_back, 4), ("other", unlike, 2)):
        for one, other in sorted(found):
            frames = sorted(FRAMES, key=lambda frame: chance(frame, one, other))[:often]
            for frame in frames:
                yield label, frame.format(one), frame.format(other)
    for line in lines("questions.txt"):
        question = line.split(" | ")[1].rstrip("?")
        added = ADDED[chance(question) % len(ADDED)]
        yield "other", question + "?", f"{question} {added}?"
        yield from slips(question + "?")


def slips(question):
    """The same question with a slip of the fingers, or another article before what is known anyway."""
    words = question.rstrip("?").split()
    longest = max(words, key=len)
    if len(longest) >= 6 and longest.islower():
        at = 2 + chance(question) % (len(longest) - 4)
        swapped = longest[:at] + longest[at + 1] + longest[at] + longest[at + 2:]
        for slip in (swapped, longest[:at] + longest[at + 1:], longest[:at] + longest[at] + longest[at:]):
            yield "same", question, question.replace(longest, slip)
    if question.startswith("How do I "):
        for one, other in ((" a ", " my "), (" the ", " my "), (" my ", " a "), (" a ", " the ")):
            if question.count(one) == 1:
                yield "same", question, question.replace(one, other)


def fitted(rows, heavy, same):
    """The weights that tell best, by Newton's way: few steps, and no chance in them."""
    weights = np.zeros(rows.shape[1])
    for _ in range(60):
        likely = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (heavy * (likely - same)) / len(rows) + PULL * weights
        curve = (rows.T * (heavy * likely * (1 - likely))) @ rows / len(rows) + PULL * np.eye(len(weights))
        weights -= np.linalg.solve(curve, slope)
    return weights


def learn(measures, target):
    rows, labels, told = [], [], []
    with open(measures, encoding="utf-8") as found:
        for line in found:
            label, numbers, one, other = line.rstrip("\n").split("\t")
            if numbers:
                rows.append([float(number) for number in numbers.split()])
                labels.append(label == "same")
                told.append((one, other))
    rows, same = np.array(rows), np.array(labels)
    scale = np.maximum(np.abs(rows).max(axis=0), 1e-6)
    scaled, heavy = rows / scale, np.where(same, 1.0, WEIGHT)
    free = np.ones(rows.shape[1], dtype=bool)
    while True:
        weights = np.zeros(rows.shape[1])
        weights[free] = fitted(scaled[:, free], heavy, same)
        # No difference makes two questions more alike, whatever these pairs seem to say.
        wrong = free & (weights * np.array(SIGNS) < 0)
        if not wrong.any():
            break
        free[np.argmax(np.where(wrong, np.abs(weights), -1))] = False
    scores = scaled @ weights
    weights = weights / scale
    print(f"{same.sum()} the same, {(~same).sum()} others; weights {weights.round(3)}", file=sys.stderr)
    for bar in (0.0, 1.0, 2.0, 3.0, 4.0):
        print(f"above {bar}: {(scores[same] > bar).sum()} the same, {(scores[~same] > bar).sum()} others",
              file=sys.stderr)
    for at in np.argsort(-np.where(same, -99, scores))[:25]:
        print(f"  {scores[at]:.2f} {told[at]}", file=sys.stderr)
    numbers = ", ".join(f"{weight:.4f}" for weight in weights)
    with open(target, "w", encoding="utf-8") as out:
        out.write("//! What each measure weighs, as `scripts/distill/teach.py` learnt it. Not written by hand.\n\n"
                  "use super::measure::MEASURES;\n\n"
                  "/// The weights.\n"
                  f"pub(super) const WEIGHTS: [f32; MEASURES] = [{numbers}];\n")


if __name__ == "__main__":
    if sys.argv[1] == "pairs":
        for pair in pairs():
            print("\t".join(pair))
    else:
        learn(*sys.argv[2:])
