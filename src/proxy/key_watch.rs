//! The keys of the configuration and those of the store, joined, and joined anew as either changes.

use std::path::Path;
use std::sync::Arc;

use crate::config::{self, Keys, Stored};
use crate::policy::{Book, Draft, Keyring};
use crate::store::keys as store;

/// Where keys come from.
#[derive(Debug)]
pub struct KeyWatch {
    /// Those of the configuration, and all rules of owners and labels.
    written: Keys,
    /// The windows of all rules.
    book: Arc<Book>,
    /// Those of the store, as they were last read.
    stored: Vec<Draft>,
    store: Option<store::Keys>,
    /// The store's count of changes when they were read.
    seen: Option<u64>,
}

impl KeyWatch {
    /// Opens the store in this folder and reads its keys.
    ///
    /// # Errors
    /// When there is a file that may hold keys and it cannot be read: without them the gateway might
    /// be open.
    pub fn open(folder: &Path, written: Keys, book: Arc<Book>) -> Result<Self, String> {
        let there = store::Keys::are_in(folder);
        let store = match store::Keys::open(folder) {
            Ok(store) => Some(store),
            Err(unusable) if there => return Err(format!("the keys cannot be read: {unusable}")),
            Err(unusable) => {
                log::warn!("keys can be kept in the configuration alone: {unusable}");
                None
            }
        };
        let mut watch = Self { written, book, stored: Vec::new(), store, seen: None };
        watch.read()?;
        Ok(watch)
    }

    /// Takes over the keys of another configuration.
    pub fn rewrite(&mut self, written: Keys) {
        self.written = written;
    }

    /// Reads the keys of the store if they have changed; whether they had.
    ///
    /// # Errors
    /// When they cannot be read; those that were read last still hold.
    pub fn read(&mut self) -> Result<bool, String> {
        let Some(store) = &self.store else { return Ok(false) };
        let failed = |why| format!("the keys cannot be read: {why}");
        let now = store.generation().map_err(failed)?;
        if self.seen == Some(now) {
            return Ok(false);
        }
        let kept = store.all().map_err(failed)?;
        let stored: Vec<Stored> = kept.into_iter().map(|kept| kept.stored).collect();
        let (drafts, problems) = config::stored(&stored);
        for problem in problems {
            log::error!("{problem}; this key opens nothing");
        }
        self.stored = drafts;
        self.seen = Some(now);
        Ok(true)
    }

    /// All keys. Of two with the same name the configuration's holds.
    #[must_use]
    pub fn keyring(&self) -> Keyring {
        let is_free = |draft: &&Draft| {
            let taken = self.written.drafts.iter().any(|written| written.key.name == draft.key.name);
            if taken && draft.key.revoked.is_none() {
                let name = &draft.key.name;
                log::warn!("the configuration has a key \"{name}\"; that of the store opens nothing");
            }
            !taken
        };
        let all = self.written.drafts.iter().chain(self.stored.iter().filter(is_free));
        Keyring::new(all.cloned(), &self.written.bounds, &self.book)
    }
}
