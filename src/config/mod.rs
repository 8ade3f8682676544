//! The configuration: what a human wrote, in a file and in the environment, compiled into the
//! world that requests see.
//!
//! File and variables become one tree in which every value knows its place; references are
//! followed; the types of `file` read it; `compile` builds the [`Snapshot`]. Whatever is
//! wrong on the way is noted, and all of it is told at once. Only a whole, valid configuration
//! comes out.

mod compile;
mod effective;
mod environment;
mod file;
pub mod import;
mod problem;
mod process;
mod read;
mod reference;
#[cfg(test)]
mod tests;
mod tree;
mod yaml;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::DeflateDecoder;

use crate::policy::{Book, Bounds, Draft, Keyring};
use crate::snapshot::Snapshot;

pub use compile::{Stored, stored};
pub use effective::{Effective, Written};
pub use file::{LogFormat, LogLevel, Sync, WhenFull};
pub use problem::{Problem, Severity};
pub use process::{DiskTier, Ledger, LogLines, LogOutput, Otlp, OtlpForm, Process, RedisServer, SecondTiers};

use environment::Variables;
use file::File;
use problem::{Place, Problems};
use tree::{Node, Value};

/// The most bytes that a configuration file may have.
const MOST_BYTES: u64 = 16 << 20;

/// A whole, valid configuration.
#[derive(Debug)]
pub struct Compiled {
    /// What requests see; swapped in whole.
    pub snapshot: Snapshot,
    /// What the process was started with.
    pub process: Process,
    /// The file's virtual keys, which the snapshot has already; those of the store join them.
    pub keys: Keys,
    /// What was written, for whoever asks about it.
    pub written: Written,
    /// What looks mistaken but does no harm.
    pub warnings: Vec<Problem>,
}

/// The file's virtual keys and the rules of those to whom they belong.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The keys.
    pub drafts: Vec<Draft>,
    /// The limits and budgets of owners and labels.
    pub bounds: Bounds,
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The variables of the process.
    pub environment: BTreeMap<String, String>,
}

impl Sources {
    /// The file and the variables of this process; nothing else in the program reads them.
    /// Variables that are not Unicode are left out.
    #[must_use]
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { file, environment: std::env::vars_os().filter_map(text).collect() }
    }

    /// The folder that relative paths in the file start from; empty for the working directory.
    fn folder(&self) -> &Path {
        self.file.as_deref().and_then(Path::parent).unwrap_or_else(|| Path::new(""))
    }
}

/// Reads, checks and compiles the configuration; variables win over the file.
///
/// # Errors
/// Every problem that was found, in the order of the file, warnings among them.
pub fn load(sources: &Sources, generation: u64) -> Result<Compiled, Vec<Problem>> {
    let mut problems = Problems::default();
    let written = match &sources.file {
        Some(path) => read_yaml(path, &mut problems),
        None => Some(Node::new(&Place::Nowhere, Value::Null)),
    };
    compiled(sources, written, generation, problems)
}

/// What is wrong with a text as the configuration's file, warnings among it, in the order of the text.
#[must_use]
pub fn check(sources: &Sources, text: &str) -> Vec<Problem> {
    match compile_text(sources, text, 0) {
        Ok(compiled) => compiled.warnings,
        Err(problems) => problems,
    }
}

/// What a text comes to as the configuration's file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn compile_text(sources: &Sources, text: &str, generation: u64) -> Result<Compiled, Vec<Problem>> {
    let mut problems = Problems::default();
    let name = sources.file.as_deref().and_then(Path::file_name);
    let name = name.map_or_else(|| "configuration".into(), std::ffi::OsStr::to_string_lossy);
    let written = yaml::parse(&name, text, &mut problems);
    compiled(sources, written, generation, problems)
}

fn compiled(
    sources: &Sources,
    written: Option<Node>,
    generation: u64,
    mut problems: Problems,
) -> Result<Compiled, Vec<Problem>> {
    // Without the file, most of what else could be said would be wrong.
    let Some(mut written) = written else { return Err(problems.into_all()) };
    written.spell_out("admin", "listen");
    let variables = variables(sources, &written, &mut problems);
    let mut tree = written;
    environment::lay_over(&mut tree, &variables, &mut problems);
    reference::expand(&mut tree, &variables, sources.folder(), &mut problems);
    let written = tree.clone();
    let file: File = read::read(&mut tree, &mut problems);
    let source = compile::Source {
        file: &file,
        sound: &tree,
        written: &written,
        variables: &variables,
        folder: sources.folder(),
    };
    let (snapshot, process, keys) = compile::compile(&source, generation, &mut problems);
    problems.name_fields(&written);
    problems.mask(&written);
    let warnings = problems.into_warnings()?;
    // Whoever serves binds them again, to windows that last.
    let snapshot =
        snapshot.with_keys(Keyring::new(keys.drafts.iter().cloned(), &keys.bounds, &Arc::new(Book::new(1))));
    Ok(Compiled { snapshot, process, keys, written: Written::new(written), warnings })
}

/// The schema of the file, as JSON for editors; `build.rs` packs it.
#[must_use]
pub fn schema() -> String {
    let packed: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/schema.packed"));
    let mut text = String::new();
    // A test holds what is unpacked against the types.
    let _ = DeflateDecoder::new(packed).read_to_string(&mut text);
    text.truncate(text.trim_end().len());
    text
}

fn read_yaml(path: &Path, problems: &mut Problems) -> Option<Node> {
    let name = path.display().to_string();
    let text = read_text(path, &name, problems)?;
    yaml::parse(&name, &text, problems)
}

/// The variables of the process and those of the env files that they or the file name.
fn variables(sources: &Sources, written: &Node, problems: &mut Problems) -> Variables {
    let mut variables = Variables::of_process(&sources.environment);
    // What is wrong now is found again once the variables are complete.
    let mut ignored = Problems::default();
    let mut early = written.clone();
    environment::lay_over(&mut early, &variables, &mut ignored);
    reference::expand(&mut early, &variables, sources.folder(), &mut ignored);
    for name in read::read::<File>(&mut early, &mut ignored).env_files {
        let path = sources.folder().join(&name);
        if let Some(text) = read_text(&path, &name, problems) {
            variables.add_file(&name, &text, problems);
        }
    }
    variables
}

fn read_text(path: &Path, name: &str, problems: &mut Problems) -> Option<String> {
    let place = Place::File { name: name.into(), line: 0, column: 0 };
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) => Some(text),
        Err(error) => {
            problems.error(&place, reference::cannot_be_read(&error), None);
            None
        }
    }
}
