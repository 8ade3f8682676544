//! Sber's `GigaChat`: tools in their older form, whose arguments are objects
//! (<https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-chat>, seen 2026-11).

use serde_json::{Map, Value, json};

use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::openai::embeddings::vector;
use crate::mock::play::{Act, Body, Fault, Pace, Say};
use crate::mock::say::tokens_of;

/// Models of these names are `GigaChat`'s, wherever they are asked for.
pub(super) fn is_own(request: &Request<'_>, path: &str) -> bool {
    let names = |model: &[u8]| memchr::memmem::find(request.body, model).is_some();
    path.ends_with("/chat/completions") && names(br#""model":"GigaChat"#)
        || path.ends_with("/embeddings") && names(br#""model":"Embeddings"#)
}

pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Act {
    if !request.bearer().is_some_and(|token| token.starts_with("token-")) {
        return refuse(401, "Token has expired");
    }
    let answered = super::object(request).and_then(|body| {
        if path.ends_with("/embeddings") { vectors(&body, world) } else { chat(body, world) }
    });
    answered.unwrap_or_else(|refusal| refuse(refusal.status, &refusal.message))
}

fn chat(mut body: Map<String, Value>, world: &World) -> Result<Act, Refusal> {
    for key in ["tools", "tool_choice", "stream_options", "response_format"] {
        if body.contains_key(key) {
            return Err(invalid(&format!("unexpected field: {key}")));
        }
    }
    let messages = body.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut open = None;
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "system" && index > 0 {
            return Err(invalid("system message must be the first message"));
        }
        let Some(content) = message["content"].as_str() else {
            return Err(invalid("messages.content: expected a string"));
        };
        match (role, open.take()) {
            ("function", Some(name)) => {
                if message["name"] != name {
                    return Err(invalid("function message: another function was called"));
                }
                if serde_json::from_str::<Value>(content).is_err() {
                    return Err(invalid("function message content is not valid JSON"));
                }
            }
            ("function", None) => return Err(invalid("function message must follow a function_call")),
            (_, Some(_)) => return Err(invalid("function_call must be followed by a function message")),
            ("assistant", None) if message["function_call"].is_object() => {
                let call = &message["function_call"];
                if !call["arguments"].is_object() {
                    return Err(invalid("function_call.arguments: expected an object"));
                }
                open = Some(call["name"].clone());
            }
            ("system" | "user" | "assistant", None) => {}
            (other, None) => return Err(invalid(&format!("unknown role: {other}"))),
        }
    }
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(arguments) = message.pointer_mut("/function_call/arguments") {
            *arguments = arguments.to_string().into();
        }
    }
    if let Some(Value::Object(named)) = body.remove("function_call") {
        body.insert("tool_choice".to_owned(), json!({"type": "function", "function": named}));
    }
    if let Some(functions) = body.get("functions").and_then(Value::as_array) {
        let tools: Vec<Value> =
            functions.iter().map(|function| json!({"type": "function", "function": function})).collect();
        body.remove("functions");
        body.insert("tools".to_owned(), tools.into());
    }
    if body.contains_key("tools") {
        body.insert("parallel_tool_calls".to_owned(), false.into());
    }
    if body.get("stream") == Some(&Value::Bool(true)) {
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    let frame = |value: Option<&Value>, _| match value {
        Some(value) => format!("data: {value}\n\n"),
        None => "data: [DONE]\n\n".to_owned(),
    };
    super::chat(body, world, say, frame)
}

/// Each vector tells its own tokens, and nothing tells them all.
fn vectors(body: &Map<String, Value>, world: &World) -> Result<Act, Refusal> {
    let input = body.get("input").unwrap_or(&Value::Null);
    let texts = input.as_array().map_or(std::slice::from_ref(input), Vec::as_slice);
    let texts: Option<Vec<&str>> = texts.iter().map(Value::as_str).collect();
    let texts = texts.ok_or_else(|| invalid("input: expected a string or a list of strings"))?;
    let told = |(index, text): (usize, &&str)| {
        json!({"object": "embedding", "embedding": vector(text, 8), "index": index,
            "usage": {"prompt_tokens": tokens_of(text.len())}})
    };
    let data: Vec<Value> = texts.iter().enumerate().map(told).collect();
    let said = json!({"object": "list", "data": data, "model": body["model"]});
    Ok(Dialect::OpenAi.json(world, said.to_string()))
}

/// A whole answer or a chunk: the first call alone, its arguments as an object.
fn say(value: &mut Value) {
    value["object"] = "chat.completion".into();
    for choice in value["choices"].as_array_mut().into_iter().flatten() {
        for key in ["message", "delta"] {
            let Some(said) = choice.get_mut(key).and_then(Value::as_object_mut) else { continue };
            if let Some(calls) = said.remove("tool_calls") {
                let function = &calls[0]["function"];
                let text = function["arguments"].as_str().unwrap_or_default();
                let arguments: Value = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
                // Of a call that comes in pieces only the first has a name.
                if function["name"].is_string() {
                    said.insert(
                        "function_call".to_owned(),
                        json!({"name": function["name"], "arguments": arguments}),
                    );
                    said.insert(
                        "functions_state_id".to_owned(),
                        "77d3fb14-457a-46ba-937e-8d856156d003".into(),
                    );
                }
                said.insert("content".to_owned(), "".into());
            }
        }
        if choice["finish_reason"] == "tool_calls" {
            choice["finish_reason"] = "function_call".into();
        }
    }
    if let Some(usage) = value["usage"].as_object_mut() {
        usage.retain(|key, _| !key.ends_with("_details"));
        usage.insert("precached_prompt_tokens".to_owned(), 3.into());
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::bad(message).with_status(422)
}

fn refuse(status: u16, message: &str) -> Act {
    let body = json!({"status": status, "message": message});
    Act::Say(Box::new(Say {
        status,
        kind: "application/json",
        headers: String::new(),
        body: Body::Whole(body.to_string().into_bytes()),
        pace: Pace::default(),
        fault: Fault::default(),
    }))
}
