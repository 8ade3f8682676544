#!/bin/sh
# Builds the static binary that the image ships, without Docker: no shared library, no libc of the
# system. Takes some minutes, for the whole program is optimised as one. Prints the binary's path.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
most=$((14 * 1024 * 1024))
machine=$(uname -m)
target=$machine-unknown-linux-musl

. "$root/scripts/path.sh"
"$root/scripts/setup.sh" static
# A toolchain that came without rustup must bring the target itself.
if command -v rustup >/dev/null; then
    rustup target add "$target" >&2
fi

export "CC_$(echo "$target" | tr - _)=musl-gcc"
echo "building for $target (takes some minutes)" >&2
(cd "$root" && cargo build --locked --release --target "$target" --bin tollgate) >&2

binary=${CARGO_TARGET_DIR:-$root/target}/$target/release/tollgate
size=$(wc -c <"$binary")
echo "$size bytes, $((size * 10 / 1048576 / 10)).$((size * 10 / 1048576 % 10)) MiB" >&2
if [ "$size" -gt "$most" ]; then
    echo "the binary is larger than the $((most / 1048576)) MiB that it should have" >&2
fi
# Alpine's and Debian's ldd word this differently; the dynamic section does not.
if command -v readelf >/dev/null; then
    if readelf -d "$binary" | grep -q NEEDED; then
        echo "the binary needs shared libraries:" >&2
        readelf -d "$binary" | grep NEEDED >&2
        exit 1
    fi
elif ldd "$binary" 2>/dev/null | grep -q '=>'; then
    echo "the binary needs shared libraries" >&2
    exit 1
fi
"$binary" --version >&2
echo "$binary"
