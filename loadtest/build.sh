# Sourced by the scripts beside it, with `root` set: builds what they measure.

profile=${PROFILE:-fast}

# Where Cargo puts what it builds with this profile.
built() {
    folder=$profile
    [ "$profile" = dev ] && folder=debug
    echo "${CARGO_TARGET_DIR:-$root/target}/$folder"
}

# Prints the path of the binary.
build_tollgate() {
    if [ -n "${TOLLGATE_BIN:-}" ]; then
        echo "$TOLLGATE_BIN"
        return
    fi
    echo "building tollgate with the profile $profile" >&2
    (cd "$root" && cargo build --quiet --locked --profile "$profile" --bin tollgate) >&2
    echo "$(built)/tollgate"
}
