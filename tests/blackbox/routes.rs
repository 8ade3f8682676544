//! A route chooses among its targets as it says, and goes on as the failure wants it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tollgate::mock::Mock;

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, Provider, Request, Setup, Then, json_reply, mock, mock_page,
};

fn reply(content: &str, finish: &str) -> String {
    json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
    .to_string()
}

fn chunk(delta: &serde_json::Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    let chunk = json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]});
    format!("data: {chunk}\n\n")
}

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn streams(heard: &Heard) -> bool {
    String::from_utf8_lossy(&heard.body).contains("\"stream\":true")
}

/// A provider that answers all well.
fn sound() -> Provider {
    Provider::start(|heard, stream| {
        if streams(heard) {
            let (role, word) = (json!({"role": "assistant", "content": ""}), json!({"content": "well"}));
            let events = chunk(&role, None) + &chunk(&word, None) + &chunk(&json!({}), Some("stop"));
            Heard::answer(stream, format!("{EVENTS}{events}data: [DONE]\n\n").as_bytes());
            return Then::Close;
        }
        Heard::answer(stream, &json_reply(200, &reply("well", "stop")));
        Then::Keep
    })
}

/// A gateway with providers `a`, `b`, `c` … at these addresses, each with a model `m`.
fn gateway(mock: &Mock, providers: &[SocketAddr], routes: &str) -> Gateway {
    let mut setup = Setup::new(mock);
    for (name, at) in ["a", "b", "c"].iter().zip(providers) {
        setup = setup.provider(&format!(
            "{name}: {{vendor: custom, base_url: \"http://{at}/v1\", models: [m], api_key: k-1234}}"
        ));
    }
    setup.yaml(&format!("cache: off\nroutes:\n  r: {{{routes}}}")).start()
}

fn served_by(gateway: &Gateway, request: &Request) -> String {
    gateway.ask(request).ok().header("x-tollgate-provider").unwrap_or_default().to_owned()
}

fn plain() -> Request {
    Client::Openai.whole("r", "hello")
}

#[test]
fn weights_and_shares_hold() {
    let (mock, one, two) = (mock(), sound(), sound());
    let at = [one.addr, two.addr];
    let counted = |routes: &str| {
        let gateway = gateway(&mock, &at, routes);
        let mut counts = BTreeMap::<String, u32>::new();
        (0..80).for_each(|_| *counts.entry(served_by(&gateway, &plain())).or_default() += 1);
        counts.get("b").copied().unwrap_or(0)
    };
    let weighted = counted("strategy: weighted, targets: [{target: a/m, weight: 3}, b/m]");
    assert!((4..=40).contains(&weighted), "{weighted} of 80");
    assert_eq!(
        counted("strategy: weighted, targets: [{target: a/m, weight: 3}, {target: b/m, weight: 0}]"),
        0
    );
    assert_eq!(counted("strategy: canary, targets: [a/m, {target: b/m, share: 100%}]"), 80);
    let quick = counted("strategy: least_busy, targets: [a/m, b/m]");
    assert!((20..=60).contains(&quick), "{quick} of 80, where nobody is busy");
}

#[test]
fn what_belongs_together_has_the_same_target() {
    let (mock, one, two, three) = (mock(), sound(), sound(), sound());
    let at = [one.addr, two.addr, three.addr];
    let by_session = gateway(&mock, &at, "strategy: sticky, sticky_by: session, targets: [a/m, b/m, c/m]");
    let mut used = BTreeMap::<String, u32>::new();
    for session in 0..16 {
        let request = |_| plain().header("x-tollgate-session", &format!("s{session}"));
        let served: Vec<_> = (0..3).map(request).map(|request| served_by(&by_session, &request)).collect();
        assert!(served.iter().all(|other| *other == served[0]), "{served:?}");
        *used.entry(served[0].clone()).or_default() += 1;
    }
    assert!(used.len() > 1, "{used:?}");
    let by_prompt = gateway(&mock, &at, "strategy: sticky, sticky_by: prompt, targets: [a/m, b/m, c/m]");
    for prompt in 0..8 {
        let first = json!({"role": "user", "content": format!("prompt {prompt}")});
        let grown =
            json!([first, {"role": "assistant", "content": "x"}, {"role": "user", "content": "more"}]);
        let ask = |messages: serde_json::Value| {
            served_by(&by_prompt, &plain().json(&json!({"model": "r", "messages": messages})))
        };
        assert_eq!(ask(json!([first])), ask(grown));
    }
}

