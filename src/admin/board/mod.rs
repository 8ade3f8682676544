//! The dashboard's files, which are part of the program: `build.rs` packs them together, and they are
//! unpacked when somebody first looks at them.

use std::io::Read as _;
use std::sync::OnceLock;

use flate2::read::DeflateDecoder;

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its media type.
    pub kind: &'static str,
    /// Its bytes.
    pub body: &'static [u8],
}

// `FILES`: the name of each file, and where it begins and ends in what is unpacked.
include!(concat!(env!("OUT_DIR"), "/board.rs"));

const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/board.packed"));

static UNPACKED: OnceLock<Vec<u8>> = OnceLock::new();

/// The file at this path; the page itself is at `/`.
#[must_use]
pub fn file(path: &str) -> Option<File> {
    let name = if path == "/" { "index.html" } else { path.strip_prefix('/')? };
    let &(_, start, end) = FILES.iter().find(|(known, ..)| *known == name)?;
    let body = UNPACKED.get_or_init(unpacked).get(start..end)?;
    Some(File { kind: kind(name), body })
}

/// All files, one after the other. What the build has packed is whole.
fn unpacked() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FILES.last().map_or(0, |&(.., end)| end));
    if DeflateDecoder::new(PACKED).read_to_end(&mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
