//! An answer returns: its relay is chosen, its head dressed, its body spoken.

use std::sync::Arc;

use bytes::Bytes;
use http::header;
use pingora::Result;
use pingora::http::{ResponseHeader, StatusCode, Version};
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::account::tally;
use crate::clock;
use crate::dialect::bedrock_invoke::{Unwrap, Wrap};
use crate::dialect::{Framing, Seed, StreamShape};
use crate::fault::Fault;
use crate::ir::{Dialect, Usage};
use crate::provider::limits::retry_after;
use crate::proxy::caching::items::VectorTape;
use crate::proxy::departure::attempt::Mode;
use crate::proxy::departure::envelope::Envelope;
use crate::proxy::departure::judging;
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Call, Exchange, Stage};
use crate::proxy::guarding;
use crate::proxy::keeping::saving;
use crate::proxy::packing::{self, Packing};
use crate::proxy::relay::LARGEST_EVENT;
use crate::proxy::relay::{Find, Holding, Into, Overhearing, Relay};
use crate::proxy::shared::Shared;
use crate::proxy::{departure, dressing, holding, tracing};
use crate::refusal::Kind;

mod spoken;

pub(super) use spoken::{catch_up, release};
pub use spoken::{conclude_late, end, give_up, speak};

/// The head of an upstream's answer came: chooses what becomes of the body, or the next attempt.
///
/// # Errors
/// A retryable error when another attempt is prepared.
pub fn begin(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    head: &mut ResponseHeader,
) -> Result<()> {
    let now = clock::now();
    let status = head.status.as_u16();
    let id = exchange.id;
    let world = Arc::clone(&exchange.world);
    let Some(call) = exchange.call() else { return Ok(()) };
    call.answered = Some(now);
    call.unwritten = <_>::default();
    tracing::answered(exchange, status);
    let Some(call) = exchange.call() else { return Ok(()) };
    if let (101, Upload::Tunnel(tunnel)) = (status, &mut call.upload) {
        tunnel.open = true;
        call.ask.stream = true;
        let (dialect, live) = (call.attempt.upstream(), tunnel.live);
        call.relay = Relay::Tunnel(Box::new(Overhearing::new(dialect, live, id.as_str())));
        judging::answered(call, &world, now);
        head.remove_header(&header::SEC_WEBSOCKET_EXTENSIONS);
        exchange.alive(now);
        return Ok(());
    }
    if let Mode::Through(find) = call.attempt.mode {
        through(session, exchange, find, head);
        return Ok(());
    }
    judging::learned(call, &head.headers, now);
    let packing = packing::undo(session, head);
    let invoked = matches!(call.attempt.known.envelope, Envelope::Bedrock | Envelope::SageMaker)
        && starts(head, Framing::AwsEvents.content_type().as_bytes());
    call.unwrap = invoked.then(|| Box::new(Unwrap::new(call.attempt.upstream(), LARGEST_EVENT)));
    if invoked {
        head.insert_header(header::CONTENT_TYPE, Framing::Sse.content_type())?;
    }
    // A prediction was made; for who asked it is an answer like any other.
    if status == 201 && call.attempt.known.envelope == Envelope::Replicate {
        head.set_status(200)?;
    }
    let own = Framing::of(call.attempt.upstream());
    let streamed = if starts(head, own.content_type().as_bytes()) {
        Some(own)
    } else {
        starts(head, Framing::Sse.content_type().as_bytes()).then_some(Framing::Sse)
    };
    let empty = call.alone
        || matches!(status, 204 | 205)
        || head.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
    let unusable = match packing {
        Packing::Stays => Some("the provider's answer is packed in a way that nobody asked for"),
        Packing::None if status == 101 => Some("the provider changed to another protocol"),
        Packing::None if call.upload.is_tunnel() && status < 300 => {
            Some("the provider did not take the session up")
        }
        Packing::None if empty && status < 300 => Some("the provider's answer was empty"),
        Packing::None => None,
    };
    if let Some(why) = unusable {
        let fault = Fault::new(Kind::BadGateway, why);
        let mut error = Error::explain(ErrorType::HTTPStatus(status), why).into_up();
        error.set_retry(departure::again(exchange, fault));
        return Err(error);
    }
    // Some proxies in front of a provider say 200 with a page that nobody asked for.
    if status >= 300 || starts(head, b"text/html") {
        let status = if status < 400 { 502 } else { status };
        let mut fault = Fault::from_status(status);
        fault.retry_after = retry_after(&head.headers);
        let (upstream, client) = (call.attempt.upstream(), call.ask.dialect);
        let told = call.routing.as_ref().is_some_and(|routing| routing.way.looks_into_answers());
        let told = told && matches!(status, 400 | 403 | 413 | 422);
        let undecided = (is_undecided(status, upstream) || told) && !empty;
        if departure::turned(exchange, status) {
            let mut error = Error::explain(ErrorType::HTTPStatus(status), "another dialect").into_up();
            error.set_retry(true);
            return Err(error);
        }
        if departure::proof::renew(shared, exchange, status, &head.headers) {
            let mut error = Error::explain(ErrorType::HTTPStatus(status), "a credential's end").into_up();
            error.set_retry(true);
            return Err(error);
        }
        if !undecided && departure::again(exchange, fault) {
            let mut error = Error::explain(ErrorType::HTTPStatus(status), "an upstream's error").into_up();
            error.set_retry(true);
            return Err(error);
        }
        if let Some(call) = exchange.call() {
            call.relay = Relay::error(upstream, client, status, head.headers.clone(), undecided);
        }
        return Ok(());
    }
    let relay = relay(shared, exchange, streamed, head);
    let keeping = matches!(&exchange.stage, Stage::Away(call) if call.ask.keep).then(|| {
        let background = exchange.in_background.then(|| format!("resp_{}", exchange.id));
        (exchange.owner(), exchange.at, exchange.world.downstream.held.as_usize(), background)
    });
    // A client of HTTP/1.0 knows no chunks.
    let chunks = session.req_header().version != Version::HTTP_10;
    let held = chunks && holding::holds(exchange, relay.as_ref(), streamed);
    let held = held.then(|| exchange.seed("", 0, Bytes::new()));
    let awaits = |call: &Call, relay: &Relay| chunks && holding::awaits(call, relay, head);
    if let (Some(call), Some(relay)) = (exchange.call(), relay) {
        call.awaits = awaits(call, &relay);
        call.relay = relay;
        if let (Mode::Vectors(..), Relay::Whole(whole)) = (&call.attempt.mode, &mut call.relay)
            && let Some(usage) = in_head(head)
        {
            whole.count(usage);
        }
        if let (Some(seed), Some(framing)) = (held, streamed) {
            call.holding = Some(Box::new((Holding::new(call.attempt.upstream(), &seed), framing)));
        } else if !call.relay.gathers() && !call.awaits {
            // What a gathered answer is worth shows at its end.
            judging::answered(call, &world, now);
        }
        call.vectors = VectorTape::of(call);
        call.tape = call.tape.take().filter(|_| status == 200);
        if call.holding.is_none() {
            call.tape = call.tape.take().and_then(|tape| tape.begun(call, streamed));
        }
        if let Some((owner, made, most, background)) = keeping {
            call.saving = saving::begin(shared, call, owner, made, most, background);
        }
    }
    guarding::screen(exchange, streamed);
    Ok(())
}

