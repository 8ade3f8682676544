#!/bin/sh
# Load of every kind for some minutes: whether memory, files and threads are what they were, and nothing fails.
#
#   loadtest/soak.sh                 ten minutes; the result is kept under loadtest/results
#   loadtest/soak.sh --minutes 1     less; --body, --clients and --streams change the load, --help tells
#
# PROFILE names the Cargo profile (default: fast), TOLLGATE_BIN a binary that is built already. The status
# is not 0 if a request failed, or something grew beyond its bound.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/loadtest/build.sh"

binary=$(build_tollgate)
exec python3 "$root/loadtest/soak.py" --binary "$binary" "$@"
