//! Limits and budgets over real sockets.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Gateway, PATIENCE, Reply, Request, Setup, get, mock, mock_page, post, wait,
};

fn with(request: Request, secret: &str) -> Request {
    request.header("authorization", &format!("Bearer {secret}"))
}

fn setup(mock: &tollgate::mock::Mock, rules: &str) -> Gateway {
    let yaml = format!(
        "master_key: the-master-secret\nkeys:\n  web: {{key: the-secret-of-web, owner: acme/search, labels: [prod], {rules}}}"
    );
    Setup::new(mock).yaml(&yaml).start()
}

fn question(body: Value) -> Request {
    with(post("/v1/chat/completions").json(&body), "the-secret-of-web")
}

fn small(tokens: u64) -> Request {
    let text = format!("#mock tokens={tokens}");
    question(
        json!({"model": "gpt-4o-mini", "max_tokens": tokens, "messages": [{"role": "user", "content": text}]}),
    )
}

fn code(reply: &Reply) -> String {
    reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_budget_for_one_lets_one_of_many_at_once_through() {
    const CLIENTS: usize = 40;
    let mock = mock();
    // An answer of 100 tokens costs 60 microdollars, and each may come to some more.
    for round in 0..5 {
        for capped in [true, false] {
            let gateway = setup(&mock, "budgets: [{usd: 0.0001}]");
            let before = mock_page(&mock, "stats")["requests"].as_u64().unwrap();
            let (begin, served) = (Barrier::new(CLIENTS), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..CLIENTS {
                    scope.spawn(|| {
                        let mut body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "#mock tokens=100 first=300"}]});
                        if capped {
                            body["max_tokens"] = 100.into();
                        }
                        let mut conn = gateway.conn();
                        begin.wait();
                        let reply = conn.ask(&question(body));
                        match reply.status {
                            200 => drop(served.fetch_add(1, Ordering::AcqRel)),
                            status => assert_eq!((status, code(&reply).as_str()), (429, "insufficient_quota")),
                        }
                    });
                }
            });
            assert_eq!(served.load(Ordering::Acquire), 1, "round {round}, capped: {capped}");
            assert_eq!(mock_page(&mock, "stats")["requests"].as_u64().unwrap() - before, 1);
        }
    }
}

#[test]
fn a_spent_budget_is_said_in_each_dialect() {
    let mock = mock();
    let gateway = setup(&mock, "budgets: [{usd: 0.0001, per: day}]");
    let own = |client: Client| with(client.whole("gpt-4o-mini", "#mock tokens=10"), "the-secret-of-web");
    for client in CLIENTS {
        while gateway.ask(&small(100)).status == 200 {}
        let reply = gateway.ask(&own(client));
        if reply.status == 200 {
            continue;
        }
        let said = client.refusal(&reply);
        assert_eq!(reply.status, 429, "{said:?}");
        assert!(said.message.contains("budget of 0.0001 USD a day"), "{said:?}");
        assert_eq!(reply.header("x-should-retry"), Some("false"));
        // What could never fit says so, and not when to come back.
        let after = reply.header("retry-after").map(|after| after.parse::<u64>().unwrap());
        assert_eq!(after.is_some(), client != Client::Anthropic);
        assert!(after.is_none_or(|after| after <= 86_400));
    }
    // Others are not bound by it.
    gateway.ask(&with(Client::Openai.whole("gpt-4o-mini", "#mock tokens=10"), "the-master-secret")).ok();
    assert!(
        gateway.metric("tollgate_limited_total", &[("node", "key"), ("name", "web"), ("measure", "usd")])
            >= 1.0
    );
}

