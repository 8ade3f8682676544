//! What is noted of a request for those who follow traces, and what its providers are told of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use pingora::http::RequestHeader;

use crate::account::Trace;
use crate::account::trace::{Context, Deed, Glimpse, Head, Try};
use crate::clock;
use crate::proxy::exchange::{Call, Exchange, Stage};
use crate::snapshot::Snapshot;
use crate::telemetry::otlp::fresh;

/// The trace that a request belongs to (W3C Trace Context).
const PARENT: HeaderName = HeaderName::from_static("traceparent");
/// What others on the way noted for themselves.
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// More of it than this is dropped, which the specification allows for.
const LONGEST_STATE: usize = 4096;

/// The request's head came.
pub fn begin(exchange: &mut Exchange, head: &RequestHeader) {
    let trace = exchange.tracing().and_then(|tracing| {
        let asked = parent(&head.headers);
        let state = asked.and_then(|_| state(&head.headers));
        tracing.begin(asked, state, noted(head), exchange.started)
    });
    exchange.trace = trace;
}

/// The client's own context; several of them are none.
fn parent(headers: &HeaderMap) -> Option<Context> {
    let mut said = headers.get_all(&PARENT).iter();
    let one = said.next().filter(|_| said.next().is_none())?;
    Context::parse(one.to_str().ok()?)
}

fn state(headers: &HeaderMap) -> Option<String> {
    let mut all = String::new();
    for part in headers.get_all(&STATE).iter().filter_map(|value| value.to_str().ok()) {
        if !all.is_empty() && !part.is_empty() {
            all.push(',');
        }
        all.push_str(part);
    }
    (!all.is_empty() && all.len() <= LONGEST_STATE).then_some(all)
}

fn noted(head: &RequestHeader) -> Head {
    let text = |name| {
        let value = head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let authority = head.uri.authority().map(|authority| authority.as_str().to_owned());
    let version = match head.version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    };
    Head {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        host: authority.unwrap_or_else(|| text(header::HOST)),
        agent: text(header::USER_AGENT),
        version,
    }
}

/// A step that guards or the cache take, from when on.
#[must_use]
pub fn since(exchange: &Exchange) -> Option<Instant> {
    exchange.trace.as_ref().filter(|trace| trace.noted).map(|_| clock::now())
}

/// That step is over.
pub fn took(exchange: &mut Exchange, since: Option<Instant>, deed: Deed) {
    if let (Some(trace), Some(since)) = (&mut exchange.trace, since) {
        trace.begin(fresh(), since, deed);
        trace.end(clock::now());
    }
}

/// An attempt begins. One that runs still was cut short by something that does not count.
pub fn attempt(exchange: &mut Exchange) {
    let Exchange { world, trace: Some(trace), stage: Stage::Away(call), .. } = exchange else { return };
    if trace.noted {
        let now = clock::now();
        if let Some(running) = trace.attempt() {
            let status = running.status.map(|status| status.to_string().into());
            trace.fail(status.unwrap_or(Cow::Borrowed("connection_closed")), now);
        }
        trace.answer = Glimpse::default();
        trace.begin(fresh(), now, Deed::Attempt(Box::new(tried(call, world))));
    }
}

fn tried(call: &Call, world: &Snapshot) -> Try {
    let known = &call.attempt.known;
    Try {
        provider: Arc::clone(&known.provider),
        vendor: world.providers.get(known.index).map_or("", |provider| provider.vendor.id),
        model: Arc::clone(&known.model),
        dialect: known.dialect.name(),
        method: call.attempt.method.clone(),
        host: known.base.host.clone(),
        port: known.base.port,
        status: None,
        error: None,
    }
}

/// The head of its answer came.
pub fn answered(exchange: &mut Exchange, status: u16) {
    if let Some(attempt) = exchange.trace.as_mut().and_then(|trace| trace.attempt()) {
        attempt.status = Some(status);
    }
}

/// It failed, as what this amounts to.
pub fn failed(exchange: &mut Exchange, why: &'static str) {
    if let Some(trace) = &mut exchange.trace {
        // What the provider itself said is told by its status.
        let status = trace.attempt().map(|attempt| attempt.status);
        match status {
            Some(Some(400..)) => trace.end(clock::now()),
            Some(_) => trace.fail(why, clock::now()),
            None => {}
        }
    }
}

/// Tells the provider which span asks it, in place of what the client said.
pub fn tell(trace: &Trace, headers: &mut HeaderMap) {
    if !trace.propagated {
        return;
    }
    if let Ok(value) = HeaderValue::try_from(trace.onwards().to_string()) {
        headers.insert(PARENT, value);
    }
    match trace.state.as_deref().and_then(|state| HeaderValue::from_str(state).ok()) {
        Some(state) => {
            headers.insert(STATE, state);
        }
        None => {
            headers.remove(STATE);
        }
    }
}
