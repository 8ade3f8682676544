//! Providers as they really are: behind TLS, and most of them over HTTP/2.

use std::time::{Duration, Instant};

use h2::Reason;
use serde_json::json;

use crate::harness::{
    CLIENTS, Client, End, Gateway, Http2, Offer, PATIENCE, Setup, Step, TlsHeard, TlsProvider, get, trusted,
    wait,
};

const OFFERS: [Offer; 2] = [Offer::Http2, Offer::Http11];

/// A gateway with all three vendors at this provider, and a route `both` whose second target it is.
fn before(provider: &TlsProvider) -> Setup {
    let at = format!("https://localhost:{}", provider.port);
    Setup::default()
        .provider(&format!("openai: {{base_url: \"{at}/v1\", api_key: openai-secret}}"))
        .provider(&format!("anthropic: {{base_url: \"{at}\", api_key: anthropic-secret}}"))
        .provider(&format!("gemini: {{base_url: \"{at}/v1beta\", api_key: gemini-secret}}"))
        .env("SSL_CERT_FILE", &trusted())
        .env("TOLLGATE_THREADS", "1")
}

/// Who was asked.
fn asked(heard: &TlsHeard) -> (Client, bool) {
    let body = String::from_utf8_lossy(&heard.body);
    let stream = heard.path.contains("stream") || body.contains("\"stream\":true");
    if heard.path.starts_with("/v1beta") {
        (Client::Gemini, stream)
    } else if heard.path.ends_with("/messages") {
        (Client::Anthropic, stream)
    } else {
        (Client::Openai, stream)
    }
}

fn whole(target: Client, text: &str) -> Vec<u8> {
    let body = match target {
        Client::Openai => json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
        Client::Anthropic => json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 3, "output_tokens": 2}}),
        Client::Gemini => json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"},
            "finishReason": "STOP", "index": 0}], "modelVersion": "m", "responseId": "r",
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}}),
    };
    body.to_string().into_bytes()
}

/// The pieces of a stream that says `one`, then `two`, and its end.
fn pieces(target: Client) -> [Vec<u8>; 3] {
    let sse = |events: &[serde_json::Value]| {
        let mut out = String::new();
        for event in events {
            if let Some(name) = event["type"].as_str() {
                out += &format!("event: {name}\n");
            }
            out += &format!("data: {event}\n\n");
        }
        out.into_bytes()
    };
    match target {
        Client::Openai => {
            let chunk = |delta, finish: Option<&str>| {
                json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
            };
            let mut last = sse(&[chunk(json!({}), Some("stop"))]);
            last.extend_from_slice(b"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n");
            [
                sse(&[chunk(json!({"role": "assistant", "content": "one"}), None)]),
                sse(&[chunk(json!({"content": "two"}), None)]),
                last,
            ]
        }
        Client::Anthropic => {
            let delta = |text| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
            [
                sse(&[
                    json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m",
                        "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 1}}}),
                    json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                    delta("one"),
                ]),
                sse(&[delta("two")]),
                sse(&[
                    json!({"type": "content_block_stop", "index": 0}),
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 2}}),
                    json!({"type": "message_stop"}),
                ]),
            ]
        }
        Client::Gemini => {
            let text = |text| json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}], "modelVersion": "m", "responseId": "r"});
            [
                sse(&[text("one")]),
                sse(&[text("two")]),
                sse(&[
                    json!({"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}],
                    "modelVersion": "m", "responseId": "r",
                    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}}),
                ]),
            ]
        }
    }
}

fn kind(name: &str) -> (&'static str, String) {
    ("content-type", name.to_owned())
}

fn json_head(status: u16) -> Step {
    Step::Head(status, vec![kind("application/json")])
}

fn sse_head() -> Step {
    Step::Head(200, vec![kind("text/event-stream; charset=utf-8")])
}

/// What any provider answers when nothing is wrong.
fn fine(heard: &TlsHeard) -> Vec<Step> {
    let (target, stream) = asked(heard);
    if !stream {
        return vec![json_head(200), Step::Last(whole(target, "onetwo"))];
    }
    let [one, two, last] = pieces(target);
    vec![sse_head(), Step::Data(one), Step::Data(two), Step::Data(last), Step::End]
}

