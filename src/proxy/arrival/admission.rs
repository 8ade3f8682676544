//! Who comes in, and what they may ask for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use crate::clock;
use crate::dialect::Kept;
use crate::policy::{Closed, Key};
use crate::proxy::arrival::asked::{Asked, Through};
use crate::proxy::arrival::{credentials, local, through};
use crate::proxy::keeping::background::Background;
use crate::refusal::{Kind, Refusal};
use crate::route::{Choice, Names};
use crate::snapshot::{Barred, Snapshot};
use crate::wire::lens::Lens;

/// Where the client of a request is, as far as is known.
pub(super) fn address(world: &Snapshot, background: &Background, session: &Session) -> Option<IpAddr> {
    let peer = session.client_addr().and_then(|address| address.as_inet()).map(SocketAddr::ip);
    if let Some(client) = peer.and_then(|peer| background.client(peer, session.req_header())) {
        return Some(client);
    }
    if world.proxies.networks.is_empty() {
        return peer.map(|peer| peer.to_canonical());
    }
    let lines = session.req_header().headers.get_all(world.proxies.teller.header()).iter();
    world.proxies.client(peer, lines.map(HeaderValue::as_bytes))
}

/// Lets a client in: the virtual key that it shows, or none for the master key and where the
/// gateway is open; `now` is in seconds since 1970.
///
/// # Errors
/// Why it may not come in.
pub(super) fn admit(
    world: &Snapshot,
    head: &RequestHeader,
    address: Option<IpAddr>,
    now: u64,
) -> Result<Option<Arc<Key>>, Refusal> {
    if world.door.is_open() {
        return Ok(None);
    }
    let admitted = world.door.admit(credentials::shown(head), now, address);
    admitted.map_err(|barred| match barred {
        Barred::Unknown => Refusal::new(Kind::Authentication, "the API key is missing or not known here")
            .with_code("invalid_api_key"),
        Barred::Master => {
            let message = "the master key is for the operator's listener; clients need keys of their own";
            Refusal::new(Kind::Permission, message).with_code("master_key_is_for_admin")
        }
        Barred::Closed(key, why) => closed(&key.name, why),
    })
}

/// The refusal of a key that is known.
pub(super) fn closed(name: &str, why: Closed) -> Refusal {
    let on = |seconds: u64| {
        let moment = clock::rfc3339(seconds.saturating_mul(1000));
        moment.as_str().get(..16).unwrap_or_default().replace('T', " ")
    };
    let (message, code) = match why {
        Closed::Revoked(at) => (format!("was revoked on {} UTC", on(at)), "api_key_revoked"),
        Closed::Disabled => ("is disabled".to_owned(), "api_key_disabled"),
        Closed::Expired(at) => (format!("expired on {} UTC", on(at)), "api_key_expired"),
        Closed::Rotated(at) => (format!("was replaced by another on {} UTC", on(at)), "api_key_rotated"),
        Closed::Address => {
            let message = format!("the API key \"{name}\" may not be used from this address");
            return Refusal::new(Kind::Permission, message).with_code("ip_not_authorized");
        }
    };
    Refusal::new(Kind::Authentication, format!("the API key \"{name}\" {message}")).with_code(code)
}

/// The targets behind a name that a key may ask for.
///
/// # Errors
/// When nothing has the name, or the key may ask for nothing that has it.
pub(in crate::proxy) fn choose(
    world: &Snapshot,
    names: &Names,
    key: Option<&Key>,
    model: &str,
) -> Result<Choice, Refusal> {
    let restricted = key.filter(|key| !key.access.is_for_all_models());
    let chosen = world.table.choose(model, names);
    let Some(key) = restricted else {
        return chosen.map_err(|unknown| local::unknown_model(model, &unknown.nearest));
    };
    match chosen {
        Ok(choice) => permitted(world, key, model, choice).ok_or_else(|| forbidden(key, model)),
        // Names are not told to those who may not ask for them.
        Err(unknown) => {
            let nearest = unknown.nearest.into_iter();
            let known: Vec<_> = nearest.filter(|name| may_ask(world, names, key, name)).collect();
            Err(local::unknown_model(model, &known))
        }
    }
}

