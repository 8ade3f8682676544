//! The same question in other words, where a model is asked about it: one that turns it into a vector, or one that
//! says whether it is the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cached::send;
use crate::harness::{
    CLIENTS, Client, Gateway, Heard, PATIENCE, Provider, Reply, Request, Setup, Then, json_reply, mock,
    mock_page, post, wait,
};

const FORMS: &str = "What causes a rainbow to form?";
const FORMATION: &str = "What causes the formation of a rainbow?";
const KEYS: &str = "keys:\n  web: {key: the-secret-of-web, owner: acme/shop}\n";

/// How long something is, in milliseconds, as a test has it at the moment.
type Delay = Arc<AtomicU64>;

fn wait_out(delay: &Delay) {
    let mut left = delay.load(Ordering::Relaxed);
    while left > 0 && delay.load(Ordering::Relaxed) > 0 {
        std::thread::sleep(Duration::from_millis(left.min(20)));
        left = left.saturating_sub(20);
    }
}

/// A provider of vectors that tell what a text is about, and how: each hundredth of a circle is one way to say it.
fn vectors(delay: &Delay) -> Provider {
    let delay = Arc::clone(delay);
    Provider::start(move |heard, stream| {
        wait_out(&delay);
        assert!(heard.head.starts_with("post /v1/embeddings "), "{}", heard.head);
        let asked: Value = serde_json::from_slice(&heard.body).unwrap();
        let one = |text: &str| {
            let ways = ["formation", "arise", "colours", "sky", "sorts"];
            let way = ways.iter().position(|way| text.contains(way)).map_or(0, |at| at + 1);
            let angle = (way as f64) * 0.15;
            let about = ["rainbow", "museum", "gym", "bags", "deposit", "tower"];
            let mut vector: Vec<f64> =
                about.iter().map(|about| if text.contains(about) { angle.cos() } else { 0.0 }).collect();
            vector.push(angle.sin());
            json!(vector)
        };
        let texts: Vec<&str> = match &asked["input"] {
            Value::String(text) => vec![text],
            list => list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect(),
        };
        let data: Vec<Value> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": one(text)}))
            .collect();
        let reply = json!({"object": "list", "data": data, "model": asked["model"],
            "usage": {"prompt_tokens": 9, "total_tokens": 9}});
        Heard::answer(stream, &json_reply(200, &reply.to_string()));
        Then::Keep
    })
}

/// A model that says yes where both questions are about the same colour.
fn bench(delay: &Delay) -> Provider {
    let delay = Arc::clone(delay);
    Provider::start(move |heard, stream| {
        wait_out(&delay);
        let asked: Value = serde_json::from_slice(&heard.body).unwrap();
        let pair: Value = serde_json::from_str(asked["messages"][1]["content"].as_str().unwrap()).unwrap();
        let (first, second) = (pair["first"].as_str().unwrap(), pair["second"].as_str().unwrap());
        let same = ["dark", "light"].iter().all(|word| first.contains(word) == second.contains(word));
        let said = if second.contains("save") {
            "Who can tell?"
        } else if same {
            "Yes."
        } else {
            "no"
        };
        let reply = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "small",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 90, "completion_tokens": 1, "total_tokens": 91}});
        Heard::answer(stream, &json_reply(200, &reply.to_string()));
        Then::Keep
    })
}

fn gateway(mock: &tollgate::mock::Mock, at: &Provider, yaml: &str) -> Gateway {
    let (addr, models) = (at.addr, "models: [vectors, small]");
    Setup::new(mock)
        .provider(&format!("bench: {{vendor: custom, base_url: \"http://{addr}/v1\", api_key: k, {models}}}"))
        .yaml(&format!("{KEYS}{yaml}"))
        .start()
}