/// What Bedrock says in the head that a model read whose own form tells nothing of it.
fn in_head(head: &ResponseHeader) -> Option<Usage> {
    let count = head.headers.get("x-amzn-bedrock-input-token-count")?.to_str().ok()?;
    Some(Usage { input: count.parse().ok()?, ..Usage::default() })
}

/// The head of an answer that goes through whatever it is.
fn through(session: &mut Session, exchange: &mut Exchange, find: Find, head: &mut ResponseHeader) {
    let world = Arc::clone(&exchange.world);
    let Some(call) = exchange.call() else { return };
    judging::passed_through(call, &world, head.status.as_u16(), clock::now());
    if !call.alone {
        // What cannot be unpacked goes through as it is, and unmetered.
        let _ = packing::undo(session, head);
    }
    let mut streamed = framing(head);
    let event_stream = streamed == Some(Framing::Sse);
    call.ask.stream |= event_stream;
    if let Some(owner) = call
        .ask
        .owner
        .clone()
        .filter(|_| find != Find::Batch && head.status.is_success() && starts(head, b"application/json"))
    {
        let (upstream, client) = (call.attempt.upstream(), call.ask.dialect);
        let seed = exchange.seed("", 0, Bytes::new());
        if let Some(call) = exchange.call() {
            call.relay = Relay::whole(upstream, client, seed, Into::Owned(owner));
        }
        return;
    }
    // Providers quote the key they refuse.
    let refused = head.status.as_u16() >= 400;
    let provider = world.providers.get(call.attempt.known.index).filter(|_| refused);
    let secret = provider.map(|provider| departure::secret(provider, call.attempt.key));
    call.relay = Relay::hear(call.attempt.upstream(), find, event_stream, secret);
    if !head.status.is_success() {
        return;
    }
    if find == Find::Batch || !guarding::looks_at_answer(exchange) {
        return;
    }
    if streamed.is_none() && starts(head, b"application/json") {
        let seed = exchange.seed("", 0, Bytes::new());
        if let Some(call) = exchange.call() {
            let (upstream, client) = (call.attempt.upstream(), call.ask.dialect);
            call.relay = Relay::whole(upstream, client, seed, Into::Same(Some(find)));
        }
        return;
    }
    if let Some(call) = exchange.call().filter(|call| call.ask.path.ends_with("/invoke-with-response-stream"))
        && streamed == Some(Framing::AwsEvents)
    {
        // What a model says stands in base64 there.
        call.unwrap = Some(Box::new(Unwrap::new(call.attempt.upstream(), LARGEST_EVENT)));
        call.wrap = Some(Box::new(Wrap::new(LARGEST_EVENT)));
        call.relay = Relay::hear(call.attempt.upstream(), find, true, None);
        streamed = Some(Framing::Sse);
    }
    if streamed.is_some() {
        guarding::screen(exchange, streamed);
    }
}

