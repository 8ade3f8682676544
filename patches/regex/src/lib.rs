//! Stands in place of the crate of this name, of which Pingora uses four fixed expressions. An engine
//! for any expression weighs half a megabyte with its tables; this knows the four by their text and
//! refuses any other. `tests/patched.rs` holds it to a real engine.

use std::fmt;
use std::ops::Range;

pub mod bytes;
mod known;

use known::{Known, Spans};

/// An expression that is none of the four.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this build knows Pingora's own expressions only, and not {}", self.0)
    }
}

impl std::error::Error for Error {}

/// An expression for texts.
#[derive(Debug, Clone)]
pub struct Regex(Known);

impl Regex {
    /// One of the four.
    ///
    /// # Errors
    /// For any other.
    pub fn new(text: &str) -> Result<Self, Error> {
        Known::of(text).map(Self)
    }

    /// Where it matches first.
    #[must_use]
    pub fn find<'h>(&self, text: &'h str) -> Option<Match<'h>> {
        self.captures(text)?.get(0)
    }

    /// The same with its groups.
    #[must_use]
    pub fn captures<'h>(&self, text: &'h str) -> Option<Captures<'h>> {
        let spans = self.0.search(text.as_bytes(), 0)?;
        Some(Captures { known: self.0, text, spans })
    }
}

/// The groups of a match in a text.
#[derive(Debug, Clone)]
pub struct Captures<'h> {
    known: Known,
    text: &'h str,
    spans: Spans,
}

impl<'h> Captures<'h> {
    /// A group by its number, of which the match itself has 0.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Match<'h>> {
        let span = self.spans.get(number)?.clone()?;
        Some(Match { text: self.text.get(span.clone())?, span })
    }

    /// A group by its name.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<Match<'h>> {
        self.get(self.known.number(name)?)
    }
}

/// A piece of a text that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match<'h> {
    text: &'h str,
    span: Range<usize>,
}

impl<'h> Match<'h> {
    /// The piece.
    #[must_use]
    pub const fn as_str(&self) -> &'h str {
        self.text
    }

    /// Where it is.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.span.clone()
    }
}
