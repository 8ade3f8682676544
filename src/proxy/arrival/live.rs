//! Realtime sessions: a client asks for a WebSocket, and a provider is found that takes it up.

use std::sync::Arc;

use http::{Method, Version, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use crate::catalog::quirks::House;
use crate::dialect::{Live, kept};
use crate::ir::Dialect;
use crate::provider::Platform;
use crate::provider::url::Protocol;
use crate::proxy::arrival::address::Address;
use crate::proxy::arrival::admission;
use crate::proxy::arrival::ask::{self, Chosen, Said};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::arrival::credentials;
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::attempt;
use crate::proxy::departure::onward;
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::tunnel::Tunnel;
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::route::Target;
use crate::snapshot::{Provider, Snapshot};
use crate::wire::percent;

/// What a session's listener may hold.
const ROOM: usize = 32 << 10;

/// Whether a request is a WebSocket's handshake.
#[must_use]
pub(super) fn is_handshake(head: &RequestHeader) -> bool {
    let asks = |name, word: &str| {
        let values = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.into_iter().any(|value| value.split(',').any(|each| each.trim().eq_ignore_ascii_case(word)))
    };
    head.version == Version::HTTP_11
        && head.method == Method::GET
        && head.headers.contains_key(header::SEC_WEBSOCKET_KEY)
        && asks(header::UPGRADE, "websocket")
        && asks(header::CONNECTION, "upgrade")
}

/// Gives a session its own measure of time and its share of the bytes held.
///
/// # Errors
/// When nothing more may be held.
pub(super) fn settle_in(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
) -> Result<Share, Refusal> {
    let world = Arc::clone(&exchange.world);
    let mut share = shared.held.share();
    if !share.grow(ROOM, world.downstream.held.as_usize()) {
        return Err(Refusal::new(Kind::Unavailable, "the gateway holds as much as it may"));
    }
    // A client may listen for long, and its signs of life are seen elsewhere.
    session.set_read_timeout(None);
    let longest = world.upstream.session_timeout;
    exchange.deadline = exchange.started.checked_add(longest).unwrap_or(exchange.started);
    Ok(share)
}

/// What the query says, told apart from what is ours in it.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) model: String,
    version: Option<String>,
    provider: Option<String>,
    /// Whether it names what is there already, or asks for what needs no model.
    without: bool,
    pub(super) rest: String,
}

impl Query {
    pub(super) fn of(world: &Snapshot, query: &str) -> Self {
        let (query, owner) = kept::strip(query, |name| world.table.provider(name).is_ok());
        let mut said = Self { provider: owner, ..Self::default() };
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                // Both would open a provider's door.
                "key" | "access_token" => {}
                "model" | "deployment" => said.model = percent::decode_text(value).into_owned(),
                "api-version" => said.version = Some(percent::decode_text(value).into_owned()),
                "provider" => said.provider = Some(percent::decode_text(value).into_owned()),
                _ => {
                    said.without |= name == "call_id" || name == "intent";
                    rest.push(pair);
                }
            }
        }
        said.rest = rest.join("&");
        said
    }

    /// The provider that the client chooses, if it does.
    pub(super) fn told(&self, head: &RequestHeader) -> Option<String> {
        let named = head.headers.get("x-tollgate-provider").and_then(|name| name.to_str().ok());
        self.provider.clone().or_else(|| named.map(str::to_owned))
    }
}

/// Finds the provider and prepares the first attempt.
///
/// # Errors
/// When this is no handshake, or nobody serves what is asked for.
pub(super) fn dispatch(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    live: Live,
) -> Result<(), Refusal> {
    if !is_handshake(session.req_header()) {
        let message = "a realtime session begins with a WebSocket's handshake: GET over HTTP/1.1 with \
                       connection: upgrade and upgrade: websocket";
        return Err(Refusal::new(Kind::InvalidRequest, message).with_code("websocket_expected"));
    }
    let share = settle_in(shared, session, exchange)?;
    let world = Arc::clone(&exchange.world);
    let head = session.req_header();
    let query = Query::of(&world, head.uri.query().unwrap_or(""));
    let told = query.told(head);
    let protocol = protocol(head, query.version.as_deref());
    let tunnel = Tunnel::new(head, Some(live), protocol, true);
    let mut ask = read(head, live, &query);
    let chosen = match live {
        Live::Openai if told.is_none() && !ask.model.is_empty() => ask::choose(
            &world,
            &world.discovered.load(),
            exchange.key.as_deref(),
            &head.headers,
            &Asked::Live(live),
            &mut ask,
        )?,
        Live::Openai if told.is_none() && !query.without => {
            let message = "the query names no model";
            return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
        }
        Live::Openai | Live::Gemini => {
            let chosen = at(&world, live, told.as_deref(), &ask.model)?;
            let provider = &chosen.known.provider;
            admission::allow(&world, exchange.key.as_deref(), provider, &ask.model)?;
            chosen
        }
    };
    let barred = onward::barred(chosen.routing.as_deref(), chosen.place);
    let key = super::dispatch::key(shared, &world, &ask, &chosen.known, barred);
    let attempt = attempt::live(&ask, &tunnel, chosen.known, key)?;
    let call = Call::new(ask, chosen.targets, chosen.place, attempt, share);
    let upload = Upload::Tunnel(Box::new(tunnel));
    exchange.stage = Stage::Away(Box::new(Call { upload, routing: chosen.routing, ..call }));
    Ok(())
}

