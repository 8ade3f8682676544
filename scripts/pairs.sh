#!/usr/bin/env bash
# Gets the pairs of questions by which tests/semantic judges the cache, and prints where they are: those of
# fow-cache 0.1.0 (data CC BY 4.0, Mabon ap Gwyn), from the Python Package Index. May be run again.
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${CARGO_TARGET_DIR:-$PWD/target}/pairs"
pairs="$folder/fow_cache/data/pairs.jsonl"
if [ ! -s "$pairs" ]; then
    mkdir -p "$folder"
    [ -x "$folder/venv/bin/pip" ] || python3 -m venv "$folder/venv" >&2
    "$folder/venv/bin/pip" -q --disable-pip-version-check install --no-deps --upgrade --target "$folder" \
        fow-cache==0.1.0 >&2
fi
[ -s "$pairs" ] || { echo "fow-cache has no pairs at $pairs" >&2; exit 1; }
echo "$pairs"