#[test]
fn targets_are_for_the_requests_that_they_are_for() {
    let (mock, one, two) = (mock(), sound(), sound());
    let routes = "targets: [{target: b/m, when: {headers: {x-tier: gold}}}, \
        {target: b/m, when: {modalities: [image]}}, {target: a/m, when: {at_most: 4KiB}}]";
    let gateway = gateway(&mock, &[one.addr, two.addr], routes);
    assert_eq!(served_by(&gateway, &plain()), "a");
    assert_eq!(served_by(&gateway, &plain().header("x-tier", "gold")), "b");
    let picture = json!([{"role": "user", "content": [{"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}]);
    assert_eq!(served_by(&gateway, &plain().json(&json!({"model": "r", "messages": picture}))), "b");
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("r", &"long ".repeat(2000)));
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert!(client.refusal(&reply).message.contains("no target of the route"), "{}", reply.text());
    }
}

#[test]
fn the_cheapest_target_is_asked() {
    let mock = mock();
    let gateway = gateway(&mock, &[], "strategy: cheapest, targets: [openai/gpt-4o, openai/gpt-4o-mini]");
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("r", "#mock tokens=2")).ok();
        assert_eq!(reply.header("x-tollgate-model"), Some("gpt-4o-mini"));
    }
}

#[test]
fn each_cause_has_its_own_fallback() {
    let mock = mock();
    let status_of =
        |body: &str| u16::from(body.contains("too-long")) * 400 + u16::from(body.contains("busy")) * 429;
    let first = Provider::start(move |heard, stream| {
        let body = String::from_utf8_lossy(&heard.body).into_owned();
        let answer = if body.contains("forbidden") {
            json_reply(
                400,
                "{\"error\":{\"message\":\"filtered\",\"type\":\"invalid_request_error\",\"param\":\"prompt\",\"code\":\"content_filter\"}}",
            )
        } else if body.contains("wrong") {
            json_reply(
                400,
                "{\"error\":{\"message\":\"bad\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}",
            )
        } else if body.contains("hollow") {
            json_reply(200, &reply("", "stop"))
        } else {
            let code =
                if body.contains("too-long") { "context_length_exceeded" } else { "rate_limit_exceeded" };
            let error = json!({"error": {"message": "no", "type": "x", "param": null, "code": code}});
            json_reply(status_of(&body), &error.to_string())
        };
        Heard::answer(stream, &answer);
        Then::Keep
    });
    let routes = "targets: [a/m, b/m], fallbacks: {context: [openai/gpt-4o], content: [openai/gpt-4o-mini], \
        empty: [anthropic/claude-sonnet-4-5], rate_limit: [gemini/gemini-2.5-flash]}";
    let second = sound();
    let gateway = gateway(&mock, &[first.addr, second.addr], routes);
    for client in CLIENTS {
        for (word, provider, model) in [
            ("too-long", "openai", "gpt-4o"),
            ("forbidden", "openai", "gpt-4o-mini"),
            ("hollow", "anthropic", "claude-sonnet-4-5"),
            ("busy", "gemini", "gemini-2.5-flash"),
        ] {
            // What is over its limit is not asked first any more.
            let gateway = if word == "busy" {
                &self::gateway(&mock, &[first.addr, second.addr], routes)
            } else {
                &gateway
            };
            let reply = gateway.ask(&client.whole("r", &format!("#mock tokens=2\n{word}"))).ok();
            let told = (reply.header("x-tollgate-provider"), reply.header("x-tollgate-model"));
            assert_eq!(told, (Some(provider), Some(model)), "{client:?} {word}");
            assert_eq!(gateway.line(&reply)["attempts"], 2, "{word}");
        }
        let reply = gateway.ask(&client.whole("r", "wrong"));
        assert_eq!((reply.status, client.refusal(&reply).message.as_str()), (400, "bad"), "{client:?}");
    }
}

/// A provider whose streams begin with their role, and then are or do what `then` says.
fn beginning(then: &'static str) -> Provider {
    Provider::start(move |_, stream| {
        let role = chunk(&json!({"role": "assistant", "content": ""}), None);
        Heard::answer(stream, format!("{EVENTS}{role}").as_bytes());
        if then == "hang" {
            std::thread::sleep(Duration::from_secs(20));
        }
        Heard::answer(stream, then.as_bytes());
        Then::Close
    })
}

#[test]
fn a_stream_that_fails_before_anything_was_said_is_answered_by_the_next_target() {
    let mock = mock();
    for then in ["", "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"code\":503}}\n\n"] {
        let (first, second) = (beginning(then), sound());
        let gateway = gateway(&mock, &[first.addr, second.addr], "targets: [a/m, b/m]");
        for client in CLIENTS {
            let reply = gateway.ask(&client.stream("r", "hello")).ok();
            assert_eq!(reply.header("x-tollgate-provider"), Some("b"), "{client:?} {then:?}");
            assert_eq!(client.streamed_text(&reply.text()), "well", "{client:?} {then:?}");
            assert!(client.is_complete(&reply.text()), "{client:?} {then:?}: {}", reply.text());
            let line = gateway.line(&reply);
            assert_eq!((&line["attempts"], &line["outcome"]), (&json!(2), &json!("answered")), "{line}");
        }
    }
    // Where all fail, the client hears so with a status.
    let (first, second) = (beginning(""), beginning(""));
    let gateway = gateway(&mock, &[first.addr, second.addr], "targets: [a/m, b/m]");
    for client in CLIENTS {
        let reply = gateway.ask(&client.stream("r", "hello"));
        assert_eq!(reply.status, 502, "{client:?}: {}", reply.text());
        assert!(!client.refusal(&reply).message.is_empty());
    }
}

#[test]
fn streams_that_are_held_back_lose_nothing_and_keep_their_connection() {
    let (mock, one) = (mock(), sound());
    let gateway =
        gateway(&mock, &[one.addr], "targets: [openai/gpt-4o-mini, anthropic/claude-sonnet-4-5, a/m]");
    for client in CLIENTS {
        let mut conn = gateway.conn();
        for _ in 0..3 {
            let alone = client.streamed_text(
                &gateway.ask(&client.stream("openai/gpt-4o-mini", "#mock tokens=9")).ok().text(),
            );
            let held = conn.ask(&client.stream("r", "#mock tokens=9")).ok();
            assert_eq!(client.streamed_text(&held.text()), alone, "{client:?}");
            assert!(client.is_complete(&held.text()), "{client:?}");
        }
        let tools = conn.ask(&client.stream("r", "#mock tools=1 tokens=0")).ok();
        assert!(!tools.text().is_empty());
    }
    assert!(mock_page(&mock, "stats")["requests"].as_u64().unwrap() > 0);
}

#[test]
fn a_provider_is_waited_for_as_long_as_the_route_or_the_client_says() {
    let mock = mock();
    let silent = Provider::start(|_, _| {
        std::thread::sleep(Duration::from_secs(20));
        Then::Close
    });
    let second = sound();
    let quick = |gateway: &Gateway, request: &Request| {
        let begun = Instant::now();
        assert_eq!(served_by(gateway, request), "b");
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(250) && took < Duration::from_secs(5), "{took:?}");
    };
    let at = [silent.addr, second.addr];
    let by_route = gateway(&mock, &at, "targets: [a/m, b/m], timeouts: {first_byte: 300ms}");
    let by_client = gateway(&mock, &at, "targets: [a/m, b/m]");
    let slow = beginning("hang");
    let by_token =
        gateway(&mock, &[slow.addr, second.addr], "targets: [a/m, b/m], timeouts: {first_token: 300ms}");
    for client in CLIENTS {
        if client == CLIENTS[0] {
            quick(&by_route, &client.whole("r", "hello"));
        }
        let hurried = client.whole("r", "hello").header("x-tollgate-first-byte-timeout", "300ms");
        if client == CLIENTS[1] {
            quick(&by_client, &hurried);
        }
        if client == CLIENTS[2] {
            quick(&by_token, &client.stream("r", "hello"));
        }
        let wrong = by_client.ask(&client.whole("r", "hello").header("x-tollgate-timeout", "soon"));
        assert_eq!(wrong.status, 400);
        assert!(client.refusal(&wrong).message.contains("x-tollgate-timeout"), "{}", wrong.text());
    }
    let begun = Instant::now();
    let total = by_client.ask(&Client::Openai.whole("r", "hello").header("x-tollgate-timeout", "400ms"));
    assert!((total.status == 504 || total.status == 200) && begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_target_that_has_nothing_left_is_passed_over_while_another_has() {
    let mock = mock();
    for (name, value) in [
        ("x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 60s", 1),
        ("x-ratelimit-remaining-tokens: 3\r\nx-ratelimit-reset-tokens: 1m0s", 1),
        ("x-ratelimit-remaining-tokens: 99999\r\nx-ratelimit-reset-tokens: 1m0s", 4),
    ] {
        let first = Provider::start(move |_, stream| {
            let reply = String::from_utf8(json_reply(200, &reply("well", "stop"))).unwrap();
            Heard::answer(stream, reply.replacen("\r\n", &format!("\r\n{name}\r\n"), 1).as_bytes());
            Then::Keep
        });
        let second = sound();
        for routes in ["targets: [a/m, b/m]", "strategy: cheapest, targets: [a/m, b/m]"] {
            let before = first.heard().len();
            let gateway = gateway(&mock, &[first.addr, second.addr], routes);
            (0..4).for_each(|_| drop(served_by(&gateway, &plain())));
            assert_eq!(first.heard().len() - before, value, "{name}, {routes}");
        }
    }
}

#[test]
fn what_an_empty_answer_has_used_is_paid_for_too() {
    let (mock, hollow, second) = (mock(), hollow(), sound());
    let prices = "models: [{provider: a, model: m, input: 100, output: 0}, {provider: b, model: m, input: 10, output: 0}]";
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "a: {{vendor: custom, base_url: \"http://{}/v1\", models: [m], api_key: k-1}}",
            hollow.addr
        ))
        .provider(&format!(
            "b: {{vendor: custom, base_url: \"http://{}/v1\", models: [m], api_key: k-1}}",
            second.addr
        ))
        .yaml(&format!("cache: off\nroutes:\n  r: {{targets: [a/m], fallbacks: {{empty: [b/m]}}}}\n{prices}"))
        .start();
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("r", "hello")).ok();
        assert_eq!(reply.header("x-tollgate-provider"), Some("b"), "{client:?}");
        let line = gateway.line(&reply);
        let cost = line["cost_usd"].as_str().unwrap().trim_end_matches('0');
        // Three tokens of prompt at each of them.
        assert_eq!(cost, "0.00033", "{line}");
        assert_eq!(line["gen_ai.usage.input_tokens"], 6, "{line}");
    }
}

