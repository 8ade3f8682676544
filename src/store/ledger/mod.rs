//! The ledger: a row for every finished request, and sums by the hour.
//!
//! Workers write rows into the [`journal`](super::journal). One thread moves them from there into a
//! file of `SQLite`, sums them up in the same transaction, and takes away what is too old. Whoever
//! reads opens the file for itself ([`Reader`]).

mod blocks;
pub mod bodies;
pub mod export;
mod filter;
mod grouping;
mod histogram;
mod hours;
mod mover;
mod read;
mod reprice;
mod retention;
mod rows;
mod schema;
mod sums;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::clock;
use crate::config::Sync;
use crate::store::file::Unusable;
use crate::store::journal::{Condition, Home, Journal};

pub use filter::{Filter, Mistaken, moment};
pub use grouping::{By, Grouping};
pub use histogram::Histogram;
pub use read::{Cursor, NoCursor, Page, Query, Reader, Source, Usages, UsedBy};
pub use reprice::{PriceOf, Repriced, Run, reprice};
pub use rows::Row;
pub use sums::Sums;

use mover::Mover;

/// How often rows are moved.
const BEAT: Duration = Duration::from_millis(250);

/// How often it is looked for what other processes have left.
const LOOK_FOR_LEFT: Duration = Duration::from_secs(5);

/// How long a process that begins waits for those who hold what was left before it, and how often it looks.
const WAIT_FOR_COMMANDS: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long things are kept; for ever where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// Rows of single requests.
    pub rows: Option<Duration>,
    /// Sums by the hour.
    pub hours: Option<Duration>,
    /// Bodies that are logged.
    pub bodies: Option<Duration>,
}

/// The ledger of this process.
#[derive(Debug)]
pub struct Ledger {
    /// Where requests leave their rows.
    pub journal: Arc<Journal>,
    state: Arc<State>,
    thread: Option<Thread>,
    is_alone: bool,
}

#[derive(Debug, Default)]
struct State {
    closing: AtomicBool,
    closed: AtomicBool,
    /// Why rows are not moved, where they are not.
    stuck: Mutex<Option<String>>,
}

impl Ledger {
    /// Moves what processes that have ended have left, then goes on with that and with this process's
    /// own rows in a thread. Where the file cannot be used, that is tried again and again: rows are
    /// safe in the journal.
    #[must_use]
    pub fn start(data: &Path, journal: Journal, keep: Keep) -> Self {
        let journal = Arc::new(journal);
        let mut keeper = Keeper::new(data, Arc::clone(&journal), keep);
        let state = Arc::clone(&keeper.state);
        keeper.begin();
        let is_alone = !keeper.others;
        let started = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || keeper.run());
        let thread = match started {
            Ok(thread) => Some(thread.thread().clone()),
            Err(error) => {
                log::error!("the ledger has no thread, so that rows stay in the journal: {error}");
                state.closed.store(true, Ordering::Release);
                None
            }
        };
        Self { journal, state, thread, is_alone }
    }

    /// Whether no other process had its rows here when this one began.
    #[must_use]
    pub const fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Asks the thread to move what is left and to end, without waiting for it.
    pub fn close(&self) {
        self.state.closing.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }

    /// Whether it has done so.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.closed.load(Ordering::Acquire)
    }

    /// How it does: the journal, and why rows are not moved from it, where they are not.
    #[must_use]
    pub fn condition(&self) -> (Condition, Option<String>) {
        let stuck = self.state.stuck.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.journal.condition(), stuck)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

/// Opens the file for whoever moves rows into it. What is moved goes from where it was: where rows are to
/// outlive a loss of power, it must be on the disk by then.
fn open_to_move(data: &Path, sync: Sync) -> Result<Connection, String> {
    let connection = schema::open(data).map_err(|unusable: Unusable| unusable.to_string())?;
    match sync {
        Sync::Never => {}
        Sync::Always => connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(|error| format!("{}: {error}", data.display()))?,
    }
    Ok(connection)
}

/// Moves what processes that have ended have left in this folder, for a command that reads the ledger; why
/// something of it stays where it is.
///
/// # Errors
/// When the folder or the ledger's file cannot be read or written.
pub fn move_left(data: &Path) -> Result<Vec<String>, String> {
    // What those processes were told of the disk is not known here.
    let mut connection = open_to_move(data, Sync::Always)?;
    let (homes, _) = Home::left(data, None).map_err(|error| error.to_string())?;
    let (mut mover, mut stays) = (Mover::default(), Vec::new());
    for home in homes {
        match mover.run(&mut connection, &home, false) {
            Ok(_) => home.remove(),
            Err(stuck) => stays.push(stuck.to_string()),
        }
    }
    Ok(stays)
}

