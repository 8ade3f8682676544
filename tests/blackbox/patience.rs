//! How long anybody is waited for: a client for its head, a provider for its first byte and the next.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::harness::{
    CLIENTS, Client, Conn, End, Gateway, Heard, Http2, PATIENCE, Provider, Setup, Then, get, json_reply,
    mock, wait,
};

/// Sends a byte now and then until the other side has enough; how long that took, and what it said.
fn drip(mut conn: Conn, bytes: &[u8]) -> (Duration, Option<(u16, String)>) {
    let begun = Instant::now();
    for byte in bytes.iter().cycle() {
        if begun.elapsed() > PATIENCE || conn.stream.write_all(&[*byte]).is_err() {
            break;
        }
        conn.stream.set_read_timeout(Some(Duration::from_millis(40))).unwrap();
        if let Ok(mut head) = conn.try_head() {
            conn.stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let (text, _) = conn.rest(&mut head);
            return (begun.elapsed(), Some((head.status, text)));
        }
    }
    (begun.elapsed(), None)
}

#[test]
fn a_head_that_comes_drop_by_drop_is_cut_by_its_time_in_total() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_READ_TIMEOUT", "600ms").start();
    for (path, client) in [
        ("/v1/chat/completions", Client::Openai),
        ("/v1/messages", Client::Anthropic),
        ("/v1beta/models/gemini-2.5-flash:generateContent", Client::Gemini),
    ] {
        let mut conn = gateway.conn();
        conn.send(format!("POST {path} HTTP/1.1\r\nhost: x\r\nx-slow: ").as_bytes());
        let (took, said) = drip(conn, b"y");
        assert!(took > Duration::from_millis(400) && took < Duration::from_secs(3), "{client:?}: {took:?}");
        let (status, text) = said.expect("the client is told");
        assert_eq!(status, 408, "{text}");
        let body: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(body.get("type").is_some(), client == Client::Anthropic, "{body}");
        assert_eq!(body["error"]["code"] == 408, client == Client::Gemini, "{body}");
        let line = wait("the line", PATIENCE, || {
            gateway.lines().pop().filter(|line| line["http.response.status_code"] == 408)
        });
        assert_eq!(line["outcome"], "invalid_request", "{line}");
    }
    // The same on a connection that was used before.
    let mut conn = gateway.conn();
    conn.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    conn.send(b"POST /v1/chat/completions HTTP/1.1\r\nx-slow: ");
    let (took, said) = drip(conn, b"y");
    assert!(took > Duration::from_millis(400) && took < Duration::from_secs(3), "{took:?}");
    assert_eq!(said.map(|(status, _)| status), Some(408));
    gateway.wait_idle();
}

#[test]
fn a_connection_that_says_nothing_or_hardly_anything_is_closed() {
    let mock = mock();
    let gateway =
        Setup::new(&mock).env("TOLLGATE_READ_TIMEOUT", "500ms").env("TOLLGATE_KEEPALIVE", "1s").start();
    for bytes in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET /health HT"] {
        let begun = Instant::now();
        let mut conn = gateway.conn();
        conn.send(bytes);
        if let Ok(mut head) = conn.try_head() {
            assert_eq!(head.status, 408);
            conn.rest(&mut head);
        }
        assert!(conn.is_closed_by_peer());
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(300) && took < Duration::from_secs(4), "{bytes:?}: {took:?}");
    }
    // Shorter than the greeting of HTTP/2, and yet a whole request.
    let mut conn = gateway.conn();
    conn.send(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(conn.head().status, 200);
}

