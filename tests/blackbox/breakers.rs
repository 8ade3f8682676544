//! What keeps failing is left alone for a while, and only that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use tollgate::mock::Mock;

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, PATIENCE, Provider, Setup, Then, closed_port, json_reply, mock, wait,
};

const REPLY: &str = "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\
    \"message\":{\"role\":\"assistant\",\"content\":\"well\"},\"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}";

/// A provider that answers with whatever status is set: 200 is well. A key `key-bad` is refused with
/// `keys`, whatever else.
struct Moody {
    status: Arc<AtomicU16>,
    provider: Provider,
}

impl Moody {
    fn start(status: u16, keys: u16, wait: &'static str) -> Self {
        let now = Arc::new(AtomicU16::new(status));
        let status = Arc::clone(&now);
        let provider = Provider::start(move |heard, stream| {
            let bad = heard.head.contains("bearer key-bad");
            let answer = match if bad { keys } else { status.load(Ordering::Relaxed) } {
                200 => json_reply(200, REPLY),
                status => {
                    let body = "{\"error\":{\"message\":\"no\",\"type\":\"x\",\"param\":null,\"code\":null}}";
                    let reply = String::from_utf8(json_reply(status, body)).unwrap();
                    reply.replacen("\r\n", &format!("\r\n{wait}"), 1).into_bytes()
                }
            };
            Heard::answer(stream, &answer);
            Then::Keep
        });
        Self { status: now, provider }
    }

    fn set(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.provider.heard().len()
    }
}

/// A gateway whose route `both` tries `first`, then the mock's OpenAI.
fn gateway(mock: &Mock, first: std::net::SocketAddr, keys: &str, breakers: &str) -> Gateway {
    Setup::new(mock)
        .provider(&format!(
            "first: {{vendor: custom, base_url: \"http://{first}/v1\", models: [m], api_keys: [{keys}]}}"
        ))
        .yaml(&format!(
            "routes:\n  both: {{targets: [first/m, openai/gpt-4o-mini]}}\nbreakers: {{{breakers}}}"
        ))
        .start()
}

fn asks(gateway: &Gateway, model: &str) -> String {
    let reply = gateway.ask(&Client::Openai.whole(model, "#mock tokens=2")).ok();
    reply.header("x-tollgate-provider").unwrap_or_default().to_owned()
}