fn question(client: Client, text: &str, stream: bool) -> Request {
    let model = "gpt-4o-mini";
    let mut body = client.question(model, text, stream);
    match client {
        Client::Openai | Client::Anthropic => body["max_tokens"] = json!(4096),
        Client::Gemini => body["generationConfig"] = json!({"maxOutputTokens": 4096}),
    }
    let request = post(&client.path(model, stream)).json(&body);
    let request = request.header("authorization", "Bearer the-secret-of-web");
    if client == Client::Anthropic { request.header("anthropic-version", "2023-06-01") } else { request }
}

fn said(client: Client, reply: &Reply, stream: bool) -> String {
    if stream { client.streamed_text(&reply.text()) } else { client.text(&reply.json()) }
}

fn part(gateway: &Gateway, text: &str) -> String {
    let reply = gateway.ask(&question(Client::Openai, text, false)).ok();
    reply.header("x-tollgate-cache").unwrap_or("").to_owned()
}

fn calls(mock: &tollgate::mock::Mock) -> u64 {
    mock_page(mock, "stats")["requests"].as_u64().unwrap()
}

fn lookups(gateway: &Gateway, tier: &str, result: &str) -> f64 {
    gateway.metric("tollgate_cache_tier_lookups_total", &[("tier", tier), ("result", result)])
}

/// Waits until a model has told of so many questions for which nobody waited.
fn seen(gateway: &Gateway, count: f64) {
    wait("a vector", PATIENCE, || (lookups(gateway, "custom", "miss") >= count).then_some(()));
}

#[test]
fn custom_answers_what_is_the_same_by_a_models_vectors() {
    let mock = mock();
    let bench = vectors(&Delay::default());
    let custom = "cache: {mode: custom, custom: {model: vectors, timeout: 30s}}\n";
    let gateway = gateway(&mock, &bench, custom);
    let first = gateway.ask(&question(Client::Openai, FORMS, false)).ok();
    assert_eq!(first.header("x-tollgate-cache"), Some("miss"));
    // Its own row, on the key of who asked, and as any other request to that model.
    let row = gateway.line_where("gen_ai.request.model", "vectors");
    seen(&gateway, 1.0);
    assert_eq!((&row["key"], &row["gen_ai.usage.input_tokens"]), (&json!("web"), &json!(9)));
    let reply = gateway.ask(&question(Client::Anthropic, FORMATION, true)).ok();
    assert_eq!(reply.header("x-tollgate-cache"), Some("hit; tier=custom"), "{}", reply.text());
    assert!(reply.header("age").is_some());
    assert_eq!(said(Client::Anthropic, &reply, true), said(Client::Openai, &first, false));
    let line = gateway.line(&reply);
    assert_eq!((&line["cost_usd"], &line["cache"]), (&"0".into(), &"custom".into()), "{line}");
    assert_ne!(line["saved_usd"], Value::Null, "{line}");
    assert_eq!((calls(&mock), bench.heard().len()), (1, 2));
    // From then on its words are known, and no model is asked.
    for client in CLIENTS {
        let again = gateway.ask(&question(client, FORMATION, false)).ok();
        assert_eq!(again.header("x-tollgate-cache"), Some("hit; tier=semantic"));
    }
    assert_eq!((calls(&mock), bench.heard().len()), (1, 2));
    // What balanced knows needs no vector either.
    assert_eq!(part(&gateway, "How do I cancel my gym contract early?"), "miss");
    assert_eq!(part(&gateway, "How do I terminate my gym contract early?"), "hit; tier=balanced");
    // Less alike than the threshold, or alike for who is blind to what differs.
    for (asked, other) in [
        (FORMS, "What causes the colours of a rainbow?"),
        ("Is the museum open in the morning?", "Is the museum open in the evening?"),
        ("How many of these can I carry in 2 bags?", "How many can I carry of these in 3 bags?"),
        ("How do I get my deposit back from Anna?", "What do I do to get my deposit back from Otto?"),
    ] {
        part(&gateway, asked);
        assert_eq!(part(&gateway, other), "miss", "{other}");
    }
    assert_eq!(lookups(&gateway, "custom", "hit"), 1.0);
    assert_eq!(lookups(&gateway, "custom", "failed"), 0.0);
}

