//! A strict JSON (RFC 8259) reader over borrowed bytes, and a writer that appends to a buffer.
//!
//! Translation needs three things at once that a general library does not give together: the
//! exact source text of any value (so unknown fields survive untouched), numbers kept as text (so
//! none changes on the way through), and errors that name the place in the client's own words.

mod counts;
mod path;
mod pretty;
mod quoted;
mod rewrite;
pub(in crate::wire) mod scan;
mod sift;
mod tree;
mod watch;
mod write;

use std::fmt;

pub use counts::Counts;
pub use pretty::pretty;
pub use rewrite::{Texts, rewrite};
pub use sift::{Path, Sift};
pub use tree::{Json, Kind, parse, prefix, string_prefix, validate};
pub use watch::Watch;
pub use write::{Array, Number, Object, array, object, string, write_number, write_string};

use scan::Flaw;
pub(in crate::wire) use tree::unsigned;

/// Why a text is not the JSON that was asked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The byte at which reading stopped.
    pub offset: usize,
    /// The value being read, such as `messages[2].content`; empty for the outermost value.
    pub path: String,
    /// What was wrong or expected, in lower case and without a full stop.
    pub reason: &'static str,
}

impl Error {
    /// Works out the path by walking the source again, so that only a failure pays for it.
    #[cold]
    pub(in crate::wire) fn locate(source: &[u8], flaw: Flaw) -> Self {
        Self { offset: flaw.offset, path: path::to(source, flaw.offset), reason: flaw.reason }
    }
}

/// The name of the value at a byte of a text that is JSON, such as `messages[2].content`.
#[must_use]
pub fn place_of(source: &[u8], offset: usize) -> String {
    path::to(source, offset)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.offset)?;
        if self.path.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.path)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
