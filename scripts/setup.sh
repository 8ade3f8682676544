#!/bin/sh
# What a build needs beyond Rust itself: a C compiler and cmake, for zlib. Safe to run again.
#
#   scripts/setup.sh          what a build needs
#   scripts/setup.sh tests    Python for the SDK suite and the load tests, too
set -eu

missing=''
command -v cc >/dev/null || missing='gcc libc6-dev'
command -v cmake >/dev/null || missing="$missing cmake"
command -v make >/dev/null || command -v ninja >/dev/null || missing="$missing make"
if [ "${1:-}" = tests ]; then
    python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3 python3-venv"
fi
[ -z "$missing" ] && exit 0

as_root=''
[ "$(id -u)" = 0 ] || as_root=sudo
if ! command -v apt-get >/dev/null || { [ -n "$as_root" ] && ! command -v sudo >/dev/null; }; then
    echo "Please install$(printf ' %s' $missing) with your system's package manager, then run this again." >&2
    exit 1
fi
echo "installing:$(printf ' %s' $missing)" >&2
$as_root apt-get update -q >/dev/null
# shellcheck disable=SC2086
$as_root apt-get install -y -q --no-install-recommends $missing >/dev/null
