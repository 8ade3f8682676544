//! The same question in other words costs no call where that is wanted.

use serde_json::{Value, json};

use crate::harness::{CLIENTS, Client, Conn, Gateway, Reply, Request, Setup, get, mock, mock_page, post};

/// A question that is drawn strictly, with the same bounds in each dialect.
fn question(client: Client, text: &str, stream: bool) -> Request {
    let model = "gpt-4o-mini";
    let mut body = client.question(model, text, stream);
    match client {
        Client::Openai | Client::Anthropic => {
            (body["temperature"], body["max_tokens"]) = (json!(0), json!(4096));
        }
        Client::Gemini => body["generationConfig"] = json!({"temperature": 0, "maxOutputTokens": 4096}),
    }
    let request = post(&client.path(model, stream)).json(&body);
    if client == Client::Anthropic { request.header("anthropic-version", "2023-06-01") } else { request }
}

fn said(client: Client, reply: &Reply, stream: bool) -> String {
    if stream { client.streamed_text(&reply.text()) } else { client.text(&reply.json()) }
}

fn calls(mock: &tollgate::mock::Mock) -> u64 {
    mock_page(mock, "stats")["requests"].as_u64().unwrap()
}

/// What part the cache has in the answer to a chat of this body.
fn part(gateway: &Gateway, body: &Value) -> String {
    let reply = gateway.ask(&post("/v1/chat/completions").json(body)).ok();
    reply.header("x-tollgate-cache").unwrap_or("").to_owned()
}

fn chat(text: &str) -> Value {
    json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]})
}

#[test]
fn other_words_get_the_same_answer_in_every_dialect() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: safe\n").start();
    let first = gateway.ask(&question(Client::Openai, "What is Go?", false)).ok();
    assert_eq!(first.header("x-tollgate-cache"), Some("miss"));
    let expected = said(Client::Openai, &first, false);
    for (place, text) in
        ["Tell me about Go", "what's Go", "Could you explain Go to me, please?"].iter().enumerate()
    {
        for client in CLIENTS {
            for stream in [false, true] {
                let reply = gateway.ask(&question(client, text, stream)).ok();
                let told = format!("{place} {client:?} {stream}: {}", reply.text());
                assert_eq!(reply.header("x-tollgate-cache"), Some("hit; tier=semantic"), "{told}");
                assert!(reply.header("age").is_some(), "{told}");
                assert_eq!(said(client, &reply, stream), expected, "{told}");
                let line = gateway.line(&reply);
                assert_eq!((&line["cost_usd"], &line["cache"]), (&"0".into(), &"semantic".into()), "{line}");
                assert_ne!(line["saved_usd"], Value::Null, "{line}");
            }
        }
    }
    assert_eq!(calls(&mock), 1);
    assert_eq!(part(&gateway, &chat("How do I chnage my email adress?")), "miss");
    assert_eq!(part(&gateway, &chat("how can I change my e-mail address?")), "hit; tier=semantic");
    gateway.wait_metric("tollgate_cache_requests_total", &[("tier", "semantic")], 19.0);
    assert!((gateway.metric("tollgate_cache_entries", &[]) - 2.0).abs() < 1e-9);
}

#[test]
fn what_asks_something_else_is_asked() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: safe\n").start();
    for (one, other) in [
        ("What is Go?", "What is Rust?"),
        ("Is it safe to take ibuprofen?", "Is it not safe to take ibuprofen?"),
        ("Convert 10 USD to EUR", "Convert 10 EUR to USD"),
        ("How tall is Everest in feet?", "How tall is Everest in meters?"),
        ("What happened in 1066?", "What happened in 1666?"),
        ("What is the weather in Rome?", "Tell me about the weather in Rome"),
        ("What does `a - b` do?", "What does `a - b` do ?"),
    ] {
        assert_eq!(part(&gateway, &chat(one)), "miss", "{one}");
        assert_eq!(part(&gateway, &chat(other)), "miss", "{other}");
    }
}

