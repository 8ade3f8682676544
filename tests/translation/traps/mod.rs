//! The traps that others fell into, each a named test: what a request, an answer, a stream or an
//! error of one dialect becomes in another.

mod answers;
mod bedrock;
mod calls;
mod claude_code;
mod content;
mod errors;
mod gemini;
mod services;
mod steering;
mod streams;
mod thinking;
mod tools;
mod vendors;

use http::HeaderMap;
use serde_json::{Value, json};
use tollgate::dialect::transcode::{self, Transcoder};
use tollgate::dialect::{Restore, codec};
use tollgate::fault::Fault;
use tollgate::ir::Dialect::{
    self, AnthropicMessages as Claude, BedrockConverse as Bedrock, GeminiGenerate as Gemini,
    OpenaiChat as Chat, OpenaiResponses as Responses,
};
use tollgate::ir::Losses;

use crate::corpus::{self, SSE, Target, ask, seed};

/// A request as one target is told it.
struct Said {
    body: Value,
    losses: String,
    restore: Restore,
}

impl Said {
    /// Whether the ledger names this, such as `seed;dropped`.
    fn lost(&self, what: &str) -> bool {
        self.losses.split(", ").any(|loss| loss == what)
    }
}

fn gpt() -> Target {
    corpus::target(Chat, "openai", "gpt-4.1")
}

fn thinking_gpt() -> Target {
    corpus::target(Chat, "openai", "gpt-5.1")
}

fn sonnet() -> Target {
    corpus::target(Claude, "anthropic", "claude-sonnet-4-5")
}

fn opus() -> Target {
    corpus::target(Claude, "anthropic", "claude-opus-4-8")
}

fn flash() -> Target {
    corpus::target(Gemini, "gemini", "gemini-2.5-flash")
}

fn gemini_3() -> Target {
    corpus::target(Gemini, "gemini", "gemini-3-pro-preview")
}

fn sonnet_there() -> Target {
    corpus::target(Bedrock, "bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
}

fn nova() -> Target {
    corpus::target(Bedrock, "bedrock", "us.amazon.nova-2-lite-v1:0")
}

/// Says a client's request to a target.
fn say(from: Dialect, request: &Value, to: &Target) -> Said {
    let request = ask(from, request.to_string().as_bytes()).unwrap();
    let mut losses = Losses::new();
    let rendered = codec(to.dialect).render_request(&request, to.model, &to.profile, &mut losses);
    let body = serde_json::from_slice(&rendered.body).unwrap();
    Said { body, losses: losses.to_header(), restore: rendered.restore }
}

/// A chat request with these members beside a short conversation.
fn chat(members: &Value) -> Value {
    with(json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}), members)
}

/// An Anthropic request with these members beside a short conversation.
fn claude(members: &Value) -> Value {
    with(json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}), members)
}

fn with(mut whole: Value, members: &Value) -> Value {
    whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    whole
}

/// Says an upstream's answer to a client.
fn answer(from: Dialect, body: &Value, restore: &Restore, to: Dialect) -> Value {
    let body = body.to_string();
    let (_, said) =
        transcode::reply(from, to, restore, &seed(), body.as_bytes(), &mut Losses::new()).unwrap();
    serde_json::from_slice(&said).unwrap()
}

/// Says an upstream's stream to a client; the data of each event, in order.
fn stream(from: Dialect, bytes: &str, restore: &Restore, to: Dialect) -> Vec<Value> {
    let mut pipe = Transcoder::new(from, to, restore.clone(), &seed(), SSE);
    let mut out = Vec::new();
    pipe.push(&corpus::sent(from, bytes.as_bytes()), &mut out, &mut |_| {});
    pipe.finish(&mut out, &mut |_| {});
    if to == Bedrock {
        return corpus::written(to, &out)
            .into_iter()
            .map(|(name, data)| bedrock_event(&name.unwrap(), &data))
            .collect();
    }
    let data = String::from_utf8(out).unwrap();
    let whole = matches!(to, Dialect::OllamaChat | Dialect::OllamaGenerate);
    let data = data.lines().filter_map(|line| if whole { Some(line) } else { line.strip_prefix("data: ") });
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| Value::from(data))).collect()
}

/// One event of Bedrock's under its name; an exception as the error that it is.
fn bedrock_event(name: &str, data: &[u8]) -> Value {
    let data: Value = serde_json::from_slice(data).unwrap();
    if name.ends_with("Exception") {
        return json!({"error": {"message": data["message"], "type": name}});
    }
    let mut event = json!({});
    event[name] = data;
    event
}

/// A stream of these events as Bedrock sends them.
fn bedrock_stream(events: &[(&str, Value)]) -> String {
    events.iter().map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).collect()
}

/// A stream of these events as chat sends them.
fn chat_stream(deltas: &[Value]) -> String {
    let chunk = |delta: &Value| {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": null}]);
        format!(
            "data: {}\n\n",
            json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": choices})
        )
    };
    deltas.iter().map(chunk).collect()
}

/// The last chunks of a chat stream.
fn chat_end(reason: &str) -> String {
    let choices = json!([{"index": 0, "delta": {}, "finish_reason": reason}]);
    format!("data: {}\n\ndata: [DONE]\n\n", json!({"id": "c", "model": "m", "choices": choices}))
}

/// A stream of these events as Anthropic sends them.
fn claude_stream(events: &[Value]) -> String {
    let frame = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    events.iter().map(frame).collect()
}

/// The start of an Anthropic stream.
fn claude_start() -> Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "claude-sonnet-4-5", "content": [], "stop_reason": null,
        "usage": {"input_tokens": 7, "cache_read_input_tokens": 100, "output_tokens": 1}}})
}

/// A stream of these slices as Gemini sends them.
fn gemini_stream(slices: &[Value]) -> String {
    slices.iter().map(|slice| format!("data: {slice}\r\n\r\n")).collect()
}

/// Reads an upstream's error.
fn fault(from: Dialect, status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Fault {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    codec(from).parse_error(status, &map, body.as_bytes())
}
