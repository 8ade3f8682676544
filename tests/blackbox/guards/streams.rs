//! Guards over streams that run, however they are framed: what is taken out, and what is said where one ends.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use serde_json::{Value, json};
use tollgate::wire::event_stream::{self, Parser};

use super::{MAIL, chunk, chunked};
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

#[test]
fn what_stands_in_pieces_before_the_one_that_a_guard_ends_is_told() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let first = chunk(&json!({"role": "assistant", "content": "Well then, "}), None);
    let rest = [
        chunk(&json!({"content": "all of this is fine, they say. "}), None),
        chunk(&json!({"content": format!("So write to {MAIL} now")}), None),
        chunk(&json!({}), Some("stop")) + "data: [DONE]\n\n",
    ];
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let provider = Provider::start(move |_, stream| {
        Heard::answer(stream, &[head.as_bytes(), &chunked(std::slice::from_ref(&first))].concat());
        let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        Heard::answer(stream, &[chunked(&rest), b"0\r\n\r\n".to_vec()].concat());
        Then::Close
    });
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr))
        .yaml("guards:\n  pii: {detect: [email], action: block, on: [answer]}")
        .start();
    for client in CLIENTS {
        for _ in 0..3 {
            let (before, rest, end) = begun(&gateway, &client.stream("gpt-4o-mini", "hi"), "Well", &go);
            let whole = [before, rest].concat();
            assert_eq!(client.streamed_text(&whole), "Well then, all of this is fine, they say. ", "{whole}");
            assert!(client.error_in(&whole).is_some() && end == End::Clean, "{whole}");
        }
    }
}

#[test]
fn an_array_that_a_guard_ends_in_its_first_piece_is_one() {
    let all = [
        chunk(&json!({"role": "assistant", "content": "Well then, "}), None),
        chunk(&json!({"content": format!("write to {MAIL} now")}), None),
    ]
    .concat();
    let (provider, go) = hesitant("text/event-stream", all.into(), Vec::new());
    go.send(()).unwrap();
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr))
        .yaml("guards:\n  pii: {detect: [email], action: block, on: [answer]}")
        .start();
    let asked = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let reply = gateway.ask(&post("/v1beta/models/gpt-4o-mini:streamGenerateContent").json(&asked));
    let told = reply.json();
    let error = if reply.status == 200 { &told[told.as_array().unwrap().len() - 1] } else { &told };
    assert!(error["error"]["message"].as_str().unwrap().contains("pass: email"), "{told}");
}

#[test]
fn lines_that_go_through_are_looked_at() {
    let line = |said: &str, done: bool| {
        let line = json!({"model": "m", "created_at": "2026-11-01T00:00:00Z",
            "message": {"role": "assistant", "content": said}, "done": done});
        format!("{line}\n")
    };
    let rest =
        [line("to anna.", false), line("berg@example.com", false), line(" now", false), line("", true)];
    let (provider, go) = hesitant("application/x-ndjson", line("Write ", false).into(), rest.concat().into());
    let started = |action: &str| {
        Setup::default()
            .provider(&format!("ollama: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr))
            .yaml(&format!("guards:\n  pii: {{detect: [email], action: {action}, on: [answer]}}"))
            .start()
    };
    let request = post("/p/ollama/api/chat")
        .json(&json!({"model": "llama3.2", "messages": [{"role": "user", "content": "hi"}]}));
    let (before, rest, end) = begun(&started("mask"), &request, "Write", &go);
    let said: String = [before, rest]
        .concat()
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["message"]["content"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!((said.as_str(), end), ("Write to [EMAIL] now", End::Clean));
    let (_, rest, end) = begun(&started("block"), &request, "Write", &go);
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert!(last["error"].as_str().unwrap().contains("pass: email") && end == End::Clean, "{rest}");
    assert!(!rest.contains("example.com"), "{rest}");
}

fn message(name: &str, payload: &Value) -> Vec<u8> {
    use event_stream::Value::Text;
    let headers = [
        (":message-type", Text("event")),
        (":event-type", Text(name)),
        (":content-type", Text("application/json")),
    ];
    let mut out = Vec::new();
    event_stream::message(&mut out, &headers, |out| out.extend_from_slice(payload.to_string().as_bytes()));
    out
}

/// The payloads of a binary stream, and whether it told of an exception.
fn payloads(bytes: &[u8]) -> (Vec<Value>, bool) {
    let (mut parser, mut found, mut failed) = (Parser::new(1 << 24), Vec::new(), false);
    parser
        .push(bytes, |message| {
            failed |= matches!(message.kind(), event_stream::Kind::Exception(_));
            found.push(serde_json::from_slice(message.payload()).unwrap());
        })
        .unwrap();
    parser.finish().unwrap();
    (found, failed)
}

#[test]
fn clouds_streams_that_go_through_are_looked_at() {
    let delta = |said: &str| json!({"contentBlockIndex": 0, "delta": {"text": said}});
    let events = [
        message("contentBlockDelta", &delta("to anna.")),
        message("contentBlockDelta", &delta("berg@example.com now")),
        message("contentBlockStop", &json!({"contentBlockIndex": 0})),
        message("messageStop", &json!({"stopReason": "end_turn"})),
    ];
    let encoded = |event: Value| {
        use base64::Engine as _;
        json!({"bytes": base64::engine::general_purpose::STANDARD.encode(event.to_string()), "p": "abc"})
    };
    let text = |said: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": said}});
    let chunks = [
        message("chunk", &encoded(text("to anna."))),
        message("chunk", &encoded(text("berg@example.com now"))),
        message("chunk", &encoded(json!({"type": "content_block_stop", "index": 0}))),
        message("chunk", &encoded(json!({"type": "message_stop"}))),
    ];
    for (verb, events) in [("converse-stream", events), ("invoke-with-response-stream", chunks)] {
        let provider = Provider::start(move |_, stream| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\nconnection: close\r\n\r\n";
            Heard::answer(stream, head.as_bytes());
            events.iter().for_each(|event| Heard::answer(stream, event));
            Then::Close
        });
        for action in ["mask", "block"] {
            let gateway = Setup::default()
                .provider(&format!("bedrock: {{base_url: \"http://{}\", api_key: k}}", provider.addr))
                .yaml(&format!("guards:\n  pii: {{detect: [email], action: {action}, on: [answer]}}"))
                .start();
            let place = format!("/p/bedrock/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/{verb}");
            let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9,
                "messages": [{"role": "user", "content": [{"text": "hi"}]}]});
            let reply = gateway.ask(&post(&place).json(&body));
            if action == "block" && reply.status != 200 {
                // It was found before the head was said.
                assert!(reply.text().contains("pass: email"), "{verb}: {}", reply.text());
                continue;
            }
            let reply = reply.ok();
            assert_eq!(reply.header("content-type"), Some("application/vnd.amazon.eventstream"), "{verb}");
            let (found, failed) = payloads(&reply.body);
            assert_eq!(failed, action == "block", "{verb} {found:?}");
            let decoded = |payload: &Value| {
                use base64::Engine as _;
                let Some(bytes) = payload["bytes"].as_str() else { return payload.clone() };
                serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(bytes).unwrap())
                    .unwrap()
            };
            let found: Vec<_> = found.iter().map(decoded).collect();
            let said: String = found.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
            assert_eq!(said, if action == "mask" { "to [EMAIL] now" } else { "" }, "{verb} {found:?}");
        }
    }
}
