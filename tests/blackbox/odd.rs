//! Odd HTTP: whatever a client or a provider sends is answered clearly and leaves a record.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::Value;

use crate::harness::{
    CLIENTS, Client, Conn, End, Gateway, Heard, Http2, PATIENCE, Provider, Request, Setup, Then, get,
    json_reply, mock, mock_page, post, wait,
};

/// Every request so far left its record, nothing runs, nothing panicked, and the gateway serves.
fn still_well(gateway: &Gateway) {
    gateway.ask(&get("/health")).ok();
    gateway.wait_idle();
    gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    let panicked = gateway.said().into_iter().find(|line| line.contains("panicked"));
    assert_eq!(panicked, None);
}

fn question(gateway: &Gateway, head: &str, body: &[u8]) -> Option<(u16, String, Conn)> {
    let mut conn = gateway.conn();
    // The gateway may refuse before it has read all of it.
    let _ = conn.stream.write_all(&[head.as_bytes(), body].concat());
    let mut head = conn.try_head().ok()?;
    let (text, _) = conn.rest(&mut head);
    Some((head.status, text, conn))
}

#[test]
fn a_head_that_is_none_gets_an_error_in_the_likely_dialect_and_leaves_a_record() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let long = format!("x-long: {}\r\n", "y".repeat(1 << 20));
    let many: String = (0..300).map(|line| format!("x-{line}: y\r\n")).collect();
    let odd = [
        "x-nul: a\0b\r\n",
        "x nul: a\r\n",
        ": nameless\r\n",
        "no colon\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: +5\r\n",
        "content-length: 99999999999999999999999\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "host: other\r\n",
        &many,
        &long,
    ];
    for (path, client) in [
        ("/v1/chat/completions", Client::Openai),
        ("/v1/messages", Client::Anthropic),
        ("/v1beta/models/gemini-2.5-flash:generateContent", Client::Gemini),
    ] {
        for line in odd {
            let before = gateway.lines().len();
            let head = format!("POST {path} HTTP/1.1\r\nhost: gateway\r\n{line}\r\n");
            let shown = &line[..line.len().min(40)];
            match question(&gateway, &head, b"") {
                Some((status, text, mut conn)) => {
                    assert!((400..500).contains(&status), "{shown:?}: {status}");
                    let body: Value =
                        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{shown:?}: {text}"));
                    assert!(body["error"]["message"].is_string(), "{body}");
                    assert_eq!(body["type"] == "error", client == Client::Anthropic, "{shown:?}: {body}");
                    assert!(conn.is_closed_by_peer(), "{shown:?}");
                }
                // So much was still to be read that the refusal was lost with the connection.
                None => assert!(line.len() > 100_000, "{shown:?} is answered"),
            }
            let line = wait("the line", PATIENCE, || gateway.lines().get(before).cloned());
            assert_eq!(line["outcome"].as_str().map(|outcome| outcome != "answered"), Some(true), "{line}");
        }
    }
    still_well(&gateway);
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}

#[test]
fn chunks_of_wrong_sizes_get_400() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        let path = client.path(client.model(), false);
        for body in [
            "zz\r\n{}\r\n0\r\n\r\n",
            "-1\r\n{}\r\n0\r\n\r\n",
            "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
            "2\r\n{}xx\r\n0\r\n\r\n",
            "0x2\r\n{}\r\n0\r\n\r\n",
            " 2\r\n{}\r\n0\r\n\r\n",
            "\r\n{}\r\n0\r\n\r\n",
        ] {
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
            let before = gateway.lines().len();
            let (status, text, _) = question(&gateway, &head, body.as_bytes()).expect("an answer");
            assert_eq!(status, 400, "{client:?} {body:?}: {text}");
            assert!(text.contains("\"error\""), "{body:?}: {text}");
            wait("the line", PATIENCE, || gateway.lines().get(before).cloned());
        }
    }
    still_well(&gateway);
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}