/// A provider whose answers have nothing in them, and cost something.
fn hollow() -> Provider {
    Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, &reply("", "stop")));
        Then::Keep
    })
}

#[test]
fn how_quick_a_stream_is_shows_at_its_first_word() {
    let mock = mock();
    let after = |head: u64, word: u64| {
        Provider::start(move |_, stream| {
            let pause = |millis| std::thread::sleep(Duration::from_millis(millis));
            let (role, one) = (json!({"role": "assistant", "content": ""}), json!({"content": "well"}));
            pause(head);
            Heard::answer(stream, format!("{EVENTS}{}", chunk(&role, None)).as_bytes());
            pause(word);
            let rest = chunk(&one, None) + &chunk(&json!({}), Some("stop"));
            Heard::answer(stream, format!("{rest}data: [DONE]\n\n").as_bytes());
            Then::Close
        })
    };
    let (hasty, quick) = (after(0, 700), after(150, 0));
    let gateway = gateway(&mock, &[hasty.addr, quick.addr], "strategy: least_latency, targets: [a/m, b/m]");
    let asks = || served_by(&gateway, &Client::Openai.stream("r", "hello"));
    let first = [asks(), asks()];
    assert!(first.contains(&"a".to_owned()) && first.contains(&"b".to_owned()), "{first:?}");
    let next: Vec<_> = (0..4).map(|_| asks()).collect();
    assert_eq!(next, ["b"; 4]);
}

