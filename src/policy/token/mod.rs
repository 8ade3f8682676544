//! Tokens of other issuers (JWT, RFC 7519): who made them, what they say, and whom they stand for.
//!
//! Nothing here asks for an issuer's keys; whoever has them hands them in, as time is.

mod claims;
mod der;
mod issuer;
mod jwk;
mod jws;
mod template;

pub use issuer::{Audience, Issuer, Origin, discovered, split};
pub use jwk::{Jwk, Set};
pub use jws::{Algorithm, Parts};
pub use template::{BadTemplate, Template};

use std::sync::Arc;

use crate::policy::guest::Guest;
use crate::wire::json::{self, Json};

/// Longer tokens are not looked at.
pub const LONGEST: usize = 16 << 10;

/// Why a token opens nothing. What is said of it never holds the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is larger than any token should be.
    #[error("the token is larger than {} KiB", LONGEST >> 10)]
    TooLong,
    /// Its parts are not what they should be.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// Nobody who is known made it.
    #[error("the token's issuer is not known here")]
    Issuer,
    /// It is signed in a way that is not taken.
    #[error("the token is signed with {0}, which is not allowed here")]
    Algorithm(String),
    /// No key of its issuer is the one that it names.
    #[error("the token is signed with a key that its issuer does not have{0}")]
    Key(String),
    /// Its signature is not of its issuer's key.
    #[error("the token's signature is wrong")]
    Signature,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It begins later.
    #[error("the token is not valid yet ({0} lies in the future)")]
    Early(&'static str),
    /// It does not say something that it must say.
    #[error("the token has no claim \"{0}\"")]
    Missing(String),
}

/// Whether a credential has the form of such a token: a JSON object, packed, and two dots.
#[must_use]
pub fn is_token(credential: &[u8]) -> bool {
    credential.starts_with(b"eyJ") && memchr::memchr_iter(b'.', credential).count() == 2
}

/// Looks a token over: it must be signed with one of the keys in the way that its issuer allows, be
/// for us, and hold now (`now` in seconds since 1970).
///
/// # Errors
/// Why it opens nothing.
pub fn verify(parts: &Parts<'_>, issuer: &Issuer, keys: &[&Set], now: u64) -> Result<Guest, Invalid> {
    let algorithm = parts.algorithm().filter(|algorithm| issuer.algorithms.contains(algorithm));
    let algorithm = algorithm.ok_or_else(|| Invalid::Algorithm(parts.algorithm_name()))?;
    parts.verify(algorithm, keys)?;
    let payload = parts.payload()?;
    let claims = json::parse(&payload).map_err(|_| Invalid::Malformed("its claims are no JSON"))?;
    let expires = claims::check(&claims, issuer, now)?;
    guest(&claims, issuer, expires)
}

fn guest(claims: &Json<'_>, issuer: &Issuer, expires: u64) -> Result<Guest, Invalid> {
    let plain = |template: &Template| template.plain(claims);
    let fill = |template: &Template| template.fill(claims);
    let said = |template: &Option<Template>| template.as_ref().and_then(|template| template.said(claims));
    let subject = template::find(claims, "sub").filter(|subject| !subject.trim().is_empty());
    let name = &issuer.name;
    // What is kept for a token is kept for one person: an owner may be many, and is no such name.
    let id = match &subject {
        Some(subject) => format!("jwt:{name}:{subject}"),
        None => match (said(&issuer.each), said(&issuer.user)) {
            (Some(each), _) => format!("jwt-each:{name}:{each}"),
            (None, Some(user)) => format!("jwt-user:{name}:{user}"),
            (None, None) => return Err(Invalid::Missing("sub".to_owned())),
        },
    };
    Ok(Guest {
        id,
        name: Arc::clone(name),
        owner: issuer.owner.as_ref().map(fill).transpose()?,
        labels: issuer.labels.iter().map(fill).collect::<Result<_, _>>()?,
        user: issuer.user.as_ref().map(plain).transpose()?.or(subject),
        as_key: issuer.as_key.clone(),
        each: issuer.each.as_ref().map(plain).transpose()?,
        expires,
    })
}

#[cfg(test)]
pub(crate) mod tests;
