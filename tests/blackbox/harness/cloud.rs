//! A cloud on loopback: it lends credentials as Amazon, Google and Microsoft do, and serves models
//! to whoever shows them.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::dialect::bedrock_invoke::Wrap;

use super::{Client, Heard, Provider, Then, json_reply, pieces, wait, whole};

/// Who asked for which credential, and who is let in with it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// How many credentials were lent.
    pub(crate) lent: AtomicUsize,
    /// How long they live, in seconds.
    pub(crate) life: AtomicU64,
    /// How long it takes to lend one, in milliseconds.
    pub(crate) delay: AtomicU64,
    /// Whether nothing is lent.
    pub(crate) closed: AtomicBool,
    /// The credentials that models no longer take.
    pub(crate) ended: Mutex<Vec<String>>,
}

/// A cloud on loopback.
pub(crate) struct Cloud {
    pub(crate) state: Arc<State>,
    provider: Provider,
}

impl Cloud {
    /// Starts one whose credentials live for an hour.
    pub(crate) fn start() -> Self {
        let state = Arc::new(State { life: AtomicU64::new(3600), ..State::default() });
        let own = Arc::clone(&state);
        Self { state, provider: Provider::start(move |heard, stream| act(&own, heard, stream)) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.provider.addr
    }

    /// The requests for credentials so far.
    pub(crate) fn asked(&self) -> Vec<Heard> {
        self.heard(|path| !is_model(path))
    }

    /// The requests to models so far.
    pub(crate) fn models(&self) -> Vec<Heard> {
        self.heard(is_model)
    }

    fn heard(&self, wanted: impl Fn(&str) -> bool) -> Vec<Heard> {
        self.provider.heard().into_iter().filter(|heard| wanted(heard.path())).collect()
    }

    /// Waits until so many credentials were lent.
    pub(crate) fn wait_lent(&self, count: usize) {
        wait("credentials", super::PATIENCE, || {
            (self.state.lent.load(Ordering::Relaxed) >= count).then_some(())
        });
    }
}

impl Heard {
    /// The path and query, in lower case as all of the head is.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.starts_with(&format!("{name}: ")))?;
        Some(line[name.len() + 2..].trim())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn is_model(path: &str) -> bool {
    ["messages", "predict", "content", "completions", "invoke", "invoke-with-response-stream"]
        .iter()
        .any(|end| path.split('?').next().unwrap_or_default().ends_with(end))
}

fn act(state: &State, heard: &Heard, stream: &mut TcpStream) -> Then {
    let answer = if is_model(heard.path()) { model(state, heard) } else { lend(state, heard) };
    Heard::answer(stream, &answer);
    Then::Keep
}

fn lend(state: &State, heard: &Heard) -> Vec<u8> {
    std::thread::sleep(Duration::from_millis(state.delay.load(Ordering::Relaxed)));
    if state.closed.load(Ordering::Relaxed) {
        return json_reply(400, r#"{"error":"invalid_grant","error_description":"the account is closed"}"#);
    }
    let path = heard.path().split('?').next().unwrap_or_default().to_owned();
    let text = |text: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{text}", text.len())
            .into_bytes()
    };
    if path == "/latest/api/token" {
        return if heard.head.starts_with("put ") { text("session-1") } else { json_reply(405, "{}") };
    }
    let machine = "/latest/meta-data/iam/security-credentials/";
    if path.starts_with(machine) && heard.header("x-aws-ec2-metadata-token") != Some("session-1") {
        return json_reply(401, "{}");
    }
    if path == machine {
        return text("my-role");
    }
    let number = state.lent.fetch_add(1, Ordering::Relaxed) + 1;
    let life = state.life.load(Ordering::Relaxed);
    let ends = tollgate::units::civil::rfc3339(tollgate::clock::unix_seconds() + life);
    if path.starts_with("/latest/") || path == "/container" {
        return json_reply(
            200,
            &json!({"Code": "Success", "AccessKeyId": format!("akid{number}"), "SecretAccessKey": "s3cret",
                "Token": format!("session-token-{number}"), "Expiration": ends})
            .to_string(),
        );
    }
    if path == "/" {
        let xml = format!(
            "<Response><Result><Credentials><AccessKeyId>akid{number}</AccessKeyId>\
             <SecretAccessKey>s3cret</SecretAccessKey><SessionToken>session-token-{number}</SessionToken>\
             <Expiration>{ends}</Expiration></Credentials></Result></Response>"
        );
        return text(&xml);
    }
    if path.contains("generateaccesstoken") {
        let body = json!({"accessToken": format!("token-{number}"), "expireTime": ends});
        return json_reply(200, &body.to_string());
    }
    let body = json!({"access_token": format!("token-{number}"), "expires_in": life, "token_type": "Bearer"});
    json_reply(200, &body.to_string())
}

fn model(state: &State, heard: &Heard) -> Vec<u8> {
    let shown = heard.header("authorization").unwrap_or_default();
    let ended = state.ended.lock().unwrap().clone();
    if ended.iter().any(|ended| shown.contains(ended.as_str())) {
        let aws = shown.starts_with("aws4");
        let kind = if aws { "x-amzn-errortype: ExpiredTokenException:http://internal\r\n" } else { "" };
        let status = if aws { 403 } else { 401 };
        let body = json!({"message": "expired", "shown": shown}).to_string();
        return format!(
            "HTTP/1.1 {status} X\r\n{kind}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes();
    }
    let body: Value = serde_json::from_slice(&heard.body).unwrap_or_default();
    let path = heard.path();
    let client = if path.contains("content") {
        Client::Gemini
    } else if path.contains("completions") {
        Client::Openai
    } else {
        Client::Anthropic
    };
    if !path.contains("stream") && body["stream"] != true {
        return json_reply(200, &String::from_utf8_lossy(&whole(client, "onetwo")));
    }
    let mut events = pieces(client).concat();
    let mut kind = "text/event-stream";
    if path.contains("invoke-with") {
        let mut messages = Vec::new();
        Wrap::new(1 << 20).push(&events, &mut messages);
        (events, kind) = (messages, "application/vnd.amazon.eventstream");
    }
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", events.len());
    [head.into_bytes(), events].concat()
}
