//! Another attempt is made where it can help, and never after the client got its first byte.

use std::sync::Mutex;

use serde_json::json;

use crate::harness::{
    CLIENTS, Client, Conn, End, Gateway, Heard, Provider, Setup, Then, closed_port, json_reply, mock,
    mock_page, wait,
};

const REPLY: &str = "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\
    \"message\":{\"role\":\"assistant\",\"content\":\"second\"},\"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}";

/// A gateway whose route `both` tries `first`, then the mock's OpenAI, then nothing more.
fn two_targets(mock: &tollgate::mock::Mock, first: std::net::SocketAddr) -> Gateway {
    Setup::new(mock)
        .provider(&format!(
            "first: {{vendor: custom, base_url: \"http://{first}/v1\", models: [m], api_key: first-secret}}"
        ))
        .yaml("routes:\n  both: {targets: [first/m, openai/gpt-4o-mini]}\nbreakers: {enabled: false}")
        .start()
}

fn second_answers(gateway: &Gateway, kind: &str) {
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("both", "#mock tokens=3")).ok();
        assert_eq!(reply.header("x-tollgate-provider"), Some("openai"));
        let line = gateway.line(&reply);
        assert_eq!(line["attempts"], 2, "{line}");
        assert_eq!(line["faults"][0]["provider"], "first", "{line}");
        assert_eq!(line["faults"][0]["kind"], kind, "{line}");
        assert_eq!(line["outcome"], "answered");
        let reply = gateway.ask(&client.stream("both", "#mock tokens=3")).ok();
        assert!(client.is_complete(&reply.text()));
    }
    let labels = [("gen_ai_provider_name", "first"), ("kind", kind)];
    gateway.wait_metric("tollgate_upstream_errors_total", &labels, 6.0);
}

fn second_answers_after_status(status: u16, kind: &str) {
    let mock = mock();
    let first = Provider::start(move |_, stream| {
        Heard::answer(
            stream,
            &json_reply(
                status,
                "{\"error\":{\"message\":\"no\",\"type\":\"x\",\"param\":null,\"code\":null}}",
            ),
        );
        Then::Keep
    });
    second_answers(&two_targets(&mock, first.addr), kind);
    assert_eq!(first.heard().len(), 6, "each request asked the first target once");
}

#[test]
fn the_second_target_answers_after_a_503_of_the_first() {
    second_answers_after_status(503, "overloaded");
}

#[test]
fn the_second_target_answers_after_a_429_of_the_first() {
    second_answers_after_status(429, "rate_limited");
}

#[test]
fn the_second_target_answers_after_a_401_of_the_first() {
    second_answers_after_status(401, "authentication");
}

#[test]
fn the_second_target_answers_when_the_first_is_down() {
    let mock = mock();
    second_answers(&two_targets(&mock, closed_port()), "bad_gateway");
}

#[test]
fn the_second_target_answers_when_the_first_resets_before_its_head() {
    let mock = mock();
    let first = Provider::start(|_, _| Then::Reset);
    second_answers(&two_targets(&mock, first.addr), "bad_gateway");
}

#[test]
fn the_second_target_answers_when_the_first_closes_before_its_head() {
    let mock = mock();
    let first = Provider::start(|_, _| Then::Close);
    second_answers(&two_targets(&mock, first.addr), "bad_gateway");
}

#[test]
fn large_bodies_are_retried_whole() {
    let mock = mock();
    let first = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(503, "{}"));
        Then::Keep
    });
    let gateway = two_targets(&mock, first.addr);
    let text = format!("#mock tokens=2\n{}", "y".repeat(1_000_000));
    for request in [Client::Openai.whole("both", &text), Client::Openai.whole("both", &text).chunked(50_000)]
    {
        let reply = gateway.ask(&request).ok();
        assert_eq!(gateway.line(&reply)["attempts"], 2);
        assert_eq!(mock_page(&mock, "last")["body"]["messages"][0]["content"], text.as_str());
        assert_eq!(first.heard().last().unwrap().body.len() + "both".len(), request.body.len() + "m".len());
    }
}

#[test]
fn a_fault_of_the_request_itself_is_not_tried_elsewhere() {
    let mock = mock();
    let first = Provider::start(|_, stream| {
        Heard::answer(
            stream,
            &json_reply(
                400,
                "{\"error\":{\"message\":\"your fault\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}",
            ),
        );
        Then::Keep
    });
    let gateway = two_targets(&mock, first.addr);
    let reply = gateway.ask(&Client::Anthropic.whole("both", "hello"));
    assert_eq!(reply.status, 400);
    assert_eq!(Client::Anthropic.refusal(&reply).message, "your fault");
    assert_eq!(gateway.line(&reply)["attempts"], 1);
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}