/// All clients at all vendors, whole and streamed, are answered as they must be.
fn all_are_answered(gateway: &Gateway) {
    for client in CLIENTS {
        let mut conn = gateway.conn();
        for target in CLIENTS {
            let told = format!("{client:?} from {target:?}");
            let reply = conn.ask(&client.whole(target.model(), "hello")).ok();
            assert_eq!(client.text(&reply.json()), "onetwo", "{told}");
            assert_eq!(client.usage(&reply.json()), (3, 2), "{told}");
            let line = gateway.line(&reply);
            assert_eq!(line["outcome"], "answered", "{line}");
            assert_eq!(line["gen_ai.usage.output_tokens"], 2, "{line}");
            let reply = conn.ask(&client.stream(target.model(), "hello")).ok();
            assert_eq!(client.streamed_text(&reply.text()), "onetwo", "{told}");
            assert!(client.is_complete(&reply.text()), "{told}: {}", reply.text());
            assert_eq!(client.error_in(&reply.text()), None, "{told}");
            let line = gateway.line(&reply);
            assert_eq!((&line["outcome"], &line["attempts"]), (&"answered".into(), &1.into()), "{line}");
            assert_eq!(line["gen_ai.usage.output_tokens"], 2, "{line}");
        }
    }
}

#[test]
fn all_clients_are_answered_by_all_vendors_on_one_connection() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, fine);
        let gateway = before(&provider).start();
        all_are_answered(&gateway);
        let heard = provider.heard();
        assert_eq!(heard.len(), 18);
        for heard in &heard {
            assert_eq!(heard.connection, 0, "{offer:?}: the connection is kept and used again");
            assert_eq!(heard.alpn, if offer == Offer::Http2 { "h2" } else { "http/1.1" });
            assert_eq!(heard.sni.as_deref(), Some("localhost"));
            assert_eq!(heard.authority, format!("localhost:{}", provider.port));
            assert_eq!(heard.headers.get("host").is_some(), offer == Offer::Http11);
            assert_eq!(heard.headers["content-length"], heard.body.len().to_string().as_str());
            for name in ["connection", "transfer-encoding", "te", "expect", "proxy-connection"] {
                assert!(offer == Offer::Http11 || heard.headers.get(name).is_none(), "{name}: {heard:?}");
            }
            let (target, _) = asked(heard);
            let (name, secret) = match target {
                Client::Openai => ("authorization", "Bearer openai-secret"),
                Client::Anthropic => ("x-api-key", "anthropic-secret"),
                Client::Gemini => ("x-goog-api-key", "gemini-secret"),
            };
            assert_eq!(heard.headers[name], secret);
        }
    }
}

#[test]
fn a_client_of_http2_is_answered_by_a_provider_of_http2() {
    let provider = TlsProvider::start(Offer::Http2, fine);
    let gateway = before(&provider).start();
    let mut conn = Http2::to(gateway.addr);
    for client in CLIENTS {
        for target in CLIENTS {
            let reply = conn.ask(&client.whole(target.model(), "hello")).ok();
            assert_eq!(client.text(&reply.json()), "onetwo", "{client:?} from {target:?}");
            let reply = conn.ask(&client.stream(target.model(), "hello")).ok();
            assert_eq!(client.streamed_text(&reply.text()), "onetwo", "{client:?} from {target:?}");
            assert!(client.is_complete(&reply.text()));
        }
        // A body whose length nobody foretold.
        let reply = conn.ask(&client.whole("gpt-4o-mini", "hello").chunked(20)).ok();
        assert_eq!(client.text(&reply.json()), "onetwo");
        let reply = gateway.ask(&client.whole("gpt-4o-mini", "hello").chunked(20)).ok();
        assert_eq!(client.text(&reply.json()), "onetwo");
    }
}

#[test]
fn each_event_of_a_stream_comes_at_once() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let [one, two, last] = pieces(asked(heard).0);
            vec![sse_head(), Step::Data(one), Step::Gate, Step::Data(two), Step::Gate, Step::Last(last)]
        });
        let gateway = before(&provider).start();
        for client in CLIENTS {
            for target in CLIENTS {
                let mut conn = gateway.conn();
                let request = client.stream(target.model(), "hello");
                conn.send(&[request.head(), request.body].concat());
                let mut head = conn.head();
                for text in ["one", "two"] {
                    let seen = conn.read_until(&mut head, text);
                    assert!(seen.contains(text), "{offer:?}: {client:?} from {target:?}: {seen}");
                    provider.open(1);
                }
                let (rest, end) = conn.rest(&mut head);
                assert!(end == End::Clean && client.is_complete(&rest), "{rest}");
            }
        }
    }
}

