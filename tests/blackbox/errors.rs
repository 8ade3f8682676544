//! Whatever goes wrong is said in the client's own dialect, with the status that its SDK acts on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Gateway, Reply, Request, Setup, closed_port, get, mock, mock_page, post,
};

/// The name that each dialect has for an error.
fn kind(client: Client, openai: &'static str, anthropic: &'static str, gemini: &'static str) -> &'static str {
    match client {
        Client::Openai => openai,
        Client::Anthropic => anthropic,
        Client::Gemini => gemini,
    }
}

fn without(request: Request, name: &str) -> Request {
    Request { headers: request.headers.into_iter().filter(|(known, _)| known != name).collect(), ..request }
}

#[test]
fn a_missing_or_wrong_key_gets_401_and_the_connection_stays() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "the-key").start();
    for client in CLIENTS {
        let mut conn = gateway.conn();
        let request = client.whole(client.model(), "hello");
        for refused in [request.clone(), request.clone().header("authorization", "Bearer wrong")] {
            let reply = conn.ask(&refused);
            assert_eq!(reply.status, 401, "{}", reply.text());
            let said = client.refusal(&reply);
            assert_eq!(
                said.kind,
                kind(client, "invalid_request_error", "authentication_error", "UNAUTHENTICATED")
            );
            assert!(!said.message.contains("wrong"), "{said:?}");
            if client == Client::Openai {
                assert_eq!(said.code.as_deref(), Some("invalid_api_key"));
            }
        }
        conn.ask(&request.header("authorization", "Bearer the-key")).ok();
    }
    assert_eq!(mock_page(&mock, "stats")["requests"], 3);
}

#[test]
fn the_key_opens_the_door_wherever_an_sdk_puts_it() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_MASTER_KEY", "the-key").start();
    let names = ["x-api-key", "api-key", "x-goog-api-key"];
    for client in CLIENTS {
        for name in names {
            gateway.ask(&client.whole(client.model(), "hello").header(name, "the-key")).ok();
        }
        gateway.ask(&client.whole(client.model(), "hello").header("Authorization", "bearer the-key")).ok();
    }
    let mut in_query = Client::Gemini.whole("gemini-2.5-flash", "hello");
    in_query.path.push_str("?key=the-key");
    gateway.ask(&in_query).ok();
    gateway.ask(&get("/health")).ok();
}

#[test]
fn an_unknown_model_gets_404_with_the_nearest_names() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        let mut conn = gateway.conn();
        let reply = conn.ask(&client.whole("gtp-4o-mini", "hello"));
        assert_eq!(reply.status, 404, "{}", reply.text());
        let said = client.refusal(&reply);
        assert!(said.message.contains("gtp-4o-mini") && said.message.contains("gpt-4o-mini"), "{said:?}");
        assert_eq!(said.kind, kind(client, "invalid_request_error", "not_found_error", "NOT_FOUND"));
        if client == Client::Openai {
            assert_eq!(said.code.as_deref(), Some("model_not_found"));
        }
        conn.ask(&client.whole(client.model(), "hello")).ok();
    }
}

#[test]
fn malformed_json_gets_400_with_the_place() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        let list = kind(client, "messages", "messages", "contents");
        let body =
            format!("{{\"model\":\"{}\",\"{list}\":[{{\"role\":\"user\"}},{{\"role\":}}]}}", client.model());
        let mut request = client.whole(client.model(), "").body(body);
        for target in [client.model(), "gpt-4o-mini", "claude-sonnet-4-5"] {
            request.path = client.path(target, false);
            let reply = gateway.ask(&request);
            assert_eq!(reply.status, 400, "{}", reply.text());
            let said = client.refusal(&reply);
            let shown = format!("{} {}", said.message, said.param.clone().unwrap_or_default());
            assert!(shown.contains(&format!("{list}[1]")), "{client:?}: {said:?}");
            assert_eq!(
                said.kind,
                kind(client, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT")
            );
        }
    }
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}

