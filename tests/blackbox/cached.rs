//! Identical questions cost one call.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Conn, Gateway, PATIENCE, Reply, Request, Setup, get, mock, mock_page, post, wait,
};

/// A question that is drawn strictly, with the same bounds in each dialect.
pub(crate) fn question(client: Client, model: &str, text: &str, stream: bool) -> Request {
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

pub(crate) fn cold(text: &str) -> Request {
    question(Client::Openai, "gpt-4o-mini", text, false)
}

/// The same without a bound, so that it may be long.
fn unbounded(text: &str) -> Request {
    let mut body = Client::Openai.question("gpt-4o-mini", text, false);
    body["temperature"] = json!(0);
    post("/v1/chat/completions").json(&body)
}

pub(crate) fn with(request: Request, secret: &str) -> Request {
    request.header("authorization", &format!("Bearer {secret}"))
}

pub(crate) fn calls(mock: &tollgate::mock::Mock) -> u64 {
    mock_page(mock, "stats")["requests"].as_u64().unwrap()
}

pub(crate) fn part(reply: &Reply) -> &str {
    reply.header("x-tollgate-cache").unwrap_or("")
}

pub(crate) fn said(client: Client, reply: &Reply, stream: bool) -> String {
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
fn the_same_bytes_are_known_again_and_stay_with_whose_they_are() {
    let mock = mock();
    let yaml = "keys:\n  one: {key: the-secret-of-one}\n  two: {key: the-secret-of-two}\n";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    for (client, model) in [
        (Client::Openai, "gpt-4o-mini"),
        (Client::Anthropic, "claude-sonnet-4-5"),
        (Client::Openai, "claude-sonnet-4-5"),
        (Client::Gemini, "gpt-4o-mini"),
    ] {
        let (text, before) = (format!("#mock tokens=7\n{client:?}"), calls(&mock));
        for (count, secret) in [(1, "the-secret-of-one"), (2, "the-secret-of-two")] {
            let ask = |text: &str, header: (&str, &str)| {
                let request = with(question(client, model, text, false), secret);
                gateway.ask(&request.header(header.0, header.1)).ok()
            };
            let plain = ("accept", "*/*");
            let first = ask(&text, plain);
            assert_eq!((part(&first), calls(&mock)), ("miss", before + 2 * count - 1), "{client:?} {model}");
            let mut ids = vec![id(client, &first, false)];
            for _ in 0..4 {
                let again = ask(&text, plain);
                assert_eq!(part(&again), "hit; tier=exact", "{client:?} {model}");
                assert_eq!(said(client, &again, false), said(client, &first, false));
                assert_eq!(client.usage(&again.json()), client.usage(&first.json()));
                ids.push(id(client, &again, false));
            }
            ids.dedup();
            assert_eq!(ids.len(), 5, "every answer has an id of its own");
            // What a header asks for is no part of the bytes.
            assert_eq!(part(&ask(&text, ("x-tollgate-cache-namespace", "apart"))), "miss");
        }
    }
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

/// Asks on a connection of its own, and does not wait for the answer.
pub(crate) fn send(gateway: &Gateway, request: &Request) -> Conn {
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body.clone()].concat());
    conn
}

/// Waits until the provider was asked so often.
pub(crate) fn wait_calls(mock: &tollgate::mock::Mock, count: u64) {
    wait("the provider to be asked", PATIENCE, || (calls(mock) == count).then_some(()));
}

#[test]
fn questions_at_one_time_share_one_call_each_in_its_own_dialect() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(
            "master_key: the-master-secret\ncache: {scope: owner}\nkeys:\n  one: {key: the-secret-of-one, owner: acme}\n  \
             two: {key: the-secret-of-two, owner: acme}\n",
        )
        .start();
    for (round, (target, leads)) in
        CLIENTS.iter().flat_map(|target| [(target, false), (target, true)]).enumerate()
    {
        let text = format!("#mock tokens=40 first=300 rate=80\nRound {round}");
        let before = calls(&mock);
        let leader = with(question(Client::Openai, target.model(), &text, leads), "the-secret-of-one");
        let mut first = send(&gateway, &leader);
        wait_calls(&mock, before + 1);
        let others: Vec<_> = CLIENTS
            .into_iter()
            .flat_map(|client| [(client, false), (client, true)])
            .map(|(client, stream)| {
                let request = with(question(client, target.model(), &text, stream), "the-secret-of-two");
                (client, stream, send(&gateway, &request))
            })
            .collect();
        let first = first.reply().ok();
        let expected = said(Client::Openai, &first, leads);
        for (client, stream, mut conn) in others {
            let reply = conn.reply().ok();
            let told = format!("{target:?} {leads} to {client:?} {stream}: {}", reply.text());
            assert_eq!(part(&reply), "hit; tier=in-flight", "{told}");
            assert_eq!(said(client, &reply, stream), expected, "{told}");
            assert!(!stream || client.is_complete(&reply.text()), "{told}");
            let line = gateway.line(&reply);
            assert_eq!((&line["key"], &line["cost_usd"]), (&"two".into(), &"0".into()), "{line}");
            assert_eq!(line["gen_ai.usage.output_tokens"], 40, "{line}");
            // And it takes another question.
            let again = conn.ask(&with(cold("#mock tokens=2"), "the-secret-of-two"));
            assert_eq!(again.status, 200);
        }
        let line = gateway.line(&first);
        assert!(line["cost_usd"] != "0" && line["cache"] == "miss", "{line}");
        assert!(calls(&mock) <= before + 2);
    }
}

