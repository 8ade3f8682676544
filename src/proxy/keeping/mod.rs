//! What is kept for clients of OpenAI's Responses: answers and conversations, where their provider
//! does not keep them.
//!
//! [`recall`] puts before a request what it refers to, [`saving`] takes an answer along while it goes
//! to the client, [`serve`] and [`conversations`] give back what is kept; [`background`] runs what is
//! asked for later.

pub mod asked;
pub mod background;
pub mod conversations;
pub mod recall;
pub mod saving;
pub mod serve;

use std::sync::Arc;

use crate::refusal::{Kind, Refusal};
use crate::store::{Store, Unavailable};

/// The store, or why there is none.
#[derive(Debug, Clone)]
pub struct Shelf(Result<Arc<Store>, Arc<str>>);

impl Shelf {
    /// The shelf of a process whose store opened, or did not for this reason.
    #[must_use]
    pub fn new(store: Result<Arc<Store>, String>) -> Self {
        Self(store.map_err(Into::into))
    }

    /// The store, if there is one.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.0.as_ref().ok()
    }

    /// The store.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open(&self) -> Result<&Arc<Store>, Refusal> {
        self.0.as_ref().map_err(|why| {
            let message = format!("this gateway keeps no responses or conversations: {why}");
            Refusal::new(Kind::InvalidRequest, message).with_code("responses_not_kept")
        })
    }

    /// Whether nothing waits to be written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.store().is_none_or(|store| store.is_idle())
    }
}

/// Whether the gateway itself made up what stands in an id behind its prefix. Providers' ids have
/// other lengths.
#[must_use]
pub fn is_own(id: &str) -> bool {
    const LENGTH: usize = 24;
    let tail = id.strip_prefix("resp_").or_else(|| id.strip_prefix("conv_"));
    let digit = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    tail.is_some_and(|tail| tail.len() == LENGTH && tail.bytes().all(digit))
}

/// The seed that an id was made from; for a provider's id, what can stand in its place.
#[must_use]
pub fn seed_of(id: &str) -> &str {
    id.split_once('_').map_or(id, |(_, seed)| seed)
}

/// The refusal of a request that the store gave no answer to.
#[must_use]
pub fn unavailable(why: Unavailable) -> Refusal {
    Refusal::new(Kind::Unavailable, format!("what is kept cannot be had now: {why}"))
}

/// The refusal of a response's id that nobody knows.
#[must_use]
pub fn no_response(id: &str) -> Refusal {
    Refusal::new(Kind::NotFound, format!("Response with id '{}' not found.", short(id)))
}

/// The refusal of a conversation's id that nobody knows.
#[must_use]
pub fn no_conversation(id: &str) -> Refusal {
    Refusal::new(Kind::NotFound, format!("Conversation with id '{}' not found.", short(id)))
}

/// The refusal of an item's id that nobody knows.
#[must_use]
pub fn no_item(id: &str) -> Refusal {
    Refusal::new(Kind::NotFound, format!("Item with id '{}' not found.", short(id)))
}

/// As much of an id as need be shown.
fn short(id: &str) -> String {
    id.chars().take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RequestId;

    #[test]
    fn ids_of_the_gateway_are_told_from_those_of_providers() {
        for _ in 0..16 {
            assert!(is_own(&format!("resp_{}", RequestId::fresh())));
        }
        for other in [
            "resp_67cb32528d6881909eb2859a55e18a85",
            "resp_0f2a9c1d3b4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071",
            "resp_01k5m2v3w4x5y6z7a8b9c0d1e2",
            "resp_",
            "0b5e5f0c-8f62-4f0e-9d3c-1c8f4d1f3f10",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
