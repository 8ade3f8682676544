//! How providers do since this process began: for whoever looks, not for requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::account::{Outcome, Settled};
use crate::clock;

/// So many of the last answers tell how long one takes.
const REMEMBERED: usize = 256;

/// As many letters as are kept of what a provider said was wrong.
const LONGEST: usize = 300;

/// How all providers do. Those who settle records write it, and only they.
#[derive(Debug, Default)]
pub struct Standing(Mutex<FxHashMap<Arc<str>, Arc<Place>>>);

/// How one of them does, looked up once and then held.
#[derive(Debug, Default)]
pub(super) struct Place(Mutex<Provider>);

#[derive(Debug, Default)]
struct Provider {
    requests: u64,
    errors: u64,
    last_fault: Option<Failed>,
    /// Milliseconds until the first byte.
    latencies: VecDeque<u32>,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// When it was known, in milliseconds since 1970.
    pub at: u64,
    /// What it amounts to.
    pub kind: &'static str,
    /// The provider's status.
    pub status: u16,
    /// What the provider said, or we of it.
    pub message: String,
}

/// How one provider does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stand {
    /// Attempts.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// The last of them.
    pub last_fault: Option<Failed>,
    /// Half of the last answers began within so many milliseconds.
    pub median: Option<u32>,
}

impl Standing {
    /// Where it is told how this provider does.
    pub(super) fn place(&self, provider: &Arc<str>) -> Arc<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(Arc::clone(provider)).or_default())
    }

    /// Takes in what a settled request met on its way.
    pub(super) fn failed(&self, settled: &Settled) {
        for (name, fault) in &settled.record.faults {
            let place = self.place(name);
            let mut own = place.lock();
            own.requests += 1;
            own.errors += 1;
            own.last_fault = Some(Failed {
                at: clock::unix_millis(),
                kind: fault.kind.label(),
                status: fault.status,
                message: fault.message.chars().take(LONGEST).collect(),
            });
        }
    }

    /// How a provider does.
    #[must_use]
    pub fn of(&self, provider: &str) -> Stand {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(provider).cloned();
        let Some(place) = known else { return Stand::default() };
        let own = place.lock();
        let mut sorted: Vec<u32> = own.latencies.iter().copied().collect();
        sorted.sort_unstable();
        Stand {
            requests: own.requests,
            errors: own.errors,
            last_fault: own.last_fault.clone(),
            median: sorted.get(sorted.len() / 2).copied(),
        }
    }
}

impl Place {
    /// Takes in the answer of a settled request.
    pub(super) fn observe(&self, settled: &Settled) {
        let record = &settled.record;
        // What was refused has its fault told of, or never left.
        if matches!(record.outcome, Outcome::Refused(_)) {
            return;
        }
        let mut own = self.lock();
        own.requests += 1;
        if let Some(upstream) = record.timings.upstream {
            if own.latencies.len() == REMEMBERED {
                own.latencies.pop_front();
            }
            own.latencies.push_back(millis(upstream));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Provider> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
