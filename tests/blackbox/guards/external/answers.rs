//! Answers that wait for guards elsewhere: whole ones, and streams window by window.

use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::json;

use super::{guarded, questions, webhook};
use crate::harness::{CLIENTS, Client, Heard, Provider, Setup, Then, json_reply, mock, post};

const MODELS: [&str; 3] = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"];

fn echo(words: &str) -> String {
    format!("#mock echo\n{words}")
}

#[test]
fn answers_are_masked_and_blocked_streamed_or_not() {
    let (mock, hook) = (mock(), webhook());
    let gateway = guarded(&mock, &hook, "mode: post, window: 60");
    for client in CLIENTS {
        for model in MODELS {
            let words = "It was a secret that all of them knew for long, and the other secret nobody knew at all, so they say.";
            let whole = gateway.ask(&client.whole(model, &echo(words))).ok();
            let stream = gateway.ask(&client.stream(model, &echo(words))).ok();
            let expected = words.replace("secret", "[WORD]");
            for (said, reply) in
                [(client.text(&whole.json()), &whole), (client.streamed_text(&stream.text()), &stream)]
            {
                assert!(said.contains(&expected), "{client:?} {model}: {said}");
                assert!(!reply.text().contains("secret"), "{client:?} {model}: {}", reply.text());
                assert!(gateway.line(reply)["gen_ai.usage.output_tokens"].as_u64().unwrap() > 0);
                assert_eq!(gateway.line(reply)["guards"][0]["rule"], "words");
            }
            assert!(client.is_complete(&stream.text()), "{client:?} {model}: {}", stream.text());
            assert_eq!(whole.header("x-tollgate-guards"), Some("own/words=mask;answer;1"));
            let words = "One may take a good deal of this and of that for a long while before it is poison, they say.";
            let whole = gateway.ask(&client.whole(model, &echo(words)));
            assert_eq!(whole.status, 400, "{client:?} {model} {}", whole.text());
            let stream = gateway.ask(&client.stream(model, &echo(words)));
            for reply in [&whole, &stream] {
                let text = reply.text();
                assert!(text.contains("does not let this answer pass: danger"), "{client:?} {model} {text}");
                assert!(!text.contains("poison") && !text.contains("they say"), "{client:?} {model} {text}");
            }
            // What comes in one piece fills the first window with all of it: then nothing of it was told, and
            // perhaps no head was sent.
            let begun = stream.status == 200;
            if begun {
                assert!(client.error_in(&stream.text()).is_some(), "{client:?} {model} {}", stream.text());
            }
            let outcome = if begun { "broken" } else { "content_policy" };
            assert_eq!(gateway.line(&stream)["outcome"], outcome);
        }
    }
    let parts: Vec<_> = questions(&hook).into_iter().filter(|asked| asked["part"].is_object()).collect();
    assert!(
        parts.iter().any(|asked| asked["part"]["number"] == 1 && asked["part"]["before"] != ""),
        "{parts:?}"
    );
}

#[test]
fn what_is_let_pass_is_byte_for_byte_what_the_provider_said() {
    let hook = webhook();
    let provider = Provider::start(|heard, stream| {
        let streamed = String::from_utf8_lossy(&heard.body).contains("\"stream\":true");
        if streamed {
            let text: String = (0..30).map(|number| spaced_chunk(&format!(" word{number}"))).collect();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
            let text = format!(": so\n\n{text}data: [DONE]\n\n");
            Heard::answer(stream, format!("{head}content-length: {}\r\n\r\n{text}", text.len()).as_bytes());
        } else {
            Heard::answer(stream, &json_reply(200, WHOLE));
        }
        Then::Keep
    });
    let line = format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr);
    let guard = format!(
        "external_guards:\n  own: {{kind: webhook, url: \"http://{}\", timeout: 30s, mode: post, window: 50}}",
        hook.addr
    );
    let gateway = Setup::default().provider(&line).yaml(&guard).start();
    for path in ["/v1/chat/completions", "/p/openai/v1/chat/completions"] {
        let asked = |stream: bool| {
            let messages = json!([{"role": "user", "content": "hi"}]);
            let body = json!({"model": "gpt-4o-mini", "stream": stream, "messages": messages});
            gateway.ask(&post(path).json(&body)).ok().text()
        };
        assert_eq!(asked(false), WHOLE, "{path}");
        let text: String = (0..30).map(|number| spaced_chunk(&format!(" word{number}"))).collect();
        assert_eq!(asked(true), format!(": so\n\n{text}data: [DONE]\n\n"), "{path}");
    }
    assert!(questions(&hook).len() > 6);
}

const WHOLE: &str = r#"{ "id":"c","object":"chat.completion", "choices":[{"index":0,"message":{"role":"assistant","content":"f\u00fcr \/ dich"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