#[test]
fn what_is_reserved_and_not_used_is_free_again_however_a_request_ends() {
    let mock = mock();
    // Room for one answer of at most 2000 tokens at a time.
    let gateway = setup(&mock, "budgets: [{usd: 0.0014}], limits: [{concurrency: 1}]");
    let large = |text: &str, stream: bool| {
        question(
            json!({"model": "gpt-4o-mini", "max_tokens": 2000, "stream": stream, "messages": [{"role": "user", "content": text}]}),
        )
    };
    for _ in 0..5 {
        gateway.wait_idle();
        gateway.ask(&large("#mock tokens=3", false)).ok();
        gateway.wait_idle();
        gateway.ask(&large("#mock tokens=3", true)).ok();
        // A provider that fails.
        gateway.wait_idle();
        assert!(gateway.ask(&large("#mock error=500", false)).status >= 500);
        // A client that leaves.
        gateway.wait_idle();
        let mut conn = gateway.conn();
        let request = large("#mock tokens=200 rate=50", true);
        conn.send(&[request.head(), request.body].concat());
        let mut head = conn.head();
        assert_eq!(head.status, 200);
        conn.read_until(&mut head, "data:");
        assert_eq!(gateway.ask(&small(1)).status, 429);
        conn.reset();
        gateway.wait_idle();
        wait("what it used to be counted", PATIENCE, || {
            (gateway.ask(&large("#mock tokens=1", false)).status == 200).then_some(())
        });
    }
}

#[test]
fn who_leaves_a_provider_at_work_has_spent_what_was_reserved() {
    let mock = mock();
    // Room for one answer of at most 2000 tokens.
    let gateway = setup(&mock, "budgets: [{usd: 0.0014}]");
    let request = question(
        json!({"model": "gpt-4o-mini", "max_tokens": 2000, "messages": [{"role": "user", "content": "#mock tokens=3 first=60000"}]}),
    );
    let asked = || mock_page(&mock, "stats")["requests"].as_u64().unwrap();
    let before = asked();
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body.clone()].concat());
    wait("the provider to be at work", PATIENCE, || (asked() > before).then_some(()));
    conn.reset();
    gateway.wait_idle();
    let reply = gateway.ask(&request);
    assert_eq!((reply.status, code(&reply).as_str()), (429, "insufficient_quota"));
}

#[test]
fn a_budget_for_a_model_holds_where_that_model_only_stands_by() {
    let mock = mock();
    let yaml = "master_key: the-master-secret\nroutes: {both: {targets: [openai/gpt-4o-mini, anthropic/claude-sonnet-4-5]}}\n\
                keys:\n  web: {key: the-secret-of-web, budgets: [{usd: 0.0001, model: \"claude-*\"}]}";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let ask = |model: &str| {
        let messages = json!([{"role": "user", "content": "#mock tokens=3"}]);
        gateway.ask(&question(json!({"model": model, "max_tokens": 1000, "messages": messages})))
    };
    ask("gpt-4o-mini").ok();
    let reply = ask("both");
    assert_eq!((reply.status, code(&reply).as_str()), (429, "insufficient_quota"));
}

#[test]
fn a_limit_is_said_on_every_answer_in_the_clients_form() {
    let mock = mock();
    let gateway = setup(&mock, "limits: [{requests: 3}, {tokens: 100000, per: hour}]");
    let reply = gateway.ask(&small(5)).ok();
    assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("3"));
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some("2"));
    assert_eq!(reply.header("x-ratelimit-limit-tokens"), Some("100000"));
    assert!(reply.header("x-ratelimit-reset-requests").unwrap().ends_with('s'));
    let reply = gateway
        .ask(&with(Client::Anthropic.whole("claude-sonnet-4-5", "#mock tokens=5"), "the-secret-of-web"))
        .ok();
    assert_eq!(reply.header("anthropic-ratelimit-requests-remaining"), Some("1"));
    assert!(reply.header("anthropic-ratelimit-requests-reset").unwrap().ends_with('Z'));
    let mut stream = Client::Openai.stream("gpt-4o-mini", "#mock tokens=5");
    stream = with(stream, "the-secret-of-web");
    assert_eq!(gateway.ask(&stream).ok().header("x-ratelimit-remaining-requests"), Some("0"));
    for client in CLIENTS {
        let reply = gateway.ask(&with(client.whole(client.model(), "#mock tokens=5"), "the-secret-of-web"));
        let said = client.refusal(&reply);
        assert_eq!(reply.status, 429);
        assert!(
            said.message.contains("key \"web\" has reached its limit of 3 requests a minute"),
            "{said:?}"
        );
        let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=65).contains(&after), "{after}");
    }
    // Lists cost nothing.
    gateway.ask(&with(get("/v1/models"), "the-secret-of-web")).ok();
}

