//! Identical questions cost one call.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Gateway, PATIENCE, Reply, Request, Setup, get, mock, mock_page, post, wait,
};

/// A question that is drawn strictly, with the same bounds in each dialect.
fn question(client: Client, model: &str, text: &str, stream: bool) -> Request {
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

fn cold(text: &str) -> Request {
    question(Client::Openai, "gpt-4o-mini", text, false)
}

/// The same without a bound, so that it may be long.
fn unbounded(text: &str) -> Request {
    let mut body = Client::Openai.question("gpt-4o-mini", text, false);
    body["temperature"] = json!(0);
    post("/v1/chat/completions").json(&body)
}

fn with(request: Request, secret: &str) -> Request {
    request.header("authorization", &format!("Bearer {secret}"))
}

fn calls(mock: &tollgate::mock::Mock) -> u64 {
    mock_page(mock, "stats")["requests"].as_u64().unwrap()
}

fn part(reply: &Reply) -> &str {
    reply.header("x-tollgate-cache").unwrap_or("")
}

fn said(client: Client, reply: &Reply, stream: bool) -> String {
    if stream { client.streamed_text(&reply.text()) } else { client.text(&reply.json()) }
}

fn id(client: Client, reply: &Reply, stream: bool) -> String {
    let first = if stream { Client::events(&reply.text()).into_iter().next() } else { Some(reply.text()) };
    let value: Value = serde_json::from_str(&first.unwrap()).unwrap();
    let id = match client {
        Client::Openai => &value["id"],
        Client::Anthropic if stream => &value["message"]["id"],
        Client::Anthropic => &value["id"],
        Client::Gemini => &value["responseId"],
    };
    id.as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

#[test]
fn one_entry_serves_every_client_streamed_or_whole() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let kinds = || CLIENTS.into_iter().flat_map(|client| [(client, false), (client, true)]);
    for (place, (model, writer, streams)) in CLIENTS
        .iter()
        .flat_map(|target| kinds().map(|(client, stream)| (target.model(), client, stream)))
        .enumerate()
    {
        let text = format!("#mock tokens=9\nWhat is number {place}?");
        let before = calls(&mock);
        let first = gateway.ask(&question(writer, model, &text, streams)).ok();
        assert_eq!((part(&first), calls(&mock)), ("miss", before + 1), "{writer:?} {model}");
        assert!(first.header("age").is_none());
        let expected = said(writer, &first, streams);
        let mut ids = vec![id(writer, &first, streams)];
        for (reader, stream) in kinds() {
            let told = format!("{model}: {writer:?} {streams} to {reader:?} {stream}");
            let reply = gateway.ask(&question(reader, model, &text, stream)).ok();
            assert_eq!(part(&reply), "hit; tier=exact", "{told}");
            assert_eq!(said(reader, &reply, stream), expected, "{told}: {}", reply.text());
            assert!(!stream || reader.is_complete(&reply.text()), "{told}");
            assert!(reply.header("age").is_some_and(|age| age.parse::<u64>().unwrap() < 60), "{told}");
            ids.push(id(reader, &reply, stream));
            let line = gateway.line(&reply);
            assert_eq!((&line["cost_usd"], &line["cache"]), (&"0".into(), &"exact".into()), "{told}: {line}");
            assert_ne!(line["saved_usd"], Value::Null, "{told}: {line}");
            assert_eq!(
                (&line["usage_source"], &line["attempts"]),
                (&"cached".into(), &0.into()),
                "{told}: {line}"
            );
            assert_eq!(line["gen_ai.usage.output_tokens"], 9, "{told}: {line}");
            if !stream {
                assert_eq!(reader.usage(&reply.json()).1, 9, "{told}");
            }
        }
        assert_eq!(calls(&mock), before + 1, "{writer:?} {model}");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "every answer has an id of its own");
    }
    gateway.wait_metric("tollgate_cache_requests_total", &[("tier", "miss")], 18.0);
    gateway.wait_metric("tollgate_cache_requests_total", &[("tier", "exact")], 108.0);
    assert!(gateway.metric("tollgate_cache_saved_usd_total", &[]) > 0.0);
    assert!(gateway.metric("tollgate_cache_bytes", &[]) > 0.0);
}

