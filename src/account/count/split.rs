//! Cuts text into the pieces that `o200k_base` merges one by one.
//!
//! The encoding defines its pieces by a regular expression with a look-ahead and nested
//! repetition. Said by hand it runs several times faster, needs no engine, and never backtracks
//! far. The expression, as published with the encoding in `OpenAI`'s tiktoken (MIT), read in
//! order:
//!
//! 1. a word that ends in small letters, after at most one sign or blank, with its contraction;
//! 2. the same for a word all in capitals;
//! 3. one to three digits;
//! 4. a run of signs, after at most one space, with the line ends and slashes that follow;
//! 5. blanks up to the last line end among them;
//! 6. blanks but the last one, which the next piece takes; 7. blanks.

use unicode_general_category::{GeneralCategory, get_general_category};

/// What a character may do in the pattern: a set of the bits below; signs have none.
type Class = u8;

/// May stand among the capitals a word begins with: Lu, Lt, Lm, Lo, M.
const HEAD: Class = 1;
/// May stand among the small letters a word ends with: Ll, Lm, Lo, M.
const TAIL: Class = 2;
/// A letter, so neither a sign nor a prefix; marks are word characters but not letters.
const LETTER: Class = 4;
const NUMBER: Class = 8;
const SPACE: Class = 16;
/// Carriage return and line feed, on top of `SPACE`.
const LINE_END: Class = 32;

/// The pieces of a text, in order; joined they give the text again.
pub(super) struct Pieces<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = piece_end(self.text, self.at)?;
        let piece = self.text.as_bytes().get(self.at..end)?;
        self.at = end;
        Some(piece)
    }
}

/// Where the piece that begins at `at` ends; always past `at`.
fn piece_end(text: &str, at: usize) -> Option<usize> {
    let (class, after) = step(text, at)?;
    if class & LETTER != 0 {
        return word(text, at);
    }
    if class & NUMBER != 0 {
        return Some(numbers(text, after));
    }
    if class & TAIL != 0 {
        // A mark may be the sign before a word or part of the word itself, tried in that order.
        return small_word(text, after).or_else(|| word(text, at));
    }
    if class & LINE_END != 0 {
        return Some(blanks(text, at));
    }
    if let Some(end) = word(text, after) {
        return Some(end);
    }
    if class & SPACE == 0 {
        return Some(signs(text, after));
    }
    match step(text, after) {
        Some((next, past)) if is_space(text, at) && next & (LETTER | NUMBER | SPACE) == 0 => {
            Some(signs(text, past))
        }
        _ => Some(blanks(text, at)),
    }
}

/// Rules 1 and 2 without their prefix.
fn word(text: &str, at: usize) -> Option<usize> {
    small_word(text, at).or_else(|| {
        let end = run(text, at, HEAD);
        (end > at).then(|| contraction(text, end))
    })
}

/// Rule 1 without its prefix: as many `HEAD` characters as leave at least one `TAIL` character.
fn small_word(text: &str, at: usize) -> Option<usize> {
    let mut end = at;
    // The end of the last character that could be the one `TAIL` character, were the `HEAD` run
    // to give characters back.
    let mut fallback = None;
    while let Some((class, after)) = step(text, end) {
        if class & HEAD == 0 {
            if class & TAIL != 0 {
                return Some(contraction(text, run(text, after, TAIL)));
            }
            break;
        }
        if class & TAIL != 0 {
            fallback = Some(after);
        }
        end = after;
    }
    fallback.map(|end| contraction(text, end))
}

/// The end of the English contraction at `at`, in any case, or `at` itself.
fn contraction(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'\'') {
        return at;
    }
    let letter = |offset: usize| bytes.get(at + offset).map(u8::to_ascii_lowercase);
    match (letter(1), letter(2)) {
        (Some(b's' | b't' | b'm' | b'd'), _) => at + 2,
        // The last pair is U+017F, the long s, which folds to s.
        (Some(b'r' | b'v'), Some(b'e')) | (Some(b'l'), Some(b'l')) | (Some(0xC5), Some(0xBF)) => at + 3,
        _ => at,
    }
}

/// Rule 3, after its first digit.
fn numbers(text: &str, at: usize) -> usize {
    let mut end = at;
    for _ in 0..2 {
        match step(text, end) {
            Some((class, after)) if class & NUMBER != 0 => end = after,
            _ => break,
        }
    }
    end
}

/// Rule 4, after its first sign.
fn signs(text: &str, at: usize) -> usize {
    let mut end = at;
    while let Some((class, after)) = step(text, end) {
        if class & (LETTER | NUMBER | SPACE) != 0 {
            break;
        }
        end = after;
    }
    let tail = text.as_bytes().get(end..).unwrap_or_default();
    end + tail.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | b'/')).count()
}

/// Rules 5 to 7.
fn blanks(text: &str, at: usize) -> usize {
    let mut end = at;
    let mut last = at;
    let mut line_end = None;
    while let Some((class, after)) = step(text, end) {
        if class & SPACE == 0 {
            break;
        }
        last = end;
        end = after;
        if class & LINE_END != 0 {
            line_end = Some(end);
        }
    }
    match line_end {
        Some(line_end) => line_end,
        None if end < text.len() && last > at => last,
        None => end,
    }
}

/// The end of the run of characters that have a bit of `wanted`.
fn run(text: &str, at: usize, wanted: Class) -> usize {
    let mut end = at;
    while let Some((class, after)) = step(text, end) {
        if class & wanted == 0 {
            break;
        }
        end = after;
    }
    end
}

fn is_space(text: &str, at: usize) -> bool {
    text.as_bytes().get(at) == Some(&b' ')
}

/// The class of the character at `at` and where the next one begins.
#[inline]
fn step(text: &str, at: usize) -> Option<(Class, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if let Some(class) = ASCII.get(usize::from(byte)) {
        return Some((*class, at + 1));
    }
    wide_step(text, at)
}

/// `step` beyond ASCII, kept out of line so that the short way is inlined everywhere.
#[inline(never)]
fn wide_step(text: &str, at: usize) -> Option<(Class, usize)> {
    let character = text.get(at..)?.chars().next()?;
    Some((class_of(character), at + character.len_utf8()))
}

const ASCII: [Class; 128] = ascii();

const fn ascii() -> [Class; 128] {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        #[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
        {
            table[byte as usize] = match byte {
                b'A'..=b'Z' => LETTER | HEAD,
                b'a'..=b'z' => LETTER | TAIL,
                b'0'..=b'9' => NUMBER,
                b'\r' | b'\n' => SPACE | LINE_END,
                b'\t' | 0x0B | 0x0C | b' ' => SPACE,
                _ => 0,
            };
        }
        byte += 1;
    }
    table
}

fn class_of(character: char) -> Class {
    use GeneralCategory as Is;
    match get_general_category(character) {
        Is::UppercaseLetter | Is::TitlecaseLetter => LETTER | HEAD,
        Is::LowercaseLetter => LETTER | TAIL,
        Is::ModifierLetter | Is::OtherLetter => LETTER | HEAD | TAIL,
        Is::NonspacingMark | Is::SpacingMark | Is::EnclosingMark => HEAD | TAIL,
        Is::DecimalNumber | Is::LetterNumber | Is::OtherNumber => NUMBER,
        _ if character.is_whitespace() => SPACE,
        _ => 0,
    }
}
