//! What outlives requests, in one file of `SQLite`: responses and conversations that no provider keeps,
//! keys, and what limits have counted.
//!
//! One thread does all that requests leave, and reads what they ask for; the keeper has connections of
//! its own for `keys` and `tallies`. Workers leave jobs for that thread and go on, or wait for their answer with a
//! limit; none of them ever touches SQL or the disk. What is waiting is written in one transaction,
//! and a job sees everything that was left before it, whether that is on the disk yet or not.

pub mod audit;
mod conversations;
mod file;
pub mod journal;
pub mod keys;
pub mod ledger;
mod responses;
pub mod smith;
mod sweep;
pub mod tallies;
#[cfg(test)]
mod tests;
mod thread;
pub mod tiers;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::dialect::openai_responses::kept::Item;
use crate::policy::Key;
use crate::units::ByteSize;

pub use conversations::Conversation;
pub use file::Unusable;
pub use responses::{Answered, Elsewhere, Found, Recalled, Wanted};

use thread::Job;

/// So many jobs may wait.
const QUEUE: u64 = 4096;

/// How long a worker waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose something is: only who made it may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(Cow<'static, str>);

impl Owner {
    /// Whoever shows the master key, or anyone where there is none.
    pub const MASTER: Self = Self(Cow::Borrowed("master"));

    /// Whoever shows this virtual key.
    #[must_use]
    pub fn of(key: Option<&Key>) -> Self {
        key.map_or(Self::MASTER, |key| Self(format!("key:{}", key.id).into()))
    }

    /// The name under which it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long and how much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long after it was last used.
    pub keep: Duration,
    /// How many bytes; what was used longest ago goes first.
    pub room: ByteSize,
}

/// Why the store gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too much is waiting to be written.
    #[error("too much is waiting to be written")]
    Busy,
    /// The answer did not come in time.
    #[error("the disk did not answer in time")]
    Late,
    /// The file could not be read or written.
    #[error("its file could not be read or written")]
    Failed,
}

/// The store as workers see it.
#[derive(Debug)]
pub struct Store {
    jobs: Sender<Job>,
    left: AtomicU64,
    done: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Store {
    /// Opens the file in this folder, which is made if it is not there, and starts the thread.
    ///
    /// # Errors
    /// When the folder or the file cannot be used.
    pub fn open(folder: &Path, retention: Retention) -> Result<Arc<Self>, Unusable> {
        let connection = file::open(folder)?;
        let (jobs, waiting) = std::sync::mpsc::channel();
        let done = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let keeping = thread::Writer::new(connection, retention, Arc::clone(&done), Arc::clone(&stop));
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || keeping.run(&waiting))
            .map_err(|error| Unusable::new(folder, &error))?;
        Ok(Arc::new(Self { jobs, left: AtomicU64::new(0), done, stop }))
    }

    /// Leaves a job whose outcome nobody waits for.
    fn leave(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), Unavailable> {
        self.send(Job::new(job))
    }

    /// Has a job done, and waits for what it found until that and all it wrote is on the disk.
    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::answering(job, answer))?;
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) => Err(Unavailable::Failed),
            Err(_) => Err(Unavailable::Late),
        }
    }

    fn send(&self, job: Job) -> Result<(), Unavailable> {
        let before = self.left.load(Ordering::Acquire);
        if before.saturating_sub(self.done.load(Ordering::Acquire)) >= QUEUE {
            return Err(Unavailable::Busy);
        }
        self.left.fetch_add(1, Ordering::AcqRel);
        self.jobs.send(job).map_err(|_| {
            self.done.fetch_add(1, Ordering::AcqRel);
            Unavailable::Failed
        })
    }

    /// Whether everything that was left is done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.done.load(Ordering::Acquire) >= self.left.load(Ordering::Acquire)
    }
}

