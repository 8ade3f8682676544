//! An answer returns: its relay is chosen, its head dressed, its body spoken.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use pingora::Result;
use pingora::http::{ResponseHeader, StatusCode, Version};
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::account::tally;
use crate::clock;
use crate::dialect::bedrock_invoke::{Unwrap, Wrap};
use crate::dialect::{Framing, Seed, StreamShape, bedrock_converse, codec};
use crate::fault::Fault;
use crate::ir::{Dialect, Usage};
use crate::provider::limits::retry_after;
use crate::proxy::answer::{self, Connection};
use crate::proxy::caching::items::VectorTape;
use crate::proxy::departure::attempt::Mode;
use crate::proxy::departure::envelope::Envelope;
use crate::proxy::departure::judging;
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Call, Exchange, Stage};
use crate::proxy::external::{self, Spoke, late};
use crate::proxy::guarding;
use crate::proxy::keeping::saving;
use crate::proxy::packing::{self, Packing};
use crate::proxy::relay::LARGEST_EVENT;
use crate::proxy::relay::{self, Find, Holding, Into, Outcome, Overhearing, Relay};
use crate::proxy::shared::Shared;
use crate::proxy::{departure, dressing, holding, names, tracing};
use crate::refusal::{Kind, Refusal};

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

/// Turns a piece of the answer into what the client gets.
///
/// # Errors
/// A retryable error when a gathered answer came to nothing and another attempt is prepared; a
/// final one when it is larger than what may be held, or the client is gone.
pub fn speak(
    session: &mut Session,
    exchange: &mut Exchange,
    body: &mut Option<Bytes>,
    end: bool,
) -> Result<()> {
    let Some(call) = exchange.call() else { return Ok(()) };
    let gathers = call.relay.gathers();
    if !gathers {
        call.relay.speak(body, end);
        match guarding::speak(exchange, body, end) {
            Spoke::On => {}
            Spoke::Ended => return Error::e_explain(ErrorType::InternalError, "a guard ends the answer"),
            Spoke::Waits => return late::begin(),
        }
    }
    let Exchange { world, stage, refusal, vigil, .. } = exchange;
    let Stage::Away(call) = stage else { return Ok(()) };
    if !gathers {
        if let Some(saving) = &mut call.saving {
            saving.hear(&mut call.relay, body.as_ref(), end);
        }
        call.wrap(body);
        if call.holding.is_some() {
            return holding::hold(session, exchange, body, end);
        }
        if call.awaits {
            return holding::first(session, exchange, body.as_ref(), end);
        }
        let sends = call.windowed && (body.is_some() || end);
        if let (Some(vigil), Relay::Transcode(_), Dialect::AnthropicMessages, true) =
            (vigil, &call.relay, call.ask.dialect, body.is_some())
            && call.wrap.is_none()
            && session.req_header().version == Version::HTTP_11
        {
            vigil.beat();
        }
        // Pingora may have filtered the head together with this piece.
        return if sends { holding::send_head(session, exchange) } else { Ok(()) };
    }
    if let Some(chunk) = body.take() {
        if !call.share.grow(chunk.len(), world.downstream.held.as_usize()) {
            *refusal = Some(Refusal::new(Kind::Unavailable, "there is no room to gather the answer"));
            return Error::e_explain(ErrorType::InternalError, "no room to gather the answer");
        }
        call.relay.gather(&chunk);
    }
    if end {
        *body = Some(conclude(session, exchange, Chance::Open)?);
    }
    Ok(())
}

/// Whether another attempt can still be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chance {
    /// Pingora would make it.
    Open,
    /// Pingora is done with the request.
    Gone,
}

