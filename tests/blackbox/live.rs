//! Realtime sessions: OpenAI's form, Gemini's, and whatever goes through.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::wire::websocket;

use crate::harness::{
    Came, Gateway, Heard, Offer, Provider, Setup, Socket, Step, Then, TlsProvider, closed_port, get,
    handshake, mock, mock_page,
};

const BIDI: &str = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";

fn words_only(socket: &mut Socket) {
    socket.say(
        &json!({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}}),
    );
    socket.wait_for("session.updated");
}

fn cost(line: &Value) -> f64 {
    line["cost_usd"].as_str().and_then(|usd| usd.parse().ok()).unwrap_or_else(|| panic!("no cost: {line}"))
}

fn number(line: &Value, field: &str) -> u64 {
    line[field].as_u64().unwrap_or_else(|| panic!("{field}: {line}"))
}

#[test]
fn a_session_is_relayed_and_what_it_used_is_settled_once() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "master").start();
    let mut socket = gateway
        .open(&handshake("/v1/realtime?model=openai/gpt-realtime").header("authorization", "Bearer master"));
    assert_eq!(socket.head.header("x-tollgate-model"), Some("gpt-realtime"));
    assert_eq!(socket.head.header("set-cookie"), None);
    assert_eq!(socket.wait_for("session.created")["session"]["model"], "gpt-realtime");
    words_only(&mut socket);
    let (mut input, mut output, mut cached) = (0, 0, 0);
    for text in ["#mock tokens=7\nHello", "#mock tokens=5\nAnd again"] {
        let events = socket.ask(text);
        assert!(events.iter().any(|event| event["type"] == "response.output_text.delta"));
        let usage = &events.last().unwrap()["response"]["usage"];
        input += usage["input_tokens"].as_u64().unwrap();
        output += usage["output_tokens"].as_u64().unwrap();
        cached += usage["input_token_details"]["cached_tokens"].as_u64().unwrap();
    }
    assert!(cached > 0);
    socket.close(1000);
    assert_eq!(socket.next(), Came::Close(1000, String::new()));
    assert_eq!(socket.next(), Came::End);
    let line = gateway.line_where("gen_ai.operation.name", "realtime");
    assert_eq!(
        (&line["http.response.status_code"], &line["outcome"], &line["usage_source"]),
        (&json!(101), &json!("answered"), &json!("reported"))
    );
    assert_eq!(number(&line, "gen_ai.usage.input_tokens"), input);
    assert_eq!(number(&line, "gen_ai.usage.output_tokens"), output);
    let usd = ((input - cached) as f64 * 4.0 + cached as f64 * 0.4 + output as f64 * 16.0) / 1e6;
    assert!((cost(&line) - usd).abs() < 1e-9, "{usd}: {line}");
    gateway.wait_idle();
    assert!(gateway.metric("tollgate_held_bytes", &[]) < 1.0);
}

#[test]
fn sound_and_its_transcript_have_prices_of_their_own() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=gpt-realtime"));
    socket.say(&json!({"type": "session.update", "session": {"type": "realtime",
        "audio": {"input": {"transcription": {"model": "whisper-1"}}}}}));
    socket.wait_for("session.updated");
    // Three seconds, in one message of some 200 KB.
    let sound = "A".repeat(192_000);
    socket.say(&json!({"type": "input_audio_buffer.append", "audio": sound}));
    socket.say(&json!({"type": "input_audio_buffer.commit"}));
    socket.wait_for("conversation.item.input_audio_transcription.completed");
    socket.say(&json!({"type": "response.create"}));
    let done = socket.wait_for("response.done");
    let usage = &done["response"]["usage"];
    let of = |path: &str| usage.pointer(path).unwrap().as_u64().unwrap();
    assert_eq!(of("/input_token_details/audio_tokens"), 30);
    let spoken = of("/output_token_details/audio_tokens");
    assert!(spoken > 0 && of("/input_tokens") == 30);
    drop(socket);
    let line = gateway.line_where("gen_ai.operation.name", "realtime");
    let usd = (30.0 * 32.0 + spoken as f64 * 64.0) / 1e6 + 3.0 * 0.0001;
    assert!((cost(&line) - usd).abs() < 1e-9, "{usd}: {line}");
    assert_eq!(number(&line, "gen_ai.usage.input_tokens"), 30);
    gateway.wait_metric("tollgate_tokens_total", &[("class", "audio_output")], spoken as f64);
}

