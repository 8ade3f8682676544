//! An operator: whoever shows an admin key, and what that allows at the operator's listener.

use std::fmt;
use std::sync::Arc;

/// A part of what an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To look at everything that is no secret.
    Read,
    /// To make, change, rotate and revoke virtual keys.
    Keys,
    /// To reload the configuration and to price history anew.
    Config,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Keys, Self::Config];

    /// The word for it in the configuration and in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Keys => "keys",
            Self::Config => "config",
        }
    }
}

/// An admin key with its owner's name, without the secret that opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Operator {
    /// The name under which what it does is noted.
    pub name: Arc<str>,
    /// The hash of its secret; two of these are compared in constant time.
    pub secret: blake3::Hash,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Operator {
    /// What the master key is called.
    pub const MASTER: &'static str = "master";

    /// Whoever shows the master key.
    #[must_use]
    pub fn master(secret: blake3::Hash) -> Self {
        Self { name: Self::MASTER.into(), secret, scopes: Scope::ALL.to_vec() }
    }

    /// Whether it may do this.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operator({} {:?})", self.name, self.scopes)
    }
}
