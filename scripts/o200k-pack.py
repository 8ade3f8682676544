#!/usr/bin/env python3
"""Packs the o200k_base rank file into src/account/count/o200k.bin.

Usage: scripts/o200k-pack.py o200k_base.tiktoken [src/account/count/o200k.bin]
It needs the package brotli.

The rank file (MIT, OpenAI) is the one in the `assets` folder of the crate `tiktoken-rs`; after
`cargo fetch` it lies in Cargo's registry folder. Each of its lines is `base64(token) rank`.

Packed form: all tokens in rank order, byte 0xFF between two neighbours, as one brotli
stream. 0xFF never occurs in UTF-8, so the only token that holds it is the single byte itself,
which is written as an empty one.
"""

import base64
import sys

import brotli

SEPARATOR = b"\xff"


def main(source, target="src/account/count/o200k.bin"):
    with open(source, "rb") as lines:
        rows = [line.split() for line in lines if line.strip()]
    tokens = [base64.b64decode(token) for token, _ in rows]
    if [int(rank) for _, rank in rows] != list(range(len(rows))):
        sys.exit("the ranks must be 0, 1, 2 ... without a gap")
    if [token for token in tokens if SEPARATOR in token] != [SEPARATOR]:
        sys.exit("byte 0xFF must occur in one token only, alone")
    plain = SEPARATOR.join(b"" if token == SEPARATOR else token for token in tokens)
    packed = brotli.compress(plain, mode=brotli.MODE_TEXT, quality=11, lgwin=22)
    with open(target, "wb") as out:
        out.write(packed)
    print(f"{len(tokens)} tokens, {len(plain)} bytes plain, {len(packed)} packed")


if __name__ == "__main__":
    main(*sys.argv[1:])
