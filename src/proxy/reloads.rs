//! What became of the configuration, and what the keeper is asked to do about it at once.

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

/// What somebody wants of the keeper, with whom to tell once it is done.
#[derive(Debug)]
pub enum Wish {
    /// That it takes over the keys of the store; told is why it could not.
    Keys(oneshot::Sender<Result<(), String>>),
    /// That it reloads the configuration; told is which world is served, or what is wrong.
    Reload(oneshot::Sender<Result<u64, Arc<Vec<Problem>>>>),
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
    wishes: mpsc::Sender<Wish>,
}

impl Reloads {
    /// What is served at first, and where the keeper hears of wishes.
    #[must_use]
    pub fn new(loaded: Loaded) -> (Arc<Self>, mpsc::Receiver<Wish>) {
        let (wishes, heard) = mpsc::channel(WAITING);
        let reloads =
            Self { loaded: ArcSwap::from_pointee(loaded), refused: ArcSwapOption::default(), wishes };
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

    /// Has the configuration reloaded: which world is served, or what is wrong with the new one.
    ///
    /// # Errors
    /// When it was not done in time.
    pub async fn reload(&self) -> Result<Result<u64, Arc<Vec<Problem>>>, Late> {
        let (done, told) = oneshot::channel();
        self.wish(Wish::Reload(done), told).await
    }

    async fn wish<T>(&self, wish: Wish, told: oneshot::Receiver<T>) -> Result<T, Late> {
        self.wishes.try_send(wish).map_err(|_| Late)?;
        tokio::time::timeout(PATIENCE, told).await.map_err(|_| Late)?.map_err(|_| Late)
    }
}
