//! What finished requests leave before anything else is told of them: rows in files that are only ever
//! added to, one write call each.
//!
//! Each worker has segments of its own, so that none waits for another. What the system has taken
//! survives the process, however that ends; the ledger moves it from there. Where the disk takes nothing more, rows wait in bounded memory, and nothing new is begun
//! unless the operator wants it otherwise.

mod frame;
mod home;
#[cfg(test)]
pub(super) mod tests;
mod writer;

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::account::settled::{Record, Used};
use crate::account::{Outcome, entry};
use crate::config::{Sync, WhenFull};
use crate::refusal::Kind as Refused;
use crate::store::ledger::bodies::Waiting;
use crate::units::Apart;

pub use frame::{Kind, Next, next, resync};
pub use home::{Home, Segment};

use writer::Writer;

/// So many bytes of rows may wait for each writer.
const ROOM: usize = 4 << 20;

/// The journal of this process.
#[derive(Debug)]
pub struct Journal {
    data: PathBuf,
    when_full: WhenFull,
    sync: Sync,
    writers: Box<[Apart<Mutex<Writer>>]>,
    home: Mutex<Option<Arc<Home>>>,
    /// Why the last write failed, where it did.
    failing: Mutex<Option<String>>,
    is_failing: AtomicBool,
    waiting: AtomicU64,
    lost: AtomicU64,
    /// Bodies that are logged, which are no rows: a kill takes those of the last moment.
    pub bodies: Waiting,
}

/// How the journal does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Why nothing can be written, where that is so.
    pub failing: Option<String>,
    /// Rows that wait in memory.
    pub waiting: u64,
    /// Rows that there was no room for.
    pub lost: u64,
}

impl Journal {
    /// The journal of a process with so many workers, in this folder for data. Where that cannot be
    /// written, that shows in its condition.
    #[must_use]
    pub fn open(data: &Path, workers: usize, when_full: WhenFull, sync: Sync) -> Self {
        let journal = Self {
            data: data.to_owned(),
            when_full,
            sync,
            // One more for all that is no worker.
            writers: (0..=workers).map(|_| Apart::default()).collect(),
            home: Mutex::new(None),
            failing: Mutex::new(None),
            is_failing: AtomicBool::new(false),
            waiting: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            bodies: Waiting::default(),
        };
        if let Err(error) = journal.with_home(|_| Ok(())) {
            journal.fail(&error);
        }
        journal
    }

    /// Whether nothing new may be begun, since what it uses could not be written down.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.when_full == WhenFull::Refuse && self.is_failing.load(Ordering::Relaxed)
    }

    /// Whether its rows are to outlive a loss of power.
    #[must_use]
    pub const fn sync(&self) -> Sync {
        self.sync
    }

    /// Writes down what a finished request used, or an estimate of it, which is amended later.
    pub fn append(&self, record: &Record, used: &Used, kind: Kind) {
        if is_nobodys(record) {
            return;
        }
        let Some((number, mut writer)) = self.writer() else { return };
        writer.frame.clear();
        frame::put(&mut writer.frame, kind, |out| entry::write(record, used, out));
        // What waits comes first; whoever moves rows sees to it.
        let written = if writer.waiting.is_empty() {
            writer.write_frame(self.sync, |segment| self.path(number, segment))
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        };
        let Err(error) = written else { return };
        if error.kind() != io::ErrorKind::WouldBlock {
            self.fail(&error);
        }
        // What asked no provider and got nothing from the cache has used nothing; a flood of it must not
        // take the others' room.
        let has_used = record.departed || record.is_cached();
        if has_used && writer.keep_frame(ROOM) {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        } else if has_used || !matches!(record.outcome, Outcome::Refused(_)) {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                log::error!("the ledger lacks {lost} requests: {error}");
            }
        }
    }

    /// Writes what waits, and sees whether the disk takes something again.
    pub fn catch_up(&self) {
        // A row may have begun to wait while another was seen to be written.
        if !self.is_failing.load(Ordering::Acquire) && self.waiting.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut caught = 0;
        for (number, writer) in (0..).zip(&self.writers) {
            let mut writer = lock(&writer.0);
            match writer.catch_up(self.sync, |segment| self.path(number, segment)) {
                Ok(rows) => {
                    self.waiting.fetch_sub(rows, Ordering::Relaxed);
                    caught += rows;
                }
                Err(error) => return self.fail(&error),
            }
        }
        // Nothing may have waited: it takes a write to know.
        if caught == 0
            && let Err(error) = self.with_home(Home::probe)
        {
            return self.fail(&error);
        }
        let mut failing = lock(&self.failing);
        self.is_failing.store(false, Ordering::Release);
        if let Some(why) = failing.take() {
            log::warn!("the ledger can be written again ({why}); {caught} requests waited for it");
        }
    }

    /// How it does.
    #[must_use]
    pub fn condition(&self) -> Condition {
        Condition {
            failing: lock(&self.failing).clone(),
            waiting: self.waiting.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    /// Does something with the folder of this process, which is made if it is not there. It may take
    /// its time: a worker that begins a segment meanwhile does not wait for that.
    ///
    /// # Errors
    /// When it cannot be made, or that fails.
    pub fn with_home<T>(&self, work: impl FnOnce(&Home) -> io::Result<T>) -> io::Result<T> {
        let home = match &mut *lock(&self.home) {
            Some(home) => Arc::clone(home),
            none => Arc::clone(none.insert(Arc::new(Home::make(&self.data)?))),
        };
        work(&home)
    }

    /// Lets go of the folder, and removes it if everything in it was moved.
    pub fn close(&self) {
        if let Some(home) = lock(&self.home).take() {
            home.remove();
        }
    }

    fn path(&self, writer: u32, segment: u64) -> io::Result<PathBuf> {
        self.with_home(|home| Ok(home.segment(writer, segment)))
    }

    fn fail(&self, error: &io::Error) {
        let mut failing = lock(&self.failing);
        // Whoever hears of it finds it so.
        self.is_failing.store(true, Ordering::Release);
        if failing.is_none() {
            let then = match self.when_full {
                WhenFull::Refuse => "no request is served until it can",
                WhenFull::Serve => {
                    "requests are served, and those that do not fit into memory are lost to it"
                }
            };
            log::error!("THE LEDGER CANNOT BE WRITTEN: {}: {error}; {then}", self.data.display());
        }
        *failing = Some(error.to_string());
    }

    /// The writer of this thread.
    fn writer(&self) -> Option<(u32, MutexGuard<'_, Writer>)> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: Cell<Option<usize>> = const { Cell::new(None) };
        }
        let own = OWN.with(|own| match own.get() {
            Some(number) => number,
            None => {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                own.set(Some(number));
                number
            }
        });
        let number = own % self.writers.len().max(1);
        let writer = self.writers.get(number)?;
        Some((u32::try_from(number).ok()?, lock(&writer.0)))
    }
}

/// Whether somebody asked whom we do not know, and got nothing: anyone who reaches us could fill the
/// disk with such rows.
fn is_nobodys(record: &Record) -> bool {
    let barred = record.outcome == Outcome::Refused(Refused::Authentication);
    !record.departed && (barred || record.operation == "unknown")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
