//! Streams of which several pieces come at one time: Pingora asks about all of them before it writes the first.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{chunk, chunked};
use super::webhook;
use crate::harness::{
    CLIENTS, Client, End, Gateway, Heard, Http2, PATIENCE, Provider, Reply, Request, Setup, Then, post, wait,
};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// What is said, and what of it a client may hear: each fills a window of 50.
const SAID: [(&str, Option<&str>); 3] = [
    (
        "It was all fine words that went on for a long while, one by one, until nobody listened to any of them at all",
        Some("fine words that went on"),
    ),
    (
        "It was a secret that went on for a long while, and was not told to anybody else until all of them had left",
        Some("a [WORD] that went on"),
    ),
    (
        "It was poison that went on for a long while, and nobody heard it or ever came to know what it was made from",
        None,
    ),
];

fn who() -> String {
    chunk(&json!({"role": "assistant", "content": ""}), None)
}

fn says(words: &str) -> String {
    chunk(&json!({"content": words}), None)
}

fn stop() -> String {
    chunk(&json!({}), Some("stop")) + "data: [DONE]\n\n"
}

/// What this request is to be answered with.
fn wanted(heard: &Heard) -> &'static str {
    let body = String::from_utf8_lossy(&heard.body);
    SAID.iter().find(|(words, _)| body.contains(words)).expect("one of those").0
}

fn gateway(provider: &Provider, hook: &Provider, window: usize) -> Gateway {
    let guard = format!(
        "external_guards:\n  own: {{kind: webhook, url: \"http://{}\", timeout: 30s, mode: post, window: {window}}}",
        hook.addr
    );
    let line = |name: &str| format!("{name}: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr);
    Setup::default().provider(&line("openai")).provider(&line("deepseek")).yaml(&guard).start()
}

/// Requests in several dialects, each with what its stream begins with.
fn asked(words: &str) -> Vec<(Request, &'static str)> {
    let chat =
        json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": words}]});
    let responses = json!({"model": "deepseek/deepseek-chat", "stream": true, "input": words});
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": words}]}]});
    let [openai, anthropic, google] = CLIENTS.map(|client| client.stream("gpt-4o-mini", words));
    vec![
        (openai, "\"role\":\"assistant\""),
        (anthropic, "message_start"),
        (google, ""),
        (post("/p/openai/v1/chat/completions").json(&chat), "\"role\":\"assistant\""),
        (post("/api/chat").json(&chat), ""),
        (post("/v1/responses").json(&responses), "response.created"),
        (post("/v1beta/models/gpt-4o-mini:streamGenerateContent").json(&gemini), ""),
    ]
}

fn check(request: &Request, begin: &str, reply: &Reply, heard: Option<&str>) {
    let (path, text) = (&request.path, reply.text());
    assert!(!text.contains("secret") && !text.contains("poison"), "{path}: {text}");
    assert_eq!(reply.end, End::Clean, "{path}: {text}");
    let Some(words) = heard else {
        assert!(text.contains("does not let this answer pass: danger"), "{path}: {text}");
        assert!(reply.status == 400 || text.contains(begin), "{path}: {text}");
        return;
    };
    assert_eq!(reply.status, 200, "{path}: {text}");
    assert!(text.contains(begin), "{path}: {text}");
    assert!(text.contains(words), "{path}: {text}");
    let said = match path.as_str() {
        "/v1/chat/completions" | "/p/openai/v1/chat/completions" => Client::Openai.streamed_text(&text),
        "/v1/messages" => Client::Anthropic.streamed_text(&text),
        "/v1/responses" => {
            let events = Client::events(&text);
            let events: Vec<Value> = events.iter().map(|data| serde_json::from_str(data).unwrap()).collect();
            for (number, event) in events.iter().enumerate() {
                assert_eq!(event["sequence_number"], number, "{text}");
            }
            return assert_eq!(events.last().unwrap()["type"], "response.completed", "{text}");
        }
        path if path.ends_with(":streamGenerateContent") => {
            return assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        }
        _ => return,
    };
    assert_eq!(said.matches(words).count(), 1, "{path}: {said}");
}

#[test]
fn nothing_is_lost_of_a_stream_that_comes_in_one_write() {
    let hook = webhook();
    let provider = Provider::start(|heard, stream| {
        let pieces = [who(), says(wanted(heard)) + &stop()];
        Heard::answer(stream, &[HEAD.as_bytes(), &chunked(&pieces), b"0\r\n\r\n"].concat());
        Then::Keep
    });
    let gateway = gateway(&provider, &hook, 500);
    let mut http2 = Http2::to(gateway.addr);
    for (words, heard) in SAID {
        for (request, begin) in asked(words) {
            for _ in 0..3 {
                check(&request, begin, &gateway.ask(&request), heard);
                check(&request, begin, &http2.ask(&request), heard);
            }
        }
    }
}

#[test]
fn nothing_is_lost_or_let_out_where_a_verdict_comes_before_the_last_pieces_do() {
    let hook = Arc::new(webhook());
    let asking = Arc::clone(&hook);
    let provider = Provider::start(move |heard, stream| {
        let asked = asking.heard().len();
        let first = [who(), says(wanted(heard))];
        // Every other time nothing but the end is left.
        let (first, rest) = if heard.number % 2 == 0 {
            (chunked(&first), [says(" and"), says(" more") + &stop()].to_vec())
        } else {
            (chunked(&[first.concat() + &says(" and more") + &stop()]), Vec::new())
        };
        Heard::answer(stream, &[HEAD.as_bytes(), &first].concat());
        wait("the guard to be asked", PATIENCE, || (asking.heard().len() > asked).then_some(()));
        // By then its answer is there as a rule; whenever it comes, the claim holds.
        std::thread::sleep(Duration::from_millis(30));
        Heard::answer(stream, &[chunked(&rest), b"0\r\n\r\n".to_vec()].concat());
        Then::Keep
    });
    let gateway = gateway(&provider, &hook, 50);
    let mut http2 = Http2::to(gateway.addr);
    for (words, heard) in SAID {
        for (request, begin) in asked(words) {
            for _ in 0..2 {
                check(&request, begin, &gateway.ask(&request), heard);
            }
            for _ in 0..2 {
                check(&request, begin, &http2.ask(&request), heard);
            }
        }
    }
}
