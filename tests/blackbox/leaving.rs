//! Clients that leave: the provider is let go at once, and what was used is still counted.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{CLIENTS, Client, Conn, Gateway, Request, Setup, mock, mock_page, wait};

/// What a client that has had enough does.
#[derive(Debug, Clone, Copy)]
enum Leave {
    Close,
    Reset,
    HalfClose,
}

const WAYS: [Leave; 3] = [Leave::Close, Leave::Reset, Leave::HalfClose];

/// Leaves; a half-closed connection is given back so that it stays half open.
fn leave(conn: Conn, how: Leave) -> Option<Conn> {
    match how {
        Leave::Close => None,
        Leave::Reset => {
            conn.reset();
            None
        }
        Leave::HalfClose => {
            conn.half_close();
            Some(conn)
        }
    }
}

fn send(gateway: &Gateway, request: Request) -> Conn {
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body].concat());
    conn
}

/// The provider sees within a second that its client is gone, and the line says so.
fn check_gone(mock: &tollgate::mock::Mock, gateway: &Gateway, gone: u64) -> Value {
    wait("the provider to be let go", Duration::from_secs(1), || {
        (mock_page(mock, "stats")["client_gone"] == gone).then_some(())
    });
    let count = usize::try_from(gone).unwrap();
    let line = wait("the line", Duration::from_secs(2), || gateway.lines().get(count - 1).cloned());
    assert_eq!(line["outcome"], "client_gone", "{line}");
    gateway.wait_idle();
    line
}

#[test]
fn a_client_that_leaves_before_the_head_lets_the_provider_go() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut gone = 0;
    for client in CLIENTS {
        for how in WAYS {
            let before = mock_page(&mock, "stats")["requests"].as_u64().unwrap();
            let conn = send(&gateway, client.stream(client.model(), "#mock hang"));
            wait("the request to arrive", Duration::from_secs(5), || {
                (mock_page(&mock, "stats")["requests"].as_u64() > Some(before)).then_some(())
            });
            let half = leave(conn, how);
            gone += 1;
            let line = check_gone(&mock, &gateway, gone);
            assert_eq!(line["http.response.status_code"], 499, "{how:?}: {line}");
            drop(half);
        }
    }
}

#[test]
fn t36_a_client_that_leaves_in_the_middle_of_a_stream_lets_the_provider_go_and_is_counted() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut gone = 0;
    for client in CLIENTS {
        for target in CLIENTS {
            for how in WAYS {
                let request =
                    client.stream(target.model(), "#mock tokens=4000 rate=200\nplease count with me");
                let mut conn = send(&gateway, request);
                let mut head = conn.head();
                let mut text = String::new();
                while client.streamed_text(&text).split(' ').count() < 12 {
                    let more = conn.read_until(&mut head, "\n");
                    assert!(!more.is_empty(), "the stream goes on: {text}");
                    text.push_str(&more);
                }
                let half = leave(conn, how);
                gone += 1;
                let line = check_gone(&mock, &gateway, gone);
                drop(half);
                let told = format!("{client:?} from {target:?} {how:?}: {line}");
                let output = line["gen_ai.usage.output_tokens"].as_u64().unwrap_or(0);
                assert!((8..400).contains(&output), "tokens that were sent are counted: {told}");
                let input = line["gen_ai.usage.input_tokens"].as_u64().unwrap_or(0);
                assert!((5..60).contains(&input), "{told}");
                // Gemini reports with every event what it used so far; the others only at the end.
                assert!(target == Client::Gemini || line["usage_source"] != "reported", "{told}");
                assert!(line["cost_usd"].is_string(), "what was used costs: {told}");
                assert!(line["first_token_ms"].is_number(), "{told}");
            }
        }
    }
}

#[test]
fn a_client_that_leaves_while_a_whole_answer_is_written_is_counted() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    // Claude's answers end at the limit that the request names, which fits into a socket.
    for client in [Client::Openai, Client::Gemini] {
        let before = gateway.lines().len();
        let mut conn = send(&gateway, client.whole(client.model(), "#mock big=8000000"));
        assert_eq!(conn.head().status, 200);
        conn.reset();
        let line = wait("the line", Duration::from_secs(10), || gateway.lines().get(before).cloned());
        assert_eq!(line["outcome"], "client_gone", "{line}");
        gateway.wait_idle();
    }
}

#[test]
fn a_client_that_leaves_between_two_requests_is_no_event() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for how in WAYS {
        let mut conn = gateway.conn();
        conn.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
        drop(leave(conn, how));
    }
    gateway.wait_idle();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    let lines =
        wait("four lines", Duration::from_secs(5), || Some(gateway.lines()).filter(|lines| lines.len() >= 4));
    assert!(lines.iter().all(|line| line["outcome"] == "answered"), "{lines:?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn connections_that_say_nothing_or_half_a_head_leave_nothing_behind() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for how in WAYS {
        let silent = gateway.conn();
        drop(leave(silent, how));
        let mut half = gateway.conn();
        half.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-le");
        drop(leave(half, how));
    }
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    gateway.wait_idle();
}

#[test]
fn a_provider_that_bills_all_of_an_answer_is_heard_to_its_end() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "billing: {{vendor: openai, base_url: \"http://{at}/v1\", api_key: k-1234, client_gone: drain}}"
        ))
        .yaml("cache: off")
        .start();
    for client in CLIENTS {
        for how in WAYS {
            let request = client.stream("billing/gpt-4o-mini", "#mock tokens=40 rate=100");
            let mut conn = send(&gateway, request);
            let mut head = conn.head();
            conn.read_until(&mut head, "\n");
            let before = gateway.lines().len();
            let half = leave(conn, how);
            let line = wait("the line", Duration::from_secs(10), || gateway.lines().get(before).cloned());
            assert_eq!(
                (&line["outcome"], &line["usage_source"]),
                (&"client_gone".into(), &"reported".into())
            );
            assert_eq!(line["gen_ai.usage.output_tokens"], 40, "{client:?} {how:?}: {line}");
            drop(half);
            gateway.wait_idle();
        }
    }
    assert_eq!(mock_page(&mock, "stats")["client_gone"], 0);
    // Who stays, and asks again, gets answers as ever.
    let mut conn = gateway.conn();
    for _ in 0..2 {
        conn.ask(&Client::Openai.whole("billing/gpt-4o-mini", "#mock tokens=2")).ok();
    }
}
