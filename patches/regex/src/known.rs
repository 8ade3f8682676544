//! The four expressions, each as the few steps that it stands for.

use std::ops::Range;

use crate::Error;

/// Where a match and its groups lie.
pub(crate) type Spans = [Option<Range<usize>>; 3];

/// Which of the expressions it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// A request's first line, whose address may hold what it must not.
    RequestLine,
    /// A directive of `cache-control`.
    Directive,
    /// A kind of content that is worth packing.
    Packable,
    /// One part of a `range`.
    Part,
}

/// As Pingora spells them.
const TEXTS: [(&str, Known); 4] = [
    (r"^\w+ (?P<uri>.+) HTTP/\d(?:\.\d)?", Known::RequestLine),
    (
        r#"(?-u)(?:^|(?:\s*[,;]\s*))([^\x00-\x20\(\)<>@,;:\\"/\[\]\?=\{\}\x7F]+)(?:=((?:[^\x00-\x20\(\)<>@,;:\\"/\[\]\?=\{\}\x7F]+|(?:"(?:[^"\\]|\\.)*"))))?"#,
        Known::Directive,
    ),
    (
        r"^(?:text/|application/|font/|image/(?:x-icon|svg\+xml|nd\.microsoft\.icon)|binary/octet-stream)",
        Known::Packable,
    ),
    (r"(?i)^\s*(?P<start>\d*)-(?P<end>\d*)\s*$", Known::Part),
];

impl Known {
    pub(crate) fn of(text: &str) -> Result<Self, Error> {
        let found = TEXTS.iter().find(|(known, _)| *known == text);
        found.map(|(_, known)| *known).ok_or_else(|| Error(text.to_owned()))
    }

    /// The number of a group that has a name.
    pub(crate) fn number(self, name: &str) -> Option<usize> {
        match (self, name) {
            (Self::RequestLine, "uri") | (Self::Part, "start") => Some(1),
            (Self::Part, "end") => Some(2),
            _ => None,
        }
    }

    /// The first match that begins at `from` or behind it.
    pub(crate) fn search(self, bytes: &[u8], from: usize) -> Option<Spans> {
        match self {
            Self::Directive => directive(bytes, from),
            // The others match at the beginning or nowhere.
            _ if from > 0 => None,
            Self::RequestLine => request_line(bytes),
            Self::Packable => packable(bytes),
            Self::Part => part(bytes),
        }
    }
}

/// How much of this is text, up to the end of its line.
fn line(bytes: &[u8]) -> &str {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

fn request_line(bytes: &[u8]) -> Option<Spans> {
    const VERSION: &str = " HTTP/";
    let line = line(bytes);
    let method = line.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    let rest = line.get(method..)?.strip_prefix(' ').filter(|_| method > 0)?;
    let start = method + 1;
    let digit = |at: usize| rest.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let versions = rest.rmatch_indices(VERSION).map(|(at, _)| at);
    // The last version ends the address; an address is not empty.
    let at = versions.filter(|at| *at > 0).find(|at| digit(at + VERSION.len()))?;
    let mut end = at + VERSION.len() + 1;
    if rest.as_bytes().get(end) == Some(&b'.') && digit(end + 1) {
        end += 2;
    }
    Some([Some(0..start + end), Some(start..start + at), None])
}

/// What a name or a plain value is made of.
fn is_token(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

/// How many bytes from here on are such.
fn run(bytes: &[u8], at: usize, is_such: fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| !is_such(*byte)).unwrap_or(rest.len())
}

fn directive(bytes: &[u8], from: usize) -> Option<Spans> {
    if from == 0
        && let Some(found) = directive_at(bytes, 0, 0)
    {
        return Some(found);
    }
    let places = bytes.iter().enumerate().skip(from);
    let delimiters = places.filter(|(_, byte)| matches!(byte, b',' | b';'));
    delimiters.map(|(at, _)| at).find_map(|at| {
        let name = at + 1 + run(bytes, at + 1, is_space);
        directive_at(bytes, at, name)
    })
}

/// A directive whose name begins here, with the delimiter before it. White space in front of that is
/// left out of the match, of which nobody asks where it begins.
fn directive_at(bytes: &[u8], start: usize, name: usize) -> Option<Spans> {
    let length = run(bytes, name, is_token);
    if length == 0 {
        return None;
    }
    let end = name + length;
    let value = if bytes.get(end) == Some(&b'=') { value(bytes, end + 1) } else { None };
    let whole = start..value.as_ref().map_or(end, |value| value.end);
    Some([Some(whole), Some(name..end), value])
}

fn value(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if bytes.get(at) != Some(&b'"') {
        let length = run(bytes, at, is_token);
        return (length > 0).then_some(at..at + length);
    }
    let mut end = at + 1;
    loop {
        match *bytes.get(end)? {
            b'"' => return Some(at..end + 1),
            b'\\' if *bytes.get(end + 1)? == b'\n' => return None,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

fn packable(bytes: &[u8]) -> Option<Spans> {
    const KINDS: [&str; 7] = [
        "text/",
        "application/",
        "font/",
        "image/x-icon",
        "image/svg+xml",
        "image/nd.microsoft.icon",
        "binary/octet-stream",
    ];
    let kind = KINDS.iter().find(|kind| bytes.starts_with(kind.as_bytes()))?;
    Some([Some(0..kind.len()), None, None])
}

fn part(bytes: &[u8]) -> Option<Spans> {
    let text = std::str::from_utf8(bytes).ok()?;
    let start = text.len() - text.trim_start().len();
    let inside = text.trim();
    let dash = inside.find('-')?;
    let (first, last) = (inside.get(..dash)?, inside.get(dash + 1..)?);
    let counts = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let end = start + inside.len();
    let spans = [Some(0..text.len()), Some(start..start + dash), Some(start + dash + 1..end)];
    (counts(first) && counts(last)).then_some(spans)
}
