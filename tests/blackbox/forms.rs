//! Forms of several parts: the model found wherever it stands, the rest left alone.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Gateway, Heard, Provider, Request, Setup, Then, json_reply, mock, post};

const FILE: (&str, Option<&str>) = ("file", Some("speech \"one\".mp3"));

/// A part's name, the name of its file if it is one, and its value.
type Part<'a> = ((&'a str, Option<&'a str>), &'a [u8]);

fn form(path: &str, parts: &[Part<'_>]) -> Request {
    let mut body = Vec::new();
    for ((name, file), value) in parts {
        body.extend_from_slice(
            format!("--x-1\r\nContent-Disposition: form-data; name=\"{name}\"").as_bytes(),
        );
        if let Some(file) = file {
            let file = file.replace('"', "%22");
            let more = format!("; filename=\"{file}\"\r\nContent-Type: application/octet-stream");
            body.extend_from_slice(more.as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x-1--\r\n");
    let mut request = post(path).body(body);
    request.headers = vec![("content-type".to_owned(), "multipart/form-data; boundary=x-1".to_owned())];
    request
}

fn transcription(model: &[u8], last: bool, size: usize) -> Request {
    let sound = vec![b'\n'; size];
    let mut parts = vec![(("model", None), model), (("prompt", None), b"hm".as_slice()), (FILE, &sound)];
    if last {
        parts.rotate_left(1);
    }
    form("/v1/audio/transcriptions", &parts)
}

fn gateway(mock: &tollgate::mock::Mock) -> Gateway {
    Setup::new(mock).yaml("aliases: {scribe: openai/gpt-4o-transcribe}").start()
}

#[test]
fn a_form_finds_its_model_s_provider_wherever_the_model_stands() {
    let mock = mock();
    let gateway = gateway(&mock);
    let mut conn = gateway.conn();
    // Small, larger than Pingora's buffer, and large enough to go through as it comes.
    for size in [10, 100_000, 3 << 20] {
        for last in [false, true] {
            for chunked in [false, true] {
                let mut request = transcription(b"scribe", last, size);
                if chunked {
                    request = request.chunked(50_000);
                }
                let reply = conn.ask(&request).ok();
                assert_eq!(reply.json()["text"], format!("Heard {size} bytes."));
                assert_eq!(reply.header("x-tollgate-model"), Some("gpt-4o-transcribe"));
                let line = gateway.line(&reply);
                assert_eq!(line["gen_ai.usage.output_tokens"], 5, "{line}");
                assert_eq!(line["gen_ai.request.model"], "scribe");
                assert_eq!(line["gen_ai.operation.name"], "transcription");
            }
        }
    }
    assert!(gateway.metric("tollgate_held_bytes", &[]) < 1.0);
}

#[test]
fn a_large_form_whose_model_comes_first_is_not_held() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (begun, is_begun) = mpsc::channel();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut held, mut buffer) = (Vec::new(), [0; 16 << 10]);
        let mut length = 0;
        loop {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0);
            held.extend_from_slice(&buffer[..read]);
            let Some(at) = held.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            if length == 0 {
                let head = String::from_utf8_lossy(&held[..at]).to_ascii_lowercase();
                length =
                    head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
                begun.send(()).unwrap();
            }
            if held.len() - at - 4 >= length {
                stream.write_all(&json_reply(200, r#"{"text":"all"}"#)).unwrap();
                return held.split_off(at + 4);
            }
        }
    });
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{addr}/v1\", api_key: k}}"))
        .yaml("aliases: {scribe: openai/whisper-1}")
        .start();
    let request = transcription(b"scribe", false, 4 << 20);
    let bytes = [request.head(), request.body.clone()].concat();
    let mut conn = gateway.conn();
    let (first, rest) = bytes.split_at(300_000);
    conn.send(first);
    is_begun.recv_timeout(Duration::from_secs(5)).expect("the provider hears before all of the form came");
    assert!(gateway.metric("tollgate_held_bytes", &[]) < 400_000.0);
    conn.send(rest);
    assert_eq!(conn.reply().ok().json()["text"], "all");
    let expected = String::from_utf8_lossy(&request.body).replace("scribe", "whisper-1");
    assert!(serving.join().unwrap() == expected.as_bytes(), "the form came as it was but for its model");
}

