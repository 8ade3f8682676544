//! The beginning and the end of an answer, in which its id, its model and its end are named.
//!
//! What passes byte for byte is not parsed. Where somebody watches, a little of it is kept and looked at
//! once it is over, by those who tell of it.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::wire::json::string_prefix;
use crate::wire::needle::Needle;

/// So much of the beginning is kept.
const FIRST: usize = 2 << 10;
/// So much of the end is kept.
const LAST: usize = 4 << 10;

/// What is kept of one answer.
#[derive(Debug, Default)]
pub struct Glimpse {
    first: Vec<u8>,
    last: Vec<u8>,
    /// Whether there is something between them that is not kept.
    gap: bool,
}

/// Both as they are looked at: where there is nothing between them, a name may stand in either.
struct Ends<'a> {
    first: Cow<'a, [u8]>,
    last: Cow<'a, [u8]>,
}

impl Glimpse {
    fn ends(&self) -> Ends<'_> {
        if self.gap || self.last.is_empty() {
            return Ends { first: (&self.first).into(), last: (&self.last).into() };
        }
        Ends { first: [&*self.first, &*self.last].concat().into(), last: Cow::default() }
    }

    /// A piece of the answer comes.
    pub fn push(&mut self, piece: &[u8]) {
        let room = FIRST.saturating_sub(self.first.len());
        let (first, rest) = piece.split_at_checked(room).unwrap_or((piece, &[]));
        self.first.extend_from_slice(first);
        if rest.len() >= LAST {
            self.gap |= !self.last.is_empty() || rest.len() > LAST;
            self.last.clear();
            self.last.extend_from_slice(rest.get(rest.len() - LAST..).unwrap_or_default());
            return;
        }
        // What is too old goes when there is twice as much, and not with every piece.
        if self.last.len() + rest.len() > 2 * LAST {
            let old = self.last.len().saturating_sub(LAST);
            self.last.drain(..old);
            self.gap |= old > 0;
        }
        self.last.extend_from_slice(rest);
    }

    /// The id that the provider gave it.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        static ID: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"id\""));
        static GEMINI: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"responseId\""));
        let ends = self.ends();
        ends.newest(&GEMINI).or_else(|| said(ID.values(&ends.first)).next())
    }

    /// The model that the provider says answers.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        static MODEL: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"model\""));
        static GEMINI: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"modelVersion\""));
        let ends = self.ends();
        let first = || said(MODEL.values(&ends.first)).next();
        ends.newest(&GEMINI).or_else(first).or_else(|| ends.newest(&MODEL))
    }

    /// Why it ended, in the provider's own word.
    #[must_use]
    pub fn finish(&self) -> Option<String> {
        static NAMES: LazyLock<[Needle; 5]> = LazyLock::new(|| {
            ["\"finish_reason\"", "\"stop_reason\"", "\"finishReason\"", "\"stopReason\"", "\"done_reason\""]
                .map(Needle::new)
        });
        let ends = self.ends();
        NAMES.iter().find_map(|name| ends.newest(name))
    }
}

impl Ends<'_> {
    fn newest(&self, name: &Needle) -> Option<String> {
        said(name.values(&self.last)).last().or_else(|| said(name.values(&self.first)).last())
    }
}

/// Those of the values that are texts, and hold something.
fn said<'a>(values: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = String> {
    /// No id and no name is longer.
    const MOST: usize = 256;
    let text = |value| string_prefix(value).map(|(text, _)| text.into_owned());
    values.filter_map(text).filter(|text| !text.is_empty() && text.len() <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glimpse(pieces: &[&str]) -> Glimpse {
        let mut glimpse = Glimpse::default();
        for piece in pieces {
            glimpse.push(piece.as_bytes());
        }
        glimpse
    }

    #[test]
    fn a_streams_ends_name_it_whatever_lies_between() {
        let first = r#"data: {"id":"","model":"","choices":[]}

data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"delta":{"content":"\"id\":\"no\""},"finish_reason":null}]}"#;
        let middle = "data: {\"x\":1}\n\n".repeat(5000);
        let last = r#"data: {"id":"chatcmpl-1","choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#;
        let seen = glimpse(&[first, &middle, last, "\n\ndata: [DONE]\n\n"]);
        assert_eq!(seen.id().as_deref(), Some("chatcmpl-1"));
        assert_eq!(seen.model().as_deref(), Some("gpt-4o-2024-08-06"));
        assert_eq!(seen.finish().as_deref(), Some("tool_calls"));
        assert!(seen.first.len() <= FIRST && seen.last.len() <= 2 * LAST);
    }

    #[test]
    fn every_dialect_is_read_in_its_own_words() {
        let anthropic =
            glimpse(&[r#"{"model":"claude-x","id":"msg_1","content":[],"stop_reason":"end_turn"}"#]);
        assert_eq!(anthropic.id().as_deref(), Some("msg_1"));
        assert_eq!(anthropic.finish().as_deref(), Some("end_turn"));
        let gemini =
            r#"{"candidates":[{"finishReason":"STOP"}],"modelVersion":"gemini-x","responseId":"r1"}"#;
        let gemini = glimpse(&[gemini]);
        assert_eq!(gemini.id().as_deref(), Some("r1"));
        assert_eq!(gemini.model().as_deref(), Some("gemini-x"));
        assert_eq!(gemini.finish().as_deref(), Some("STOP"));
        assert_eq!(glimpse(&[]).finish(), None);
    }

    #[test]
    fn what_lies_across_the_end_of_the_beginning_is_found() {
        for filled in FIRST - 40..FIRST + 10 {
            let before = " ".repeat(filled);
            let seen = glimpse(&[&before, r#"{"id":"x-1","model":"m","finish_reason":"stop"}"#]);
            assert_eq!(seen.id().as_deref(), Some("x-1"), "{filled}");
            assert_eq!(seen.model().as_deref(), Some("m"), "{filled}");
            assert_eq!(seen.finish().as_deref(), Some("stop"), "{filled}");
        }
    }

    #[test]
    fn pieces_of_any_size_keep_the_last_of_them() {
        let text = (0..3000).map(|number| format!("{number:05}")).collect::<Vec<_>>().join(",");
        for size in [1, 7, 1000, 5000, 20_000] {
            let mut seen = Glimpse::default();
            text.as_bytes().chunks(size).for_each(|piece| seen.push(piece));
            assert!(text.as_bytes().starts_with(&seen.first), "{size}");
            assert!(text.as_bytes().ends_with(&seen.last) && seen.last.len() >= LAST, "{size}");
        }
    }
}