/// Those of the targets that a key may ask for by this name; `None` when there is none.
fn permitted(world: &Snapshot, key: &Key, model: &str, mut choice: Choice) -> Option<Choice> {
    if !key.access.allows_name(model, world.table.is_route(model)) {
        choice.retain(|_, target| {
            let provider = world.providers.get(target.provider);
            provider.is_some_and(|provider| key.access.allows_target(&provider.name, &target.model))
        });
    }
    (!choice.targets.is_empty()).then_some(choice)
}

/// Whether a key may ask for a model by this name.
pub(super) fn may_ask(world: &Snapshot, names: &Names, key: &Key, model: &str) -> bool {
    key.access.is_for_all_models()
        || world.table.choose(model, names).is_ok_and(|choice| permitted(world, key, model, choice).is_some())
}

fn forbidden(key: &Key, model: &str) -> Refusal {
    let shown: String = model.chars().take(128).collect();
    let message = format!("the API key \"{}\" may not ask for the model \"{shown}\"", key.name);
    Refusal::new(Kind::Permission, message).with_param("model").with_code("model_not_allowed")
}

/// Whether what goes through must be read first, to know what a key asks for.
pub(super) fn must_be_read(key: Option<&Key>, through: &Through, head: &RequestHeader) -> bool {
    through::may_be_json(through, head)
        && through.like.as_ref().and_then(Asked::model_in_path).is_none()
        && key.is_some_and(|key| !key.access.is_for_all_models() || !key.rules.is_empty())
}

/// Whether a key may have a request go through. Where some models are closed to it, what goes to a
/// model must name one that is not; what is looked at, kept or deleted names none.
///
/// # Errors
/// When it may not.
pub(super) fn go_through(
    world: &Snapshot,
    key: Option<&Key>,
    through: &Through,
    head: &RequestHeader,
    body: &Bytes,
) -> Result<(), Refusal> {
    let Some(key) = key.filter(|key| !key.access.is_for_all_models()) else { return Ok(()) };
    let looks = matches!(head.method, Method::GET | Method::HEAD | Method::DELETE);
    if looks && head.headers.get(header::UPGRADE).is_none() || through.kept == Some(Kept::Files) {
        return Ok(());
    }
    let in_path = through.like.as_ref().and_then(Asked::model_in_path);
    let named = in_path.or_else(|| Some(Lens::new(body).ok()?.string("model")?.into_owned()));
    allow(world, Some(key), &through.provider, named.as_deref().unwrap_or_default())
}

