#!/bin/sh
# What a build needs beyond Rust itself: a C compiler and cmake, for zlib. Safe to run again.
#
#   scripts/setup.sh          what a build needs
#   scripts/setup.sh tests    what scripts/test.sh needs: rustfmt, clippy, Python, Chromium and Redis, too
#   scripts/setup.sh static   what scripts/build-static.sh needs: a compiler for musl, too
set -eu

say() { echo "$*" >&2; }

# Rust. Its usual folder is not on the PATH of every shell; a toolchain of the system may have
# brought what rustup would add.
. "$(dirname -- "$0")/path.sh"
if ! command -v cargo >/dev/null; then
    say "cargo is missing: install Rust (https://rustup.rs), then run this again."
    exit 1
fi
if [ "${1:-}" = tests ]; then
    for component in rustfmt clippy; do
        cargo "${component#rust}" --version >/dev/null 2>&1 && continue
        say "installing: $component"
        if ! command -v rustup >/dev/null || ! rustup component add "$component" >&2; then
            say "$component is missing: install it as Rust itself was, then run this again."
            exit 1
        fi
    done
fi

# The system's packages. A compiler without the C library's headers links nothing.
missing=''
echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - 2>/dev/null || missing='gcc libc6-dev'
command -v cmake >/dev/null || missing="$missing cmake"
command -v make >/dev/null || command -v ninja >/dev/null || missing="$missing make"
if [ "${1:-}" = tests ]; then
    python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3 python3-venv"
    [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
        command -v google-chrome >/dev/null || missing="$missing chromium"
    # The tools hold the server as well, and start no service.
    command -v redis-check-rdb >/dev/null || command -v valkey-server >/dev/null || missing="$missing redis-tools"
fi
if [ "${1:-}" = static ]; then
    command -v musl-gcc >/dev/null || missing="$missing musl-tools"
fi
[ -n "$missing" ] || exit 0
missing=$(printf ' %s' $missing)

as_root=''
[ "$(id -u)" = 0 ] || as_root=sudo
if ! command -v apt-get >/dev/null; then
    say "Please install (these are Debian's names)$missing, then run this again."
    exit 1
fi
if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
    say "Please run, as root: apt-get install$missing; then run this again."
    exit 1
fi

# Quiet when it goes well; otherwise all that apt has said. Waits for another apt to end.
apt() {
    said=$($as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null 2>&1) || {
        echo "$said" >&2
        return 1
    }
}
say "installing:$missing"
# A source that does not answer need not be the one that has these packages.
apt update || say "apt's lists are not up to date; trying with those that are here"
# shellcheck disable=SC2086
apt install -y --no-install-recommends $missing || {
    say "apt could not install$missing: install them yourself, then run this again."
    exit 1
}
