//! AWS's binary event stream (`application/vnd.amazon.eventstream`), both ways: messages of named
//! headers and a payload, each held together by two checksums.
//!
//! The rules are Smithy's (<https://smithy.io/2.0/aws/amazon-eventstream.html>). A message is a
//! prelude (its whole length, the length of its headers, the prelude's CRC-32), the headers, the
//! payload, and the CRC-32 of all that. Numbers are big-endian. A message is delivered as soon as
//! its last byte is there, and only what a chunk cuts in half is copied.

#[cfg(test)]
mod tests;
mod write;

use thiserror::Error;

pub use write::{message, write};

/// The two lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const TAIL: usize = 4;
/// The least that a message can be: no headers, no payload.
const LEAST: usize = PRELUDE + TAIL;
/// The most bytes that the headers of one message may have, by the rules.
const MOST_HEADERS: usize = 128 << 10;

/// What is wrong with a stream of messages; the parser has lost its place after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Broken {
    /// A message says that it is longer than the limit.
    #[error("expected a message of at most {limit} bytes")]
    TooLong {
        /// The most bytes that one message may have.
        limit: usize,
    },
    /// The lengths of a message contradict each other or the rules.
    #[error("expected lengths that a message can have")]
    Lengths,
    /// A checksum is not that of the bytes before it.
    #[error("expected bytes that fit their checksum")]
    Checksum,
    /// The headers of a message are not what their lengths and types say.
    #[error("expected headers of known types")]
    Headers,
    /// The stream ended inside a message.
    #[error("expected the rest of a message")]
    Cut,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    headers: &'a [u8],
    payload: &'a [u8],
    raw: &'a [u8],
}

/// The value of one header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// One byte.
    Byte(i8),
    /// A whole number of two bytes.
    Short(i16),
    /// A whole number of four bytes.
    Int(i32),
    /// A whole number of eight bytes.
    Long(i64),
    /// Any bytes.
    Bytes(&'a [u8]),
    /// Words.
    Text(&'a str),
    /// A time, in milliseconds since 1970.
    Timestamp(i64),
    /// A unique number.
    Uuid([u8; 16]),
}

impl<'a> Message<'a> {
    /// The payload.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The exact bytes of the message.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        Headers { rest: self.headers }.filter_map(Result::ok)
    }

    /// The words of the header of this name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.headers().find_map(|(known, value)| match value {
            Value::Text(text) if known == name => Some(text),
            _ => None,
        })
    }

    /// What the message is by the headers that every service writes.
    #[must_use]
    pub fn kind(&self) -> Kind<'a> {
        let name = |header| self.text(header).unwrap_or_default();
        match self.text(":message-type") {
            Some("exception") => Kind::Exception(name(":exception-type")),
            Some("error") => Kind::Error { code: name(":error-code"), message: name(":error-message") },
            Some(_) | None => Kind::Event(name(":event-type")),
        }
    }
}

/// What a message is to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An event of this type.
    Event(&'a str),
    /// A failure that the service has a name for; the payload says more.
    Exception(&'a str),
    /// A failure that the service has no name for; the payload is empty.
    Error {
        /// Its code.
        code: &'a str,
        /// What it says to a human.
        message: &'a str,
    },
}

/// Cuts a stream of bytes into messages, however the bytes arrive.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    /// The start of a message that is not whole yet.
    carry: Vec<u8>,
    failed: Option<Broken>,
}