#[test]
fn tools_are_called_in_a_session() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=gpt-realtime"));
    socket.say(&json!({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"],
        "tools": [{"type": "function", "name": "weather", "description": "The weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]}}));
    socket.wait_for("session.updated");
    let events = socket.ask("#mock tools=1\nWhat is the weather in Oslo?");
    let call = events.iter().find(|event| event["type"] == "response.function_call_arguments.done").unwrap();
    assert_eq!(call["name"], "weather");
    assert!(serde_json::from_str::<Value>(call["arguments"].as_str().unwrap()).unwrap()["city"].is_string());
    socket.say(&json!({"type": "conversation.item.create", "item": {"type": "function_call_output",
        "call_id": call["call_id"], "output": "rain"}}));
    socket.say(&json!({"type": "response.create"}));
    let done = socket.wait_for("response.done");
    assert_eq!(done["response"]["output"][0]["type"], "message");
}

#[test]
fn frames_pass_as_they_are_in_fragments_and_of_any_size() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=gpt-realtime"));
    words_only(&mut socket);
    let events = socket.ask("#mock chunk=60 tokens=9\nin fragments, with pings between");
    assert_eq!(events.last().unwrap()["response"]["status"], "completed");
    // A megabyte there and back.
    let events = socket.ask("#mock big=1000000\nlarge");
    let done = events.last().unwrap();
    assert!(done["response"]["output"][0]["content"][0]["text"].as_str().unwrap().len() >= 1_000_000);
    socket.say(&json!({"type": "input_audio_buffer.append", "audio": "A".repeat(1 << 20)}));
    socket.say(&json!({"type": "input_audio_buffer.commit"}));
    socket.wait_for("input_audio_buffer.committed");
    // A sign of life comes back, also in pieces.
    for piece in [&b"\x89\x83\x00\x00"[..], b"\x00\x00ab", b"c"] {
        socket.conn.send(piece);
        std::thread::sleep(Duration::from_millis(5));
    }
    loop {
        match socket.next() {
            Came::Message(_) => {}
            other => break assert_eq!(other, Came::Pong(b"abc".to_vec())),
        }
    }
    drop(socket);
    let line = gateway.line_where("gen_ai.operation.name", "realtime");
    assert!(number(&line, "gen_ai.usage.output_tokens") > 1000, "{line}");
}

#[test]
fn a_browser_s_key_opens_and_is_not_passed_on() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "master").start();
    let mut socket = gateway.open(
        &handshake("/v1/realtime?model=gpt-realtime")
            .header(
                "sec-websocket-protocol",
                "realtime, openai-insecure-api-key.master, openai-beta.realtime-v1",
            )
            .header("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")
            .header("origin", "https://example.com"),
    );
    assert_eq!(socket.head.header("sec-websocket-protocol"), Some("realtime"));
    assert_eq!(socket.head.header("sec-websocket-extensions"), None);
    // The older words were asked for.
    assert_eq!(socket.wait_for("session.created")["session"]["modalities"], json!(["text", "audio"]));
    let heard = mock_page(&mock, "requests?n=1").to_string();
    assert!(
        heard.contains("Bearer openai-secret") && heard.contains("realtime, openai-beta.realtime-v1"),
        "{heard}"
    );
    for absent in ["master", "deflate", "example.com", "content-type"] {
        assert!(!heard.contains(absent), "{absent}: {heard}");
    }
}

#[test]
fn what_is_no_session_is_refused_in_the_client_s_words() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "lost: {{vendor: custom, base_url: \"http://{}/v1\", models: [lost]}}",
            closed_port()
        ))
        .env("TOLLGATE_MASTER_KEY", "master")
        .start();
    let refused = |request: &crate::harness::Request, status: u16| {
        let reply = gateway.ask(&request.clone().header("authorization", "Bearer master"));
        assert_eq!(reply.status, status, "{}: {}", request.path, reply.text());
        reply.json()["error"].clone()
    };
    let error = refused(&get("/v1/realtime?model=gpt-realtime"), 400);
    assert_eq!(error["code"], "websocket_expected");
    assert_eq!(refused(&handshake("/v1/realtime"), 400)["param"], "model");
    let error = refused(&handshake("/v1/realtime?model=reeltime"), 404);
    assert_eq!(error["code"], "model_not_found");
    assert_eq!(refused(&handshake("/v1/realtime?model=claude-sonnet-4-5"), 400)["param"], "model");
    assert_eq!(refused(&handshake("/v1/realtime?model=openai/nowhere"), 404)["code"], "model_not_found");
    refused(&handshake("/v1/realtime?model=lost"), 502);
    let reply =
        gateway.ask(&handshake("/v1/realtime?model=gpt-realtime").header("authorization", "Bearer wrong"));
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    let reply = gateway.ask(&handshake(&format!("{BIDI}?key=wrong")));
    assert_eq!((reply.status, &reply.json()["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    // Each of them could be asked again on its connection.
    let mut conn = gateway.conn();
    for _ in 0..2 {
        assert_eq!(conn.ask(&handshake("/v1/realtime").header("api-key", "master")).status, 400);
    }
}

#[test]
fn a_refused_handshake_is_made_with_the_next_target() {
    let refusing = Provider::start(|_, stream| {
        Heard::answer(stream, &crate::harness::json_reply(429, r#"{"error":{"message":"slowly"}}"#));
        Then::Keep
    });
    let mock = mock();
    let gateway = Setup::new(&mock)
        .provider(&format!("busy: {{vendor: openai, base_url: \"http://{}/v1\", api_key: k}}", refusing.addr))
        .yaml("routes: {voice: {targets: [busy/gpt-realtime, openai/gpt-realtime-mini]}}")
        .start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=voice"));
    assert_eq!(socket.wait_for("session.created")["session"]["model"], "gpt-realtime-mini");
    assert!(refusing.heard()[0].head.contains("/v1/realtime?model=gpt-realtime http/1.1"));
    drop(socket);
    assert_eq!(number(&gateway.line_where("gen_ai.operation.name", "realtime"), "attempts"), 2);
}

#[test]
fn azure_is_asked_at_the_address_of_the_client_s_words() {
    let mock = mock();
    let gateway = Setup::default()
        .provider(&format!(
            "azure: {{base_url: \"http://{}\", api_key: azure-secret, models: [voice]}}",
            mock.addr()
        ))
        .start();
    for (path, there, query) in [
        ("/v1/realtime?model=voice", "/openai/v1/realtime", "model=voice"),
        (
            "/openai/realtime?api-version=2024-10-01-preview&deployment=voice",
            "/openai/realtime",
            "api-version=2024-10-01-preview&deployment=voice",
        ),
    ] {
        let mut socket = gateway.open(&handshake(path));
        socket.wait_for("session.created");
        let heard = &mock_page(&mock, "requests?n=1")[0];
        assert_eq!((&heard["path"], &heard["query"]), (&json!(there), &json!(query)));
        assert_eq!(heard["headers"]["api-key"], "azure-secret");
    }
}

#[test]
fn a_client_that_leaves_ends_its_session_there_too() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=gpt-realtime"));
    words_only(&mut socket);
    let events = socket.ask("#mock tokens=3\nhello");
    let output = events.last().unwrap()["response"]["usage"]["output_tokens"].clone();
    socket.conn.reset();
    gateway.wait_idle();
    let line = gateway.line_where("gen_ai.operation.name", "realtime");
    assert_eq!((&line["outcome"], &line["gen_ai.usage.output_tokens"]), (&json!("client_gone"), &output));
    crate::harness::wait("the provider's side to end", Duration::from_secs(5), || {
        (mock_page(&mock, "stats")["open_connections"] == 1).then_some(())
    });
}

#[test]
fn a_provider_that_leaves_is_told_of() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=gpt-realtime"));
    words_only(&mut socket);
    socket.say(&json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user",
        "content": [{"type": "input_text", "text": "#mock cut=3\nhello"}]}}));
    socket.say(&json!({"type": "response.create"}));
    let error = socket.wait_for("error");
    assert_eq!(error["error"]["type"], "server_error");
    assert!(matches!(socket.next(), Came::Close(1011, _)));
    assert_eq!(socket.next(), Came::End);
    assert_eq!(gateway.line_where("gen_ai.operation.name", "realtime")["outcome"], "broken");
}