#[test]
fn the_last_fault_is_what_the_client_is_told() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::new(&mock)
        .provider(&format!("house: {{vendor: custom, base_url: \"http://{at}/h/v1\", models: [mock-error-503], api_key: s-1234}}"))
        .yaml("routes:\n  both: {targets: [house/mock-error-503, anthropic/claude-sonnet-4-5]}")
        .env("TOLLGATE_ATTEMPTS", "2")
        .start();
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("both", "#mock error=529"));
        assert_eq!(reply.status, 529, "{}", reply.text());
        assert!(client.refusal(&reply).message.contains("Overloaded"));
        let line = gateway.line(&reply);
        assert_eq!(line["attempts"], 2, "{line}");
        assert_eq!(line["faults"].as_array().map(Vec::len), Some(2), "{line}");
    }
}

#[test]
fn the_same_target_is_tried_again_after_a_passing_fault() {
    let provider = Provider::start(|heard, stream| {
        let answer = if heard.number % 3 < 2 { json_reply(503, "{}") } else { json_reply(200, REPLY) };
        Heard::answer(stream, &answer);
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("gpt-4o-mini", "hello")).ok();
        assert_eq!(client.text(&reply.json()), "second");
        assert_eq!(gateway.line(&reply)["attempts"], 3);
    }
}

/// A gateway with two keys, of which the provider turns the first away with this status.
fn second_key_is_used(status: u16) {
    let provider = Provider::start(move |heard, stream| {
        let bad = heard.head.contains("bearer key-bad");
        Heard::answer(
            stream,
            &if bad {
                json_reply(status, "{\"error\":{\"message\":\"no\"}}")
            } else {
                json_reply(200, REPLY)
            },
        );
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_keys: [key-bad, key-good]}}"))
        .yaml("breakers: {enabled: false}")
        .start();
    let attempts: Vec<_> = (0..4)
        .map(|_| {
            gateway.line(&gateway.ask(&Client::Openai.whole("gpt-4o-mini", "hello")).ok())["attempts"].clone()
        })
        .collect();
    assert_eq!(
        attempts.iter().filter(|attempts| **attempts == 1).count(),
        2,
        "the keys take turns: {attempts:?}"
    );
    assert_eq!(attempts.iter().filter(|attempts| **attempts == 2).count(), 2, "{attempts:?}");
}

#[test]
fn the_second_key_is_used_after_a_401_of_the_first() {
    second_key_is_used(401);
}

#[test]
fn the_second_key_is_used_after_a_429_of_the_first() {
    second_key_is_used(429);
}

#[test]
fn the_second_key_is_used_after_geminis_400_of_the_first() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::default()
        .provider(&format!("gemini: {{base_url: \"http://{at}/v1beta\", api_keys: [bad-key, good-key]}}"))
        .start();
    for client in CLIENTS {
        for _ in 0..2 {
            gateway.ask(&client.whole("gemini-2.5-flash", "#mock tokens=2")).ok();
        }
    }
}

#[test]
fn an_error_beside_the_choices_of_a_stream_is_one() {
    let first = Provider::start(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        let chunk = |more: &str, delta: &str| {
            format!(
                "data: {{\"id\":\"gen-1\",{more}\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null,\"native_finish_reason\":null}}]}}\n\n"
            )
        };
        let error = chunk("\"error\":{\"code\":502,\"message\":\"no capacity\"},", "{\"content\":\"\"}");
        let events = chunk("", "{\"role\":\"assistant\",\"content\":\"once\"}") + &error + "data: [DONE]\n\n";
        Heard::answer(stream, format!("{head}{events}").as_bytes());
        Then::Close
    });
    let gateway = two_targets(&mock(), first.addr);
    for client in CLIENTS {
        let reply = gateway.ask(&client.stream("both", "hello"));
        assert!(reply.text().contains("no capacity"), "{client:?}: {}", reply.text());
        assert_eq!(gateway.line(&reply)["outcome"], "broken", "{client:?}");
    }
}

