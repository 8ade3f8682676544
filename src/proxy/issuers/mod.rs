//! The keys of issuers whose tokens open the door: got beside the requests, and got anew when a token
//! names one that is not known.
//!
//! [`IssuerKeys`] is what workers see: a table with one slot for each place that the world's issuers
//! publish keys at. It outlives a reload, and what was got last holds while an issuer is away.
//! [`KeyFetchers`] belongs to the keeper's thread and fills the slots.

mod fetcher;

pub use fetcher::KeyFetchers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::clock;
use crate::policy::token::{Origin, Set};
use crate::snapshot::Snapshot;

/// How long a request waits for keys that are asked for on its behalf.
const PATIENCE: Duration = Duration::from_secs(5);
/// Whatever tokens name, an issuer is asked no more often than this many seconds.
const LEAST: u64 = 10;

/// The keys of all issuers.
#[derive(Debug, Default)]
pub struct IssuerKeys {
    slots: ArcSwap<FxHashMap<Arc<Origin>, Arc<Slot>>>,
    changes: Arc<AtomicU64>,
}

/// What one issuer publishes.
#[derive(Debug)]
struct Slot {
    /// The issuer's name, for the log.
    name: String,
    origin: Arc<Origin>,
    keys: ArcSwapOption<Set>,
    /// When it was asked last, in seconds since 1970; 0 before that.
    asked: AtomicU64,
    /// Whether it gave none then: it is asked again whatever tokens name.
    is_away: AtomicBool,
    /// Counts what changed, of all slots.
    changes: Arc<AtomicU64>,
    /// Rings when it was asked.
    news: Notify,
    /// Rings when a token names a key that is not there.
    wanted: Notify,
}

impl IssuerKeys {
    /// Makes room for the issuers of this world and of the one staged in it, and forgets all others.
    pub fn adopt(&self, world: &Snapshot) {
        let old = self.slots.load();
        let mut slots = FxHashMap::default();
        for issuer in world.both().flat_map(|world| &*world.door.issuers) {
            let Some(origin) = &issuer.origin else { continue };
            slots.entry(Arc::clone(origin)).or_insert_with(|| {
                let kept = old.get(origin).map(Arc::clone);
                kept.unwrap_or_else(|| Arc::new(Slot::new(&issuer.name, origin, &self.changes)))
            });
        }
        self.slots.store(Arc::new(slots));
    }

    /// Counts the times that an issuer's keys became others: what was found true before may not be
    /// true any more.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The keys that were got last; none where there never were any.
    #[must_use]
    pub fn known(&self, origin: &Origin) -> Option<Arc<Set>> {
        self.slots.load().get(origin)?.keys.load_full()
    }

    /// The keys after the issuer was asked once more, unless that was a moment ago or it is away: nobody
    /// waits for what may not come.
    pub async fn fresh(&self, origin: &Origin) -> Option<Arc<Set>> {
        let slot = self.slots.load().get(origin).map(Arc::clone)?;
        let news = slot.news.notified();
        tokio::pin!(news);
        // What comes between the look and the wait must ring too.
        news.as_mut().enable();
        let is_old = slot.asked.load(Ordering::Acquire).saturating_add(LEAST) <= clock::unix_seconds();
        if is_old && !slot.is_away.load(Ordering::Acquire) {
            slot.wanted.notify_one();
            // Whether it came or not, what is there now is all that there is.
            let _ = tokio::time::timeout(PATIENCE, news).await;
        }
        slot.keys.load_full()
    }
}

impl Slot {
    fn new(name: &str, origin: &Arc<Origin>, changes: &Arc<AtomicU64>) -> Self {
        Self {
            name: name.to_owned(),
            origin: Arc::clone(origin),
            keys: ArcSwapOption::default(),
            asked: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
            changes: Arc::clone(changes),
            news: Notify::new(),
            wanted: Notify::new(),
        }
    }

    fn fill(&self, keys: Set) {
        if self.keys.load().as_deref() != Some(&keys) {
            self.keys.store(Some(Arc::new(keys)));
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        self.was_asked(false);
    }

    fn was_asked(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Release);
        self.asked.store(clock::unix_seconds(), Ordering::Release);
        self.news.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::policy::token::split;

    #[test]
    fn nobody_waits_for_an_issuer_that_is_away() {
        let (base, query) = split("https://id.example.com/keys").unwrap();
        let origin = Arc::new(Origin::Keys { base, query });
        let keys = IssuerKeys::default();
        let slot = Arc::new(Slot::new("corp", &origin, &keys.changes));
        keys.slots.store(Arc::new([(Arc::clone(&origin), Arc::clone(&slot))].into_iter().collect()));
        // Whether somebody waits who comes long after it was asked last.
        let waits = || {
            slot.asked.store(0, Ordering::Release);
            let mut fresh = pin!(keys.fresh(&origin));
            fresh.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _inside = runtime.enter();
        assert!(waits(), "it was never asked");
        slot.was_asked(true);
        assert!(!waits(), "it gave none when it was asked last");
        slot.was_asked(false);
        assert!(waits(), "it is there again");
    }
}