#[test]
fn a_wrong_type_in_a_translated_request_gets_400_with_the_place() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let body = json!({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": 7}]});
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body));
    assert_eq!(reply.status, 400);
    let said = Client::Openai.refusal(&reply);
    assert_eq!(said.param.as_deref(), Some("messages[0].content"), "{said:?}");
}

#[test]
fn a_missing_or_odd_model_gets_400() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in [Client::Openai, Client::Anthropic] {
        for model in [None, Some(json!("")), Some(json!(7)), Some(Value::Null)] {
            let mut body = client.question("x", "hello", false);
            match model {
                Some(model) => body["model"] = model,
                None => drop(body.as_object_mut().unwrap().remove("model")),
            }
            let reply = gateway.ask(&post(&client.path("", false)).json(&body));
            assert_eq!(reply.status, 400, "{body}: {}", reply.text());
            let said = client.refusal(&reply);
            assert!(said.message.contains("model"), "{said:?}");
            if client == Client::Openai {
                assert_eq!(said.param.as_deref(), Some("model"));
            }
        }
    }
}

#[test]
fn a_body_that_is_no_object_gets_400() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for body in [
            "[]",
            "7",
            "\"text\"",
            "null",
            "{\"model\":\"gpt-4o-mini\"} {}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}x",
        ] {
            let reply = gateway.ask(&post(&client.path(client.model(), false)).body(body));
            assert_eq!(reply.status, 400, "{client:?} {body}: {}", reply.text());
            client.refusal(&reply);
        }
    }
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}

#[test]
fn a_duplicate_top_level_member_gets_400() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        let body = client.question(client.model(), "hello", false).to_string();
        let (field, twice) = match client {
            Client::Gemini => ("contents", body.replacen('{', "{\"contents\":[],", 1)),
            _ => ("model", body.replacen('{', "{\"model\":\"gpt-4o\",", 1)),
        };
        let reply = gateway.ask(&post(&client.path(client.model(), false)).body(twice));
        assert_eq!(reply.status, 400, "{client:?}: {}", reply.text());
        assert!(client.refusal(&reply).message.contains(field), "{}", reply.text());
    }
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}

#[test]
fn a_wrong_method_gets_405_with_the_right_one() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for method in ["GET", "PUT", "DELETE"] {
            let request = Request { method: method.to_owned(), ..post(&client.path(client.model(), false)) };
            let reply = gateway.ask(&without(request, "content-type"));
            assert_eq!(reply.status, 405, "{method}: {}", reply.text());
            assert!(client.refusal(&reply).message.contains("POST"), "{}", reply.text());
            assert_eq!(reply.header("allow"), Some("POST"), "{client:?} {method}");
        }
    }
}

#[test]
fn an_unknown_path_gets_404_in_the_likely_dialect() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let paths = [
        (Client::Openai, "/v1/nothing"),
        (Client::Openai, "/favicon.ico"),
        (Client::Anthropic, "/v1/messages/nothing/x"),
        (Client::Gemini, "/v1beta/nothing"),
    ];
    for (client, path) in paths {
        let mut conn = gateway.conn();
        let reply = conn.ask(&post(path).body("{}"));
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        assert!(client.refusal(&reply).message.contains(path), "{}", reply.text());
        conn.ask(&get("/health")).ok();
    }
}

/// Asks every provider from every client with the same directive, without retries.
fn each_pair(gateway: &Gateway, directive: &str, check: impl Fn(Client, Client, &Reply)) {
    for client in CLIENTS {
        for target in CLIENTS {
            for stream in [false, true] {
                let text = format!("#mock {directive}");
                let request = if stream {
                    client.stream(target.model(), &text)
                } else {
                    client.whole(target.model(), &text)
                };
                let reply = gateway.ask(&request);
                check(client, target, &reply);
            }
        }
    }
}

fn without_retries(mock: &tollgate::mock::Mock) -> Gateway {
    Setup::new(mock).env("TOLLGATE_ATTEMPTS", "1").start()
}