#[test]
fn a_session_outlives_a_reload_and_silence_has_an_end() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml("upstream: {session_idle_timeout: 1s, idle_timeout: 100ms}\nlimits: {read_timeout: 100ms}")
        .start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=gpt-realtime"));
    words_only(&mut socket);
    gateway.rewrite(|text| text.replace("openai-secret", "another"));
    gateway.reload();
    // Pings are life enough.
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(200));
        socket.conn.send(b"\x89\x80\x00\x00\x00\x00");
        assert_eq!(socket.next(), Came::Pong(Vec::new()));
    }
    assert_eq!(socket.ask("#mock tokens=3\nstill there?").last().unwrap()["response"]["status"], "completed");
    let error = socket.wait_for("error");
    assert!(error["error"]["message"].as_str().unwrap().contains("in time"), "{error}");
    assert!(matches!(socket.next(), Came::Close(1001, _)));
    assert_eq!(socket.next(), Came::End);
}

#[test]
fn sessions_end_with_the_drain() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).yaml("shutdown: {drain: 1s}").start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=gpt-realtime"));
    words_only(&mut socket);
    gateway.signal("TERM");
    // It still serves while others end.
    assert_eq!(socket.ask("#mock tokens=3\nbye").last().unwrap()["response"]["status"], "completed");
    let error = socket.wait_for("error");
    assert!(error["error"]["message"].as_str().unwrap().contains("shutting down"), "{error}");
    assert!(matches!(socket.next(), Came::Close(1001, _)));
    assert!(gateway.wait_end(Duration::from_secs(10)).success());
    let line = gateway.line_where("gen_ai.operation.name", "realtime");
    assert!(number(&line, "gen_ai.usage.output_tokens") > 0, "{line}");
}

