//! Numbers and codes in a text: groups of digits and capitals with single separators between them.
//!
//! A card is written `4111 1111 1111 1111`, a telephone number `(555) 013-4567`, an account
//! `DE89 3704 …`. So a number is looked for from each group that may begin one, over as many groups as
//! belong together, and what it is is decided by its form and check digits (`kinds`).

use super::code::Code;
use super::detector::{Finding, Wanted};
use super::kinds;

/// The longest number as it is written: an IBAN of 34 characters in groups of four, and some room.
const LONGEST: usize = 56;

/// So many groups belong to one number at most.
const GROUPS: usize = 12;

/// A run of letters this long begins no code: an Italian one has six letters before its first digit.
const LETTERS: usize = 6;

/// One run of letters and digits.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    start: usize,
    end: usize,
}

/// Finds numbers from `from` on, which is where the last call stopped, and returns how far all is
/// decided. What is before `from` is context.
pub(super) fn pass(text: &[u8], from: usize, ended: bool, wanted: Wanted, found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    while let Some(digit) = next_digit(text, at) {
        let start = beginning(text, digit, at);
        let own = start + usize::from(is_pair(text, start)) * 3;
        at = digit + alphanumeric(text, digit).len();
        // Two capitals that stand apart may belong to the number or not.
        for start in [start, own].into_iter().take(if own == start { 1 } else { 2 }) {
            let mut groups = [Group::default(); GROUPS];
            if joined_before(text, start) {
                continue;
            }
            let Some(count) = run(text, start, ended, &mut groups) else { return start };
            if let Some(finding) = longest(text, groups.get(..count).unwrap_or_default(), wanted) {
                found.push(finding);
                at = finding.end;
                break;
            }
        }
    }
    if ended { text.len() } else { tail(text, at) }
}

/// The first digit from here on; looked for in blocks, since most of a text has none.
fn next_digit(text: &[u8], at: usize) -> Option<usize> {
    const BLOCK: usize = 32;
    let rest = text.get(at..)?;
    let (blocks, _) = rest.as_chunks::<BLOCK>();
    let none = |block: &&[u8; BLOCK]| {
        let digits = block.iter().fold(0, |digits, byte| digits | u8::from(byte.wrapping_sub(b'0') < 10));
        digits == 0
    };
    let clear = BLOCK * blocks.iter().take_while(none).count();
    let place = rest.get(clear..)?.iter().position(u8::is_ascii_digit)?;
    Some(at + clear + place)
}

fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(b'\n')
}

fn before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(b'\n', |at| byte(text, at))
}

/// Where the number begins whose first digit this is: with the letters before it, a sign or
/// parenthesis, or two capitals that stand apart.
fn beginning(text: &[u8], digit: usize, least: usize) -> usize {
    let mut start = digit;
    while start > least && before(text, start).is_ascii_alphanumeric() {
        start -= 1;
    }
    if start == digit && start > least && before(text, start) == b'(' {
        start -= 1;
    }
    if start > least && before(text, start) == b'+' {
        return start - 1;
    }
    let apart = start == digit && matches!(before(text, start), b' ' | b'-');
    let letters = start.checked_sub(3).filter(|letters| apart && *letters >= least);
    match letters {
        Some(letters) if is_pair(text, letters) => letters,
        _ => start,
    }
}

/// Whether two capitals stand here, and no more letters around them.
fn is_pair(text: &[u8], at: usize) -> bool {
    byte(text, at).is_ascii_uppercase()
        && byte(text, at + 1).is_ascii_uppercase()
        && !byte(text, at + 2).is_ascii_alphanumeric()
        && !before(text, at).is_ascii_alphanumeric()
}

/// Reads the groups that belong together; `None` when more text must come first.
fn run(text: &[u8], start: usize, ended: bool, groups: &mut [Group; GROUPS]) -> Option<usize> {
    let limit = start + LONGEST;
    let (mut at, mut count) = (start, 0);
    for group in groups {
        let rest = text.get(at..).unwrap_or_default();
        // A sign and a parenthesis begin a number; up to three marks stand between its groups.
        let begins = at
            + if count == 0 {
                rest.iter().take(2).take_while(|byte| matches!(byte, b'+' | b'(')).count()
            } else {
                rest.iter().take(3).take_while(|byte| is_gap(**byte)).count()
            };
        if begins >= limit || (ended && begins >= text.len()) {
            break;
        }
        if begins >= text.len() {
            return None;
        }
        let word = alphanumeric(text, begins);
        let ends = begins + word.len();
        if ends >= limit || word.is_empty() || (count > 0 && (begins == at || !belongs(word))) {
            break;
        }
        if ends == text.len() && !ended {
            return None;
        }
        *group = Group { start: if count == 0 { start } else { begins }, end: ends };
        count += 1;
        at = ends;
    }
    // Whether the last group goes on shows in the two bytes behind it.
    let next = text.get(at);
    let known = ended || next.is_some_and(|next| !is_joint(*next) || at + 1 < text.len());
    known.then_some(count)
}