fn state(gateway: &Gateway) -> Vec<Value> {
    let status = gateway.admin_page("/status").ok().json();
    status["breakers"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_provider_that_keeps_failing_is_left_alone_and_tried_again() {
    let mock = mock();
    let moody = Moody::start(503, 200, "");
    let gateway = gateway(&mock, moody.provider.addr, "k-1234", "failures: 3, cool_down: 1s");
    for _ in 0..8 {
        assert_eq!(asks(&gateway, "both"), "openai");
    }
    assert_eq!(moody.asked(), 3, "it is not asked any more");
    let told = state(&gateway);
    assert!(told.iter().any(|one| one["part"] == "host" && one["provider"] == "first"), "{told:?}");
    assert!(told.iter().any(|one| one["part"] == "model" && one["name"] == "m"), "{told:?}");
    let labels = [("gen_ai_provider_name", "first"), ("part", "host"), ("name", "")];
    gateway.wait_metric("tollgate_breaker_openings_total", &labels, 1.0);
    gateway.reload();
    assert_eq!(asks(&gateway, "both"), "openai");
    assert_eq!(moody.asked(), 3, "a reload forgets nothing");
    moody.set(200);
    wait("a trial", PATIENCE, || Some(()).filter(|()| asks(&gateway, "both") == "first"));
    wait("the breakers to close", PATIENCE, || {
        asks(&gateway, "both");
        Some(()).filter(|()| state(&gateway).is_empty())
    });
    assert_eq!(asks(&gateway, "both"), "first");
}

#[test]
fn a_provider_that_is_down_is_left_alone_for_clients_of_every_dialect() {
    let mock = mock();
    let gateway = gateway(&mock, closed_port(), "k-1234", "failures: 2, cool_down: 1m");
    let mut attempts = Vec::new();
    for client in CLIENTS {
        for request in [client.whole("both", "#mock tokens=2"), client.stream("both", "#mock tokens=2")] {
            attempts.push(gateway.line(&gateway.ask(&request).ok())["attempts"].as_u64().unwrap());
        }
    }
    assert_eq!(attempts, [2, 2, 1, 1, 1, 1]);
}

#[test]
fn the_only_target_is_asked_although_it_fails_unless_that_is_not_wanted() {
    let mock = mock();
    let moody = Moody::start(500, 200, "");
    let open = gateway(&mock, moody.provider.addr, "k-1234", "failures: 1, cool_down: 1m");
    for _ in 0..4 {
        assert_eq!(open.ask(&Client::Openai.whole("first/m", "hello")).status, 500);
    }
    moody.set(200);
    assert_eq!(asks(&open, "first/m"), "first");

    moody.set(500);
    let strict =
        gateway(&mock, moody.provider.addr, "k-1234", "failures: 1, cool_down: 1m, last_resort: false");
    for client in CLIENTS {
        let reply = strict.ask(&client.whole("first/m", "hello"));
        if client == CLIENTS[0] {
            assert_eq!(reply.status, 500);
            continue;
        }
        assert_eq!(reply.status, 503, "{}", reply.text());
        let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
        assert!(client.refusal(&reply).message.contains("fails at the moment"), "{}", reply.text());
    }
}

#[test]
fn a_key_that_is_refused_rests_while_others_serve() {
    let mock = mock();
    for status in [401, 402, 403, 429] {
        let moody = Moody::start(200, status, "");
        let gateway = gateway(&mock, moody.provider.addr, "key-bad, key-good", "cool_down: 1m");
        for _ in 0..6 {
            assert_eq!(asks(&gateway, "both"), "first", "{status}");
        }
        let bad = moody.provider.heard().iter().filter(|heard| heard.head.contains("key-bad")).count();
        assert_eq!((bad, moody.asked()), (1, 7), "{status}: the bad key is shown once");
    }
}

#[test]
fn a_target_over_its_limit_rests_for_as_long_as_it_asks() {
    let mock = mock();
    let moody = Moody::start(429, 200, "retry-after: 30\r\n");
    let gateway = gateway(&mock, moody.provider.addr, "k-1234", "cool_down: 1s");
    for _ in 0..4 {
        assert_eq!(asks(&gateway, "both"), "openai");
    }
    assert_eq!(moody.asked(), 1);
    let told = state(&gateway);
    let wait = told.iter().find(|one| one["part"] == "model").and_then(|one| one["wait_ms"].as_u64());
    assert!(wait.is_some_and(|wait| (20_000..=30_000).contains(&wait)), "{told:?}");
}

#[test]
fn what_is_wrong_with_requests_is_no_fault_of_the_provider() {
    let mock = mock();
    let moody = Moody::start(400, 200, "");
    let gateway = gateway(&mock, moody.provider.addr, "k-1234", "failures: 1");
    for _ in 0..4 {
        assert_eq!(gateway.ask(&Client::Openai.whole("both", "hello")).status, 400);
    }
    assert_eq!(moody.asked(), 4);
    assert_eq!(state(&gateway), Vec::<Value>::new());
}

#[test]
fn a_host_that_is_left_alone_is_asked_whether_it_is_back() {
    let mock = mock();
    let moody = Moody::start(503, 200, "");
    let settings = "failures: 2, cool_down: 5m, probe: 1s";
    let gateway = gateway(&mock, moody.provider.addr, "k-1234", settings);
    (0..3).for_each(|_| assert_eq!(asks(&gateway, "both"), "openai"));
    let host = |one: &Value| one["part"] == "host" && one["provider"] == "first";
    wait("the breaker of the host", PATIENCE, || state(&gateway).iter().any(host).then_some(()));
    let asked = || moody.provider.heard().iter().filter(|heard| heard.head.contains("/v1/models")).count();
    wait("two probes", PATIENCE, || (asked() >= 2).then_some(()));
    assert!(state(&gateway).iter().any(host), "it still fails");
    moody.set(200);
    wait("its return", PATIENCE, || (!state(&gateway).iter().any(host)).then_some(()));
}

#[test]
fn what_goes_through_tells_of_the_host_and_of_no_key() {
    let mock = mock();
    let moody = Moody::start(401, 200, "");
    let gateway = gateway(&mock, moody.provider.addr, "k-1234", "failures: 3, cool_down: 1m");
    let through = || gateway.ask(&crate::harness::get("/p/first/anything")).status;
    assert_eq!([(); 4].map(|()| through()), [401; 4]);
    assert_eq!(state(&gateway), Vec::<Value>::new());
    moody.set(200);
    assert_eq!(asks(&gateway, "both"), "first");
    moody.set(502);
    assert_eq!([(); 4].map(|()| through()), [502; 4]);
    let told = state(&gateway);
    assert!(told.iter().any(|one| one["part"] == "host" && one["provider"] == "first"), "{told:?}");
    assert_eq!(asks(&gateway, "both"), "openai");
}