#[test]
fn all_but_the_words_must_be_the_same() {
    let mock = mock();
    let yaml = "cache: safe\nkeys:\n  one: {key: the-secret-of-one}\n  two: {key: the-secret-of-two}\n";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let ask = |secret: &str, body: &Value| {
        let request = post("/v1/chat/completions").header("authorization", &format!("Bearer {secret}"));
        let reply = gateway.ask(&request.json(body)).ok();
        reply.header("x-tollgate-cache").unwrap_or("").to_owned()
    };
    let with = |name: &str, value: Value| {
        let mut body = chat("Tell me about Go");
        body[name] = value;
        body
    };
    assert_eq!(ask("the-secret-of-one", &chat("What is Go?")), "miss");
    assert_eq!(ask("the-secret-of-two", &chat("Tell me about Go")), "miss");
    let words =
        json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell me about Go"}]);
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    for (name, value, expected) in [
        ("messages", words, "miss"),
        ("temperature", json!(0.1), "miss"),
        ("max_tokens", json!(77), "miss"),
        ("stop", json!(["###"]), "miss"),
        ("model", json!("gpt-4o"), "miss"),
        ("n", json!(2), "miss"),
        ("tools", tool, ""),
    ] {
        assert_eq!(ask("the-secret-of-one", &with(name, value)), expected, "{name}");
    }
    assert_eq!(ask("the-secret-of-one", &chat("tell me about Go")), "hit; tier=semantic");
}

#[test]
fn by_default_words_count_and_a_route_can_have_it_otherwise() {
    let mock = mock();
    let routes = "routes:\n  faq: {targets: [openai/gpt-4o-mini], cache: safe}\n";
    let gateway = Setup::new(&mock).yaml(routes).start();
    let ask = |model: &str, text: &str| {
        let mut body = chat(text);
        body["model"] = model.into();
        if model != "faq" {
            body["temperature"] = 0.into();
        }
        part(&gateway, &body)
    };
    assert_eq!(ask("gpt-4o-mini", "What is Go?"), "miss");
    assert_eq!(ask("gpt-4o-mini", "Tell me about Go"), "miss");
    assert_eq!(ask("faq", "What is Rust?"), "miss");
    assert_eq!(ask("faq", "Tell me about Rust"), "hit; tier=semantic");
}

#[test]
fn in_its_shadow_everything_is_asked_and_compared() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: {shadow: true}\n").start();
    let ask = |text: &str| {
        let mut body = chat(text);
        body["temperature"] = 0.into();
        part(&gateway, &body)
    };
    for text in ["What is Go?", "Tell me about Go", "What is Rust?"] {
        assert_eq!(ask(text), "miss", "{text}");
    }
    assert_eq!(ask("What is Go?"), "hit; tier=exact");
    assert_eq!(calls(&mock), 3);
    gateway.wait_metric("tollgate_cache_shadow_total", &[], 1.0);
    assert!(gateway.metric("tollgate_cache_shadow_usd_total", &[]) > 0.0);
}

#[test]
fn a_key_can_have_other_words_answered_and_what_is_kept_for_them_ends_as_any() {
    let mock = mock();
    let yaml = "master_key: the-master-secret\nkeys:\n  faq: {key: the-secret-of-faq, cache: safe}\n  \
                plain: {key: the-secret-of-plain}\n";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let ask = |key: &str, text: &str, stream: bool, wish: &str| {
        let mut body = chat(text);
        (body["temperature"], body["stream"]) = (0.into(), stream.into());
        let request =
            post("/v1/chat/completions").header("authorization", &format!("Bearer the-secret-of-{key}"));
        gateway.ask(&request.header("cache-control", wish).json(&body))
    };
    let part = |reply: Reply| reply.header("x-tollgate-cache").unwrap_or("").to_owned();
    let only = "only-if-cached, max-age=60";
    // The first answer was streamed, and is told whole as well.
    let first = ask("faq", "What is Go?", true, "max-age=60").ok();
    let whole = ask("faq", "Tell me about Go", false, only).ok();
    assert_eq!(whole.header("x-tollgate-cache"), Some("hit; tier=semantic"));
    assert_eq!(said(Client::Openai, &whole, false), said(Client::Openai, &first, true));
    assert_eq!(part(ask("faq", "Can you explain Go?", true, only).ok()), "hit; tier=semantic");
    assert_eq!(ask("faq", "Tell me about Rust", false, only).status, 504);
    // Who wants it fresh is asked anew; so is whose key counts words.
    assert_eq!(part(ask("faq", "Explain Go", false, "no-cache").ok()), "miss");
    assert_eq!(part(ask("plain", "What is Go?", false, "max-age=60").ok()), "miss");
    assert_eq!(part(ask("plain", "Tell me about Go", false, "max-age=60").ok()), "miss");
    // One purge finds the answer under all its names.
    let master = get("/api/v1/cache?key=faq").header("authorization", "Bearer the-master-secret");
    let purge = Request { method: "DELETE".to_owned(), ..master };
    assert_ne!(Conn::to(gateway.admin).ask(&purge).ok().json()["entries"], 0);
    for text in ["What is Go?", "Tell me about Go", "Explain Go"] {
        assert_eq!(ask("faq", text, false, only).status, 504, "{text}");
    }
}

