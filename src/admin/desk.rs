//! Where the admin API works on files: on threads of its own, so that nothing else waits for a disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::admin::refused::Refused;
use crate::clock;
use crate::store::Unusable;
use crate::store::audit::{Audit, Deed};
use crate::store::keys::{Failure, Keys};
use crate::store::ledger::Reader;
use crate::store::smith::{Smith, Wrong};

/// The files, each opened when it is first worked on.
#[derive(Debug)]
pub struct Desk {
    folder: PathBuf,
    keys: Drawer<Keys>,
    audit: Drawer<Audit>,
    /// Readers of the ledger that nobody uses just now.
    readers: Arc<Mutex<Vec<Reader>>>,
    /// So many may read it at one time.
    turns: Semaphore,
}

/// So many may read the ledger at one time: each has a thread and a file open.
const READERS: usize = 4;

/// A file, and whose turn it is to work on it.
#[derive(Debug)]
struct Drawer<T>(Arc<Mutex<Option<T>>>);

/// A file could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum Stuck {
    /// It cannot be opened.
    #[error("the folder for data cannot be used: {0}")]
    Unusable(#[from] Unusable),
    /// It could not be read or written.
    #[error("the file of the store failed: {0}")]
    Failed(#[from] rusqlite::Error),
    /// Nothing was ever recorded here.
    #[error("there is no ledger: ledger.enabled is off, or nothing was ever asked")]
    NoLedger,
    /// Whoever worked on it has given up.
    #[error("the work on the file of the store broke off")]
    Broken,
}

impl<T: Send + 'static> Drawer<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Works on the file beside everything else.
    async fn with<R: Send + 'static>(
        &self,
        open: impl FnOnce() -> Result<T, Unusable> + Send + 'static,
        work: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, Stuck> {
        let file = Arc::clone(&self.0);
        let working = tokio::task::spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if file.is_none() {
                *file = Some(open()?);
            }
            file.as_mut().map(work).ok_or(Stuck::Broken)
        });
        working.await.map_err(|_| Stuck::Broken)?
    }
}

impl Desk {
    /// A desk for the files in this folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            keys: Drawer::new(),
            audit: Drawer::new(),
            readers: Arc::default(),
            turns: Semaphore::new(READERS),
        }
    }

    /// Looks at the keys of the store.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn keys<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Keys) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Wrong> {
        let folder = self.folder.clone();
        let looked = self.keys.with(move || Keys::open(&folder), |keys| look(keys)).await;
        looked.map_err(|stuck| Wrong::Stuck(stuck.to_string()))?.map_err(Wrong::Failed)
    }

    /// Works on the keys of the store in the name of an operator, beside keys of the configuration with
    /// these names.
    ///
    /// # Errors
    /// When that cannot be done.
    pub async fn smith<R: Send + 'static>(
        &self,
        who: &str,
        written: Vec<String>,
        work: impl FnOnce(&mut Smith<'_>) -> Result<R, Wrong> + Send + 'static,
    ) -> Result<R, Wrong> {
        let (folder, who) = (self.folder.clone(), who.to_owned());
        let worked = self.keys.with(
            move || Keys::open(&folder),
            move |keys| work(&mut Smith { store: keys, who: &who, written: &written }),
        );
        worked.await.map_err(|stuck| Wrong::Stuck(stuck.to_string()))?
    }

    /// Notes what an operator has done. Where it cannot be noted the log says so instead.
    pub async fn note(&self, who: &str, action: &str, target: Option<&str>, detail: String) {
        let deed = Deed {
            at: clock::unix_millis(),
            who: who.to_owned(),
            action: action.to_owned(),
            target: target.map(str::to_owned),
            detail,
        };
        let folder = self.folder.clone();
        let told = format!("{} by {}: {}", deed.action, deed.who, deed.detail);
        let noted = self.audit.with(move || Audit::open(&folder), move |audit| audit.note(&deed)).await;
        if let Err(stuck) = noted.and_then(|noted| noted.map_err(Stuck::from)) {
            log::error!("{stuck}; the audit log has not: {told}");
        }
    }

    /// What operators did last.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn deeds(&self, number: u32, before: Option<u64>) -> Result<Vec<(u64, Deed)>, Stuck> {
        let folder = self.folder.clone();
        let read = self.audit.with(move || Audit::open(&folder), move |audit| audit.latest(number, before));
        Ok(read.await??)
    }

    /// Reads the ledger.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn read<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R, Refused> {
        let stuck = |stuck: Stuck| Refused::unavailable(stuck.to_string());
        let _turn = self.turns.acquire().await.map_err(|_| stuck(Stuck::Broken))?;
        let (folder, readers) = (self.folder.clone(), Arc::clone(&self.readers));
        let reading = tokio::task::spawn_blocking(move || {
            let idle = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reader = match idle {
                Some(reader) => reader,
                None if Reader::is_in(&folder) => Reader::open(&folder)?,
                None => return Err(Stuck::NoLedger),
            };
            let read = look(&reader)?;
            readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            Ok(read)
        });
        reading.await.map_err(|_| stuck(Stuck::Broken))?.map_err(stuck)
    }

    /// Works on the ledger in its folder.
    ///
    /// # Errors
    /// When there is none, or the work fails.
    pub async fn reprice<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<R, String> + Send + 'static,
    ) -> Result<R, Refused> {
        let folder = self.folder.clone();
        let working = tokio::task::spawn_blocking(move || {
            if Reader::is_in(&folder) { work(&folder) } else { Err(Stuck::NoLedger.to_string()) }
        });
        working
            .await
            .map_err(|_| Refused::unavailable(Stuck::Broken.to_string()))?
            .map_err(Refused::unavailable)
    }
}
