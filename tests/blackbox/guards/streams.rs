//! Guards over streams that run, however they are framed: what is taken out, and what is said where one ends.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use serde_json::{Value, json};

use super::MAIL;
use crate::harness::{CLIENTS, End, Gateway, Heard, PATIENCE, Provider, Request, Setup, Then, post};

/// A provider that begins a stream of this type, waits for the test, and then writes the rest at once.
fn hesitant(kind: &'static str, first: Vec<u8>, rest: Vec<u8>) -> (Provider, Sender<()>) {
    let (go, wait) = channel();
    let wait = Mutex::new(wait);
    let provider = Provider::start(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
        Heard::answer(stream, &[head.as_bytes(), &first].concat());
        let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        Heard::answer(stream, &rest);
        Then::Close
    });
    (provider, go)
}

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    format!("data: {chunk}\n\n")
}

/// What comes of a stream up to this word, and behind it once the provider goes on.
fn begun(gateway: &Gateway, request: &Request, word: &str, go: &Sender<()>) -> (String, String, End) {
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body.clone()].concat());
    let mut head = conn.head();
    assert_eq!(head.status, 200);
    let before = conn.read_until(&mut head, word);
    go.send(()).unwrap();
    let (rest, end) = conn.rest(&mut head);
    (before, rest, end)
}

#[test]
fn a_stream_that_a_guard_ends_tells_so_though_its_end_came_with_it() {
    let first = chunk(&json!({"role": "assistant", "content": "Well then, "}), None);
    let rest = [
        chunk(&json!({"content": format!("write to {MAIL} now")}), None),
        chunk(&json!({}), Some("stop")),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let (provider, go) = hesitant("text/event-stream", first.into(), rest.into());
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr))
        .yaml("guards:\n  pii: {detect: [email], action: block, on: [answer]}")
        .start();
    let chat =
        json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let mut asked: Vec<_> = CLIENTS.iter().map(|client| client.stream("gpt-4o-mini", "hi")).collect();
    asked.push(post("/p/openai/v1/chat/completions").json(&chat));
    asked.push(post("/api/chat").json(&chat));
    asked.push(
        post("/v1beta/models/gpt-4o-mini:streamGenerateContent")
            .json(&json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})),
    );
    for request in asked {
        let (before, rest, end) = begun(&gateway, &request, "Well", &go);
        let path = &request.path;
        assert!(rest.contains("does not let this answer pass: email"), "{path}: {before}|{rest}");
        assert!(!rest.contains(MAIL) && !rest.contains("stop") && !rest.contains("STOP"), "{path}: {rest}");
        assert_eq!(end, End::Clean, "{path}: {rest}");
        let whole = [before.as_str(), &rest].concat();
        if path.ends_with("streamGenerateContent") {
            let elements: Value = serde_json::from_str(&whole).unwrap_or_else(|_| panic!("no JSON: {whole}"));
            assert!(elements.as_array().unwrap().last().unwrap()["error"].is_object(), "{whole}");
        }
    }
}
