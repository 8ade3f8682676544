//! Messages that say one text and nothing else: that is seen without reading them.

use std::borrow::Cow;

use crate::dialect::Seed;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens, only};

/// Looks at a whole message; `None` where it is no such one, or that is not plain to see.
pub(super) fn look(body: &[u8]) -> Option<Lens<'_>> {
    let lens = Lens::new(body).ok()?;
    let block = Lens::new(only(lens.raw("content")?)?.as_bytes()).ok()?;
    let is_plain = lens.raw("type") == Some("\"message\"")
        && matches!(lens.raw("stop_reason"), Some("\"end_turn\"" | "\"max_tokens\"" | "\"stop_sequence\""))
        && block.raw("type") == Some("\"text\"")
        && block.raw("text").is_some_and(|text| text.starts_with('"') && text.len() > 2);
    is_plain.then_some(lens)
}

/// Such a message once more, under an id of its own.
pub(super) fn retell(body: &[u8], seed: &Seed) -> Option<Vec<u8>> {
    let value = json::string(&format!("msg_{}", seed.id));
    Some(look(body)?.apply(&[Edit::Set { key: Cow::Borrowed("id"), value }]))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const PLAIN: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"So."}],
        "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}}"#;

    #[test]
    fn a_plain_message_keeps_all_but_its_id() {
        let seed = Seed {
            id: "x7".into(),
            created: 9,
            model: "m".into(),
            input_tokens: 0,
            asked: Bytes::new(),
            kept: false,
        };
        let told = String::from_utf8(retell(PLAIN.as_bytes(), &seed).unwrap()).unwrap();
        assert_eq!(told, PLAIN.replace("msg_1", "msg_x7"));
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