/// A gathered answer is complete: sends its head, and gives its body.
fn conclude(session: &mut Session, exchange: &mut Exchange, chance: Chance) -> Result<Bytes> {
    let begun = clock::now();
    let outcome = exchange.call().and_then(|call| call.relay.conclude());
    let (fault, undecided, own) = match outcome {
        None => return Ok(Bytes::new()),
        Some(Outcome::Said(body)) => {
            if chance == Chance::Open
                && let Some(fault) = holding::hollow(exchange, &body)
                && departure::again(exchange, fault)
            {
                let mut error = Error::explain(ErrorType::HTTPStatus(502), "an empty answer").into_up();
                error.set_retry(true);
                return Err(error);
            }
            if let Exchange { world, stage: Stage::Away(call), .. } = exchange {
                judging::answered(call, world, begun);
            }
            let body = guarding::gathered(exchange, body).map(Bytes::from);
            let body = match body.and_then(|body| external::hold(exchange, &body).map(|held| (body, held))) {
                Ok((_, true)) => return late::begin(),
                Ok((body, false)) => body,
                Err(refusal) => return late::refuse(session, exchange, refusal),
            };
            let body = late::told(exchange, body);
            exchange.overhead += clock::now().saturating_duration_since(begun);
            release(session, exchange, None, body.len())?;
            return Ok(body);
        }
        Some(Outcome::Failed { fault, undecided, own }) => (fault, undecided, own),
    };
    if undecided && chance == Chance::Open && departure::again(exchange, fault.clone()) {
        let mut error =
            Error::explain(ErrorType::HTTPStatus(fault.status), "what an upstream said").into_up();
        error.set_retry(true);
        return Err(error);
    }
    let refusal = fault.into_refusal();
    let (status, said) =
        own.unwrap_or_else(|| (refusal.status, codec(exchange.client()).render_error(&refusal)));
    let body = masked(exchange, said);
    let retry_after = refusal.retry_after;
    exchange.fail(refusal);
    release(session, exchange, Some((status, retry_after)), body.len())?;
    Ok(body.into())
}

/// Sends the head that waited: into the connection's buffer, so that it leaves together with the
/// body. A failure has another status, and perhaps a time after which to come back.
pub(super) fn release(
    session: &mut Session,
    exchange: &mut Exchange,
    failure: Option<(u16, Option<Duration>)>,
    length: usize,
) -> Result<()> {
    let Some(mut head) = exchange.call().and_then(|call| call.head.take()) else { return Ok(()) };
    if let Some((status, retry_after)) = failure {
        head.set_status(status)?;
        if let Some(after) = retry_after {
            head.insert_header(header::RETRY_AFTER, answer::seconds(after))?;
        }
    }
    dressing::dress(exchange, &mut head);
    head.remove_header(&header::TRANSFER_ENCODING);
    head.insert_header(header::CONTENT_LENGTH, length)?;
    if failure.is_some() {
        head.insert_header(header::CONTENT_TYPE, "application/json")?;
        let kind = exchange.refusal.as_ref().map(|refusal| refusal.kind);
        // A provider's own type stands, as its own body does.
        if let (Some(kind), Dialect::BedrockConverse) = (kind, exchange.client())
            && !head.headers.contains_key(names::AWS_ERROR_TYPE)
        {
            head.insert_header(names::AWS_ERROR_TYPE, bedrock_converse::type_of(kind))?;
        }
    }
    let written = answer::at_once(session.as_downstream_mut().write_response_header(head));
    written
        .unwrap_or_else(|| Error::e_explain(ErrorType::WriteError, "the head found no room"))
        .map_err(Error::into_down)
}

