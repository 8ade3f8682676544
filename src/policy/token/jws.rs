//! A signed token (JWS, RFC 7515) in its compact form, and the signatures that are known (RFC 7518,
//! RFC 8037).

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::policy::token::jwk::{Jwk, Set};
use crate::policy::token::{Invalid, LONGEST};
use crate::wire::json::{self, Json};

/// How a token is signed. `none` is no such way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Their names are the standard's.
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
    HS256,
    HS384,
    HS512,
}

impl Algorithm {
    /// All that are signed with one key and checked with another.
    pub const ASYMMETRIC: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];
    /// Those whose one key both signs and checks.
    pub const SYMMETRIC: [Self; 3] = [Self::HS256, Self::HS384, Self::HS512];
}

/// The text names no way that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256, HS384, HS512")]
pub struct NoAlgorithm;

impl FromStr for Algorithm {
    type Err = NoAlgorithm;

    fn from_str(name: &str) -> Result<Self, NoAlgorithm> {
        Ok(match name {
            "RS256" => Self::RS256,
            "RS384" => Self::RS384,
            "RS512" => Self::RS512,
            "PS256" => Self::PS256,
            "PS384" => Self::PS384,
            "PS512" => Self::PS512,
            "ES256" => Self::ES256,
            "ES384" => Self::ES384,
            // RFC 9864 names the curve.
            "EdDSA" | "Ed25519" => Self::EdDSA,
            "HS256" => Self::HS256,
            "HS384" => Self::HS384,
            "HS512" => Self::HS512,
            _ => return Err(NoAlgorithm),
        })
    }
}

/// A token taken apart; nothing of it is believed yet.
#[derive(Debug)]
pub struct Parts<'t> {
    /// What is signed: the first two parts with their dot.
    signed: &'t [u8],
    payload: &'t [u8],
    signature: Vec<u8>,
    algorithm: String,
    kid: Option<String>,
}

impl<'t> Parts<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// When it is none, or asks for what is not understood.
    pub fn of(token: &'t [u8]) -> Result<Self, Invalid> {
        if token.len() > LONGEST {
            return Err(Invalid::TooLong);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Invalid::Malformed("it has not three parts"));
        };
        let header = decode(header, "its header is not base64url")?;
        let header = json::parse(&header).map_err(|_| Invalid::Malformed("its header is no JSON"))?;
        if header.field("crit").is_some() {
            return Err(Invalid::Malformed("it has critical extensions, of which none is known"));
        }
        let text = |name: &str| header.field(name).and_then(Json::as_str).map(str::to_owned);
        let signed = token.get(..token.len() - signature.len() - 1).unwrap_or_default();
        Ok(Self {
            signed,
            payload,
            signature: decode(signature, "its signature is not base64url")?,
            algorithm: text("alg").ok_or(Invalid::Malformed("its header names no algorithm"))?,
            kid: text("kid"),
        })
    }

    /// Who says that it made it.
    ///
    /// # Errors
    /// When it is not said.
    pub fn issuer(&self) -> Result<String, Invalid> {
        let payload = self.payload()?;
        let claims = json::parse(&payload).map_err(|_| Invalid::Malformed("its claims are no JSON"))?;
        let issuer = claims.field("iss").and_then(Json::as_str).map(str::to_owned);
        issuer.ok_or_else(|| Invalid::Missing("iss".to_owned()))
    }

    /// The way in which it is signed, if it is known.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm.parse().ok()
    }

    pub(super) fn algorithm_name(&self) -> String {
        shown(&self.algorithm)
    }

    pub(super) fn payload(&self) -> Result<Vec<u8>, Invalid> {
        decode(self.payload, "its claims are not base64url")
    }

    /// Whether one of these keys signed it.
    pub(super) fn verify(&self, algorithm: Algorithm, keys: &[&Set]) -> Result<(), Invalid> {
        /// As many keys are tried where the token does not say which it is.
        const MOST: usize = 8;
        let all = || keys.iter().flat_map(|set| set.keys()).filter(|key| key.fits(algorithm));
        let named = |key: &&Jwk| match (&self.kid, key.kid()) {
            (Some(wanted), Some(kid)) => wanted == kid,
            (Some(_), None) | (None, _) => true,
        };
        let mut is_known = false;
        for key in all().filter(named).take(MOST) {
            is_known |= self.kid.is_some() && key.kid().is_some();
            if key.verify(algorithm, self.signed, &self.signature) {
                return Ok(());
            }
        }
        // Where keys have no names, or the token names none, it may be of another than those.
        if is_known { Err(Invalid::Signature) } else { Err(self.unknown_key()) }
    }

    fn unknown_key(&self) -> Invalid {
        Invalid::Key(self.kid.as_ref().map_or_else(String::new, |kid| format!(" (kid \"{}\")", shown(kid))))
    }
}

/// So much of a word of the client's as may be shown to it again.
fn shown(word: &str) -> String {
    word.chars().filter(char::is_ascii_graphic).take(64).collect()
}

fn decode(part: &[u8], wrong: &'static str) -> Result<Vec<u8>, Invalid> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Malformed(wrong))
}
