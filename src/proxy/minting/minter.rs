//! The tasks that fill the slots: one for each source, asleep most of the time.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::task::JoinHandle;

use super::carrier::Carrier;
use super::{Slot, aws, google};
use crate::clock;
use crate::provider::auth::{Credential, Minted, Source, entra};
use crate::proxy::shared::Shared;

/// A credential is got anew so long before it ends, or after half its life where that is shorter.
const AHEAD: Duration = Duration::from_secs(300);
/// No source is asked more often.
const LEAST: Duration = Duration::from_secs(1);
/// A source that fails is asked again after a second, then two, four … up to this.
const MOST: Duration = Duration::from_secs(60);

/// The running tasks; they end with this value.
#[derive(Debug, Default)]
pub struct Minters {
    running: FxHashMap<Arc<Source>, JoinHandle<()>>,
}

impl Minters {
    /// Sees to it that each source of the present world has its task. To be called inside of a
    /// runtime, which runs them.
    pub fn follow(&mut self, shared: &Arc<Shared>) {
        let slots = shared.credentials.slots.load_full();
        self.running.retain(|source, task| {
            let named = slots.contains_key(source);
            if !named {
                task.abort();
            }
            named
        });
        for (source, slot) in slots.iter() {
            self.running.entry(Arc::clone(source)).or_insert_with(|| {
                let (shared, slot) = (Arc::clone(shared), Arc::clone(slot));
                tokio::spawn(async move { keep(&shared, &slot).await })
            });
        }
    }
}

impl Drop for Minters {
    fn drop(&mut self) {
        self.running.values().for_each(JoinHandle::abort);
    }
}

async fn keep(shared: &Shared, slot: &Slot) {
    let mut failures = 0_u32;
    loop {
        let rest = match mint(shared, &slot.source).await {
            Ok(minted) => {
                failures = 0;
                let rest = minted.expires.map(rest);
                slot.fill(minted);
                log::debug!("{} has fresh credentials", slot.provider);
                rest
            }
            Err(why) => {
                log::warn!("{} has no fresh credentials: {why}", slot.provider);
                slot.fail(why);
                failures = failures.saturating_add(1);
                Some(MOST.min(LEAST * (1 << (failures - 1).min(6))))
            }
        };
        tokio::time::sleep(LEAST).await;
        let end = async {
            match rest {
                Some(rest) => tokio::time::sleep(rest.saturating_sub(LEAST)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = end => {}
            () = slot.refused.notified() => {}
        }
    }
}

/// How long a credential that ends then may be used before another is got.
fn rest(expires: u64) -> Duration {
    let life = Duration::from_millis((expires * 1000).saturating_sub(clock::unix_millis()));
    life.saturating_sub(AHEAD.min(life / 2))
}

async fn mint(shared: &Shared, source: &Source) -> Result<Minted, String> {
    let carrier = Carrier::new(&shared.resolver);
    match source {
        Source::Aws(chain) => aws::mint(&carrier, chain).await,
        Source::Google(chain) => google::mint(&carrier, chain).await,
        Source::Entra(way) => {
            let file = match way.file() {
                Some(path) => super::carrier::read(path)?,
                None => String::new(),
            };
            let ask = way.ask(&file);
            entra::read(&carrier.ask(&ask).await?, clock::unix_seconds())
        }
        Source::Oracle(user) => {
            let signer = user.signer().map_err(|wrong| wrong.to_string())?;
            Ok(Minted { credential: Credential::Oracle(signer), expires: None })
        }
        Source::Oauth(way) => {
            let number = u128::from(clock::random()) << 64 | u128::from(clock::random());
            entra::read(&carrier.ask(&way.ask(number)).await?, clock::unix_seconds())
        }
    }
}
