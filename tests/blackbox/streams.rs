//! Streams: each event at once, whatever its bytes look like, and never a clean end that was none.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use crate::harness::{CLIENTS, Client, End, Gateway, Heard, PATIENCE, Piece, Provider, Setup, Then, mock};

fn chunk(stream: &mut TcpStream, text: &str) {
    Heard::answer(stream, format!("{:x}\r\n{text}\r\n", text.len()).as_bytes());
}

const SSE_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// An event of this vendor's stream with this text.
fn event(target: Client, text: &str) -> String {
    match target {
        Client::Openai => format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
        ),
        Client::Anthropic => format!(
            "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{{\"input_tokens\":3,\"output_tokens\":1}}}}}}\n\n\
            event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{{\"type\":\"text\",\"text\":\"\"}}}}\n\n\
            event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        ),
        Client::Gemini => format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}],\"role\":\"model\"}},\"index\":0}}],\"modelVersion\":\"m\",\"responseId\":\"r\"}}\r\n\r\n"
        ),
    }
}

/// Providers of all three vendors that say one event and then wait for the test.
fn hesitant() -> (Gateway, Vec<Provider>, std::sync::mpsc::Sender<()>) {
    let (go, wait): (_, Receiver<()>) = channel();
    let wait = std::sync::Arc::new(Mutex::new(wait));
    let mut setup = Setup::default();
    let mut providers = Vec::new();
    for target in CLIENTS {
        let wait = std::sync::Arc::clone(&wait);
        let provider = Provider::start(move |_, stream| {
            Heard::answer(stream, SSE_HEAD.as_bytes());
            chunk(stream, &event(target, "first"));
            let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
            Then::Close
        });
        let base = match target {
            Client::Openai => format!("http://{}/v1", provider.addr),
            Client::Anthropic => format!("http://{}", provider.addr),
            Client::Gemini => format!("http://{}/v1beta", provider.addr),
        };
        setup = setup.provider(&format!("{}: {{base_url: \"{base}\", api_key: k-1234}}", target.vendor()));
        providers.push(provider);
    }
    (setup.start(), providers, go)
}

#[test]
fn an_event_reaches_the_client_before_the_next_one_is_sent() {
    let (gateway, _providers, go) = hesitant();
    for client in CLIENTS {
        for target in CLIENTS {
            let mut conn = gateway.conn();
            let request = client.stream(target.model(), "hello");
            conn.send(&[request.head(), request.body].concat());
            let mut head = conn.head();
            assert_eq!(head.status, 200);
            // The provider says nothing more until it is told to, so this can only be the first.
            let seen = conn.read_until(&mut head, "first");
            assert!(seen.contains("first"), "{client:?} from {target:?}: {seen}");
            go.send(()).unwrap();
        }
    }
}

#[test]
fn odd_bytes_in_a_stream_change_nothing_of_what_it_says() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let said = "\u{4f60}\u{597d} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \"quoted\" \\ and\nlines\r\nof {\"json\": [1]} and data: [DONE]";
    for client in CLIENTS {
        for target in CLIENTS {
            for odd in ["crlf", "comments", "chunk=1", "chunk=7 crlf comments"] {
                let request = client.stream(target.model(), &format!("#mock echo {odd}\n{said}"));
                let reply = gateway.ask(&request).ok();
                assert_eq!(
                    client.streamed_text(&reply.text()),
                    said,
                    "{client:?} from {target:?} with {odd}"
                );
                assert!(
                    client.is_complete(&reply.text()),
                    "{client:?} from {target:?} with {odd}: {}",
                    reply.text()
                );
                assert!(client.error_in(&reply.text()).is_none());
            }
        }
    }
}

#[test]
fn odd_bytes_of_a_verbatim_stream_stay_as_they_are() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let reply =
        gateway.ask(&Client::Anthropic.stream("claude-sonnet-4-5", "#mock tokens=4 comments crlf")).ok();
    assert!(reply.text().contains(": keep-alive\r\n\r\n"), "{}", reply.text());
    assert!(!reply.text().replace("\r\n", "").contains('\n'), "every line still ends as it did");
}