/// The letters and digits that begin here.
fn alphanumeric(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
    rest.get(..length).unwrap_or_default()
}

/// What joins the parts of one thing: of a decimal fraction, a date, an identifier.
const fn is_joint(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'/')
}

const fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')')
}

/// Whether a group may stand within a number: it begins with a digit, or is a few capitals.
fn belongs(group: &[u8]) -> bool {
    match group.first() {
        Some(first) if first.is_ascii_digit() => true,
        Some(first) if first.is_ascii_uppercase() => {
            let letters = group.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
            letters <= 4 && group.get(letters).is_none_or(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// The longest number that begins with the first group.
fn longest(text: &[u8], groups: &[Group], wanted: Wanted) -> Option<Finding> {
    let first = groups.first()?;
    let mut codes = [Code::default(); GROUPS];
    let mut code = Code::default();
    for (group, place) in groups.iter().zip(&mut codes) {
        let word = text.get(group.start..group.end).unwrap_or_default();
        let gap = if code.is_empty() { 0 } else { before(text, group.start) };
        if !code.add(word, gap) {
            break;
        }
        *place = code;
    }
    if follows_alike(text, first) {
        return None;
    }
    let ends = groups.iter().zip(&codes).enumerate().filter(|(_, (_, code))| !code.is_empty());
    let open = |group: &Group, place: usize| {
        !joined_behind(text, group.end) && groups.get(place + 1).is_none_or(|next| !alike(text, group, next))
    };
    ends.rev().filter(|(place, (group, _))| open(group, *place)).find_map(|(_, (group, code))| {
        let context = text.get(first.start.saturating_sub(kinds::CONTEXT)..first.start).unwrap_or_default();
        kinds::kind(code, wanted, context).map(|detector| Finding::of(detector, first.start, group.end))
    })
}

/// Whether two groups are as many digits with a space between: parts of one number.
fn alike(text: &[u8], group: &Group, next: &Group) -> bool {
    let digits = |group: &Group| {
        let digits = text.get(group.start..group.end).unwrap_or_default();
        digits.iter().all(u8::is_ascii_digit).then_some(digits.len())
    };
    next.start == group.end + 1
        && byte(text, group.end) == b' '
        && digits(group).is_some_and(|length| length > 2 && digits(next) == Some(length))
}

/// Whether such a group stands before this one.
fn follows_alike(text: &[u8], group: &Group) -> bool {
    let Some(end) = group.start.checked_sub(1) else { return false };
    let before = text.get(end.saturating_sub(GROUPS)..end).unwrap_or_default();
    let length = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    alike(text, &Group { start: end - length, end }, group)
}

/// Whether what begins here is the rest of something: of a word, of a decimal fraction, of an
/// identifier in parts.
fn joined_before(text: &[u8], start: usize) -> bool {
    let last = before(text, start);
    let earlier = start.checked_sub(2).map_or(b'\n', |at| byte(text, at));
    last == b'_'
        || last.is_ascii_alphanumeric()
        || last >= 0x80 && kinds::is_letter_before(text, start)
        || (is_joint(last) && earlier.is_ascii_digit())
        || (last == b'-' && earlier.is_ascii_lowercase() && is_hex_run(text, start))
}

/// Whether a part of a UUID or the like stands before.
fn is_hex_run(text: &[u8], start: usize) -> bool {
    let earlier = text.get(..start.saturating_sub(1)).unwrap_or_default();
    let run = earlier.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).take(8);
    let (count, digits) =
        run.fold((0, 0), |(count, digits), byte| (count + 1, digits + u32::from(byte.is_ascii_digit())));
    count >= 4 && digits > 0
}

/// Whether what ends here goes on.
fn joined_behind(text: &[u8], end: usize) -> bool {
    let (next, later) = (byte(text, end), byte(text, end + 1));
    next == b'_' || (is_joint(next) && later.is_ascii_digit())
}

/// How far all is decided at the end of what came: up to a word that may still get a digit.
fn tail(text: &[u8], from: usize) -> usize {
    let word = text.get(from..).unwrap_or_default();
    let letters = word.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let mut start = text.len() - letters;
    if letters > LETTERS {
        return text.len();
    }
    if letters == 0 {
        for mark in [b'(', b'+'] {
            start -= usize::from(start > from && before(text, start) == mark);
        }
        let apart = start == text.len() && matches!(before(text, start), b' ' | b'-');
        return match start.checked_sub(3).filter(|pair| apart && *pair >= from) {
            Some(pair) if is_pair(text, pair) => pair,
            _ => start,
        };
    }
    if start > from && before(text, start) == b'+' {
        start -= 1;
    }
    start
}