/// How a body is framed that is said to be a stream.
fn framing(head: &ResponseHeader) -> Option<Framing> {
    const KINDS: [(&str, Framing); 6] = [
        (Framing::Sse.content_type(), Framing::Sse),
        (Framing::Lines.content_type(), Framing::Lines),
        (Framing::AwsEvents.content_type(), Framing::AwsEvents),
        ("application/ndjson", Framing::Lines),
        ("application/jsonl", Framing::Lines),
        // Cohere's first chat.
        ("application/stream+json", Framing::Lines),
    ];
    let told = head.headers.get(header::CONTENT_TYPE)?.as_bytes();
    let is =
        |kind: &str| told.get(..kind.len()).is_some_and(|told| told.eq_ignore_ascii_case(kind.as_bytes()));
    KINDS.into_iter().find_map(|(kind, framing)| is(kind).then_some(framing))
}

fn starts(head: &ResponseHeader, kind: &[u8]) -> bool {
    head.headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(kind))
}

/// Whether only the body tells if another attempt is worth making: Gemini says 400 to a bad key,
/// and when to come back after 429 stands in the body too.
fn is_undecided(status: u16, upstream: Dialect) -> bool {
    matches!(status, 400 | 429) && upstream == Dialect::GeminiGenerate
}

/// What the answer's renderer makes up. Anthropic's format tells the input tokens first, which
/// other upstreams tell last.
pub fn seed(shared: &Shared, exchange: &Exchange, upstream: Dialect) -> Seed {
    let Stage::Away(call) = &exchange.stage else { return exchange.seed("", 0, Bytes::new()) };
    let model = &call.attempt.known.model;
    let guesses = call.ask.stream
        && call.ask.dialect == Dialect::AnthropicMessages
        && upstream != Dialect::AnthropicMessages;
    let request = call.ask.parsed.as_deref().filter(|_| guesses);
    let tokens = request.map_or(0, |request| tally::estimate(model, request, shared.telemetry.calibration()));
    let repeats = call.ask.dialect == Dialect::OpenaiResponses;
    let asked = if repeats { call.ask.body.clone() } else { Bytes::new() };
    Seed { kept: call.ask.keep, ..exchange.seed(model, tokens, asked) }
}

