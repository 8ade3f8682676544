//! Requests go elsewhere because of what guards find in them.

use serde_json::json;

use super::{MAIL, arrived};
use crate::harness::{CLIENTS, Client, Setup, mock, mock_page, post};

const YAML: &str = "routes: {smart: {targets: [openai/gpt-4o-mini, anthropic/claude-sonnet-4-5]}, \
    home: {targets: [gemini/gemini-2.5-flash]}}\n\
    classes: {personal: {providers: [anthropic], models: [\"gemini/*\"]}}\n\
    guards:\n  mail: {detect: [email], action: monitor, class: personal, on: [request]}\n  \
    arms: {topics: {arms: [detonator]}, action: route, route: home, on: [request]}";

#[test]
fn data_of_a_class_goes_to_those_who_may_have_it() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(YAML).start();
    for client in CLIENTS {
        for stream in [false, true] {
            let ask = |model: &str, text: &str| {
                let text = format!("#mock tokens=2 {text}");
                let request = if stream { client.stream(model, &text) } else { client.whole(model, &text) };
                gateway.ask(&request)
            };
            assert_eq!(ask("smart", "hi").ok().header("x-tollgate-provider"), Some("openai"));
            assert_eq!(ask("smart", MAIL).ok().header("x-tollgate-provider"), Some("anthropic"));
            assert_eq!(ask("gemini-2.5-flash", MAIL).ok().header("x-tollgate-provider"), Some("gemini"));
            let before = mock_page(&mock, "stats")["requests"].as_u64();
            let refused = ask("gpt-4o-mini", MAIL);
            assert_eq!(refused.status, 400, "{client:?} {}", refused.text());
            let text = refused.text();
            assert!(text.contains("mail") && text.contains("personal") && !text.contains(MAIL), "{text}");
            assert_eq!(mock_page(&mock, "stats")["requests"].as_u64(), before);
            assert_eq!(gateway.line(&refused)["outcome"], "content_policy");
        }
    }
    let refused = gateway.ask(&Client::Openai.whole("gpt-4o-mini", MAIL)).json();
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["param"]),
        (&json!("data_class"), &json!("model"))
    );
    let embed = |model: &str, text: &str| {
        gateway.ask(&post("/v1/embeddings").json(&json!({"model": model, "input": text})))
    };
    embed("text-embedding-3-small", "hi").ok();
    assert_eq!(embed("text-embedding-3-small", MAIL).status, 400);
}

#[test]
fn a_guard_sends_requests_to_another_route() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(YAML).start();
    for client in CLIENTS {
        for stream in [false, true] {
            let text = "#mock tokens=2 a detonator";
            let request = if stream { client.stream("smart", text) } else { client.whole("smart", text) };
            let reply = gateway.ask(&request).ok();
            assert_eq!(reply.header("x-tollgate-provider"), Some("gemini"), "{client:?}");
            assert_eq!(reply.header("x-tollgate-guards"), Some("arms/arms=route;request;1"));
            assert!(arrived(&mock).contains("contents"));
        }
    }
    // Both hold together.
    let both =
        gateway.ask(&Client::Openai.whole("gpt-4o-mini", &format!("#mock tokens=2 detonator {MAIL}"))).ok();
    assert_eq!(both.header("x-tollgate-provider"), Some("gemini"));
}

#[test]
fn a_key_need_not_be_for_the_route_to_which_a_guard_sends_it() {
    let mock = mock();
    let yaml = format!("keys: {{web: {{key: the-secret-of-web, models: [gpt-4o-mini]}}}}\n{YAML}");
    let gateway = Setup::new(&mock).yaml(&yaml).start();
    let ask = |model: &str, text: &str| {
        let request = Client::Openai.whole(model, text).header("authorization", "Bearer the-secret-of-web");
        gateway.ask(&request)
    };
    assert_eq!(ask("home", "#mock tokens=2 hi").status, 403);
    let sent = ask("gpt-4o-mini", "#mock tokens=2 detonator").ok();
    assert_eq!(sent.header("x-tollgate-provider"), Some("gemini"));
}

#[test]
fn what_goes_through_goes_nowhere_else() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(YAML).start();
    let ask = |provider: &str, path: &str, model: &str, text: &str| {
        let text = format!("#mock tokens=2 {text}");
        let body = json!({"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": text}]});
        gateway
            .ask(&post(&format!("/p/{provider}{path}")).json(&body).header("anthropic-version", "2023-06-01"))
    };
    let openai = |text: &str| ask("openai", "/v1/chat/completions", "gpt-4o-mini", text);
    let anthropic = |text: &str| ask("anthropic", "/v1/messages", "claude-sonnet-4-5", text);
    openai("hi").ok();
    anthropic(MAIL).ok();
    let refused = openai(MAIL);
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("data_class")));
    let refused = openai("detonator");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("guard_diverted")));
}
