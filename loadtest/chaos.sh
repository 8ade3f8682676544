#!/bin/sh
# A provider that fails in every way under load, with and without another one behind it: how many requests
# get no answer, whether each that gets none is told so in its own dialect, and how long the slowest took.
#
#   loadtest/chaos.sh          each way for five seconds; results are kept under loadtest/results
#   loadtest/chaos.sh smoke    each way for one second, nothing kept
#
# PROFILE names the Cargo profile (default: fast), TOLLGATE_BIN a binary that is built already. The status
# is not 0 if any client was told something wrong, waited too long, or was failed although another provider
# could have answered.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/loadtest/build.sh"

k6=$("$root/loadtest/install-k6.sh")
binary=$(build_tollgate)
exec python3 "$root/loadtest/chaos.py" --k6 "$k6" --binary "$binary" "$@"
