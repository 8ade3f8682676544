//! Virtual keys as a human writes them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::{Key, Moment};

/// A virtual key: what a client shows, and what that opens. The same fields describe the keys that
/// `tollgate keys` makes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct VirtualKey {
    /// The SHA-256 of its secret, as `tollgate keys hash` prints it.
    pub(in crate::config) hash: Option<String>,
    /// The secret itself, best given by reference, in place of its hash.
    pub(in crate::config) key: Option<Key>,
    /// Whose it is: `org/team/service`, or fewer parts. Default: nobody's.
    pub(in crate::config) owner: String,
    /// What it is counted under besides. Default: nothing.
    pub(in crate::config) labels: Vec<String>,
    /// Whether it is in use. Default: true.
    pub(in crate::config) enabled: bool,
    /// When it ends: `2027-01-31`, or `2027-01-31T12:00:00Z`. Default: never.
    pub(in crate::config) expires: Option<Moment>,
    /// The models it may ask for: by the name that clients use, the model's own or
    /// `provider/model`; `*` stands for any letters. Default: all.
    pub(in crate::config) models: Vec<String>,
    /// The routes and aliases it may ask for, likewise, whatever is behind them. Default: all,
    /// where `models` does not say otherwise.
    pub(in crate::config) routes: Vec<String>,
    /// The addresses it may be used from: `10.0.0.0/8`, `2001:db8::1`. Default: all.
    pub(in crate::config) addresses: Vec<String>,
    /// Notes for humans: name → text. The gateway does not read them.
    pub(in crate::config) metadata: BTreeMap<String, String>,
}

impl Default for VirtualKey {
    fn default() -> Self {
        Self {
            hash: None,
            key: None,
            owner: String::new(),
            labels: Vec::new(),
            enabled: true,
            expires: None,
            models: Vec::new(),
            routes: Vec::new(),
            addresses: Vec::new(),
            metadata: BTreeMap::new(),
        }
    }
}

/// What the master key opens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum MasterKeyFor {
    /// All that clients may ask for, and the operator's listener.
    #[default]
    Everything,
    /// The operator's listener alone; clients need keys of their own.
    Admin,
}