#[test]
fn metrics_tell_keys_apart_and_how_their_budgets_stand() {
    let mock = mock();
    let yaml = "\
metrics: {series: 2}
owners: {acme: {budgets: [{usd: 0.5}]}}
keys:
  one: {key: the-secret-of-one, owner: acme/search, limits: [{requests: 2, per: hour}]}
  two: {key: the-secret-of-two, owner: acme/ads}
  far: {key: the-secret-of-far}
";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let ask = |key: &str, model: &str| {
        gateway.ask(&with(Client::Openai.whole(model, "#mock tokens=20"), &format!("the-secret-of-{key}")))
    };
    for _ in 0..2 {
        ask("one", "gpt-4o-mini").ok();
    }
    assert_eq!(ask("one", "gpt-4o-mini").status, 429);
    let one = [("key", "one"), ("owner", "acme/search"), ("gen_ai_request_model", "gpt-4o-mini")];
    gateway.wait_metric("tollgate_key_requests_total", &one, 3.0);
    gateway.wait_metric("tollgate_key_refusals_total", &[("key", "one"), ("kind", "rate_limited")], 1.0);
    // Who comes first has a series; so each is waited for.
    ask("two", "claude-sonnet-4-5").ok();
    gateway.wait_metric("tollgate_key_requests_total", &[("key", "two")], 1.0);
    ask("far", "gpt-4o-mini").ok();
    ask("far", "gpt-4o").ok();
    gateway.wait_idle();
    gateway.wait_metric("tollgate_key_requests_total", &[("key", "other"), ("owner", "other")], 2.0);
    let output = [("key", "one"), ("gen_ai_token_type", "output")];
    assert!(gateway.metric("tollgate_key_tokens_total", &output) >= 40.0);
    assert!(gateway.metric("tollgate_key_cost_usd_total", &[("key", "two")]) > 0.0);
    let rule = |name: &str, labels: &[(&str, &str)]| gateway.metric(name, labels);
    let requests = [("node", "key"), ("name", "one"), ("measure", "requests"), ("period", "hour")];
    let (used, limit) = ("tollgate_rule_used", "tollgate_rule_limit");
    assert_eq!((rule(used, &requests), rule(limit, &requests)), (2.0, 2.0));
    let usd = [("node", "owner"), ("name", "acme"), ("measure", "usd"), ("period", "month")];
    assert!((rule(limit, &usd) - 0.5).abs() < 1e-9 && rule(used, &usd) > 0.0 && rule(used, &usd) < 0.1);
}

