//! An answer returns: its relay is chosen, its head dressed, its body spoken.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::Result;
use pingora::http::{ResponseHeader, StatusCode};
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::account::tally;
use crate::clock;
use crate::dialect::{Framing, Seed, StreamShape};
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::provider::limits::retry_after;
use crate::proxy::answer::{self, Connection};
use crate::proxy::attempt::Mode;
use crate::proxy::exchange::{Call, Exchange};
use crate::proxy::relay::{Into, Relay};
use crate::proxy::shared::Shared;
use crate::proxy::{departure, names};
use crate::refusal::Kind;

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
    let seed = seed(shared, exchange);
    let Some(call) = exchange.call() else { return Ok(()) };
    call.answered = Some(now);
    let starts = |kind: &[u8]| {
        head.headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(kind))
    };
    let event_stream = starts(b"text/event-stream");
    let empty = head.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
    if empty && status < 300 {
        let fault = Fault::new(Kind::BadGateway, "the provider's answer was empty");
        let mut error = Error::explain(ErrorType::HTTPStatus(status), "an empty answer").into_up();
        error.set_retry(departure::again(exchange, fault));
        return Err(error);
    }
    // Some proxies in front of a provider say 200 with a page that nobody asked for.
    if status >= 300 || starts(b"text/html") {
        let status = if status < 400 { 502 } else { status };
        let mut fault = Fault::from_status(status);
        fault.retry_after = retry_after(&head.headers);
        let (upstream, client) = (call.attempt.upstream(), call.ask.dialect);
        // What a held answer amounts to is decided once its body is known.
        if !holds_back(status, upstream) && departure::again(exchange, fault) {
            let mut error = Error::explain(ErrorType::HTTPStatus(status), "an upstream's error").into_up();
            error.set_retry(true);
            return Err(error);
        }
        if let Some(call) = exchange.call() {
            call.relay = Relay::error(upstream, client, status, head.headers.clone());
            // An informational head is not sent, and so holds the answer back.
            if holds_back(status, upstream) {
                call.held = true;
                session.as_downstream_mut().set_ignore_info_resp(true);
                head.set_status(StatusCode::from_u16(103).unwrap_or(StatusCode::PROCESSING))?;
            } else {
                head.set_status(status)?;
            }
        }
        return Ok(());
    }
    call.relay = relay(call, event_stream, seed);
    Ok(())
}

/// Whether only the body tells what the client's head must say: Gemini says 400 to a bad key, and
/// when to come back after 429 stands in the body too.
fn holds_back(status: u16, upstream: Dialect) -> bool {
    matches!(status, 400 | 429) && upstream == Dialect::GeminiGenerate
}

/// What the answer's renderer makes up. Anthropic's format tells the input tokens first, which
/// other upstreams tell last.
fn seed(shared: &Shared, exchange: &mut Exchange) -> Seed {
    let Some(call) = exchange.call() else { return exchange.seed("", 0) };
    let model = Arc::clone(&call.attempt.known.model);
    let guesses = call.ask.stream
        && call.ask.dialect == Dialect::AnthropicMessages
        && call.attempt.upstream() != Dialect::AnthropicMessages;
    let request = call.ask.parsed.as_deref().filter(|_| guesses);
    let tokens =
        request.map_or(0, |request| tally::estimate(&model, request, shared.telemetry.calibration()));
    exchange.seed(&model, tokens)
}

fn relay(call: &Call, event_stream: bool, seed: Seed) -> Relay {
    let (upstream, client) = (call.attempt.upstream(), call.ask.dialect);
    let shape = StreamShape { framing: call.ask.framing, usage: call.ask.stream_usage };
    match &call.attempt.mode {
        Mode::Count => Relay::pass(upstream),
        Mode::Verbatim { .. } if !call.ask.stream => Relay::pass(upstream),
        Mode::Verbatim { strip_usage } if event_stream => Relay::stream(upstream, Framing::Sse, *strip_usage),
        Mode::Verbatim { .. } if call.ask.framing == Framing::JsonArray => {
            Relay::stream(upstream, Framing::JsonArray, false)
        }
        // A provider that does not stream although it was asked to: its whole answer is told as one.
        Mode::Verbatim { .. } => Relay::whole(upstream, client, seed, Into::Stream(<_>::default(), shape)),
        Mode::Translate(restore) if event_stream => {
            Relay::transcode(upstream, client, restore.clone(), &seed, shape)
        }
        Mode::Translate(restore) if call.ask.stream => {
            Relay::whole(upstream, client, seed, Into::Stream(restore.clone(), shape))
        }
        Mode::Translate(restore) => Relay::whole(upstream, client, seed, Into::Reply(restore.clone())),
        Mode::Vectors(form, spoken, encoding) => {
            Relay::whole(upstream, client, seed, Into::Vectors(form.clone(), *spoken, *encoding))
        }
    }
}