#[test]
fn who_comes_late_hears_what_came_before_at_once_and_then_what_comes() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let text = "#mock tokens=40 rate=20";
    let mut first = send(&gateway, &question(Client::Openai, "gpt-4o-mini", text, true));
    let mut head = first.head();
    let mut came = String::new();
    while Client::Openai.streamed_text(&came).split(' ').count() < 12 {
        came.push_str(&first.read_until(&mut head, "\n"));
    }
    let mut late = send(&gateway, &question(Client::Anthropic, "gpt-4o-mini", text, true));
    let begun = std::time::Instant::now();
    let mut late_head = late.head();
    let mut heard = String::new();
    while Client::Anthropic.streamed_text(&heard).split(' ').count() < 11 {
        heard.push_str(&late.read_until(&mut late_head, "\n"));
    }
    assert!(begun.elapsed() < Duration::from_millis(400), "the prefix at once: {:?}", begun.elapsed());
    while !Client::Anthropic.is_complete(&heard) {
        let more = late.read_until(&mut late_head, "\n");
        assert!(!more.is_empty(), "{heard}");
        heard.push_str(&more);
    }
    assert!(begun.elapsed() > Duration::from_millis(800), "and then live: {:?}", begun.elapsed());
    assert_eq!(calls(&mock), 1);
}

#[test]
fn the_answer_goes_on_when_its_leader_leaves_as_long_as_anyone_listens() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for (round, (stream, follows)) in
        [(true, true), (true, false), (false, true), (false, false)].into_iter().enumerate()
    {
        let text = format!("#mock tokens=30 rate=40 first=200\nRound {round}");
        let before = calls(&mock);
        let leader = send(&gateway, &question(Client::Openai, "gpt-4o-mini", &text, stream));
        wait_calls(&mock, before + 1);
        let mut follower = send(&gateway, &question(Client::Anthropic, "gpt-4o-mini", &text, follows));
        std::thread::sleep(Duration::from_millis(100));
        drop(leader);
        let reply = follower.reply().ok();
        assert_eq!(part(&reply), "hit; tier=in-flight", "{stream} {follows}");
        assert_eq!(said(Client::Anthropic, &reply, follows).split(' ').count(), 30, "{}", reply.text());
        let kept = gateway.ask(&question(Client::Gemini, "gpt-4o-mini", &text, false)).ok();
        // The shared answer is let go just after its last listener has all of it.
        assert!(["hit; tier=exact", "hit; tier=in-flight"].contains(&part(&kept)), "{}", part(&kept));
        assert_eq!(calls(&mock), before + 1);
        let last = wait("the leader's line", PATIENCE, || {
            let lines = gateway.lines();
            let left: Vec<_> =
                lines.iter().filter(|line| line["outcome"] == "client_gone").cloned().collect();
            left.get(round).cloned()
        });
        assert!(last["cost_usd"] != "0" && last["gen_ai.usage.output_tokens"] == 30, "{last}");
    }
    assert_eq!(mock_page(&mock, "stats")["client_gone"], 0);
}

#[test]
fn the_provider_is_let_go_when_the_last_listener_leaves_unless_told_otherwise() {
    for (left, gone) in [("cancel", 1), ("finish", 0)] {
        let mock = mock();
        let gateway = Setup::new(&mock).yaml(&format!("cache: {{left: {left}}}")).start();
        let text = "#mock tokens=30 rate=20";
        let mut leader = send(&gateway, &question(Client::Openai, "gpt-4o-mini", text, true));
        let mut head = leader.head();
        leader.read_until(&mut head, "\n");
        let mut follower = send(&gateway, &question(Client::Openai, "gpt-4o-mini", text, true));
        let mut head = follower.head();
        follower.read_until(&mut head, "\n");
        drop(leader);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(mock_page(&mock, "stats")["client_gone"], 0);
        drop(follower);
        gateway.wait_idle();
        assert_eq!(mock_page(&mock, "stats")["client_gone"], gone, "{left}");
        let next = gateway.ask(&question(Client::Openai, "gpt-4o-mini", text, true)).ok();
        assert_eq!(part(&next), if left == "finish" { "hit; tier=exact" } else { "miss" });
    }
}

