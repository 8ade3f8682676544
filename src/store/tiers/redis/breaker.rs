//! After a row of failures nobody asks for a while, and then one to see whether it is well again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// So many failures in a row open it.
const ROW: u32 = 5;
/// Nobody asks for so many milliseconds then.
const REST: u64 = 5000;

/// A breaker of look-ups.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    row: AtomicU32,
    /// Until which tick nobody asks; 0 while all is well.
    until: AtomicU64,
}

impl Breaker {
    /// Whether one may ask now. Once its rest is over, one may and the others still not.
    pub(super) fn lets_pass(&self, now: u64) -> bool {
        match self.until.load(Ordering::Relaxed) {
            0 => true,
            until if until > now => false,
            until => {
                let next = now + REST;
                self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            }
        }
    }

    pub(super) fn is_open(&self, now: u64) -> bool {
        self.until.load(Ordering::Relaxed) > now
    }

    pub(super) fn succeeded(&self) {
        // Mostly there is nothing to write, and others read it.
        if self.row.load(Ordering::Relaxed) > 0 || self.until.load(Ordering::Relaxed) > 0 {
            self.row.store(0, Ordering::Relaxed);
            self.until.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn failed(&self, now: u64) {
        if self.row.fetch_add(1, Ordering::Relaxed) + 1 >= ROW {
            self.until.store(now + REST, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_row_of_failures_nobody_asks_and_then_one_does() {
        let breaker = Breaker::default();
        for _ in 0..ROW - 1 {
            breaker.failed(1000);
        }
        breaker.succeeded();
        for _ in 0..ROW - 1 {
            breaker.failed(1000);
        }
        assert!(breaker.lets_pass(1000));
        breaker.failed(1000);
        assert!(!breaker.lets_pass(1000 + REST - 1) && breaker.is_open(1000 + REST - 1));
        assert!(breaker.lets_pass(1000 + REST) && !breaker.lets_pass(1000 + REST));
        breaker.failed(1000 + REST);
        assert!(!breaker.lets_pass(1000 + REST + REST - 1));
        assert!(breaker.lets_pass(1000 + REST + REST));
        breaker.succeeded();
        assert!(breaker.lets_pass(0) && !breaker.is_open(0));
    }
}
