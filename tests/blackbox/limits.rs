//! What a client may take of time and memory, and what becomes of odd HTTP.

use std::time::{Duration, Instant};

use crate::harness::{CLIENTS, Client, Conn, Gateway, Setup, get, mock, mock_page, post, wait};

/// The gateway still serves, and no request is stuck.
fn still_well(gateway: &Gateway) {
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    gateway.wait_idle();
    gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    let panicked = gateway.said().into_iter().find(|line| line.contains("panicked"));
    assert_eq!(panicked, None);
}

#[test]
fn a_body_that_stops_coming_is_given_up_after_the_read_timeout() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_READ_TIMEOUT", "300ms").start();
    for client in CLIENTS {
        let request = client.whole(client.model(), "hello");
        let mut conn = gateway.conn();
        let begun = Instant::now();
        conn.send(&request.head());
        conn.send(&request.body[..10]);
        if let Ok(mut head) = conn.try_head() {
            assert_eq!(head.status, 408, "{client:?}");
            conn.rest(&mut head);
        }
        assert!(conn.is_closed_by_peer());
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    still_well(&gateway);
    assert_eq!(mock_page(&mock, "stats")["requests"], 1);
}

#[test]
fn a_body_that_keeps_coming_slowly_is_taken() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_READ_TIMEOUT", "500ms").start();
    let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
    let mut conn = gateway.conn();
    conn.send(&request.head());
    for piece in request.body.chunks(request.body.len() / 8 + 1) {
        std::thread::sleep(Duration::from_millis(100));
        conn.send(piece);
    }
    conn.reply().ok();
}

#[test]
fn bodies_beyond_the_byte_budget_get_503() {
    let mock = mock();
    let gateway =
        Setup::new(&mock).env("TOLLGATE_BODY_LIMIT", "100KiB").env("TOLLGATE_HELD_LIMIT", "100KiB").start();
    for client in CLIENTS {
        // A body that waits for its answer holds its share, so that another finds no room.
        let held = client.stream(client.model(), &format!("#mock hang\n{}", "x".repeat(60_000)));
        let mut conn = gateway.conn();
        conn.send(&[held.head(), held.body].concat());
        wait("the body to be held", Duration::from_secs(5), || {
            (gateway.metric("tollgate_held_bytes", &[]) > 60_000.0).then_some(())
        });
        let large = client.whole(client.model(), &"x".repeat(60_000));
        for request in [large.clone(), large.clone().chunked(8000)] {
            let reply = gateway.ask(&request);
            assert_eq!(reply.status, 503, "{}", reply.text());
            client.refusal(&reply);
        }
        drop(conn);
        gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
        gateway.ask(&large).ok();
    }
    still_well(&gateway);
}

#[test]
fn a_connection_takes_many_requests() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut conn = gateway.conn();
    for turn in 0..50 {
        let client = CLIENTS[turn % 3];
        let target = CLIENTS[turn / 3 % 3];
        let request = if turn % 2 == 0 {
            client.whole(target.model(), "#mock tokens=2")
        } else {
            client.stream(target.model(), "#mock tokens=2")
        };
        let reply = conn.ask(&request).ok();
        assert_ne!(reply.header("connection"), Some("close"), "turn {turn}");
    }
    let reply = conn.ask(&Client::Openai.whole("gpt-4o-mini", "hi").header("connection", "close")).ok();
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(conn.is_closed_by_peer());
}

#[test]
fn an_idle_connection_is_closed_after_the_keepalive_time() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_KEEPALIVE", "1s").start();
    let mut conn = gateway.conn();
    conn.ask(&get("/health")).ok();
    let begun = Instant::now();
    assert!(conn.is_closed_by_peer());
    let idle = begun.elapsed();
    assert!(idle > Duration::from_millis(500) && idle < Duration::from_secs(4), "{idle:?}");
}

#[test]
fn a_client_that_takes_nothing_is_given_up_and_its_provider_too() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_WRITE_TIMEOUT", "300ms").start();
    // Verbatim, and said again.
    for client in [Client::Openai, Client::Gemini] {
        let mut conn = gateway.conn();
        let request = client.stream("gpt-4o-mini", "#mock tokens=3000000 rate=1000000000");
        conn.send(&[request.head(), request.body].concat());
        // Nothing is read: what the sockets do not hold waits in the gateway.
        let line = gateway.line_where("client_dialect", client.dialect());
        assert_eq!(line["outcome"], "client_gone", "{line}");
    }
    gateway.wait_metric("tollgate_requests_in_flight", &[], 0.0);
}

#[test]
fn pipelined_requests_are_answered_in_order_or_refused_whole() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let requests: Vec<_> = (0..3)
        .map(|turn| Client::Openai.whole("gpt-4o-mini", &format!("#mock echo\nnumber {turn}")))
        .collect();
    let mut conn = gateway.conn();
    let bytes: Vec<u8> =
        requests.iter().flat_map(|request| [request.head(), request.body.clone()].concat()).collect();
    conn.send(&bytes);
    for turn in 0..3 {
        let Ok(mut head) = conn.try_head() else {
            assert!(turn > 0, "the first of several requests is answered");
            break;
        };
        assert_eq!(head.status, 200, "request {turn}");
        let (text, _) = conn.rest(&mut head);
        assert!(text.contains(&format!("number {turn}")), "{text}");
    }
    still_well(&gateway);
}

