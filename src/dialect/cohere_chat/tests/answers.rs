//! Answers: usage, errors and streams, both ways.

use http::HeaderMap;
use serde_json::{Value, json};

use crate::dialect::cohere_chat::{CohereChat, write_in_stream};
use crate::dialect::{Codec, Framing, Seed, StreamShape};
use crate::ir::{
    Citation, Content, Delta, Event, Finish, FinishReason, Losses, Opening, ToolKind, Usage, fold,
};
use crate::refusal::{Kind, Refusal};

#[test]
fn what_is_billed_counts_and_only_what_of_it_was_cached() {
    let find = |usage: &Value| CohereChat.find_usage(json!({"usage": usage}).to_string().as_bytes());
    let usage = |billed: u64, read: u64, cached: u64| {
        json!({"billed_units": {"input_tokens": billed, "output_tokens": 2},
            "tokens": {"input_tokens": read, "output_tokens": 4}, "cached_tokens": cached})
    };
    for (billed, read, cached, expected) in [
        (2406, 2935, 2928, 2399),
        (35, 1453, 1024, 0),
        (80, 1494, 1008, 0),
        (10, 10, 10, 10),
        (10, 10, 900, 10),
    ] {
        let told = find(&usage(billed, read, cached)).unwrap();
        let counted = Usage { input: billed - expected, cache_read: expected, output: 2, ..Usage::default() };
        assert_eq!(told, counted, "{billed} {read} {cached}");
    }
    let whole = find(&json!({"tokens": {"input_tokens": 5.0, "output_tokens": 7.0}})).unwrap();
    assert_eq!((whole.input, whole.output), (5, 7));
    assert_eq!(find(&json!({"billed_units": {"search_units": 1}})), None);
}

#[test]
fn an_error_is_known_by_its_status_and_its_words() {
    let kind = |status: u16, message: &str| {
        let body = json!({"id": "0c4c5c5d", "message": message}).to_string();
        let fault = CohereChat.parse_error(status, &HeaderMap::new(), body.as_bytes());
        assert_eq!(fault.message, message);
        fault.kind
    };
    assert_eq!(kind(400, "too many tokens: size limit exceeded by 2 tokens."), Kind::ContextWindow);
    assert_eq!(kind(400, "invalid request: unknown field"), Kind::InvalidRequest);
    assert_eq!(kind(401, "invalid api token"), Kind::Authentication);
    assert_eq!(kind(402, "Please add or update your payment method"), Kind::Billing);
    assert_eq!(kind(404, "model 'x' not found"), Kind::NotFound);
    assert_eq!(kind(429, "You are using a Trial key"), Kind::RateLimited);
    assert_eq!(kind(498, "a deny-listed token"), Kind::ContentPolicy);
    assert_eq!(kind(499, "request cancelled"), Kind::Timeout);
    assert_eq!(kind(503, "no capacity"), Kind::Overloaded);
    let said = CohereChat.render_error(&Refusal::new(Kind::NotFound, "no such model"));
    assert_eq!(said, br#"{"message":"no such model"}"#);
}

fn told(events: &[Value]) -> Vec<Event> {
    let mut parser = CohereChat.stream_parser();
    let mut out = Vec::new();
    for event in events {
        parser.push(event["type"].as_str(), event.to_string().as_bytes(), &mut out);
    }
    parser.finish(&mut out);
    out
}

fn content(index: u64, content: &Value) -> Value {
    let name = if content.get("type").is_some() { "content-start" } else { "content-delta" };
    json!({"type": name, "index": index, "delta": {"message": {"content": content}}})
}

#[test]
fn what_cites_words_may_come_after_their_end() {
    let events = told(&[
        json!({"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant"}}}),
        content(0, &json!({"type": "thinking", "thinking": ""})),
        content(0, &json!({"thinking": "Hm."})),
        json!({"type": "content-end", "index": 0}),
        content(1, &json!({"type": "text", "text": ""})),
        content(1, &json!({"text": "Emperors."})),
        json!({"type": "content-end", "index": 1}),
        json!({"type": "citation-start", "index": 0, "delta": {"message": {"citations": {
            "start": 0, "end": 8, "text": "Emperors", "content_index": 1, "type": "TEXT_CONTENT",
            "sources": [{"type": "document", "id": "d", "document": {"id": "d", "title": "Birds"}}]}}}}),
        json!({"type": "citation-end", "index": 0}),
        json!({"type": "debug", "prompt": "<BOS>"}),
        json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}),
    ]);
    let reply = fold::fold(events).unwrap();
    let [thought, words] = reply.candidates[0].blocks.as_slice() else { panic!("{reply:?}") };
    assert!(matches!(&thought.content, Content::Reasoning(thought) if thought.text == "Hm."));
    let Content::Text { text, citations } = &words.content else { panic!("{words:?}") };
    assert_eq!(text, "Emperors.");
    let [Citation { title, start, end, .. }] = citations.as_slice() else { panic!("{citations:?}") };
    assert_eq!((title.as_deref(), *start, *end), (Some("Birds"), Some(0), Some(8)));
}