#[test]
fn a_target_is_asked_with_the_keys_that_are_for_it() {
    let (mock, sound) = (mock(), sound());
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "a: {{vendor: custom, base_url: \"http://{}/v1\", models: [m], api_keys: [key-one, key-two, key-three]}}",
            sound.addr
        ))
        .yaml(
            "cache: off\nroutes:\n  few: {targets: [{target: a/m, keys: [1, 3]}]}\n  one: {targets: [{target: a/m, keys: [2]}]}",
        )
        .start();
    let shown = |route: &str| {
        let before = sound.heard().len();
        for client in CLIENTS {
            for request in [client.whole(route, "hello"), client.stream(route, "hello")] {
                gateway.ask(&request).ok();
            }
        }
        let keys = ["key-one", "key-two", "key-three"];
        let heard = sound.heard().split_off(before);
        let shows = |heard: &Heard, key: &str| {
            let line = format!("authorization: bearer {key}");
            heard.head.lines().any(|own| own == line)
        };
        keys.map(|key| heard.iter().filter(|heard| shows(heard, key)).count())
    };
    assert_eq!(shown("few"), [3, 0, 3]);
    assert_eq!(shown("one"), [0, 6, 0]);
    let (well, said) = gateway.command(&["check"]);
    assert!(well, "{said}");
    gateway.rewrite(|text| text.replace("keys: [2]", "keys: [4]"));
    assert!(!gateway.command(&["check"]).0, "there is no fourth key");
}