#[test]
fn a_client_that_asks_again_on_its_connection_is_answered_at_once() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut conn = gateway.conn();
    for (round, stream) in [false, true, false, true].into_iter().enumerate() {
        let reply = conn.ask(&question(Client::Openai, "gpt-4o-mini", "#mock tokens=3", stream)).ok();
        assert_eq!(part(&reply), if round == 0 { "miss" } else { "hit; tier=exact" });
    }
    assert_eq!(calls(&mock), 1);
}

#[test]
fn only_strict_draws_without_tools_are_kept_unless_told_otherwise() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let body = |change: Value| {
        let mut body = json!({"model": "gpt-4o-mini", "temperature": 0,
            "messages": [{"role": "user", "content": "#mock tokens=3"}]});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        post("/v1/chat/completions").json(&body)
    };
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    for free in [json!({"temperature": 0.5}), json!({"temperature": null}), json!({"tools": tool})] {
        for _ in 0..2 {
            assert_eq!(part(&gateway.ask(&body(free.clone())).ok()), "", "{free}");
        }
    }
    for kept in [json!({}), json!({"temperature": 1, "seed": 7}), json!({"temperature": 0.3})] {
        assert_eq!(part(&gateway.ask(&body(kept.clone())).ok()), "miss", "{kept}");
        assert_eq!(part(&gateway.ask(&body(kept.clone())).ok()), "hit; tier=exact", "{kept}");
    }
    let insisting = body(json!({"temperature": 0.9})).header("x-tollgate-cache", "on");
    assert_eq!(part(&gateway.ask(&insisting).ok()), "miss");
    assert_eq!(part(&gateway.ask(&insisting).ok()), "hit; tier=exact");
    let tools = body(json!({"tools": tool})).header("x-tollgate-cache", "on");
    assert_eq!(part(&gateway.ask(&tools).ok()), "");
}

#[test]
fn a_request_says_what_the_cache_may_do_for_it() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let ask = |header: &str, value: &str| gateway.ask(&cold("#mock tokens=3").header(header, value));
    let only = ask("cache-control", "only-if-cached");
    assert_eq!((only.status, only.json()["error"]["code"].as_str()), (504, Some("not_cached")));
    assert_eq!(calls(&mock), 0);
    assert_eq!(part(&ask("cache-control", "no-store").ok()), "");
    assert_eq!(part(&ask("x-tollgate-cache", "off").ok()), "");
    assert_eq!(part(&gateway.ask(&cold("#mock tokens=3")).ok()), "miss");
    assert_eq!(part(&ask("cache-control", "only-if-cached, max-age=60").ok()), "hit; tier=exact");
    assert_eq!(part(&ask("x-tollgate-cache-namespace", "other").ok()), "miss");
    assert_eq!(part(&ask("x-tollgate-cache-namespace", "other").ok()), "hit; tier=exact");
    assert_eq!(calls(&mock), 4);
    // Asked afresh, the answer takes the place of the one that was kept.
    assert_eq!(part(&ask("cache-control", "no-cache").ok()), "miss");
    assert_eq!(part(&ask("x-tollgate-cache", "refresh").ok()), "miss");
    assert_eq!(calls(&mock), 6);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(part(&ask("cache-control", "max-age=1").ok()), "miss", "too old by now");
    let short = || gateway.ask(&cold("#mock tokens=4").header("x-tollgate-cache-ttl", "1s")).ok();
    assert_eq!((part(&short()), part(&short())), ("miss", "hit; tier=exact"));
    wait("its end", PATIENCE, || (part(&short()) == "miss").then_some(()));
    for (header, value) in [("x-tollgate-cache", "maybe"), ("x-tollgate-cache-ttl", "long")] {
        let reply = ask(header, value);
        assert_eq!((reply.status, reply.json()["error"]["param"].as_str()), (400, Some(header)));
    }
}

