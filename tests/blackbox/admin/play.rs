//! The playground: the client listener through the operator's.

use serde_json::json;

use super::{MASTER, path, raw, request, with};
use crate::harness::{
    Client, Conn, End, Heard, PATIENCE, Provider, Setup, Then, mock, mock_page, post, wait,
};

#[test]
fn a_page_asks_the_client_listener_with_a_key_of_its_own() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml("master_key: the-master-secret\nmaster_key_for: admin\nkeys: {web: {key: the-secret-of-web}}")
        .start();
    let to = "/play/v1/chat/completions";
    let question = |stream| Client::Openai.question("gpt-4o-mini", "#mock tokens=3", stream);
    let play = |key: &str| with(request("POST", to), MASTER).header("x-tollgate-play-key", key);
    let whole = raw(&gateway, &play("the-secret-of-web").json(&question(false))).ok();
    assert!(whole.json()["choices"][0]["message"]["content"].is_string(), "{}", whole.text());
    assert_eq!(gateway.line(&whole)["key"], "web");
    let streamed = raw(&gateway, &play("the-secret-of-web").json(&question(true))).ok();
    assert_eq!(streamed.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(streamed.text().ends_with("data: [DONE]\n\n"), "{}", streamed.text());
    for (key, status) in [(MASTER, 403), ("nobodys-secret", 401)] {
        let refused = raw(&gateway, &play(key).json(&question(false)));
        assert_eq!(
            (refused.status, &refused.json()["error"]["type"]),
            (status, &json!("invalid_request_error"))
        );
    }
    // Who plays is an operator first.
    assert_eq!(raw(&gateway, &post(&path(to)).json(&question(false))).status, 401);
}

#[test]
fn what_is_played_comes_piece_by_piece_and_ends_with_its_page() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("master_key: the-master-secret").start();
    let question = Client::Openai.question("gpt-4o-mini", "#mock tokens=200 rate=20", true);
    let play = with(request("POST", "/play/v1/chat/completions"), MASTER);
    let asked = play.header("x-tollgate-play-key", MASTER).json(&question);
    let mut conn = Conn::to(gateway.admin);
    conn.send(&[asked.head(), asked.framed_body()].concat());
    let mut head = conn.head();
    assert_eq!(head.status, 200);
    let seen = conn.read_until(&mut head, "\"content\"");
    assert!(!seen.contains("[DONE]"), "{seen}");
    drop(conn);
    // The request behind it ends with it, long before its ten seconds are over.
    let line = gateway.line_where("outcome", "client_gone");
    assert_eq!(line["http.response.status_code"], 200);
}

#[test]
fn who_leaves_before_the_answer_begins_pays_for_no_more() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("master_key: the-master-secret").start();
    let question = Client::Openai.question("gpt-4o-mini", "#mock first=60000", true);
    let play = with(request("POST", "/play/v1/chat/completions"), MASTER);
    let asked = play.header("x-tollgate-play-key", MASTER).json(&question);
    let mut conn = Conn::to(gateway.admin);
    conn.send(&[asked.head(), asked.framed_body()].concat());
    wait("the question at the provider", PATIENCE, || {
        (mock_page(&mock, "stats")["requests"] == 1).then_some(())
    });
    drop(conn);
    gateway.line_where("outcome", "client_gone");
}

#[test]
fn an_answer_that_breaks_off_does_not_end_as_whole() {
    let breaks = Provider::start(|_, stream| {
        let begun =
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"id\"";
        Heard::answer(stream, begun);
        Then::Close
    });
    let gateway = Setup::default()
        .provider(&format!("breaks: {{vendor: custom, base_url: \"http://{}/v1\"}}", breaks.addr))
        .yaml("master_key: the-master-secret")
        .start();
    let play = with(request("POST", "/play/p/breaks/v1/x"), MASTER).header("x-tollgate-play-key", MASTER);
    let reply = raw(&gateway, &play.json(&json!({})));
    assert_eq!((reply.status, reply.text().as_str(), reply.end), (200, "{\"id\"", End::Cut));
}

#[test]
fn the_client_of_what_is_played_is_where_its_page_is() {
    let mock = mock();
    let keys = "keys: {web: {key: the-secret-of-web, addresses: [203.0.113.0/24]}}";
    let gateway = Setup::new(&mock)
        .yaml(&format!("master_key: the-master-secret\ntrusted_proxies: [127.0.0.1]\n{keys}"))
        .start();
    for (address, status) in [("203.0.113.9", 200), ("198.51.100.1", 403)] {
        let play = with(request("POST", "/play/v1/chat/completions"), MASTER)
            .header("x-tollgate-play-key", "the-secret-of-web")
            .header("x-forwarded-for", address)
            .json(&Client::Openai.question("gpt-4o-mini", "#mock tokens=3", false));
        assert_eq!(raw(&gateway, &play).status, status, "{address}");
    }
}
