#!/bin/sh
# Load tests with k6 against a gateway and a fake provider that this starts on free loopback ports.
#
#   loadtest/run.sh            every scenario, 10 s each; results are kept under loadtest/results
#   loadtest/run.sh smoke      all of it in 10 s, nothing kept; for CI
#   loadtest/run.sh json idle  some of it; --help lists the scenarios and options
#
# PROFILE names the Cargo profile (default: fast), TOLLGATE_BIN a binary that is built already. The
# status is not 0 if a single request failed.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/loadtest/build.sh"
. "$root/loadtest/need.sh"

case " $* " in
    *" --help "* | *" -h "*) k6=none binary=none ;;
    *)
        case " $* " in
            # 10,000 idle streams want a provider that speaks HTTP/2, where files are few.
            *" smoke "*) ;;
            *) need nginx nginx-light || true ;;
        esac
        k6=$("$root/loadtest/install-k6.sh")
        binary=$(build_tollgate)
        ;;
esac
exec python3 "$root/loadtest/run.py" --k6 "$k6" --binary "$binary" "$@"