#[test]
fn every_listener_hears_of_a_failure_and_no_broken_answer_looks_whole() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for (round, script) in
        ["cut=12 first=300", "end=12 first=300", "error=429 first=300", "stream_error=12 first=300"]
            .into_iter()
            .enumerate()
    {
        for target in CLIENTS {
            let text = format!("#mock tokens=90 rate=200 {script}\n{round}");
            let before = calls(&mock);
            let mut leader = send(&gateway, &question(Client::Openai, target.model(), &text, true));
            wait("the call", PATIENCE, || (calls(&mock) > before).then_some(()));
            let mut others: Vec<_> = CLIENTS
                .into_iter()
                .flat_map(|client| [(client, false), (client, true)])
                .map(|(client, stream)| {
                    (client, stream, send(&gateway, &question(client, target.model(), &text, stream)))
                })
                .collect();
            let first = leader.reply();
            for (client, stream, conn) in &mut others {
                let told = format!("{script} {target:?} to {client:?} {stream}");
                let reply = conn.reply();
                if reply.status == 200 {
                    assert!(*stream, "{told}: {}", reply.text());
                    assert!(client.error_in(&reply.text()).is_some(), "{told}: {}", reply.text());
                    assert!(!client.is_complete(&reply.text()), "{told}: {}", reply.text());
                } else {
                    let refused = client.refusal(&reply);
                    assert!(!refused.message.is_empty(), "{told}");
                }
            }
            assert!(
                first.status != 200 || Client::Openai.error_in(&first.text()).is_some(),
                "{script}: {}",
                first.text()
            );
            gateway.wait_idle();
        }
    }
}

#[test]
fn a_slow_client_holds_nobody_up() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let text = "#mock big=400000 first=300";
    for slow_leads in [true, false] {
        let text = format!("{text}\n{slow_leads}");
        let request = |stream: bool| {
            let mut body = Client::Openai.question("gpt-4o-mini", &text, stream);
            body["temperature"] = json!(0);
            post("/v1/chat/completions").json(&body)
        };
        let before = calls(&mock);
        // It reads nothing; what it is sent has to wait in buffers.
        let first = send(&gateway, &request(true));
        wait_calls(&mock, before + 1);
        let second = send(&gateway, &request(true));
        let (slow, mut quick) = if slow_leads { (first, second) } else { (second, first) };
        let begun = std::time::Instant::now();
        let reply = quick.reply().ok();
        assert!(Client::Openai.streamed_text(&reply.text()).len() >= 400_000);
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
        drop(slow);
        assert_eq!(calls(&mock), before + 1);
        gateway.wait_idle();
    }
}

#[test]
fn who_waits_for_an_answer_is_held_to_its_own_limits() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(
            "cache: {scope: shared}\nkeys:\n  one: {key: the-secret-of-one}\n  \
             two: {key: the-secret-of-two, limits: [{requests: 1, per: day}]}\n",
        )
        .start();
    let request = |secret: &str| with(cold("#mock tokens=5 first=400"), secret);
    let mut first = send(&gateway, &request("the-secret-of-one"));
    wait_calls(&mock, 1);
    let mut second = send(&gateway, &request("the-secret-of-two"));
    assert_eq!(part(&second.reply().ok()), "hit; tier=in-flight");
    assert_eq!(gateway.ask(&request("the-secret-of-two")).status, 429);
    first.reply().ok();
    assert_eq!(calls(&mock), 1);
}

