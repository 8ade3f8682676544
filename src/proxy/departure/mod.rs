//! An attempt departs: its peer, its head, and the next one when it fails.

use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::http::{RequestHeader, Version};
use pingora::prelude::HttpPeer;
use pingora::protocols::tls::CustomALPN;
use pingora::protocols::{ALPN, Digest};
use pingora::proxy::Session;
use pingora::{Error, ErrorType, OrErr as _, Result};

use crate::clock;
use crate::dialect::Framing;
use crate::fault::Fault;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::attempt::{Attempt, Mode};
use crate::proxy::departure::envelope::Envelope;
use crate::proxy::departure::joined::Joining;
use crate::proxy::departure::onward::Onward;
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::fetching;
use crate::proxy::relay::Relay;
use crate::proxy::rewriting;
use crate::proxy::shared::Shared;
use crate::proxy::tracing;
use crate::refusal::{Kind, Refusal};
use crate::route::WORDS;
use crate::route::health::Busy;
use crate::snapshot::{Provider, Snapshot};
use crate::units::Secret;
use crate::wire::lens::Lens;

pub mod attempt;
mod bridge;
pub mod envelope;
pub mod joined;
pub mod judging;
pub mod kept;
pub mod onward;
pub mod proof;
pub mod queueing;
pub mod resolve;
pub mod targets;
mod through;
pub mod tunnel;
pub mod upload;

/// How much of an answer an HTTP/2 provider may send before the client takes it; Pingora's own
/// 8 MiB would be held for each client that reads slowly.
const WINDOW: u32 = 1 << 20;

/// How many requests share one HTTP/2 connection to a provider. Pingora's own choice is one, which
/// costs a file and a handshake for each stream; all of them would hang on one connection's loss.
const STREAMS: u32 = 32;

/// Asks for connections that send head and body in one piece.
static JOINING: LazyLock<ALPN> =
    LazyLock::new(|| ALPN::Custom(CustomALPN::new(Joining::ALPN.as_bytes().to_vec())));

/// How long an unused connection to a provider is kept.
const POOL_IDLE: Duration = Duration::from_secs(60);

/// The address of this attempt's target.
///
/// # Errors
/// When its host cannot be resolved.
pub async fn peer(shared: &Shared, session: &mut Session, exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
    let limits = exchange.patience;
    let left = exchange.deadline.saturating_duration_since(clock::now());
    let watched = exchange.vigil.is_some();
    let call = exchange.call().ok_or_else(|| Error::new(ErrorType::InternalError))?;
    if let Some(pause) = call.pause.take() {
        tokio::time::sleep(pause.min(left)).await;
    }
    if let (Some(cap), None, false) = (call.attempt.known.cap, &call.slot, call.upload.is_tunnel()) {
        // Apart, since its room would be made for each request where nothing is bounded.
        Box::pin(queueing::enter(session, exchange, cap)).await?;
    }
    let call = exchange.call().ok_or_else(|| Error::new(ErrorType::InternalError))?;
    if !call.ask.wants.is_empty()
        && let Err(refusal) = fetching::provide(shared, exchange).await
    {
        exchange.refusal = Some(refusal);
        return refused("what an address holds");
    }
    tracing::attempt(exchange);
    let call = exchange.call().ok_or_else(|| Error::new(ErrorType::InternalError))?;
    call.lent = None;
    if let Some(cloud) = &call.attempt.known.cloud {
        match shared.credentials.lend(&cloud.source, call.stale.as_ref(), left).await {
            Ok(lent) => call.lent = Some(lent),
            Err(why) => {
                let message = format!("{} has no credentials: {why}", call.attempt.known.provider);
                let fault = Fault::new(Kind::BadGateway, message);
                let mut error = Error::explain(ErrorType::ConnectError, "no credentials").into_up();
                error.set_retry(again(exchange, fault));
                return Err(error);
            }
        }
    }
    let base = &call.attempt.known.base;
    let Some(address) = shared.resolver.address(&base.host, base.port).await else {
        let fault = Fault::new(Kind::BadGateway, "the provider's host could not be resolved");
        let mut error = Error::explain(ErrorType::ConnectError, "unresolved").into_up();
        error.set_retry(again(exchange, fault));
        return Err(error);
    };
    let mut peer = HttpPeer::new(address, base.tls, base.host.clone());
    if base.tls {
        // Pingora takes a body whose length nobody foretold for an empty one, and would end an
        // HTTP/2 request before it; over HTTP/1.1 our own length counts.
        // Sessions are opened over HTTP/1.1 alone.
        if !call.ask.unsized_body && !call.plain && !call.upload.is_tunnel() {
            peer.options.set_http_version(2, 1);
            peer.options.alpn = ALPN::H2H1;
            peer.options.max_h2_streams = STREAMS as usize;
            peer.options.h2_stream_window_size = Some(WINDOW);
            // So that one client that reads slowly stops none of the others.
            peer.options.h2_connection_window_size = Some(WINDOW * STREAMS);
        }
    } else {
        peer.options.alpn = JOINING.clone();
    }
    // The client's own connection keeps the times of its answer (`vigil`). Where it cannot, Pingora
    // has one time-out for each read; a whole answer comes at once after its first byte.
    let (first, idle) = (limits.first_byte, limits.idle);
    let silence = if call.ask.stream { first.min(idle) } else { first };
    let silence = (!watched).then_some(silence.min(left));
    peer.options.connection_timeout = Some(limits.connect.min(left));
    peer.options.total_connection_timeout = Some(limits.connect.min(left));
    peer.options.read_timeout = silence;
    // Over HTTP/2 Pingora writes a large body without an eye on anything else.
    peer.options.write_timeout = if base.tls { Some(first.min(left)) } else { silence };
    peer.options.idle_timeout = Some(POOL_IDLE);
    Ok(Box::new(peer))
}

