//! What became of the configuration, what is staged beside it, and what the keeper is asked to do about
//! either at once.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::config::{Problem, Written};

/// So many wishes may wait.
const WAITING: usize = 64;

/// How long somebody waits for one to be granted.
const PATIENCE: Duration = Duration::from_secs(30);

/// The configuration that is served.
#[derive(Debug)]
pub struct Loaded {
    /// When it was, in milliseconds since 1970.
    pub at: u64,
    /// What was written.
    pub written: Written,
    /// What looked mistaken.
    pub warnings: Vec<Problem>,
}

impl Loaded {
    /// A configuration that is served from now on.
    #[must_use]
    pub fn now(written: Written, warnings: Vec<Problem>) -> Self {
        Self { at: clock::unix_millis(), written, warnings }
    }
}

/// The configuration that a share of the clients sees.
#[derive(Debug, Clone)]
pub struct Beside {
    /// Which world that is.
    pub generation: u64,
    /// Of a hundred clients, so many see it.
    pub percent: u8,
    /// Whether it is the file as it was then, and not a text that somebody sent.
    pub is_the_file: bool,
    /// Since when, and what it says.
    pub loaded: Arc<Loaded>,
}

/// What may be done about the world that is served, and the one beside it.
#[derive(Debug)]
pub enum Change {
    /// Read the configuration anew and serve it; nothing is staged then.
    Reload,
    /// Stage this text, or the file as it is, for so many of a hundred clients.
    Stage(Option<String>, u8),
    /// Let so many of a hundred clients see what is staged.
    Share(u8),
    /// Serve what is staged to all.
    Promote,
    /// Let go of what is staged.
    Drop,
}

/// Why the worlds stay what they were.
#[derive(Debug, Clone)]
pub enum Unchanged {
    /// This is wrong with the configuration.
    Refused(Arc<Vec<Problem>>),
    /// Nothing is staged.
    NothingStaged,
}

/// Which world it is about in the end, or why nothing was done.
pub type Changed = Result<u64, Unchanged>;

/// What somebody wants of the keeper, with whom to tell once it is done.
#[derive(Debug)]
pub enum Wish {
    /// That it takes over the keys of the store; told is why it could not.
    Keys(oneshot::Sender<Result<(), String>>),
    /// That it does this about the worlds.
    Change(Change, oneshot::Sender<Changed>),
}

/// The keeper did not do it in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has not been done in time, and may still be")]
pub struct Late;

/// What became of the configuration, as all who ask see it.
#[derive(Debug)]
pub struct Reloads {
    /// What is served.
    pub loaded: ArcSwap<Loaded>,
    /// The problems of the last reload, when it was refused.
    pub refused: ArcSwapOption<Vec<Problem>>,
    /// What is staged.
    pub beside: ArcSwapOption<Beside>,
    wishes: mpsc::Sender<Wish>,
}

impl Reloads {
    /// What is served at first, and where the keeper hears of wishes.
    #[must_use]
    pub fn new(loaded: Loaded) -> (Arc<Self>, mpsc::Receiver<Wish>) {
        let (wishes, heard) = mpsc::channel(WAITING);
        let (refused, beside) = (ArcSwapOption::default(), ArcSwapOption::default());
        let reloads = Self { loaded: ArcSwap::from_pointee(loaded), refused, beside, wishes };
        (Arc::new(reloads), heard)
    }

    /// Has the store's keys taken over: they hold from the next request on.
    ///
    /// # Errors
    /// Why those that were known still hold. The keeper tries again by itself.
    pub async fn take_over_keys(&self) -> Result<(), String> {
        let (done, told) = oneshot::channel();
        self.wish(Wish::Keys(done), told).await.map_err(|late| late.to_string())?
    }

    /// Has something done about the worlds.
    ///
    /// # Errors
    /// When it was not done in time.
    pub async fn change(&self, change: Change) -> Result<Changed, Late> {
        let (done, told) = oneshot::channel();
        self.wish(Wish::Change(change, done), told).await
    }

    async fn wish<T>(&self, wish: Wish, told: oneshot::Receiver<T>) -> Result<T, Late> {
        self.wishes.try_send(wish).map_err(|_| Late)?;
        tokio::time::timeout(PATIENCE, told).await.map_err(|_| Late)?.map_err(|_| Late)
    }
}
