//! A world beside the one that is served, for a share of its clients.
//!
//! It hangs on the served one, so that a request that takes that has both, and where nothing is staged
//! there is nothing to look at.

use std::sync::Arc;

use super::{Provider, Snapshot};

/// A world that a share of the clients sees.
#[derive(Debug, Clone)]
pub struct Staged {
    /// That world.
    pub world: Arc<Snapshot>,
    /// Of a hundred clients, so many see it.
    pub percent: u8,
}

impl Staged {
    /// Whether a client sees it, known by what stays the same over its requests. Who sees it at some share sees
    /// it at every larger one, also in the next world that is staged.
    #[must_use]
    pub fn is_for(&self, client: &[u8]) -> bool {
        let hash = blake3::hash(client);
        let number = hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
        number % 100 < u64::from(self.percent)
    }
}

impl Snapshot {
    /// This world, and the one that is staged in it.
    pub fn both(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.staged.iter().map(|staged| &*staged.world))
    }

    /// Its providers, and those whose names the staged world alone has.
    pub fn providers_of_both(&self) -> impl Iterator<Item = &Provider> {
        let beside = self.staged.iter().flat_map(|staged| &staged.world.providers);
        let is_new = move |provider: &&Provider| !self.providers.iter().any(|own| own.name == provider.name);
        self.providers.iter().chain(beside.filter(is_new))
    }
}