#[test]
fn answers_are_shared_among_those_that_the_scope_names_and_nobody_else() {
    let yaml = |scope: &str| {
        format!(
            "cache: {{scope: {scope}}}\nmaster_key: the-master-secret\nkeys:\n  \
             one: {{key: the-secret-of-one, owner: acme/search}}\n  two: {{key: the-secret-of-two, owner: acme/search}}\n  \
             far: {{key: the-secret-of-far, owner: other}}\n  own: {{key: the-secret-of-own, owner: acme/search, cache: off}}\n"
        )
    };
    for (scope, expected) in [
        ("key", ["miss", "miss", "miss", "", "miss"]),
        ("owner", ["miss", "hit; tier=exact", "miss", "", "miss"]),
        ("shared", ["miss", "hit; tier=exact", "hit; tier=exact", "", "hit; tier=exact"]),
    ] {
        let mock = mock();
        let gateway = Setup::new(&mock).yaml(&yaml(scope)).start();
        let secrets = [
            "the-secret-of-one",
            "the-secret-of-two",
            "the-secret-of-far",
            "the-secret-of-own",
            "the-master-secret",
        ];
        let got =
            secrets.map(|secret| part(&gateway.ask(&with(cold("#mock tokens=3"), secret)).ok()).to_owned());
        assert_eq!(got, expected, "{scope}");
    }
}

#[test]
fn routes_and_keys_have_rules_of_their_own_and_off_has_the_last_word() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(
            "cache: off\nroutes:\n  kept: {targets: [openai/gpt-4o-mini], cache: {mode: exact, without_temperature: true}}\n  \
             never: {targets: [openai/gpt-4o-mini], cache: off}\nkeys:\n  job: {key: the-secret-of-job, cache: exact}\n  \
             web: {key: the-secret-of-web}\n",
        )
        .start();
    let ask = |model: &str, secret: &str| {
        let request = with(question(Client::Openai, model, "#mock tokens=3", false), secret);
        part(&gateway.ask(&request).ok()).to_owned()
    };
    assert_eq!(ask("gpt-4o-mini", "the-secret-of-web"), "");
    assert_eq!(ask("kept", "the-secret-of-web"), "miss");
    assert_eq!(ask("kept", "the-secret-of-web"), "hit; tier=exact");
    assert_eq!(ask("gpt-4o-mini", "the-secret-of-job"), "miss");
    assert_eq!(ask("never", "the-secret-of-job"), "");
    let free = with(Client::Openai.whole("kept", "#mock tokens=4"), "the-secret-of-web");
    assert_eq!(part(&gateway.ask(&free).ok()), "miss");
    assert_eq!(part(&gateway.ask(&free).ok()), "hit; tier=exact");
}

#[test]
fn only_whole_good_answers_are_kept() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            for script in ["cut=2", "end=2", "stream_error=2", "finish=content_filter", "error=400"] {
                let stream = !script.starts_with("error") && !script.starts_with("finish");
                let text = format!("#mock tokens=90 {script}\n{client:?} {target:?}");
                let request = question(client, target.model(), &text, stream);
                let before = calls(&mock);
                for _ in 0..2 {
                    let reply = gateway.ask(&request);
                    assert_ne!(part(&reply), "hit; tier=exact", "{text}");
                }
                assert!(calls(&mock) >= before + 2, "{text}");
            }
        }
    }
    assert!(gateway.metric("tollgate_cache_entries", &[]).abs() < 1e-9);
}

#[test]
fn a_hit_counts_as_a_request_and_reserves_nothing_else() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(
            "keys:\n  web: {key: the-secret-of-web, limits: [{requests: 4, per: day}, {tokens: 9000, per: day}], \
             budgets: [{usd: 0.003}]}\n",
        )
        .start();
    let ask = || gateway.ask(&with(cold("#mock tokens=500"), "the-secret-of-web"));
    let first = ask().ok();
    let line = gateway.line(&first);
    let cost: f64 = line["cost_usd"].as_str().unwrap().parse().unwrap();
    assert!(cost > 0.0, "{line}");
    for _ in 0..3 {
        assert_eq!(part(&ask().ok()), "hit; tier=exact");
    }
    let refused = ask();
    assert_eq!(refused.status, 429, "{}", refused.text());
    gateway.wait_metric("tollgate_cost_usd_total", &[], cost);
}