#[test]
fn gemini_s_sessions_name_their_model_in_the_first_message() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml("aliases: {voice: gemini/gemini-2.0-flash-live-001}")
        .env("TOLLGATE_MASTER_KEY", "master")
        .start();
    for (named, model) in [
        ("models/gemini-live-2.5-flash-preview", "gemini-live-2.5-flash-preview"),
        ("models/voice", "gemini-2.0-flash-live-001"),
    ] {
        let mut socket = gateway.open(&handshake(&format!("{BIDI}?key=master")));
        socket.say(&json!({"setup": {"model": named, "generationConfig": {"responseModalities": ["TEXT"]}}}));
        assert_eq!(socket.event(), json!({"setupComplete": {}}));
        socket.say(
            &json!({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "#mock tokens=6\nhi"}]}],
            "turnComplete": true}}),
        );
        let last = loop {
            let event = socket.event();
            if event["serverContent"]["turnComplete"] == true {
                break event;
            }
        };
        socket.close(1000);
        assert_eq!(socket.next(), Came::Close(1000, String::new()));
        let line = gateway.line_where("target_model", model);
        assert_eq!(line["gen_ai.usage.output_tokens"], last["usageMetadata"]["responseTokenCount"]);
        assert!(cost(&line) > 0.0, "{line}");
        let heard = &mock_page(&mock, "requests?n=1")[0];
        assert_eq!((&heard["path"], &heard["query"]), (&json!(BIDI), &json!("")));
        assert_eq!(heard["headers"]["x-goog-api-key"], "gemini-secret");
    }
    let mut socket = gateway.open(&handshake(BIDI).header("x-goog-api-key", "master"));
    socket.say(&json!({"setup": {"model": "models/gemini-2.5-pro"}}));
    assert!(matches!(socket.next(), Came::Close(1008, _)));
}

fn through(gateway: &Gateway, path: &str) -> Socket {
    gateway.open(&handshake(path).header("authorization", "Bearer master"))
}

#[test]
fn sessions_go_through_to_a_provider() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "master").start();
    let mut socket = through(&gateway, "/p/openai/v1/realtime?model=gpt-realtime");
    words_only(&mut socket);
    let events = socket.ask("#mock tokens=4\nhello");
    let output = events.last().unwrap()["response"]["usage"]["output_tokens"].clone();
    drop(socket);
    let line = gateway.line_where("gen_ai.operation.name", "passthrough");
    assert_eq!(
        (&line["gen_ai.usage.output_tokens"], &line["gen_ai.request.model"]),
        (&output, &json!("gpt-realtime"))
    );
    assert!(cost(&line) > 0.0, "{line}");
    let mut socket = through(&gateway, &format!("/p/gemini{BIDI}"));
    socket.say(&json!({"setup": {"model": "models/gemini-2.0-flash-live-001"}}));
    assert_eq!(socket.event(), json!({"setupComplete": {}}));
    drop(socket);
    gateway.line_where("gen_ai.request.model", "gemini-2.0-flash-live-001");
}

