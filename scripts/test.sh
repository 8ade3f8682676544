#!/usr/bin/env bash
# Runs everything that must hold. Sets up what is missing; may be run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/path.sh
started=$SECONDS
binary="${CARGO_TARGET_DIR:-$PWD/target}/debug/tollgate"
step() { echo; echo "== $1 ($((SECONDS - started)) s)"; }

step "setting up"
scripts/setup.sh tests
step "format"
cargo fmt --check
step "lints (the first time takes some minutes)"
cargo clippy --locked --all-targets -- -D warnings
step "build"
cargo build --locked
step "tests: units, translation, black box, tidy, examples, fuzz corpus, pairs of questions"
TOLLGATE_PAIRS=$(scripts/pairs.sh)
export TOLLGATE_PAIRS
# The machine has a server of Redis by now; without one its tests would only say so.
export TOLLGATE_NEED_REDIS=1
cargo test --locked
step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet
step "the vendors' SDKs against the demo"
tests/sdk/run.sh "$binary"
step "the dashboard in Chromium"
tests/board/run.sh "$binary"
step "a short load test"
TOLLGATE_BIN="$binary" loadtest/run.sh smoke
step "done: everything holds"
