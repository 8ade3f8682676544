//! Expressions for bytes that may be no text.

use std::ops::Range;

use crate::Error;
use crate::known::{Known, Spans};

/// An expression for bytes.
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

    /// Where it matches first, with its groups.
    #[must_use]
    pub fn captures<'h>(&self, bytes: &'h [u8]) -> Option<Captures<'h>> {
        self.captures_iter(bytes).next()
    }

    /// All its matches, one behind the other.
    #[must_use]
    pub const fn captures_iter<'h>(&self, bytes: &'h [u8]) -> CaptureMatches<'h> {
        CaptureMatches { known: self.0, bytes, from: 0 }
    }
}

/// The matches of an expression.
#[derive(Debug, Clone)]
pub struct CaptureMatches<'h> {
    known: Known,
    bytes: &'h [u8],
    from: usize,
}

impl<'h> Iterator for CaptureMatches<'h> {
    type Item = Captures<'h>;

    fn next(&mut self) -> Option<Captures<'h>> {
        let spans = self.known.search(self.bytes, self.from)?;
        // None of the four matches nothing at all.
        self.from = spans.first()?.as_ref()?.end;
        Some(Captures { known: self.known, bytes: self.bytes, spans })
    }
}

/// The groups of a match.
#[derive(Debug, Clone)]
pub struct Captures<'h> {
    known: Known,
    bytes: &'h [u8],
    spans: Spans,
}

impl<'h> Captures<'h> {
    /// A group by its number, of which the match itself has 0.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Match<'h>> {
        let span = self.spans.get(number)?.clone()?;
        Some(Match { bytes: self.bytes.get(span.clone())?, span })
    }

    /// A group by its name.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<Match<'h>> {
        self.get(self.known.number(name)?)
    }
}

/// A piece that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match<'h> {
    bytes: &'h [u8],
    span: Range<usize>,
}

impl<'h> Match<'h> {
    /// The piece.
    #[must_use]
    pub const fn as_bytes(&self) -> &'h [u8] {
        self.bytes
    }

    /// Where it begins.
    #[must_use]
    pub const fn start(&self) -> usize {
        self.span.start
    }

    /// Just past its end.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.span.end
    }
}