#[test]
fn nothing_is_tried_again_after_the_first_byte() {
    let mock = mock();
    let first = Provider::start(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let event = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"once\"}}]}\n\n";
        Heard::answer(stream, format!("{head}{:x}\r\n{event}\r\n", event.len()).as_bytes());
        Then::Close
    });
    let gateway = two_targets(&mock, first.addr);
    for client in CLIENTS {
        let reply = gateway.ask(&client.stream("both", "hello"));
        assert_eq!(reply.status, 200);
        assert_eq!(reply.text().matches("once").count(), 1, "{}", reply.text());
        assert!(client.error_in(&reply.text()).is_some(), "{client:?}: {}", reply.text());
        let line = gateway.line(&reply);
        assert_eq!((&line["attempts"], &line["outcome"]), (&json!(1), &json!("broken")), "{line}");
    }
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}

#[test]
fn a_whole_answer_cut_in_the_middle_is_not_passed_off_as_whole() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            let mut conn = gateway.conn();
            let reply = conn.ask(&client.whole(target.model(), "#mock cut=1 tokens=40"));
            let looks_whole = reply.status == 200
                && reply.end == End::Clean
                && serde_json::from_slice::<serde_json::Value>(&reply.body)
                    .is_ok_and(|body| body.get("error").is_none());
            assert!(!looks_whole, "{client:?} from {target:?}: {}", reply.text());
            let line = gateway.line(&reply);
            assert_ne!(line["outcome"], "answered", "{client:?} from {target:?}: {line}");
        }
    }
}

#[test]
fn a_pooled_connection_that_died_in_its_sleep_costs_no_attempt() {
    let closing = std::sync::Arc::new(Mutex::new(Vec::<std::net::TcpStream>::new()));
    let kept = std::sync::Arc::clone(&closing);
    let provider = Provider::start(move |_, stream| {
        Heard::answer(stream, &json_reply(200, REPLY));
        kept.lock().unwrap().push(stream.try_clone().unwrap());
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .env("TOLLGATE_THREADS", "1")
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    for _ in 0..5 {
        let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "hello")).ok();
        assert_eq!(gateway.line(&reply)["attempts"], 1);
        // The goodbye may or may not be seen before the next request takes the connection.
        for stream in closing.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

#[test]
fn a_pooled_connection_that_dies_under_a_request_is_asked_anew() {
    // The second request on a connection meets a provider that closes without a word.
    let provider = Provider::start(|heard, stream| {
        if heard.on_connection == 1 {
            return Then::Close;
        }
        Heard::answer(stream, &json_reply(200, REPLY));
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .env("TOLLGATE_THREADS", "1")
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    for _ in 0..4 {
        let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "hello")).ok();
        assert_eq!(gateway.line(&reply)["attempts"], 1, "the target did not fail");
    }
}

#[test]
fn connections_to_a_provider_are_kept() {
    let provider = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, REPLY));
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .env("TOLLGATE_THREADS", "1")
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    let mut conn: Conn = gateway.conn();
    for _ in 0..5 {
        conn.ask(&Client::Openai.whole("gpt-4o-mini", "hello")).ok();
    }
    let heard = wait("all requests", crate::harness::PATIENCE, || {
        Some(provider.heard()).filter(|heard| heard.len() == 5)
    });
    assert_eq!(heard.last().unwrap().on_connection, 4);
}

#[test]
fn an_answer_that_makes_no_sense_is_a_502_and_the_connection_stays() {
    for nonsense in
        ["<html>maintenance</html>", "{}", "{\"error\":{\"message\":\"quota\",\"type\":\"x\"}}", ""]
    {
        let provider = Provider::start(move |_, stream| {
            Heard::answer(stream, &json_reply(200, nonsense));
            Then::Keep
        });
        let at = provider.addr;
        let gateway = Setup::default()
            .yaml("upstream: { attempts: 1 }")
            .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
            .start();
        for client in [Client::Anthropic, Client::Gemini] {
            let mut conn: Conn = gateway.conn();
            for request in [client.whole("gpt-4o-mini", "hello"), client.stream("gpt-4o-mini", "hello")] {
                let reply = conn.ask(&request);
                assert_eq!(reply.status, 502, "{client:?} {nonsense:?}: {}", reply.text());
                assert!(reply.text().contains("\"error\""), "{client:?} {nonsense:?}: {}", reply.text());
                assert_eq!(reply.header("content-type"), Some("application/json"));
                assert_eq!(gateway.line(&reply)["outcome"], "bad_gateway");
                if nonsense.is_empty() {
                    conn = gateway.conn();
                }
            }
        }
    }
}