#[test]
fn a_threshold_says_how_alike_vectors_must_be() {
    let mock = mock();
    let bench = vectors(&Delay::default());
    let custom = "cache: {mode: custom, custom: {model: vectors, timeout: 30s, threshold: 0.99}}\n";
    let gateway = gateway(&mock, &bench, custom);
    assert_eq!(part(&gateway, FORMS), "miss");
    seen(&gateway, 1.0);
    assert_eq!(part(&gateway, FORMATION), "miss");
    let strict = "threshold: 0.99";
    gateway.rewrite(|yaml| yaml.replace(strict, "threshold: 0.9"));
    gateway.reload();
    assert_eq!(part(&gateway, "What causes the sorts of rainbow?"), "miss");
    assert_eq!(part(&gateway, "What is it that makes a rainbow arise?"), "hit; tier=custom");
}

#[test]
fn nobody_waits_longer_for_a_vector_than_is_said() {
    let mock = mock();
    let delay = Delay::default();
    let bench = vectors(&delay);
    let custom = "cache: {mode: custom, custom: {model: vectors, timeout: 300ms}}\n";
    let gateway = gateway(&mock, &bench, custom);
    let bound = Duration::from_millis(300);
    let ask = |question: &str| {
        let begun = Instant::now();
        assert_eq!(part(&gateway, question), "miss", "{question}");
        begun.elapsed()
    };
    assert_eq!(part(&gateway, FORMS), "miss");
    seen(&gateway, 1.0);
    delay.store(20_000, Ordering::Relaxed);
    // With whom nobody could be compared does not wait at all.
    assert!(ask("How high is tower number 7 of the castle?") < bound);
    let things = ["paint", "weigh", "sell", "cook", "fax", "insure", "bury", "borrow"];
    let rainbow = |number: usize| format!("How do I {} a rainbow?", things[number]);
    for number in 0..5 {
        let took = ask(&rainbow(number));
        assert!(took >= bound && took < bound * 8, "{took:?}");
    }
    assert_eq!(lookups(&gateway, "custom", "late"), 5.0);
    // Whoever is late five times in a row is left alone for a while.
    for number in 5..8 {
        let took = ask(&rainbow(number));
        assert!(took < bound, "{took:?}");
    }
    assert_eq!(lookups(&gateway, "custom", "resting"), 3.0);
    delay.store(0, Ordering::Relaxed);
    let before = lookups(&gateway, "custom", "miss");
    let mut number = 8;
    wait("it is asked again", PATIENCE, || {
        number += 1;
        ask(&format!("How high is tower number {number} of the castle?"));
        (lookups(&gateway, "custom", "miss") > before + 1.0).then_some(())
    });
}

#[test]
fn what_is_late_and_then_fails_is_one_failure() {
    let (mock, delay) = (mock(), Delay::default());
    let late = Arc::clone(&delay);
    let bench = Provider::start(move |_, stream| {
        let vector = r#"{"object":"list","model":"vectors","data":[{"index":0,"embedding":[1,0]}]}"#;
        let fails = late.load(Ordering::Relaxed) > 0;
        wait_out(&late);
        Heard::answer(stream, &if fails { json_reply(500, "{}") } else { json_reply(200, vector) });
        Then::Keep
    });
    let custom = "cache: {mode: custom, custom: {model: vectors, timeout: 200ms}}\n";
    let gateway = gateway(&mock, &bench, custom);
    assert_eq!(part(&gateway, FORMS), "miss");
    seen(&gateway, 1.0);
    delay.store(400, Ordering::Relaxed);
    for (count, thing) in ["paint", "weigh", "sell", "cook"].iter().enumerate() {
        assert_eq!(part(&gateway, &format!("How do I {thing} a rainbow?")), "miss");
        let rows = || gateway.lines().iter().filter(|line| line["gen_ai.request.model"] == "vectors").count();
        wait("its failure", PATIENCE, || (rows() >= count + 2).then_some(()));
    }
    assert_eq!((lookups(&gateway, "custom", "late"), lookups(&gateway, "custom", "resting")), (4.0, 0.0));
}