#[test]
fn lengths_that_disagree_never_leave_a_second_request_behind() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
    let smuggled = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
    let framed = request.clone().chunked(50).framed_body();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        request.path,
        framed.len() + smuggled.len()
    );
    let (status, text, mut conn) =
        question(&gateway, &head, &[&framed[..], smuggled.as_bytes()].concat()).expect("an answer");
    assert!(status == 200 || status == 400, "{text}");
    assert!(conn.is_closed_by_peer(), "what follows such a request is not trusted");
    still_well(&gateway);
    assert!(gateway.lines().len() <= 1, "{:?}", gateway.lines());
}

#[test]
fn absolute_addresses_and_odd_hosts_are_served() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        let mut request = client.whole(client.model(), "#mock tokens=2");
        request.path = format!("http://gateway{}", request.path);
        gateway.ask(&request).ok();
    }
    let body = Client::Openai.question("gpt-4o-mini", "#mock tokens=2", false).to_string();
    for host in ["", "host: \r\n", "host: [::1]:8080\r\n"] {
        let head =
            format!("POST /v1/chat/completions HTTP/1.1\r\n{host}content-length: {}\r\n\r\n", body.len());
        let (status, text, _) = question(&gateway, &head, body.as_bytes()).expect("an answer");
        assert!(status == 200 || status == 400, "{host:?}: {status} {text}");
    }
    still_well(&gateway);
}

#[test]
fn clients_of_http_1_0_get_what_they_can_read() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            for request in [
                client.whole(target.model(), "#mock tokens=3"),
                client.stream(target.model(), "#mock tokens=3"),
            ] {
                let head = format!(
                    "POST {} HTTP/1.0\r\ncontent-length: {}\r\n\r\n",
                    request.path,
                    request.body.len()
                );
                let mut conn = gateway.conn();
                conn.send(&[head.as_bytes(), &request.body].concat());
                let mut head = conn.head();
                let chunked = head.headers.iter().any(|(name, _)| name == "transfer-encoding");
                let (text, _) = conn.rest(&mut head);
                assert_eq!(head.status, 200, "{client:?} from {target:?}: {text}");
                assert!(!chunked, "{client:?} from {target:?}: HTTP/1.0 knows no chunks: {text}");
                assert!(text.contains('{') && conn.is_closed_by_peer());
            }
        }
    }
    still_well(&gateway);
}

#[test]
fn pipelined_requests_are_all_answered_in_order() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for chunked in [false, true] {
        let requests: Vec<Request> = (0..4)
            .map(|turn| {
                let client = CLIENTS[turn % 3];
                let request = client.whole("gpt-4o-mini", &format!("#mock echo\nnumber {turn}"));
                if chunked && turn % 2 == 0 { request.chunked(70) } else { request }
            })
            .collect();
        let mut conn = gateway.conn();
        let bytes: Vec<u8> =
            requests.iter().flat_map(|request| [request.head(), request.framed_body()].concat()).collect();
        conn.send(&bytes);
        for turn in 0..4 {
            let reply = conn.reply().ok();
            assert!(reply.text().contains(&format!("number {turn}")), "{chunked} {turn}: {}", reply.text());
        }
    }
    still_well(&gateway);
}

#[test]
fn head_and_options_are_answered_and_the_connection_stays() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut conn = gateway.conn();
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/models", "/health", "/nothing"] {
        for method in ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"] {
            let request = Request { method: method.to_owned(), ..get(path) };
            conn.send(&request.head());
            let mut head = conn.head();
            if method == "HEAD" {
                assert!(head.status == 200 || head.status == 405 || head.status == 404, "{path}");
                continue;
            }
            let (text, end) = conn.rest(&mut head);
            assert_eq!(end, End::Clean);
            assert!(head.status == 405 || head.status == 404, "{method} {path}: {} {text}", head.status);
            assert!(text.contains("\"error\""), "{method} {path}: {text}");
        }
    }
    let (status, text, _) =
        question(&gateway, "CONNECT gateway:443 HTTP/1.1\r\nhost: gateway:443\r\n\r\n", b"")
            .expect("an answer");
    assert!(status == 405 && text.contains("\"error\""), "{status} {text}");
    still_well(&gateway);
}

fn packed(coding: &str, body: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" | "x-gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
    }
}

