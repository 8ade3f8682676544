//! JSON values that arrive in pieces, one a line (`application/x-ndjson`).
//!
//! Ollama streams its answers so. Only line ends are followed here; whether a line is sound JSON is
//! for its reader to say. JSON itself never holds a bare line end between two values of a stream, and
//! inside a string it is escaped.

use memchr::memchr;

/// A line was longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTooLong {
    /// The most bytes that one line may have.
    pub limit: usize,
}

impl std::fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected a line of at most {} bytes", self.limit)
    }
}

impl std::error::Error for LineTooLong {}

/// Cuts a stream of bytes into lines, however the bytes arrive. Blank lines are passed over.
///
/// After an error the parser has lost its place and refuses everything.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    /// The start of a line that is not whole yet.
    carry: Vec<u8>,
    failed: bool,
}

impl Parser {
    /// A parser that refuses lines of more than `limit` bytes, and never holds more.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, carry: Vec::new(), failed: false }
    }

    /// How many bytes wait for the end of their line.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.carry.len()
    }

    /// Takes the next bytes and delivers each line they complete, without its end.
    ///
    /// # Errors
    /// If a line is longer than the limit; those before it have been delivered.
    pub fn push(&mut self, chunk: &[u8], mut on: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        if self.failed {
            return self.too_long();
        }
        let mut rest = chunk;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if self.carry.len() + line.len() > self.limit {
                return self.too_long();
            }
            if self.carry.is_empty() {
                deliver(line, &mut on);
            } else {
                self.carry.extend_from_slice(line);
                deliver(&self.carry, &mut on);
                self.carry.clear();
            }
        }
        if self.carry.len() + rest.len() > self.limit {
            return self.too_long();
        }
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    /// The stream has ended: delivers what is left as a last line.
    ///
    /// # Errors
    /// If an earlier push failed.
    pub fn finish(&mut self, mut on: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        if self.failed {
            return self.too_long();
        }
        deliver(&std::mem::take(&mut self.carry), &mut on);
        Ok(())
    }

    fn too_long<T>(&mut self) -> Result<T, LineTooLong> {
        self.failed = true;
        self.carry = Vec::new();
        Err(LineTooLong { limit: self.limit })
    }
}

fn deliver(line: &[u8], on: &mut impl FnMut(&[u8])) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        on(line);
    }
}

/// Appends one line. What passes as it came may be spread over several; between the tokens of JSON,
/// the only place where it can have line ends, a space means the same.
pub fn write(out: &mut Vec<u8>, f: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    f(out);
    super::sse::in_one_line(out.get_mut(start..).unwrap_or_default());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut parser, mut lines) = (Parser::new(16), Vec::new());
        let mut keep = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
        for piece in pieces {
            parser.push(piece, &mut keep).unwrap();
        }
        parser.finish(&mut keep).unwrap();
        lines
    }

    #[test]
    fn lines_are_the_same_however_their_bytes_arrive() {
        const TEXT: &[u8] = b"{\"a\":1}\r\n\n  {\"b\":2}\n{\"c\":3}";
        let whole = lines(&[TEXT]);
        assert_eq!(whole, ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        for at in 0..TEXT.len() {
            let (head, tail) = TEXT.split_at(at);
            assert_eq!(lines(&[head, tail]), whole, "cut at {at}");
        }
        assert_eq!(lines(&TEXT.chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn a_line_past_the_limit_is_refused_for_good() {
        let mut parser = Parser::new(4);
        let mut seen = 0;
        assert!(parser.push(b"1234\n12345", |_| seen += 1).is_err());
        assert!(parser.push(b"1\n", |_| seen += 1).is_err());
        assert!(parser.finish(|_| seen += 1).is_err());
        assert_eq!(seen, 1);
    }

    #[test]
    fn what_is_written_stands_in_one_line() {
        let mut out = Vec::new();
        write(&mut out, |out| out.extend_from_slice(b"{\n \"a\":\r\n1}"));
        assert_eq!(out, b"{  \"a\":  1}\n");
    }
}
