//! Somebody who comes in with a token of another issuer instead of a key.

use std::sync::Arc;

use crate::policy::key::Key;

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// What stays the same from token to token: what is kept for them hangs on it.
    pub id: String,
    /// The issuer's name here.
    pub name: Arc<str>,
    /// Whose the token is; whose the host is, where nothing is said.
    pub owner: Option<String>,
    /// What it is counted under, besides what the host is.
    pub labels: Vec<String>,
    /// On whose behalf it asks.
    pub user: Option<String>,
    /// The key whose models, limits and budgets hold: the host.
    pub as_key: Option<Arc<str>>,
    /// Whose own limits those are; all guests' together where there is none.
    pub each: Option<String>,
    /// When the token ends, in seconds since 1970.
    pub expires: u64,
}

/// There is no key of this name, as which tokens come in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no key \"{0}\", as which tokens of this issuer come in")]
pub struct NoHost(pub Arc<str>);

impl Guest {
    /// The key that they come in with, bound by no rule yet.
    pub(super) fn key(&self, host: Option<&Key>) -> Key {
        let mut key = host.cloned().unwrap_or_else(|| Key { enabled: true, ..Key::default() });
        key.id = self.id.as_str().into();
        if host.is_none() {
            key.name = Arc::clone(&self.name);
        }
        if let Some(owner) = &self.owner {
            key.owner = owner.as_str().into();
        }
        for label in &self.labels {
            if !key.labels.iter().any(|known| **known == **label) {
                key.labels.push(label.as_str().into());
            }
        }
        key.user = self.user.as_deref().map(Into::into);
        key.expires = Some(key.expires.map_or(self.expires, |end| end.min(self.expires)));
        key
    }
}