#[test]
fn an_answer_that_ends_in_an_error_is_none() {
    for (reason, kind) in [("ERROR", Kind::Internal), ("TIMEOUT", Kind::Timeout)] {
        let end = json!({"type": "message-end", "delta": {"finish_reason": reason, "error": "gone"}});
        let events = told(&[content(0, &json!({"type": "text", "text": "a"})), end]);
        let fault = events.iter().find_map(|event| match event {
            Event::Fault(fault) => Some((fault.kind, fault.message.as_str())),
            _ => None,
        });
        assert_eq!(fault, Some((kind, "gone")));
        assert_eq!(events.last(), Some(&Event::End));
        assert!(!events.iter().any(|event| matches!(event, Event::Finish { .. })));
        let whole =
            json!({"id": "a", "message": {"role": "assistant"}, "finish_reason": reason, "error": "gone"});
        assert_eq!(CohereChat.parse_reply(whole.to_string().as_bytes()).unwrap_err().message, "gone");
    }
}

#[test]
fn blocks_that_are_open_at_once_are_told_one_after_the_other() {
    let mut renderer =
        CohereChat.stream_renderer(&seed(), StreamShape { framing: Framing::Sse, usage: true });
    let (mut out, mut losses) = (Vec::new(), Losses::new());
    let call = |index: u32, name: &str| Event::BlockStart {
        index,
        candidate: 0,
        opening: Opening::ToolCall {
            id: format!("{name}_1"),
            name: name.to_owned(),
            kind: ToolKind::Function,
        },
    };
    let more = |index: u32, text: &str| Event::Delta { index, delta: Delta::Arguments(text.to_owned()) };
    for event in [
        call(0, "a"),
        call(1, "b"),
        more(1, "{\"y\":"),
        more(0, "{\"x\":1}"),
        more(1, "2}"),
        Event::BlockStop { index: 0 },
        Event::BlockStop { index: 1 },
        Event::Finish { candidate: 0, finish: Finish::new(FinishReason::ToolCalls) },
        Event::End,
    ] {
        renderer.push(&event, &mut out, &mut losses);
    }
    let text = String::from_utf8(out).unwrap();
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(
        names,
        [
            "message-start",
            "tool-call-start",
            "tool-call-delta",
            "tool-call-end",
            "tool-call-start",
            "tool-call-delta",
            "tool-call-delta",
            "tool-call-end",
            "message-end",
        ]
    );
    assert!(text.contains(r#""finish_reason":"TOOL_CALL""#), "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
}

fn seed() -> Seed {
    Seed {
        id: "1".to_owned(),
        created: 0,
        model: "m".to_owned(),
        input_tokens: 0,
        asked: bytes::Bytes::new(),
        kept: false,
    }
}

#[test]
fn a_refusal_inside_a_stream_is_its_end() {
    let mut out = Vec::new();
    write_in_stream(&Refusal::new(Kind::Overloaded, "no capacity"), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("event: message-end\ndata: "), "{text}");
    let data: Value =
        serde_json::from_str(text.lines().nth(1).unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(data["delta"], json!({"finish_reason": "ERROR", "error": "no capacity"}));
}
