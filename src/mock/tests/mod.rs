//! Claims about the mock, over real sockets.

mod bedrock;
mod strict;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::mock::{Mock, Options, start};

fn mock() -> Mock {
    start(Options::default()).expect("the mock starts")
}

/// What came back: status, head and body, the body without its chunk framing.
#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: String,
    /// The body ended as its framing says it should.
    whole: bool,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn message(&self) -> String {
        self.json()["error"]["message"].as_str().expect("a message").to_owned()
    }

    /// The JSON of all `data:` lines.
    fn events(&self) -> Vec<Value> {
        let lines = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn connect(mock: &Mock) -> TcpStream {
    let stream = TcpStream::connect(mock.addr()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream
}

fn read(mut stream: TcpStream) -> Got {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let raw = &bytes[at..];
    let (body, whole) = if head.contains("transfer-encoding: chunked") {
        let mut dechunk = crate::mock::http::Dechunk::default();
        let whole = dechunk.feed(raw).expect("good chunks").is_some();
        (dechunk.body, whole)
    } else {
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        (raw.to_vec(), length == Some(raw.len().to_string().as_str()))
    };
    Got { status, head, body: String::from_utf8_lossy(&body).into_owned(), whole }
}

fn send(mock: &Mock, head: &str, body: &str) -> Got {
    let mut stream = connect(mock);
    let length = body.len();
    let request =
        format!("{head}\r\nhost: mock\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("it reads");
    read(stream)
}

fn get(mock: &Mock, path: &str) -> Value {
    send(mock, &format!("GET {path} HTTP/1.1\r\nauthorization: Bearer k"), "").json()
}

fn openai(mock: &Mock, body: &Value) -> Got {
    let head = "POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer k";
    send(mock, head, &body.to_string())
}

fn anthropic(mock: &Mock, body: &Value) -> Got {
    let head = "POST /v1/messages HTTP/1.1\r\nx-api-key: k\r\nanthropic-version: 2023-06-01";
    send(mock, head, &body.to_string())
}

fn gemini(mock: &Mock, call: &str, body: &Value) -> Got {
    let head = format!("POST /v1beta/models/{call} HTTP/1.1\r\nx-goog-api-key: k");
    send(mock, &head, &body.to_string())
}

fn asked(text: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
}

fn with(mut body: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("an object") };
    body.as_object_mut().expect("an object").extend(fields);
    body
}

fn claude(text: &str) -> Value {
    json!({
        "model": "claude-sonnet-4-5", "max_tokens": 4096,
        "messages": [{"role": "user", "content": text}],
    })
}

fn google(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

#[test]
fn quick_and_full_readers_answer_alike() {
    let mock = mock();
    let quick = openai(&mock, &asked("Tell me of rain"));
    let full = openai(&mock, &with(asked("Tell me of rain"), json!({"seed": 1})));
    let (mut quick, mut full) = (quick.json(), full.json());
    for reply in [&mut quick, &mut full] {
        reply["id"] = Value::Null;
        reply["created"] = Value::Null;
    }
    assert_eq!(quick, full);
    assert_eq!(quick["usage"]["completion_tokens"], 60);
}

#[test]
fn an_openai_stream_has_its_parts_in_order() {
    let mock = mock();
    let body = json!({"stream": true, "stream_options": {"include_usage": true}, "n": 2});
    let got = openai(&mock, &with(asked("hi #mock tokens=3"), body));
    assert!(got.body.ends_with("data: [DONE]\n\n"), "{}", got.body);
    let events = got.events();
    assert_eq!(events.len(), 2 + 6 + 2 + 1);
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[1]["choices"][0]["index"], 1);
    assert_eq!(events[8]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[10]["choices"], json!([]));
    assert_eq!(events[10]["usage"]["completion_tokens"], 6);
    assert_eq!(events[0]["usage"], Value::Null);
}

#[test]
fn who_tells_functions_hears_one_call_in_the_older_form() {
    let mock = mock();
    let function = json!({"name": "look", "parameters": {"type": "object", "properties": {}}});
    let older = json!({"functions": [function], "function_call": {"name": "look"}});
    let whole = openai(&mock, &with(asked("hi"), older.clone())).json();
    let choice = &whole["choices"][0];
    assert_eq!(choice["finish_reason"], "function_call", "{whole}");
    assert_eq!(choice["message"]["function_call"], json!({"name": "look", "arguments": "{}"}));
    assert!(choice["message"]["tool_calls"].is_null(), "{whole}");
    let streamed = with(with(asked("hi"), older), json!({"stream": true}));
    let got = openai(&mock, &streamed);
    assert!(!got.body.contains("tool_calls"), "{}", got.body);
    let events = got.events();
    let called: Vec<_> = events.iter().map(|event| &event["choices"][0]["delta"]["function_call"]).collect();
    assert!(called.iter().any(|call| call["name"] == "look"), "{}", got.body);
    let arguments: String = called.iter().filter_map(|call| call["arguments"].as_str()).collect();
    assert_eq!(arguments, "{}");
}

#[test]
fn an_anthropic_stream_has_its_parts_in_order() {
    let mock = mock();
    let tools = json!([{"name": "look", "input_schema": {
        "type": "object", "properties": {"city": {"type": "string"}}}}]);
    let body = json!({"stream": true, "tools": tools,
        "thinking": {"type": "enabled", "budget_tokens": 1024}});
    let got = anthropic(&mock, &with(claude("hi #mock interleave tools=2"), body));
    let events = got.events();
    let mut kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    kinds.dedup();
    let block = ["content_block_start", "content_block_delta", "content_block_stop"];
    let mut wanted = vec!["message_start", block[0], "ping", block[1], block[2]];
    wanted.extend([block; 4].concat());
    wanted.extend(["message_delta", "message_stop"]);
    assert_eq!(kinds, wanted);
    let json: String = events
        .iter()
        .filter(|event| event["index"] == 2)
        .filter_map(|event| event["delta"]["partial_json"].as_str())
        .collect();
    assert_eq!(json, r#"{"city":"Paris"}"#);
    let delta = &events[events.len() - 2];
    assert_eq!(delta["delta"]["stop_reason"], "tool_use");
    assert!(delta["usage"]["output_tokens"].as_u64() > Some(16), "{delta}");
}

#[test]
fn a_gemini_array_stream_is_one_json_array() {
    let mock = mock();
    let got = gemini(&mock, "gemini-2.5-flash:streamGenerateContent", &google("hello"));
    let elements = got.json();
    let elements = elements.as_array().expect("an array");
    assert_eq!(elements.len(), 15);
    assert_eq!(elements[14]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(elements[14]["usageMetadata"]["candidatesTokenCount"], 60);
    assert!(elements[0]["candidates"][0].get("finishReason").is_none());
}

#[test]
fn a_cut_stream_lacks_its_end_and_an_ended_one_its_terminator() {
    let mock = mock();
    let stream = json!({"stream": true});
    let cut = openai(&mock, &with(asked("#mock cut=3"), stream.clone()));
    assert_eq!((cut.events().len(), cut.whole), (3, false));
    let end = openai(&mock, &with(asked("#mock end=3"), stream.clone()));
    assert_eq!((end.events().len(), end.whole), (3, true));
    assert!(!end.body.contains("[DONE]"));
    let failed = anthropic(&mock, &with(claude("#mock stream_error=4"), stream));
    assert_eq!((failed.events().len(), failed.whole), (5, true));
    assert!(failed.body.contains("event: error\n"), "{}", failed.body);
}

#[test]
fn hard_to_read_streams_say_the_same() {
    let mock = mock();
    let words = |directive: &str| {
        let prompt = format!("#mock unicode {directive}");
        let got = openai(&mock, &with(asked(&prompt), json!({"stream": true})));
        assert!(got.whole && !got.body.contains('\u{fffd}'));
        let events = got.events();
        let deltas = events.iter().map(|event| &event["choices"][0]["delta"]["content"]);
        deltas.filter_map(Value::as_str).filter(|text| !text.is_empty()).count()
    };
    for directive in ["", "chunk=1", "chunk=7", "crlf", "comments", "crlf comments chunk=3"] {
        assert_eq!(words(directive), 60, "{directive}");
    }
}

#[test]
fn errors_have_the_vendors_shape() {
    let mock = mock();
    let limited = openai(&mock, &asked("#mock error=429 retry_after=3"));
    assert_eq!(limited.status, 429);
    assert!(limited.head.contains("\r\nretry-after: 3\r\n"), "{}", limited.head);
    assert_eq!(limited.json()["error"]["code"], "rate_limit_exceeded");
    let busy = anthropic(&mock, &with(claude("x"), json!({"model": "mock-error-529"})));
    assert_eq!((busy.status, &busy.json()["error"]["type"]), (529, &json!("overloaded_error")));
    let quota = gemini(&mock, "gemini-2.5-flash:generateContent", &google("#mock error=429"));
    assert_eq!(quota.json()["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(quota.json()["error"]["details"][2]["retryDelay"], "7s");
    let page = openai(&mock, &asked("#mock html"));
    assert_eq!(page.status, 502);
    assert!(page.body.starts_with("<html>"));
    let head = "POST /v1beta/models/gemini-2.5-flash:generateContent?key=bad-key HTTP/1.1";
    let key = send(&mock, head, &google("x").to_string());
    assert_eq!((key.status, &key.json()["error"]["details"][0]["reason"]), (400, &json!("API_KEY_INVALID")));
}

#[test]
fn a_marked_prefix_is_written_once_and_then_read() {
    let mock = mock();
    let body = with(
        claude("hello"),
        json!({"system": [{"type": "text", "text": "x".repeat(400),
        "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}),
    );
    let first = anthropic(&mock, &body).json();
    assert_eq!(first["usage"]["cache_creation"]["ephemeral_1h_input_tokens"], 100);
    assert_eq!(first["usage"]["input_tokens"], 1);
    let second = anthropic(&mock, &body).json();
    assert_eq!(second["usage"]["cache_read_input_tokens"], 100);
    assert_eq!(second["usage"]["cache_creation_input_tokens"], 0);
    let long = asked(&"word ".repeat(1000));
    assert_eq!(openai(&mock, &long).json()["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(openai(&mock, &long).json()["usage"]["prompt_tokens_details"]["cached_tokens"], 1152);
}

#[test]
fn chunked_and_pipelined_requests_are_read() {
    let mock = mock();
    let body = asked("hi").to_string();
    let (one, two) = body.split_at(10);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: m\r\nauthorization: Bearer k\r\n";
    let chunked = format!(
        "{head}transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n{:x}\r\n{one}\r\n{:x};a=b\r\n{two}\r\n0\r\nx: y\r\n\r\n",
        one.len(),
        two.len()
    );
    let last = format!("{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = connect(&mock);
    stream.write_all(format!("{chunked}{last}").as_bytes()).expect("it reads");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("two answers");
    assert_eq!(all.matches("HTTP/1.1 200 OK").count(), 2, "{all}");
    assert_eq!(get(&mock, "/__mock/last")["body"], asked("hi"));
    assert_eq!(get(&mock, "/__mock/requests?n=5").as_array().map(Vec::len), Some(2));
}

#[test]
fn a_client_that_leaves_a_stream_is_counted() {
    let mock = mock();
    let body = with(asked("#mock rate=20 tokens=1000"), json!({"stream": true})).to_string();
    let mut stream = connect(&mock);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer k";
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut some = [0; 64];
    stream.read_exact(&mut some).expect("the stream begins");
    drop(stream);
    let gone = (0..500).any(|_| {
        std::thread::yield_now();
        get(&mock, "/__mock/stats")["client_gone"] == 1
    });
    assert!(gone, "{}", get(&mock, "/__mock/stats"));
}

#[test]
fn a_share_of_requests_fails_when_asked_to() {
    let mock = start(Options { failure_rate: 0.5, ..Options::default() }).expect("it starts");
    let failed = (0..100).filter(|_| openai(&mock, &asked("x")).status >= 500).count();
    assert!((20..80).contains(&failed), "{failed}");
}

#[test]
fn an_embedding_is_the_same_in_both_encodings() {
    let mock = mock();
    let embed = |encoding: &str| {
        let body = json!({"model": "text-embedding-3-small", "input": ["a b"], "dimensions": 8,
            "encoding_format": encoding});
        let head = "POST /v1/embeddings HTTP/1.1\r\nauthorization: Bearer k";
        send(&mock, head, &body.to_string()).json()["data"][0]["embedding"].clone()
    };
    let packed = crate::mock::say::media::decode(embed("base64").as_str().expect("text")).expect("base64");
    let unpacked: Vec<_> = packed
        .chunks(4)
        .map(|four| f64::from(f32::from_le_bytes(four.try_into().expect("four bytes"))))
        .collect();
    for (number, wanted) in embed("float").as_array().expect("a list").iter().zip(unpacked) {
        assert!((number.as_f64().expect("a number") - wanted).abs() < 1e-6);
    }
}
