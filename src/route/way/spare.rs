//! How many further attempts requests together may make.

/// So many are there at first, and may be saved up.
const MOST: u64 = 100;

/// A hundredth of an attempt.
const PART: u64 = 100;

/// What is left for further attempts: each request adds a part of one, so that a provider that is down is
/// asked no more than so much more than it would be. Some come back with time alone, for those who ask
/// little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spare {
    /// In hundredths.
    left: u64,
    /// When it was last looked at, in milliseconds.
    seen: u64,
}

impl Default for Spare {
    fn default() -> Self {
        Self { left: MOST * PART, seen: 0 }
    }
}

impl Spare {
    /// A request came, which adds so many percent of an attempt.
    pub fn earn(&mut self, percent: u32) {
        self.left = (self.left + u64::from(percent)).min(MOST * PART);
    }

    /// Takes one, if there is one left; each second brings one.
    #[must_use]
    pub fn take(&mut self, now: u64) -> bool {
        let came = now.saturating_sub(self.seen) * PART / 1000;
        if came > 0 {
            self.left = (self.left + came).min(MOST * PART);
            self.seen = now;
        }
        let has = self.left >= PART;
        self.left -= if has { PART } else { 0 };
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_not_doubled_and_calm_makes_up_for_it() {
        let mut spare = Spare::default();
        let mut taken = 0;
        for _ in 0..10_000 {
            spare.earn(20);
            taken += u32::from(spare.take(1000));
        }
        assert!((2090..=2110).contains(&taken), "{taken}: those saved up, and a fifth of the requests");
        assert!(!spare.take(1000) && spare.take(2001), "a second brings one");
        assert!(spare.take(60_000) && spare.take(60_000));
    }
}