#[test]
fn large_bodies_pass_both_ways() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let (target, stream) = asked(heard);
            let text = "z".repeat(heard.body.len());
            if !stream {
                return vec![json_head(200), Step::Last(whole(target, &text))];
            }
            let mut steps = vec![sse_head()];
            for piece in pieces(target) {
                steps.push(Step::Data(String::from_utf8(piece).unwrap().replace("two", &text).into_bytes()));
            }
            steps.push(Step::End);
            steps
        });
        let gateway = before(&provider).start();
        for (client, target, size) in [
            (Client::Openai, Client::Openai, 100_000),
            (Client::Gemini, Client::Anthropic, 100_000),
            (Client::Anthropic, Client::Openai, 5_000_000),
        ] {
            let text = "y".repeat(size);
            let reply = gateway.ask(&client.whole(target.model(), &text)).ok();
            let heard = provider.heard().pop().unwrap();
            assert!(String::from_utf8_lossy(&heard.body).contains(&text));
            assert_eq!(
                client.text(&reply.json()).len(),
                heard.body.len(),
                "{offer:?}: {client:?} {target:?}"
            );
            let reply = gateway.ask(&client.stream(target.model(), &text)).ok();
            let heard = provider.heard().pop().unwrap();
            let streamed = client.streamed_text(&reply.text());
            assert_eq!(streamed.len(), "one".len() + heard.body.len(), "{offer:?}: {client:?} {target:?}");
            assert!(client.is_complete(&reply.text()));
        }
        gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    }
}

#[test]
fn errors_are_told_in_the_clients_words() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let body = String::from_utf8_lossy(&heard.body).into_owned();
            let error = match asked(heard).0 {
                Client::Openai => {
                    json!({"error": {"message": "slow down", "type": "x", "param": null, "code": null}})
                }
                Client::Anthropic => json!({"type": "error", "error": {"type": "x", "message": "slow down"}}),
                Client::Gemini => {
                    json!({"error": {"code": if body.contains("#429") { 429 } else { 500 }, "message": "slow down", "status": "X"}})
                }
            };
            let error = Step::Last(error.to_string().into_bytes());
            if body.contains("#429") {
                let headers = vec![kind("application/json"), ("retry-after", "7".to_owned())];
                vec![Step::Head(429, headers), error]
            } else if body.contains("#500") {
                vec![json_head(500), error]
            } else if body.contains("#alone-500") {
                vec![Step::HeadAlone(500, vec![])]
            } else if body.contains("#alone-429") {
                vec![Step::HeadAlone(429, vec![("retry-after", "7".to_owned())])]
            } else if body.contains("#alone-400") {
                vec![Step::HeadAlone(400, vec![kind("application/json")])]
            } else if body.contains("#alone-200") {
                vec![Step::HeadAlone(200, vec![kind("application/json")])]
            } else if body.contains("#alone-0") {
                vec![Step::HeadAlone(200, vec![kind("application/json"), ("content-length", "0".to_owned())])]
            } else if body.contains("#204") {
                vec![Step::HeadAlone(204, vec![])]
            } else if body.contains("#302") {
                vec![Step::HeadAlone(302, vec![("location", "https://elsewhere.test/".to_owned())])]
            } else if body.contains("#html") {
                vec![Step::Head(200, vec![kind("text/html")]), Step::Last(b"<h1>hi</h1>".to_vec())]
            } else {
                vec![json_head(200), Step::Data(b"no JSON at all".to_vec()), Step::End]
            }
        });
        let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").start();
        let mut other = Http2::to(gateway.addr);
        for (number, (directive, status)) in [
            ("#429", 429),
            ("#500", 500),
            ("#alone-500", 500),
            ("#alone-429", 429),
            ("#alone-400", 400),
            ("#alone-200", 502),
            ("#alone-0", 502),
            ("#204", 502),
            ("#302", 502),
            ("#html", 502),
            ("#nonsense", 502),
        ]
        .into_iter()
        .enumerate()
        {
            for client in CLIENTS {
                let mut conn = gateway.conn();
                for target in CLIENTS {
                    if client == target && ["#nonsense", "#alone-200"].contains(&directive) {
                        continue;
                    }
                    let stream = (number + usize::from(client == Client::Anthropic)) % 2 == 0;
                    let request = if stream {
                        client.stream(target.model(), directive)
                    } else {
                        client.whole(target.model(), directive)
                    };
                    {
                        let told = format!("{offer:?} {directive}: {client:?} from {target:?}");
                        let begun = Instant::now();
                        let reply = conn.ask(&request);
                        assert_eq!(
                            (reply.status, reply.end),
                            (status, End::Clean),
                            "{told}: {}",
                            reply.text()
                        );
                        let said = client.refusal(&reply);
                        assert!(
                            directive != "#429" || said.message.contains("slow down"),
                            "{told}: {said:?}"
                        );
                        let after = directive.ends_with("429").then_some("7");
                        assert_eq!(reply.header("retry-after"), after, "{told}");
                        assert!(begun.elapsed() < Duration::from_secs(1), "{told}: {:?}", begun.elapsed());
                        let line = gateway.line(&reply);
                        assert_eq!(line["http.response.status_code"], status, "{told}: {line}");
                        assert_ne!(line["outcome"], "answered", "{told}: {line}");
                        let again = other.ask(&request);
                        assert_eq!(
                            (again.status, again.end),
                            (status, End::Clean),
                            "{told}: {}",
                            again.text()
                        );
                        client.refusal(&again);
                    }
                }
            }
        }
        gateway.wait_idle();
    }
}

