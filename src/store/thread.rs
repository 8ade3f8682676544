//! The thread that owns the file: does what waits, in one transaction, and sweeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Retention, sweep};
use crate::clock;

/// So many jobs go into one transaction at most.
const BATCH: usize = 256;

/// How often what is too old is looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// What is done once a job's transaction is on the disk.
type After = Box<dyn FnOnce() + Send>;

type Work = Box<dyn FnOnce(&Connection) -> rusqlite::Result<After> + Send>;

/// Something to be done with the file.
pub(super) struct Job(Work);

impl Job {
    pub(super) fn new(job: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) -> Self {
        Self(Box::new(move |connection| {
            job(connection)?;
            Ok(Box::new(|| {}))
        }))
    }

    pub(super) fn answering<T: Send + 'static>(
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        answer: oneshot::Sender<T>,
    ) -> Self {
        Self(Box::new(move |connection| {
            let found = job(connection)?;
            // Whoever asked may have lost patience.
            Ok(Box::new(move || drop(answer.send(found))))
        }))
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

/// The thread's own state.
pub(super) struct Writer {
    connection: Connection,
    retention: Retention,
    done: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Writer {
    pub(super) const fn new(
        connection: Connection,
        retention: Retention,
        done: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self { connection, retention, done, stop }
    }

    pub(super) fn run(self, jobs: &Receiver<Job>) {
        let mut swept = None;
        let beat = SWEEP.min(self.retention.keep / 2).max(Duration::from_millis(100));
        loop {
            match jobs.recv_timeout(beat) {
                Ok(first) => self.batch(first, jobs),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = clock::now();
            let due = swept.is_none_or(|last| now.saturating_duration_since(last) >= beat);
            if due && !self.stop.load(Ordering::Acquire) {
                swept = Some(now);
                if let Err(error) = sweep::sweep(&self.connection, self.retention, clock::unix_millis()) {
                    log::error!("the store could not be swept: {error}");
                }
            }
        }
    }

    /// Does a job and those that wait behind it.
    fn batch(&self, first: Job, jobs: &Receiver<Job>) {
        let (mut number, mut afters) = (0, Vec::new());
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
        if let Err(error) = &begun {
            log::error!("the store cannot be written: {error}");
        }
        let waiting = std::iter::once(first).chain(jobs.try_iter()).take(BATCH);
        for job in waiting {
            number += 1;
            match self.one(job) {
                Ok(after) => afters.push(after),
                Err(error) => log::error!("the store failed: {error}"),
            }
        }
        if begun.is_ok()
            && let Err(error) = self.connection.execute_batch("COMMIT")
        {
            log::error!("the store could not be written: {error}");
            // What was not written must not be told of.
            afters.clear();
            if !self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch("ROLLBACK")
            {
                log::error!("the store could not be rolled back: {error}");
            }
        }
        self.done.fetch_add(number, Ordering::AcqRel);
        for after in afters {
            after();
        }
    }

    /// Does one job; one that fails leaves nothing behind.
    fn one(&self, Job(job): Job) -> rusqlite::Result<After> {
        self.connection.execute_batch("SAVEPOINT job")?;
        let outcome = job(&self.connection);
        let end = if outcome.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        self.connection.execute_batch(end)?;
        outcome
    }
}
