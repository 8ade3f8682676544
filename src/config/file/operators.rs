//! The operator's listener as a human writes it, and the keys that open it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::scalar::Key;

/// The listener for the operator; may be written as its address alone, or `off`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(extend("type" = ["object", "string", "boolean"])))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Admin {
    /// Its address and port, or `off`. Default: `127.0.0.1:9090`. Needs a restart.
    pub(in crate::config) listen: String,
    /// Keys for its API and its dashboard by the names of those who have them, besides the master
    /// key, which opens all of it. Default: none.
    pub(in crate::config) keys: BTreeMap<String, AdminKey>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9090".to_owned(), keys: BTreeMap::new() }
    }
}

/// An admin key.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct AdminKey {
    /// The secret itself, best given by reference.
    pub(in crate::config) key: Option<Key>,
    /// What it allows: `read` to look, `keys` to make and change virtual keys, `config` to reload the
    /// configuration and to price history anew. Default: `[read]`.
    pub(in crate::config) scopes: Vec<Scope>,
}

impl Default for AdminKey {
    fn default() -> Self {
        Self { key: None, scopes: vec![Scope::Read] }
    }
}

/// A part of what an admin key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Scope {
    /// To look at everything that is no secret.
    Read,
    /// To make, change, rotate and revoke virtual keys.
    Keys,
    /// To reload the configuration and to price history anew.
    Config,
}

impl From<Scope> for crate::policy::Scope {
    fn from(written: Scope) -> Self {
        match written {
            Scope::Read => Self::Read,
            Scope::Keys => Self::Keys,
            Scope::Config => Self::Config,
        }
    }
}
