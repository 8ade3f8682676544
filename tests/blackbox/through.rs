//! What goes through to a provider as it is: `/p/{provider}/…`.

use std::time::Duration;

use serde_json::json;

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, Provider, Setup, Then, closed_port, get, json_reply, mock, post,
};

/// A provider that answers with what it heard: its method, path, headers and body.
fn echo() -> Provider {
    Provider::start(|heard, stream| {
        let head = heard.head.clone().into_bytes();
        let length = heard.body.len();
        let answer = format!(
            "HTTP/1.1 207 Odd\r\nContent-Type: application/octet-stream\r\nX-Own: 1\r\nSet-Cookie: a=b\r\n\
             Keep-Alive: timeout=5\r\nX-Head: {}\r\ncontent-length: {length}\r\n\r\n",
            head.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        );
        Heard::answer(stream, answer.as_bytes());
        Heard::answer(stream, &heard.body);
        Then::Keep
    })
}

fn at(provider: &Provider, line: &str) -> Setup {
    Setup::default().provider(&line.replace("ADDR", &provider.addr.to_string()))
}

fn openai(provider: &Provider) -> Gateway {
    at(provider, "openai: {base_url: \"http://ADDR/v1\", api_key: openai-secret, headers: {x-team: red}}")
        .env("TOLLGATE_MASTER_KEY", "master")
        .start()
}

#[test]
fn anything_goes_through_with_other_credentials() {
    let provider = echo();
    let gateway = openai(&provider);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"] {
        let mut request = get("/p/openai/v1/some/%7Bthing%7D%2Fx?a=1&key=master&b=%20")
            .header("authorization", "Bearer master")
            .header("api-key", "master")
            .header("cookie", "secret=1")
            .header("x-tollgate-strict", "1")
            .header("x-forwarded-for", "10.0.0.1")
            .header("connection", "x-mine")
            .header("x-mine", "hop")
            .header("accept-encoding", "br")
            .header("x-kept", "yes");
        request.method = method.to_owned();
        if method != "GET" {
            request = request.body("any \u{0} bytes");
        }
        let reply = gateway.ask(&request);
        assert_eq!(reply.status, 207, "{}", reply.text());
        assert_eq!(reply.body, request.body);
        assert_eq!((reply.header("x-own"), reply.header("set-cookie")), (Some("1"), Some("a=b")));
        assert_eq!((reply.header("keep-alive"), reply.header("x-tollgate-provider")), (None, Some("openai")));
        let heard = provider.heard().pop().unwrap().head;
        let line = format!("{} /v1/some/%7bthing%7d%2fx?a=1&b=%20 http/1.1", method.to_lowercase());
        assert_eq!(heard.lines().next(), Some(line.as_str()));
        for there in
            ["authorization: bearer openai-secret", "x-kept: yes", "x-team: red", "accept-encoding: identity"]
        {
            assert!(heard.contains(there), "{there}: {heard}");
        }
        for absent in ["master", "cookie", "x-tollgate", "forwarded", "x-mine"] {
            assert!(!heard.contains(absent), "{absent}: {heard}");
        }
        let line = gateway.line(&reply);
        assert_eq!(
            (&line["gen_ai.operation.name"], &line["outcome"]),
            (&json!("passthrough"), &json!("answered"))
        );
    }
}

#[test]
fn nobody_goes_through_without_the_gateway_s_key() {
    let provider = echo();
    let gateway = openai(&provider);
    let refused = gateway.ask(&post("/p/openai/v1/files").header("authorization", "Bearer wrong").body("x"));
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    for (path, status) in [("/p/nobody/v1/x", 404), ("/p/openai/v1/../../x", 400), ("/p/", 404), ("/p", 404)]
    {
        let refused = gateway.ask(&get(path).header("authorization", "Bearer master"));
        assert_eq!(refused.status, status, "{path}: {}", refused.text());
    }
    let mut trace = get("/p/openai/v1/x").header("authorization", "Bearer master");
    trace.method = "TRACE".to_owned();
    assert_eq!(gateway.ask(&trace).status, 405);
    assert!(provider.heard().is_empty());
}