#[test]
fn nonsense_from_one_target_is_answered_by_the_next() {
    let senseless = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, "{\"choices\": 7"));
        Then::Keep
    });
    let cut = Provider::start(|_, stream| {
        Heard::answer(
            stream,
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"id\"",
        );
        Then::Close
    });
    let mock = mock();
    let gateway = Setup::default()
        .provider(&format!("senseless: {{vendor: custom, base_url: \"http://{}/v1\"}}", senseless.addr))
        .provider(&format!("cut: {{vendor: custom, base_url: \"http://{}/v1\"}}", cut.addr))
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k-1234}}", mock.addr()))
        .yaml("routes: { both: { targets: [senseless/x, cut/x, openai/gpt-4o-mini] } }")
        .start();
    let reply = gateway.ask(&Client::Anthropic.whole("both", "hello")).ok();
    assert_eq!(reply.header("x-tollgate-provider"), Some("openai"));
    let line = gateway.line(&reply);
    assert_eq!((&line["attempts"], &line["outcome"]), (&3.into(), &"answered".into()), "{line}");
    assert!((1..=2).contains(&senseless.heard().len()));
}

#[test]
fn a_gathered_answer_foretells_its_length_and_keeps_the_connection() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        let mut conn: Conn = gateway.conn();
        for model in ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "no-such-model"] {
            let reply = conn.ask(&client.whole(model, "hello"));
            assert_eq!(reply.status, if model.starts_with("no") { 404 } else { 200 }, "{}", reply.text());
            let length = reply.header("content-length").map(str::parse);
            assert_eq!(length, Some(Ok(reply.body.len())), "{client:?} of {model}");
        }
    }
}

#[test]
fn an_error_without_a_body_is_told_in_the_clients_words() {
    for head in ["content-length: 0", "transfer-encoding: chunked"] {
        let provider = Provider::start(move |_, stream| {
            let end = if head.starts_with("transfer") { "0\r\n\r\n" } else { "" };
            Heard::answer(stream, format!("HTTP/1.1 418 X\r\n{head}\r\n\r\n{end}").as_bytes());
            Then::Keep
        });
        let gateway = Setup::default()
            .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k-1234}}", provider.addr))
            .start();
        for client in CLIENTS {
            let mut conn: Conn = gateway.conn();
            for request in [client.whole("gpt-4o-mini", "hello"), client.stream("gpt-4o-mini", "hello")] {
                let reply = conn.ask(&request);
                assert_eq!(reply.status, 418, "{client:?} {head}: {}", reply.text());
                assert!(reply.text().contains("\"error\""), "{client:?} {head}: {}", reply.text());
            }
        }
    }
}

#[test]
fn a_connection_outlives_the_failures_of_providers() {
    let mock = mock();
    let broken = Provider::start(|heard, stream| {
        if String::from_utf8_lossy(&heard.body).contains("\"stream\":true") {
            let event = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"once\"}}]}\n\n";
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            Heard::answer(stream, format!("{head}{:x}\r\n{event}\r\n", event.len()).as_bytes());
        }
        Then::Reset
    });
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "down: {{vendor: custom, base_url: \"http://{}/v1\", models: [d]}}",
            closed_port()
        ))
        .provider(&format!(
            "broken: {{vendor: custom, base_url: \"http://{}/v1\", models: [b]}}",
            broken.addr
        ))
        .env("TOLLGATE_ATTEMPTS", "1")
        .start();
    for client in CLIENTS {
        let mut conn = gateway.conn();
        for _ in 0..3 {
            for model in ["d", "b"] {
                let reply = conn.ask(&client.whole(model, "hello"));
                assert_eq!(reply.status, 502, "{}", reply.text());
                assert_eq!(reply.header("connection"), Some("keep-alive"));
                client.refusal(&reply);
                assert_eq!(gateway.line(&reply)["outcome"], "bad_gateway");
            }
            let reply = conn.ask(&client.stream("b", "hello"));
            assert_eq!(reply.status, 200);
            assert!(client.error_in(&reply.text()).is_some(), "{}", reply.text());
            conn.ask(&client.whole("gpt-4o-mini", "#mock tokens=2").chunked(30)).ok();
        }
        // What was sent too early waits for its turn.
        let (first, second) =
            (client.whole("d", "hello"), client.whole("gpt-4o-mini", "#mock echo\nafterwards"));
        conn.send(&[first.head(), first.body, second.head(), second.body].concat());
        assert_eq!(conn.reply().status, 502);
        assert!(conn.reply().ok().text().contains("afterwards"));
        // Who asked for the end gets it.
        let reply = conn.ask(&client.whole("d", "hello").header("connection", "close"));
        assert_eq!((reply.status, reply.header("connection")), (502, Some("close")));
        assert!(conn.is_closed_by_peer());
    }
    gateway.wait_idle();
}
