//! How busy a model is, and how long its answers take to begin.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use super::reach::Reach;

/// What was seen counts for about so long, in milliseconds.
const MEMORY: f64 = 10_000.0;

/// How busy a model is, and how long its answers take to begin: those in one piece, and streams.
#[derive(Debug, Default)]
pub struct Pace {
    busy: AtomicU32,
    /// Microseconds in the lower half, when that was in the upper one.
    latencies: [AtomicU64; 2],
}

impl Pace {
    /// How many requests it has in flight.
    #[must_use]
    pub fn busy(&self) -> u32 {
        self.busy.load(Relaxed)
    }

    /// How long such an answer takes to begin, in microseconds; zero where nobody knows any more.
    #[must_use]
    pub fn latency(&self, stream: bool, now: u64) -> u64 {
        let seen = self.latencies.get(usize::from(stream)).map_or(0, |seen| seen.load(Relaxed));
        faded(seen, now)
    }

    /// Such an answer has begun after so long. A slower one counts at once, a quicker one little by
    /// little, so that a peak is not averaged away.
    pub fn observe(&self, stream: bool, now: u64, took: Duration) {
        let Some(seen) = self.latencies.get(usize::from(stream)) else { return };
        let took = u64::from(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        let old = seen.load(Relaxed);
        let kept = faded(old, now);
        let fresh = if took >= kept || old == 0 {
            took
        } else {
            // As much of the old as is left of it by now, and the rest of what was seen.
            let part = left(old, now);
            mean(kept_value(old), took, part)
        };
        // Of two at one time, one counts.
        seen.store(stamp(now) << 32 | fresh.max(1), Relaxed);
    }
}

/// A time as it is kept: it wraps after weeks, by when nothing is left of what it stands for.
const fn stamp(now: u64) -> u64 {
    now & 0xffff_ffff
}

const fn kept_value(seen: u64) -> u64 {
    seen & 0xffff_ffff
}

#[allow(clippy::cast_precision_loss)]
fn left(seen: u64, now: u64) -> f64 {
    let age = stamp(stamp(now).wrapping_sub(seen >> 32));
    (-(age as f64) / MEMORY).exp()
}

fn faded(seen: u64, now: u64) -> u64 {
    mean(kept_value(seen), 0, left(seen, now))
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn mean(old: u64, new: u64, part: f64) -> u64 {
    (old as f64).mul_add(part, new as f64 * (1.0 - part)).round() as u64
}

/// A request that a model has in flight, as long as this is held.
#[derive(Debug)]
pub struct Busy(Arc<Reach>);

impl Busy {
    /// One more is in flight.
    #[must_use]
    pub fn with(reach: &Arc<Reach>) -> Self {
        reach.pace().busy.fetch_add(1, Relaxed);
        Self(Arc::clone(reach))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.pace().busy.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_count_at_once_and_fade_as_quicker_answers_come() {
        let pace = Pace::default();
        assert_eq!(pace.latency(true, 1000), 0);
        pace.observe(true, 1000, Duration::from_millis(100));
        assert_eq!((pace.latency(true, 1000), pace.latency(false, 1000)), (100_000, 0));
        pace.observe(true, 1001, Duration::from_secs(2));
        assert_eq!(pace.latency(true, 1001), 2_000_000);
        let mut last = 2_000_000;
        for second in 1..20 {
            pace.observe(true, 1001 + second * 1000, Duration::from_millis(100));
            let now = pace.latency(true, 1001 + second * 1000);
            assert!(now < last && now >= 100_000, "{now}");
            last = now;
        }
        assert!(last < 500_000, "{last}");
    }

    #[test]
    fn what_nobody_asks_any_more_is_forgotten() {
        let pace = Pace::default();
        pace.observe(false, 5000, Duration::from_secs(60));
        assert!(pace.latency(false, 15_000) < 23_000_000);
        assert_eq!(pace.latency(false, 500_000), 0);
    }

    #[test]
    fn what_is_in_flight_is_counted_as_long_as_it_is() {
        let health = Arc::<crate::route::health::Health>::default();
        let reach = Arc::new(health.reach("one", &[]));
        let (one, other) = (Busy::with(&reach), Busy::with(&reach));
        assert_eq!(reach.pace().busy(), 2);
        drop(one);
        assert_eq!(health.reach("one", &[]).pace().busy(), 1);
        drop(other);
        assert_eq!(reach.pace().busy(), 0);
    }
}