#[test]
fn a_providers_429_keeps_its_retry_after() {
    let mock = mock();
    let gateway = without_retries(&mock);
    each_pair(&gateway, "error=429 retry_after=9", |client, target, reply| {
        assert_eq!(reply.status, 429, "{client:?} from {target:?}: {}", reply.text());
        let said = client.refusal(reply);
        assert_eq!(said.kind, kind(client, "requests", "rate_limit_error", "RESOURCE_EXHAUSTED"));
        assert_eq!(reply.header("retry-after"), Some("9"), "{client:?} from {target:?}: {:?}", reply.headers);
    });
}

#[test]
fn a_providers_500_and_503_stay_what_they_are() {
    let mock = mock();
    let gateway = without_retries(&mock);
    for (status, gemini) in [(500, "INTERNAL"), (503, "UNAVAILABLE")] {
        each_pair(&gateway, &format!("error={status}"), |client, target, reply| {
            assert_eq!(reply.status, status, "{client:?} from {target:?}: {}", reply.text());
            let said = client.refusal(reply);
            if client == Client::Gemini {
                assert_eq!(said.kind, gemini, "from {target:?}");
            }
        });
    }
}

#[test]
fn anthropics_529_says_overloaded_to_all() {
    let mock = mock();
    let gateway = without_retries(&mock);
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("claude-sonnet-4-5", "#mock error=529"));
        assert_eq!(reply.status, 529, "{client:?}: {}", reply.text());
        let said = client.refusal(&reply);
        assert!(said.message.contains("Overloaded"), "{said:?}");
        if client == Client::Anthropic {
            assert_eq!(said.kind, "overloaded_error");
        }
    }
}

#[test]
fn an_html_page_of_a_proxy_becomes_a_clean_error() {
    let mock = mock();
    let gateway = without_retries(&mock);
    each_pair(&gateway, "html", |client, target, reply| {
        assert_eq!(reply.status, 502, "{client:?} from {target:?}: {}", reply.text());
        let said = client.refusal(reply);
        assert!(!said.message.contains('<'), "{said:?}");
        assert_eq!(reply.header("server"), None);
    });
}

#[test]
fn a_context_overflow_gets_400_in_each_dialect() {
    let mock = mock();
    let gateway = without_retries(&mock);
    each_pair(&gateway, "context", |client, target, reply| {
        assert_eq!(reply.status, 400, "{client:?} from {target:?}: {}", reply.text());
        let said = client.refusal(reply);
        if client == Client::Openai {
            assert_eq!(said.code.as_deref(), Some("context_length_exceeded"), "from {target:?}");
        }
    });
}

#[test]
fn a_bad_provider_key_gets_401_whatever_gemini_calls_it() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: bad-key}}"))
        .provider(&format!("anthropic: {{base_url: \"http://{at}\", api_key: bad-key}}"))
        .provider(&format!("gemini: {{base_url: \"http://{at}/v1beta\", api_key: bad-key}}"))
        .start();
    each_pair(&gateway, "tokens=2", |client, target, reply| {
        let own_gemini = client == Client::Gemini && target == Client::Gemini;
        assert_eq!(
            reply.status,
            if own_gemini { 400 } else { 401 },
            "{client:?} from {target:?}: {}",
            reply.text()
        );
        let said = client.refusal(reply);
        assert!(!reply.text().contains("bad-key"), "our key stays ours: {said:?}");
        if !own_gemini {
            assert_eq!(
                said.kind,
                kind(client, "invalid_request_error", "authentication_error", "UNAUTHENTICATED"),
                "from {target:?}"
            );
        }
    });
    each_pair(&gateway, "tokens=2", |client, _, reply| {
        let line = gateway.line(reply);
        assert_eq!(line["outcome"], "authentication", "{client:?}: {line}");
        assert_eq!(line["http.response.status_code"], reply.status);
    });
}

