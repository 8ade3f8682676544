//! One breaker: closed while attempts succeed, open after too many that did not, then half open.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

/// While half open, an attempt is let through this often if the one before tells nothing, in milliseconds.
const TRICKLE: u64 = 1000;

/// So many attempts in a row must succeed before a breaker that was open is closed.
const TRIALS: u32 = 3;

/// Failures are counted in the upper half of a number, successes in the lower one.
const FAILURE: u64 = 1 << 32;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// So many failures within the window open it, at least one.
    pub failures: u32,
    /// If they are such a part of all attempts since the first of them, in percent.
    pub share: u64,
    /// How long a window is; it begins with a failure.
    pub window: Duration,
    /// For how long it opens; twice as long each time an attempt fails that was let through after that.
    pub cool_down: Duration,
    /// The longest that it opens for, also where a provider asks for more.
    pub longest: Duration,
    /// An answer that takes longer to begin counts as a failure of the model.
    pub slow: Option<Duration>,
}

/// When what is asked beside a provider (a guard elsewhere, a model that the cache asks) is left alone, and for how
/// long.
pub const BESIDE: Rules = Rules {
    failures: 5,
    share: 50,
    window: Duration::from_secs(30),
    cool_down: Duration::from_secs(5),
    longest: Duration::from_secs(60),
    slow: None,
};

impl Rules {
    /// How long a breaker opens that has opened so many times in a row before.
    fn pause(&self, strikes: u32) -> u64 {
        let doubled = self.cool_down.checked_mul(1 << strikes.min(16)).unwrap_or(self.longest);
        millis(doubled.min(self.longest))
    }

    /// How long a provider is left alone that asked for so long.
    fn bounded(&self, asked: Duration) -> u64 {
        millis(asked.min(self.longest))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// How a breaker stands at a moment; the worse is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stand {
    /// Attempts go through.
    Closed,
    /// One attempt may go through, to see how it fares.
    HalfOpen,
    /// None need be made.
    Open,
}

impl Stand {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// One breaker. Times are milliseconds of a clock that only goes forward and is past zero.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Failures and successes of the window.
    tally: AtomicU64,
    /// When the window ends. Successes are counted within one only, so that they write nothing as long
    /// as all is well.
    window: AtomicU64,
    /// When it opened.
    since: AtomicU64,
    /// Until when it is open; zero while closed, and what is past while half open.
    until: AtomicU64,
    /// When an attempt was last let through while half open.
    trial: AtomicU64,
    /// How many of those have succeeded.
    proven: AtomicU32,
    /// How many times it opened in a row.
    strikes: AtomicU32,
    /// How many times it opened at all.
    openings: AtomicU64,
}

impl Breaker {
    /// How it stands.
    #[must_use]
    pub fn stand(&self, now: u64) -> Stand {
        match self.until.load(Relaxed) {
            0 => Stand::Closed,
            until if now < until => Stand::Open,
            _ if now >= self.trial.load(Relaxed).saturating_add(TRICKLE) => Stand::HalfOpen,
            _ => Stand::Open,
        }
    }

    /// Until when it is open, where it is not closed.
    #[must_use]
    pub fn until(&self) -> Option<u64> {
        Some(self.until.load(Relaxed)).filter(|until| *until > 0)
    }

    /// How many times it has opened.
    #[must_use]
    pub fn openings(&self) -> u64 {
        self.openings.load(Relaxed)
    }

    /// Lets an attempt through; of several at once while it is half open, one.
    #[must_use]
    pub fn enter(&self, now: u64) -> bool {
        match self.stand(now) {
            Stand::Closed => true,
            Stand::Open => false,
            Stand::HalfOpen => {
                let last = self.trial.load(Relaxed);
                now >= last.saturating_add(TRICKLE)
                    && self.trial.compare_exchange(last, now, Relaxed, Relaxed).is_ok()
            }
        }
    }

    /// An attempt that left at `begun` has succeeded.
    pub fn well(&self, now: u64, begun: u64) {
        let until = self.until.load(Relaxed);
        if until == 0 {
            if now < self.window.load(Relaxed) {
                self.tally.fetch_add(1, Relaxed);
            }
            return;
        }
        // What left before it opened proves nothing.
        if begun < self.since.load(Relaxed) {
            return;
        }
        self.trial.store(0, Relaxed);
        let proven = self.proven.fetch_add(1, Relaxed) + 1;
        if proven >= TRIALS && self.until.compare_exchange(until, 0, Relaxed, Relaxed).is_ok() {
            self.forget();
        }
    }

    /// An attempt that left at `begun` has failed, of which `rules.failures` open it if they are `share`
    /// percent of all; for as long as `asked`, if the provider asked for something.
    pub fn ill(&self, now: u64, begun: u64, rules: &Rules, share: u64, asked: Option<Duration>) {
        let until = self.until.load(Relaxed);
        if until > 0 {
            if now >= until && begun >= self.since.load(Relaxed) {
                self.open(now, until, rules, asked);
            }
            return;
        }
        let window = self.window.load(Relaxed);
        let next = now.saturating_add(millis(rules.window));
        if now >= window && self.window.compare_exchange(window, next, Relaxed, Relaxed).is_ok() {
            self.tally.store(0, Relaxed);
        }
        let tally = self.tally.fetch_add(FAILURE, Relaxed).saturating_add(FAILURE);
        let (ill, well) = (tally / FAILURE, tally % FAILURE);
        if ill >= u64::from(rules.failures.max(1)) && ill * 100 >= share * (ill + well) {
            self.open(now, 0, rules, asked);
        }
    }