#[test]
fn vectors_are_kept_input_by_input_and_only_missing_ones_are_asked_for() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let openai =
        |model: &str, inputs: &[&str]| post("/v1/embeddings").json(&json!({"model": model, "input": inputs}));
    let gemini = |model: &str, inputs: &[&str]| {
        let requests: Vec<_> = inputs
            .iter()
            .map(|text| json!({"model": format!("models/{model}"), "content": {"parts": [{"text": text}]}}))
            .collect();
        post(&format!("/v1beta/models/{model}:batchEmbedContents")).json(&json!({"requests": requests}))
    };
    let numbers = |reply: &Reply| -> Vec<Vec<f64>> {
        let body = reply.json();
        let list = if body["data"].is_array() { &body["data"] } else { &body["embeddings"] };
        let of = |item: &Value| {
            let numbers = if item["embedding"].is_array() { &item["embedding"] } else { &item["values"] };
            numbers.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        list.as_array().unwrap().iter().map(of).collect()
    };
    let near = |one: &[f64], two: &[f64]| {
        one.len() == two.len() && one.iter().zip(two).all(|(one, two)| (one - two).abs() < 1e-6)
    };
    for model in ["text-embedding-3-small", "gemini-embedding-001"] {
        let before = calls(&mock);
        let first = gateway.ask(&openai(model, &["one", "two"])).ok();
        assert_eq!((part(&first), calls(&mock)), ("miss", before + 1), "{model}");
        let again = gateway.ask(&openai(model, &["two", "one"])).ok();
        assert_eq!((part(&again), calls(&mock)), ("hit; tier=exact", before + 1), "{model}");
        let (came, turned) = (numbers(&first), numbers(&again));
        assert!(near(&came[0], &turned[1]) && near(&came[1], &turned[0]), "{model}");
        let line = gateway.line(&again);
        assert_eq!((&line["cost_usd"], &line["usage_source"]), (&"0".into(), &"cached".into()), "{line}");
        assert_eq!(first.json()["usage"]["prompt_tokens"], again.json()["usage"]["prompt_tokens"]);
        // Another client, and one more input.
        let more = gateway.ask(&gemini(model, &["one", "three", "two"])).ok();
        assert_eq!((part(&more), calls(&mock)), ("miss", before + 2), "{model}");
        let last = mock_page(&mock, "last").to_string();
        assert!(last.contains("three") && !last.contains("two"), "only what is missing: {last}");
        let all = numbers(&more);
        assert!(near(&all[0], &came[0]) && near(&all[2], &came[1]) && all.len() == 3, "{model}");
        let line = gateway.line(&more);
        assert!(line["gen_ai.usage.input_tokens"].as_u64() < Some(8), "what was asked for costs: {line}");
        let third = gateway.ask(&openai(model, &["three"])).ok();
        assert_eq!(part(&third), "hit; tier=exact");
        assert!(near(&numbers(&third)[0], &all[1]));
        let fewer = post("/v1/embeddings").json(&json!({"model": model, "input": "one", "dimensions": 8}));
        assert_eq!(part(&gateway.ask(&fewer).ok()), "miss", "other lengths are others");
    }
}

#[test]
fn what_is_kept_is_let_go_by_key_owner_model_and_tag() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(
            "master_key: the-master-secret\nkeys:\n  one: {key: the-secret-of-one, owner: acme/search}\n  \
             two: {key: the-secret-of-two, owner: acme/ads}\n",
        )
        .start();
    let ask = |secret: &str, model: &str| {
        let request =
            question(Client::Openai, model, "#mock tokens=3", false).header("x-tollgate-tags", "nightly");
        part(&gateway.ask(&with(request, secret)).ok()).to_owned()
    };
    let api = |method: &str, path: &str| {
        let request = Request { method: method.to_owned(), ..with(get(path), "the-master-secret") };
        Conn::to(gateway.admin).ask(&request).ok().json()
    };
    let fill = || {
        let all = [("one", "gpt-4o-mini"), ("two", "gpt-4o-mini"), ("one", "claude-sonnet-4-5")];
        all.map(|(key, model)| ask(&format!("the-secret-of-{key}"), model))
    };
    fill();
    assert_eq!(fill(), ["hit; tier=exact"; 3]);
    assert_eq!(api("GET", "/api/v1/cache")["entries"], 3);
    for (query, gone, then) in [
        ("?key=two", 1, ["hit; tier=exact", "miss", "hit; tier=exact"]),
        ("?owner=acme/search", 2, ["miss", "hit; tier=exact", "miss"]),
        ("?model=claude-sonnet-4-5", 1, ["hit; tier=exact", "hit; tier=exact", "miss"]),
        ("?tag=nightly&key=one", 2, ["miss", "hit; tier=exact", "miss"]),
        ("?tag=daily", 0, ["hit; tier=exact"; 3]),
        ("", 3, ["miss"; 3]),
    ] {
        assert_eq!(api("DELETE", &format!("/api/v1/cache{query}"))["entries"], gone, "{query}");
        assert_eq!(fill(), then, "{query}");
    }
    let deeds = api("GET", "/api/v1/audit").to_string();
    assert!(deeds.contains("cache.purge"), "{deeds}");
}
