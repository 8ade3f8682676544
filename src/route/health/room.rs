//! How much a provider says is left of what it allows a key at a model.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::provider::limits::{Unit, Window};

/// How much is left. Times are milliseconds of a clock that only goes forward.
#[derive(Debug, Default)]
pub struct Room {
    /// Until when no request has room at all.
    full: AtomicU64,
    /// How many tokens are left, and until when that counts.
    tokens: AtomicU64,
    until: AtomicU64,
}

impl Room {
    /// An answer told of these windows. One that is not whole again at a time that is said tells nothing.
    pub fn note(&self, windows: impl Iterator<Item = Window>, now: u64) {
        let (mut full, mut tokens) = (0, None::<(u64, u64)>);
        for window in windows {
            let (Some(left), Some(reset)) = (window.remaining, window.reset) else { continue };
            let until = now.saturating_add(u64::try_from(reset.as_millis()).unwrap_or(u64::MAX));
            match window.unit {
                Unit::Requests | Unit::OutputTokens if left == 0 => full = full.max(until),
                Unit::Requests | Unit::OutputTokens => {}
                Unit::Tokens | Unit::InputTokens => {
                    tokens = Some(tokens.filter(|(other, _)| *other <= left).unwrap_or((left, until)));
                }
            }
        }
        self.full.store(full, Relaxed);
        let (left, until) = tokens.unwrap_or_default();
        self.tokens.store(left, Relaxed);
        self.until.store(until, Relaxed);
    }

    /// From when on a request of about so many tokens has room again.
    #[must_use]
    pub fn whole(&self, tokens: u64, now: u64) -> u64 {
        let full = self.full.load(Relaxed);
        let lacks = tokens >= self.tokens.load(Relaxed);
        let until = if lacks { self.until.load(Relaxed) } else { 0 };
        now.max(full).max(until)
    }

    /// Whether a request of about so many tokens has room, as far as is known.
    #[must_use]
    pub fn fits(&self, tokens: u64, now: u64) -> bool {
        let enough = || now >= self.until.load(Relaxed) || tokens < self.tokens.load(Relaxed);
        now >= self.full.load(Relaxed) && enough()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn window(unit: Unit, remaining: u64, seconds: u64) -> Window {
        let reset = Some(Duration::from_secs(seconds));
        Window { unit, limit: None, remaining: Some(remaining), reset }
    }

    #[test]
    fn a_request_fits_into_what_is_left_until_the_window_is_whole_again() {
        let room = Room::default();
        assert!(room.fits(u64::MAX, 1000), "nothing is known");
        room.note([window(Unit::Requests, 0, 2)].into_iter(), 1000);
        assert!(!room.fits(1, 2999) && room.fits(1, 3000));
        assert_eq!((room.whole(1, 2000), room.whole(1, 5000)), (3000, 5000));
        room.note([window(Unit::Requests, 5, 60), window(Unit::Tokens, 900, 60)].into_iter(), 1000);
        assert!(room.fits(899, 1500) && !room.fits(900, 1500) && room.fits(900, 61_000));
        let both = [window(Unit::InputTokens, 10, 60), window(Unit::Tokens, 900, 5)];
        room.note(both.into_iter(), 1000);
        assert!(!room.fits(10, 1500), "the narrower counts");
        room.note([window(Unit::OutputTokens, 0, 9)].into_iter(), 1000);
        assert!(!room.fits(0, 1500));
        room.note(std::iter::empty(), 1000);
        assert!(room.fits(u64::MAX, 1500), "what is not told any more does not count");
    }
}
