#!/bin/sh
# Measures what the gateway costs against a Pingora proxy without logic and against nginx.
#
#   loadtest/overhead.sh                      all of it, about eight minutes; see overhead.py
#   loadtest/overhead.sh --rounds 1 --only json
#   loadtest/overhead.sh --pairs 'responses to *' '* to converse'     other clients and providers
#   PROFILE=release loadtest/overhead.sh      with the profile that is shipped; default: fast
#
# wrk and nginx are installed with apt where that is possible. Without wrk nothing can be measured,
# without nginx its rows are left out. Numbers count only on a machine that does nothing else.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/loadtest/build.sh"
. "$root/loadtest/need.sh"

if ! need wrk wrk; then
    echo "wrk is missing: install the package wrk (https://github.com/wg/wrk)." >&2
    exit 1
fi
# Its rows are left out where it cannot be had.
need nginx nginx-light || true

binary=$(build_tollgate)
echo "building the bare proxy with the profile $profile" >&2
(cd "$root" && cargo build --quiet --locked --profile "$profile" --example bare_proxy) >&2
exec python3 "$root/loadtest/overhead.py" \
    --binary "$binary" --bare "$(built)/examples/bare_proxy" --profile "$profile" "$@"
