//! What the cache has no part in, and what becomes of those who want nothing but what is kept.

use serde_json::{Value, json};

use crate::cached::{calls, cold, part};
use crate::harness::{Request, Setup, mock, post};

fn chat(change: &Value) -> Request {
    let mut body = json!({"model": "gpt-4o-mini", "temperature": 0,
        "messages": [{"role": "user", "content": "#mock tokens=3"}]});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    post("/v1/chat/completions").json(&body)
}

#[test]
fn who_wants_nothing_but_what_is_kept_costs_nothing_where_nothing_is() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: off").start();
    let only = |request: Request| gateway.ask(&request.header("cache-control", "max-age=60, only-if-cached"));
    let vectors = || post("/v1/embeddings").json(&json!({"model": "text-embedding-3-small", "input": "a"}));
    for request in [cold("#mock tokens=3"), chat(&json!({"temperature": 1})), vectors()] {
        let refused = only(request);
        assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (504, Some("not_cached")));
    }
    assert_eq!(calls(&mock), 0);
    // All others are answered as ever.
    gateway.ask(&cold("#mock tokens=3").header("cache-control", "max-age=60")).ok();
    gateway.ask(&vectors()).ok();
    assert_eq!(calls(&mock), 2);
}

#[test]
fn what_is_no_request_of_its_dialect_is_not_asked_for_either() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let wrong = chat(&json!({"messages": "none"})).header("cache-control", "only-if-cached");
    assert_eq!((gateway.ask(&wrong).status, calls(&mock)), (504, 0));
}

#[test]
fn what_reaches_beyond_its_own_words_is_neither_kept_nor_given() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let tool = json!({"name": "f", "input_schema": {"type": "object"}});
    let inline = json!({"model": "claude-sonnet-4-5", "max_tokens": 50, "temperature": 0, "messages": [
        {"role": "user", "content": "#mock tokens=3"},
        {"role": "system", "content": [{"type": "tool_addition", "tool": {"type": "definition", "definition": tool}}]},
        {"role": "user", "content": "Go on."}]});
    let anthropic = post("/v1/messages").header("anthropic-version", "2023-06-01").json(&inline);
    let before = calls(&mock);
    for _ in 0..2 {
        let reply = gateway.ask(&anthropic);
        assert_eq!(part(&reply), "", "{}", reply.text());
    }
    assert_eq!(calls(&mock), before + 2);
    for own in [json!({"search_parameters": {"mode": "auto"}}), json!({"enable_search": true})] {
        for _ in 0..2 {
            let reply = gateway.ask(&chat(&own));
            assert_eq!(part(&reply), "", "{own}: {}", reply.text());
        }
    }
    assert_eq!(calls(&mock), before + 6);
}

#[test]
fn a_hit_says_what_was_lost_as_its_miss_did() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let ask = || gateway.ask(&chat(&json!({"model": "claude-sonnet-4-5", "max_tokens": 50, "seed": 7}))).ok();
    let (miss, hit) = (ask(), ask());
    assert_eq!((part(&miss), part(&hit)), ("miss", "hit; tier=exact"));
    let lost = miss.header("x-tollgate-losses");
    assert!(lost.is_some_and(|lost| lost.contains("seed;dropped")), "{lost:?}");
    assert_eq!(hit.header("x-tollgate-losses"), lost);
    assert_eq!(gateway.line(&hit)["losses"], gateway.line(&miss)["losses"]);
}