#[test]
fn packed_bodies_are_unpacked_within_the_limit_or_get_415() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_BODY_LIMIT", "200KiB").start();
    for client in CLIENTS {
        for target in CLIENTS {
            for coding in ["gzip", "x-gzip", "GZIP", "deflate", "identity"] {
                let mut request = client.whole(target.model(), "#mock echo\npacked");
                if coding != "identity" {
                    request.body = packed(&coding.to_lowercase(), &request.body);
                }
                let request = request.header("content-encoding", coding);
                let mut conn = gateway.conn();
                for request in [request.clone(), request.chunked(30)] {
                    let reply = conn.ask(&request).ok();
                    assert!(reply.text().contains("packed"), "{coding}: {}", reply.text());
                }
            }
        }
        for coding in ["br", "zstd", "gzip, gzip", "nonsense"] {
            let reply = gateway.ask(&client.whole(client.model(), "x").header("content-encoding", coding));
            assert_eq!(reply.status, 415, "{coding}: {}", reply.text());
            client.refusal(&reply);
        }
        let mut bomb = client.whole(client.model(), &"0".repeat(20_000_000));
        bomb.body = packed("gzip", &bomb.body);
        let reply = gateway.ask(&bomb.header("content-encoding", "gzip"));
        assert_eq!(reply.status, 413, "{}", reply.text());
        client.refusal(&reply);
        let reply = gateway.ask(&client.whole(client.model(), "x").header("content-encoding", "gzip"));
        assert_eq!(reply.status, 400, "{}", reply.text());
        client.refusal(&reply);
        let mut short = client.whole(client.model(), &"hello ".repeat(500));
        short.body = packed("gzip", &short.body);
        short.body.truncate(short.body.len() / 2);
        let reply = gateway.ask(&short.header("content-encoding", "gzip"));
        assert_eq!(reply.status, 400, "{}", reply.text());
    }
    still_well(&gateway);
}

const WHOLE: &str = "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"well\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}";

fn events() -> String {
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"well\"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n".to_owned()
}

fn before(provider: &Provider) -> Gateway {
    let at = provider.addr;
    Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: k-1234567}}"))
        .env("TOLLGATE_ATTEMPTS", "1")
        .start()
}

fn wants_stream(heard: &Heard) -> bool {
    String::from_utf8_lossy(&heard.body).contains("\"stream\":true")
}

/// What comes of this raw answer, for each client, whole and streamed.
fn each_answer(
    answer: impl Fn(bool) -> (Vec<u8>, Then) + Send + Sync + 'static,
    check: impl Fn(Client, bool, &crate::harness::Reply),
) {
    let provider = Provider::start(move |heard, stream| {
        let (bytes, then) = answer(wants_stream(heard));
        Heard::answer(stream, &bytes);
        then
    });
    let gateway = before(&provider);
    for client in CLIENTS {
        for stream in [false, true] {
            let request =
                if stream { client.stream("gpt-4o-mini", "hi") } else { client.whole("gpt-4o-mini", "hi") };
            for reply in [gateway.ask(&request), Http2::to(gateway.addr).ask(&request)] {
                assert!(!reply.text().contains("k-1234567"), "{}", reply.text());
                assert!(!format!("{:?}", reply.headers).contains("k-1234567"), "{:?}", reply.headers);
                let line = gateway.line(&reply);
                assert_eq!(line["http.response.status_code"], reply.status, "{line}");
                check(client, stream, &reply);
            }
        }
    }
    still_well(&gateway);
}

fn says_well(client: Client, stream: bool, reply: &crate::harness::Reply) {
    assert_eq!((reply.status, reply.end), (200, End::Clean), "{client:?}: {}", reply.text());
    let text = if stream { client.streamed_text(&reply.text()) } else { client.text(&reply.json()) };
    assert_eq!(text, "well", "{client:?} {stream}");
}