#[test]
fn five_megabytes_go_through_both_ways() {
    let provider = echo();
    let gateway = openai(&provider);
    let body: Vec<u8> = (0..5_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let request = post("/p/openai/v1/files").header("authorization", "Bearer master").body(body.clone());
    let mut conn = gateway.conn();
    for _ in 0..2 {
        let reply = conn.ask(&request);
        assert!(reply.status == 207 && reply.body == body);
    }
    // Nothing of it is held.
    assert!(gateway.metric("tollgate_held_bytes", &[]) < 1.0);
}

#[test]
fn a_body_without_a_length_goes_through() {
    // The echo cannot read chunks: what it hears of the body is its chunked form.
    let provider = Provider::start(|heard, stream| {
        assert!(heard.head.contains("transfer-encoding: chunked"), "{}", heard.head);
        Heard::answer(stream, &json_reply(200, "{}"));
        Then::Close
    });
    let gateway = openai(&provider);
    let request =
        post("/p/openai/v1/files").header("authorization", "Bearer master").body(vec![b'x'; 300_000]);
    let reply = gateway.ask(&request.chunked(10_000));
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn what_it_used_is_counted_in_every_dialect() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for stream in [false, true] {
            let text = "#mock tokens=17\nhow much is this?";
            let mut request =
                if stream { client.stream(client.model(), text) } else { client.whole(client.model(), text) };
            let direct = gateway.ask(&request).ok();
            let expected = gateway.line(&direct);
            request.path = format!("/p/{}{}", client.vendor(), request.path);
            gateway.ask(&request).ok();
            let line = crate::harness::wait("the line", Duration::from_secs(10), || {
                gateway
                    .lines()
                    .into_iter()
                    .filter(|line| line["gen_ai.operation.name"] == "passthrough")
                    .nth(CLIENTS.iter().position(|each| *each == client).unwrap() * 2 + usize::from(stream))
            });
            let told = format!("{client:?} {stream}: {line} instead of {expected}");
            // Nobody asked OpenAI to tell what a stream used: it is counted here.
            let counted = client == Client::Openai && stream;
            for same in [
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.output_tokens",
                "cost_usd",
                "gen_ai.request.model",
                "stream",
                "client_dialect",
            ] {
                let close = counted && (same.starts_with("gen_ai.usage") || same == "cost_usd");
                if close {
                    assert!(!line[same].is_null(), "{same}: {told}");
                } else {
                    assert_eq!(line[same], expected[same], "{same}: {told}");
                }
            }
            assert_eq!(line["usage_source"] == "reported", !counted, "{told}");
        }
    }
}

#[test]
fn a_stream_goes_through_as_it_comes() {
    let provider = Provider::start(|_, stream| {
        Heard::answer(
            stream,
            b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        );
        Heard::answer(stream, b"b\r\ndata: one\n\n\r\n");
        std::thread::sleep(Duration::from_millis(300));
        Heard::answer(stream, b"b\r\ndata: two\n\n\r\n0\r\n\r\n");
        Then::Keep
    });
    let gateway = openai(&provider);
    let request = get("/p/openai/v1/stream").header("authorization", "Bearer master");
    let mut conn = gateway.conn();
    conn.send(&request.head());
    let mut head = conn.head();
    assert_eq!(conn.read_until(&mut head, "one"), "data: one\n\n");
    let (rest, end) = conn.rest(&mut head);
    assert_eq!((rest.as_str(), end), ("data: two\n\n", crate::harness::End::Clean));
}

#[test]
fn a_provider_s_error_goes_through_without_its_key() {
    let provider = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(401, r#"{"odd":"no such key: openai-secret"}"#));
        Then::Keep
    });
    let gateway = openai(&provider);
    let reply = gateway.ask(&get("/p/openai/v1/files").header("authorization", "Bearer master"));
    assert_eq!((reply.status, reply.text().as_str()), (401, r#"{"odd":"no such key: *************"}"#));
    let line = gateway.line_where("gen_ai.operation.name", "passthrough");
    assert_eq!((&line["attempts"], &line["outcome"]), (&json!(1), &json!("authentication")));
}

#[test]
fn the_gateway_s_own_errors_are_said_in_the_provider_s_dialect() {
    let nobody = closed_port();
    let gateway = Setup::default()
        .provider(&format!("anthropic: {{base_url: \"http://{nobody}\", api_key: k}}"))
        .provider(&format!("gemini: {{base_url: \"http://{nobody}/v1beta\", api_key: k}}"))
        .start();
    let reply = gateway.ask(&post("/p/anthropic/v1/files").body("x"));
    assert_eq!((reply.status, &reply.json()["type"]), (502, &json!("error")));
    let reply = gateway.ask(&get("/p/gemini/v1beta/files"));
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (502, &json!(502)));
    let line = gateway.line_where("client_dialect", "anthropic_messages");
    assert!(line["attempts"].as_u64() > Some(1), "a connection that failed is tried anew: {line}");
}

#[test]
fn what_was_sent_once_is_not_sent_again() {
    let provider = Provider::start(|_, _| Then::Close);
    let gateway = openai(&provider);
    let reply = gateway.ask(&post("/p/openai/v1/files").header("authorization", "Bearer master").body("x"));
    assert_eq!((reply.status, provider.heard().len()), (502, 1), "{}", reply.text());
}

#[test]
fn a_client_that_leaves_takes_its_request_along() {
    let provider = Provider::start(|_, stream| {
        Heard::answer(stream, b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n");
        std::thread::sleep(Duration::from_secs(1));
        Then::Close
    });
    let gateway = openai(&provider);
    let mut conn = gateway.conn();
    let request = post("/p/openai/v1/files").header("authorization", "Bearer master").body("x");
    conn.send(&[request.head(), request.body].concat());
    let mut head = conn.head();
    let _first = conn.piece(&mut head);
    conn.reset();
    gateway.wait_idle();
    assert_eq!(gateway.line_where("gen_ai.operation.name", "passthrough")["outcome"], "client_gone");
}

#[test]
fn a_client_that_waits_for_leave_to_send_its_body_gets_it() {
    let provider = echo();
    let gateway = openai(&provider);
    let request = post("/p/openai/v1/files")
        .header("authorization", "Bearer master")
        .header("expect", "100-continue")
        .body(vec![b'x'; 100_000]);
    let mut conn = gateway.conn();
    conn.send(&request.head());
    assert_eq!(conn.head().status, 100);
    conn.send(&request.body);
    let reply = conn.reply();
    assert!(reply.status == 207 && reply.body == request.body);
    assert!(!provider.heard()[0].head.contains("expect"));
}