fn read(head: &RequestHeader, live: Live, query: &Query) -> Ask {
    let Said { strict, mut carried, attribution, .. } = ask::read_headers(&head.headers);
    let safety = head.headers.get("openai-safety-identifier").and_then(|value| value.to_str().ok());
    carried.extend(safety.map(|value| ("openai-safety-identifier", value.to_owned())));
    let path = Address::of(head.uri.path()).place.into_owned();
    let model = if live == Live::Openai { query.model.clone() } else { String::new() };
    Ask {
        stream: true,
        strict,
        attribution,
        carried,
        ..Ask::new(live.dialect(), path, query.rest.clone(), model)
    }
}

/// Whether a client speaks OpenAI's older words: it says so, or asks at Azure's older address.
fn protocol(head: &RequestHeader, version: Option<&str>) -> Protocol {
    let said = head.headers.get("openai-beta").is_some_and(|beta| beta.as_bytes().starts_with(b"realtime"));
    let offered = credentials::protocols(head).any(|name| name.starts_with("openai-beta.realtime"));
    match version {
        Some(version) if version != "v1" && version != "preview" => Protocol::Preview(version.to_owned()),
        Some(_) | None if said || offered => Protocol::Preview(String::new()),
        Some(_) | None => Protocol::Current,
    }
}

/// The name that follows ids of this provider; "" for the one that is meant by an id alone.
pub(super) fn owner(world: &Snapshot, index: usize) -> String {
    let first = first(world, Live::Openai);
    let provider = world.providers.get(index).filter(|_| first != Some(index));
    provider.map_or_else(String::new, |provider| provider.name.clone())
}

fn has(provider: &Provider, live: Live) -> bool {
    provider.vendor.platform == Platform::None && speaks(provider, live)
}

/// The first provider that has such sessions, their makers before others.
fn first(world: &Snapshot, live: Live) -> Option<usize> {
    let own = |provider: &Provider| has(provider, live) && provider.vendor.quirks.house == House::Own;
    let first = world.providers.iter().position(own);
    first.or_else(|| world.providers.iter().position(|provider| has(provider, live)))
}

/// The provider that was told, or the first that has such sessions.
pub(super) fn at(world: &Snapshot, live: Live, told: Option<&str>, model: &str) -> Result<Chosen, Refusal> {
    let found = match told {
        Some(name) => {
            let unknown = || Refusal::new(Kind::NotFound, format!("no provider is named \"{name}\""));
            Some(world.table.provider(name).map_err(|_| unknown())?)
        }
        None => first(world, live),
    };
    let found = found.and_then(|index| Some((index, world.providers.get(index)?)));
    let Some((index, provider)) = found.filter(|(_, provider)| has(provider, live)) else {
        return Err(Refusal::new(Kind::NotFound, "no provider that is configured has such sessions"));
    };
    let dialect = live.dialect();
    let spoken = provider.spoken().into_iter().find(|(spoken, _)| *spoken == dialect);
    let base = spoken.map_or_else(|| provider.base.clone(), |(_, base)| base);
    let known = Known::through(world, provider, index, dialect, base, model).unnamed(provider);
    let target = Target { provider: index, model: model.to_owned() };
    Ok(Chosen { targets: vec![target], place: 0, known: Arc::new(known), routing: None })
}

fn speaks(provider: &Provider, live: Live) -> bool {
    let wanted: Dialect = live.dialect();
    provider.vendor.speaks.iter().any(|(dialect, _)| *dialect == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &[(&'static str, &str)]) -> RequestHeader {
        let mut head = RequestHeader::build("GET", b"/v1/realtime", None).unwrap();
        for (name, value) in lines {
            head.append_header(*name, *value).unwrap();
        }
        head
    }

    #[test]
    fn a_handshake_is_known_by_all_its_parts() {
        let whole = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        assert!(is_handshake(&head(&whole)));
        for missing in 0..whole.len() {
            let mut part = whole.to_vec();
            part.remove(missing);
            assert!(!is_handshake(&head(&part)));
        }
        let mut posted = head(&whole);
        posted.set_method(Method::POST);
        assert!(!is_handshake(&posted));
    }

    #[test]
    fn older_words_are_known_by_what_the_client_says_or_where_it_asks() {
        let preview = |version: &str| Protocol::Preview(version.to_owned());
        for (lines, version, expected) in [
            (vec![], None, Protocol::Current),
            (vec![("openai-beta", "realtime=v1")], None, preview("")),
            (
                vec![(
                    "sec-websocket-protocol",
                    "realtime, openai-insecure-api-key.k, openai-beta.realtime-v1",
                )],
                None,
                preview(""),
            ),
            (vec![], Some("2025-04-01-preview"), preview("2025-04-01-preview")),
            (vec![], Some("preview"), Protocol::Current),
        ] {
            assert_eq!(protocol(&head(&lines), version), expected);
        }
    }
}
