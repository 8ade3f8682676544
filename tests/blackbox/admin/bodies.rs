//! What was asked and answered, where a route or a key wants that logged.

use serde_json::{Value, json};

use super::{well, with};
use crate::harness::{CLIENTS, Client, Gateway, PATIENCE, Reply, Setup, mock, post, wait};

const MAIL: &str = "anna.berg@example.com";

const WORLD: &str = "\
master_key: the-master-secret
ledger: {body_size: 2KiB}
guards:
  pii: {detect: [email], action: mask_and_restore}
routes:
  support: {targets: [openai/gpt-4o-mini], log_bodies: on}
  private: {targets: [openai/gpt-4o-mini], log_bodies: off}
keys:
  web: {key: the-secret-of-web}
  all: {key: the-secret-of-all, log_bodies: 100%}
  none: {key: the-secret-of-none, log_bodies: off}
";

/// What was logged of a request, once it is in the ledger.
fn logged(gateway: &Gateway, reply: &Reply) -> Value {
    let id = reply.id();
    let listed = || well(gateway, "GET", &format!("/requests?search={id}"), None)["requests"].clone();
    wait("the request", PATIENCE, || listed().as_array().is_some_and(|rows| rows.len() == 1).then_some(()));
    well(gateway, "GET", &format!("/requests/{id}"), None)["body"].clone()
}

fn ask(gateway: &Gateway, key: &str, model: &str, text: &str) -> Reply {
    gateway.ask(&with(Client::Openai.whole(model, text), key)).ok()
}

#[test]
fn bodies_are_logged_where_a_route_or_a_key_wants_that_and_nowhere_else() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(WORLD).start();
    for (key, model, is_logged) in [
        ("the-secret-of-web", "gpt-4o-mini", false),
        ("the-secret-of-web", "support", true),
        ("the-secret-of-all", "gpt-4o-mini", true),
        ("the-secret-of-all", "private", false),
        ("the-secret-of-none", "support", false),
    ] {
        let reply = ask(&gateway, key, model, "#mock tokens=3");
        let body = logged(&gateway, &reply);
        if is_logged {
            assert_eq!(body["response"], reply.text(), "{key} {model}");
            let request: Value = serde_json::from_str(body["request"].as_str().unwrap()).unwrap();
            assert_eq!(request["model"], model);
            assert_eq!((&body["request_cut"], &body["response_cut"]), (&json!(false), &json!(false)));
        } else {
            assert_eq!(body, Value::Null, "{key} {model}");
        }
    }
}

#[test]
fn every_client_has_its_own_words_logged_streamed_or_not_and_told_once_more() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(WORLD).start();
    for client in CLIENTS {
        for model in ["gpt-4o-mini", "claude-sonnet-4-5"] {
            for request in [client.whole(model, "#mock tokens=3"), client.stream(model, "#mock tokens=3")] {
                let reply = gateway.ask(&with(request.clone(), "the-secret-of-all")).ok();
                let body = logged(&gateway, &reply);
                assert_eq!(body["response"], reply.text(), "{client:?} {model}");
                assert_eq!(body["request"].as_str().map(str::as_bytes), Some(&request.body[..]));
            }
        }
    }
    let body =
        json!({"model": "gpt-4o-mini", "temperature": 0, "messages": [{"role": "user", "content": "again"}]});
    for part in ["miss", "hit; tier=exact"] {
        let reply = gateway.ask(&with(post("/v1/chat/completions").json(&body), "the-secret-of-all")).ok();
        assert_eq!(reply.header("x-tollgate-cache"), Some(part));
        assert_eq!(logged(&gateway, &reply)["response"], reply.text());
    }
}

#[test]
fn what_guards_mask_is_nowhere_in_the_log_nor_is_any_credential() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(WORLD).start();
    let text = format!("#mock echo\nWrite to {MAIL}.");
    for request in [Client::Openai.whole("support", &text), Client::Openai.stream("support", &text)] {
        let reply = gateway.ask(&with(request, "the-secret-of-web")).ok();
        assert!(reply.text().contains(MAIL), "restored for the client: {}", reply.text());
        let body = logged(&gateway, &reply);
        for side in ["request", "response"] {
            let said = body[side].as_str().unwrap();
            assert!(said.contains("[EMAIL_1]") && !said.contains(MAIL), "{side}: {said}");
        }
    }
    for file in ["ledger.db", "ledger.db-wal"] {
        let bytes = std::fs::read(gateway.data().join(file)).unwrap_or_default();
        for secret in [MAIL, "the-secret-of-web", "the-master-secret"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} in {file}");
        }
    }
}

#[test]
fn what_is_too_long_is_cut_off_and_that_is_said() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(WORLD).start();
    let reply =
        ask(&gateway, "the-secret-of-web", "support", &format!("#mock tokens=3 {}", "ü".repeat(3000)));
    let body = logged(&gateway, &reply);
    assert_eq!((&body["request_cut"], &body["response_cut"]), (&json!(true), &json!(false)));
    assert!((2040..=2048).contains(&body["request"].as_str().unwrap().len()), "{body}");
    let reply = ask(&gateway, "the-secret-of-web", "support", "#mock tokens=3000");
    let body = logged(&gateway, &reply);
    assert_eq!((&body["request_cut"], &body["response_cut"]), (&json!(false), &json!(true)));
    assert!(reply.text().starts_with(body["response"].as_str().unwrap()));
}
