//! How near the process is to its limit of open files.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock;

/// The limit, as it was when the process began to serve.
#[derive(Debug)]
pub struct Files {
    limit: u64,
    /// When the log was told last, in seconds since 1970.
    told: AtomicU64,
}

/// How often the log is told, in seconds.
const AGAIN: u64 = 10;

impl Default for Files {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl Files {
    /// Under this limit.
    #[must_use]
    pub const fn new(limit: u64) -> Self {
        Self { limit, told: AtomicU64::new(0) }
    }

    /// Whether a connection with this number leaves too few for the connections to providers that
    /// requests under way still need. A gateway without files can take no connection at all, not
    /// even to say no; so the last ones are kept.
    pub fn is_short(&self, number: u64) -> bool {
        let kept = (self.limit / 64).clamp(32, 1024);
        if number < self.limit.saturating_sub(kept) {
            return false;
        }
        let now = clock::unix_seconds();
        let told = self.told.load(Ordering::Relaxed);
        if now >= told + AGAIN
            && self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            log::warn!(
                "{number} of {} files are open: new connections get 503; raise the limit (ulimit -n)",
                self.limit
            );
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_files_are_kept() {
        let files = Files::new(1024);
        assert!(!files.is_short(900));
        assert!(files.is_short(1000));
        assert!(!Files::default().is_short(1 << 40));
    }
}
