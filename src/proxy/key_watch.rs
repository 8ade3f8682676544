//! The keys of the configuration and those of the store, joined, and joined anew as either changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{self, Keys, Stored};
use crate::policy::{Book, Draft, Keyring};
use crate::store::keys as store;

/// Where keys come from.
#[derive(Debug)]
pub struct KeyWatch {
    /// The folder of the store.
    folder: PathBuf,
    /// Those of the configuration, and all rules of owners and labels.
    written: Keys,
    /// The same of the configuration that is staged.
    staged: Option<Keys>,
    /// The windows of all rules.
    book: Arc<Book>,
    /// Those of the store, as they were last read.
    stored: Vec<Draft>,
    /// None while the store's file is not there.
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
        let folder = folder.to_owned();
        let mut watch = Self { folder, written, staged: None, book, stored: Vec::new(), store, seen: None };
        watch.read()?;
        Ok(watch)
    }

    /// Takes over the keys of another configuration, and forgets those of one that is staged.
    pub fn rewrite(&mut self, written: Keys) {
        (self.written, self.staged) = (written, None);
    }

    /// Takes over the keys of a configuration that is staged, or forgets them.
    pub fn stage(&mut self, keys: Option<Keys>) {
        self.staged = keys;
    }

    /// What is staged is the configuration from now on.
    pub fn promote(&mut self) {
        if let Some(keys) = self.staged.take() {
            self.written = keys;
        }
    }

    /// Reads the keys of the store if they have changed; whether they had. A file that came to be since it
    /// was last looked for is opened.
    ///
    /// # Errors
    /// When they cannot be read; those that were read last still hold.
    pub fn read(&mut self) -> Result<bool, String> {
        let store = match &mut self.store {
            Some(store) => store,
            None if !store::Keys::are_in(&self.folder) => return Ok(false),
            none => {
                let store = store::Keys::open(&self.folder);
                none.insert(store.map_err(|unusable| format!("the keys cannot be read: {unusable}"))?)
            }
        };
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
        self.joined(&self.written)
    }

    /// All keys of the configuration that is staged, where one is.
    #[must_use]
    pub fn staged_keyring(&self) -> Option<Keyring> {
        self.staged.as_ref().map(|staged| self.joined(staged))
    }

    fn joined(&self, written: &Keys) -> Keyring {
        let is_free = |draft: &&Draft| {
            let taken = written.drafts.iter().any(|own| own.key.name == draft.key.name);
            if taken && draft.key.revoked.is_none() {
                let name = &draft.key.name;
                log::warn!("the configuration has a key \"{name}\"; that of the store opens nothing");
            }
            !taken
        };
        let all = written.drafts.iter().chain(self.stored.iter().filter(is_free));
        Keyring::new(all.cloned(), &written.bounds, &self.book)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Bounds;

    #[test]
    fn a_store_that_comes_later_is_opened_and_one_that_cannot_be_read_is_told_of() {
        let folder = std::env::temp_dir().join(format!("tollgate-key-watch-{}", std::process::id()));
        // Where a file stands in the place of the folder, no store can be made.
        std::fs::write(&folder, "").unwrap();
        let written = Keys { drafts: Vec::new(), bounds: Bounds::default() };
        let mut watch = KeyWatch::open(&folder, written, Arc::new(Book::new(1))).unwrap();
        assert_eq!(watch.read(), Ok(false));
        std::fs::remove_file(&folder).unwrap();
        drop(store::Keys::open(&folder).unwrap());
        assert_eq!((watch.read(), watch.read()), (Ok(true), Ok(false)));
        watch.store = None;
        std::fs::write(folder.join("tollgate.db"), "this is no store, though it has its name").unwrap();
        assert!(watch.read().is_err_and(|why| why.starts_with("the keys cannot be read: ")));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
