//! Answers that say one text and nothing else of weight: that is seen without reading them.

use std::borrow::Cow;

use crate::dialect::Seed;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens, only};

/// Looks at a whole answer; `None` where it is no such one, or that is not plain to see.
pub(super) fn look(body: &[u8]) -> Option<Lens<'_>> {
    let lens = Lens::new(body).ok()?;
    let choice = Lens::new(only(lens.raw("choices")?)?.as_bytes()).ok()?;
    let message = Lens::new(choice.raw("message")?.as_bytes()).ok()?;
    let unsaid = |lens: &Lens<'_>, key: &str| matches!(lens.raw(key), None | Some("null"));
    let is_plain = unsaid(&lens, "error")
        && unsaid(&choice, "error")
        && lens.raw("object") != Some("\"error\"")
        && matches!(choice.raw("finish_reason"), Some("\"stop\"" | "\"length\""))
        && (unsaid(&message, "refusal") || message.raw("refusal") == Some("\"\""))
        // What begins otherwise may be a thought, or nothing.
        && message.raw("content").is_some_and(|text| {
            text.strip_prefix('"').is_some_and(|text| !text.starts_with(['"', '<', '\\', ' ']))
        });
    is_plain.then_some(lens)
}

/// Such an answer once more, under an id and a time of its own.
pub(super) fn retell(body: &[u8], seed: &Seed) -> Option<Vec<u8>> {
    let set = |key, value| Edit::Set { key: Cow::Borrowed(key), value };
    let id = json::string(&format!("chatcmpl-{}", seed.id));
    Some(look(body)?.apply(&[set("id", id), set("created", seed.created.to_string())]))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::dialect::openai_chat::OpenaiChat;
    use crate::dialect::{Codec as _, Restore, transcode};
    use crate::ir::{Dialect, Losses};

    const PLAIN: &str = r#"{ "id":"a","object":"chat.completion","created":1,"model":"m","own":[1.0],"choices":[{"index":0,
        "message":{"role":"assistant","content":"It \"is\".","refusal":null},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

    fn seed() -> Seed {
        Seed {
            id: "x7".into(),
            created: 9,
            model: "m".into(),
            input_tokens: 0,
            asked: Bytes::new(),
            kept: false,
        }
    }

    #[test]
    fn a_plain_answer_keeps_all_but_its_id_and_its_time() {
        let told = String::from_utf8(retell(PLAIN.as_bytes(), &seed()).unwrap()).unwrap();
        let fresh = PLAIN.replace(r#""id":"a""#, r#""id":"chatcmpl-x7""#).replace(r#":1,"m"#, r#":9,"m"#);
        assert_eq!(told, fresh);
        // Read and said, it says the same.
        let restore = Restore { anew: true, ..Restore::NONE };
        let (dialect, mut losses) = (Dialect::OpenaiChat, Losses::new());
        let (reply, _) =
            transcode::reply(dialect, dialect, &restore, &seed(), PLAIN.as_bytes(), &mut losses).unwrap();
        let again = OpenaiChat.parse_reply(told.as_bytes()).unwrap();
        assert_eq!((again.candidates, again.usage), (reply.candidates, reply.usage));
        assert_eq!((again.id.as_deref(), again.created), (Some("chatcmpl-x7"), Some(9)));
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
            (r#""own":[1.0]"#, r#""error":{"message":"busy"}"#),
            ("}],", r#"},{"index":1}],"#),
            (r#""usage""#, r#""choices""#),
            (r#""total_tokens":5}}"#, r#""total_tokens":5}"#),
        ] {
            let body = PLAIN.replacen(said, other, 1);
            assert_ne!(body, PLAIN, "{said}");
            assert!(look(body.as_bytes()).is_none(), "{body}");
        }
    }
}
