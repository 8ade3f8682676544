#!/usr/bin/env bash
# Drives the dashboard of the real binary in a real Chromium, without a window.
#
#   tests/board/run.sh [path of the tollgate binary] [arguments for unittest …]
#   tests/board/run.sh --pictures [path of the tollgate binary]     makes the pictures under docs/ anew
#
# The binary may also come from TOLLGATE_BIN; without either it is target/debug/tollgate. The browser
# is CHROMIUM, or a chromium on the path.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() {
  echo "board: $*" >&2
  exit 1
}

what=tests
if [ "${1:-}" = --pictures ]; then
  what=pictures
  shift
fi
binary=${1:-${TOLLGATE_BIN:-$here/../../target/debug/tollgate}}
[ $# -gt 0 ] && shift

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "these tests need Python 3.11 or newer: install python3"
[ -x "$binary" ] || fail "there is no binary at $binary: build it with cargo build, or name another one"
[ -n "${CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null ||
  fail "these tests need Chromium: run scripts/setup.sh tests, or install Debian's package chromium"

export TOLLGATE_BIN=$(realpath "$binary") PYTHONDONTWRITEBYTECODE=1
cd "$here"
if [ $what = pictures ]; then
  exec python3 pictures.py
fi
if [ $# -gt 0 ]; then
  exec python3 -m unittest "$@"
fi
exec python3 -m unittest discover --pattern 'test_*.py'
