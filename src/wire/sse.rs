//! Server-sent events: an incremental parser that copies only what a chunk cuts in half.
//!
//! The rules are WHATWG's (<https://html.spec.whatwg.org/multipage/server-sent-events.html>),
//! bent once: a last frame whose blank line never came is delivered all the same, because vendors
//! forget it. Each frame carries its exact bytes, so a stream that passes through unchanged is
//! the frames one after another.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One frame: the lines up to and including a blank one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The type of the event, if the frame names one.
    pub event: Option<&'a str>,
    /// The id of the event, if the frame has one.
    pub id: Option<&'a str>,
    /// The data lines, joined by line feeds; borrowed when there is only one.
    pub data: Cow<'a, [u8]>,
    /// The exact bytes of the frame, with its blank line and its comments.
    pub raw: &'a [u8],
    /// Whether the frame has no data line at all: a keep-alive, or only an id or a retry time.
    pub comment_only: bool,
}

/// A frame was longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameTooLong {
    /// The most bytes that one frame may have.
    pub limit: usize,
}

impl std::fmt::Display for FrameTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected an event of at most {} bytes", self.limit)
    }
}

impl std::error::Error for FrameTooLong {}

/// Cuts a stream of bytes into frames, however the bytes arrive.
///
/// After an error the parser has lost its place and refuses everything.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    /// The start of a frame that is not whole yet.
    carry: Vec<u8>,
    search: Search,
    /// No frame was delivered yet, so a byte order mark may come.
    first: bool,
    failed: bool,
}

