//! What is not Rust: native code of the static binary, held to its plainest meaning.

#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;
use std::process::Command;

/// Runs one program, which must succeed; what it printed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("build tools are installed");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

#[test]
fn memory_is_copied_and_compared_as_by_the_plainest_loop() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (object, program) = (at("memory.o"), at("memory"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = |path: &str| root.join(path).to_string_lossy().into_owned();
    // As `build.rs` compiles it, but with names that leave this machine's own functions alone.
    let mut compile = vec!["-O2", "-ffreestanding", "-fno-builtin", "-fPIC", "-Wall", "-Werror", "-c"];
    let (ours, test) = (source("native/memory.c"), source("tests/native/memory.c"));
    compile.extend([ours.as_str(), "-o", &object]);
    run("cc", &compile);
    let renames =
        ["memmove", "memcpy", "memcmp", "bcmp"].map(|name| format!("--redefine-sym={name}=our_{name}"));
    let mut rename: Vec<_> = renames.iter().map(String::as_str).collect();
    rename.push(&object);
    run("objcopy", &rename);
    run("cc", &["-O1", "-fno-builtin", &test, &object, "-o", &program]);
    assert_eq!(run(&program, &[]), "as it should be\n");
}
