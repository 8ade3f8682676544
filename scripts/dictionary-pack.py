#!/usr/bin/env python3
"""Packs English word lists into src/cache/semantic/words/dictionary.bin.

Usage: scripts/dictionary-pack.py FOLDER [src/cache/semantic/words/dictionary.bin]
It needs the package brotli.

FOLDER holds the lists of SCOWL as Debian's package `scowl` (2020.12.07) lays them out, in
/usr/share/dict/scowl. Their copyright notice, which must stay with what is made of them, is in
src/cache/semantic/words/dictionary.txt.

Packed form: words of small letters in order, each as one byte (48 + how many letters it shares with
the word before) and the rest of it, as one brotli stream. A full stop in place of a word's rest, with
a shared length of nothing, ends the common words; rarer words and names follow in the same form.
"""

import os
import re
import sys

import brotli

WORDS = ("english-words", "american-words", "british-words")
NAMES = ("english-upper", "english-proper-names", "american-upper", "american-proper-names",
         "british-upper", "british-proper-names")
COMMON = (10, 20, 35, 40, 50)
RARE = (55, 60)
LONGEST_SHARED = 31
FIRST = ord("0")


def read(folder, kinds, levels):
    found = set()
    for kind in kinds:
        for level in levels:
            path = os.path.join(folder, f"{kind}.{level}")
            if os.path.exists(path):
                with open(path, encoding="latin-1") as lines:
                    found |= {line.strip().lower() for line in lines}
    return {word for word in found if re.fullmatch("[a-z]+", word)}


def coded(words):
    before, out = "", bytearray()
    for word in sorted(words):
        shared = len(os.path.commonprefix([before, word])[:LONGEST_SHARED])
        out += bytes([FIRST + shared]) + word[shared:].encode()
        before = word
    return bytes(out)


def main(folder, target="src/cache/semantic/words/dictionary.bin"):
    common = read(folder, WORDS, COMMON)
    rare = (read(folder, WORDS, RARE) | read(folder, NAMES, COMMON)) - common
    if not common or not rare:
        sys.exit("no lists found there")
    plain = coded(common) + b"0." + coded(rare)
    packed = brotli.compress(plain, quality=11, lgwin=22)
    with open(target, "wb") as out:
        out.write(packed)
    print(f"{len(common)} common words, {len(rare)} rarer ones and names, {len(packed)} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