/// The stream tells of an error in the client's words, in whole events, and does not look complete.
fn told_of_failure(gateway: &Gateway, client: Client, target: Client, directive: &str) {
    let request = client.stream(target.model(), &format!("#mock tokens=20 {directive}\nhello"));
    let reply = gateway.ask(&request);
    let text = reply.text();
    let told = format!("{client:?} from {target:?} with {directive}: {text}");
    assert_eq!(reply.status, 200, "{told}");
    assert_eq!(reply.end, End::Clean, "the error event itself arrives whole: {told}");
    for data in Client::events(&text).iter().filter(|data| *data != "[DONE]") {
        assert!(serde_json::from_str::<serde_json::Value>(data).is_ok(), "not JSON: {data} in {told}");
    }
    assert!(client.error_in(&text).is_some_and(|said| !said.message.is_empty()), "{told}");
    assert!(!client.is_complete(&text), "{told}");
    if client == Client::Anthropic {
        assert!(text.contains("event: error\n"), "{told}");
    }
    let line = gateway.line(&reply);
    assert_ne!(line["outcome"], "answered", "{told}: {line}");
}

fn each_pair_tells_of(directive: &str) {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            told_of_failure(&gateway, client, target, directive);
        }
    }
    gateway.wait_idle();
}

#[test]
fn a_stream_cut_by_the_provider_ends_with_an_error() {
    each_pair_tells_of("cut=4");
}

#[test]
fn a_stream_cut_in_the_middle_of_an_event_ends_with_an_error() {
    let providers: Vec<_> = CLIENTS
        .into_iter()
        .map(|target| {
            let provider = Provider::start(move |_, stream| {
                Heard::answer(stream, SSE_HEAD.as_bytes());
                chunk(stream, &event(target, "first"));
                let half = event(target, "second");
                chunk(stream, &half[half.len() - 60..half.len() - 20]);
                Then::Close
            });
            (target, provider)
        })
        .collect();
    let mut setup = Setup::default();
    for (target, provider) in &providers {
        let suffix = match target {
            Client::Openai => "/v1",
            Client::Anthropic => "",
            Client::Gemini => "/v1beta",
        };
        let at = provider.addr;
        setup = setup.provider(&format!(
            "{}: {{base_url: \"http://{at}{suffix}\", api_key: k-1234}}",
            target.vendor()
        ));
    }
    let gateway = setup.start();
    for client in CLIENTS {
        for target in CLIENTS {
            let reply = gateway.ask(&client.stream(target.model(), "hello"));
            assert!(client.error_in(&reply.text()).is_some(), "{client:?} from {target:?}: {}", reply.text());
            assert!(!client.is_complete(&reply.text()), "{client:?} from {target:?}: {}", reply.text());
        }
    }
}

#[test]
fn a_stream_that_ends_without_its_last_word_ends_with_an_error() {
    each_pair_tells_of("end=4");
}

#[test]
fn an_error_event_of_the_provider_is_passed_on() {
    each_pair_tells_of("stream_error=4");
}

#[test]
fn a_stream_that_breaks_before_its_first_event_is_told_of() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            for directive in ["cut=0", "end=0"] {
                let reply = gateway.ask(&client.stream(target.model(), &format!("#mock {directive}\nhello")));
                let told =
                    format!("{client:?} from {target:?} with {directive}: {} {}", reply.status, reply.text());
                if reply.status == 200 {
                    assert!(client.error_in(&reply.text()).is_some(), "{told}");
                    assert!(!client.is_complete(&reply.text()), "{told}");
                } else {
                    assert_eq!(reply.status, 502, "{told}");
                    client.refusal(&reply);
                }
                assert_ne!(gateway.line(&reply)["outcome"], "answered", "{told}");
            }
        }
    }
}

#[test]
fn a_json_array_stream_of_gemini_is_whole_json_or_broken_json() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for target in CLIENTS {
        let ask = |directive: &str| {
            let mut request =
                Client::Gemini.stream(target.model(), &format!("#mock tokens=12 {directive}\nhello"));
            request.path = request.path.replace("?alt=sse", "");
            gateway.ask(&request)
        };
        let reply = ask("").ok();
        assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
        let elements = reply.json();
        assert!(
            elements.as_array().is_some_and(|elements| elements.len() > 1),
            "from {target:?}: {}",
            reply.text()
        );
        assert!(reply.text().contains("finishReason"));
        assert!(!ask("cut=2").text().contains("finishReason"), "from {target:?}");
    }
}

