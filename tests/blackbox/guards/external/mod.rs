//! Guards that live elsewhere, asked over real sockets.

mod answers;
mod batches;
mod services;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::arrived;
use crate::harness::{
    CLIENTS, Client, Gateway, Heard, PATIENCE, Provider, Setup, Then, json_reply, mock, mock_page, post, wait,
};

/// A service that answers what this makes of its question.
pub(super) fn service(answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Provider {
    Provider::start(move |heard, stream| {
        let asked = serde_json::from_slice(&heard.body).unwrap();
        Heard::answer(stream, &json_reply(200, &answer(&asked).to_string()));
        Then::Keep
    })
}

/// What such a service was asked, one question after another.
pub(super) fn questions(service: &Provider) -> Vec<Value> {
    service.heard().iter().map(|heard| serde_json::from_slice(&heard.body).unwrap()).collect()
}

/// A webhook that knows two words: it blocks what holds `poison`, and says `[WORD]` for `secret`.
pub(super) fn webhook() -> Provider {
    service(|asked| {
        let texts: Vec<&str> =
            asked["texts"].as_array().unwrap().iter().map(|text| text["text"].as_str().unwrap()).collect();
        if let Some(index) = texts.iter().position(|text| text.contains("poison")) {
            return json!({"action": "block", "rule": "danger", "index": index, "message": "ask the pharmacy"});
        }
        let with = |(index, text): (usize, &&str)| {
            text.contains("secret").then(|| json!({"index": index, "text": text.replace("secret", "[WORD]")}))
        };
        let masked: Vec<Value> = texts.iter().enumerate().filter_map(with).collect();
        if masked.is_empty() {
            return json!({"action": "allow", "tags": ["seen"]});
        }
        json!({"action": "mask", "rule": "words", "texts": masked})
    })
}

pub(super) fn guarded(mock: &tollgate::mock::Mock, service: &Provider, more: &str) -> Gateway {
    let guard = format!(
        "external_guards:\n  own: {{kind: webhook, url: \"http://{}/check\", timeout: 30s, {more}}}",
        service.addr
    );
    Setup::new(mock).yaml(&guard).start()
}

fn asked_of(mock: &tollgate::mock::Mock) -> u64 {
    mock_page(mock, "stats")["requests"].as_u64().unwrap()
}

#[test]
fn a_webhook_lets_pass_masks_and_blocks_in_every_dialect() {
    let (mock, hook) = (mock(), webhook());
    let gateway = guarded(&mock, &hook, "api_key: hook-key, headers: {x-team: red}");
    for client in CLIENTS {
        for model in ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"] {
            let reply = gateway.ask(&client.whole(model, "#mock tokens=2 hello")).ok();
            assert_eq!(reply.header("x-tollgate-guards"), Some("own/seen=tag;request;1"));
            let reply = gateway.ask(&client.whole(model, "#mock tokens=2 my secret is out")).ok();
            assert!(arrived(&mock).contains("my [WORD] is out"), "{client:?} {model}: {}", arrived(&mock));
            assert_eq!(reply.header("x-tollgate-guards"), Some("own/words=mask;request;1"));
            let before = asked_of(&mock);
            let reply = gateway.ask(&client.whole(model, "where do I get poison"));
            assert_eq!((reply.status, asked_of(&mock)), (400, before), "{client:?} {}", reply.text());
            let said = "the guard \\\"own\\\" does not let this request pass: danger (ask the pharmacy)";
            assert!(reply.text().contains(said), "{}", reply.text());
            assert_eq!(reply.header("x-tollgate-guards"), Some("own/danger=block;request;1"));
            let line = gateway.line(&reply);
            assert_eq!(line["outcome"], "content_policy");
            let verdict =
                json!([{"guard": "own", "rule": "danger", "action": "block", "on": "request", "count": 1}]);
            assert_eq!(line["guards"], verdict);
        }
    }
    let heard = &hook.heard()[0];
    assert!(heard.head.starts_with("post /check http/1.1\r\n"), "{}", heard.head);
    assert!(heard.head.contains("authorization: bearer hook-key") && heard.head.contains("x-team: red"));
    // One connection carries question after question.
    assert!(hook.heard().iter().any(|heard| heard.on_connection > 2));
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "poison"}]});
    let refused: Value = gateway.ask(&post("/v1/chat/completions").json(&body)).json();
    assert_eq!(refused["error"]["param"], "messages[1].content");
    assert_eq!(refused["error"]["code"], "guard_blocked");
    gateway.wait_metric(
        "tollgate_external_guard_seconds_count",
        &[("guard", "own"), ("result", "found")],
        28.0,
    );
}

