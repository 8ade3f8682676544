//! Answers on the disk: segments that are only ever added to, of which the oldest goes for a new one.
//!
//! Workers look in an index in memory and never at the disk: two threads read, and one writes, which alone
//! changes files. What is used again while it is among the oldest is written once more, so that what goes
//! is about what was used longest ago. Of two processes, as during an upgrade, the second begins once the
//! first has ended.

mod frame;
mod index;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use self::index::{Index, Spot};
use self::reader::Reader;
use self::writer::Writer;
use super::{Kept, Outcome, Standing, WAITING, WRITES};
use crate::cache::{Fingerprint, Tier, Which};
use crate::clock;
use crate::telemetry::Metrics;
use crate::units::ByteSize;

/// The file that is locked.
const LOCK: &str = "lock";
/// The file with the key.
const KEY: &str = "key";
/// A look-up may take so long.
const PATIENCE: Duration = Duration::from_millis(50);
/// A purge may take so long.
const PURGE: Duration = Duration::from_secs(60);
/// So many look-ups may wait.
const READS: usize = 256;
/// So many threads read.
const READERS: usize = 2;

/// What readers are asked for.
struct Wanted {
    spots: Vec<(Fingerprint, Spot)>,
    answer: oneshot::Sender<Vec<Kept>>,
}

/// What the writer is to do.
enum Job {
    /// Writes an entry, which has room among what waits.
    Keep(Kept, OwnedSemaphorePermit),
    /// Writes once more what lies there.
    Again(Fingerprint, Spot),
    /// Lets go of entries, and says how many.
    Purge(Which, Box<dyn FnOnce(usize) + Send>),
}

/// Answers on the disk.
#[derive(Debug)]
pub struct Disk {
    index: Arc<Index>,
    reads: mpsc::Sender<Wanted>,
    writes: mpsc::Sender<Job>,
    /// Room for bytes that wait to be written.
    room: Arc<Semaphore>,
    /// Whether the folder is this process's, and read.
    is_ready: Arc<AtomicBool>,
}

/// The key of fingerprints in this folder, made with it. `None` where it cannot be had.
pub(super) fn key(folder: &Path) -> Option<[u8; 32]> {
    make(folder).ok()?;
    let path = folder.join(KEY);
    for _ in 0..2 {
        let mut known = [0; 32];
        if std::fs::File::open(&path).and_then(|mut file| file.read_exact(&mut known)).is_ok() {
            return Some(known);
        }
        // Under another name until it is whole: the process that is there first wins.
        let fresh = folder.join(format!(".{KEY}-{:016x}", clock::random()));
        let key = clock::secret_bits()?;
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).ok()?;
        file.write_all(&key).ok()?;
        if std::fs::metadata(&path).is_ok_and(|broken| broken.len() < 32) {
            std::fs::remove_file(&path).ok()?;
        }
        let _ = std::fs::hard_link(&fresh, &path);
        std::fs::remove_file(&fresh).ok()?;
    }
    None
}

fn make(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

impl Disk {
    /// Opens a folder for so many bytes; `None`, with a word of warning, where it cannot be used.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn open(
        folder: PathBuf,
        room: ByteSize,
        key: [u8; 32],
        metrics: &Arc<Metrics>,
    ) -> std::io::Result<Option<Self>> {
        let lock = make(&folder).and_then(|()| {
            let mut options = std::fs::OpenOptions::new();
            options.create(true).write(true).truncate(false).mode(0o600).open(folder.join(LOCK))
        });
        let lock = match lock {
            Ok(lock) => lock,
            Err(error) => {
                log::warn!(
                    "no answers are kept on the disk, for {} cannot be used: {error}",
                    folder.display()
                );
                return Ok(None);
            }
        };
        let index = Arc::new(Index::new(room.0));
        let (reads, wanted) = mpsc::channel(READS);
        let (writes, jobs) = mpsc::channel(WRITES);
        let is_ready = Arc::<AtomicBool>::default();
        let wanted = Arc::new(std::sync::Mutex::new(wanted));
        for number in 1..=READERS {
            // The writer is not kept waiting for by those who may ask it for more.
            let reader = Reader { key, index: Arc::clone(&index), writes: writes.downgrade() };
            let wanted = Arc::clone(&wanted);
            let thread = std::thread::Builder::new().name(format!("cache-read-{number}"));
            thread.spawn(move || reader.run(&wanted))?;
        }
        let writer = Writer {
            key,
            folder,
            lock,
            index: Arc::clone(&index),
            is_ready: Arc::clone(&is_ready),
            metrics: Arc::clone(metrics),
            told: None,
        };
        std::thread::Builder::new().name("cache-write".to_owned()).spawn(move || writer.run(jobs))?;
        Ok(Some(Self { index, reads, writes, room: Arc::new(Semaphore::new(WAITING)), is_ready }))
    }

    /// What there is under these numbers.
    pub(super) async fn look(&self, fingerprints: &[Fingerprint]) -> (Outcome, Vec<Kept>) {
        let spots = self.index.find(fingerprints, clock::unix_millis());
        if spots.is_empty() {
            return (Outcome::Miss, Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        if self.reads.try_send(Wanted { spots, answer }).is_err() {
            return (Outcome::Resting, Vec::new());
        }
        match timeout(PATIENCE, answered).await {
            Ok(Ok(kept)) if kept.is_empty() => (Outcome::Failed, kept),
            Ok(Ok(kept)) => (Outcome::Hit, kept),
            Ok(Err(_)) => (Outcome::Failed, Vec::new()),
            Err(_) => (Outcome::Late, Vec::new()),
        }
    }

    /// Has an entry written; whether there is room for it to wait.
    pub(super) fn keep(&self, kept: Kept) -> bool {
        let room = kept.wait_in(&self.room);
        room.is_some_and(|room| self.writes.try_send(Job::Keep(kept, room)).is_ok())
    }

    /// Lets go of the entries that are meant, those that wait to be written among them.
    pub(super) async fn purge(&self, which: Which) -> Option<usize> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            // Whoever asked may have lost patience.
            let done = Box::new(move |purged| {
                let _ = answer.send(purged);
            });
            self.writes.send(Job::Purge(which, done)).await.ok()?;
            answered.await.ok()
        };
        timeout(PURGE, asked).await.ok().flatten()
    }

    /// The same behind whoever asks, who says what is done then.
    pub(super) fn follow(&self, which: Which, done: impl FnOnce() + Send + 'static) {
        if self.writes.try_send(Job::Purge(which, Box::new(move |_| done()))).is_err() {
            log::warn!(
                "too much waits for the disk: what another gateway let go of stays there until it ends"
            );
        }
    }

    /// How it stands.
    pub(super) fn stand(&self) -> Standing {
        let held = Some(self.index.held());
        Standing { tier: Tier::Disk, is_up: self.is_ready.load(Ordering::Relaxed), held }
    }
}