impl Parser {
    /// A parser that refuses frames of more than `limit` bytes, and holds no more than that and
    /// one byte.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, carry: Vec::new(), search: Search::default(), first: true, failed: false }
    }

    /// How many bytes wait for the rest of their frame.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.carry.len()
    }

    /// Takes the next bytes and delivers each frame they complete.
    ///
    /// # Errors
    /// If a frame is longer than the limit; those before it have been delivered.
    pub fn push(&mut self, chunk: &[u8], mut on: impl FnMut(Frame<'_>)) -> Result<(), FrameTooLong> {
        if self.failed {
            return self.too_long();
        }
        let mut rest = self.complete(chunk, &mut on)?;
        if rest.is_empty() {
            return Ok(());
        }
        // Here nothing is carried, so whole frames are slices of the chunk.
        while let Some((frame, after)) = plain(rest).filter(|(frame, _)| frame.raw.len() <= self.limit) {
            on(frame);
            self.first = false;
            rest = after;
        }
        while let Some(end) = self.search.end_of_frame(rest, self.first) {
            let Some((frame, after)) = rest.split_at_checked(end) else {
                break;
            };
            if end > self.limit {
                return self.too_long();
            }
            on(read(frame, self.first));
            self.next_frame();
            rest = after;
        }
        if rest.len() > self.limit {
            return self.too_long();
        }
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    /// The stream has ended: delivers what is left as a last frame.
    ///
    /// # Errors
    /// If an earlier push failed.
    pub fn finish(&mut self, mut on: impl FnMut(Frame<'_>)) -> Result<(), FrameTooLong> {
        if self.failed {
            return self.too_long();
        }
        if !self.carry.is_empty() {
            on(read(&self.carry, self.first));
            self.carry = Vec::new();
            self.next_frame();
        }
        Ok(())
    }

    /// Adds to the carried frame until it is whole, and returns what is left of the chunk.
    ///
    /// Only up to the next line end at a time, so that the frames after it are not copied too.
    fn complete<'c>(
        &mut self,
        mut chunk: &'c [u8],
        on: &mut impl FnMut(Frame<'_>),
    ) -> Result<&'c [u8], FrameTooLong> {
        while !self.carry.is_empty() && !chunk.is_empty() {
            let line = match self.carry.last() {
                Some(b'\r') => 1,
                _ => memchr2(b'\n', b'\r', chunk).map_or(chunk.len(), |end| end + 1),
            };
            // The byte after a carriage return may turn out to belong to the next frame.
            if self.carry.len() + line > self.limit.saturating_add(1) {
                return self.too_long();
            }
            let (line, after) = chunk.split_at(line);
            self.carry.extend_from_slice(line);
            let end = self.search.end_of_frame(&self.carry, self.first);
            if end.unwrap_or(self.carry.len()) > self.limit {
                return self.too_long();
            }
            let Some(end) = end else {
                chunk = after;
                continue;
            };
            on(read(self.carry.get(..end).unwrap_or_default(), self.first));
            let surplus = self.carry.len() - end;
            let used = line.len().saturating_sub(surplus);
            chunk = chunk.get(used..).unwrap_or_default();
            self.carry.clear();
            self.next_frame();
        }
        Ok(chunk)
    }

    fn next_frame(&mut self) {
        self.search = Search::default();
        self.first = false;
    }

    fn too_long<T>(&mut self) -> Result<T, FrameTooLong> {
        self.failed = true;
        self.carry = Vec::new();
        Err(FrameTooLong { limit: self.limit })
    }
}

/// How far the search for the end of a frame has come, so that no byte is looked at twice.
#[derive(Debug, Default)]
struct Search {
    /// Up to here there is no line end that was not seen.
    at: usize,
    /// Where the line that `at` is in begins.
    line: usize,
    /// Whether the line before ended in a carriage return alone.
    bare: bool,
}

impl Search {
    /// Where the frame at the start of `bytes` ends, if it does.
    ///
    /// A carriage return at the very end may be half of a line end, so it waits for one more byte.
    /// But not when it is a blank line after a bare carriage return: a server that ends lines so
    /// would have each event arrive late. The line feed that might yet follow is then a frame of
    /// its own, with no data, wherever the chunks are cut.
    fn end_of_frame(&mut self, bytes: &[u8], first: bool) -> Option<usize> {
        loop {
            let rest = bytes.get(self.at..)?;
            let Some(length) = memchr2(b'\n', b'\r', rest) else {
                self.at = bytes.len();
                return None;
            };
            self.at += length;
            let end = self.at;
            let line = bytes.get(self.line..end)?;
            let blank = line.is_empty() || (first && self.line == 0 && line == BOM);
            let next = bytes.get(end + 1);
            if bytes.get(end) == Some(&b'\n') {
                self.bare = false;
                self.at = end + 1;
            } else if blank && self.bare {
                self.at = end + 1;
            } else if next == Some(&b'\n') {
                self.bare = false;
                self.at = end + 2;
            } else if next.is_some() {
                self.bare = true;
                self.at = end + 1;
            } else {
                return None;
            }
            self.line = self.at;
            if blank {
                return Some(self.at);
            }
        }
    }
}

/// The frame at the start of `bytes`, if it is whole and written as nearly all are: perhaps a name,
/// one line of data, a blank one. And what comes after it.
fn plain(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (event, rest) = match bytes.strip_prefix(b"event: ") {
        None => (None, bytes),
        Some(name) => {
            let (name, rest) = line(name)?;
            (Some(std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?), rest)
        }
    };
    let (data, rest) = line(rest.strip_prefix(b"data: ")?)?;
    let (_, after) = line(rest).filter(|(blank, _)| blank.is_empty())?;
    let raw = bytes.get(..bytes.len() - after.len())?;
    Some((Frame { event, id: None, data: Cow::Borrowed(data), raw, comment_only: false }, after))
}

/// The line at the start of `bytes` if a line feed ends it, and what comes after.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, end) = bytes.split_at_checked(memchr2(b'\n', b'\r', bytes)?)?;
    match end {
        [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => Some((line, after)),
        _ => None,
    }
}

/// Reads the fields of one whole frame.
fn read(raw: &[u8], first: bool) -> Frame<'_> {
    let mut frame = Frame { event: None, id: None, data: Cow::Borrowed(&[]), raw, comment_only: true };
    let mut rest = raw;
    if first {
        rest = rest.strip_prefix(BOM).unwrap_or(rest);
    }
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        rest = after;
        let (name, value) = split_field(line);
        match name {
            b"data" => {
                if frame.comment_only {
                    frame.data = Cow::Borrowed(value);
                    frame.comment_only = false;
                } else {
                    let data = frame.data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            }
            b"event" => {
                frame.event = std::str::from_utf8(value).ok().filter(|name| !name.is_empty());
            }
            b"id" if !value.contains(&0) => frame.id = std::str::from_utf8(value).ok(),
            _ => {}
        }
    }
    frame
}

/// The first line without its end, and what comes after.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some(end) = memchr2(b'\n', b'\r', bytes) else {
        return (bytes, &[]);
    };
    let (line, rest) = bytes.split_at(end);
    let rest = match rest {
        [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
        [] => rest,
    };
    (line, rest)
}

/// Name and value of a line; a comment has the empty name.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(colon) = memchr(b':', line) else {
        return (line, &[]);
    };
    let (name, value) = line.split_at(colon);
    let value = match value {
        [_, b' ', value @ ..] | [_, value @ ..] => value,
        [] => value,
    };
    (name, value)
}

/// Appends one event; data of several lines becomes several data lines.
pub fn write(out: &mut Vec<u8>, event: Option<&str>, data: &[u8]) {
    out.reserve(event.map_or(0, |event| event.len() + 8) + data.len() + 8);
    if let Some(event) = event {
        let (event, _) = split_line(event.as_bytes());
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event);
        out.push(b'\n');
    }
    let mut rest = data;
    while let Some(end) = memchr2(b'\n', b'\r', rest) {
        let (line, after) = rest.split_at(end);
        write_data_line(out, line);
        rest = match after {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
            [] => after,
        };
    }
    write_data_line(out, rest);
    out.push(b'\n');
}

/// Takes the line ends out of JSON that is to stand in one line of an event. Between tokens, the
/// only place where JSON can have them, a space means the same.
pub fn in_one_line(json: &mut [u8]) {
    for byte in json {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

fn write_data_line(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(line);
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
