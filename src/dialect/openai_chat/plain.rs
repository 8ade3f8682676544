//! Answers that say one text and nothing else of weight: that is seen without reading them.

use std::ops::Range;

use crate::dialect::Seed;
use crate::wire::json;
use crate::wire::lens::{splice, walk};

/// Where such an answer has what is its own each time it is told.
#[derive(Debug, Default)]
pub(super) struct Plain {
    id: Range<usize>,
    created: Range<usize>,
}

/// Looks at a whole answer; `None` where it is no such one, or that is not plain to see.
pub(super) fn look(body: &[u8]) -> Option<Plain> {
    let (mut ids, mut times, mut ends, mut texts) = (0, 0, 0, 0);
    let (mut plain, mut is_plain) = (Plain::default(), true);
    let mut see = |depth: usize, key: &str, span: Range<usize>| {
        let raw = body.get(span.clone()).unwrap_or_default();
        match (depth, key) {
            (0, "id") => (plain.id, ids) = (span, ids + 1),
            (0, "created") => (plain.created, times) = (span, times + 1),
            (0 | 1, "error") => is_plain &= raw == b"null",
            (0, "object") => is_plain &= raw != b"\"error\"",
            // Before what is not the first choice, others are missing.
            (1, "index") => is_plain &= raw == b"0",
            (1, "finish_reason") => {
                (is_plain, ends) = (is_plain && matches!(raw, b"\"stop\"" | b"\"length\""), ends + 1);
            }
            (2, "refusal") => is_plain &= matches!(raw, b"null" | b"\"\""),
            // What begins otherwise may be a thought, or nothing.
            (2, "content") => {
                let begins = |raw: &[u8]| matches!(raw, [b'"', first, ..] if !b"\"<\\ ".contains(first));
                (is_plain, texts) = (is_plain && begins(raw), texts + 1);
            }
            _ => {}
        }
    };
    walk(body, &["choices", "message"], &mut see)?;
    (is_plain && (ids, times, ends, texts) == (1, 1, 1, 1)).then_some(plain)
}

/// Such an answer once more, under an id and a time of its own.
pub(super) fn retell(body: &[u8], seed: &Seed) -> Option<Vec<u8>> {
    let Plain { id, created } = look(body)?;
    let id = (id, json::string(&format!("chatcmpl-{}", seed.id)));
    let created = (created, seed.created.to_string());
    splice(body, &if id.0.start < created.0.start { [id, created] } else { [created, id] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai_chat::OpenaiChat;
    use crate::dialect::openai_chat::tests::seed;
    use crate::dialect::{Codec as _, Restore, transcode};
    use crate::ir::{Dialect, Losses};

    const PLAIN: &str = r#"{ "id":"a","object":"chat.completion","created":1,"model":"m","own":[1.0],"choices":[{"index":0,
        "message":{"role":"assistant","content":"It \"is\".","refusal":null},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

    #[test]
    fn a_plain_answer_keeps_all_but_its_id_and_its_time() {
        let told = String::from_utf8(retell(PLAIN.as_bytes(), &seed()).unwrap()).unwrap();
        let fresh = PLAIN.replace(r#""id":"a""#, r#""id":"chatcmpl-0123456789abcdef""#);
        let fresh = fresh.replace(r#":1,"m"#, r#":1700000000,"m"#);
        assert_eq!(told, fresh);
        // Read and said, it says the same.
        let restore = Restore { anew: true, ..Restore::NONE };
        let (dialect, mut losses) = (Dialect::OpenaiChat, Losses::new());
        let (reply, _) =
            transcode::reply(dialect, dialect, &restore, &seed(), PLAIN.as_bytes(), &mut losses).unwrap();
        let again = OpenaiChat.parse_reply(told.as_bytes()).unwrap();
        assert_eq!((again.candidates, again.usage), (reply.candidates, reply.usage));
        assert_eq!(
            (again.id.as_deref(), again.created),
            (Some("chatcmpl-0123456789abcdef"), Some(1_700_000_000))
        );
    }

    #[test]
    fn the_id_may_come_behind_the_time() {
        let turned = PLAIN.replace(r#""id":"a","#, "").replace(r#""created":1"#, r#""created":1,"id":"a""#);
        let told = String::from_utf8(retell(turned.as_bytes(), &seed()).unwrap()).unwrap();
        let fresh = r#"1700000000,"id":"chatcmpl-0123456789abcdef""#;
        assert_eq!(told, turned.replace(r#"1,"id":"a""#, fresh));
    }

    #[test]
    fn what_is_not_plain_is_left_to_who_reads_it() {
        assert!(look(PLAIN.as_bytes()).is_some());
        for (said, other) in [
            (r#""stop""#, r#""content_filter""#),
            (r#""stop""#, r#""tool_calls""#),
            (r#""stop""#, "null"),
            (r#""refusal":null"#, r#""refusal":"No.""#),
            ("It ", "<think>It "),
            (r#""It \"is\".""#, r#""""#),
            (r#""It \"is\".""#, "null"),
            (r#""It \"is\".""#, "[]"),
            (r#""index":0"#, r#""index":4"#),
            (r#""own":[1.0]"#, r#""error":{"message":"busy"}"#),
            ("}],", r#"},{"index":1}],"#),
            (r#""usage""#, r#""choices""#),
            (r#""usage""#, r#""id""#),
            (r#""created":1,"#, ""),
            (r#""total_tokens":5}}"#, r#""total_tokens":5}"#),
        ] {
            let body = PLAIN.replacen(said, other, 1);
            assert_ne!(body, PLAIN, "{said}");
            assert!(look(body.as_bytes()).is_none(), "{body}");
        }
    }
}
