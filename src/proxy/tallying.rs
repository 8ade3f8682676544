//! Writes down what limits and budgets have counted: on a beat, and when the process ends.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock;
use crate::policy::Book;
use crate::proxy::recount::{Counted, Recounted, recount};
use crate::store::tallies::Tallies;

/// What limits and budgets have counted, and where it is written down.
#[derive(Debug)]
pub struct Tallying {
    book: Arc<Book>,
    /// Nobody waits for it on a request's way.
    file: Mutex<Option<Tallies>>,
}

impl Tallying {
    /// Opens the file in this folder and takes in what was counted before. Where it cannot be used,
    /// what is counted ends with the process.
    #[must_use]
    pub fn open(folder: &Path, workers: usize) -> Self {
        let book = Arc::new(Book::new(workers));
        let opened = Tallies::open(folder).map_err(|unusable| unusable.to_string());
        let read = opened.and_then(|file| {
            let tallies = file.all(clock::unix_seconds()).map_err(|error| error.to_string())?;
            Ok((file, tallies))
        });
        let file = match read {
            Ok((file, tallies)) => {
                book.remember(tallies);
                Some(file)
            }
            Err(why) => {
                log::warn!("what limits and budgets count will be forgotten when this process ends: {why}");
                None
            }
        };
        Self { book, file: Mutex::new(file) }
    }

    /// The windows of all rules.
    #[must_use]
    pub const fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Raises what was counted to what the ledger in this folder knows: the last second before a kill is
    /// in no tally. Only for a process that is alone: what another has counted and not written down is in
    /// the ledger as well, and would count twice.
    pub fn recount(&self, folder: &Path) {
        let counted = |(node, bound, window)| Counted { node, bound, window };
        let windows: Vec<_> = self.book.lasting().into_iter().map(counted).collect();
        match recount(folder, &windows, clock::unix_seconds()) {
            Ok(Recounted { raised, later }) => {
                self.book.expect(later);
                if raised > 0 {
                    log::info!("{raised} limits and budgets lacked what the ledger knows");
                }
            }
            Err(why) => log::warn!("what limits and budgets count is not held against the ledger: {why}"),
        }
    }

    /// Writes down what has changed.
    pub fn write(&self) {
        // Looked at under the lock: two that write at once would both add the same.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.book.changes();
        self.book.sweep(clock::unix_seconds());
        let Some(file) = file.as_mut().filter(|_| !changes.is_empty()) else { return };
        match file.add(&changes, clock::unix_seconds()) {
            Ok(sums) => changes.iter().zip(sums).for_each(|(tally, sum)| self.book.wrote(tally, sum)),
            Err(error) => log::error!("what limits and budgets count could not be written: {error}"),
        }
    }
}
