//! The head of a request that goes through: the client's own, as somebody else.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::provider::{Auth, Base};
use crate::snapshot::Provider;
use crate::units::Secret;

use crate::ir::Dialect;

/// The client's headers as the provider gets them: without what is between the client and us, and
/// with the provider's own credential.
pub(super) fn headers(
    sent: &HeaderMap,
    provider: &Provider,
    base: &Base,
    dialect: Dialect,
    key: &Secret,
) -> HeaderMap {
    let nominated: Vec<String> = sent
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut headers = HeaderMap::with_capacity(sent.len() + 4);
    for (name, value) in sent {
        if passes(name.as_str()) && !nominated.iter().any(|nominated| nominated == name.as_str()) {
            headers.append(name, value.clone());
        }
    }
    // What comes packed could not be metered.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let legal = |name: &str, value: &str| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
    };
    headers.extend(legal("host", &base.authority()));
    for (name, value) in provider.vendor.auth.headers(dialect, key) {
        let Some((name, mut value)) = legal(name, &value) else { continue };
        // The client's own version of the dialect holds, and its betas do too.
        match (name.as_str(), headers.get(&name)) {
            ("anthropic-version", Some(_)) => {}
            ("anthropic-beta", Some(_)) => {
                headers.append(name, value);
            }
            _ => {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
    }
    // The configuration has checked these.
    headers.extend(provider.headers.iter().filter_map(|(name, value)| legal(name, value)));
    headers
}

/// Whether a client's header is for the provider and not for us or the connection to us.
fn passes(name: &str) -> bool {
    let connection = matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
            | "host"
    );
    let on_the_way = matches!(name, "via" | "forwarded" | "x-real-ip") || name.starts_with("x-forwarded-");
    // A tunnel puts back what of a handshake is the provider's; a key of ours may stand in the rest.
    let handshake = name.starts_with("sec-websocket-");
    let ours = on_the_way || handshake || name.starts_with("x-tollgate-");
    !connection && !ours && !Auth::NEVER_FORWARDED.contains(&name)
}