#[test]
fn a_packed_answer_that_nobody_asked_for_is_unpacked() {
    for coding in ["gzip", "br"] {
        if coding == "br" {
            // What cannot be unpacked is an error and no garbage.
            each_answer(
                |_| {
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: zstd\r\ncontent-length: 4\r\n\r\nabcd";
                    (head.as_bytes().to_vec(), Then::Keep)
                },
                |client, _, reply| {
                    assert_eq!(reply.status, 502, "{}", reply.text());
                    client.refusal(reply);
                },
            );
            continue;
        }
        each_answer(
            |stream| {
                let (kind, body) = if stream {
                    ("text/event-stream", events())
                } else {
                    ("application/json", WHOLE.to_owned())
                };
                let body = packed("gzip", body.as_bytes());
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                ([head.as_bytes(), &body].concat(), Then::Keep)
            },
            |client, stream, reply| {
                assert_eq!(reply.header("content-encoding"), None);
                says_well(client, stream, reply);
            },
        );
    }
}

#[test]
fn interim_heads_of_a_provider_stay_with_us() {
    each_answer(
        |stream| {
            let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nset-cookie: k-1234567\r\nlink: </x>\r\n\r\n";
            let (kind, body) =
                if stream { ("text/event-stream", events()) } else { ("application/json", WHOLE.to_owned()) };
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
            ([interim.as_bytes(), head.as_bytes(), body.as_bytes()].concat(), Then::Keep)
        },
        says_well,
    );
    let provider = Provider::start(|_, stream| {
        Heard::answer(stream, b"HTTP/1.1 103 Early Hints\r\nset-cookie: secret\r\n\r\n");
        Heard::answer(stream, &json_reply(200, WHOLE));
        Then::Keep
    });
    let gateway = before(&provider);
    let mut conn = gateway.conn();
    let request = Client::Openai.whole("gpt-4o-mini", "hi");
    conn.send(&[request.head(), request.body].concat());
    assert_eq!(conn.head().status, 200, "the first head is the last");
}

#[test]
fn answers_without_a_body_and_redirects_get_502() {
    for head in [
        "204 No Content\r\n",
        "205 Reset Content\r\ncontent-length: 0\r\n",
        "304 Not Modified\r\n",
        "301 Moved\r\nlocation: http://elsewhere/?key=k-1234567\r\ncontent-length: 0\r\n",
        "302 Found\r\nlocation: /elsewhere\r\ncontent-length: 9\r\n\r\nelsewhere",
        "307 Temporary\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n",
        "308 Permanent\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n",
        "101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n",
        "200 OK\r\ncontent-type: application/json\r\ncontent-length: 0\r\n",
    ] {
        each_answer(
            move |_| (format!("HTTP/1.1 {head}\r\n").into_bytes(), Then::Close),
            move |client, _, reply| {
                assert_eq!(reply.status, 502, "{head:?}: {}", reply.text());
                assert_eq!(reply.header("location"), None);
                client.refusal(reply);
            },
        );
    }
}

#[test]
fn errors_without_a_body_still_have_one_for_the_client() {
    for status in [400u16, 401, 404, 429, 500, 503] {
        each_answer(
            move |_| {
                let head =
                    format!("HTTP/1.1 {status} X\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n");
                (head.into_bytes(), Then::Keep)
            },
            move |client, _, reply| {
                assert_eq!(reply.status, status, "{}", reply.text());
                assert_eq!(reply.end, End::Clean);
                client.refusal(reply);
            },
        );
    }
}

#[test]
fn a_length_that_is_wrong_is_not_passed_off_as_whole() {
    for (length, well) in [(WHOLE.len() + 100, false), (WHOLE.len() - 40, false)] {
        let gateway_of = |stream: bool, length: usize| {
            let provider = Provider::start(move |_, stream| {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{WHOLE}"
                );
                Heard::answer(stream, head.as_bytes());
                Then::Close
            });
            let gateway = before(&provider);
            for client in CLIENTS {
                let request = if stream {
                    client.stream("gpt-4o-mini", "hi")
                } else {
                    client.whole("gpt-4o-mini", "hi")
                };
                let Ok(reply) = gateway.conn().try_ask(&request) else { continue };
                let whole = reply.status == 200
                    && reply.end == End::Clean
                    && serde_json::from_slice::<Value>(&reply.body)
                        .is_ok_and(|body| body.get("error").is_none());
                assert_eq!(whole, well, "{client:?} {length}: {}", reply.text());
                let line = gateway.line(&reply);
                // A verbatim answer that is too short for JSON but as long as it said is its
                // provider's own affair.
                if client != Client::Openai || length > WHOLE.len() {
                    assert_ne!(line["outcome"], "answered", "{line}");
                }
                assert!(client == Client::Openai || reply.status == 502, "{}", reply.text());
            }
            still_well(&gateway);
        };
        gateway_of(false, length);
    }
}