#[test]
fn what_comes_late_is_known_by_the_time_of_the_answer() {
    let mock = mock();
    let delay = Delay::new(600.into());
    let bench = vectors(&delay);
    let custom = "cache: {mode: custom, custom: {model: vectors, timeout: 30s}}\n";
    let gateway = gateway(&mock, &bench, custom);
    let mut body =
        json!({"model": "openai/mock-first-1500", "messages": [{"role": "user", "content": FORMS}]});
    let ask = |body: &Value| {
        let request = post("/v1/chat/completions").json(body);
        let reply = gateway.ask(&request.header("authorization", "Bearer the-secret-of-web")).ok();
        reply.header("x-tollgate-cache").unwrap_or("").to_owned()
    };
    assert_eq!(ask(&body), "miss");
    delay.store(0, Ordering::Relaxed);
    body["messages"][0]["content"] = FORMATION.into();
    assert_eq!(ask(&body), "hit; tier=custom");
}

#[test]
fn a_model_that_fails_costs_a_miss_and_a_key_need_not_be_allowed_it() {
    let mock = mock();
    let broken = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(500, "{\"error\":{\"message\":\"no\"}}"));
        Then::Keep
    });
    let custom = "cache: {mode: custom, custom: {model: bench/vectors, timeout: 30s}}\n";
    let gateway_of = |at: &Provider| {
        Setup::new(&mock)
            .provider(&format!("bench: {{vendor: custom, base_url: \"http://{}/v1\", api_key: k}}", at.addr))
            .yaml(&format!("keys:\n  web: {{key: the-secret-of-web, models: [gpt-4o-mini]}}\n{custom}"))
            .start()
    };
    let gateway = gateway_of(&broken);
    for text in [FORMS, FORMATION] {
        assert_eq!(part(&gateway, text), "miss");
    }
    gateway.wait_metric(
        "tollgate_cache_tier_lookups_total",
        &[("tier", "custom"), ("result", "failed")],
        2.0,
    );
    assert_eq!(part(&gateway, FORMS), "hit; tier=exact");
    let well = vectors(&Delay::default());
    let gateway = gateway_of(&well);
    assert_eq!(part(&gateway, FORMS), "miss");
    seen(&gateway, 1.0);
    assert_eq!(part(&gateway, FORMATION), "hit; tier=custom");
    let own = post("/v1/embeddings").json(&json!({"model": "bench/vectors", "input": "x"}));
    assert_eq!(gateway.ask(&own.header("authorization", "Bearer the-secret-of-web")).status, 403);
}

#[test]
fn who_asks_the_same_meanwhile_waits_for_one_vector() {
    let mock = mock();
    let delay = Delay::default();
    let bench = vectors(&delay);
    let custom = "cache: {mode: custom, custom: {model: vectors, timeout: 30s}}\n";
    let gateway = gateway(&mock, &bench, custom);
    assert_eq!(part(&gateway, FORMS), "miss");
    seen(&gateway, 1.0);
    delay.store(400, Ordering::Relaxed);
    let mut all: Vec<_> =
        (0..5).map(|_| send(&gateway, &question(Client::Openai, FORMATION, false))).collect();
    let mut parts: Vec<_> =
        all.iter_mut().map(|conn| conn.reply().ok().header("x-tollgate-cache").unwrap().to_owned()).collect();
    parts.sort();
    let count = |part: &str| parts.iter().filter(|other| *other == part).count();
    assert_eq!((count("hit; tier=custom"), count("hit; tier=semantic")), (1, 4), "{parts:?}");
    assert_eq!((calls(&mock), bench.heard().len()), (1, 2));
}

