//! What providers behind TLS answer: whole replies and streams of all three vendors.

use serde_json::json;

use super::{Client, Step, TlsHeard};

/// Who was asked.
pub(crate) fn asked(heard: &TlsHeard) -> (Client, bool) {
    let body = String::from_utf8_lossy(&heard.body);
    let stream = heard.path.contains("stream") || body.contains("\"stream\":true");
    if heard.path.starts_with("/v1beta") {
        (Client::Gemini, stream)
    } else if heard.path.ends_with("/messages") {
        (Client::Anthropic, stream)
    } else {
        (Client::Openai, stream)
    }
}

pub(crate) fn whole(target: Client, text: &str) -> Vec<u8> {
    let body = match target {
        Client::Openai => json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
        Client::Anthropic => json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 3, "output_tokens": 2}}),
        Client::Gemini => json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"},
            "finishReason": "STOP", "index": 0}], "modelVersion": "m", "responseId": "r",
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}}),
    };
    body.to_string().into_bytes()
}

/// The pieces of a stream that says `one`, then `two`, and its end.
pub(crate) fn pieces(target: Client) -> [Vec<u8>; 3] {
    let sse = |events: &[serde_json::Value]| {
        let mut out = String::new();
        for event in events {
            if let Some(name) = event["type"].as_str() {
                out += &format!("event: {name}\n");
            }
            out += &format!("data: {event}\n\n");
        }
        out.into_bytes()
    };
    match target {
        Client::Openai => {
            let chunk = |delta, finish: Option<&str>| {
                json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
            };
            let mut last = sse(&[chunk(json!({}), Some("stop"))]);
            last.extend_from_slice(b"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n");
            [
                sse(&[chunk(json!({"role": "assistant", "content": "one"}), None)]),
                sse(&[chunk(json!({"content": "two"}), None)]),
                last,
            ]
        }
        Client::Anthropic => {
            let delta = |text| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
            [
                sse(&[
                    json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m",
                        "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 1}}}),
                    json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                    delta("one"),
                ]),
                sse(&[delta("two")]),
                sse(&[
                    json!({"type": "content_block_stop", "index": 0}),
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 2}}),
                    json!({"type": "message_stop"}),
                ]),
            ]
        }
        Client::Gemini => {
            let text = |text| json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}], "modelVersion": "m", "responseId": "r"});
            [
                sse(&[text("one")]),
                sse(&[text("two")]),
                sse(&[
                    json!({"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}],
                    "modelVersion": "m", "responseId": "r",
                    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}}),
                ]),
            ]
        }
    }
}

pub(crate) fn kind(name: &str) -> (&'static str, String) {
    ("content-type", name.to_owned())
}

pub(crate) fn json_head(status: u16) -> Step {
    Step::Head(status, vec![kind("application/json")])
}

pub(crate) fn sse_head() -> Step {
    Step::Head(200, vec![kind("text/event-stream; charset=utf-8")])
}

/// What any provider answers when nothing is wrong.
pub(crate) fn fine(heard: &TlsHeard) -> Vec<Step> {
    let (target, stream) = asked(heard);
    if !stream {
        return vec![json_head(200), Step::Last(whole(target, "onetwo"))];
    }
    let [one, two, last] = pieces(target);
    vec![sse_head(), Step::Data(one), Step::Data(two), Step::Data(last), Step::End]
}