#[test]
fn a_session_of_an_unknown_form_goes_through_byte_for_byte() {
    let provider = Provider::start(|heard, stream| {
        assert!(heard.head.contains("sec-websocket-protocol: theirs"), "{}", heard.head);
        assert!(heard.head.contains("authorization: bearer openai-secret"), "{}", heard.head);
        let head = "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
            sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        Heard::answer(stream, head.as_bytes());
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = std::io::Read::read(stream, &mut bytes) {
            Heard::answer(stream, &bytes[..read]);
        }
        Then::Close
    });
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: openai-secret}}", provider.addr))
        .start();
    let mut socket =
        gateway.open(&handshake("/p/openai/v1/other?x=1").header("sec-websocket-protocol", "theirs"));
    let mut sent = Vec::new();
    websocket::write(&mut sent, websocket::Kind::Binary, &[7; 300], Some([1, 2, 3, 4]));
    sent.extend(b"no frame at all \xff\xff");
    socket.conn.send(&sent);
    let mut came = Vec::new();
    while came.len() < sent.len() {
        came.extend(socket.conn.some());
    }
    assert_eq!(came, sent);
    drop(socket);
    assert_eq!(gateway.line_where("gen_ai.operation.name", "passthrough")["outcome"], "answered");
}

fn two_houses(mock: &tollgate::mock::Mock) -> Gateway {
    Setup::new(mock)
        .provider(&format!(
            "other: {{vendor: openai, base_url: \"http://{}/v1\", api_key: other-secret, models: [gpt-realtime-mini]}}",
            mock.addr()
        ))
        .yaml("aliases: {voice: openai/gpt-realtime, ears: openai/whisper-1, mini: other/gpt-realtime-mini}")
        .start()
}

