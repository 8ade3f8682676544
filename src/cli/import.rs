//! `tollgate import`: another gateway's configuration in our words.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cli::{complain, say};
use crate::config::import::{self, Imported};

/// The largest file that is read.
const LARGEST: u64 = 16 << 20;

/// What to import, and where to.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Whose configuration it is.
    gateway: Gateway,
    /// Its file: `LiteLLM`'s `config.yaml`, `GoModel`'s `.env`.
    file: PathBuf,
    /// Where to write; standard output when not said. A file that is there is not overwritten, and
    /// a new one is for its owner alone.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Gateway {
    /// A `config.yaml` of `LiteLLM`'s proxy.
    Litellm,
    /// A `.env` of `GoModel`'s.
    Gomodel,
}

/// Writes the configuration, and tells on standard error what has no counterpart.
pub(super) fn import(arguments: &Arguments) -> ExitCode {
    let path = &arguments.file;
    let name = path.display().to_string();
    let text = match read(path) {
        Ok(text) => text,
        Err(why) => {
            complain(&format!("{name}: {why}"));
            return ExitCode::FAILURE;
        }
    };
    let imported = match arguments.gateway {
        Gateway::Litellm => import::litellm(&name, &text),
        Gateway::Gomodel => import::gomodel(&name, &text),
    };
    let Some(Imported { yaml, notes }) = tell(imported) else { return ExitCode::FAILURE };
    let Some(output) = &arguments.output else {
        say(yaml.trim_end());
        return ExitCode::SUCCESS;
    };
    // Keys that stood in the other file stand in this one.
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(output);
    if let Err(error) = written.and_then(|mut file| file.write_all(yaml.as_bytes())) {
        complain(&format!("{}: cannot be written: {}", output.display(), error.kind()));
        return ExitCode::FAILURE;
    }
    let count = match notes.len() {
        0 => "all of it has a counterpart".to_owned(),
        1 => "1 thing has none, or not quite".to_owned(),
        count => format!("{count} things have none, or not quite"),
    };
    complain(&format!(
        "{} is written; {count}; `tollgate --config {} check` looks it over",
        output.display(),
        output.display()
    ));
    ExitCode::SUCCESS
}

/// Tells the notes; none where the file could not be read at all.
fn tell(imported: Imported) -> Option<Imported> {
    for note in &imported.notes {
        complain(&note.to_string());
    }
    imported.is_whole().then_some(imported)
}

fn read(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("cannot be read: {}", error.kind()))?.len();
    if length > LARGEST {
        return Err("is too large for a configuration".to_owned());
    }
    std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {}", error.kind()))
}
