//! Characters that nobody sees and models read: a way to smuggle text past people.

use super::detector::{Detector, Finding};

/// A run of them is told of in pieces of so many bytes.
const LONGEST: usize = 512;

/// The black flag: behind it tags spell a region, as of Scotland.
const FLAG: char = '\u{1f3f4}';

/// What a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// One that is seen, or that scripts need.
    Seen,
    /// A tag, which says a letter of ASCII invisibly, or one of the many variation selectors.
    Tag,
    /// Turns the direction of what follows, so that it reads otherwise than it is.
    Turning,
    /// Takes no room. Needed within words of some scripts and pictures, never between letters of ASCII.
    Narrow,
}

const fn sort(letter: char) -> Sort {
    match letter {
        '\u{e0000}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}' => Sort::Tag,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Sort::Turning,
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => Sort::Narrow,
        _ => Sort::Seen,
    }
}

/// Whether nobody sees it.
pub(super) fn is_unseen(letter: char) -> bool {
    sort(letter) != Sort::Seen
}

/// Finds them from `from` on and returns how far all is decided.
pub(super) fn pass(text: &[u8], from: usize, ended: bool, found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    while let Some(start) = next(text, at) {
        let Some((first, width)) = letter(text, start) else { return start };
        at = start + width;
        let kind = sort(first);
        if kind == Sort::Seen {
            continue;
        }
        while let Some((next, width)) = letter(text, at) {
            if sort(next) == Sort::Seen || at - start >= LONGEST {
                break;
            }
            at += width;
        }
        if at == text.len() && at - start < LONGEST && !ended {
            return start;
        }
        if is_hidden(text, start, at) {
            found.push(Finding::of(Detector::Invisible, start, at));
        }
    }
    text.len()
}

/// The next byte that may begin one of them.
fn next(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let usual = memchr::memchr3(0xe2, 0xef, 0xf3, rest);
    let rare = memchr::memchr3(0xc2, 0xe1, 0xe3, rest.get(..usual.unwrap_or(rest.len()))?).or(usual);
    let joiner = memchr::memchr(0xcd, rest.get(..rare.unwrap_or(rest.len()))?).or(rare);
    joiner.map(|place| at + place)
}

/// The character here and its width.
fn letter(text: &[u8], at: usize) -> Option<(char, usize)> {
    let width = match text.get(at)? {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    let letter = std::str::from_utf8(text.get(at..at + width)?).ok()?.chars().next()?;
    Some((letter, width))
}

/// Whether a run of them hides something, by what stands around it.
fn is_hidden(text: &[u8], start: usize, end: usize) -> bool {
    let run = text.get(start..end).and_then(|run| std::str::from_utf8(run).ok()).unwrap_or_default();
    let before = start.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
    let behind = text.get(end).copied().unwrap_or(b' ');
    let has = |kind| run.chars().any(|letter| sort(letter) == kind);
    if has(Sort::Tag) {
        let flag = start >= 4 && letter(text, start - 4).is_some_and(|(letter, _)| letter == FLAG);
        return !(flag && run.ends_with('\u{e007f}') && run.chars().count() <= 8);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let many = run.chars().count() > 3;
    has(Sort::Turning) && (plain(before) || plain(behind) || before.is_ascii())
        || many
        || (plain(before) && plain(behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        let mut found = Vec::new();
        pass(text.as_bytes(), 0, true, &mut found);
        found.len()
    }

    #[test]
    fn what_hides_is_told_from_what_scripts_and_pictures_need() {
        assert_eq!(count("hello\u{e0069}\u{e0067}\u{e006e} you"), 1);
        assert_eq!(count("pass\u{200b}word and a\u{202e}txt.exe"), 2);
        assert_eq!(
            count(
                "👩\u{200d}💻 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} می\u{200c}خواهم ❤\u{fe0f}"
            ),
            0
        );
        assert_eq!(count("— “quotes” … 日本語 ￥"), 0);
        assert_eq!(count("a\u{ad}b c\u{34f}d e\u{200e}f g\u{200f}h i\u{fe0f}j k\u{3164}l"), 6);
        assert_eq!(count("1\u{fe0f}\u{20e3} © \u{fe0f} café\u{ad} עברית\u{200f}, x"), 0);
    }
}