/// Dresses the head for the client.
pub fn head(exchange: &mut Exchange, head: &mut ResponseHeader) {
    let upstream =
        exchange.call().and_then(|call| Some(call.answered?.saturating_duration_since(call.sent?)));
    if let Some(answered) = exchange.call().and_then(|call| call.answered) {
        exchange.overhead += clock::now().saturating_duration_since(answered);
    }
    let (empty, ()) = http::Response::new(()).into_parts();
    let mut parts: http::response::Parts = std::mem::replace(head, empty.into()).into();
    let headers = &mut parts.headers;
    while let Some(private) = headers.keys().find(|name| names::is_private(name.as_str())).cloned() {
        headers.remove(private);
    }
    if let Some(call) = exchange.call() {
        dress_body(call, headers);
    }
    stamp(exchange, upstream, headers);
    *head = parts.into();
}

/// Says what the body is, where it is not the provider's own.
fn dress_body(call: &Call, headers: &mut HeaderMap) {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
    let content_type = match &call.relay {
        Relay::Waiting | Relay::Pass(_) | Relay::Stream(_) => None,
        Relay::Error(_) => Some(JSON),
        Relay::Whole(_) if !call.ask.stream => Some(JSON),
        Relay::Whole(_) | Relay::Transcode(_) => Some(match call.ask.framing {
            Framing::Sse => EVENTS,
            Framing::JsonArray => JSON,
        }),
    };
    let changes_length = content_type.is_some() || matches!(call.relay, Relay::Stream(_));
    if changes_length && headers.remove(header::CONTENT_LENGTH).is_some() {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    if let Relay::Error(_) = call.relay
        && !headers.contains_key(header::RETRY_AFTER)
        && let Some(after) = retry_after(headers)
    {
        headers.insert(header::RETRY_AFTER, answer::seconds(after).into());
    }
}

/// The headers that every answer carries.
#[must_use]
pub fn own_headers(exchange: &mut Exchange) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    stamp(exchange, None, &mut headers);
    headers
}

fn stamp(exchange: &mut Exchange, upstream: Option<Duration>, headers: &mut HeaderMap) {
    let mut insert =
        |name: HeaderName, value: std::result::Result<HeaderValue, header::InvalidHeaderValue>| {
            // Ids, names and numbers of ours are always legal values.
            if let Ok(value) = value {
                headers.insert(name, value);
            }
        };
    insert(names::REQUEST_ID, HeaderValue::from_str(exchange.id.as_str()));
    insert(names::SERVER_TIMING, HeaderValue::try_from(exchange.server_timing(upstream)));
    if let Some(call) = exchange.call() {
        let known = &call.attempt.known;
        insert(names::PROVIDER, Ok(known.heads.provider.clone()));
        insert(names::MODEL, Ok(known.heads.model.clone()));
        if !call.attempt.losses.is_empty() {
            insert(names::LOSSES, HeaderValue::try_from(call.attempt.losses.to_header()));
        }
    }
}

/// What happens after a piece of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next piece.
    Piece,
    /// The answer was held back, and is complete now.
    Known,
    /// The answer is larger than what may be held.
    TooLarge,
}

/// Turns a piece of the answer into what the client gets.
#[must_use]
pub fn speak(exchange: &mut Exchange, body: &mut Option<Bytes>, end: bool) -> Next {
    let world = Arc::clone(&exchange.world);
    let Some(call) = exchange.call() else { return Next::Piece };
    let Some(provider) = world.providers.get(call.attempt.known.index) else { return Next::Piece };
    let gathered =
        if matches!(call.relay, Relay::Whole(_)) { body.as_ref().map_or(0, Bytes::len) } else { 0 };
    if !call.share.grow(gathered, world.downstream.held.as_usize()) {
        return Next::TooLarge;
    }
    call.relay.speak(body, end, departure::secret(provider, call.attempt.key));
    if call.held {
        *body = None;
        return if end { Next::Known } else { Next::Piece };
    }
    Next::Piece
}

/// All attempts failed: tells the client so, in a whole answer or inside the stream that runs.
pub async fn give_up(session: &mut Session, exchange: &mut Exchange) {
    let Some(refusal) = exchange.refusal.clone() else { return };
    let client = exchange.client();
    if session.response_written().is_some_and(|head| !head.status.is_informational()) {
        let mut fault = Fault::new(refusal.kind, refusal.message);
        if fault.kind == Kind::Internal {
            fault.kind = Kind::BadGateway;
        }
        if let Some(frames) = exchange.call().and_then(|call| call.relay.break_off(fault)) {
            // The client may be gone by now; then nobody need be told.
            let _ = session.write_response_body(Some(frames.into()), true).await;
        }
        return;
    }
    let mut extra = own_headers(exchange);
    if let Some((status, body)) = own_error(exchange) {
        session.set_keepalive(None);
        if let Some(after) = refusal.retry_after {
            extra.insert(header::RETRY_AFTER, answer::seconds(after).into());
        }
        // As above.
        let _ = answer::json(session, status, body, extra).await;
        return;
    }
    // As above.
    let _ = answer::refuse(session, client, &refusal, Connection::Close, extra).await;
}

/// A held error that needs no translation: the provider's own status and body.
fn own_error(exchange: &mut Exchange) -> Option<(u16, Vec<u8>)> {
    let world = Arc::clone(&exchange.world);
    let call = exchange.call()?;
    let provider = world.providers.get(call.attempt.known.index)?;
    call.relay.own_error(departure::secret(provider, call.attempt.key))
}
