//! An attempt departs: its peer, its head, and the next one when it fails.

use std::sync::Arc;
use std::time::Duration;

use pingora::http::RequestHeader;
use pingora::prelude::HttpPeer;
use pingora::protocols::ALPN;
use pingora::{Error, ErrorType, Result};

use crate::clock;
use crate::fault::{Fault, Retry};
use crate::proxy::attempt;
use crate::proxy::exchange::{Call, Exchange};
use crate::proxy::relay::Relay;
use crate::proxy::shared::Shared;
use crate::proxy::targets;
use crate::refusal::Kind;
use crate::route::WORDS;
use crate::snapshot::Provider;
use crate::units::Secret;
use crate::wire::lens::Lens;

/// How long an unused connection to a provider is kept.
const POOL_IDLE: Duration = Duration::from_secs(60);

/// The address of this attempt's target.
///
/// # Errors
/// When its host cannot be resolved.
pub async fn peer(shared: &Shared, exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
    let limits = exchange.world.upstream.clone();
    let left = limits.total_timeout.saturating_sub(clock::now().saturating_duration_since(exchange.started));
    let call = exchange.call().ok_or_else(|| Error::new(ErrorType::InternalError))?;
    if let Some(pause) = call.pause.take() {
        tokio::time::sleep(pause.min(left)).await;
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
        peer.options.set_http_version(2, 1);
        peer.options.alpn = ALPN::H2H1;
    }
    // Pingora has one time-out for each read: a whole answer comes at once after its first byte,
    // in a stream the shorter of the two bounds every silence.
    let silence = if call.ask.stream {
        limits.first_byte_timeout.min(limits.idle_timeout)
    } else {
        limits.first_byte_timeout
    };
    peer.options.connection_timeout = Some(limits.connect_timeout.min(left));
    peer.options.total_connection_timeout = Some(limits.connect_timeout.min(left));
    peer.options.read_timeout = Some(silence.min(left));
    peer.options.write_timeout = Some(silence.min(left));
    peer.options.idle_timeout = Some(POOL_IDLE);
    Ok(Box::new(peer))
}

/// The head of this attempt. Nothing of the client's own head is in it.
///
/// # Errors
/// When a configured header is not one.
pub fn head(exchange: &mut Exchange, head: &mut RequestHeader) -> Result<()> {
    let world = Arc::clone(&exchange.world);
    let call = exchange.call().ok_or_else(|| Error::new(ErrorType::InternalError))?;
    let attempt = &call.attempt;
    let provider =
        world.providers.get(attempt.known.index).ok_or_else(|| Error::new(ErrorType::InternalError))?;
    let mut fresh = RequestHeader::build("POST", attempt.path.as_bytes(), Some(12))?;
    fresh.insert_header("host", &attempt.known.authority)?;
    fresh.insert_header("content-type", "application/json")?;
    fresh.insert_header("content-length", attempt.body.len().to_string())?;
    fresh.insert_header("accept", if call.ask.stream { "text/event-stream" } else { "application/json" })?;
    fresh.insert_header("accept-encoding", "identity")?;
    fresh.insert_header("user-agent", concat!("tollgate/", env!("CARGO_PKG_VERSION")))?;
    let mut headers = provider.vendor.auth.headers(attempt.upstream(), secret(provider, attempt.key));
    for (name, value) in &attempt.headers {
        match headers.iter_mut().find(|(known, _)| known == name) {
            // Both the credential and the dialect may need betas.
            Some((_, known)) if *name == "anthropic-beta" => {
                known.push(',');
                known.push_str(value);
            }
            Some((_, known)) => known.clone_from(value),
            None => headers.push((name, value.clone())),
        }
    }
    for (name, value) in headers {
        fresh.insert_header(name, value)?;
    }
    for (name, value) in &provider.headers {
        fresh.insert_header(name.clone(), value)?;
    }
    *head = fresh;
    call.sent = Some(clock::now());
    Ok(())
}

/// The key that an attempt uses.
#[must_use]
pub fn secret(provider: &Provider, key: usize) -> &Secret {
    static NONE: std::sync::LazyLock<Secret> = std::sync::LazyLock::new(Secret::default);
    provider.keys.get(key).unwrap_or(&NONE)
}

/// Notes a fault, and prepares the next attempt if one is worth making; whether there is one.
#[must_use]
pub fn again(exchange: &mut Exchange, fault: Fault) -> bool {
    let world = Arc::clone(&exchange.world);
    let Some(asked) = exchange.asked.clone() else { return false };
    let Some(call) = exchange.call() else { return false };
    let provider = Arc::clone(&call.attempt.known.provider);
    let next = next(call, &world, &fault);
    let go = next.is_some_and(|(place, key, pause)| {
        let Some(target) = call.targets.get(place) else { return false };
        let Some(known) = targets::known(&world, target, call.ask.dialect) else { return false };
        let bytes = call.ask.body.clone();
        let Ok(lens) = Lens::watching(&bytes, &WORDS) else { return false };
        let Ok(attempt) = attempt::prepare(&mut call.ask, &asked, &lens, known, key) else { return false };
        call.attempt = attempt;
        call.place = place;
        call.attempts += 1;
        call.pause = pause;
        call.relay = Relay::Waiting;
        call.held = false;
        call.sent = None;
        call.answered = None;
        true
    });
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

/// The next place, key and pause; none when the fault is final or the attempts are used up.
fn next(call: &Call, world: &crate::snapshot::Snapshot, fault: &Fault) -> Option<(usize, usize, Option<Duration>)> {
    /// A provider that wants more patience than this is not waited for.
    const PATIENCE: Duration = Duration::from_secs(2);
    if call.attempts >= world.upstream.attempts || fault.retry() == Retry::Never {
        return None;
    }
    if call.place + 1 < call.targets.len() {
        return Some((call.place + 1, 0, None));
    }
    let keys = world.providers.get(call.attempt.known.index).map_or(0, |provider| provider.keys.len());
    let of_the_key =
        matches!(fault.kind, Kind::RateLimited | Kind::Authentication | Kind::Billing | Kind::Permission);
    if of_the_key {
        let untried = usize::try_from(call.attempts).is_ok_and(|attempts| attempts < keys);
        return untried.then(|| (call.place, (call.attempt.key + 1) % keys, None));
    }
    // A model that thought for minutes and then timed out would do so again.
    if fault.retry() != Retry::Here || fault.kind == Kind::Timeout {
        return None;
    }
    let back_off = Duration::from_millis((100 << call.attempts.min(5)) + clock::random() % 50);
    let pause = fault.retry_after.unwrap_or(back_off);
    (pause <= PATIENCE).then_some((call.place, call.attempt.key, Some(pause)))
}
