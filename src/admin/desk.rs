//! Where the admin API works on files: on threads of its own, so that nothing else waits for a disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::InterruptHandle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

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
    turns: Arc<Semaphore>,
    /// How long whoever wants to read it waits, for a turn and for what it finds.
    patience: Duration,
}

/// So many may read the ledger at one time: each has a thread and a file open.
const READERS: usize = 4;

/// A page is not looked at for longer than this without an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often somebody is told again to end: between two statements it is not heard.
const AGAIN: Duration = Duration::from_millis(100);

/// What ends the reading that it belongs to; none before and after that.
type Brake = Arc<Mutex<Option<InterruptHandle>>>;

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
    /// Others read all the while.
    #[error("too many read the ledger at once")]
    Crowded,
    /// What was asked for takes too long.
    #[error("reading the ledger took too long: ask for less time, or for fewer groups")]
    Slow,
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
            let mut file = held(&file);
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
            turns: Arc::new(Semaphore::new(READERS)),
            patience: PATIENCE,
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

    /// Reads the ledger, and makes of it whatever takes long as well.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it takes too long.
    pub async fn read<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R, Refused> {
        let stuck = |stuck: Stuck| Refused::unavailable(stuck.to_string());
        let mut late = std::pin::pin!(tokio::time::sleep(self.patience));
        let turn = tokio::select! {
            turn = Arc::clone(&self.turns).acquire_owned() => turn.map_err(|_| stuck(Stuck::Broken))?,
            () = &mut late => return Err(stuck(Stuck::Crowded)),
        };
        let (folder, readers) = (self.folder.clone(), Arc::clone(&self.readers));
        let brake = Brake::default();
        let own_brake = Arc::clone(&brake);
        let mut reading = tokio::task::spawn_blocking(move || {
            // Whoever gave up waiting has the turn until it is over.
            let _turn = turn;
            let idle = held(&readers).pop();
            let reader = match idle {
                Some(reader) => reader,
                None if Reader::is_in(&folder) => Reader::open(&folder)?,
                None => return Err(Stuck::NoLedger),
            };
            *held(&own_brake) = Some(reader.interrupter());
            let read = look(&reader);
            // From here on nobody ends it, so that the reader's next work is not ended instead.
            held(&own_brake).take();
            let read = read?;
            held(&readers).push(reader);
            Ok(read)
        });
        tokio::select! {
            read = &mut reading => read.map_err(|_| stuck(Stuck::Broken))?.map_err(stuck),
            () = late => {
                tokio::spawn(end(reading, brake));
                Err(stuck(Stuck::Slow))
            }
        }
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

/// What a lock holds, also where somebody panicked with it.
fn held<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends what reads the ledger for somebody who waits no more.
async fn end<T>(reading: JoinHandle<T>, brake: Brake) {
    while !reading.is_finished() {
        if let Some(brake) = &*held(&brake) {
            brake.interrupt();
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_for_too_long_is_ended_and_blocks_nobody() {
        let folder = std::env::temp_dir().join(format!("tollgate-desk-{}", std::process::id()));
        drop(Reader::open(&folder).unwrap());
        let desk = Desk { patience: Duration::from_millis(50), ..Desk::new(&folder) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for _ in 0..=READERS {
                let slow = desk.read(|ledger| {
                    while ledger.is_empty()? {}
                    Ok(())
                });
                let told = format!("{:?}", slow.await.unwrap_err());
                assert!(told.contains("ask for less time") || told.contains("too many read"), "{told}");
            }
            // All of them end, and then there are turns again.
            let all = u32::try_from(READERS).unwrap();
            drop(desk.turns.acquire_many(all).await.unwrap());
            let desk = Desk { patience: PATIENCE, ..desk };
            assert!(desk.read(Reader::is_empty).await.unwrap());
        });
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