/// The error of a request that is refused before it leaves, for this reason.
fn refused<T>(why: &'static str) -> Result<T> {
    Err(Error::explain(ErrorType::InternalError, why).into_in())
}

/// The connection that this attempt leaves by.
pub fn connected(exchange: &mut Exchange, connection: Option<&Digest>) {
    if let Some(connection) = connection
        && exchange.call().is_some_and(|call| !call.attempt.body.is_empty())
    {
        joined::body_follows(connection);
    }
}

/// The head of this attempt. Nothing of the client's own head is in it, unless that goes through.
///
/// # Errors
/// When the target's path is none, which cannot be.
pub fn head(exchange: &mut Exchange, head: &mut RequestHeader) -> Result<()> {
    let world = Arc::clone(&exchange.world);
    let Exchange { trace, key, vigil, stage: Stage::Away(call), .. } = exchange else {
        return Err(Error::new(ErrorType::InternalError));
    };
    call.upload.begin();
    let attempt = &call.attempt;
    let mut headers = match (&attempt.mode, world.providers.get(attempt.known.index)) {
        (Mode::Through(_), Some(provider)) => {
            let key = secret(provider, attempt.key);
            let mut headers =
                through::headers(&head.headers, provider, &attempt.known.base, attempt.known.dialect, key);
            if call.upload.is_held() {
                headers.insert(header::CONTENT_LENGTH, attempt.body.len().into());
                headers.remove(header::CONTENT_ENCODING);
            }
            headers
        }
        _ => own_headers(attempt, call.ask.stream),
    };
    rewriting::departing(&world, key.as_deref(), &call.ask, &attempt.known.provider, &mut headers);
    if let Some(trace) = trace {
        tracing::tell(trace, &mut headers);
    }
    if let (Some(lent), Some(cloud)) = (&call.lent, &attempt.known.cloud) {
        proof::show(&mut headers, lent, cloud, attempt);
    }
    if let Upload::Tunnel(tunnel) = &call.upload {
        tunnel.dress(&mut headers);
    }
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = attempt.method.clone();
    parts.uri = attempt.path.parse().or_err(ErrorType::InternalError, "a target's path")?;
    parts.headers = headers;
    // Pingora has set the version of the connection that it found or made, and relies on it.
    if head.version == Version::HTTP_2 {
        parts.version = head.version;
    }
    *head = parts.into();
    if call.attempts == 1 {
        onward::earn(world.upstream.retries);
    }
    call.busy = call.attempt.known.reach.as_ref().map(Busy::with);
    if let Some(vigil) = vigil {
        match call.attempt.known.heard_out {
            true => vigil.hear_out(),
            false if call.attempts > 1 => vigil.let_be(),
            false => {}
        }
    }
    let now = clock::now();
    call.sent = Some(now);
    exchange.sent(now);
    Ok(())
}

