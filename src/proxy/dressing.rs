//! What an answer's head says to its client: whose it is, what it cost of time, and what its body is.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::http::{ResponseHeader, StatusCode};

use crate::dialect::Framing;
use crate::ir::Dialect;
use crate::provider::limits::retry_after;
use crate::proxy::answer;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::attempt::Mode;
use crate::proxy::exchange::{Call, Exchange};
use crate::proxy::guarding;
use crate::proxy::relay::Relay;
use crate::proxy::rewriting;
use crate::proxy::{allowance, names};

/// Dresses the head for the client.
pub fn dress(exchange: &mut Exchange, head: &mut ResponseHeader) {
    let upstream =
        exchange.call().and_then(|call| Some(call.answered?.saturating_duration_since(call.sent?)));
    let (empty, ()) = http::Response::new(()).into_parts();
    let mut parts: http::response::Parts = std::mem::replace(head, empty.into()).into();
    let headers = &mut parts.headers;
    let through = exchange.call().is_some_and(|call| matches!(call.attempt.mode, Mode::Through(_)));
    let unwanted = if through { names::is_of_the_connection } else { names::is_private };
    let address = located(exchange, headers);
    let private: Vec<_> = headers.keys().filter(|name| unwanted(name.as_str())).cloned().collect();
    for name in private {
        headers.remove(name);
    }
    // At an address of the provider's own its id counts.
    let theirs = matches!(&exchange.asked, Some(Asked::Through(through)) if through.kept.is_none());
    let own_id = if theirs { headers.get(names::REQUEST_ID).cloned() } else { None };
    if let Some(call) = exchange.call() {
        dress_body(call, headers);
    }
    stamp(exchange, upstream, headers);
    headers.extend(address.map(|address| (header::LOCATION, address)));
    if let Some(own_id) = own_id {
        headers.insert(names::REQUEST_ID, own_id);
    }
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    *head = parts.into();
}

/// The address of a call that was opened, as it is here: with the owner's name where that is needed.
fn located(exchange: &mut Exchange, headers: &HeaderMap) -> Option<HeaderValue> {
    if !matches!(&exchange.asked, Some(Asked::Opening(_))) {
        return None;
    }
    let address = headers.get(header::LOCATION)?.to_str().ok()?;
    let path = address.split_at_checked(address.find("/realtime/")?)?.1;
    let owner = exchange.call()?.ask.owner.clone().unwrap_or_default();
    let mark = if owner.is_empty() { "" } else { "~" };
    HeaderValue::try_from(format!("/v1{path}{mark}{owner}")).ok()
}

/// Says what the body is, where it is not the provider's own.
pub fn dress_body(call: &Call, headers: &mut HeaderMap) {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    const EVENTS: HeaderValue = HeaderValue::from_static(Framing::Sse.content_type());
    const AWS_EVENTS: HeaderValue = HeaderValue::from_static(Framing::AwsEvents.content_type());
    const LINES: HeaderValue = HeaderValue::from_static(Framing::Lines.content_type());
    let content_type = match &call.relay {
        Relay::Waiting | Relay::Pass(_) | Relay::Stream(_) | Relay::Hear(_) | Relay::Tunnel(_) => None,
        Relay::Error(_) => Some(JSON),
        Relay::Whole(_) if !call.ask.stream => Some(JSON),
        Relay::Whole(_) | Relay::Transcode(_) => Some(match call.ask.framing {
            Framing::Sse => EVENTS,
            Framing::JsonArray => JSON,
            Framing::AwsEvents => AWS_EVENTS,
            Framing::Lines => LINES,
        }),
    };
    let content_type = match &call.wrap {
        Some(_) if !matches!(call.relay, Relay::Error(_)) => Some(AWS_EVENTS),
        Some(_) | None => content_type,
    };
    let changes_length = call.screen.is_some()
        || call.windowed
        || matches!(call.relay, Relay::Stream(_) | Relay::Transcode(_));
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
    if let Some(reserved) = &exchange.reserved {
        allowance::said::stand(reserved, exchange.client(), headers);
    } else if let Some(full) = &exchange.full {
        allowance::said::stand_full(full, exchange.client(), headers);
    }
    let client = exchange.client();
    // The provider's own where it answered, since its clients quote it when they ask for help.
    let named = [
        (Dialect::AnthropicMessages, names::ANTHROPIC_REQUEST_ID),
        (Dialect::BedrockConverse, names::AWS_REQUEST_ID),
    ];
    let named = named.into_iter().find(|(dialect, _)| *dialect == client).map(|(_, name)| name);
    let named = named.filter(|name| !headers.contains_key(name));
    // Once, and not for one after the other.
    headers.reserve(6);
    let mut insert = |name: HeaderName, value: Result<HeaderValue, header::InvalidHeaderValue>| {
        // Ids, names and numbers of ours are always legal values.
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    };
    insert(names::REQUEST_ID, HeaderValue::from_str(exchange.id.as_str()));
    if let Some(name) = named {
        insert(name, HeaderValue::from_str(exchange.id.as_str()));
    }
    if let Some(tier) = exchange.cache {
        insert(names::CACHE, Ok(HeaderValue::from_static(tier.header())));
    }
    if let Some(found) = guarding::header(exchange.guarding.as_deref()) {
        insert(names::GUARDS, HeaderValue::try_from(found));
    }
    insert(names::SERVER_TIMING, HeaderValue::try_from(exchange.server_timing(upstream)));
    if let Some(call) = exchange.call() {
        let known = &call.attempt.known;
        insert(names::PROVIDER, Ok(known.heads.provider.clone()));
        if !known.heads.model.is_empty() {
            insert(names::MODEL, Ok(known.heads.model.clone()));
        }
        let mut losses = call.attempt.losses.clone();
        losses.extend(call.relay.losses());
        if !losses.is_empty() {
            insert(names::LOSSES, HeaderValue::try_from(losses.to_header()));
        }
    }
    rewriting::returning(exchange, headers);
}
