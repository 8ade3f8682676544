//! The grammar of JSON at the level of tokens, shared by every reader in this room.
//!
//! Nothing here keeps track of where it is but for the offset. A failure is small, too, and
//! the caller turns it into an [`Error`](super::Error) with a path.

use std::borrow::Cow;

use super::quoted::{Quoted, clean_run};
use super::watch::Watch;

/// How many arrays and objects may be open at once, so that recursion is bounded.
pub(crate) const DEPTH: usize = 128;

/// A place and what was wrong there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flaw {
    pub(crate) offset: usize,
    pub(crate) reason: &'static str,
}

/// Checks that the whole source is UTF-8, once, so that no later step has to.
pub(crate) fn text(source: &[u8]) -> Result<&str, Flaw> {
    simdutf8::basic::from_utf8(source).or_else(|_| {
        std::str::from_utf8(source)
            .map_err(|error| Flaw { offset: error.valid_up_to(), reason: "expected UTF-8" })
    })
}

/// A position in a JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    watch: &'static Watch,
    seen: u64,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::watching(bytes, &Watch::NONE)
    }

    /// A scanner that notes which of these words it meets.
    pub(crate) fn watching(bytes: &'a [u8], watch: &'static Watch) -> Self {
        Self { bytes, at: 0, watch, seen: 0 }
    }

    /// The bits of the words that were met.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    #[cold]
    pub(crate) fn flaw<T>(&self, reason: &'static str) -> Result<T, Flaw> {
        Err(Flaw { offset: self.at, reason })
    }

    /// The next byte that is not white space, without taking it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes the byte that [`peek`](Self::peek) has just shown.
    #[inline]
    pub(crate) fn take(&mut self) {
        self.at += 1;
    }

    /// Nothing but white space may be left.
    pub(crate) fn end(&mut self) -> Result<(), Flaw> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.flaw("expected the end of the text"),
        }
    }

    /// Takes the opening bracket and says whether anything is inside.
    #[inline]
    pub(crate) fn open(&mut self, close: u8, depth: usize) -> Result<bool, Flaw> {
        if depth >= DEPTH {
            return self.flaw("nested too deeply");
        }
        self.take();
        if self.peek() == Some(close) {
            self.take();
            return Ok(false);
        }
        Ok(true)
    }

    /// After a value in an array or object: true if another one follows.
    #[inline]
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, Flaw> {
        match self.peek() {
            Some(b',') => {
                self.take();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.take();
                Ok(false)
            }
            _ if close == b']' => self.flaw("expected a comma or ]"),
            _ => self.flaw("expected a comma or }"),
        }
    }

    /// Takes a member's key and the colon after it.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Quoted, Flaw> {
        if self.peek() != Some(b'"') {
            return self.flaw("expected a key in quotes");
        }
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return self.flaw("expected a colon");
        }
        self.take();
        Ok(key)
    }

    /// Takes a string, at whose opening quote the scanner must stand.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Quoted, Flaw> {
        self.take();
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += clean_run(self.bytes.get(self.at..).unwrap_or_default());
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let end = self.at;
                    self.take();
                    self.seen |= self.watch.bits(self.bytes.get(start..end).unwrap_or_default());
                    return Ok(Quoted { start, end, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.flaw("unescaped control character in a string"),
                None => return self.flaw("unfinished string"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Flaw> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return self.flaw("invalid \\u escape");
                }
                self.at += 6;
                Ok(())
            }
            Some(_) => self.flaw("unknown escape"),
            None => self.flaw("unfinished string"),
        }
    }

    /// Takes a number, at whose first byte the scanner must stand.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<(), Flaw> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.take();
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.take();
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.take();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.take();
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.take();
            }
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return self.flaw("expected a digit");
        }
        Ok(())
    }

    /// Takes `true`, `false` or `null`.
    #[inline]
    pub(crate) fn word(&mut self, word: &'static [u8]) -> Result<(), Flaw> {
        if !self.bytes.get(self.at..).unwrap_or_default().starts_with(word) {
            return self.flaw("expected a value");
        }
        self.at += word.len();
        Ok(())
    }

    /// Takes a whole value inside `depth` open brackets, checking it but building nothing.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), Flaw> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => {
                let mut more = self.open(b'}', depth)?;
                while more {
                    self.key()?;
                    self.skip(depth + 1)?;
                    more = self.more(b'}')?;
                }
                Ok(())
            }
            Some(b'[') => {
                let mut more = self.open(b']', depth)?;
                while more {
                    self.skip(depth + 1)?;
                    more = self.more(b']')?;
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => {
                self.seen |= Watch::NULL;
                self.word(b"null")
            }
            _ => self.flaw("expected a value"),
        }
    }
}

/// One member of an outermost object, by position.
#[derive(Debug, Clone)]
pub(crate) struct Member<'a> {
    pub(crate) key: Cow<'a, str>,
    /// Just past the member before this one, or the opening brace.
    pub(crate) gap: usize,
    /// Of the opening quote of the key.
    pub(crate) start: usize,
    /// Just past the closing quote of the key.
    pub(crate) key_end: usize,
    /// Of the value's first byte.
    pub(crate) value: usize,
    /// Just past the value.
    pub(crate) end: usize,
}

/// Reads a whole text that must be one object, and gives the places of its members.
pub(crate) fn members<'a>(text: &'a str, watch: &'static Watch) -> Result<(Vec<Member<'a>>, u64), Flaw> {
    let mut scan = Scanner::watching(text.as_bytes(), watch);
    if scan.peek() != Some(b'{') {
        return scan.flaw("expected an object");
    }
    let mut members = Vec::new();
    let mut gap = scan.at() + 1;
    let mut more = scan.open(b'}', 0)?;
    if more {
        members.reserve(16);
    }
    while more {
        let key = scan.key()?;
        scan.peek();
        let value = scan.at();
        scan.skip(1)?;
        members.push(Member {
            key: key.decode(text),
            gap,
            start: key.start - 1,
            key_end: key.end + 1,
            value,
            end: scan.at(),
        });
        gap = scan.at();
        more = scan.more(b'}')?;
    }
    scan.end()?;
    match repeated(members.iter().map(|member| (&*member.key, member.value))) {
        Some(offset) => Err(duplicate(offset)),
        None => Ok((members, scan.seen())),
    }
}

/// The refusal of a key that came twice; `offset` is that of the later value.
pub(crate) fn duplicate(offset: usize) -> Flaw {
    Flaw { offset, reason: "duplicate key" }
}

/// The offset given with the second of two equal keys, if there are two.
pub(crate) fn repeated<'k>(keys: impl ExactSizeIterator<Item = (&'k str, usize)> + Clone) -> Option<usize> {
    // Every pair is the quickest way for a few keys, and a denial of service for many.
    if keys.len() <= 24 {
        let earlier = keys.clone();
        return keys.enumerate().find_map(|(index, (key, offset))| {
            let mut earlier = earlier.clone().take(index);
            earlier.any(|(other, _)| other == key).then_some(offset)
        });
    }
    let mut sorted: Vec<_> = keys.collect();
    sorted.sort_unstable();
    let twice = sorted.windows(2).filter_map(|pair| match pair {
        [(first, _), (second, offset)] if first == second => Some(*offset),
        _ => None,
    });
    twice.min()
}
