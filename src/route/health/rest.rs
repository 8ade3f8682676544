//! What an operator has taken out, and until when.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// For good.
const FOR_GOOD: u64 = u64::MAX;

/// Whether something rests. Times are milliseconds of a clock that only goes forward and is past zero.
#[derive(Debug, Default)]
pub struct Rest(AtomicU64);

impl Rest {
    /// It rests until then, or until it is taken back in.
    pub fn begin(&self, until: Option<u64>) {
        self.0.store(until.unwrap_or(FOR_GOOD).max(1), Relaxed);
    }

    /// It is back.
    pub fn end(&self) {
        self.0.store(0, Relaxed);
    }

    /// Whether it rests.
    #[must_use]
    pub fn is_on(&self, now: u64) -> bool {
        self.0.load(Relaxed) > now
    }

    /// Until when, where it rests; `None` in that for good.
    #[must_use]
    pub fn until(&self, now: u64) -> Option<Option<u64>> {
        let until = self.0.load(Relaxed);
        (until > now).then(|| Some(until).filter(|until| *until != FOR_GOOD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_ends_by_itself_or_by_hand() {
        let rest = Rest::default();
        assert!(!rest.is_on(1));
        rest.begin(Some(500));
        assert_eq!((rest.until(499), rest.until(500)), (Some(Some(500)), None));
        rest.begin(None);
        assert_eq!(rest.until(u64::MAX - 1), Some(None));
        rest.end();
        assert!(!rest.is_on(1));
    }
}