#[test]
fn a_form_that_is_held_is_tried_elsewhere() {
    let failing = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(503, r#"{"error":{"message":"no"}}"#));
        Then::Keep
    });
    let mock = mock();
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "broken: {{vendor: openai, base_url: \"http://{}/v1\", api_key: k}}",
            failing.addr
        ))
        .yaml("routes:\n  scribe: {targets: [broken/first, openai/whisper-1]}")
        .start();
    let reply = gateway.ask(&transcription(b"scribe", true, 2 << 20)).ok();
    let line = gateway.line(&reply);
    assert_eq!((&line["attempts"], &line["seconds"]), (&json!(2), &json!(132)), "{line}");
    let heard = failing.heard().remove(0);
    assert!(String::from_utf8_lossy(&heard.body).contains("\r\n\r\nfirst\r\n"));
    // One that went through cannot be.
    let reply = gateway.ask(&transcription(b"scribe", false, 2 << 20));
    assert_eq!(reply.status, 503, "{}", reply.text());
}

#[test]
fn a_transcript_is_streamed() {
    let mock = mock();
    let gateway = gateway(&mock);
    let parts = [(("model", None), b"scribe".as_slice()), (FILE, b"sound"), (("stream", None), b"true")];
    let reply = gateway.ask(&form("/v1/audio/transcriptions", &parts)).ok();
    assert!(reply.text().contains("transcript.text.done"));
    let line = gateway.line(&reply);
    assert_eq!((&line["stream"], &line["gen_ai.usage.output_tokens"]), (&json!(true), &json!(5)));
}

#[test]
fn pictures_are_changed_and_varied() {
    let mock = mock();
    let gateway = gateway(&mock);
    let picture = ("image[]", Some("a.png"));
    let parts = [
        (picture, b"\x89PNG".as_slice()),
        (("prompt", None), b"more cats"),
        (("model", None), b"gpt-image-1"),
    ];
    let reply = gateway.ask(&form("/v1/images/edits", &parts)).ok();
    assert_eq!(gateway.line(&reply)["gen_ai.usage.output_tokens"], 272);
    // The usual model.
    let reply = gateway.ask(&form("/v1/images/variations", &[(("image", Some("a.png")), b"\x89PNG")])).ok();
    assert_eq!(reply.header("x-tollgate-model"), Some("dall-e-2"));
}

#[test]
fn a_deployment_in_the_path_is_the_model() {
    let mock = mock();
    let gateway = gateway(&mock);
    let reply = gateway.ask(&form("/openai/deployments/scribe/audio/translations", &[(FILE, b"sound")])).ok();
    assert_eq!(reply.header("x-tollgate-model"), Some("gpt-4o-transcribe"));
}

#[test]
fn a_bad_form_is_refused_by_name() {
    let mock = mock();
    let gateway = gateway(&mock);
    let mut conn = gateway.conn();
    let missing = conn.ask(&form("/v1/audio/transcriptions", &[(FILE, &vec![b'x'; 200_000])]));
    assert_eq!((missing.status, &missing.json()["error"]["param"]), (400, &json!("model")));
    let mut broken = form("/v1/audio/transcriptions", &[(FILE, b"sound")]);
    broken.body[3] = b'y';
    let refused = conn.ask(&broken);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("multipart/form-data"), "{}", refused.text());
    let unknown = conn.ask(&transcription(b"nobody-knows", false, 10));
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &json!("model_not_found")));
    let large = gateway.ask(&transcription(b"nobody-knows", false, 2 << 20));
    assert_eq!((large.status, large.header("connection")), (404, Some("close")));
}
