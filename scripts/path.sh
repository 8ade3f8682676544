# Sourced by the scripts beside it: finds the cargo that rustup put into its usual folder, which is
# on the PATH of login shells only.
if ! command -v cargo >/dev/null; then
    PATH="$PATH:${CARGO_HOME:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cargo}/bin"
    export PATH
fi
