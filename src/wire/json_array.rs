//! A JSON array that arrives in pieces: cut into its elements, or written element by element.
//!
//! Gemini streams its replies so unless it is asked for server-sent events. Only brackets, quotes
//! and commas are followed here; whether an element is sound JSON is for its reader to say.

use memchr::memchr2;

/// Why a stream is not an array of elements within the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// An element had more bytes than the limit, which is given.
    TooLong(usize),
    /// A byte stood where it may not; given is what was expected there.
    Malformed(&'static str),
    /// The stream ended before the array did.
    Unfinished,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong(limit) => write!(f, "expected an element of at most {limit} bytes"),
            Self::Malformed(expected) => write!(f, "expected {expected}"),
            Self::Unfinished => write!(f, "expected the end of the array"),
        }
    }
}

impl std::error::Error for Error {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the array's opening bracket.
    Start,
    /// Just inside it.
    Opened,
    /// After a comma.
    Comma,
    /// In an element that is an array or object, this many brackets deep.
    Nested(usize),
    /// In a string, with this many brackets around it.
    Text(usize),
    /// Just after a backslash in such a string.
    Escape(usize),
    /// In a number or a word.
    Scalar,
    /// After an element.
    Element,
    /// After the array's closing bracket.
    Closed,
    /// After an error, which is repeated for good.
    Failed(Error),
}

/// Cuts an array into its elements, however the bytes arrive.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    state: State,
    /// The start of an element that is not whole yet.
    carry: Vec<u8>,
}

impl Parser {
    /// A parser that refuses elements of more than `limit` bytes, and never holds more.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, state: State::Start, carry: Vec::new() }
    }

    /// How many bytes wait for the rest of their element.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.carry.len()
    }

    /// Takes the next bytes and delivers the text of each element they complete.
    ///
    /// # Errors
    /// If an element is too long, or the text is not an array; elements before that place have
    /// been delivered. The error is final.
    pub fn push(&mut self, chunk: &[u8], mut on: impl FnMut(&[u8])) -> Result<(), Error> {
        let result = self.advance(chunk, &mut on);
        if let Err(error) = result {
            self.state = State::Failed(error);
            self.carry = Vec::new();
        }
        result
    }

    /// The stream has ended; there is never a last element left to deliver.
    ///
    /// # Errors
    /// If the array has not; an element that was cut off is not delivered.
    pub fn finish(&self) -> Result<(), Error> {
        match self.state {
            State::Closed => Ok(()),
            State::Failed(error) => Err(error),
            _ => Err(Error::Unfinished),
        }
    }

    fn advance(&mut self, chunk: &[u8], on: &mut impl FnMut(&[u8])) -> Result<(), Error> {
        let mut at = 0;
        // Where in this chunk the current element begins, or goes on.
        let mut start = 0;
        while let Some(&byte) = chunk.get(at) {
            if let State::Text(depth) = self.state {
                let rest = chunk.get(at..).unwrap_or_default();
                let Some(length) = memchr2(b'"', b'\\', rest) else {
                    break;
                };
                at += length + 1;
                self.state = match rest.get(length) {
                    Some(b'\\') => State::Escape(depth),
                    _ => State::Nested(depth),
                };
                if self.state == State::Nested(0) {
                    self.deliver(chunk.get(start..at), on)?;
                }
                continue;
            }
            if self.state == State::Scalar && matches!(byte, b',' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
                self.deliver(chunk.get(start..at), on)?;
            }
            let before = self.state;
            self.state = before.after(byte)?;
            if matches!(before, State::Opened | State::Comma) && self.state != before {
                start = at;
            }
            at += 1;
            if self.state == State::Nested(0) {
                self.deliver(chunk.get(start..at), on)?;
            }
        }
        if let State::Nested(_) | State::Text(_) | State::Escape(_) | State::Scalar = self.state {
            let rest = chunk.get(start..).unwrap_or_default();
            if self.carry.len() + rest.len() > self.limit {
                return Err(Error::TooLong(self.limit));
            }
            self.carry.extend_from_slice(rest);
        }
        Ok(())
    }

    fn deliver(&mut self, piece: Option<&[u8]>, on: &mut impl FnMut(&[u8])) -> Result<(), Error> {
        let piece = piece.unwrap_or_default();
        if self.carry.len() + piece.len() > self.limit {
            return Err(Error::TooLong(self.limit));
        }
        self.state = State::Element;
        if self.carry.is_empty() {
            on(piece);
        } else {
            self.carry.extend_from_slice(piece);
            on(&self.carry);
            self.carry.clear();
        }
        Ok(())
    }
}

impl State {
    /// What one byte does, outside of plain string text. `Nested(0)` says that an element ended.
    fn after(self, byte: u8) -> Result<Self, Error> {
        let space = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        match (self, byte) {
            (Self::Start | Self::Opened | Self::Comma | Self::Element | Self::Closed, _) if space => Ok(self),
            (Self::Start, b'[') => Ok(Self::Opened),
            (Self::Start, _) => Err(Error::Malformed("an array")),
            (Self::Opened | Self::Element, b']') => Ok(Self::Closed),
            (Self::Element, b',') => Ok(Self::Comma),
            (Self::Element, _) => Err(Error::Malformed("a comma or ]")),
            (Self::Opened | Self::Comma, b'{' | b'[') => Ok(Self::Nested(1)),
            (Self::Opened | Self::Comma, b'"') => Ok(Self::Text(0)),
            (Self::Opened | Self::Comma, b'-' | b'0'..=b'9' | b'a'..=b'z') => Ok(Self::Scalar),
            (Self::Opened | Self::Comma, _) => Err(Error::Malformed("a value")),
            (Self::Nested(depth), b'{' | b'[') => Ok(Self::Nested(depth + 1)),
            (Self::Nested(depth), b'}' | b']') => Ok(Self::Nested(depth.saturating_sub(1))),
            (Self::Nested(depth), b'"') | (Self::Escape(depth), _) => Ok(Self::Text(depth)),
            (Self::Closed, _) => Err(Error::Malformed("the end of the text")),
            (Self::Failed(error), _) => Err(error),
            (Self::Nested(_) | Self::Text(_) | Self::Scalar, _) => Ok(self),
        }
    }
}

/// Writes a streamed array, each part as soon as it is known.
#[derive(Debug, Default)]
pub struct Writer {
    opened: bool,
}

impl Writer {
    /// Appends an element, which is JSON text, and what must come before it.
    pub fn element(&mut self, out: &mut Vec<u8>, json: &[u8]) {
        out.extend_from_slice(if self.opened { b",\r\n" } else { b"[" });
        self.opened = true;
        out.extend_from_slice(json);
    }

    /// Appends the end of the array; with no element written it is an empty one.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.opened { b"]" } else { b"[]" });
    }
}

#[cfg(test)]
mod tests;
