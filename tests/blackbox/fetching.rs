//! Pictures behind addresses, for providers that take bytes alone; clients decide where that goes.

use serde_json::{Value, json};
use tollgate::mock::Mock;

use crate::harness::{Gateway, Heard, Provider, Reply, Setup, Then, mock, mock_page, post};

/// One red dot.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";
const PNG_BASE64: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
const CLAUDE: &str = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// A server of pictures, and of other things.
fn pictures() -> Provider {
    Provider::start(|heard, stream| {
        let path = heard.head.split(' ').nth(1).unwrap_or_default().to_owned();
        let said = |kind: &str, body: &[u8]| {
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
            [head.as_bytes(), body].concat()
        };
        let bytes = match path.as_str() {
            "/dot.png" => said("text/plain", PNG),
            "/page" => said("text/html", b"<html></html>"),
            "/large" => said("image/png", &[PNG, &[0; 4096]].concat()),
            "/moved" => b"HTTP/1.1 302 Found\r\nlocation: /dot.png\r\ncontent-length: 0\r\n\r\n".to_vec(),
            "/round" => b"HTTP/1.1 302 Found\r\nlocation: /round\r\ncontent-length: 0\r\n\r\n".to_vec(),
            "/slow" => return Then::Keep,
            _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        };
        Heard::answer(stream, &bytes);
        Then::Keep
    })
}

fn setup(mock: &Mock, rules: &str) -> Setup {
    let at = mock.addr();
    Setup::new(mock)
        .provider(&format!("bedrock: {{base_url: \"http://{at}\", api_key: bedrock-secret}}"))
        .provider(&format!("ollama: {{base_url: \"http://{at}\", models: [llava], api_key: ollama-secret}}"))
        .yaml(rules)
}

/// A gateway that goes to this machine too.
fn open(mock: &Mock) -> Gateway {
    setup(mock, "fetch_images: {http: true, private: true, size: 4KiB, count: 2, timeout: 500ms}").start()
}

fn look(gateway: &Gateway, model: &str, urls: &[String]) -> Reply {
    let mut parts = vec![json!({"type": "text", "text": "what is this?"})];
    parts.extend(urls.iter().map(|url| json!({"type": "image_url", "image_url": {"url": url}})));
    let body = json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": parts}]});
    gateway.ask(&post("/v1/chat/completions").json(&body))
}

fn sent(mock: &Mock) -> Value {
    serde_json::from_str(mock_page(mock, "last")["body_text"].as_str().unwrap()).unwrap()
}

#[test]
fn pictures_behind_addresses_reach_providers_that_take_bytes_alone() {
    let (mock, web) = (mock(), pictures());
    let gateway = open(&mock);
    for place in ["dot.png", "moved"] {
        let reply = look(&gateway, CLAUDE, &[format!("http://{}/{place}", web.addr)]).ok();
        assert!(reply.header("x-tollgate-losses").is_none(), "{:?}", reply.header("x-tollgate-losses"));
        let image = &sent(&mock)["messages"][0]["content"][1]["image"];
        assert_eq!((&image["format"], &image["source"]["bytes"]), (&json!("png"), &json!(PNG_BASE64)));
    }
    look(&gateway, "ollama/llava", &[format!("http://{}/dot.png", web.addr)]).ok();
    assert!(sent(&mock).to_string().contains(PNG_BASE64));
    // Who reads addresses is given the address.
    let url = format!("http://{}/dot.png", web.addr);
    let before = web.heard().len();
    look(&gateway, "gpt-4o-mini", std::slice::from_ref(&url)).ok();
    assert_eq!(sent(&mock)["messages"][0]["content"][1]["image_url"]["url"], url);
    assert_eq!(web.heard().len(), before);
}

#[test]
fn claudes_own_form_reaches_clouds_with_its_pictures() {
    let (mock, web) = (mock(), pictures());
    let gateway = open(&mock);
    let url = format!("http://{}/dot.png", web.addr);
    let body = json!({"model": CLAUDE, "max_tokens": 100, "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": url}}, {"type": "text", "text": "what is this?"}]}]});
    gateway.ask(&post("/v1/messages").json(&body)).ok();
    assert!(sent(&mock).to_string().contains(PNG_BASE64), "{}", sent(&mock));
}

#[test]
fn what_is_no_picture_or_too_much_is_refused_and_said_to_be() {
    let (mock, web) = (mock(), pictures());
    let gateway = open(&mock);
    let at = |place: &str| format!("http://{}/{place}", web.addr);
    for (urls, why) in [
        (vec![at("page")], "it is no picture"),
        (vec![at("gone")], "it answered with status 404"),
        (vec![at("large")], "it is larger than 4KiB"),
        (vec![at("round")], "it redirects too often"),
        (vec![at("slow")], "it did not come in time"),
        (vec![at("dot.png?1"), at("dot.png?2"), at("dot.png?3")], "more than 2 addresses"),
    ] {
        let reply = look(&gateway, CLAUDE, &urls);
        let said = reply.json();
        assert_eq!(reply.status, 400, "{said}");
        assert_eq!(said["error"]["param"], "messages.content.image_url");
        assert!(said["error"]["message"].as_str().unwrap().contains(why), "{said}");
        assert_eq!(gateway.line(&reply)["outcome"], "invalid_request");
    }
}

#[test]
fn nobody_is_led_into_private_networks_unless_that_is_wanted() {
    let (mock, web) = (mock(), pictures());
    let shut = setup(&mock, "").start();
    let http = setup(&mock, "fetch_images: {http: true}").start();
    let port = web.addr.port();
    for (gateway, url, why) in [
        (&shut, format!("http://{}/dot.png", web.addr), "only https is gone to"),
        (&shut, format!("https://{}/dot.png", web.addr), "its address is not a public one"),
        (&http, format!("http://{}/dot.png", web.addr), "its address is not a public one"),
        (&http, format!("http://localhost:{port}/dot.png"), "its address is not a public one"),
        (&http, format!("http://[::ffff:127.0.0.1]:{port}/dot.png"), "its address is not a public one"),
        (&http, "http://169.254.169.254/latest/meta-data".to_owned(), "its address is not a public one"),
        (&http, format!("http://user:pass@127.0.0.1:{port}/dot.png"), "names no host in the usual way"),
    ] {
        let reply = look(gateway, CLAUDE, std::slice::from_ref(&url));
        assert_eq!(reply.status, 400, "{url}: {}", reply.text());
        assert!(reply.text().contains(why), "{url}: {}", reply.text());
    }
    assert!(web.heard().is_empty(), "nobody came");
}

#[test]
fn what_is_not_got_is_a_loss_or_a_refusal() {
    let mock = mock();
    let gateway = setup(&mock, "fetch_images: {enabled: false}").start();
    let url = "https://example.com/dot.png".to_owned();
    let reply = look(&gateway, CLAUDE, std::slice::from_ref(&url)).ok();
    assert!(reply.header("x-tollgate-losses").is_some_and(|lost| lost.contains("dropped")));
    let body = json!({"model": CLAUDE, "max_tokens": 100, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": url}}]}]});
    let strict = gateway.ask(&post("/v1/chat/completions").json(&body).header("x-tollgate-strict", "true"));
    assert_eq!(strict.status, 400);
}
