//! Issuers whose tokens open the gateway.

use std::sync::Arc;

use crate::config::file::{File, Jwt};
use crate::policy::token::{Algorithm, Audience, Issuer, Origin, Set, Template, split};

use super::Check;
use super::keys::{is_name, is_owner};

/// A secret shorter than the hash it makes can be guessed.
const SHORTEST_SECRET: usize = 32;
/// Clocks are no further apart than this.
const MOST_LEEWAY: u64 = 600;

/// All of them.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Arc<[Issuer]> {
    file.jwt.iter().map(|(name, written)| one(file, name, written, check)).collect()
}

fn one(file: &File, name: &str, written: &Jwt, check: &mut Check<'_>) -> Issuer {
    let at = |field: &'static str| ["jwt", name, field];
    if !is_name(name) {
        check.error(&["jwt", name], "expected a name", None);
    }
    let issuer = written.issuer.trim();
    if issuer.is_empty() {
        check.error(
            &["jwt", name],
            "the issuer has no name",
            "issuer: what its tokens have as iss".to_owned(),
        );
    }
    let audience: Vec<String> = written.audience.iter().map(|name| name.trim().to_owned()).collect();
    if audience.is_empty() {
        let hint = "a token for another service would open this one; audience: [\"*\"] takes it all the same";
        check.error(&["jwt", name], "the issuer has no audience", hint.to_owned());
    }
    let any = audience.iter().any(|name| name == "*");
    let leeway = written.leeway.0.as_secs();
    if leeway > MOST_LEEWAY {
        check.error(&at("leeway"), "expected at most 10m", None);
    }
    let mut keys = Set::default();
    for (place, key) in written.keys.iter().enumerate() {
        match Set::written(key.0.expose()) {
            Ok(set) => keys.join(set),
            Err(wrong) => check.error(&["jwt", name, "keys", &place.to_string()], wrong, None),
        }
    }
    if let Some(secret) = &written.secret {
        if secret.0.expose().len() < SHORTEST_SECRET {
            let message = format!("expected a secret of at least {SHORTEST_SECRET} letters");
            check.error(&at("secret"), message, None);
        }
        keys.join(Set::shared(secret.0.clone()));
    }
    let origin = origin(name, written, issuer, check);
    let algorithms = algorithms(name, written, check);
    if let Some(host) = written.as_key.as_deref()
        && !is_name(host)
    {
        check.error(&at("as_key"), "expected the name of a key", None);
    }
    if written.each.is_some() && written.as_key.is_none() {
        check.error(&at("each"), "there is no as_key whose limits each could have", None);
    }
    if let Some(host) = &written.as_key
        && !file.keys.contains_key(host)
    {
        let message = format!("the file has no key \"{host}\"; `tollgate keys create {host}` may make it");
        check.warning(&at("as_key"), message, None);
    }
    let slashless = written.owner.as_deref().map(|text| text.trim_matches('/'));
    let owner = slashless.and_then(|text| template(&at("owner"), text, check));
    let user = written.user.as_deref().and_then(|text| template(&at("user"), text, check));
    let each = written.each.as_deref().and_then(|text| template(&at("each"), text, check));
    let mut labels = Vec::with_capacity(written.labels.len());
    for (place, text) in written.labels.iter().enumerate() {
        let path = ["jwt", name, "labels", &place.to_string()];
        let Some(label) = template(&path, text, check) else { continue };
        if !is_name(&label.example()) {
            check.error(&path, "expected a label", None);
        }
        labels.push(label);
    }
    // What stands between the claims is the operator's, and held to what is so where it is written whole.
    if owner.as_ref().is_some_and(|owner| !is_owner(&owner.example())) {
        let hint = "parts of letters, digits, - _ . and between them slashes".to_owned();
        check.error(&at("owner"), "expected an owner such as {org}/{groups.0}/{sub}", hint);
    }
    Issuer {
        name: name.trim().into(),
        issuer: issuer.to_owned(),
        audience: if any { Audience::Any } else { Audience::OneOf(audience) },
        algorithms,
        leeway,
        keys,
        origin,
        owner,
        labels,
        user,
        as_key: written.as_key.as_deref().map(|name| name.trim().into()),
        each,
    }
}

fn template(path: &[&str], text: &str, check: &mut Check<'_>) -> Option<Template> {
    let parsed: Result<Template, _> = text.parse();
    parsed.map_err(|wrong| check.error(path, wrong.to_string(), None)).ok()
}

fn algorithms(name: &str, written: &Jwt, check: &mut Check<'_>) -> Vec<Algorithm> {
    let with_secret = written.secret.is_some();
    if written.algorithms.is_empty() {
        let mut all = Vec::new();
        if !with_secret || !written.keys.is_empty() || written.jwks_url.is_some() {
            all.extend(Algorithm::ASYMMETRIC);
        }
        if with_secret {
            all.extend(Algorithm::SYMMETRIC);
        }
        return all;
    }
    let mut some = Vec::with_capacity(written.algorithms.len());
    for (place, text) in written.algorithms.iter().enumerate() {
        let path = ["jwt", name, "algorithms", &place.to_string()];
        match text.trim().parse::<Algorithm>() {
            Ok(algorithm) if Algorithm::SYMMETRIC.contains(&algorithm) && !with_secret => {
                check.error(&path, "this is for a secret that both sides know, and there is none", None);
            }
            Ok(algorithm) => some.push(algorithm),
            Err(wrong) => check.error(&path, wrong.to_string(), None),
        }
    }
    some
}

/// Where its keys are published, if they are.
fn origin(name: &str, written: &Jwt, issuer: &str, check: &mut Check<'_>) -> Option<Arc<Origin>> {
    let said = written.jwks_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
    let (field, url) = match said {
        Some(url) => ("jwks_url", url),
        None if !written.keys.is_empty() || written.secret.is_some() || issuer.is_empty() => return None,
        None => ("issuer", issuer),
    };
    let (base, query) = match split(url) {
        Ok(parts) => parts,
        Err(wrong) => {
            let hint = (said.is_none()).then(|| "say jwks_url, keys or secret".to_owned());
            check.error(&["jwt", name, field], format!("its keys cannot be asked for: {wrong}"), hint);
            return None;
        }
    };
    if !base.tls && !is_near(&base.host) {
        let message = "keys that come without TLS may be anybody's: expected https";
        check.error(&["jwt", name, field], message, None);
    }
    Some(Arc::new(match said {
        Some(_) => Origin::Keys { base, query },
        None => Origin::Discovery { issuer: issuer.to_owned(), base },
    }))
}

/// Whether a host is this machine, or one inside of a cluster that has no certificate.
fn is_near(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_own = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(four) => four.is_loopback() || four.is_private(),
        std::net::IpAddr::V6(six) => six.is_loopback() || six.is_unique_local(),
    };
    host == "localhost"
        || [".svc", ".local"].iter().any(|end| host.ends_with(end))
        || !host.contains('.') && !host.contains(':')
        || host.parse().is_ok_and(is_own)
}
