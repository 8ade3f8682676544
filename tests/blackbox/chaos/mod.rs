//! Chaos: a provider fails in every way there is, and no client is left waiting, misled, or told of
//! it in foreign words.
//!
//! What is asked is the same each time and not left to chance, so that a fault that is found stays found.

mod faults;
mod others;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tollgate::store::ledger::{Filter, Reader};

use self::faults::{End as Ends, Fault, Framing, PLACES, SPOILT, Wanted};
use crate::harness::{
    CLIENTS, Client, End, Gateway, Heard, PATIENCE, Provider, Reply, Setup, closed_port, wait,
};

/// How long a request may take, hung ones too: half a second is what the gateway waits for a provider.
const BOUND: Duration = Duration::from_secs(8);

/// A question, and what came of it.
#[derive(Debug)]
struct Case {
    client: Client,
    target: Client,
    stream: bool,
    fault: Fault,
    reply: Reply,
    took: Duration,
}

/// Who is asked by whom, and how.
fn ways() -> impl Iterator<Item = (Client, Client, bool)> {
    CLIENTS.into_iter().flat_map(|client| {
        CLIENTS.into_iter().flat_map(move |target| [false, true].map(|stream| (client, target, stream)))
    })
}

/// A provider of all three dialects that reads from a question which of these faults to have.
fn failing(faults: Vec<Fault>) -> (Provider, Arc<[Fault]>) {
    let faults: Arc<[Fault]> = faults.into();
    let own = Arc::clone(&faults);
    let provider = Provider::start(move |heard, to| {
        let body = String::from_utf8_lossy(&heard.body).into_owned();
        let number = body.split("#fault ").nth(1).and_then(|rest| rest.split(';').next()?.parse().ok());
        let fault = number.and_then(|number: usize| own.get(number).copied()).unwrap_or(Fault::Nothing);
        let (target, stream) = asked(heard, &body);
        fault.act(target, stream, to)
    });
    (provider, faults)
}

fn asked(heard: &Heard, body: &str) -> (Client, bool) {
    let line = heard.head.lines().next().unwrap_or_default();
    let target = if line.contains("/v1beta/") {
        Client::Gemini
    } else if line.contains("/messages") {
        Client::Anthropic
    } else {
        Client::Openai
    };
    (target, line.contains("stream") || body.contains("\"stream\":true"))
}

fn before(at: std::net::SocketAddr) -> Setup {
    Setup::default()
        .provider(&format!("openai: {{base_url: \"http://{at}/v1\", api_key: chaos-secret}}"))
        .provider(&format!("anthropic: {{base_url: \"http://{at}\", api_key: chaos-secret}}"))
        .provider(&format!("gemini: {{base_url: \"http://{at}/v1beta\", api_key: chaos-secret}}"))
        .env("TOLLGATE_ATTEMPTS", "1")
}

/// Asks for each of these faults in each way, all ways beside each other, and after each of them once
/// more for an answer.
fn all_cases(gateway: &Gateway, faults: &[Fault]) -> Vec<Case> {
    let ask = |client: Client, target: Client, stream: bool, fault: Fault, text: &str| {
        let request =
            if stream { client.stream(target.model(), text) } else { client.whole(target.model(), text) };
        let begun = Instant::now();
        let reply = gateway
            .conn()
            .try_ask(&request)
            .unwrap_or_else(|error| panic!("no answer for {client:?} from {target:?}, {fault:?}: {error}"));
        Case { client, target, stream, fault, reply, took: begun.elapsed() }
    };
    let way = |(client, target, stream)| {
        let mut cases = Vec::new();
        for (number, fault) in faults.iter().enumerate() {
            cases.push(ask(client, target, stream, *fault, &format!("#fault {number};")));
            cases.push(ask(client, target, stream, Fault::Nothing, "hello"));
        }
        cases
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = ways().map(|each| scope.spawn(move || way(each))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("each request is answered")).collect()
    })
}

