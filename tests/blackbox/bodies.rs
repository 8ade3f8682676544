//! Request bodies of every size, however they are framed.

use std::time::Duration;

use crate::harness::{
    CLIENTS, Client, Conn, End, Gateway, Http2, Piece, Reply, Request, Setup, get, mock, mock_page, post,
};

const KIB_64: usize = 64 << 10;

/// The sizes at which buffers on the way begin to matter.
const SIZES: [usize; 5] = [KIB_64 - 1, KIB_64, KIB_64 + 1, 100_000, 5_000_000];

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Length,
    Chunked,
}

/// A question whose body has exactly this size.
fn of_size(size: usize, model: &str) -> Request {
    let request = Client::Openai.whole(model, "#mock tokens=3\n");
    let padding = size.checked_sub(request.body.len()).expect("a body of that size");
    Client::Openai.whole(model, &format!("#mock tokens=3\n{}", "x".repeat(padding)))
}

fn framed(request: Request, way: Way) -> Request {
    match way {
        Way::Length => request,
        Way::Chunked => request.chunked(7001),
    }
}

/// What the mock got is what was sent, or says the same in its own words.
fn check_arrived(mock: &tollgate::mock::Mock, request: &Request, model: &str) {
    let shown = Conn::to(mock.addr()).ask(&get("/__mock/last")).text();
    let sent = String::from_utf8(request.body.clone()).unwrap();
    if model == Client::Openai.model() {
        let escaped = serde_json::to_string(&sent).unwrap();
        assert!(
            shown.contains(&format!("\"body_text\":{escaped}")),
            "{} bytes arrive as they are",
            sent.len()
        );
    } else {
        let text =
            sent.split("\"content\":").nth(1).and_then(|rest| rest.split_inclusive("x\"").next()).unwrap();
        assert!(shown.contains(text), "a text of {} bytes survives translation", text.len());
    }
}

fn check_follow_up(reply: &Reply) {
    assert_eq!((reply.status, reply.end), (200, End::Clean), "a second request works: {}", reply.text());
}

fn http1_takes(way: Way, model: &str) {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for size in SIZES {
        let mut conn = gateway.conn();
        let request = framed(of_size(size, model), way);
        let reply = conn.ask(&request);
        assert_eq!(reply.status, 200, "{size} bytes: {}", reply.text());
        check_arrived(&mock, &request, model);
        check_follow_up(&conn.ask(&Client::Openai.whole(model, "again")));
    }
}

fn http2_takes(way: Way, model: &str) {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for size in SIZES {
        let mut http2 = Http2::to(gateway.addr);
        let request = framed(of_size(size, model), way);
        let reply = http2.ask(&request);
        if way == Way::Chunked && size > KIB_64 {
            assert_eq!(reply.status, 411, "{size} bytes without a length: {}", reply.text());
            assert!(Client::Openai.refusal(&reply).message.contains("content-length"));
        } else {
            assert_eq!(reply.status, 200, "{size} bytes: {}", reply.text());
            check_arrived(&mock, &request, model);
        }
        check_follow_up(&http2.ask(&Client::Openai.whole(model, "again")));
    }
}

#[test]
fn http1_bodies_with_a_length_go_through_verbatim() {
    http1_takes(Way::Length, Client::Openai.model());
}

#[test]
fn http1_bodies_with_a_length_are_translated() {
    http1_takes(Way::Length, Client::Anthropic.model());
}

#[test]
fn chunked_bodies_go_through_verbatim() {
    http1_takes(Way::Chunked, Client::Openai.model());
}

#[test]
fn chunked_bodies_are_translated() {
    http1_takes(Way::Chunked, Client::Anthropic.model());
}

#[test]
fn http2_bodies_with_a_length_go_through_verbatim() {
    http2_takes(Way::Length, Client::Openai.model());
}

#[test]
fn http2_bodies_with_a_length_are_translated() {
    http2_takes(Way::Length, Client::Anthropic.model());
}

#[test]
fn http2_bodies_without_a_length_go_through_up_to_64_kib() {
    http2_takes(Way::Chunked, Client::Openai.model());
}

#[test]
fn http2_bodies_without_a_length_are_translated_up_to_64_kib() {
    http2_takes(Way::Chunked, Client::Anthropic.model());
}

