//! What of a client's WebSocket handshake and first words goes on to the provider.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora::http::RequestHeader;

use crate::dialect::Live;
use crate::dialect::live::{Named, Setup};
use crate::ir::Dialect;
use crate::provider::url::Protocol;
use crate::proxy::arrival::credentials;
use crate::proxy::departure::targets;
use crate::proxy::exchange::Call;
use crate::route::Names;
use crate::snapshot::Snapshot;

/// A session on its way to a provider.
#[derive(Debug)]
pub struct Tunnel {
    /// Its form, where that is known.
    pub live: Option<Live>,
    /// Which words OpenAI's form is spoken in.
    pub protocol: Protocol,
    /// Whether the provider has taken it up.
    pub open: bool,
    /// The client's own part of the handshake.
    handshake: HeaderMap,
    /// Waits for the first message, where that names the model.
    setup: Option<Setup>,
    /// Whether that may be changed.
    renames: bool,
}

/// What a handshake says of the connection, and what is of no use in one.
const OF_THE_HANDSHAKE: [HeaderName; 8] = [
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    // What an extension packs could not be read; none is asked for.
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
];

impl Tunnel {
    /// A session that this client asks for, in a form that may be unknown.
    #[must_use]
    pub fn new(head: &RequestHeader, live: Option<Live>, protocol: Protocol, renames: bool) -> Self {
        let mut handshake = HeaderMap::with_capacity(5);
        for name in [header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION] {
            if let Some(value) = head.headers.get(&name) {
                handshake.insert(name, value.clone());
            }
        }
        let offered: Vec<_> =
            credentials::protocols(head).filter(|name| !credentials::is_ours(name)).collect();
        if let Ok(value) = HeaderValue::try_from(offered.join(", "))
            && !value.is_empty()
        {
            handshake.insert(header::SEC_WEBSOCKET_PROTOCOL, value);
        }
        handshake.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        handshake.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        let setup = (live == Some(Live::Gemini)).then(Setup::default);
        Self { live, protocol, open: false, handshake, setup, renames }
    }

    /// Makes a head of the provider's into one that begins a session.
    pub fn dress(&self, headers: &mut HeaderMap) {
        for name in OF_THE_HANDSHAKE {
            headers.remove(name);
        }
        for (name, value) in &self.handshake {
            headers.insert(name, value.clone());
        }
    }
}

/// A piece of what the client says: what goes on of it. The first message of Gemini's form waits until
/// it is whole, since a name of ours may stand in it.
pub fn pass(call: &mut Call, world: &Arc<Snapshot>, body: &mut Option<Bytes>, end: bool) {
    let Call { upload: super::upload::Upload::Tunnel(tunnel), share, .. } = call else { return };
    let (Some(setup), true) = (&mut tunnel.setup, tunnel.open) else { return };
    let before = setup.held();
    let named = setup.push(body.as_deref().unwrap_or_default());
    let room = share.grow(setup.held().saturating_sub(before), world.downstream.held.as_usize());
    let named = if end || !room { named.or_else(|| Some(setup.give_up())) } else { named };
    match named {
        // `None` would end the session.
        None => *body = Some(Bytes::new()),
        Some(named) => {
            tunnel.setup = None;
            // It leaves now; the session may last for hours.
            share.shrink(before);
            let renames = tunnel.renames;
            *body = Some(settle(call, world, named, renames).into());
        }
    }
}

/// The first message is there: it has told the model, whose name there may be another.
fn settle(call: &mut Call, world: &Snapshot, named: Named, renames: bool) -> Vec<u8> {
    let Some(model) = named.model.clone() else { return named.as_it_came() };
    let plain = model.strip_prefix("models/").unwrap_or(&model);
    plain.clone_into(&mut call.ask.model);
    let here = call.attempt.known.index;
    let choice = world.table.choose(plain, &Names::default()).ok().filter(|_| renames);
    // A name that means somebody else is for this provider to refuse.
    let target = choice.and_then(|choice| choice.targets.into_iter().find(|target| target.provider == here));
    let Some(target) = target else {
        if let Some(provider) = world.providers.get(here) {
            call.attempt.known = Arc::new(call.attempt.known.named(world, provider, plain));
        }
        return named.as_it_came();
    };
    if let Some(known) = targets::known(world, &target, Dialect::GeminiGenerate) {
        call.attempt.known = known;
    }
    if target.model == plain {
        named.as_it_came()
    } else {
        named.renamed(&format!("models/{}", target.model))
    }
}
