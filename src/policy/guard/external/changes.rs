//! What differs between a text and the one that a service says instead of it.
//!
//! Some say a whole text anew of which they mean a word. Where several change the same text, each has changed
//! only what it meant, or one of them would undo what another has masked.

use std::ops::Range;

/// So many words ahead it is looked for where both texts go on alike; what is further apart is one change.
const AHEAD: usize = 64;

/// The words of a text that go for others: which bytes, and what stands there instead. In their order.
pub(super) fn changes<'a>(text: &str, anew: &'a str) -> Vec<(Range<usize>, &'a str)> {
    let (old, new) = (words(text), words(anew));
    let (mut old, mut new) = (old.as_slice(), new.as_slice());
    let (mut at, mut from) = (0, 0);
    let mut changes = Vec::new();
    loop {
        let alike = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        (at, from) = (at + length(&mut old, alike), from + length(&mut new, alike));
        if old.is_empty() && new.is_empty() {
            return changes;
        }
        let (goes, comes) = apart(old, new);
        let (start, begin) = (at, from);
        (at, from) = (at + length(&mut old, goes), from + length(&mut new, comes));
        let (was, is) = (text.get(start..at), anew.get(begin..from));
        changes.push(trimmed(start, was.unwrap_or_default(), is.unwrap_or_default()));
    }
}

/// A text in words, each with what is behind it. In scripts that put nothing there each letter is one.
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(|letter: char| letter.is_whitespace() || letter >= '\u{2e80}').collect()
}

/// Takes so many words away: how many bytes they have.
fn length(words: &mut &[&str], count: usize) -> usize {
    let (first, rest) = words.split_at(count.min(words.len()));
    *words = rest;
    first.iter().map(|word| word.len()).sum()
}

/// How many words of each differ before both go on alike.
fn apart(old: &[&str], new: &[&str]) -> (usize, usize) {
    for both in 1..=2 * AHEAD {
        for goes in both.saturating_sub(AHEAD)..=both.min(AHEAD) {
            let comes = both - goes;
            if old.get(goes).is_some_and(|word| new.get(comes) == Some(word)) {
                return (goes, comes);
            }
        }
    }
    (old.len(), new.len())
}

/// A change without the letters with which both begin and end.
fn trimmed<'a>(start: usize, was: &str, is: &'a str) -> (Range<usize>, &'a str) {
    let begin = same(was.chars(), is.chars());
    let (was, is) = (was.get(begin..).unwrap_or_default(), is.get(begin..).unwrap_or_default());
    let end = same(was.chars().rev(), is.chars().rev());
    let start = start + begin;
    (start..start + was.len() - end, is.get(..is.len() - end).unwrap_or_default())
}

/// How many bytes have the letters that two texts have in common from here on.
fn same(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).map(|(letter, _)| letter.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_said_anew_differs_where_it_does_and_nowhere_else() {
        let of = |text: &str, anew: &'static str| {
            let told = changes(text, anew);
            let mut again = text.to_owned();
            for (span, anew) in told.iter().rev() {
                again.replace_range(span.clone(), anew);
            }
            assert_eq!(again, anew);
            told.into_iter().map(|(span, anew)| (text[span].to_owned(), anew)).collect::<Vec<_>>()
        };
        let two = |was: &str, is: &'static str| (was.to_owned(), is);
        assert_eq!(
            of("I am Anna Berg, call 0171 23 or Bert.", "I am [NAME], call [PHONE] or [NAME]."),
            [two("Anna Berg", "[NAME]"), two("0171 23", "[PHONE]"), two("Bert", "[NAME]")]
        );
        assert_eq!(of("我是安娜，你好", "我是[名]，你好"), [two("安娜", "[名]")]);
        assert_eq!(of("all of it", "REDACTED"), [two("all of it", "REDACTED")]);
        assert_eq!(of("so", "so be it"), [two("", " be it")]);
        assert_eq!(of("so be it", "it"), [two("so be ", "")]);
        assert_eq!(of("", "x"), [two("", "x")]);
        assert_eq!(of("x", "x"), []);
        let long = "word ".repeat(200);
        assert_eq!(of(&format!("a {long}b"), "a [X] b").len(), 1);
    }
}