impl Parser {
    /// A parser that refuses messages of more than `limit` bytes, and holds no more than that.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, carry: Vec::new(), failed: None }
    }

    /// How many bytes wait for the rest of their message.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.carry.len()
    }

    /// Takes the next bytes and delivers each message that they complete.
    ///
    /// # Errors
    /// At the first message that breaks the rules; those before it have been delivered. The same
    /// error again from then on.
    pub fn push(&mut self, chunk: &[u8], on: impl FnMut(Message<'_>)) -> Result<(), Broken> {
        if let Some(broken) = self.failed {
            return Err(broken);
        }
        let taken = self.take(chunk, on);
        if let Err(broken) = taken {
            self.failed = Some(broken);
            self.carry = Vec::new();
        }
        taken
    }

    /// The stream has ended.
    ///
    /// # Errors
    /// When that cut a message in two, or an earlier push failed.
    pub fn finish(&self) -> Result<(), Broken> {
        match self.failed {
            Some(broken) => Err(broken),
            None if !self.carry.is_empty() => Err(Broken::Cut),
            None => Ok(()),
        }
    }

    fn take(&mut self, chunk: &[u8], mut on: impl FnMut(Message<'_>)) -> Result<(), Broken> {
        let mut rest = chunk;
        while !self.carry.is_empty() && !rest.is_empty() {
            // A message whose length is not known yet wants its prelude first.
            let wanted = self.length(&self.carry)?.unwrap_or(PRELUDE);
            let (more, after) = rest.split_at(wanted.saturating_sub(self.carry.len()).min(rest.len()));
            self.carry.extend_from_slice(more);
            rest = after;
            if self.length(&self.carry)? == Some(self.carry.len()) {
                on(read(&self.carry)?);
                self.carry.clear();
            }
        }
        while let Some(length) = self.length(rest)? {
            let Some((message, after)) = rest.split_at_checked(length) else { break };
            on(read(message)?);
            rest = after;
        }
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    /// The length of the message that these bytes begin with; none while its prelude is not whole.
    fn length(&self, bytes: &[u8]) -> Result<Option<usize>, Broken> {
        let Some((prelude, _)) = bytes.split_first_chunk::<PRELUDE>() else { return Ok(None) };
        let (lengths, crc) = prelude.split_at(PRELUDE - TAIL);
        if crc32fast::hash(lengths).to_be_bytes() != crc {
            return Err(Broken::Checksum);
        }
        let (length, headers) = (number(lengths), number(lengths.get(4..).unwrap_or_default()));
        if length > self.limit {
            return Err(Broken::TooLong { limit: self.limit });
        }
        if headers > MOST_HEADERS || length < LEAST || headers > length - LEAST {
            return Err(Broken::Lengths);
        }
        Ok(Some(length))
    }
}

/// Reads a whole message, whose prelude was checked before.
fn read(raw: &[u8]) -> Result<Message<'_>, Broken> {
    let (body, crc) = raw.split_last_chunk::<TAIL>().ok_or(Broken::Lengths)?;
    if crc32fast::hash(body) != u32::from_be_bytes(*crc) {
        return Err(Broken::Checksum);
    }
    let (prelude, rest) = body.split_at_checked(PRELUDE).ok_or(Broken::Lengths)?;
    let length = number(prelude.get(4..).unwrap_or_default());
    let (headers, payload) = rest.split_at_checked(length).ok_or(Broken::Lengths)?;
    if (Headers { rest: headers }).any(|header| header.is_err()) {
        return Err(Broken::Headers);
    }
    Ok(Message { headers, payload, raw })
}

/// The length that these bytes begin with.
fn number(bytes: &[u8]) -> usize {
    let number = bytes.first_chunk().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes));
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The headers of a message, one after another; stops at the first that is none.
struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<(&'a str, Value<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let header = self.header();
        if header.is_none() {
            self.rest = &[];
        }
        Some(header.ok_or(Broken::Headers))
    }
}

impl<'a> Headers<'a> {
    fn header(&mut self) -> Option<(&'a str, Value<'a>)> {
        let [length] = self.array()?;
        let name = std::str::from_utf8(self.bytes(usize::from(length))?).ok()?;
        let [kind] = self.array()?;
        let value = match kind {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Byte(i8::from_be_bytes(self.array()?)),
            3 => Value::Short(i16::from_be_bytes(self.array()?)),
            4 => Value::Int(i32::from_be_bytes(self.array()?)),
            5 => Value::Long(i64::from_be_bytes(self.array()?)),
            6 => Value::Bytes(self.sized()?),
            7 => Value::Text(std::str::from_utf8(self.sized()?).ok()?),
            8 => Value::Timestamp(i64::from_be_bytes(self.array()?)),
            9 => Value::Uuid(self.array()?),
            _ => return None,
        };
        Some((name, value))
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.array()?);
        self.bytes(usize::from(length))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*array)
    }
}
