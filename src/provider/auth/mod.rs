//! How a vendor is told who asks: keys that last, and credentials that clouds lend for an hour.
//!
//! [`key`] sends what a human wrote down. Everything else begins with a [`Source`]: what must be
//! asked, of whom and with which proof, to get a [`Credential`]. Requests to ask it and readings of
//! the answers are values here; who carries them is `proxy`'s business, as are files and time.

pub mod aws;
pub mod entra;
pub mod errand;
pub mod form;
pub mod google;
pub mod jwt;
pub mod key;
pub mod oauth;
pub mod oracle;
pub mod profile;
pub mod sigv4;

pub use errand::{Answer, Errand};
pub use key::Auth;

use crate::units::Secret;

/// Where short-lived credentials come from. Two providers with equal sources share what they give.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// Keys to sign with, from Amazon.
    Aws(aws::Chain),
    /// Tokens from Google.
    Google(google::Chain),
    /// Tokens from Microsoft.
    Entra(entra::Way),
    /// Tokens from whoever else lends some.
    Oauth(oauth::Way),
    /// Nobody: a user of Oracle's signs with a key of their own.
    Oracle(oracle::User),
}

/// What a request proves its sender with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A token that is shown.
    Bearer(Secret),
    /// Keys that sign.
    Aws(sigv4::Keys),
    /// A key of Oracle's that signs and is never sent.
    Oracle(oracle::Signer),
}

/// A credential and the end of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted {
    /// The credential.
    pub credential: Credential,
    /// When it ends, in seconds since 1970; `None` for what lasts.
    pub expires: Option<u64>,
}

impl Credential {
    /// What of it must never be shown, also not in a provider's error.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let (first, second) = match self {
            Self::Bearer(token) => (Some(token), None),
            Self::Aws(keys) => (Some(&keys.secret_key), Some(&keys.session_token)),
            Self::Oracle(_) => (None, None),
        };
        [first, second].into_iter().flatten().filter(|secret| !secret.is_empty())
    }
}