/// Trailers ended an answer instead of its last piece: what is still to be said. Nothing that
/// trailers hold is of use to a client.
pub fn end(session: &mut Session, exchange: &mut Exchange) -> Option<Bytes> {
    let now = clock::now();
    exchange.heard(true, now);
    let call = exchange.call()?;
    call.relay.listen(None, true, now);
    if let Some(tape) = &mut call.tape {
        tape.push(None, true, now);
    }
    if call.relay.gathers() {
        // Pingora makes no other attempt once it has come to the trailers.
        return conclude(session, exchange, Chance::Gone).ok();
    }
    let mut body = None;
    call.relay.speak(&mut body, true);
    let spoke = guarding::speak(exchange, &mut body, true);
    if spoke == Spoke::Waits {
        return None;
    }
    let Exchange { stage: Stage::Away(call), guarding, refusal, .. } = exchange else { return None };
    if let (Spoke::Ended, Some(refusal)) = (spoke, refusal) {
        let fault = Fault::new(refusal.kind, refusal.message.clone());
        body = guarding::break_off(guarding.as_deref_mut(), call, fault).map(Bytes::from);
    }
    if let Some(saving) = &mut call.saving {
        saving.hear(&mut call.relay, body.as_ref(), true);
    }
    call.wrap(&mut body);
    if call.awaits {
        // As above.
        call.awaits = false;
        holding::send_head(session, exchange).ok()?;
    } else if call.holding.is_some() {
        // As above.
        holding::let_go(session, exchange, &mut body, true).ok()?;
    }
    holding::send_head(session, exchange).ok()?;
    body.or_else(|| Some(Bytes::new()))
}

/// An answer whose head came alone, and so without a last piece: says what it amounts to.
pub async fn conclude_late(session: &mut Session, exchange: &mut Exchange) {
    if session.response_written().is_some() || exchange.call().is_none_or(|call| call.head.is_none()) {
        return;
    }
    let mut said = conclude(session, exchange, Chance::Gone);
    if external::waits(exchange) {
        said = late::conclude(session, exchange).await;
    }
    if let Ok(body) = said {
        // The client may be gone by now; then nobody need be told.
        let _ = session.write_response_body(Some(body), true).await;
    }
}

/// What is said, without the key that the attempt used.
fn masked(exchange: &Exchange, said: Vec<u8>) -> Vec<u8> {
    let Stage::Away(call) = &exchange.stage else { return said };
    let said = departure::proof::masked(call, said);
    match exchange.world.providers.get(call.attempt.known.index) {
        Some(provider) => relay::mask(said, departure::secret(provider, call.attempt.key)),
        None => said,
    }
}

/// Writes what was said of a stream and not written, since Pingora took it down with the piece behind it.
///
/// # Errors
/// When the client is gone.
pub(super) async fn catch_up(session: &mut Session, exchange: &mut Exchange) -> Result<()> {
    let written = session.as_downstream().body_bytes_sent();
    let missed = exchange.call().map(|call| call.unwritten.take(written)).unwrap_or_default();
    if missed.is_empty() {
        return Ok(());
    }
    session.write_response_body(Some(missed), false).await
}

/// All attempts failed: tells the client so, in a whole answer or inside the stream that runs.
/// Whether that came to a proper end, after which the connection can take another request.
pub async fn give_up(session: &mut Session, exchange: &mut Exchange, connection: Connection) -> bool {
    let Some(refusal) = exchange.refusal.clone() else { return false };
    let client = exchange.client();
    let opened = exchange.call().is_some_and(|call| call.relay.is_tunnel());
    if opened || session.response_written().is_some_and(|head| !head.status.is_informational()) {
        let mut fault = Fault::new(refusal.kind, refusal.message);
        if fault.kind == Kind::Internal {
            fault.kind = Kind::BadGateway;
        }
        if catch_up(session, exchange).await.is_err() {
            return false;
        }
        let Exchange { stage: Stage::Away(call), guarding, .. } = exchange else { return false };
        let Some(frames) = guarding::break_off(guarding.as_deref_mut(), call, fault) else { return false };
        if let Some(saving) = &mut call.saving {
            saving.last_event(&frames);
        }
        let mut frames = Some(frames.into());
        call.wrap(&mut frames);
        // The client may be gone by now; then nobody need be told.
        // What was a session takes no other request.
        return session.write_response_body(frames, true).await.is_ok() && !opened;
    }
    let extra = dressing::own_headers(exchange);
    // As above.
    answer::refuse(session, client, &refusal, connection, extra).await.is_ok()
}