#[test]
fn a_provider_that_is_down_gets_502() {
    let at = closed_port();
    let gateway = Setup::default()
        .env("TOLLGATE_ATTEMPTS", "1")
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: secret}}"))
        .provider(&format!("anthropic: {{base_url: \"http://{at}\", api_key: secret}}"))
        .provider(&format!("gemini: {{base_url: \"http://{at}/v1beta\", api_key: secret}}"))
        .start();
    each_pair(&gateway, "", |client, target, reply| {
        assert_eq!(reply.status, 502, "{client:?} from {target:?}: {}", reply.text());
        let said = client.refusal(reply);
        assert!(!said.message.contains("127.0.0.1"), "{said:?}");
        let line = gateway.line(reply);
        assert_eq!((&line["outcome"], &line["attempts"]), (&json!("bad_gateway"), &json!(1)), "{line}");
    });
}

fn too_slow(gateway: &Gateway) {
    for client in CLIENTS {
        let begun = Instant::now();
        let reply = gateway.ask(&client.stream(client.model(), "#mock first=3000 tokens=2"));
        assert_eq!(reply.status, 504, "{}", reply.text());
        let said = client.refusal(&reply);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!(gateway.line(&reply)["outcome"], "timeout", "{said:?}");
    }
}

#[test]
fn a_provider_that_never_begins_gets_504_after_the_first_byte_timeout() {
    let mock = mock();
    too_slow(&Setup::new(&mock).env("TOLLGATE_FIRST_BYTE_TIMEOUT", "300ms").start());
}

#[test]
fn a_provider_that_never_begins_gets_504_after_the_total_timeout() {
    let mock = mock();
    too_slow(&Setup::new(&mock).env("TOLLGATE_TOTAL_TIMEOUT", "300ms").start());
}

#[test]
fn an_idle_timeout_does_not_shorten_the_wait_for_the_first_byte() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_IDLE_TIMEOUT", "100ms").start();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock first=600 tokens=2")).ok();
}

#[test]
fn a_stream_that_falls_silent_ends_after_the_idle_timeout() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_IDLE_TIMEOUT", "300ms").start();
    let begun = Instant::now();
    // One token every two seconds.
    let reply = gateway.ask(&Client::Openai.stream("gpt-4o-mini", "#mock tokens=2 rate=0.5"));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(Client::Openai.error_in(&reply.text()).is_some(), "{}", reply.text());
    assert!(!Client::Openai.is_complete(&reply.text()));
}

#[test]
fn a_strict_request_that_would_lose_something_names_the_field() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut body = Client::Openai.question("claude-sonnet-4-5", "#mock tokens=2", false);
    body["logit_bias"] = json!({"50256": -100});
    let request = post("/v1/chat/completions").json(&body);
    let lossy = gateway.ask(&request).ok();
    assert!(
        lossy.header("x-tollgate-losses").is_some_and(|losses| losses.contains("logit_bias")),
        "{:?}",
        lossy.headers
    );
    let before = mock_page(&mock, "stats")["requests"].clone();
    let reply = gateway.ask(&request.header("x-tollgate-strict", "true"));
    assert_eq!(reply.status, 400, "{}", reply.text());
    let said = Client::Openai.refusal(&reply);
    assert_eq!(said.param.as_deref(), Some("logit_bias"), "{said:?}");
    assert_eq!(mock_page(&mock, "stats")["requests"], before, "nothing was spent");
    let plain = gateway.ask(&Client::Openai.whole("claude-sonnet-4-5", "#mock tokens=2")).ok();
    assert_eq!(plain.header("x-tollgate-losses"), None);
}

#[test]
fn strictness_may_stand_in_the_configuration() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml("routes:\n  careful: {targets: [anthropic/claude-sonnet-4-5], strict: true}")
        .start();
    let mut body = Client::Openai.question("careful", "#mock tokens=2", false);
    gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    body["logit_bias"] = json!({"50256": -100});
    assert_eq!(gateway.ask(&post("/v1/chat/completions").json(&body)).status, 400);
}