/// A provider that stalls for so long before its first byte, and again after its first event.
fn stalling(before: u64, between: u64) -> Provider {
    Provider::start(move |heard, stream| {
        let event = |text: &str| {
            format!(
                "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
            )
        };
        std::thread::sleep(Duration::from_millis(before));
        if !String::from_utf8_lossy(&heard.body).contains("\"stream\":true") {
            let whole = "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"late\"},\"finish_reason\":\"stop\"}]}";
            Heard::answer(stream, &json_reply(200, whole));
            return Then::Keep;
        }
        Heard::answer(stream, b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
        Heard::answer(stream, event("one").as_bytes());
        std::thread::sleep(Duration::from_millis(between));
        Heard::answer(stream, event("two").as_bytes());
        Heard::answer(stream, b"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        Then::Close
    })
}

fn before(provider: &Provider, first_byte: &str, idle: &str) -> Gateway {
    let at = provider.addr;
    Setup::default()
        .provider(&format!("house: {{vendor: custom, base_url: \"http://{at}/v1\", models: [m]}}"))
        .env("TOLLGATE_FIRST_BYTE_TIMEOUT", first_byte)
        .env("TOLLGATE_IDLE_TIMEOUT", idle)
        .env("TOLLGATE_ATTEMPTS", "1")
        .start()
}

#[test]
fn a_stream_may_think_longer_before_its_first_byte_than_pause_within() {
    let slow = stalling(900, 0);
    let gateway = before(&slow, "5s", "300ms");
    for client in CLIENTS {
        let reply = gateway.ask(&client.stream("m", "hello")).ok();
        assert_eq!(client.streamed_text(&reply.text()), "onetwo", "{client:?}");
        gateway.ask(&client.whole("m", "hello")).ok();
    }
    let pausing = stalling(0, 60_000);
    let gateway = before(&pausing, "5s", "400ms");
    for client in CLIENTS {
        let begun = Instant::now();
        let reply = gateway.ask(&client.stream("m", "hello"));
        let took = begun.elapsed();
        assert_eq!((reply.status, reply.end), (200, End::Clean));
        let text = reply.text();
        assert_eq!(client.streamed_text(&text), "one", "{client:?}: {text}");
        assert!(client.error_in(&text).is_some(), "{client:?}: {text}");
        assert!(took > Duration::from_millis(300) && took < Duration::from_secs(3), "{client:?}: {took:?}");
        let line = gateway.line(&reply);
        assert_eq!(line["outcome"], "broken", "{line}");
        gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    }
}

#[test]
fn a_stream_may_pause_longer_than_its_first_byte_may_take() {
    let pausing = stalling(0, 900);
    let gateway = before(&pausing, "300ms", "5s");
    for client in CLIENTS {
        let reply = gateway.ask(&client.stream("m", "hello")).ok();
        assert_eq!(client.streamed_text(&reply.text()), "onetwo", "{client:?}");
    }
    let slow = stalling(60_000, 0);
    let gateway = before(&slow, "400ms", "5s");
    for client in CLIENTS {
        for request in [client.stream("m", "hello"), client.whole("m", "hello")] {
            let begun = Instant::now();
            let reply = gateway.ask(&request);
            let took = begun.elapsed();
            assert_eq!(reply.status, 504, "{}", reply.text());
            client.refusal(&reply);
            assert!(took > Duration::from_millis(300) && took < Duration::from_secs(3), "{took:?}");
            assert_eq!(gateway.line(&reply)["outcome"], "timeout");
        }
    }
}

#[test]
fn a_target_that_is_too_late_gives_way_to_the_next() {
    let slow = stalling(60_000, 0);
    let mock = mock();
    let gateway = Setup::new(&mock)
        .provider(&format!("late: {{vendor: custom, base_url: \"http://{}/v1\", models: [m]}}", slow.addr))
        .yaml("routes: {two: {targets: [late/m, openai/gpt-4o-mini]}}")
        .env("TOLLGATE_FIRST_BYTE_TIMEOUT", "400ms")
        .start();
    for client in CLIENTS {
        for stream in [false, true] {
            let mut conn = gateway.conn();
            for _ in 0..2 {
                let request = if stream {
                    client.stream("two", "#mock tokens=2")
                } else {
                    client.whole("two", "#mock tokens=2")
                };
                let reply = conn.ask(&request).ok();
                assert_eq!(reply.header("x-tollgate-provider"), Some("openai"));
            }
        }
    }
    let reply = Http2::to(gateway.addr).ask(&Client::Openai.stream("two", "#mock tokens=2")).ok();
    assert_eq!(reply.header("x-tollgate-provider"), Some("openai"));
}

#[test]
fn an_idle_connection_outlives_the_time_for_a_head() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_READ_TIMEOUT", "300ms").start();
    let mut conn = gateway.conn();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(600));
        conn.ask(&get("/health")).ok();
    }
}

#[test]
fn every_connection_idles_for_a_finite_time() {
    let mock = mock();
    for keepalive in ["1s", "300ms"] {
        let at = crate::harness::closed_port();
        let gateway = Setup::new(&mock)
            .provider(&format!("down: {{vendor: custom, base_url: \"http://{at}/v1\", models: [d]}}"))
            .env("TOLLGATE_ATTEMPTS", "1")
            .env("TOLLGATE_KEEPALIVE", keepalive)
            .start();
        let large = Client::Openai.whole("gpt-4o-mini", &"x".repeat(200_000));
        for request in [
            get("/health"),
            large.clone(),
            large.chunked(7000),
            Client::Anthropic.whole("gpt-4o-mini", "#mock tokens=2"),
            Client::Openai.whole("gpt-4o-mini", "#mock tokens=2").chunked(20),
            Client::Gemini.whole("d", "hello"),
        ] {
            let mut conn = gateway.conn();
            let status = conn.ask(&request).status;
            assert!(status == 200 || status == 502, "{status}");
            let begun = Instant::now();
            assert!(conn.is_closed_by_peer());
            assert!(begun.elapsed() < Duration::from_secs(4), "{keepalive}: {:?}", begun.elapsed());
        }
    }
}

#[test]
fn half_a_body_is_not_waited_for_over_http2_nor_of_those_who_may_not_come_in() {
    let mock = mock();
    let gateway =
        Setup::new(&mock).env("TOLLGATE_READ_TIMEOUT", "400ms").env("TOLLGATE_MASTER_KEY", "right").start();
    for client in CLIENTS {
        for (path_key, status) in [("?key=right", 408), ("?key=wrong", 401)] {
            let mut request = client.whole(client.model(), "hello");
            request.path.push_str(path_key);
            let begun = Instant::now();
            assert_eq!(Http2::to(gateway.addr).ask_half(&request), Some(status), "{client:?}");
            let mut conn = gateway.conn();
            conn.send(&request.head());
            conn.send(&request.body[..10]);
            let mut head = conn.head();
            assert_eq!(head.status, status, "{client:?}");
            let (text, end) = conn.rest(&mut head);
            assert!(end == End::Clean && text.contains("\"error\""), "{text}");
            assert!(conn.is_closed_by_peer());
            assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        }
    }
    gateway.wait_idle();
    assert!(!gateway.said().iter().any(|line| line.contains("ERROR")), "{:?}", gateway.said());
}

#[test]
fn a_body_that_drips_is_given_up_at_the_total_time() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_TOTAL_TIMEOUT", "800ms").start();
    for client in CLIENTS {
        let request = client.whole(client.model(), &"x".repeat(5000));
        let mut conn = gateway.conn();
        conn.send(&request.head());
        let (took, said) = drip(conn, b" ");
        assert!(took > Duration::from_millis(600) && took < Duration::from_secs(3), "{client:?}: {took:?}");
        assert_eq!(said.map(|(status, _)| status), Some(408), "{client:?}");
    }
    gateway.wait_idle();
}
