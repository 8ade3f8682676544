//! What a token says of itself: by whom, for whom, from when and until when it holds.

use crate::policy::token::Invalid;
use crate::policy::token::issuer::{Audience, Issuer};
use crate::wire::json::Json;

/// Checks the claims of a token; when it ends, in seconds since 1970.
pub(super) fn check(claims: &Json<'_>, issuer: &Issuer, now: u64) -> Result<u64, Invalid> {
    let missing = |name: &str| Invalid::Missing(name.to_owned());
    let made = claims.field("iss").and_then(Json::as_str).ok_or_else(|| missing("iss"))?;
    if made != issuer.issuer {
        return Err(Invalid::Issuer);
    }
    if let Audience::OneOf(ours) = &issuer.audience {
        let aud = claims.field("aud").ok_or_else(|| missing("aud"))?;
        let is_ours = |name: &Json<'_>| name.as_str().is_some_and(|name| ours.iter().any(|our| our == name));
        if !is_ours(aud) && !aud.elements().iter().any(is_ours) {
            return Err(Invalid::Audience);
        }
    }
    let leeway = issuer.leeway;
    let expires = time(claims, "exp")?.ok_or_else(|| missing("exp"))?;
    if expires.saturating_add(leeway) <= now {
        return Err(Invalid::Expired);
    }
    for name in ["nbf", "iat"] {
        if time(claims, name)?.is_some_and(|at| at > now.saturating_add(leeway)) {
            return Err(Invalid::Early(name));
        }
    }
    Ok(expires.saturating_add(leeway))
}

/// A time in seconds since 1970; fractions of them are allowed and cut off.
fn time(claims: &Json<'_>, name: &'static str) -> Result<Option<u64>, Invalid> {
    let Some(claim) = claims.field(name).filter(|claim| !claim.is_null()) else { return Ok(None) };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = |seconds: f64| (seconds >= 0.0).then_some(seconds as u64);
    let seconds = claim.as_u64().or_else(|| claim.as_f64().and_then(whole));
    seconds.map(Some).ok_or(Invalid::Malformed("a time in it is no number"))
}