/// Holds each answer, its line and its row against what may be said; all that is wrong is told at once.
fn all_is_right(gateway: &Gateway, cases: &[Case]) {
    let lines = wait("a line for each request", PATIENCE, || {
        let lines: BTreeMap<_, _> = gateway
            .lines()
            .into_iter()
            .filter_map(|line| Some((line["request_id"].as_str()?.to_owned(), line)))
            .collect();
        cases.iter().all(|case| lines.contains_key(&case.reply.id())).then_some(lines)
    });
    let mut wrong = Vec::new();
    for case in cases {
        let judged = catch_unwind(AssertUnwindSafe(|| case.judge(&lines[&case.reply.id()])));
        if let Err(why) = judged {
            let why = why
                .downcast_ref::<String>()
                .map_or_else(|| why.downcast_ref::<&str>().copied().unwrap_or("?"), String::as_str);
            let Case { client, target, stream, fault, reply, .. } = case;
            let (status, end, text) = (reply.status, reply.end, reply.text());
            wrong.push(format!(
                "{client:?} from {target:?}, stream {stream}, {fault:?}: {why}\n  {status} {end:?} {text}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let rows = wait("a row for each request", PATIENCE, || {
        let reader = Reader::open(&gateway.data()).ok()?;
        let rows = reader.list(&Filter::default(), None, 1_000_000).ok()?.rows;
        (rows.len() >= cases.len()).then_some(rows)
    });
    let mut kept: Vec<_> = rows.iter().map(|row| row.entry.id.clone()).collect();
    let mut asked: Vec<_> = cases.iter().map(|case| case.reply.id()).collect();
    kept.sort_unstable();
    asked.sort_unstable();
    assert_eq!(kept, asked, "each request has one row");
    gateway.wait_idle();
    gateway.wait_metric("tollgate_held_bytes", &[], 0.0);
    let panicked = gateway.said().into_iter().find(|line| line.contains("panicked"));
    assert_eq!(panicked, None);
}

impl Case {
    fn judge(&self, line: &Value) {
        let Self { client, target, stream, fault, reply, took } = self;
        assert!(*took < BOUND, "it took {took:?}");
        let said = format!("{:?} {}", reply.headers, reply.text());
        assert!(!said.contains("chaos-secret"), "the provider's key is told");
        assert_eq!(line["http.response.status_code"], reply.status, "{line}");
        let answered = if reply.status != 200 {
            self.judge_refusal();
            false
        } else if *stream {
            self.judge_stream()
        } else {
            self.judge_whole()
        };
        let outcome = line["outcome"].as_str().unwrap_or_default();
        match fault.wanted() {
            Wanted::Answer => assert!(answered && outcome == "answered", "an answer was wanted: {line}"),
            Wanted::Truth => {}
            Wanted::Failure => assert!(!answered, "there is no whole answer to this"),
            Wanted::Status(status) => assert_eq!(reply.status, status),
        }
        let unread = client == target && !stream && fault.passes_for_whole();
        assert!(answered || outcome != "answered" || unread, "it was not answered: {line}");
    }

    fn judge_refusal(&self) {
        assert_eq!(self.reply.end, End::Clean, "a refusal arrives whole");
        let refused = self.client.refusal(&self.reply);
        assert!(!refused.message.is_empty(), "{refused:?}");
        match self.fault.wanted() {
            Wanted::Status(_) => {}
            Wanted::Answer => panic!("an answer was wanted"),
            Wanted::Truth | Wanted::Failure => {
                assert!((500..600).contains(&self.reply.status), "it is no fault of the client");
            }
        }
        let after = (self.fault == Fault::Refuses(429)).then_some("7");
        assert!(after.is_none() || self.reply.header("retry-after") == after, "no retry-after");
    }

    /// Whether the stream is a right and whole answer; it must be that or say that it is none.
    fn judge_stream(&self) -> bool {
        let text = self.reply.text();
        let own = self.client == self.target;
        // What goes through as it is may end inside an event, which no client reads.
        let mut readable = String::new();
        for data in Client::events(&text) {
            if data == "[DONE]" || serde_json::from_str::<Value>(&data).is_ok() {
                readable += &format!("data: {data}\n\n");
            } else {
                assert!(own, "no JSON: {data}");
            }
        }
        let (error, complete) = (self.client.error_in(&readable), self.client.is_complete(&readable));
        if !complete {
            assert_eq!(self.reply.end, End::Clean, "the error itself arrives whole");
            let told = error.is_some_and(|error| !error.message.is_empty());
            assert!(told, "an answer that is not complete says why");
            return false;
        }
        // Behind the end of an answer a cut takes nothing from it.
        assert!(own || self.reply.end == End::Clean, "what is translated ends as its framing promised");
        let sent = String::from_utf8_lossy(&self.fault.sent(self.target, true)).into_owned();
        assert!(self.target.is_complete(&sent), "it looks complete and never was");
        self.is_said(&self.client.streamed_text(&readable));
        error.is_none() && self.reply.end == End::Clean
    }

    /// Whether this is a right answer; it must be that, or be none in the eyes of any client.
    fn judge_whole(&self) -> bool {
        let own = self.client == self.target;
        let Ok(body) = serde_json::from_slice::<Value>(&self.reply.body) else {
            assert!(own, "nonsense has no status 200 in another dialect");
            assert!(self.reply.end == End::Cut || self.fault.passes_for_whole(), "a cut is not told of");
            return false;
        };
        if body.get("error").is_some() {
            assert!(own && self.fault.passes_for_whole(), "an error has no status 200");
            return false;
        }
        self.is_said(&self.client.text(&body));
        self.reply.end == End::Clean
    }

    fn is_said(&self, text: &str) {
        if self.fault == Fault::NoText {
            assert!(text.starts_with("one") && text.ends_with("two"), "{text}");
        } else {
            assert_eq!(text, "onetwo");
        }
    }
}

#[test]
fn chaos_of_what_a_provider_says_is_answered_truly() {
    let mut faults = vec![
        Fault::Nothing,
        Fault::Drips,
        Fault::SaysMore,
        Fault::Refuses(429),
        Fault::Refuses(500),
        Fault::Refuses(503),
        Fault::RefusesInHtml(500),
        Fault::RefusesInHtml(503),
    ];
    faults.extend(SPOILT);
    let (provider, faults) = failing(faults);
    let gateway = before(provider.addr).start();
    let cases = all_cases(&gateway, &faults);
    all_is_right(&gateway, &cases);
}

#[test]
fn chaos_of_connections_that_end_at_any_byte_is_answered_truly() {
    let mut faults = Vec::new();
    for place in 0..PLACES {
        for framing in [Framing::Chunks, Framing::Plain] {
            let by =
                if place % 2 == usize::from(framing == Framing::Plain) { Ends::Goodbye } else { Ends::Reset };
            faults.push(Fault::Stops { place, framing, by });
        }
    }
    let (provider, faults) = failing(faults);
    let gateway = before(provider.addr).start();
    let cases = all_cases(&gateway, &faults);
    all_is_right(&gateway, &cases);
}

#[test]
fn chaos_of_providers_that_fall_silent_hangs_nobody() {
    // Before its head, in it, behind it, in the body, before its last words.
    let (provider, faults) = failing([0, 2, 4, 11, 15].map(|place| Fault::Hangs { place }).to_vec());
    let gateway = before(provider.addr)
        .env("TOLLGATE_FIRST_BYTE_TIMEOUT", "500ms")
        .env("TOLLGATE_IDLE_TIMEOUT", "500ms")
        .start();
    let cases = all_cases(&gateway, &faults);
    all_is_right(&gateway, &cases);
}

#[test]
fn chaos_of_a_provider_that_is_not_there_is_told_to_everybody() {
    let gateway = before(closed_port()).start();
    for (client, target, stream) in ways() {
        let request = if stream {
            client.stream(target.model(), "hello")
        } else {
            client.whole(target.model(), "hello")
        };
        let begun = Instant::now();
        let reply = gateway.ask(&request);
        assert_eq!((reply.status, reply.end), (502, End::Clean), "{}", reply.text());
        client.refusal(&reply);
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        let line = gateway.line(&reply);
        assert_eq!(line["faults"][0]["kind"], "bad_gateway", "{line}");
    }
    gateway.wait_idle();
}
