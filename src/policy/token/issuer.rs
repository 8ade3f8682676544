//! Who makes tokens that are taken here, and what becomes of them.

use std::sync::Arc;

use crate::policy::token::jwk::Set;
use crate::policy::token::jws::Algorithm;
use crate::policy::token::template::Template;
use crate::provider::Base;
use crate::provider::url::BadBase;
use crate::wire::json::{self, Json};

/// Somebody whose tokens open the door.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its name here, in records and refusals.
    pub name: Arc<str>,
    /// What its tokens call it (`iss`).
    pub issuer: String,
    /// For whom a token must be (`aud`).
    pub audience: Audience,
    /// How its tokens may be signed.
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks may be apart, in seconds.
    pub leeway: u64,
    /// Keys that were written down.
    pub keys: Set,
    /// Where its keys are published.
    pub origin: Option<Arc<Origin>>,
    /// Whose a token is: what becomes the owner's path.
    pub owner: Option<Template>,
    /// What it is counted under besides.
    pub labels: Vec<Template>,
    /// On whose behalf it asks; the subject where nothing is said.
    pub user: Option<Template>,
    /// The key whose models, addresses, limits and budgets hold for such tokens.
    pub as_key: Option<Arc<str>>,
    /// Those to whom each that key's limits and budgets are given; all together where there is none.
    pub each: Option<Template>,
}

/// For whom tokens must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// For anybody.
    Any,
    /// For one of these.
    OneOf(Vec<String>),
}

/// Where keys are published.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// At this address.
    Keys {
        /// Its host and path.
        base: Base,
        /// Its query with the mark before it, or "".
        query: String,
    },
    /// Where the issuer's own description says, which is found under its address.
    Discovery {
        /// What the issuer calls itself.
        issuer: String,
        /// Its address.
        base: Base,
    },
}

/// Where the keys are of an issuer that describes itself so (`OpenID` Connect Discovery 1.0).
///
/// # Errors
/// When it is another issuer's description, or leads from a safe to an open connection.
pub fn discovered(text: &[u8], issuer: &str, base: &Base) -> Result<(Base, String), String> {
    let tree = json::parse(text).map_err(|_| "its description is no JSON")?;
    let member = |name: &str| tree.field(name).and_then(Json::as_str);
    if member("issuer") != Some(issuer) {
        return Err("its description is another issuer's".to_owned());
    }
    let keys = member("jwks_uri").ok_or("its description has no jwks_uri")?;
    let (keys, query) = split(keys).map_err(|bad| format!("its jwks_uri is wrong: {bad}"))?;
    if base.tls && !keys.tls {
        return Err("its jwks_uri is not https".to_owned());
    }
    Ok((keys, query))
}

/// An address and its query, with the mark before it.
///
/// # Errors
/// When it is no address.
pub fn split(url: &str) -> Result<(Base, String), BadBase> {
    let (place, query) = url.split_once('?').map_or((url, String::new()), |(p, q)| (p, format!("?{q}")));
    Ok((Base::parse(place)?, query))
}