#[test]
fn a_body_of_nothing_or_one_byte_is_refused_and_the_connection_stays() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for body in ["", "{"] {
        for way in [Way::Length, Way::Chunked] {
            for client in CLIENTS {
                let refused = framed(post(&client.path(client.model(), false)).body(body), way);
                let mut conn = gateway.conn();
                let reply = conn.ask(&refused);
                assert_eq!(reply.status, 400, "{client:?} {way:?} {body:?}: {}", reply.text());
                assert!(client.refusal(&reply).message.contains("JSON"), "{}", reply.text());
                check_follow_up(&conn.ask(&client.whole(client.model(), "again")));
                let mut http2 = Http2::to(gateway.addr);
                let reply = http2.ask(&refused);
                assert_eq!(reply.status, 400, "HTTP/2 {client:?} {way:?} {body:?}: {}", reply.text());
                check_follow_up(&http2.ask(&client.whole(client.model(), "again")));
            }
        }
    }
    gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
}

/// Sends beside reading, so that an early refusal is read even while the body still goes out.
fn too_large(gateway: &Gateway, client: Client, request: &Request) {
    let mut conn = gateway.conn();
    let reply = conn.try_ask(request).unwrap_or_else(|error| panic!("{client:?}: {error}"));
    assert_eq!(reply.status, 413, "{client:?}: {}", reply.text());
    let said = client.refusal(&reply);
    assert!(said.message.contains("limit of 64"), "{said:?}");
    assert!(conn.is_closed_by_peer(), "what was not read cannot be a request");
}

#[test]
fn a_body_over_the_limit_is_refused_in_the_clients_dialect() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_BODY_LIMIT", "64KiB").start();
    for client in CLIENTS {
        for size in [KIB_64 + 1, 300_000] {
            let request = client.whole(client.model(), &"x".repeat(size));
            too_large(&gateway, client, &request);
            too_large(&gateway, client, &request.clone().chunked(9_000));
        }
    }
    let exact = of_size(KIB_64, Client::Openai.model());
    gateway.ask(&exact).ok();
    gateway.ask(&exact.chunked(1000)).ok();
    assert_eq!(mock_page(&mock, "stats")["requests"], 2);
    gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
}

#[test]
fn http2_bodies_over_the_limit_are_refused() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_BODY_LIMIT", "64KiB").start();
    for client in CLIENTS {
        let request = client.whole(client.model(), &"x".repeat(100_000));
        for request in [request.clone(), request.chunked(1)] {
            let reply = Http2::to(gateway.addr).ask(&request);
            assert_eq!(reply.status, 413, "{client:?}: {}", reply.text());
            client.refusal(&reply);
        }
    }
}

#[test]
fn expect_100_continue_is_answered_before_the_body_is_sent() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for (size, model) in [(200, "gpt-4o-mini"), (100_000, "gpt-4o-mini"), (100_000, "claude-sonnet-4-5")] {
        let mut conn = gateway.conn();
        let request = of_size(size, model).header("expect", "100-continue");
        conn.send(&request.head());
        assert_eq!(conn.head().status, 100, "{size} bytes");
        conn.send(&request.body);
        let reply = conn.reply();
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(mock_page(&mock, "last")["headers"].get("expect"), None);
        check_follow_up(&conn.ask(&Client::Openai.whole(model, "again")));
    }
}

#[test]
fn expect_100_continue_of_a_body_over_the_limit_gets_413_at_once() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_BODY_LIMIT", "64KiB").start();
    let mut conn = gateway.conn();
    conn.send(&of_size(KIB_64 + 1, "gpt-4o-mini").header("expect", "100-continue").head());
    let mut head = conn.head();
    assert_eq!(head.status, 413);
    assert!(matches!(conn.piece(&mut head), Piece::Bytes(_)));
}

#[test]
fn a_body_that_comes_byte_by_byte_is_put_together() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for way in [Way::Length, Way::Chunked] {
        let request = framed(Client::Openai.whole("gpt-4o-mini", "#mock echo\nslow"), way);
        let mut conn: Conn = gateway.conn();
        for byte in request.head().iter().chain(&request.framed_body()) {
            conn.send(&[*byte]);
        }
        let reply = conn.reply().ok();
        assert_eq!(Client::Openai.text(&reply.json()), "slow");
    }
    gateway.wait_idle();
}

#[test]
fn a_client_that_stops_in_the_middle_of_its_body_leaves_nothing_behind() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let request = of_size(100_000, "gpt-4o-mini");
    let mut conn = gateway.conn();
    conn.send(&request.head());
    conn.send(&request.body[..50_000]);
    drop(conn);
    let line = crate::harness::wait("the line", Duration::from_secs(5), || gateway.lines().pop());
    assert_eq!(line["outcome"], "client_gone");
    gateway.wait_idle();
    gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}