#[test]
fn an_empty_answer_of_the_clients_own_vendor_does_not_look_whole() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let name = if asked(heard).1 { "text/event-stream" } else { "application/json" };
            vec![Step::HeadAlone(200, vec![kind(name)])]
        });
        let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").start();
        let mut other = Http2::to(gateway.addr);
        for client in CLIENTS {
            for target in CLIENTS {
                let reply = gateway.ask(&client.stream(target.model(), "hello"));
                let told =
                    format!("{offer:?}: {client:?} from {target:?}: {} {}", reply.status, reply.text());
                assert!(!client.is_complete(&reply.text()), "{told}");
                assert!(reply.status != 200 || client.error_in(&reply.text()).is_some(), "{told}");
                assert_ne!(gateway.line(&reply)["outcome"], "answered", "{told}");
                let reply = other.ask(&client.stream(target.model(), "hello"));
                let told =
                    format!("{offer:?}: {client:?} from {target:?}: {} {}", reply.status, reply.text());
                assert!(reply.status != 200 || client.error_in(&reply.text()).is_some(), "{told}");
            }
        }
    }
}

#[test]
fn trailers_end_an_answer_like_any_other_end() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let mut steps = fine(heard);
            match steps.pop() {
                Some(Step::Last(bytes)) => steps.push(Step::Data(bytes)),
                _ => {}
            }
            steps.push(Step::Sleep(Duration::from_millis(5)));
            steps.push(Step::Trailers);
            steps
        });
        let gateway = before(&provider).start();
        all_are_answered(&gateway);
        let mut conn = Http2::to(gateway.addr);
        for client in CLIENTS {
            for target in CLIENTS {
                let reply = conn.ask(&client.whole(target.model(), "hello")).ok();
                assert_eq!(client.text(&reply.json()), "onetwo", "{client:?} from {target:?}");
                let reply = conn.ask(&client.stream(target.model(), "hello")).ok();
                assert!(client.is_complete(&reply.text()), "{client:?} from {target:?}");
            }
        }
    }
}

#[test]
fn a_stream_that_ends_early_with_trailers_is_told_of() {
    let provider = TlsProvider::start(Offer::Http2, |heard| {
        let [one, ..] = pieces(asked(heard).0);
        vec![sse_head(), Step::Data(one), Step::Sleep(Duration::from_millis(5)), Step::Trailers]
    });
    let gateway = before(&provider).start();
    for client in CLIENTS {
        for target in CLIENTS {
            let reply = gateway.ask(&client.stream(target.model(), "hello")).ok();
            let told = format!("{client:?} from {target:?}: {}", reply.text());
            assert!(client.error_in(&reply.text()).is_some(), "{told}");
            assert_eq!(gateway.line(&reply)["outcome"], "broken", "{told}");
        }
    }
}