#[test]
fn a_request_smuggled_behind_a_chunked_body_is_never_served_to_another() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    // Two lengths that disagree: HTTP/1.1 says the message must be refused or the chunks win.
    let body = Client::Openai.question("gpt-4o-mini", "hello", false).to_string();
    let mut conn = gateway.conn();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        body.len()
    );
    conn.send(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes());
    let first = conn.try_head();
    if let Ok(mut head) = first {
        assert!(head.status == 400 || head.status == 200, "{}", head.status);
        conn.rest(&mut head);
    }
    for wrong in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: +5\r\n",
        "content-length: -1\r\n",
        "content-length: 0x5\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, identity\r\n",
    ] {
        let mut conn = gateway.conn();
        conn.send(format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{wrong}\r\n{{}}xxx").as_bytes());
        if let Ok(head) = conn.try_head() {
            assert!((400..502).contains(&head.status), "{wrong:?}: {}", head.status);
        }
    }
    still_well(&gateway);
}

#[test]
fn odd_bytes_get_a_clean_refusal_or_a_closed_connection() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let odd: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST  /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /v1beta/models/%00%ff%2e%2e:generateContent HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /v1/models/\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ];
    for bytes in odd {
        let mut conn = gateway.conn();
        conn.stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        conn.send(bytes);
        conn.half_close();
        if let Ok(head) = conn.try_head() {
            assert!(head.status < 500, "{}: {}", head.status, String::from_utf8_lossy(bytes));
        }
    }
    still_well(&gateway);
}

fn with_large_head(gateway: &Gateway, bytes: usize, lines: usize) -> (u16, Conn) {
    let mut request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
    for line in 0..lines {
        request = request.header(&format!("x-filler-{line}"), &"y".repeat(bytes / lines));
    }
    let mut conn = gateway.conn();
    conn.send(&request.head());
    let _ = std::io::Write::write_all(&mut conn.stream, &request.body);
    let status = conn.try_head().map_or(0, |head| head.status);
    (status, conn)
}

#[test]
fn a_head_over_the_limit_gets_a_clean_refusal() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_HEAD_LIMIT", "16KiB").start();
    assert_eq!(with_large_head(&gateway, 8 << 10, 4).0, 200, "within the limit");
    for (bytes, lines) in [(20 << 10, 1), (20 << 10, 200), (200 << 10, 4)] {
        let (status, _conn) = with_large_head(&gateway, bytes, lines);
        assert!((400..500).contains(&status), "{bytes} bytes in {lines} lines: {status}");
    }
    still_well(&gateway);
}

#[test]
fn a_head_beyond_all_bounds_does_no_harm() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for (bytes, lines) in [(2 << 20, 8), (40_000, 2000)] {
        let (status, _conn) = with_large_head(&gateway, bytes, lines);
        assert!(status == 0 || (400..500).contains(&status), "{bytes} bytes in {lines} lines: {status}");
    }
    still_well(&gateway);
}

#[test]
fn a_model_name_of_any_kind_does_no_harm() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let names = [
        "openai/".to_owned(),
        "/".to_owned(),
        "a\r\nx: y".to_owned(),
        "\u{0}".to_owned(),
        "gpt-4o-mini\u{1f600}".to_owned(),
        "x".repeat(50_000),
        "openai/\u{e9}\r\nset-cookie: a=b".to_owned(),
        "../../etc".to_owned(),
    ];
    for name in names {
        for client in CLIENTS {
            let path_name: String =
                name.bytes().flat_map(|byte| format!("%{byte:02x}").into_bytes()).map(char::from).collect();
            let mut request = client.whole(&name, "#mock tokens=2");
            request.path = client.path(&path_name, false);
            let mut conn = gateway.conn();
            let reply = conn.ask(&request);
            assert_eq!(reply.header("set-cookie"), None);
            assert!(reply.status < 500 && reply.status != 0, "{client:?} {}: {}", reply.status, reply.text());
        }
    }
    still_well(&gateway);
}

#[test]
fn deeply_nested_json_gets_400() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
            let body = format!(
                "{{\"model\":\"{}\",\"messages\":{deep},\"contents\":{deep},\"max_tokens\":5}}",
                target.model()
            );
            let reply = gateway.ask(&post(&client.path(target.model(), false)).body(body));
            assert_eq!(reply.status, 400, "{client:?} to {target:?}: {}", reply.text());
            client.refusal(&reply);
        }
    }
    still_well(&gateway);
}

#[test]
fn a_gateway_without_a_key_lets_all_in_and_says_so_loudly() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    gateway.wait_said("THE GATEWAY IS OPEN");
    for client in CLIENTS {
        gateway.ask(&client.whole(client.model(), "hi").header("authorization", "Bearer anything")).ok();
        gateway.ask(&client.whole(client.model(), "hi")).ok();
    }
    let closed = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "k").start();
    closed.ask(&get("/health")).ok();
    assert!(!closed.said().iter().any(|line| line.contains("OPEN")));
}

#[test]
fn many_connections_at_once_are_all_served() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut conns: Vec<_> = (0..200)
        .map(|turn| {
            let client = CLIENTS[turn % 3];
            let request = client.stream(CLIENTS[turn / 3 % 3].model(), "#mock tokens=10 rate=50");
            let mut conn = gateway.conn();
            conn.send(&[request.head(), request.body].concat());
            (client, conn)
        })
        .collect();
    for (client, conn) in &mut conns {
        let reply = conn.reply().ok();
        assert!(client.is_complete(&reply.text()), "{}", reply.text());
    }
    still_well(&gateway);
}