/// A piece of the client's body is due: what goes to the provider instead.
pub fn feed(exchange: &mut Exchange, body: &mut Option<Bytes>, end: bool) {
    let Exchange { world, stage: Stage::Away(call), .. } = exchange else {
        *body = Some(Bytes::new());
        return;
    };
    match &mut call.upload {
        // `None` would end the body, whatever `end` says.
        Upload::Held if end => *body = Some(call.attempt.body.clone()),
        Upload::Held => *body = Some(Bytes::new()),
        Upload::Streamed(streamed) => {
            streamed.pass(body);
            // The provider has as long as ever from here on.
            exchange.sent(clock::now());
        }
        Upload::Tunnel(tunnel) => {
            let open = tunnel.open;
            tunnel::pass(call, world, body, end);
            if open {
                exchange.alive(clock::now());
            }
        }
    }
}

/// The headers of an attempt that we worded ourselves.
#[must_use]
pub fn own_headers(attempt: &Attempt, stream: bool) -> HeaderMap {
    let mut headers = attempt.known.heads.sent(attempt.key);
    headers.insert(header::CONTENT_LENGTH, attempt.body.len().into());
    let streams = Framing::of(attempt.upstream()).content_type();
    // There a client accepts what the model says, and that is JSON.
    let invoked = attempt.known.envelope == Envelope::Bedrock;
    let accept = if stream && !invoked { streams } else { "application/json" };
    headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    for (name, value) in &attempt.headers {
        add(&mut headers, name, value);
    }
    headers
}

/// Adds a header of the dialect; betas are joined, since the credential may need some too.
fn add(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let name = HeaderName::from_static(name);
    let joined = match headers.get(&name).filter(|_| name == "anthropic-beta") {
        Some(known) => format!("{},{value}", String::from_utf8_lossy(known.as_bytes())),
        None => value.to_owned(),
    };
    if let Ok(value) = HeaderValue::try_from(joined) {
        headers.insert(name, value);
    }
}

/// The key that an attempt uses.
#[must_use]
pub fn secret(provider: &Provider, key: usize) -> &Secret {
    static NONE: LazyLock<Secret> = LazyLock::new(Secret::default);
    provider.keys.get(key).unwrap_or(&NONE)
}

/// Notes a fault, and prepares the next attempt if one is worth making; whether there is one.
#[must_use]
pub fn again(exchange: &mut Exchange, fault: Fault) -> bool {
    let world = Arc::clone(&exchange.world);
    tracing::failed(exchange, fault.kind.label());
    let late = clock::now() >= exchange.deadline;
    let Some(asked) = exchange.asked.clone() else { return false };
    let Some(call) = exchange.call() else { return false };
    let provider = Arc::clone(&call.attempt.known.provider);
    // A body that goes through cannot be had twice, and what it asks for may not be done twice.
    let once = !call.upload.is_held() || matches!(asked, Asked::Through(_));
    let gone = once && call.sent.is_some();
    judging::failed(call, &world, &fault);
    let next = if late || gone { None } else { onward::onward(call, &world, &asked, &fault) };
    let go = next.is_some_and(|next| go_on(call, &world, &asked, next));
    log::debug!(
        "request {}: {provider} failed ({}, status {}); {}",
        exchange.id,
        fault.kind.label(),
        fault.status,
        if go { "trying again" } else { "giving up" }
    );
    exchange.faults.push((provider, fault));
    go
}

/// Prepares the attempt that is to be made next; whether there can be one.
fn go_on(call: &mut Call, world: &Snapshot, asked: &Asked, next: Onward) -> bool {
    let Onward { place, key, pause } = next;
    let known = Arc::clone(&call.attempt.known);
    if !prepare_next(call, world, asked, place, key) {
        return false;
    }
    call.note_spent(&known);
    if call.place != place {
        call.passed = 0;
    }
    call.place = place;
    call.attempts += 1;
    call.pause = pause;
    call.stale = None;
    call.plain = false;
    begin_anew(call);
    true
}