#[test]
fn the_shadow_of_a_model_sees_what_it_would_have_answered() {
    let mock = mock();
    let bench = vectors(&Delay::default());
    let custom = "cache: {mode: custom, shadow: true, custom: {model: vectors, timeout: 30s}}\n";
    let gateway = gateway(&mock, &bench, custom);
    for text in [FORMS, FORMATION] {
        let body =
            json!({"model": "openai/mock-first-1500", "messages": [{"role": "user", "content": text}]});
        let request = post("/v1/chat/completions").json(&body);
        let reply = gateway.ask(&request.header("authorization", "Bearer the-secret-of-web")).ok();
        assert_eq!(reply.header("x-tollgate-cache"), Some("miss"), "{text}");
        wait("its vector", PATIENCE, || (!bench.heard().is_empty()).then_some(()));
    }
    assert_eq!(calls(&mock), 2);
    gateway.wait_metric("tollgate_cache_shadow_total", &[], 1.0);
}

#[test]
fn verified_asks_a_model_where_it_is_in_doubt() {
    let mock = mock();
    let bench = bench(&Delay::default());
    let verified = "cache: {mode: verified, verified: {model: small, timeout: 30s}}\n";
    let gateway = gateway(&mock, &bench, verified);
    assert_eq!(part(&gateway, "How do I enable the dark theme in the editor?"), "miss");
    assert_eq!(bench.heard().len(), 0, "there is nothing to be asked about");
    let asked = "Is there a way to switch to the dark theme in the editor?";
    let reply = gateway.ask(&question(Client::Gemini, asked, false)).ok();
    assert_eq!(reply.header("x-tollgate-cache"), Some("hit; tier=verified"), "{}", reply.text());
    assert_eq!(gateway.line(&reply)["cache"], "verified");
    let row = gateway.line_where("gen_ai.request.model", "small");
    assert_eq!((&row["key"], &row["gen_ai.usage.output_tokens"]), (&json!("web"), &json!(1)));
    let told: Value = serde_json::from_slice(&bench.heard()[0].body).unwrap();
    let pair: Value = serde_json::from_str(told["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(pair, json!({"first": "How do I enable the dark theme in the editor?", "second": asked}));
    assert_eq!((calls(&mock), bench.heard().len()), (1, 1));
    // It said so once.
    assert_eq!(part(&gateway, asked), "hit; tier=semantic");
    assert_eq!(part(&gateway, "How do I enable the light theme in the editor?"), "miss");
    // What no model may decide it is not asked.
    assert_eq!(part(&gateway, "Is there a way to switch to the dark theme in 2 editors?"), "miss");
    assert_eq!(part(&gateway, "How do I disable the dark theme in the editor?"), "miss");
    assert_eq!(bench.heard().len(), 1);
    // Who says neither yes nor no says nothing.
    assert_eq!(part(&gateway, "Is there a way to save the dark theme in the editor?"), "miss");
    assert_eq!((lookups(&gateway, "verified", "hit"), lookups(&gateway, "verified", "failed")), (1.0, 1.0));
}

#[test]
fn nobody_waits_longer_for_a_verdict_than_is_said() {
    let mock = mock();
    let delay = Delay::new(20_000.into());
    let bench = bench(&delay);
    let verified = "cache: {mode: verified, verified: {model: small, timeout: 300ms}}\n";
    let gateway = gateway(&mock, &bench, verified);
    assert_eq!(part(&gateway, "How do I enable the dark theme in the editor?"), "miss");
    let begun = Instant::now();
    assert_eq!(part(&gateway, "Is there a way to switch to the dark theme in the editor?"), "miss");
    assert!(begun.elapsed() < Duration::from_millis(2400), "{:?}", begun.elapsed());
    assert_eq!(lookups(&gateway, "verified", "late"), 1.0);
    delay.store(0, Ordering::Relaxed);
}