/// Responses.
impl Store {
    /// Keeps an answer, or puts it in the place of what was kept under its id; `held` is given back
    /// once it is written.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn keep(&self, answered: Answered, held: impl Send + 'static) -> Result<(), Unavailable> {
        self.leave(move |connection| {
            let kept = responses::keep(connection, &answered);
            drop(held);
            kept
        })
    }

    /// Keeps a response that is being made in the background.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn begin(&self, answered: Answered) -> Result<(), Unavailable> {
        self.leave(move |connection| responses::begin(connection, &answered))
    }

    /// Keeps the answer of one, unless it was given up meanwhile; `held` is given back once it is
    /// written.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn finish(&self, answered: Answered, held: impl Send + 'static) -> Result<(), Unavailable> {
        self.leave(move |connection| {
            let kept = responses::finish(connection, &answered);
            drop(held);
            kept
        })
    }

    /// Says what became of a response in the background, unless that is known already.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn settle(&self, owner: Owner, id: String, said: Vec<u8>) -> Result<(), Unavailable> {
        self.leave(move |connection| responses::settle(connection, &owner, &id, &said))
    }

    /// Says that what ran in the background has failed: no process is left that could finish it.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn fail_running(&self) -> Result<(), Unavailable> {
        self.leave(responses::fail_running)
    }

    /// Remembers which provider keeps a response that was made then.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn remember(
        &self,
        owner: Owner,
        id: String,
        made: u64,
        elsewhere: Elsewhere,
    ) -> Result<(), Unavailable> {
        self.leave(move |connection| responses::remember(connection, &owner, &id, made, &elsewhere))
    }

    /// What a request refers to.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn recall(&self, wanted: Wanted) -> Result<Recalled, Unavailable> {
        self.ask(move |connection| responses::recall(connection, &wanted)).await
    }

    /// What is known of a response.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn response(&self, owner: Owner, id: String) -> Result<Option<Found>, Unavailable> {
        self.ask(move |connection| responses::find(connection, &owner, &id)).await
    }

    /// All items that a response was made from: what was said before it, and its own input.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn input_of(&self, owner: Owner, id: String) -> Result<Option<Vec<Item>>, Unavailable> {
        self.ask(move |connection| responses::input_of(connection, &owner, &id)).await
    }

    /// Forgets a response; whether there was one.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn forget(&self, owner: Owner, id: String) -> Result<bool, Unavailable> {
        self.ask(move |connection| responses::delete(connection, &owner, &id)).await
    }
}

/// Conversations.
impl Store {
    /// Makes a conversation of these items.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn converse(
        &self,
        owner: Owner,
        conversation: Conversation,
        items: Vec<Item>,
    ) -> Result<(), Unavailable> {
        self.ask(move |connection| conversations::make(connection, &owner, &conversation, &items)).await
    }

    /// What is known of a conversation.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn conversation(&self, owner: Owner, id: String) -> Result<Option<Conversation>, Unavailable> {
        self.ask(move |connection| conversations::find(connection, &owner, &id)).await
    }

    /// Notes something else on a conversation; what is known of it then.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn note(
        &self,
        owner: Owner,
        id: String,
        metadata: String,
        now: u64,
    ) -> Result<Option<Conversation>, Unavailable> {
        self.ask(move |connection| {
            conversations::note(connection, &owner, &id, &metadata, now)?;
            conversations::find(connection, &owner, &id)
        })
        .await
    }

    /// Forgets a conversation and its items; whether there was one.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn end(&self, owner: Owner, id: String) -> Result<bool, Unavailable> {
        self.ask(move |connection| conversations::delete(connection, &owner, &id)).await
    }

    /// The items of a conversation in their order; `None` where there is no such conversation.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn items(&self, owner: Owner, id: String) -> Result<Option<Vec<Item>>, Unavailable> {
        self.ask(move |connection| conversations::items(connection, &owner, &id)).await
    }

    /// Adds items to the end of a conversation; whether there is one.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn append(
        &self,
        owner: Owner,
        id: String,
        items: Vec<Item>,
        now: u64,
    ) -> Result<bool, Unavailable> {
        self.ask(move |connection| conversations::append(connection, &owner, &id, &items, now)).await
    }

    /// Takes an item out of a conversation; what is known of that, and whether the item was there.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn remove(
        &self,
        owner: Owner,
        id: String,
        item: String,
    ) -> Result<Option<(Conversation, bool)>, Unavailable> {
        self.ask(move |connection| {
            let Some(found) = conversations::find(connection, &owner, &id)? else { return Ok(None) };
            let gone = conversations::remove(connection, &owner, &id, &item)?;
            Ok(Some((found, gone)))
        })
        .await
    }
}

impl Drop for Store {
    /// The thread does what is left, and ends.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}
