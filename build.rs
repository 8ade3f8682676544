//! Packs the catalog, the schema of the configuration and the dashboard's files, and gives the static
//! binary for x86-64 better ways to copy memory than musl has; see `native/memory.c`. Other targets are
//! built without anything native of ours.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the environment and the standard output are how Cargo and a build script talk"
)]

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    memory();
    // Models' facts, whose lines are much alike, and the schema of the configuration.
    pack("src/catalog/data.txt", "catalog.packed")?;
    pack("src/config/file/schema.json", "schema.packed")?;
    board()
}

/// Packs one file, for the program to include.
fn pack(file: &str, packed: &str) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={file}");
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&fs::read(file)?)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join(packed), packer.finish()?)?;
    Ok(())
}

fn memory() {
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

/// Packs the files of `src/admin/board` into one, since they say much the same, and writes down where
/// each begins and ends.
fn board() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("src/admin/board");
    println!("cargo::rerun-if-changed={}", folder.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "rs"));
    paths.sort();
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
    let mut table = b"#[allow(clippy::unreadable_literal, reason = \"nobody wrote them\")]
        const FILES: &[(&str, usize, usize)] = &["
        .to_vec();
    let mut start = 0;
    for path in paths {
        let bytes = fs::read(&path)?;
        let end = start + bytes.len();
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a name that is no text")?;
        write!(table, "({name:?}, {start}, {end}),")?;
        packer.write_all(&bytes)?;
        start = end;
    }
    table.extend_from_slice(b"];");
    fs::write(out.join("board.packed"), packer.finish()?)?;
    fs::write(out.join("board.rs"), table)?;
    Ok(())
}