#[test]
fn the_whole_chain_of_owners_and_labels_is_bound() {
    let mock = mock();
    let yaml = "\
keys:
  one: {key: the-secret-of-one, owner: acme/search, labels: [prod]}
  two: {key: the-secret-of-two, owner: acme/ads, labels: [prod]}
  far: {key: the-secret-of-far, owner: other}
owners:
  acme: {limits: [{requests: 2, per: day}]}
  acme/search: {budgets: [{usd: 1000, soft: 80%}]}
labels:
  prod: {limits: [{requests: 1, per: hour, model: \"claude-*\"}]}
";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let ask = |key: &str, model: &str| {
        gateway.ask(&with(Client::Openai.whole(model, "#mock tokens=2"), &format!("the-secret-of-{key}")))
    };
    ask("one", "claude-sonnet-4-5").ok();
    let reply = ask("two", "claude-sonnet-4-5");
    assert!(reply.text().contains("label \\\"prod\\\""), "{}", reply.text());
    ask("two", "gpt-4o-mini").ok();
    let reply = ask("one", "gpt-4o-mini");
    assert!(reply.status == 429 && reply.text().contains("owner \\\"acme\\\""), "{}", reply.text());
    ask("far", "gpt-4o-mini").ok();
    // What was refused reserved nothing anywhere.
    assert_eq!(ask("two", "gpt-4o-mini").status, 429);
}

#[test]
fn what_was_spent_is_known_after_a_restart() {
    let mock = mock();
    let mut gateway = setup(&mock, "limits: [{requests: 3, per: day}]");
    gateway.ask(&small(5)).ok();
    gateway.ask(&small(5)).ok();
    gateway.reload();
    let next = gateway.upgrade();
    gateway.signal("QUIT");
    gateway.wait_end(PATIENCE);
    let after = next.ask(&small(5));
    assert!(after.status == 200 || after.status == 429);
    drop(after);
    wait("the third at most", PATIENCE, || (next.ask(&small(5)).status == 429).then_some(()));
}

#[test]
fn absurd_bounds_of_an_answer_reserve_what_can_be_said_and_no_more() {
    let mock = mock();
    // gpt-4o-mini says at most 16384 tokens, which cost a cent.
    let gateway = setup(&mock, "budgets: [{usd: 0.02}]");
    for bounds in [
        json!({"max_tokens": 10, "max_completion_tokens": 20}),
        json!({}),
        json!({"max_tokens": null}),
        json!({"max_tokens": 16384}),
    ] {
        let mut body =
            json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "#mock tokens=2"}]});
        body.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
        let reply = gateway.ask(&question(body));
        assert_ne!(reply.status, 429, "{bounds}: {}", reply.text());
    }
    for bound in ["0", "-1", "1e18", "18446744073709551615", "\"many\""] {
        let body = format!(
            "{{\"model\":\"gpt-4o-mini\",\"max_tokens\":{bound},\"messages\":[{{\"role\":\"user\",\"content\":\"#mock tokens=2\"}}]}}"
        );
        let reply = gateway.ask(&with(post("/v1/chat/completions").body(body), "the-secret-of-web"));
        assert_ne!(reply.status, 429, "{bound}: {}", reply.text());
        assert_ne!(reply.status, 500, "{bound}: {}", reply.text());
    }
}

#[test]
fn what_goes_through_and_what_runs_in_the_background_is_counted() {
    let mock = mock();
    let gateway = setup(&mock, "budgets: [{usd: 100}], limits: [{requests: 3, per: day}]");
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "#mock tokens=2"}]});
    gateway.ask(&with(post("/p/openai/v1/chat/completions").json(&body), "the-secret-of-web")).ok();
    let embedded = with(
        post("/v1/embeddings").json(&json!({"model": "text-embedding-3-small", "input": "x"})),
        "the-secret-of-web",
    );
    gateway.ask(&embedded).ok();
    let later = json!({"model": "claude-sonnet-4-5", "input": "#mock tokens=2", "background": true});
    let made = gateway.ask(&with(post("/v1/responses").json(&later), "the-secret-of-web")).ok().json();
    let own = with(get(&format!("/v1/responses/{}", made["id"].as_str().unwrap())), "the-secret-of-web");
    wait("the response", PATIENCE, || (gateway.ask(&own).ok().json()["status"] == "completed").then_some(()));
    assert_eq!(gateway.ask(&small(1)).status, 429);
}

#[test]
fn under_a_budget_no_model_is_served_whose_price_nobody_knows() {
    let mock = mock();
    let gateway = setup(&mock, "budgets: [{usd: 100}]");
    let reply = gateway.ask(&question(
        json!({"model": "openai/gpt-99-unheard-of", "messages": [{"role": "user", "content": "x"}]}),
    ));
    assert_eq!((reply.status, code(&reply).as_str()), (403, "price_unknown"), "{}", reply.text());
}

#[test]
fn a_budget_that_is_nearly_spent_is_told_once() {
    let mock = mock();
    let gateway = setup(&mock, "budgets: [{usd: 0.002, soft: 10%}]");
    for _ in 0..6 {
        gateway.ask(&small(100)).ok();
    }
    let reply = gateway.ask(&small(100)).ok();
    let warning = reply.header("x-tollgate-budget-warning").unwrap();
    assert!(warning.contains("key \"web\" at") && warning.contains("0.002 USD a month"), "{warning}");
    gateway.wait_said("the key \"web\" has used");
    gateway.wait_metric("tollgate_budget_alerts_total", &[("node", "key"), ("name", "web")], 1.0);
    let said = gateway.said().into_iter().filter(|line| line.contains("has used")).count();
    assert_eq!(said, 1);
}