#[test]
fn balanced_answers_words_that_mean_the_same_and_no_others() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: balanced\n").start();
    let first = gateway.ask(&question(Client::Openai, "How do I cancel my gym contract early?", true)).ok();
    assert_eq!(first.header("x-tollgate-cache"), Some("miss"));
    let expected = said(Client::Openai, &first, true);
    for (client, stream) in CLIENTS.into_iter().flat_map(|client| [(client, false), (client, true)]) {
        let reply = gateway.ask(&question(client, "How do I terminate my gym contract early?", stream)).ok();
        let told = format!("{client:?} {stream}: {}", reply.text());
        assert_eq!(reply.header("x-tollgate-cache"), Some("hit; tier=balanced"), "{told}");
        assert!(reply.header("age").is_some(), "{told}");
        assert_eq!(said(client, &reply, stream), expected, "{told}");
        let line = gateway.line(&reply);
        assert_eq!((&line["cost_usd"], &line["cache"]), (&"0".into(), &"balanced".into()), "{line}");
        assert_ne!(line["saved_usd"], Value::Null, "{line}");
    }
    assert_eq!(calls(&mock), 1);
    // What rules tell is looked up first.
    let of_rules = question(Client::Openai, "Hi, how can I cancel my gym contract early? Thanks", false);
    assert_eq!(gateway.ask(&of_rules).ok().header("x-tollgate-cache"), Some("hit; tier=semantic"));
    gateway.wait_metric("tollgate_cache_requests_total", &[("tier", "balanced")], 6.0);
    for other in [
        "How do I renew my gym contract early?",
        "How do I cancel my phone contract early?",
        "How do I not cancel my gym contract early?",
        "How do I cancel 2 gym contracts early?",
        "How do I cancel her gym contract early?",
        "How do I cancel my gym contract late?",
        "How do I cancel my gym contract with Nuffield early?",
    ] {
        assert_eq!(
            gateway.ask(&question(Client::Openai, other, false)).ok().header("x-tollgate-cache"),
            Some("miss"),
            "{other}"
        );
    }
}

#[test]
fn balanced_keeps_to_its_realm_and_lets_go_with_the_answer() {
    let mock = mock();
    let yaml = "master_key: the-master-secret\nkeys:\n  one: {key: the-secret-of-one, cache: balanced}\n  \
                two: {key: the-secret-of-two, cache: balanced}\n  safe: {key: the-secret-of-safe, cache: safe}\n";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let ask = |key: &str, change: &dyn Fn(&mut Value), text: &str| {
        let mut body = chat(text);
        change(&mut body);
        let request =
            post("/v1/chat/completions").header("authorization", &format!("Bearer the-secret-of-{key}"));
        gateway.ask(&request.json(&body)).ok().header("x-tollgate-cache").unwrap_or("").to_owned()
    };
    let (kept, asked) = ("What is the wage of a nurse in Oslo?", "What is the salary of a nurse in Oslo?");
    let plain = |_: &mut Value| {};
    assert_eq!(ask("one", &plain, kept), "miss");
    assert_eq!(ask("two", &plain, asked), "miss");
    assert_eq!(ask("one", &|body| body["max_tokens"] = 77.into(), asked), "miss");
    let system = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": asked}]);
    assert_eq!(ask("one", &|body| body["messages"] = system.clone(), asked), "miss");
    assert_eq!(ask("safe", &plain, kept), "miss");
    assert_eq!(ask("safe", &plain, asked), "miss", "safe knows no words");
    assert_eq!(ask("one", &plain, asked), "hit; tier=balanced");
    let master = get("/api/v1/cache?key=one").header("authorization", "Bearer the-master-secret");
    let purge = Request { method: "DELETE".to_owned(), ..master };
    assert_ne!(Conn::to(gateway.admin).ask(&purge).ok().json()["entries"], 0);
    assert_eq!(ask("one", &plain, asked), "miss");
}

#[test]
fn the_shadow_of_balanced_sees_what_it_would_have_answered() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: {mode: balanced, shadow: true}\n").start();
    for text in [
        "How do I sell a used car abroad?",
        "How do I sell a used car overseas?",
        "How do I buy a used car abroad?",
    ] {
        assert_eq!(part(&gateway, &chat(text)), "miss", "{text}");
    }
    assert_eq!(calls(&mock), 3);
    gateway.wait_metric("tollgate_cache_shadow_total", &[], 1.0);
}