/// The thread's own state.
#[derive(Debug)]
struct Keeper {
    data: PathBuf,
    journal: Arc<Journal>,
    state: Arc<State>,
    keep: Keep,
    connection: Option<Connection>,
    mover: Mover,
    looked: Option<Instant>,
    /// What came of it when it was last looked for what others have left.
    left: Result<(), String>,
    others: bool,
}

impl Keeper {
    fn new(data: &Path, journal: Arc<Journal>, keep: Keep) -> Self {
        Self {
            data: data.to_owned(),
            journal,
            state: Arc::default(),
            keep,
            connection: None,
            mover: Mover::default(),
            looked: None,
            left: Ok(()),
            others: false,
        }
    }

    /// The first turn. A command that reads the ledger holds for a moment what a process has left that has
    /// ended, and is no other process that counts: so it is looked again, for a while.
    fn begin(&mut self) {
        let begun = clock::now();
        self.turn();
        while self.others && begun.elapsed() < WAIT_FOR_COMMANDS {
            std::thread::sleep(LOOK_AGAIN);
            self.looked = None;
            self.turn();
        }
    }

    fn run(mut self) {
        loop {
            // Read before the rows, so that what was left before it is still moved.
            let closing = self.state.closing.load(Ordering::Acquire);
            self.turn();
            if closing {
                self.finish();
                self.state.closed.store(true, Ordering::Release);
                return;
            }
            std::thread::park_timeout(BEAT);
        }
    }

    /// One turn; what went wrong shows in the state, once in the log.
    fn turn(&mut self) {
        self.journal.catch_up();
        let done = self.work();
        let mut stuck = self.state.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        match done {
            Ok(()) => {
                if stuck.take().is_some() {
                    log::warn!("rows are moved into the ledger again");
                }
            }
            Err(why) => {
                if stuck.as_ref() != Some(&why) {
                    log::error!("rows stay in the journal: {why}");
                }
                *stuck = Some(why);
            }
        }
    }

    fn work(&mut self) -> Result<(), String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => open_to_move(&self.data, self.journal.sync())?,
        };
        let done = self.work_with(&mut connection);
        self.connection = Some(connection);
        done
    }

    fn work_with(&mut self, connection: &mut Connection) -> Result<(), String> {
        let now = clock::now();
        if self.looked.is_none_or(|last| now.saturating_duration_since(last) >= LOOK_FOR_LEFT) {
            self.looked = Some(now);
            let moved = self.move_left(connection);
            let bitten = retention::bite(connection, self.keep, clock::unix_millis());
            let bitten = bitten.map_err(|error| format!("what is too old cannot be taken away: {error}"));
            self.left = moved.and(bitten);
        }
        let logged = self.journal.bodies.write(connection);
        let mover = &mut self.mover;
        let moved = self.journal.with_home(|home| Ok(mover.run(connection, home, true)));
        // Where there is no folder, the journal's condition says why.
        if let Ok(moved) = moved {
            moved.map_err(|stuck| stuck.to_string())?;
        }
        logged.map_err(|error| format!("bodies cannot be logged: {error}"))?;
        self.left.clone()
    }

    fn move_left(&mut self, connection: &mut Connection) -> Result<(), String> {
        let own = self.journal.with_home(|home| Ok(home.name().to_owned())).ok();
        let (homes, others) = Home::left(&self.data, own.as_deref()).map_err(|error| error.to_string())?;
        self.others = others;
        let mut outcome = Ok(());
        for home in homes {
            match self.mover.run(connection, &home, false) {
                Ok(rows) => {
                    if rows > 0 {
                        log::info!("moved {rows} requests into the ledger that another process had left");
                    }
                    home.remove();
                }
                Err(stuck) => outcome = Err(stuck.to_string()),
            }
        }
        outcome
    }

    /// Moves the last rows and removes the folder.
    fn finish(&mut self) {
        self.journal.catch_up();
        if let Some(connection) = &mut self.connection {
            if let Err(error) = self.journal.bodies.write(connection) {
                log::error!("the last bodies are not logged: {error}");
            }
            let mover = &mut self.mover;
            match self.journal.with_home(|home| Ok(mover.run(connection, home, false))) {
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(stuck)) => log::error!("rows stay in the journal for the next process: {stuck}"),
            }
        }
        self.journal.close();
    }
}