#[test]
fn it_is_told_who_asks_and_what_is_said_by_whom() {
    let (mock, hook) = (mock(), webhook());
    let guard = format!(
        "external_guards:\n  own: {{kind: webhook, url: \"http://{}\", timeout: 30s, owners: [acme]}}",
        hook.addr
    );
    let keys = "keys: {web: {key: the-secret-of-web, owner: acme/shop}, job: {key: the-secret-of-job, owner: other}}";
    let gateway = Setup::new(&mock).yaml(keys).yaml(&guard).start();
    let body = json!({"model": "gpt-4o-mini", "user": "u", "messages": [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "#mock tokens=1"}]},
    ]});
    let request = post("/v1/chat/completions").json(&body);
    gateway.ask(&request.clone().header("authorization", "Bearer the-secret-of-job")).ok();
    assert_eq!(hook.heard().len(), 0);
    let reply = gateway.ask(&request.clone().header("authorization", "Bearer the-secret-of-web")).ok();
    assert_eq!(arrived(&mock).as_bytes(), request.body);
    let expected = json!({
        "version": 1, "guard": "own", "stage": "pre", "on": "request", "request_id": reply.id(),
        "model": "gpt-4o-mini", "key": "web", "owner": "acme/shop",
        "texts": [
            {"text": "be kind", "role": "system", "path": "messages[0].content"},
            {"text": "#mock tokens=1", "role": "user", "path": "messages[1].content[0].text"},
        ]
    });
    assert_eq!(questions(&hook), [expected]);
}

#[test]
fn only_what_is_new_is_asked_about_where_that_is_said() {
    let (mock, hook) = (mock(), webhook());
    let gateway = guarded(&mock, &hook, "turns: last");
    let body = json!({"model": "gpt-4o-mini", "messages": [
        {"role": "user", "content": "poison"},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": "#mock tokens=1 thanks"},
    ]});
    gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    assert_eq!(questions(&hook)[0]["texts"].as_array().unwrap().len(), 1);
}

#[test]
fn what_goes_through_and_what_is_embedded_is_asked_about_too() {
    let (mock, hook) = (mock(), webhook());
    let gateway = guarded(&mock, &hook, "models: [\"gpt-*\", \"text-*\"]");
    let body =
        json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "#mock tokens=2 secret"}]});
    gateway.ask(&post("/p/openai/v1/chat/completions").json(&body)).ok();
    assert!(arrived(&mock).contains("[WORD]"), "{}", arrived(&mock));
    let body = json!({"model": "text-embedding-3-small", "input": ["my secret", "poison"]});
    let reply = gateway.ask(&post("/v1/embeddings").json(&body));
    assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!("input[1]")));
    let body = json!({"model": "other", "messages": [{"role": "user", "content": "#mock tokens=2 secret"}]});
    gateway.ask(&post("/p/openai/v1/chat/completions").json(&body)).ok();
    assert!(arrived(&mock).contains("secret"));
}

/// A webhook that waits for the test before it answers.
fn hesitant(answer: Value) -> (Provider, Sender<()>) {
    let (go, wait) = channel();
    let wait = Mutex::new(wait);
    let service = service(move |_| {
        let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        answer.clone()
    });
    (service, go)
}

#[test]
fn the_provider_is_asked_beside_a_guard_and_its_answer_waits_for_the_verdict() {
    for (answer, status) in [
        (json!({"action": "allow"}), 200),
        (json!({"action": "block", "rule": "late"}), 400),
        // What left already cannot be masked.
        (json!({"action": "mask", "rule": "late", "texts": [{"index": 0, "text": "x"}]}), 400),
    ] {
        for stream in [false, true] {
            let mock = mock();
            let (hook, go) = hesitant(answer.clone());
            let gateway = guarded(&mock, &hook, "mode: during");
            let client = Client::Anthropic;
            let request = match stream {
                true => client.stream("gpt-4o-mini", "#mock tokens=3"),
                false => client.whole("gpt-4o-mini", "#mock tokens=3"),
            };
            let mut conn = gateway.conn();
            conn.send(&[request.head(), request.body.clone()].concat());
            wait("the provider to be asked", PATIENCE, || (asked_of(&mock) == 1).then_some(()));
            go.send(()).unwrap();
            let reply = conn.reply();
            assert_eq!(reply.status, status, "{answer} {}", reply.text());
            if status == 400 {
                assert!(reply.text().contains("does not let this request pass: late"), "{}", reply.text());
                assert_eq!(reply.header("x-tollgate-guards"), Some("own/late=block;request;1"));
            }
            // The client's connection takes the next request.
            conn.send(&[request.head(), request.body.clone()].concat());
            go.send(()).unwrap();
            assert_eq!(conn.reply().status, status);
        }
    }
}