/// A gateway whose route `both` asks `first` before `second`.
fn two_targets(first: &TlsProvider, second: &TlsProvider) -> Gateway {
    let provider = |name: &str, port: u16| {
        format!(
            "{name}: {{vendor: custom, base_url: \"https://localhost:{port}/v1\", models: [m], api_key: {name}-secret}}"
        )
    };
    Setup::default()
        .provider(&provider("first", first.port))
        .provider(&provider("second", second.port))
        .yaml("routes:\n  both: {targets: [first/m, second/m]}")
        .env("SSL_CERT_FILE", &trusted())
        .start()
}

#[test]
fn the_second_target_answers_when_the_first_fails() {
    let faults: [(&str, Offer, Vec<Step>); 9] = [
        ("rate_limited", Offer::Http2, vec![json_head(429), Step::Last(b"{}".to_vec())]),
        ("overloaded", Offer::Http2, vec![Step::HeadAlone(503, vec![])]),
        ("overloaded", Offer::Http11, vec![Step::HeadAlone(503, vec![])]),
        ("bad_gateway", Offer::Http2, vec![Step::HeadAlone(204, vec![])]),
        ("bad_gateway", Offer::Http2, vec![Step::Reset(Reason::INTERNAL_ERROR)]),
        ("bad_gateway", Offer::Http2, vec![Step::Reset(Reason::REFUSED_STREAM)]),
        ("bad_gateway", Offer::Http2, vec![Step::Drop, Step::Sleep(PATIENCE)]),
        ("bad_gateway", Offer::Http11, vec![Step::Drop]),
        ("bad_gateway", Offer::Untrusted, vec![]),
    ];
    for (kind, offer, steps) in faults {
        let told = format!("{offer:?} {steps:?}");
        let first = TlsProvider::start(offer, move |_| steps.clone());
        let second = TlsProvider::start(Offer::Http2, fine);
        let gateway = two_targets(&first, &second);
        for client in CLIENTS {
            let reply = gateway.ask(&client.whole("both", &"x".repeat(100_000))).ok();
            assert_eq!(client.text(&reply.json()), "onetwo", "{told}");
            let line = gateway.line(&reply);
            assert_eq!(
                (&line["attempts"], &line["outcome"]),
                (&2.into(), &"answered".into()),
                "{told}: {line}"
            );
            assert_eq!(line["faults"][0]["kind"], kind, "{told}: {line}");
            let reply = gateway.ask(&client.stream("both", "hello")).ok();
            assert_eq!(client.streamed_text(&reply.text()), "onetwo", "{told}");
        }
        let last = second.heard().pop().unwrap();
        assert_eq!(last.authority, format!("localhost:{}", second.port));
        assert_eq!(last.headers["authorization"], "Bearer second-secret");
    }
}

#[test]
fn a_stream_that_breaks_is_told_of() {
    for (offer, step) in [
        (Offer::Http2, Step::Reset(Reason::INTERNAL_ERROR)),
        (Offer::Http2, Step::Reset(Reason::NO_ERROR)),
        (Offer::Http2, Step::Reset(Reason::CANCEL)),
        (Offer::Http2, Step::Drop),
        (Offer::Http11, Step::Drop),
        (Offer::Http2, Step::End),
    ] {
        let breaks = step.clone();
        let provider = TlsProvider::start(offer, move |heard| {
            let (target, stream) = asked(heard);
            let [one, ..] = pieces(target);
            let (head, bytes) =
                if stream { (sse_head(), one) } else { (json_head(200), whole(target, "x")[..40].to_vec()) };
            vec![head, Step::Data(bytes), Step::Sleep(Duration::from_millis(10)), breaks.clone()]
        });
        let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").start();
        for client in CLIENTS {
            for target in CLIENTS {
                let reply = gateway.ask(&client.stream(target.model(), "hello")).ok();
                let told = format!("{step:?}: {client:?} from {target:?}: {}", reply.text());
                assert!(client.error_in(&reply.text()).is_some(), "{told}");
                assert_eq!(client.streamed_text(&reply.text()), "one", "{told}");
                assert_eq!(gateway.line(&reply)["outcome"], "broken", "{told}");
                let mut conn = gateway.conn();
                let reply = conn.ask(&client.whole(target.model(), "hello"));
                let told = format!("{step:?}: {client:?} from {target:?}: {}", reply.text());
                if client == target {
                    // It goes through; a break is passed on as one.
                    let cut = if matches!(step, Step::End) { End::Clean } else { End::Cut };
                    assert_eq!((reply.status, reply.end), (200, cut), "{told}");
                } else {
                    assert_eq!((reply.status, reply.end), (502, End::Clean), "{told}");
                    client.refusal(&reply);
                }
            }
        }
        gateway.wait_idle();
    }
}

