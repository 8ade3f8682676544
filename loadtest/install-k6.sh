#!/bin/sh
# Puts k6 into loadtest/.bin, unless a k6 is there or on the PATH. Prints the path of the one to use
# as its last line on standard output; progress goes to standard error.
set -eu

VERSION=v1.8.1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
own="$here/.bin/k6"

if [ -x "$own" ] && "$own" version 2>/dev/null | grep -q "$VERSION"; then
    echo "$own"
    exit 0
fi
if found=$(command -v k6); then
    echo "$found"
    exit 0
fi
if ! command -v go >/dev/null; then
    echo "k6 is missing: install k6 (https://k6.io), or Go 1.25 or newer so that this script can build it." >&2
    exit 1
fi

echo "building k6 $VERSION with $(go env GOVERSION); the first time takes some minutes" >&2
# Below everything else that runs, since the compiler takes all cores.
GOBIN="$here/.bin" CGO_ENABLED=0 nice go install -ldflags '-s -w' "go.k6.io/k6@$VERSION"
"$own" version >&2
echo "$own"
