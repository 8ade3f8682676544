//! Messages that say one text and nothing else: that is seen without reading them.

use std::ops::Range;

use crate::dialect::Seed;
use crate::wire::json;
use crate::wire::lens::{splice, walk};

/// Looks at a whole message and finds where its id is; `None` where it is no such one, or that is not plain to
/// see.
pub(super) fn look(body: &[u8]) -> Option<Range<usize>> {
    let (mut ids, mut types, mut ends, mut kinds, mut texts) = (0, 0, 0, 0, 0);
    let (mut id, mut is_plain) = (0..0, true);
    let mut see = |depth: usize, key: &str, span: Range<usize>| {
        let raw = body.get(span.clone()).unwrap_or_default();
        let (count, is_so) = match (depth, key) {
            (0, "id") => {
                id = span;
                (&mut ids, true)
            }
            (0, "type") => (&mut types, raw == b"\"message\""),
            (0, "stop_reason") => {
                (&mut ends, matches!(raw, b"\"end_turn\"" | b"\"max_tokens\"" | b"\"stop_sequence\""))
            }
            (1, "type") => (&mut kinds, raw == b"\"text\""),
            (1, "text") => (&mut texts, matches!(raw, [b'"', first, ..] if *first != b'"')),
            _ => return,
        };
        *count += 1;
        is_plain &= is_so;
    };
    walk(body, &["content"], &mut see)?;
    (is_plain && (ids, types, ends, kinds, texts) == (1, 1, 1, 1, 1)).then_some(id)
}

/// Such a message once more, under an id of its own.
pub(super) fn retell(body: &[u8], seed: &Seed) -> Option<Vec<u8>> {
    splice(body, &[(look(body)?, json::string(&format!("msg_{}", seed.id)))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::anthropic_messages::tests::seed;

    const PLAIN: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"So."}],
        "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}}"#;

    #[test]
    fn a_plain_message_keeps_all_but_its_id() {
        let told = String::from_utf8(retell(PLAIN.as_bytes(), &seed()).unwrap()).unwrap();
        assert_eq!(told, PLAIN.replace("msg_1", "msg_seed01"));
    }

    #[test]
    fn what_is_not_plain_is_left_to_who_reads_it() {
        assert!(look(PLAIN.as_bytes()).is_some());
        for (said, other) in [
            ("end_turn", "refusal"),
            ("end_turn", "tool_use"),
            (r#""message""#, r#""error""#),
            (r#""type":"text""#, r#""type":"thinking""#),
            (r#""So.""#, r#""""#),
            ("}],", r#"},{"type":"text","text":"And."}],"#),
        ] {
            let body = PLAIN.replacen(said, other, 1);
            assert_ne!(body, PLAIN, "{said}");
            assert!(look(body.as_bytes()).is_none(), "{body}");
        }
    }
}
