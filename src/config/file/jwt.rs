//! Issuers of tokens as a human writes them.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::{Key, Span};

/// An issuer whose tokens (JWT, as `OpenID` Connect has them) open the gateway to clients.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Jwt {
    /// What its tokens call it (`iss`), letter by letter: `https://id.example.com/`.
    pub(in crate::config) issuer: String,
    /// Whom its tokens must be for (`aud`): one of these, or anybody (`*`).
    pub(in crate::config) audience: Vec<String>,
    /// Where its keys are published. Default: where
    /// `/.well-known/openid-configuration` under `issuer` says.
    pub(in crate::config) jwks_url: Option<String>,
    /// Its keys, where they are not published: each a JWK, a set of them, or a public key in PEM form,
    /// best given by reference. Default: none.
    pub(in crate::config) keys: Vec<Key>,
    /// A secret that both sides know, for HS256, HS384 and HS512. Default: none.
    pub(in crate::config) secret: Option<Key>,
    /// How its tokens may be signed. Default: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384
    /// and `EdDSA`; where there is a `secret`, HS256, HS384 and HS512.
    pub(in crate::config) algorithms: Vec<String>,
    /// How far the clocks may be apart. Default: `60s`.
    pub(in crate::config) leeway: Span,
    /// Whose a token is, made of its claims: `{org}/{groups.0}/{sub}`, `acme/{team:-none}`. A token
    /// without a claim that has no default is refused. Default: as the key of `as_key`.
    pub(in crate::config) owner: Option<String>,
    /// What it is counted under besides, likewise. Default: nothing.
    pub(in crate::config) labels: Vec<String>,
    /// On whose behalf it asks, for the log, likewise. Default: `{sub}`, where that is there.
    pub(in crate::config) user: Option<String>,
    /// The key whose models, routes, addresses, limits and budgets hold for such tokens. It may be one
    /// without a secret. Default: none; limits and budgets of owners and labels hold alone.
    pub(in crate::config) as_key: Option<String>,
    /// To whom each the limits and budgets of `as_key` are given: `{sub}`. Default: all such tokens
    /// share them, with who shows the key itself.
    pub(in crate::config) each: Option<String>,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: Vec::new(),
            jwks_url: None,
            keys: Vec::new(),
            secret: None,
            algorithms: Vec::new(),
            leeway: Span(Duration::from_secs(60)),
            owner: None,
            labels: Vec::new(),
            user: None,
            as_key: None,
            each: None,
        }
    }
}
