//! The HTTP/1.1 the mock needs, and no more: a request borrowed from the read buffer, and its body.

use std::str;

/// The largest request body taken, in bytes.
pub(super) const MAX_BODY: usize = 64 << 20;
const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 96;

/// One request, borrowed from the connection's buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// Name and value; a value that is not UTF-8 reads as empty.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The first header of this name, trimmed.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// The first query parameter of this name, undecoded.
    pub(super) fn param(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The token of an `Authorization: Bearer` header.
    pub(super) fn bearer(&self) -> Option<&'a str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// This many bytes follow the head.
    Length(usize),
    /// Chunks follow the head.
    Chunked,
}

/// What the connection must know of a request before its body is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// Length of the head in bytes, with its empty line.
    pub(super) len: usize,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    /// HTTP/1.1, so the answer may be chunked.
    pub(super) chunks: bool,
    pub(super) expect: bool,
}

/// Why a request cannot be read; the connection answers with the status and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    Syntax,
    TooLarge,
}

/// Reads the head at the start of `buf`; `None` while it is not complete.
pub(super) fn head(buf: &[u8]) -> Result<Option<Head>, Bad> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut slots);
    let len = match parsed.parse(buf) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if buf.len() < MAX_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) => return Err(Bad::TooLarge),
        Err(_) => return Err(Bad::Syntax),
    };
    let mut head = Head {
        len,
        framing: Framing::Length(0),
        keep_alive: parsed.version == Some(1),
        chunks: parsed.version == Some(1),
        expect: false,
    };
    for header in parsed.headers.iter() {
        let value = str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            let length: usize = value.parse().map_err(|_| Bad::Syntax)?;
            if length > MAX_BODY {
                return Err(Bad::TooLarge);
            }
            if head.framing != Framing::Chunked {
                head.framing = Framing::Length(length);
            }
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(Bad::Syntax);
            }
            head.framing = Framing::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") {
            head.keep_alive = match value {
                _ if value.eq_ignore_ascii_case("close") => false,
                _ if value.eq_ignore_ascii_case("keep-alive") => true,
                _ => head.keep_alive,
            };
        } else if header.name.eq_ignore_ascii_case("expect") {
            head.expect = value.eq_ignore_ascii_case("100-continue");
        }
    }
    Ok(Some(head))
}

/// Lends the request in `head` (complete, as [`head`] found) with `body` to `then`.
pub(super) fn lend<T>(head: &[u8], body: &[u8], then: impl FnOnce(Request<'_>) -> T) -> Result<T, Bad> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut slots);
    parsed.parse(head).map_err(|_| Bad::Syntax)?;
    let mut headers = [("", ""); MAX_HEADERS];
    let mut count = 0;
    for (to, from) in headers.iter_mut().zip(parsed.headers.iter()) {
        *to = (from.name, str::from_utf8(from.value).unwrap_or_default());
        count += 1;
    }
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(then(Request {
        method: parsed.method.unwrap_or("GET"),
        path,
        query,
        headers: headers.get(..count).unwrap_or_default(),
        body,
    }))
}

/// Undoes chunked transfer coding, step by step as bytes arrive.
#[derive(Debug, Default)]
pub(super) struct Dechunk {
    pub(super) body: Vec<u8>,
    pos: usize,
}

impl Dechunk {
    /// Takes what it can of `buf` (the same bytes and more at each call, from the end of the head).
    /// Answers how long the coded body was once its last chunk and trailers are there.
    pub(super) fn feed(&mut self, buf: &[u8]) -> Result<Option<usize>, Bad> {
        loop {
            let rest = buf.get(self.pos..).unwrap_or_default();
            let (line, size) = match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete(found)) => found,
                Ok(httparse::Status::Partial) => return Ok(None),
                Err(_) => return Err(Bad::Syntax),
            };
            let size = usize::try_from(size).map_err(|_| Bad::TooLarge)?;
            if size == 0 {
                return Ok(trailers(rest.get(line..).unwrap_or_default()).map(|len| self.pos + line + len));
            }
            if size > MAX_BODY - self.body.len().min(MAX_BODY) {
                return Err(Bad::TooLarge);
            }
            let Some(chunk) = rest.get(line..line + size) else {
                return Ok(None);
            };
            match rest.get(line + size..line + size + 2) {
                Some(b"\r\n") => {}
                Some(_) => return Err(Bad::Syntax),
                None => return Ok(None),
            }
            self.body.extend_from_slice(chunk);
            self.pos += line + size + 2;
        }
    }
}

/// The length of the trailer section with its empty line, once that is there.
fn trailers(rest: &[u8]) -> Option<usize> {
    let mut len = 0;
    loop {
        let line = rest.get(len..)?.iter().position(|byte| *byte == b'\n')? + 1;
        len += line;
        if line <= 2 {
            return Some(len);
        }
    }
}

/// The reason phrase of the statuses the mock uses.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Overloaded",
        _ => "Unknown",
    }
}