/// Whether a key may ask a provider for a model that no name of ours stands for; "" where the request
/// does not say which.
///
/// # Errors
/// When it may not.
pub(super) fn allow(world: &Snapshot, key: Option<&Key>, provider: &str, model: &str) -> Result<(), Refusal> {
    let Some(key) = key.filter(|key| !key.access.is_for_all_models()) else { return Ok(()) };
    if model.is_empty() {
        let message = format!(
            "the API key \"{}\" may ask for some models only, and this request does not say which it is for",
            key.name
        );
        return Err(Refusal::new(Kind::Permission, message).with_code("model_not_allowed"));
    }
    let plain = model.strip_prefix("models/").unwrap_or(model);
    let allowed = key.access.allows_name(plain, world.table.is_route(plain))
        || key.access.allows_target(provider, plain);
    if allowed { Ok(()) } else { Err(forbidden(key, model)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Sources};

    fn world(yaml: &str) -> Snapshot {
        let folder =
            std::env::temp_dir().join(format!("tollgate-admission-{}-{}", std::process::id(), yaml.len()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("tollgate.yaml");
        std::fs::write(
            &file,
            format!("providers: {{openai: {{api_key: k}}, anthropic: {{api_key: k}}}}\n{yaml}"),
        )
        .unwrap();
        let loaded = config::load(&Sources { file: Some(file), ..Sources::default() }, 1);
        std::fs::remove_dir_all(&folder).unwrap();
        loaded.unwrap().snapshot
    }

    fn shows(secret: &str) -> RequestHeader {
        let mut head = RequestHeader::build("POST", b"/v1/chat/completions", None).unwrap();
        head.insert_header("authorization", format!("Bearer {secret}")).unwrap();
        head
    }

    #[test]
    fn each_key_that_does_not_open_says_why() {
        let world = world(
            "master_key: master-secret\nkeys:\n  ended: {key: secret-of-the-ended, expires: 2020-01-31}\n  \
             off: {key: secret-of-the-off, enabled: false}\n  near: {key: secret-of-the-near, addresses: [10.0.0.0/8]}\n",
        );
        let code = |secret: &str, address: [u8; 4]| {
            let refused = admit(&world, &shows(secret), Some(address.into()), clock::unix_seconds()).err();
            refused.map(|refusal| (refusal.status, refusal.code.unwrap(), refusal.message))
        };
        let (status, code_of, message) = code("secret-of-the-ended", [10, 0, 0, 1]).unwrap();
        assert_eq!((status, code_of.as_str()), (401, "api_key_expired"));
        assert_eq!(message, "the API key \"ended\" expired on 2020-01-31 00:00 UTC");
        assert_eq!(code("secret-of-the-off", [10, 0, 0, 1]).unwrap().1, "api_key_disabled");
        assert_eq!(code("secret-of-the-near", [11, 0, 0, 1]).unwrap().0, 403);
        assert_eq!(code("secret-of-nobody", [10, 0, 0, 1]).unwrap().1, "invalid_api_key");
        assert_eq!(code("secret-of-the-near", [10, 0, 0, 1]), None);
        assert_eq!(code("master-secret", [11, 0, 0, 1]), None);
    }

    #[test]
    fn a_master_key_for_the_operator_opens_nothing_else() {
        let world = world(
            "master_key: master-secret\nmaster_key_for: admin\nkeys: {web: {key: secret-of-the-web-key}}\n",
        );
        let refused = admit(&world, &shows("master-secret"), None, 0).unwrap_err();
        assert_eq!((refused.status, refused.code.as_deref()), (403, Some("master_key_is_for_admin")));
        let key = admit(&world, &shows("secret-of-the-web-key"), None, 0).unwrap();
        assert_eq!(key.map(|key| key.name.clone()).as_deref(), Some("web"));
    }

    #[test]
    fn a_key_is_given_those_targets_that_it_may_ask_for() {
        let world = world(
            "aliases: {fast: openai/gpt-4o-mini}\nroutes: {any: {targets: [openai/gpt-4o, anthropic/claude-sonnet-4-5]}}\n\
             keys: {web: {key: secret-of-the-web-key, models: [\"gpt-4o*\"]}, job: {key: secret-of-the-jobs, routes: [any]}}\n",
        );
        let keys = world.door.keyring.keys();
        let of = |name: &str| keys.iter().find(|key| &*key.name == name).unwrap();
        let targets = |key: &str, model: &str| {
            let choice = choose(&world, &Names::default(), Some(of(key)), model);
            choice.map(|choice| choice.targets.len()).map_err(|refusal| refusal.status)
        };
        assert_eq!((targets("web", "gpt-4o"), targets("web", "openai/gpt-4o-mini")), (Ok(1), Ok(1)));
        assert_eq!((targets("web", "fast"), targets("web", "any")), (Ok(1), Ok(1)));
        assert_eq!(
            (targets("web", "claude-sonnet-4-5"), targets("web", "nobody-knows")),
            (Err(403), Err(404))
        );
        assert_eq!(
            (targets("job", "any"), targets("job", "gpt-4o"), targets("job", "fast")),
            (Ok(2), Err(403), Err(403))
        );
    }
}