fn spaced_chunk(text: &str) -> String {
    format!(
        "data: {{ \"id\":\"c\",\"choices\" : [{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}} }}]}}\n\n"
    )
}

#[test]
fn the_connection_takes_the_next_request_behind_an_answer_that_waited() {
    let (mock, hook) = (mock(), webhook());
    let gateway = guarded(&mock, &hook, "mode: post");
    let mut conn = gateway.conn();
    for (words, status) in [("fine words", 200), ("poison", 400), ("a secret", 200), ("fine words", 200)] {
        let request = Client::Openai.whole("gpt-4o-mini", &echo(words));
        assert_eq!(conn.ask(&request).status, status, "{words}");
        let stream = conn.ask(&Client::Openai.stream("gpt-4o-mini", &echo(words)));
        // Of a short stream nothing is told before its verdict but who speaks.
        assert_eq!(stream.status, 200, "{words}");
        assert_eq!(
            stream.text().contains("does not let this answer pass"),
            status == 400,
            "{}",
            stream.text()
        );
    }
}

#[test]
fn the_first_window_is_told_while_the_provider_goes_on() {
    let hook = webhook();
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let chunk = |text: &str| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
        format!("data: {chunk}\n\n")
    };
    let many: String = (0..40).map(|number| chunk(&format!(" word{number}"))).collect();
    let (one, last) = (chunk(" after"), chunk(" last") + "data: [DONE]\n\n");
    let provider = Provider::start(move |_, stream| {
        Heard::answer(
            stream,
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
        );
        Heard::answer(stream, many.as_bytes());
        // It goes on until its client has heard of it.
        let waits = wait.lock().unwrap();
        while waits.recv_timeout(Duration::from_millis(25)) == Err(RecvTimeoutError::Timeout) {
            Heard::answer(stream, one.as_bytes());
        }
        Heard::answer(stream, last.as_bytes());
        Then::Close
    });
    let line = format!("openai: {{base_url: \"http://{}/v1\", api_key: k}}", provider.addr);
    let guard = format!(
        "external_guards:\n  own: {{kind: webhook, url: \"http://{}\", timeout: 30s, mode: post, window: 100}}",
        hook.addr
    );
    let gateway = Setup::default().provider(&line).yaml(&guard).start();
    let body =
        json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let request = post("/v1/chat/completions").json(&body);
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body].concat());
    let mut head = conn.head();
    // Comes while the provider still has the end to tell.
    conn.read_until(&mut head, "word10");
    go.send(()).unwrap();
    let (rest, _) = conn.rest(&mut head);
    assert!(rest.contains(" last") && rest.ends_with("data: [DONE]\n\n"), "{rest}");
}

#[test]
fn what_is_kept_is_looked_at_for_each_client_anew() {
    let (mock, hook) = (mock(), webhook());
    let guard = format!(
        "cache: {{mode: exact}}\nexternal_guards:\n  own: {{kind: webhook, url: \"http://{}\", timeout: 30s, mode: [during, post]}}",
        hook.addr
    );
    let gateway = Setup::new(&mock).yaml(&guard).start();
    for _ in 0..2 {
        let body = json!({"model": "gpt-4o-mini", "temperature": 0, "messages": [{"role": "user", "content": echo("well kept")}]});
        gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    }
    let stages: Vec<_> = questions(&hook).iter().map(|asked| asked["stage"].clone()).collect();
    assert_eq!(stages, ["during", "post", "during", "post"]);
    let guard = format!(
        "cache: {{mode: exact}}\nexternal_guards:\n  own: {{kind: webhook, url: \"http://{}\", timeout: 30s, mode: post}}",
        hook.addr
    );
    let gateway = Setup::new(&mock).yaml(&guard).start();
    for stream in [false, true] {
        for (round, tier) in ["miss", "exact"].into_iter().enumerate() {
            let body = json!({"model": "gpt-4o-mini", "temperature": 0, "seed": u8::from(stream), "stream": stream,
                "messages": [{"role": "user", "content": echo("a secret, well kept")}]});
            let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
            assert_eq!(
                reply.header("x-tollgate-cache").map(|told| told.contains(tier)),
                Some(true),
                "{round}"
            );
            assert!(reply.text().contains("[WORD]") && !reply.text().contains("secret"), "{}", reply.text());
            let mut bad = body.clone();
            bad["messages"][0]["content"] = json!(echo("poison, well kept"));
            let reply = gateway.ask(&post("/v1/chat/completions").json(&bad));
            assert!(
                reply.text().contains("does not let this answer pass"),
                "{stream} {round}: {}",
                reply.text()
            );
            assert!(!reply.text().contains("poison"), "{stream} {round}: {}", reply.text());
        }
    }
}
