# Sourced by the load tests: `need PROGRAM PACKAGE`.

# Installs a Debian package if its program is missing and we may.
need() {
    PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null && return
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "installing $2" >&2
        { apt-get update -q && apt-get install -y -q --no-install-recommends "$2"; } >/dev/null 2>&1 || true
    fi
    PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null
}