#[test]
fn a_stream_says_the_same_as_a_whole_answer() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            let whole = gateway.ask(&client.whole(target.model(), "#mock tokens=30\nhello")).ok();
            let stream = gateway.ask(&client.stream(target.model(), "#mock tokens=30\nhello")).ok();
            assert_eq!(
                client.streamed_text(&stream.text()),
                client.text(&whole.json()),
                "{client:?} from {target:?}"
            );
        }
    }
}

#[test]
fn a_long_stream_arrives_whole() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    // Claude says no more than its limit, which comes to less.
    for client in [Client::Openai, Client::Gemini] {
        for (target, bytes) in CLIENTS.into_iter().zip([100_000, 12_000, 100_000]) {
            let reply =
                gateway.ask(&client.stream(target.model(), &format!("#mock big={bytes}\nhello"))).ok();
            assert!(client.streamed_text(&reply.text()).len() >= bytes, "{client:?} from {target:?}");
            assert!(client.is_complete(&reply.text()), "{client:?} from {target:?}");
        }
    }
}

#[test]
fn a_slow_reader_gets_every_event() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let request = Client::Openai.stream("gemini-2.5-flash", "#mock big=2000000\nhello");
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body].concat());
    let mut head = conn.head();
    // The socket's buffers fill while nobody reads.
    gateway.wait_metric("tollgate_requests_in_flight", &[], 1.0);
    let mut text = String::new();
    loop {
        match conn.piece(&mut head) {
            Piece::Bytes(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Piece::End(end) => break assert_eq!(end, End::Clean),
        }
    }
    assert!(Client::Openai.is_complete(&text));
    assert!(Client::Openai.streamed_text(&text).len() >= 2_000_000);
}

#[test]
fn t37_a_vendor_that_knows_only_chat_completions_is_asked_for_nothing_else() {
    let provider = Provider::start(|heard, stream| {
        if !heard.head.starts_with("post /v1/chat/completions ") {
            Heard::answer(stream, &crate::harness::json_reply(404, "{}"));
            return Then::Keep;
        }
        Heard::answer(stream, SSE_HEAD.as_bytes());
        chunk(stream, &event(Client::Openai, "hello"));
        chunk(
            stream,
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        );
        Heard::answer(stream, b"0\r\n\r\n");
        Then::Keep
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    for client in CLIENTS {
        let reply = gateway.ask(&client.stream("gpt-4o-mini", "hello")).ok();
        assert_eq!(client.streamed_text(&reply.text()), "hello", "{client:?}");
        assert!(client.is_complete(&reply.text()), "{client:?}: {}", reply.text());
    }
}

#[test]
fn an_anthropic_client_hears_pings_while_another_provider_thinks() {
    let (go, wait): (_, Receiver<()>) = channel();
    let wait = Mutex::new(wait);
    let provider = Provider::start(move |_, stream| {
        Heard::answer(stream, SSE_HEAD.as_bytes());
        chunk(stream, &event(Client::Openai, "first"));
        let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        chunk(
            stream,
            &event(Client::Openai, " last").replace("finish_reason\":null", "finish_reason\":\"stop\""),
        );
        chunk(stream, "data: [DONE]\n\n");
        Heard::answer(stream, b"0\r\n\r\n");
        Then::Keep
    });
    let gateway = Setup::default()
        .env("TOLLGATE_PING", "40ms")
        .provider(&format!("openai: {{base_url: \"http://{}/v1\", api_key: k-1234}}", provider.addr))
        .start();
    let mut conn = gateway.conn();
    for _ in 0..2 {
        let request = Client::Anthropic.stream("gpt-4o-mini", "hello");
        conn.send(&[request.head(), request.body].concat());
        let mut head = conn.head();
        let mut seen = conn.read_until(&mut head, "first");
        for _ in 0..3 {
            seen += &conn.read_until(&mut head, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
        }
        go.send(()).unwrap();
        let (rest, end) = conn.rest(&mut head);
        seen += &rest;
        assert_eq!(end, End::Clean, "{seen}");
        assert!(Client::Anthropic.is_complete(&seen), "{seen}");
        assert_eq!(Client::Anthropic.streamed_text(&seen), "first last");
    }
}
