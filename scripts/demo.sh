#!/usr/bin/env bash
# Builds Tollgate and runs the demo: the gateway and a fake provider, no keys needed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/path.sh
scripts/setup.sh
echo "building (the first time takes some minutes)"
cargo build --locked
exec cargo run --quiet --locked -- demo "$@"