#[test]
fn a_connection_that_says_goodbye_is_left_without_a_word_to_the_client() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let mut steps = fine(heard);
            // Before the head, and in the middle of a stream.
            steps.insert(heard.number % 2, Step::GoAway);
            steps
        });
        let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").start();
        all_are_answered(&gateway);
        assert_eq!(provider.heard().iter().map(|heard| heard.connection).max(), Some(17), "{offer:?}");
    }
}

#[test]
fn a_pooled_connection_that_died_in_its_sleep_costs_nothing() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let mut steps = fine(heard);
            steps.extend([Step::Sleep(Duration::from_millis(20)), Step::Drop]);
            steps
        });
        let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").start();
        for client in CLIENTS {
            for wait in [0, 5, 18, 20, 22, 50] {
                let reply = gateway.ask(&client.whole("gpt-4o-mini", "hello")).ok();
                assert_eq!(gateway.line(&reply)["attempts"], 1);
                std::thread::sleep(Duration::from_millis(wait));
            }
        }
    }
}

#[test]
fn a_client_that_leaves_takes_its_upstream_stream_along() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let (target, stream) = asked(heard);
            if String::from_utf8_lossy(&heard.body).contains("#fine") {
                return fine(heard);
            }
            let [one, ..] = pieces(target);
            if stream { vec![sse_head(), Step::Data(one), Step::Gone] } else { vec![Step::Gone] }
        });
        let gateway = before(&provider).start();
        let mut left = 0;
        for client in CLIENTS {
            for target in CLIENTS {
                let mut conn = gateway.conn();
                let request = client.stream(target.model(), "hello");
                conn.send(&[request.head(), request.body].concat());
                let mut head = conn.head();
                conn.read_until(&mut head, "one");
                drop(conn);
                left += 1;
                wait("the stream to be given up", Duration::from_secs(2), || {
                    (provider.gone().len() == left).then_some(())
                });
                let request = client.whole(target.model(), "hello");
                let mut conn = gateway.conn();
                conn.send(&[request.head(), request.body].concat());
                wait("the question", PATIENCE, || (provider.heard().len() > left).then_some(()));
                drop(conn);
                left += 1;
                wait("the request to be given up", Duration::from_secs(2), || {
                    (provider.gone().len() == left).then_some(())
                });
            }
        }
        gateway.wait_idle();
        wait("the records", PATIENCE, || {
            let lines = gateway.lines();
            (lines.iter().filter(|line| line["outcome"] == "client_gone").count() == left).then_some(())
        });
        if offer == Offer::Http2 {
            assert!(provider.gone().iter().all(|gone| gone == "Ok(CANCEL)"), "{:?}", provider.gone());
            // The connection itself lives on.
            gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#fine")).ok();
            assert_eq!(provider.heard().iter().map(|heard| heard.connection).max(), Some(0));
        }
        gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    }
}

#[test]
fn many_streams_at_once_do_not_hold_each_other_up() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let [one, two, last] = pieces(asked(heard).0);
            vec![sse_head(), Step::Data(one), Step::Gate, Step::Data(two), Step::Data(last), Step::End]
        });
        let gateway = before(&provider).start();
        const MANY: usize = 60;
        let conns: Vec<_> = (0..MANY)
            .map(|number| {
                let client = CLIENTS[number % 3];
                let request = client.stream(CLIENTS[number / 3 % 3].model(), "hello");
                let mut conn = gateway.conn();
                conn.send(&[request.head(), request.body].concat());
                (client, conn)
            })
            .collect();
        let waiting: Vec<_> = conns
            .into_iter()
            .map(|(client, mut conn)| {
                let mut head = conn.head();
                let seen = conn.read_until(&mut head, "one");
                assert!(seen.contains("one"));
                (client, conn, head)
            })
            .collect();
        provider.open(MANY);
        for (client, mut conn, mut head) in waiting {
            let (rest, end) = conn.rest(&mut head);
            assert!(end == End::Clean && client.is_complete(&rest) && rest.contains("two"), "{rest}");
        }
    }
}

