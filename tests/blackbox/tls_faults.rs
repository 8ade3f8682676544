//! What goes wrong with providers behind TLS, and what clients are told of it.

use std::time::{Duration, Instant};

use h2::Reason;
use serde_json::json;

use crate::harness::{
    CLIENTS, Client, End, Gateway, Http2, Offer, PATIENCE, Setup, Step, TlsProvider, asked, fine, json_head,
    kind, pieces, sse_head, trusted, wait, whole,
};
use crate::tls::{OFFERS, all_are_answered, before};

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
                    let told = format!("{offer:?} {directive}: {client:?} from {target:?}");
                    let begun = Instant::now();
                    let reply = conn.ask(&request);
                    assert_eq!((reply.status, reply.end), (status, End::Clean), "{told}: {}", reply.text());
                    let said = client.refusal(&reply);
                    assert!(directive != "#429" || said.message.contains("slow down"), "{told}: {said:?}");
                    let after = directive.ends_with("429").then_some("7");
                    assert_eq!(reply.header("retry-after"), after, "{told}");
                    assert!(begun.elapsed() < Duration::from_secs(1), "{told}: {:?}", begun.elapsed());
                    if target == Client::Openai {
                        let line = gateway.line(&reply);
                        assert_eq!(line["http.response.status_code"], status, "{told}: {line}");
                        assert_ne!(line["outcome"], "answered", "{told}: {line}");
                    }
                    let again = other.ask(&request);
                    assert_eq!((again.status, again.end), (status, End::Clean), "{told}: {}", again.text());
                    client.refusal(&again);
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
        .yaml("routes:\n  both: {targets: [first/m, second/m]}\nbreakers: {enabled: false}")
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
            // Long after the provider dropped it: a request that meets the drop itself may have been
            // heard, and is no such case.
            for wait in [100, 150] {
                let reply = gateway.ask(&client.whole("gpt-4o-mini", "hello")).ok();
                assert_eq!(gateway.line(&reply)["attempts"], 1);
                std::thread::sleep(Duration::from_millis(wait));
            }
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
fn an_operator_without_any_authority_is_told_so() {
    let provider = TlsProvider::start(Offer::Http2, fine);
    let nothing = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").env("SSL_CERT_FILE", nothing).start();
    gateway.wait_said("SSL_CERT_FILE");
    assert_eq!(gateway.ask(&Client::Openai.whole("gpt-4o-mini", "hello")).status, 502);
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
fn a_provider_that_refuses_a_stream_is_asked_once_more() {
    let provider = TlsProvider::start(Offer::Http2, |heard| match heard.number % 2 {
        0 => vec![Step::Reset(Reason::REFUSED_STREAM)],
        _ => fine(heard),
    });
    let gateway = before(&provider).env("TOLLGATE_ATTEMPTS", "1").start();
    all_are_answered(&gateway);
    let always = TlsProvider::start(Offer::Http2, |_| vec![Step::Reset(Reason::REFUSED_STREAM)]);
    let gateway = before(&always).env("TOLLGATE_ATTEMPTS", "1").start();
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "hello"));
    assert_eq!((reply.status, always.heard().len()), (502, 2), "{}", reply.text());
}

#[test]
fn an_error_that_comes_before_the_question_was_read_is_told() {
    let provider = TlsProvider::start(Offer::Early, |heard| {
        let error = match asked(heard).0 {
            Client::Openai => {
                json!({"error": {"message": "too much", "type": "x", "param": null, "code": null}})
            }
            Client::Anthropic => json!({"type": "error", "error": {"type": "x", "message": "too much"}}),
            Client::Gemini => json!({"error": {"code": 413, "message": "too much", "status": "X"}}),
        };
        vec![json_head(413), Step::Last(error.to_string().into_bytes())]
    });
    let gateway = before(&provider).start();
    for client in CLIENTS {
        for target in CLIENTS {
            for size in [10, 100_000, 3_000_000] {
                let begun = Instant::now();
                let reply = gateway.ask(&client.whole(target.model(), &"x".repeat(size)));
                let told = format!("{client:?} from {target:?}, {size}: {}", reply.text());
                assert_eq!((reply.status, reply.end), (413, End::Clean), "{told}");
                assert!(client.refusal(&reply).message.contains("too much"), "{told}");
                assert!(begun.elapsed() < Duration::from_secs(3), "{told}: {:?}", begun.elapsed());
            }
        }
    }
    gateway.wait_idle();
}

#[test]
fn a_body_that_nobody_takes_is_not_written_for_ever() {
    let provider = TlsProvider::start(Offer::Early, |_| vec![Step::Gone]);
    let gateway =
        before(&provider).env("TOLLGATE_ATTEMPTS", "1").env("TOLLGATE_FIRST_BYTE_TIMEOUT", "200ms").start();
    for client in CLIENTS {
        for size in [10, 300_000] {
            let begun = Instant::now();
            let reply = gateway.ask(&client.whole("gpt-4o-mini", &"x".repeat(size)));
            assert_eq!((reply.status, reply.end), (504, End::Clean), "{size}: {}", reply.text());
            assert!(begun.elapsed() < Duration::from_secs(3), "{size}: {:?}", begun.elapsed());
        }
    }
    wait("the streams to be given up", PATIENCE, || (provider.gone().len() == 6).then_some(()));
}