#[test]
fn memory_never_passes_the_room() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: {room: 1MiB, entry: 256KiB}").start();
    for number in 0..24 {
        let text = format!("#mock big=150000\nNumber {number}, please.");
        assert_eq!(part(&gateway.ask(&unbounded(&text)).ok()), "miss");
        let held = gateway.metric("tollgate_cache_bytes", &[]);
        assert!(held <= f64::from(1 << 20), "{held}");
    }
    let (entries, evicted) = (
        gateway.metric("tollgate_cache_entries", &[]),
        gateway.metric("tollgate_cache_evictions_total", &[]),
    );
    assert!(entries >= 4.0 && (entries + evicted - 24.0).abs() < 0.1, "{entries} {evicted}");
    let last = gateway.ask(&unbounded("#mock big=150000\nNumber 23, please.")).ok();
    assert_eq!((part(&last), last.body.len() > 150_000), ("hit; tier=exact", true));
    let larger = unbounded("#mock big=300000\nToo large to be kept.");
    assert_eq!(part(&gateway.ask(&larger).ok()), "miss");
    assert_eq!(part(&gateway.ask(&larger).ok()), "miss");
}

#[test]
fn a_stream_is_told_at_its_recorded_pace_where_that_is_wanted() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: {replay: recorded}").start();
    let request = question(Client::Openai, "gpt-4o-mini", "#mock tokens=20 rate=50", true);
    let first = gateway.ask(&request).ok();
    let begun = std::time::Instant::now();
    let again =
        gateway.ask(&question(Client::Anthropic, "gpt-4o-mini", "#mock tokens=20 rate=50", true)).ok();
    assert_eq!(part(&again), "hit; tier=exact");
    assert!(begun.elapsed() > Duration::from_millis(250), "{:?}", begun.elapsed());
    assert_eq!(said(Client::Anthropic, &again, true), said(Client::Openai, &first, true));
    assert!(Client::Anthropic.is_complete(&again.text()));
}

#[test]
fn another_world_does_not_answer_with_what_an_old_one_kept() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("aliases: {fast: openai/gpt-4o-mini}").start();
    let ask = || gateway.ask(&question(Client::Openai, "fast", "#mock tokens=3", false)).ok();
    assert_eq!((part(&ask()), part(&ask())), ("miss", "hit; tier=exact"));
    gateway.rewrite(|text| text.replace("fast: openai/gpt-4o-mini", "fast: openai/gpt-4o"));
    gateway.reload();
    let reply = ask();
    assert_eq!((part(&reply), reply.header("x-tollgate-model")), ("miss", Some("gpt-4o")));
    gateway.rewrite(|text| format!("cache: off\n{text}"));
    gateway.reload();
    assert_eq!(part(&ask()), "");
}

#[test]
fn a_kept_response_of_its_own_can_be_gone_on_from() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let ask = |body: &Value| gateway.ask(&post("/v1/responses").json(body)).ok();
    let body = json!({"model": "claude-sonnet-4-5", "temperature": 0, "max_output_tokens": 50, "input": "#mock tokens=3"});
    let first = ask(&body);
    let again = ask(&body);
    assert_eq!((part(&first), part(&again)), ("miss", "hit; tier=exact"));
    let (first, again) = (first.json(), again.json());
    assert_ne!(first["id"], again["id"]);
    let next = ask(&json!({"model": "claude-sonnet-4-5", "max_output_tokens": 50, "input": "#mock tokens=3",
        "previous_response_id": again["id"]}));
    assert_eq!(next.json()["previous_response_id"], again["id"]);
    let own = gateway.ask(&get(&format!("/v1/responses/{}", again["id"].as_str().unwrap()))).ok();
    assert_eq!(own.json()["id"], again["id"]);
    let _: &Gateway = &gateway;
}
