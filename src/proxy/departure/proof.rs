//! What an attempt proves its sender with, where a cloud lends the proof.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ring::rand::SystemRandom;

use crate::clock;
use crate::provider::auth::Credential;
use crate::provider::auth::sigv4::{self, Head, Scope};
use crate::proxy::departure::attempt::Attempt;
use crate::proxy::departure::begin_anew;
use crate::proxy::exchange::{Call, Exchange};
use crate::proxy::minting::Lent;
use crate::proxy::relay;
use crate::proxy::shared::Shared;
use crate::snapshot::Cloud;

/// Adds the proof to the head of a request that is complete but for it.
pub fn show(headers: &mut HeaderMap, lent: &Lent, cloud: &Cloud, attempt: &Attempt) {
    match &lent.minted.credential {
        Credential::Bearer(_) => {
            if let Some(token) = &lent.header {
                headers.insert(header::AUTHORIZATION, token.clone());
            }
        }
        Credential::Aws(keys) => sign(headers, attempt, |head| {
            let scope = Scope { region: &cloud.region, service: cloud.service };
            sigv4::sign(head, &sigv4::hash(&attempt.body), keys, scope, clock::unix_seconds())
        }),
        Credential::Oracle(signer) => sign(headers, attempt, |head| {
            signer.sign(head, &attempt.body, clock::unix_seconds(), &SystemRandom::new())
        }),
    }
}

fn sign(
    headers: &mut HeaderMap,
    attempt: &Attempt,
    signature: impl FnOnce(&Head<'_>) -> Vec<(&'static str, String)>,
) {
    let signed = {
        // The connection may change the rest.
        let names = [header::CONTENT_TYPE, header::HOST];
        let own: Vec<(&str, &str)> = names
            .iter()
            .filter_map(|name| Some((name.as_str(), headers.get(name)?.to_str().ok()?)))
            .collect();
        signature(&Head { method: attempt.method.as_str(), target: &attempt.path, headers: &own })
    };
    for (name, value) in signed {
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Whether a provider's answer says that the credential has ended or is not known any more.
fn is_stale(status: u16, headers: &HeaderMap, lent: &Lent) -> bool {
    match &lent.minted.credential {
        Credential::Bearer(_) => status == 401,
        // It does not end.
        Credential::Oracle(_) => false,
        Credential::Aws(_) => {
            const ENDED: [&str; 3] = ["ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId"];
            let said = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
            lent.minted.expires.is_some()
                && matches!(status, 400 | 401 | 403)
                && said.is_some_and(|said| ENDED.iter().any(|name| said.starts_with(name)))
        }
    }
}

/// Has the same attempt made once more with a fresh credential, where the provider refused the old
/// one; whether it is. That does not count as an attempt.
#[must_use]
pub fn renew(shared: &Shared, exchange: &mut Exchange, status: u16, headers: &HeaderMap) -> bool {
    let Some(call) = exchange.call() else { return false };
    let Some(cloud) = call.attempt.known.cloud.clone() else { return false };
    if call.stale.is_some() {
        return false;
    }
    let Some(lent) = call.lent.take_if(|lent| is_stale(status, headers, lent)) else { return false };
    shared.credentials.refused(&cloud.source);
    // A body that went through cannot be had twice.
    if !call.upload.is_held() {
        call.lent = Some(lent);
        return false;
    }
    log::debug!("{} refused a credential; it is asked again with a fresh one", call.attempt.known.provider);
    call.stale = Some(lent);
    begin_anew(call);
    true
}

/// What is said, without any of what the attempt proved itself with.
#[must_use]
pub fn masked(call: &Call, said: Vec<u8>) -> Vec<u8> {
    let Some(lent) = &call.lent else { return said };
    lent.minted.credential.secrets().fold(said, relay::mask)
}
