//! How providers do since this process began: for whoever looks, not for requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::account::{Outcome, Settled};
use crate::clock;

/// So many of the last answers tell how long one takes.
const REMEMBERED: usize = 256;

/// As many letters as are kept of what a provider said was wrong.
const LONGEST: usize = 300;

/// How all providers do. The thread that settles records writes it, and only that.
#[derive(Debug, Default)]
pub struct Standing(Mutex<FxHashMap<Arc<str>, Provider>>);

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
    /// Takes a settled request in.
    pub fn observe(&self, settled: &Settled) {
        let record = &settled.record;
        let Some(provider) = &record.provider else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, fault) in &record.faults {
            let own = all.entry(Arc::clone(name)).or_default();
            own.requests += 1;
            own.errors += 1;
            own.last_fault = Some(Failed {
                at: clock::unix_millis(),
                kind: fault.kind.label(),
                status: fault.status,
                message: fault.message.chars().take(LONGEST).collect(),
            });
        }
        // What was refused has its fault above, or never left.
        if matches!(record.outcome, Outcome::Refused(_)) {
            return;
        }
        let own = all.entry(Arc::clone(provider)).or_default();
        own.requests += 1;
        if let Some(upstream) = record.timings.upstream {
            if own.latencies.len() == REMEMBERED {
                own.latencies.pop_front();
            }
            own.latencies.push_back(millis(upstream));
        }
    }

    /// How a provider does.
    #[must_use]
    pub fn of(&self, provider: &str) -> Stand {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = all.get(provider) else { return Stand::default() };
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

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