/// Prepares an attempt at another target, since this one has no place: nothing was asked of it, and so
/// nothing is its fault. Whether there is one.
fn elsewhere(exchange: &mut Exchange) -> bool {
    let world = Arc::clone(&exchange.world);
    let Some(asked) = exchange.asked.clone() else { return false };
    let Some(call) = exchange.call() else { return false };
    let Some(next) = onward::elsewhere(call, &world, &asked) else { return false };
    let attempts = call.attempts;
    let goes = go_on(call, &world, &asked, next);
    call.attempts = attempts;
    goes
}

/// What an earlier attempt left is forgotten.
fn begin_anew(call: &mut Call) {
    if let Some(tape) = &mut call.tape {
        tape.begin_anew();
    }
    call.vectors = None;
    call.relay = Relay::Waiting;
    (call.screen, call.windowed) = (None, false);
    call.holding = None;
    call.head = None;
    call.awaits = false;
    call.sent = None;
    call.busy = None;
    call.slot = None;
    call.answered = None;
}

/// Whether a server has not the dialect in which it was asked, and is asked in another now, which costs
/// no attempt. What was learned holds until the configuration is read anew.
#[must_use]
pub fn turned(exchange: &mut Exchange, status: u16) -> bool {
    let world = Arc::clone(&exchange.world);
    let Some(asked) = exchange.asked.clone() else { return false };
    let Some(call) = exchange.call() else { return false };
    let known = Arc::clone(&call.attempt.known);
    let Some(instead) = known.instead.as_ref().filter(|_| matches!(status, 404 | 405 | 501)) else {
        return false;
    };
    instead.needed.store(true, Ordering::Relaxed);
    let (place, key) = (call.place, call.attempt.key);
    if !prepare_next(call, &world, &asked, place, key) {
        return false;
    }
    begin_anew(call);
    log::debug!("request {}: {} has no {}", exchange.id, known.provider, known.dialect.name());
    true
}

/// Prepares the present attempt once more, with what was got for it.
///
/// # Errors
/// Why the request cannot be said with it.
pub fn prepare_anew(exchange: &mut Exchange) -> std::result::Result<(), Refusal> {
    let Some(asked) = exchange.asked.clone() else { return Ok(()) };
    let Some(call) = exchange.call() else { return Ok(()) };
    let bytes = call.ask.body.clone();
    let lens = Lens::watching(&bytes, &WORDS).map_err(attempt::malformed)?;
    let (known, key) = (Arc::clone(&call.attempt.known), call.attempt.key);
    call.attempt = attempt::prepare(&mut call.ask, &asked, &lens, known, key)?;
    Ok(())
}

/// Reads what the client asks, unless some attempt has needed that already.
///
/// # Errors
/// When the body is not as its dialect has it.
pub fn parsed(ask: &mut Ask) -> std::result::Result<(), Refusal> {
    if ask.parsed.is_none() {
        ask.parsed = Some(Box::new(attempt::parse(ask, None, ask.dialect)?));
    }
    Ok(())
}

/// Prepares the attempt at this place with this key; whether there can be one.
fn prepare_next(call: &mut Call, world: &Snapshot, asked: &Asked, place: usize, key: usize) -> bool {
    if let Asked::Through(_) = asked {
        call.attempt.key = key;
        return true;
    }
    let Some(target) = call.targets.get(place) else { return false };
    if target.model.is_empty() {
        // A session whose model is yet to be named.
        call.attempt.key = key;
        return true;
    }
    let Some(known) = targets::known(world, target, call.ask.dialect) else { return false };
    let prepared = match (asked, &call.ask.form) {
        (Asked::Relay(relayed), Some(_)) => attempt::form(&call.ask, *relayed, known, key),
        (Asked::Opening(opening), _) => attempt::opening(&call.ask, *opening, known, key),
        (Asked::Live(_), _) => {
            let Upload::Tunnel(tunnel) = &call.upload else { return false };
            attempt::live(&call.ask, tunnel, known, key)
        }
        _ => {
            let bytes = call.ask.body.clone();
            let Ok(lens) = Lens::watching(&bytes, &WORDS) else { return false };
            attempt::prepare(&mut call.ask, asked, &lens, known, key)
        }
    };
    let Ok(attempt) = prepared else { return false };
    if !call.upload.is_held() {
        call.upload = Upload::streamed(attempt.body.clone());
    }
    call.attempt = attempt;
    true
}