fn relay(
    shared: &Shared,
    exchange: &Exchange,
    streamed: Option<Framing>,
    head: &ResponseHeader,
) -> Option<Relay> {
    let Stage::Away(call) = &exchange.stage else { return None };
    let (upstream, client) = (call.attempt.upstream(), call.ask.dialect);
    let shape = StreamShape { framing: call.ask.framing, usage: call.ask.stream_usage };
    let seed = || seed(shared, exchange, upstream);
    let events = streamed == Some(Framing::Sse);
    let items = call.ask.items.as_ref().filter(|items| items.is_of(&call.attempt.known));
    Some(match &call.attempt.mode {
        Mode::Count => Relay::pass(upstream),
        Mode::Relay(find) if guarding::looks_at_answer(exchange) && starts(head, b"application/json") => {
            Relay::whole(upstream, client, seed(), Into::Same(Some(*find)))
        }
        Mode::Relay(find) | Mode::Through(find) => Relay::hear(upstream, *find, events, None),
        Mode::Verbatim { .. } | Mode::Rewritten { .. } if !call.ask.stream => {
            let looked_into = call.routing.as_ref().is_some_and(|routing| routing.way.looks_into_answers());
            if looked_into || guarding::looks_at_answer(exchange) {
                Relay::whole(upstream, client, seed(), Into::Same(None))
            } else {
                Relay::pass(upstream)
            }
        }
        Mode::Verbatim { strip_usage } | Mode::Rewritten { strip_usage } if let Some(framing) = streamed => {
            Relay::stream(upstream, framing, *strip_usage)
        }
        Mode::Verbatim { .. } if call.ask.framing == Framing::JsonArray => {
            Relay::stream(upstream, Framing::JsonArray, false)
        }
        // A provider that does not stream although it was asked to: its whole answer is told as one.
        Mode::Verbatim { .. } | Mode::Rewritten { .. } => {
            Relay::whole(upstream, client, seed(), Into::Stream(<_>::default(), shape))
        }
        Mode::Translate(restore) if streamed.is_some() => {
            Relay::transcode(upstream, client, restore.clone(), &seed(), shape)
        }
        Mode::Translate(restore) if call.ask.stream => {
            Relay::whole(upstream, client, seed(), Into::Stream(restore.clone(), shape))
        }
        Mode::Translate(restore) => Relay::whole(upstream, client, seed(), Into::Reply(restore.clone())),
        Mode::Vectors(spoken, form, _) if let Some(items) = items => {
            Relay::whole(upstream, client, seed(), Into::Items(*spoken, *form, Arc::clone(items)))
        }
        Mode::Vectors(spoken, form, asked) => {
            Relay::whole(upstream, client, seed(), Into::Vectors(*spoken, *form, Arc::clone(asked)))
        }
        Mode::Ranks(spoken, form, asked) => {
            Relay::whole(upstream, client, seed(), Into::Ranks(*spoken, *form, Arc::clone(asked)))
        }
    })
}

/// The head goes to the client, or waits for a body that is gathered: what that comes to decides
/// its status and length.
///
/// # Errors
/// None that can be.
pub fn head(session: &Session, exchange: &mut Exchange, head: &mut ResponseHeader) -> Result<()> {
    let held =
        |call: &&mut Call| call.relay.gathers() || call.holding.is_some() || call.awaits || call.windowed;
    let Some(call) = exchange.call().filter(held) else {
        dressing::dress(exchange, head);
        if session.req_header().version == Version::HTTP_10 {
            // Such a client knows no chunks; the end of the connection ends its answer.
            head.remove_header(&header::TRANSFER_ENCODING);
        }
        return Ok(());
    };
    // An informational head is not sent (`arrival`).
    let placeholder = ResponseHeader::build_no_case(StatusCode::EARLY_HINTS, None)?;
    // As Pingora does to a head that is not held: the client's connection cannot write another.
    head.set_version(Version::HTTP_11);
    call.head = Some(Box::new(std::mem::replace(head, placeholder)));
    Ok(())
}
