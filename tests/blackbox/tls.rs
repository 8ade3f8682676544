//! Providers as they really are: behind TLS, and most of them over HTTP/2.

use std::time::Duration;

use serde_json::json;

use crate::harness::{
    CLIENTS, Client, End, Gateway, Http2, Offer, PATIENCE, Setup, Step, TlsProvider, asked, fine, get,
    json_head, pieces, sse_head, trusted, wait, whole,
};

pub(crate) const OFFERS: [Offer; 2] = [Offer::Http2, Offer::Http11];

/// A gateway with all three vendors at this provider, and a route `both` whose second target it is.
pub(crate) fn before(provider: &TlsProvider) -> Setup {
    let at = format!("https://localhost:{}", provider.port);
    Setup::default()
        .provider(&format!("openai: {{base_url: \"{at}/v1\", api_key: openai-secret}}"))
        .provider(&format!("anthropic: {{base_url: \"{at}\", api_key: anthropic-secret}}"))
        .provider(&format!("gemini: {{base_url: \"{at}/v1beta\", api_key: gemini-secret}}"))
        .env("SSL_CERT_FILE", &trusted())
        .env("TOLLGATE_THREADS", "1")
}

/// All clients at all vendors, whole and streamed, are answered as they must be.
pub(crate) fn all_are_answered(gateway: &Gateway) {
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
fn streams_share_connections_and_a_slow_reader_stops_no_other() {
    const STREAMS: usize = 20;
    let provider = TlsProvider::start(Offer::Http2, |heard| {
        let [one, two, last] = pieces(Client::Openai);
        if !String::from_utf8_lossy(&heard.body).contains("much") {
            return vec![sse_head(), Step::Data(one), Step::Gate, Step::Data(two), Step::Last(last)];
        }
        let much = String::from_utf8(two).unwrap().replace("two", &"z".repeat(1 << 16));
        let mut steps = vec![sse_head()];
        steps.extend((0..400).map(|_| Step::Data(much.clone().into_bytes())));
        steps
    });
    let gateway = before(&provider).start();
    gateway.ask(&Client::Openai.whole("nobody", "hello"));
    let open = |text| {
        let mut conn = gateway.conn();
        let request = Client::Openai.stream("gpt-4o-mini", text);
        conn.send(&[request.head(), request.body].concat());
        let mut head = conn.head();
        conn.read_until(&mut head, if text == "much" { "zz" } else { "one" });
        (conn, head)
    };
    // It reads no more of its 26 MB than its first piece.
    let slow = open("much");
    let mut streams: Vec<_> = (0..STREAMS).map(|_| open("hello")).collect();
    provider.open(STREAMS);
    for (conn, head) in &mut streams {
        let (rest, end) = conn.rest(head);
        assert!(end == End::Clean && Client::Openai.is_complete(&rest), "{rest}");
    }
    drop(slow);
    let connections = provider.heard().iter().map(|heard| heard.connection).max();
    assert_eq!(connections, Some(0), "twenty-one streams on one connection");
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
fn trailers_end_an_answer_like_any_other_end() {
    for offer in OFFERS {
        let provider = TlsProvider::start(offer, |heard| {
            let mut steps = fine(heard);
            if let Some(Step::Last(bytes)) = steps.pop() {
                steps.push(Step::Data(bytes));
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