    /// Opens at once: the provider said so, and perhaps for how long.
    pub fn trip(&self, now: u64, rules: &Rules, asked: Option<Duration>) {
        match self.until.load(Relaxed) {
            until if now < until => {
                if let Some(asked) = asked {
                    self.until.fetch_max(now.saturating_add(rules.bounded(asked)), Relaxed);
                }
            }
            until => self.open(now, until, rules, asked),
        }
    }

    /// Closes it, whatever was seen.
    pub fn close(&self) {
        self.until.store(0, Relaxed);
        self.forget();
    }

    fn open(&self, now: u64, old: u64, rules: &Rules, asked: Option<Duration>) {
        let strikes = self.strikes.load(Relaxed);
        let span = asked.map_or_else(|| rules.pause(strikes), |asked| rules.bounded(asked));
        let until = now.saturating_add(span);
        if self.until.compare_exchange(old, until, Relaxed, Relaxed).is_ok() {
            self.since.store(now, Relaxed);
            self.proven.store(0, Relaxed);
            self.trial.store(0, Relaxed);
            self.strikes.store(strikes.saturating_add(1), Relaxed);
            self.openings.fetch_add(1, Relaxed);
        }
    }

    fn forget(&self) {
        self.window.store(0, Relaxed);
        self.strikes.store(0, Relaxed);
        self.proven.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            failures: 3,
            share: 50,
            window: Duration::from_secs(10),
            cool_down: Duration::from_secs(2),
            longest: Duration::from_secs(30),
            slow: None,
        }
    }

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        (0..3).for_each(|_| breaker.ill(100, 50, &rules(), 50, None));
        breaker
    }

    #[test]
    fn it_opens_after_enough_failures_of_enough_attempts() {
        let breaker = opened();
        assert_eq!((breaker.stand(100), breaker.until()), (Stand::Open, Some(2100)));
        let busy = Breaker::default();
        busy.ill(100, 50, &rules(), 50, None);
        (0..9).for_each(|_| busy.well(101, 50));
        (0..8).for_each(|_| busy.ill(102, 50, &rules(), 50, None));
        assert_eq!(busy.stand(102), Stand::Open, "nine of eighteen");
        let calm = Breaker::default();
        for now in [100, 9000, 12_000, 23_000] {
            calm.ill(now, now, &rules(), 50, None);
        }
        assert_eq!(calm.stand(23_000), Stand::Closed, "never three in one window");
    }

    #[test]
    fn it_is_half_open_by_trickle_until_enough_attempts_succeed() {
        let breaker = opened();
        assert_eq!(breaker.stand(2100), Stand::HalfOpen);
        assert!(breaker.enter(2100) && !breaker.enter(2101) && !breaker.enter(2900), "one at a time");
        assert!(breaker.enter(3100), "what tells nothing does not stop the next");
        for _ in 0..3 {
            breaker.well(3200, 3100);
        }
        assert_eq!((breaker.stand(3200), breaker.until()), (Stand::Closed, None));
        breaker.ill(3300, 3250, &rules(), 50, None);
        assert_eq!(breaker.stand(3300), Stand::Closed, "what was before is forgotten");
    }

    #[test]
    fn a_failed_trial_opens_it_for_twice_as_long_up_to_the_longest() {
        let breaker = opened();
        let mut spans = Vec::new();
        for _ in 0..6 {
            let now = breaker.until().unwrap();
            assert!(breaker.enter(now));
            breaker.ill(now, now, &rules(), 50, None);
            spans.push(breaker.until().unwrap() - now);
        }
        assert_eq!(spans, [4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn stragglers_of_before_change_nothing() {
        let breaker = opened();
        (0..9).for_each(|_| breaker.well(200, 60));
        assert_eq!(breaker.stand(200), Stand::Open);
        breaker.ill(2500, 60, &rules(), 50, None);
        assert_eq!(breaker.until(), Some(2100));
        // A try of what is open, for lack of anything else, proves something.
        (0..3).for_each(|_| breaker.well(300, 250));
        assert_eq!(breaker.stand(300), Stand::Closed);
    }

    #[test]
    fn a_provider_is_left_alone_for_as_long_as_it_asks_within_bounds() {
        let breaker = Breaker::default();
        breaker.trip(100, &rules(), Some(Duration::from_secs(5)));
        assert_eq!(breaker.until(), Some(5100));
        breaker.trip(200, &rules(), Some(Duration::from_secs(1)));
        assert_eq!(breaker.until(), Some(5100), "the longer wish counts");
        breaker.trip(300, &rules(), Some(Duration::from_secs(3600)));
        assert_eq!(breaker.until(), Some(30_300));
        breaker.close();
        breaker.trip(400, &rules(), None);
        assert_eq!((breaker.until(), breaker.openings()), (Some(2400), 2));
    }

    /// Whatever comes in whatever order.
    #[test]
    fn it_is_never_open_for_longer_than_the_longest() {
        let mut chance = 7_u64;
        let mut draw = |below: u64| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (chance >> 33) % below
        };
        let mut entered = 0;
        for _ in 0..200 {
            let (breaker, rules, mut now) = (Breaker::default(), rules(), 1);
            for _ in 0..200 {
                let wait = draw(4000);
                now += wait;
                match draw(40) {
                    0..10 => breaker.well(now, now.saturating_sub(wait)),
                    10..25 => breaker.ill(now, now.saturating_sub(wait), &rules, 50, None),
                    25 => breaker.trip(now, &rules, Some(Duration::from_millis(wait * 20))),
                    _ => {
                        let half = breaker.stand(now) == Stand::HalfOpen;
                        if breaker.enter(now) && half {
                            assert!(!breaker.enter(now), "one at a time");
                            entered += 1;
                        }
                    }
                }
                assert!(breaker.until().is_none_or(|until| until <= now + 30_000));
            }
        }
        assert!(entered > 0);
    }
}