#[test]
fn what_cannot_be_looked_at_is_refused_or_passes_with_a_word_of_it() {
    let mock = mock();
    let (sleepy, _never) = hesitant(json!({"action": "allow"}));
    let says = |status: u16, body: &'static str| {
        Provider::start(move |_, stream| {
            Heard::answer(stream, &json_reply(status, body));
            Then::Keep
        })
    };
    let (broken, odd, wrong) = (says(500, "{}"), says(200, "<html>"), says(200, "{\"action\":\"perhaps\"}"));
    let resets = Provider::start(|_, _| Then::Reset);
    let gone = crate::harness::closed_port();
    let cases = [
        (sleepy.addr, "200ms", "it did not answer in time"),
        (broken.addr, "30s", "it answered 500"),
        (odd.addr, "30s", "it answered with no JSON"),
        (wrong.addr, "30s", "expected as its action allow, mask or block"),
        (resets.addr, "30s", "it broke off the connection"),
        (gone, "30s", "it could not be reached"),
    ];
    for (addr, timeout, why) in cases {
        for mode in ["pre", "during", "post"] {
            let line = |name: &str, more: &str| {
                format!(
                    "  {name}: {{kind: webhook, url: \"http://{addr}\", mode: {mode}, timeout: {timeout}, {more}}}\n"
                )
            };
            let yaml =
                line("own", "models: [\"gpt-*\"]") + &line("lax", "on_failure: open, models: [\"claude-*\"]");
            let gateway = Setup::new(&mock).yaml(&format!("external_guards:\n{yaml}")).start();
            let refused = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2"));
            let error = &refused.json()["error"];
            assert_eq!((refused.status, &error["code"]), (503, &json!("guard_unavailable")), "{mode} {why}");
            assert!(error["message"].as_str().unwrap().ends_with(why), "{mode} {why}: {error}");
            let on = if mode == "post" { "answer" } else { "request" };
            let told = format!("own/unavailable=block;{on};1");
            assert_eq!(refused.header("x-tollgate-guards"), Some(told.as_str()));
            let passed = gateway.ask(&Client::Openai.whole("claude-sonnet-4-5", "#mock tokens=2")).ok();
            let told = format!("lax/unavailable=tag;{on};1");
            assert_eq!(passed.header("x-tollgate-guards"), Some(told.as_str()));
        }
    }
}

#[test]
fn a_guard_that_fails_is_left_alone_for_a_while() {
    let mock = mock();
    let hook = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(503, "{}"));
        Then::Keep
    });
    let gateway = guarded(&mock, &hook, "on_failure: open");
    for _ in 0..8 {
        gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    }
    assert_eq!(hook.heard().len(), 5);
    // What a client words so that it is refused tells nothing of how the service does.
    let picky = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(400, "{}"));
        Then::Keep
    });
    let gateway = guarded(&mock, &picky, "on_failure: open");
    for _ in 0..8 {
        gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    }
    assert_eq!(picky.heard().len(), 8);
}

#[test]
fn several_are_asked_at_one_time_behind_the_local_ones() {
    let mock = mock();
    let asked = Arc::new(AtomicUsize::new(0));
    // Each answers once the other is asked, too.
    let patient = || {
        let asked = Arc::clone(&asked);
        service(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            wait("both to be asked", PATIENCE, || (asked.load(Ordering::SeqCst) == 2).then_some(()));
            json!({"action": "allow"})
        })
    };
    let (first, second) = (patient(), patient());
    let line = |name: &str, at: &Provider| {
        format!("  {name}: {{kind: webhook, url: \"http://{}\", timeout: 30s}}\n", at.addr)
    };
    let yaml = format!("external_guards:\n{}{}", line("first", &first), line("second", &second));
    let gateway = Setup::new(&mock)
        .yaml("guards: {pii: {detect: [email], action: mask, on: [request]}}")
        .yaml(&yaml)
        .start();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1 a@b.co")).ok();
    assert_eq!(questions(&second)[0]["texts"][0]["text"], "#mock tokens=1 [EMAIL]");
}

#[test]
fn whoever_follows_traces_sees_each_guard_and_how_long_it_took() {
    let (mock, hook, collector) = (mock(), webhook(), crate::harness::Collector::start());
    let guard = format!(
        "external_guards:\n  own: {{kind: webhook, url: \"http://{}\", timeout: 30s, mode: [pre, during, post]}}",
        hook.addr
    );
    let gateway = Setup::new(&mock)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.addr()))
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .yaml(&guard)
        .start();
    for stream in [false, true] {
        let request = match stream {
            true => Client::Openai.stream("gpt-4o-mini", "#mock echo\nfine words"),
            false => Client::Openai.whole("gpt-4o-mini", "#mock echo\nfine words"),
        };
        let reply = gateway.ask(&request).ok();
        let spans = collector.trace(&reply.id());
        let told: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        let guards = spans.iter().filter(|span| span.name == "guard own");
        let ways: Vec<_> = guards.map(|span| span.text("tollgate.guard.on")).collect();
        assert_eq!(ways, ["request", "request", "answer"], "{told:?}");
        assert!(spans.iter().all(|span| span.failure.is_none()), "{spans:?}");
    }
}