#[test]
fn trailers_and_chunk_extensions_do_no_harm() {
    each_answer(
        |stream| {
            let (kind, body) =
                if stream { ("text/event-stream", events()) } else { ("application/json", WHOLE.to_owned()) };
            let bytes = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n{:x};note=1\r\n{body}\r\n0\r\nx-sum: k-1234567\r\n\r\n",
                body.len()
            );
            (bytes.into_bytes(), Then::Close)
        },
        says_well,
    );
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let body = Client::Openai.question("gpt-4o-mini", "#mock tokens=2", false).to_string();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n";
    let framed = format!("{:x};note=\"1\"\r\n{body}\r\n0\r\nx-sum: abc\r\n\r\n", body.len());
    let (status, text, _) = question(&gateway, head, framed.as_bytes()).expect("an answer");
    assert!(status == 200 || status == 400, "{status} {text}");
    still_well(&gateway);
}

#[test]
fn a_provider_that_speaks_no_http_gets_the_client_502() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 abc\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ] {
        each_answer(
            move |_| (bytes.to_vec(), Then::Close),
            |client, _, reply| {
                assert_eq!(reply.status, 502, "{}", reply.text());
                client.refusal(reply);
            },
        );
    }
}

#[test]
fn a_heads_many_cookies_and_keys_reach_nobody() {
    let provider = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, WHOLE));
        Then::Keep
    });
    let gateway = before(&provider);
    let mut request =
        post("/v1/chat/completions").body(Client::Openai.question("gpt-4o-mini", "x", false).to_string());
    for number in 0..100 {
        request = request.header("cookie", &format!("a{number}=secret"));
    }
    gateway.ask(&request.header("x-forwarded-for", "1.2.3.4").header("via", "secret")).ok();
    let heard = provider.heard();
    assert!(heard.iter().all(|heard| !heard.head.contains("secret") && !heard.head.contains("1.2.3.4")));
    std::thread::sleep(Duration::ZERO);
}

#[test]
fn a_gemini_error_without_a_body_is_told_where_another_target_could_have_answered() {
    let provider = Provider::start(|_, stream| {
        Heard::answer(stream, b"HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n");
        Then::Keep
    });
    let (at, mock) = (provider.addr, mock());
    let gateway = Setup::new(&mock)
        .provider(&format!("first: {{vendor: gemini, base_url: \"http://{at}/v1beta\", api_key: k}}"))
        .yaml("routes: {two: {targets: [first/gemini-2.5-flash, openai/gpt-4o-mini]}}")
        .start();
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("two", "#mock tokens=2"));
        assert!(reply.status == 200 || reply.status == 429, "{}", reply.status);
        assert!(reply.end == End::Clean && reply.text().contains('{'), "{client:?}: {}", reply.text());
    }
    still_well(&gateway);
}

#[test]
fn a_client_that_sends_all_before_it_reads_still_hears_why_it_is_refused() {
    let mock = mock();
    let gateway =
        Setup::new(&mock).env("TOLLGATE_BODY_LIMIT", "100KiB").env("TOLLGATE_MASTER_KEY", "right").start();
    let many: String = (0..300).map(|line| format!("x-{line}: {}\r\n", "y".repeat(1000))).collect();
    for client in CLIENTS {
        let path = client.path(client.model(), false);
        for (head, body, status) in [
            ("authorization: Bearer right\r\ncontent-length: 8000000\r\n", 8_000_000, 413),
            ("content-length: 8000000\r\n", 8_000_000, 401),
            (many.as_str(), 8_000_000, 431),
        ] {
            let mut conn = gateway.conn();
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{head}\r\n");
            conn.send(&[head.as_bytes(), &vec![b' '; body]].concat());
            let mut answer = conn.head();
            let (text, end) = conn.rest(&mut answer);
            assert_eq!((answer.status, end), (status, End::Clean), "{text}");
            assert!(text.contains("\"error\""), "{text}");
        }
    }
    still_well(&gateway);
}