#[test]
fn secrets_for_browsers_are_made_by_the_model_s_provider() {
    let mock = mock();
    let gateway = two_houses(&mock);
    for (place, body, key, there) in [
        (
            "client_secrets",
            json!({"session": {"type": "realtime", "model": "voice", "audio": {"output": {"voice": "marin"}}}}),
            "openai-secret",
            json!({"session": {"type": "realtime", "model": "gpt-realtime", "audio": {"output": {"voice": "marin"}}}}),
        ),
        (
            "client_secrets",
            json!({"session": {"type": "transcription", "audio": {"input": {"transcription": {"model": "ears"}}}}}),
            "openai-secret",
            json!({"session": {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}}),
        ),
        (
            "client_secrets",
            json!({"expires_after": {"seconds": 60}}),
            "openai-secret",
            json!({"expires_after": {"seconds": 60}}),
        ),
        (
            "sessions",
            json!({"model": "mini", "voice": "x"}),
            "other-secret",
            json!({"model": "gpt-realtime-mini", "voice": "x"}),
        ),
        (
            "transcription_sessions",
            json!({"input_audio_transcription": {"model": "ears"}}),
            "openai-secret",
            json!({"input_audio_transcription": {"model": "whisper-1"}}),
        ),
    ] {
        let reply = gateway.ask(&crate::harness::post(&format!("/v1/realtime/{place}")).json(&body)).ok();
        assert!(reply.text().contains("\"ek_"), "{}", reply.text());
        let heard = mock_page(&mock, "last");
        assert_eq!((&heard["path"], &heard["body"]), (&json!(format!("/v1/realtime/{place}")), &there));
        assert_eq!(heard["headers"]["authorization"], format!("Bearer {key}"));
        assert_eq!(gateway.line(&reply)["gen_ai.operation.name"], "realtime_secret");
    }
    let post = |body: &str| gateway.ask(&crate::harness::post("/v1/realtime/client_secrets").body(body));
    assert_eq!(post("no JSON").status, 400);
    assert_eq!(post(r#"{"session":{"model":"nobody-knows"}}"#).json()["error"]["code"], "model_not_found");
    assert_eq!(
        post(r#"{"session":{"type":"realtime","model":"openai/gpt-4o"}}"#).json()["error"]["code"],
        "model_not_found"
    );
    assert_eq!(post(r#"{"session":{"model":"claude-sonnet-4-5"}}"#).status, 400);
}

#[test]
fn a_call_is_opened_and_found_again_by_its_id() {
    let mock = mock();
    let gateway = two_houses(&mock);
    let form = |model: &str| {
        let body = format!(
            "--b\r\ncontent-disposition: form-data; name=\"sdp\"\r\ncontent-type: application/sdp\r\n\r\nv=0\r\n\r\n--b\r\n\
             content-disposition: form-data; name=\"session\"\r\ncontent-type: application/json\r\n\r\n\
             {{\"type\":\"realtime\",\"model\":\"{model}\"}}\r\n--b--\r\n"
        );
        let mut request = crate::harness::post("/v1/realtime/calls").body(body);
        request.headers = vec![("content-type".to_owned(), "multipart/form-data; boundary=b".to_owned())];
        request
    };
    let offer = |path: &str| {
        let mut request = crate::harness::post(path).body("v=0\r\n");
        request.headers = vec![("content-type".to_owned(), "application/sdp".to_owned())];
        request
    };
    for (request, answer, owner) in [
        (form("voice"), "answered by gpt-realtime\r\n", ""),
        (form("mini"), "answered by gpt-realtime-mini", "~other"),
        (offer("/v1/realtime/calls?model=mini"), "answered by gpt-realtime-mini", "~other"),
        (offer("/v1/realtime?model=voice"), "answered by gpt-realtime\r\n", ""),
        (offer("/v1/realtime/calls"), "answered by gpt-realtime\r\n", ""),
    ] {
        let reply = gateway.ask(&request);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (201, Some("application/sdp")),
            "{}",
            reply.text()
        );
        assert!(reply.text().contains(answer), "{}", reply.text());
        let location = reply.header("location").unwrap().to_owned();
        assert!(location.starts_with("/v1/realtime/calls/rtc_") && location.ends_with(owner), "{location}");
        let key = if owner.is_empty() { "Bearer openai-secret" } else { "Bearer other-secret" };
        let accept = crate::harness::post(&format!("{location}/accept"))
            .json(&json!({"type": "realtime", "model": if owner.is_empty() { "voice" } else { "mini" }}));
        assert_eq!(gateway.ask(&accept).status, 200);
        let heard = mock_page(&mock, "last");
        let plain = location.trim_end_matches(owner);
        assert_eq!(
            (&heard["path"], &heard["headers"]["authorization"]),
            (&json!(format!("{plain}/accept")), &json!(key))
        );
        let model = if owner.is_empty() { "gpt-realtime" } else { "gpt-realtime-mini" };
        assert_eq!(heard["body"]["model"], model);
        // Beside the call its session can be listened to.
        let id = location.rsplit('/').next().unwrap();
        let mut socket = gateway.open(&handshake(&format!("/v1/realtime?call_id={id}")));
        socket.wait_for("session.created");
        let heard = mock_page(&mock, "last");
        let id = plain.rsplit('/').next().unwrap();
        assert_eq!(
            (&heard["query"], &heard["headers"]["authorization"]),
            (&json!(format!("call_id={id}")), &json!(key))
        );
    }
    assert_eq!(gateway.ask(&offer("/v1/realtime/calls?model=claude-sonnet-4-5")).status, 400);
    let mut wrong = offer("/v1/realtime/calls?model=voice");
    wrong.body = b"hello".to_vec();
    assert_eq!(gateway.ask(&wrong).json()["error"]["code"], "invalid_offer");
}

#[test]
fn a_provider_behind_tls_is_asked_over_http_1_1() {
    let provider = TlsProvider::start(Offer::Http2, |_| {
        let mut frames = Vec::new();
        let created = r#"{"type":"session.created","session":{"model":"gpt-realtime"}}"#;
        websocket::write(&mut frames, websocket::Kind::Text, created.as_bytes(), None);
        let head = [
            ("upgrade", "websocket".to_owned()),
            ("connection", "Upgrade".to_owned()),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned()),
        ];
        vec![Step::Head(101, head.to_vec()), Step::Data(frames), Step::Gone]
    });
    let gateway = crate::tls::before(&provider).start();
    let mut socket = gateway.open(&handshake("/v1/realtime?model=gpt-realtime"));
    socket.wait_for("session.created");
    drop(socket);
    let heard = &provider.heard()[0];
    assert_eq!((heard.alpn.as_str(), heard.path.as_str()), ("http/1.1", "/v1/realtime?model=gpt-realtime"));
    assert_eq!(heard.headers["authorization"], "Bearer openai-secret");
    assert_eq!(gateway.line_where("gen_ai.operation.name", "realtime")["outcome"], "answered");
}