#[test]
fn a_provider_that_nobody_vouches_for_is_not_spoken_to() {
    let provider = TlsProvider::start(Offer::Untrusted, fine);
    let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").start();
    for client in CLIENTS {
        for target in CLIENTS {
            let begun = Instant::now();
            let reply = gateway.ask(&client.stream(target.model(), "hello"));
            assert_eq!((reply.status, reply.end), (502, End::Clean));
            let said = client.refusal(&reply).message;
            assert!(said.contains("TLS"), "{said}");
            assert!(!reply.text().contains("secret") && !said.contains("127.0.0.1"), "{said}");
            assert!(begun.elapsed() < Duration::from_secs(2));
            let line = gateway.line(&reply);
            assert_eq!(line["faults"][0]["kind"], "bad_gateway", "{line}");
        }
    }
    assert!(provider.heard().is_empty());
}

#[test]
fn the_times_of_an_answer_are_kept_over_http2() {
    let provider = TlsProvider::start(Offer::Http2, |heard| {
        let (target, _) = asked(heard);
        let body = String::from_utf8_lossy(&heard.body).into_owned();
        let [one, ..] = pieces(target);
        if body.contains("#silent") {
            vec![Step::Gone]
        } else {
            vec![sse_head(), Step::Data(one), Step::Gone]
        }
    });
    let gateway = before(&provider)
        .env("TOLLGATE_ATTEMPTS", "1")
        .env("TOLLGATE_FIRST_BYTE_TIMEOUT", "150ms")
        .env("TOLLGATE_IDLE_TIMEOUT", "100ms")
        .start();
    for client in CLIENTS {
        for target in [client, Client::Anthropic] {
            let begun = Instant::now();
            let reply = gateway.ask(&client.stream(target.model(), "#silent"));
            assert_eq!(reply.status, 504, "{}", reply.text());
            let took = begun.elapsed();
            assert!(took > Duration::from_millis(120) && took < Duration::from_secs(2), "{took:?}");
            let begun = Instant::now();
            let reply = gateway.ask(&client.stream(target.model(), "#idle")).ok();
            assert!(client.error_in(&reply.text()).is_some(), "{}", reply.text());
            let took = begun.elapsed();
            assert!(took > Duration::from_millis(80) && took < Duration::from_secs(2), "{took:?}");
            assert_eq!(gateway.line(&reply)["outcome"], "broken");
        }
        let reply = Http2::to(gateway.addr).ask(&client.stream("gpt-4o-mini", "#silent"));
        assert_eq!(reply.status, 504, "{}", reply.text());
        let reply = Http2::to(gateway.addr).ask(&client.stream("gpt-4o-mini", "#idle")).ok();
        assert!(client.error_in(&reply.text()).is_some(), "{}", reply.text());
    }
    wait("all streams to be given up", PATIENCE, || (provider.gone().len() == 18).then_some(()));
    gateway.wait_idle();
}

#[test]
fn a_provider_that_wants_http11_after_all_gets_it() {
    let provider = TlsProvider::start(Offer::Http2, |heard| match heard.alpn.as_str() {
        "h2" => vec![Step::Reset(Reason::HTTP_1_1_REQUIRED)],
        _ => fine(heard),
    });
    let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").start();
    all_are_answered(&gateway);
}

#[test]
fn the_models_of_a_provider_are_listed_over_tls() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            assert_eq!(heard.headers["authorization"], "Bearer tls-secret");
            let list = json!({"object": "list", "data": [{"id": "found-here", "object": "model"}]});
            vec![json_head(200), Step::Last(list.to_string().into_bytes())]
        });
        let gateway = Setup::default()
            .provider(&format!(
                "house: {{vendor: custom, base_url: \"https://localhost:{}/v1\", api_key: tls-secret}}",
                provider.port
            ))
            .env("SSL_CERT_FILE", &trusted())
            .env("TOLLGATE_DISCOVERY", "1h")
            .start();
        wait("the model", PATIENCE, || {
            gateway.ask(&get("/v1/models")).ok().text().contains("found-here").then_some(())
        });
    }
}
