//! An answer as a response.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Map, Value, json};

use super::Form;
use crate::mock::say::{Answer, Block, Call, Finish};
use crate::mock::{World, unix_now};

const REFUSED: &str = "I'm sorry, but I can't help with that.";

/// How this mock's seals begin once they are decoded.
const SEAL: &str = "mock-sealed:";

/// The whole response.
pub(super) fn response(form: &Form, answer: &Answer, world: &World) -> Value {
    let (status, why) = match &answer.finish {
        Finish::Length => ("incomplete", json!({"reason": "max_output_tokens"})),
        Finish::Scripted(word) if word == "content_filter" => {
            ("incomplete", json!({"reason": "content_filter"}))
        }
        Finish::Stop | Finish::StopString(_) | Finish::Tools | Finish::Scripted(_) => {
            ("completed", Value::Null)
        }
    };
    let mut response = Map::new();
    let mut put = |key: &str, value: Value| drop(response.insert(key.to_owned(), value));
    put("id", world.id("resp_", 48).into());
    put("object", "response".into());
    put("created_at", unix_now().into());
    put("status", status.into());
    put("background", false.into());
    put("error", Value::Null);
    put("incomplete_details", why);
    for (key, usual) in [
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("max_tool_calls", Value::Null),
        ("model", Value::Null),
        ("parallel_tool_calls", true.into()),
        ("previous_response_id", Value::Null),
        ("prompt_cache_key", Value::Null),
        ("reasoning", json!({"effort": null, "summary": null})),
        ("safety_identifier", Value::Null),
        ("store", true.into()),
        ("temperature", 1.0.into()),
        ("text", json!({"format": {"type": "text"}, "verbosity": "medium"})),
        ("tool_choice", "auto".into()),
        ("tools", json!([])),
        ("top_logprobs", 0.into()),
        ("top_p", 1.0.into()),
        ("truncation", "disabled".into()),
        ("user", Value::Null),
        ("metadata", json!({})),
    ] {
        let said = form.body.get(key).filter(|value| !value.is_null());
        put(key, said.cloned().unwrap_or(usual));
    }
    put("service_tier", "default".into());
    put("output", output(form, answer, status, world).into());
    put("usage", if form.no_usage { Value::Null } else { usage(form, answer) });
    response.into()
}

fn output(form: &Form, answer: &Answer, status: &str, world: &World) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(thought) = &answer.reasoning {
        let summary =
            if form.summary { json!([{"type": "summary_text", "text": thought.text}]) } else { json!([]) };
        let mut item = json!({"id": world.id("rs_", 48), "type": "reasoning", "summary": summary});
        if form.sealed {
            item["encrypted_content"] = seal(&thought.text).into();
        }
        items.push(item);
    }
    for block in &answer.blocks {
        items.push(match block {
            Block::Text(pieces) => message(form, answer, &pieces.text, status, world),
            Block::Call(call) => self::call(form, call, world),
        });
    }
    items
}

fn message(form: &Form, answer: &Answer, text: &str, status: &str, world: &World) -> Value {
    let refused = matches!(&answer.finish, Finish::Scripted(word) if word == "refusal");
    let part = if refused {
        json!({"type": "refusal", "refusal": REFUSED})
    } else {
        let annotations = if form.citations {
            json!([{"type": "url_citation", "start_index": 0, "end_index": 12, "title": "Example",
                "url": "https://example.com/source"}])
        } else {
            json!([])
        };
        let logprobs = if form.logprobs {
            json!([{"token": text, "logprob": -0.0125, "bytes": text.bytes().collect::<Vec<_>>(), "top_logprobs": []}])
        } else {
            json!([])
        };
        json!({"type": "output_text", "annotations": annotations, "logprobs": logprobs, "text": text})
    };
    json!({"id": world.id("msg_", 48), "type": "message", "status": status, "content": [part], "role": "assistant"})
}

fn call(form: &Form, call: &Call, world: &World) -> Value {
    let call_id = world.id("call_", 24);
    if form.custom.contains(&call.name) {
        return json!({"id": world.id("ctc_", 48), "type": "custom_tool_call", "status": "completed",
            "call_id": call_id, "input": format!("say hello to {}", call.name), "name": call.name});
    }
    json!({"id": world.id("fc_", 48), "type": "function_call", "status": "completed",
        "arguments": call.arguments.text, "call_id": call_id, "name": call.name})
}

fn usage(form: &Form, answer: &Answer) -> Value {
    let (input, output) = (form.ask.prompt, answer.tokens());
    json!({"input_tokens": input, "input_tokens_details": {"cached_tokens": form.cached},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": answer.reasoned()},
        "total_tokens": input + output})
}

/// The seal of a thought.
fn seal(thought: &str) -> String {
    format!("gAAAAAB{}", URL_SAFE.encode(format!("{SEAL}{thought}")))
}

/// Whether this mock sealed a thought so.
pub(super) fn is_sealed(seal: &str) -> bool {
    let bytes = seal.strip_prefix("gAAAAAB").and_then(|seal| URL_SAFE.decode(seal).ok());
    bytes.is_some_and(|bytes| bytes.starts_with(SEAL.as_bytes()))
}
