//! The tasks that fill the slots: one for each issuer, asleep most of the time.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::task::JoinHandle;

use super::{LEAST, Slot};
use crate::policy::token::{Origin, Set, discovered};
use crate::provider::Base;
use crate::provider::auth::Errand;
use crate::proxy::minting::carrier::Carrier;
use crate::proxy::shared::Shared;

/// How often an issuer is asked where nothing else makes it.
const USUAL: Duration = Duration::from_secs(600);
/// An issuer that fails is asked again after a second, then two, four … up to this.
const MOST: Duration = Duration::from_secs(60);

/// The running tasks; they end with this value.
#[derive(Debug, Default)]
pub struct KeyFetchers {
    running: FxHashMap<Arc<Origin>, JoinHandle<()>>,
}

impl KeyFetchers {
    /// Sees to it that each issuer of the present world has its task. To be called inside of a
    /// runtime, which runs them.
    pub fn follow(&mut self, shared: &Arc<Shared>) {
        let slots = shared.issuer_keys.slots.load_full();
        self.running.retain(|origin, task| {
            let named = slots.contains_key(origin);
            if !named {
                task.abort();
            }
            named
        });
        for (origin, slot) in slots.iter() {
            self.running.entry(Arc::clone(origin)).or_insert_with(|| {
                let (shared, slot) = (Arc::clone(shared), Arc::clone(slot));
                tokio::spawn(async move { keep(&shared, &slot).await })
            });
        }
    }
}

impl Drop for KeyFetchers {
    fn drop(&mut self) {
        self.running.values().for_each(JoinHandle::abort);
    }
}

async fn keep(shared: &Shared, slot: &Slot) {
    let mut failures = 0_u32;
    loop {
        match fetch(shared, &slot.origin).await {
            Ok(keys) => {
                failures = 0;
                log::debug!("the issuer {} has {} keys", slot.name, keys.keys().len());
                slot.fill(keys);
                // However many tokens name keys that are not there, it is left in peace for a while.
                let _ = tokio::time::timeout(USUAL, async {
                    tokio::time::sleep(Duration::from_secs(LEAST)).await;
                    slot.wanted.notified().await;
                })
                .await;
            }
            Err(why) => {
                log::warn!("the issuer {} gives no keys, so that those known before hold: {why}", slot.name);
                slot.was_asked(true);
                failures = failures.saturating_add(1);
                tokio::time::sleep(MOST.min(Duration::from_secs(1 << (failures - 1).min(6)))).await;
            }
        }
    }
}

async fn fetch(shared: &Shared, origin: &Origin) -> Result<Set, String> {
    let carrier = Carrier::new(&shared.resolver);
    let get = async |base: &Base, target: &str| {
        let answer = carrier.ask(&Errand::get(base, target)).await?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(format!("{} answered with status {status}", base.authority())),
        }
    };
    let keys = match origin {
        Origin::Keys { base, query } => get(base, query).await?,
        Origin::Discovery { issuer, base } => {
            let description = get(base, "/.well-known/openid-configuration").await?;
            let (keys, query) = discovered(&description, issuer, base)?;
            get(&keys, &query).await?
        }
    };
    Set::read(&keys)
}
