//! The inside of JSON strings: finding what is special in it, and decoding escapes.

use std::borrow::Cow;

/// A string token: where its inside starts and ends, and whether it holds a backslash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoted {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) escaped: bool,
}

impl Quoted {
    /// Whether this token, of this source, stands for the given text.
    pub(crate) fn is(self, text: &str, source: &[u8]) -> bool {
        let inside = source.get(self.start..self.end).unwrap_or_default();
        if !self.escaped {
            return inside == text.as_bytes();
        }
        std::str::from_utf8(inside).is_ok_and(|inside| unescape(inside) == text)
    }

    /// The text this token stands for.
    pub(crate) fn decode(self, source: &str) -> Cow<'_, str> {
        let inside = source.get(self.start..self.end).unwrap_or_default();
        if self.escaped { Cow::Owned(unescape(inside)) } else { Cow::Borrowed(inside) }
    }
}

/// How many bytes from the start can stand in a JSON string as they are: no quote, backslash or
/// control character.
///
/// Keys, short strings and most lines of prose end within the first block; in long ones whole
/// blocks are tested by a loop without an early exit, which compiles to vector instructions.
#[inline]
pub(crate) fn clean_run(bytes: &[u8]) -> usize {
    let head = short_run(bytes.get(..BLOCK).unwrap_or(bytes));
    if head < BLOCK { head } else { long_run(bytes) }
}

const BLOCK: usize = 64;

#[inline(never)]
fn long_run(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let run = BLOCK * (1 + blocks.iter().skip(1).take_while(|block| !holds_special(block)).count());
    run + short_run(bytes.get(run..).unwrap_or_default())
}

fn holds_special(block: &[u8; BLOCK]) -> bool {
    let mut hits = 0;
    for byte in block {
        hits |= u8::from(*byte < 0x20) | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
    }
    hits != 0
}

fn special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The same, eight bytes at a time in plain integer arithmetic: a borrow can only spoil lanes
/// above a true hit, so the lowest hit is always exact.
#[inline]
fn short_run(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut run = 0;
    for word in words {
        if let Some(hit) = hit(*word) {
            return run + hit;
        }
        run += 8;
    }
    // What is left of a longer text is looked at as a whole word, with some of what was clean.
    match bytes.last_chunk::<8>() {
        Some(last) if !tail.is_empty() => hit(*last).map_or(bytes.len(), |hit| bytes.len() - 8 + hit),
        _ => run + tail.iter().position(|byte| special(*byte)).unwrap_or(tail.len()),
    }
}

/// The first special byte of a word.
#[inline]
fn hit(word: [u8; 8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    let quote = word ^ (ONES * 0x22);
    let slash = word ^ (ONES * 0x5c);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let slash = slash.wrapping_sub(ONES) & !slash;
    let hits = (control | quote | slash) & HIGH;
    (hits != 0).then(|| (hits.trailing_zeros() / 8) as usize)
}

/// Decodes the inside of a string whose escapes were checked; a surrogate without its other half
/// becomes U+FFFD, because Rust text cannot hold one.
fn unescape(mut rest: &str) -> String {
    let mut text = String::with_capacity(rest.len());
    while let Some(run) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (clean, escape) = rest.split_at(run);
        text.push_str(clean);
        let (decoded, length) = match escape.as_bytes().get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => unicode(escape),
            Some(plain) => (char::from(*plain), 2),
            None => break,
        };
        text.push(decoded);
        rest = escape.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

/// The character of a `\uXXXX`, or of two that make a surrogate pair, and the bytes it took.
fn unicode(escape: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let first = unit(0).unwrap_or(0xfffd);
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, unit(6)) {
        let point = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}
