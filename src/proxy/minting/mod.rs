//! Credentials that clouds lend for an hour: got beside the requests, and got anew before they end.
//!
//! [`Credentials`] is what workers see: a table with one slot for each source that the world's
//! providers name. It outlives a reload, since a source that is still named keeps its slot.
//! [`Minters`] belongs to the keeper's thread and fills the slots.

mod aws;
pub(in crate::proxy) mod carrier;
mod google;
mod minter;

pub use minter::Minters;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::HeaderValue;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::clock;
use crate::provider::auth::{Credential, Minted, Source};
use crate::snapshot::Snapshot;

/// How long a request waits for a credential that has not come yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// The credentials of a world's providers.
#[derive(Debug, Default)]
pub struct Credentials {
    slots: ArcSwap<FxHashMap<Arc<Source>, Arc<Slot>>>,
}

/// A credential that requests may use.
#[derive(Debug)]
pub struct Lent {
    /// What was lent.
    pub minted: Minted,
    /// The `authorization` header, where that is all there is to it.
    pub header: Option<HeaderValue>,
}

/// What one source gave last.
#[derive(Debug)]
struct Slot {
    /// The provider that named the source first, for the log.
    provider: String,
    source: Arc<Source>,
    lent: ArcSwapOption<Lent>,
    /// Why the source gave nothing when it was asked last.
    failed: ArcSwapOption<String>,
    /// Rings when either of them changed.
    news: Notify,
    /// Rings when a provider did not take what was lent.
    refused: Notify,
}

impl Credentials {
    /// Makes room for the sources that this world names, or the one staged in it, and forgets all others.
    pub fn adopt(&self, world: &Snapshot) {
        let old = self.slots.load();
        let mut slots = FxHashMap::default();
        for provider in world.both().flat_map(|world| &world.providers) {
            let Some(cloud) = &provider.cloud else { continue };
            slots.entry(Arc::clone(&cloud.source)).or_insert_with(|| {
                let kept = old.get(&cloud.source).map(Arc::clone);
                kept.unwrap_or_else(|| Arc::new(Slot::new(&provider.name, &cloud.source)))
            });
        }
        self.slots.store(Arc::new(slots));
    }

    /// What the source has lent; waits a while where nothing has come yet. `stale` is what a
    /// provider refused, which is not given again.
    ///
    /// # Errors
    /// Why there is nothing.
    pub async fn lend(
        &self,
        source: &Source,
        stale: Option<&Arc<Lent>>,
        patience: Duration,
    ) -> Result<Arc<Lent>, String> {
        let Some(slot) = self.slots.load().get(source).map(Arc::clone) else {
            return Err("its credentials are no longer configured".to_owned());
        };
        let wait = tokio::time::sleep(patience.min(PATIENCE));
        tokio::pin!(wait);
        loop {
            let news = slot.news.notified();
            tokio::pin!(news);
            // What comes between the look and the wait must ring too.
            news.as_mut().enable();
            if let Some(answer) = slot.look(stale) {
                return answer;
            }
            tokio::select! {
                () = news => {}
                () = &mut wait => return Err("its credentials did not come in time".to_owned()),
            }
        }
    }

    /// A provider did not take what was lent: the source is asked again.
    pub fn refused(&self, source: &Source) {
        if let Some(slot) = self.slots.load().get(source) {
            slot.refused.notify_one();
        }
    }
}

impl Slot {
    fn new(provider: &str, source: &Arc<Source>) -> Self {
        Self {
            provider: provider.to_owned(),
            source: Arc::clone(source),
            lent: ArcSwapOption::default(),
            failed: ArcSwapOption::default(),
            news: Notify::new(),
            refused: Notify::new(),
        }
    }

    fn look(&self, stale: Option<&Arc<Lent>>) -> Option<Result<Arc<Lent>, String>> {
        let fresh = self.lent.load_full().filter(|lent| {
            let ended = lent.minted.expires.is_some_and(|end| end <= clock::unix_seconds());
            !ended && !stale.is_some_and(|stale| Arc::ptr_eq(stale, lent))
        });
        fresh.map(Ok).or_else(|| self.failed.load().as_ref().map(|why| Err(String::clone(why))))
    }

    fn fill(&self, minted: Minted) {
        let header = match &minted.credential {
            Credential::Bearer(token) => HeaderValue::try_from(format!("Bearer {}", token.expose())).ok(),
            Credential::Aws(_) | Credential::Oracle(_) => None,
        };
        let header = header.map(|mut header| {
            header.set_sensitive(true);
            header
        });
        self.lent.store(Some(Arc::new(Lent { minted, header })));
        self.failed.store(None);
        self.news.notify_waiters();
    }

    fn fail(&self, why: String) {
        self.failed.store(Some(Arc::new(why)));
        self.news.notify_waiters();
    }
}
