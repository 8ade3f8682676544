//! How long answers are, model by model: what is reserved for one whose request names no bound.

use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU32, Ordering};

use rustc_hash::FxHasher;

/// Models share places by the hash of their names; two in one place learn together.
const PLACES: usize = 512;
/// Powers of two, up to a million tokens.
const STEPS: usize = 21;
/// So many answers must have been seen.
const ENOUGH: u64 = 32;
/// Past this many the old ones count half.
const MANY: u64 = 4096;

/// The lengths of the answers that were seen.
#[derive(Debug)]
pub struct Outputs(Box<[[AtomicU32; STEPS]]>);

impl Default for Outputs {
    fn default() -> Self {
        Self((0..PLACES).map(|_| <_>::default()).collect())
    }
}

impl Outputs {
    fn place(&self, model: &str) -> Option<&[AtomicU32; STEPS]> {
        let mut hasher = FxHasher::default();
        model.hash(&mut hasher);
        let hash = usize::try_from(hasher.finish() >> 40).unwrap_or(0);
        self.0.get(hash % PLACES)
    }

    /// An answer of this model was so long.
    pub fn learn(&self, model: &str, tokens: u64) {
        let Some(place) = self.place(model) else { return };
        let step = tokens.max(1).ilog2() as usize;
        if let Some(count) = place.get(step.min(STEPS - 1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if sum(place) > MANY {
            for count in place {
                count.store(count.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
            }
        }
    }

    /// The length that 99 answers of a hundred do not pass, rounded up to a power of two; `None` where
    /// too few were seen.
    #[must_use]
    pub fn p99(&self, model: &str) -> Option<u64> {
        let place = self.place(model)?;
        let all = sum(place);
        if all < ENOUGH {
            return None;
        }
        let mut longer = all;
        let step = place.iter().position(|count| {
            longer = longer.saturating_sub(u64::from(count.load(Ordering::Relaxed)));
            longer * 100 <= all
        });
        step.map(|step| 2 << step)
    }
}

fn sum(place: &[AtomicU32; STEPS]) -> u64 {
    place.iter().map(|count| u64::from(count.load(Ordering::Relaxed))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_all_but_one_in_a_hundred_is_learned() {
        let outputs = Outputs::default();
        assert_eq!(outputs.p99("m"), None);
        for _ in 0..990 {
            outputs.learn("m", 200);
        }
        for _ in 0..10 {
            outputs.learn("m", 60_000);
        }
        assert_eq!(outputs.p99("m"), Some(256));
        for _ in 0..10 {
            outputs.learn("m", 60_000);
        }
        assert_eq!(outputs.p99("m"), Some(65_536));
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let outputs = Outputs::default();
        (0..4000).for_each(|_| outputs.learn("m", 100_000));
        (0..40_000).for_each(|_| outputs.learn("m", 10));
        assert_eq!(outputs.p99("m"), Some(16));
        outputs.learn("m", 0);
        outputs.learn("m", u64::MAX);
    }
}
