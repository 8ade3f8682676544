//! Gives the static binary for x86-64 better ways to copy memory than musl has; see
//! `native/memory.c`. Other targets are built without anything native of ours.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the environment and the standard output are how Cargo and a build script talk"
)]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=native/memory.c");
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("CARGO_CFG_TARGET_ARCH", "x86_64") {
        cc::Build::new()
            .file("native/memory.c")
            .opt_level(2)
            // It is what the compiler's own calls end in, so none may be put into it.
            .flag("-ffreestanding")
            .flag("-fno-builtin")
            .flag_if_supported("-fno-tree-loop-distribute-patterns")
            .compile("tollgate_memory");
    }
}