#[test]
fn a_target_whose_own_keys_cool_down_is_passed_over() {
    let mock = mock();
    let is_first = |heard: &Heard| heard.head.contains("bearer key-one");
    let provider = Provider::start(move |heard, stream| {
        if is_first(heard) {
            let refused =
                String::from_utf8(json_reply(429, "{\"error\":{\"message\":\"slow down\"}}")).unwrap();
            Heard::answer(stream, refused.replacen("\r\n", "\r\nretry-after: 60\r\n", 1).as_bytes());
        } else {
            Heard::answer(stream, &json_reply(200, &reply("well", "stop")));
        }
        Then::Keep
    });
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "a: {{vendor: custom, base_url: \"http://{}/v1\", models: [m], api_keys: [key-one, key-two]}}",
            provider.addr
        ))
        .yaml("cache: off\nroutes: {r: {targets: [{target: a/m, keys: [1]}, {target: a/m, keys: [2]}]}}")
        .start();
    for client in CLIENTS {
        gateway.ask(&client.whole("r", "hello")).ok();
    }
    let heard = provider.heard();
    assert_eq!((heard.len(), heard.iter().filter(|heard| is_first(heard)).count()), (4, 1));
}

#[test]
fn a_target_is_asked_in_its_region_and_the_next_one_in_its_own() {
    let mock = mock();
    let provider = Provider::start(|heard, stream| {
        let status = if heard.path().starts_with("/two/") { 500 } else { 200 };
        Heard::answer(stream, &json_reply(status, &reply("well", "stop")));
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "a: {{vendor: custom, base_url: \"http://{at}/{{region}}/v1\", region: one, models: [m], api_key: k-1234}}"
        ))
        .yaml("cache: off\nroutes: {r: {targets: [{target: a/m, region: two}, a/m]}}")
        .start();
    let answer = gateway.ask(&Client::Openai.whole("r", "x")).ok();
    assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
    let heard: Vec<_> = provider.heard().iter().map(|heard| heard.path().to_owned()).collect();
    assert_eq!(heard, ["/two/v1/chat/completions", "/one/v1/chat/completions"]);
    assert_eq!(gateway.line(&answer)["faults"][0]["provider"], "a@two");
}
