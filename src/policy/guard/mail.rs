//! E-mail addresses.

use super::detector::{Detector, Finding};

/// The part before the `@` has no more bytes (RFC 5321, 4.5.3.1.1).
const LOCAL: usize = 64;

/// The part behind it has no more (4.5.3.1.2).
const DOMAIN: usize = 253;

/// Finds addresses from `from` on and returns how far all is decided.
pub(super) fn pass(text: &[u8], from: usize, ended: bool, found: &mut Vec<Finding>) -> usize {
    let mut at = from;
    while let Some(place) = text.get(at..).and_then(|rest| memchr::memchr(b'@', rest)) {
        let mark = at + place;
        let start = local(text, mark, at);
        let rest = text.get(mark + 1..).unwrap_or_default();
        let long = rest.iter().take(DOMAIN + 1).take_while(|byte| is_domain(**byte)).count();
        if mark + 1 + long == text.len() && !ended && long <= DOMAIN {
            return start;
        }
        at = mark + 1;
        let named = start < mark && !is_password(text, start);
        if let Some(long) = domain(rest.get(..long).unwrap_or_default()).filter(|_| named) {
            found.push(Finding::of(Detector::Email, start, mark + 1 + long));
            at = mark + 1 + long;
        }
    }
    if ended { text.len() } else { local(text, text.len(), at) }
}

/// Where the part before the `@` begins.
fn local(text: &[u8], mark: usize, least: usize) -> usize {
    let least = least.max(mark.saturating_sub(LOCAL));
    let mut start = mark;
    while start > least && text.get(start - 1).is_some_and(|byte| is_local(*byte)) {
        start -= 1;
    }
    // Marks that end a sentence or a quotation before it, and half a character, are not of it.
    while start < mark
        && text.get(start).is_some_and(|byte| matches!(byte, b'.' | b'\'' | b'-') || is_rest(*byte))
    {
        start += 1;
    }
    start
}

/// Whether what begins here is the password in an address: `scheme://user:password@host`.
fn is_password(text: &[u8], start: usize) -> bool {
    let before = text.get(start.saturating_sub(48)..start).unwrap_or_default();
    let word = before.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    word.ends_with(b":") && memchr::memmem::find(word, b"://").is_some()
}

/// The rest of a character that needs several bytes.
const fn is_rest(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Letters of Latin alphabets are allowed for (RFC 6531); other scripts write no space before.
const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'&' | b'~' | b'#' | b'$' | b'!' | b'*')
        || is_rest(byte)
        || matches!(byte, 0xc3..=0xc9)
}

const fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'-')
        || is_rest(byte)
        || matches!(byte, 0xc3..=0xc9)
}

/// How much of this is a domain: labels, the last of which is of letters or begins with `xn--`.
fn domain(text: &[u8]) -> Option<usize> {
    let mut end = text.len();
    while let Some(b'.' | b'-') = end.checked_sub(1).and_then(|last| text.get(last)) {
        end -= 1;
    }
    let text = text.get(..end)?;
    let mut good = None;
    let (mut at, mut labels) = (0, 0);
    for label in text.split(|byte| *byte == b'.') {
        if label.is_empty() || label.len() > 63 || label.first() == Some(&b'-') {
            break;
        }
        at += label.len() + usize::from(labels > 0);
        labels += 1;
        let top = label.len() >= 2 && label.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
        if labels > 1 && (top || label.starts_with(b"xn--")) {
            good = Some(at);
        }
    }
    good
}
