//! The playground: the client listener through the operator's.

use serde_json::json;

use super::{MASTER, path, raw, request, with};
use crate::harness::{Client, Conn, Setup, mock, post};

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
