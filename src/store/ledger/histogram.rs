//! How long requests took, in classes of time: eight to each doubling, so that a percentile is right
//! to the twentieth part.

use std::collections::BTreeMap;
use std::time::Duration;

/// How many of a doubling.
const EACH: f64 = 8.0;

/// Numbers of requests by class of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<u16, i64>);

impl Histogram {
    /// Adds one request.
    pub fn add(&mut self, time: Duration) {
        *self.0.entry(class(time)).or_default() += 1;
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        for (class, number) in &other.0 {
            let sum = self.0.entry(*class).or_default();
            *sum = sum.saturating_add(*number);
        }
    }

    /// The same with less instead of more.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(self.0.iter().map(|(class, number)| (*class, -number)).collect())
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|number| *number <= 0)
    }

    /// The time within which so many of a thousand requests were done.
    #[must_use]
    pub fn percentile(&self, permille: u32) -> Option<Duration> {
        let all: i64 = self.0.values().filter(|number| **number > 0).sum();
        let rank = all.saturating_mul(i64::from(permille)).div_euclid(1000).min(all - 1);
        let mut seen = 0;
        for (class, number) in self.0.iter().filter(|(_, number)| **number > 0) {
            seen += number;
            if seen > rank {
                return Some(middle(*class));
            }
        }
        None
    }

    /// Its bytes in the file: pairs of a class and a number.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 10);
        for (class, number) in self.0.iter().filter(|(_, number)| **number > 0) {
            bytes.extend_from_slice(&class.to_le_bytes());
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// What such bytes hold.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let pair = |pair: &[u8]| {
            let (class, number) = pair.split_first_chunk::<2>()?;
            Some((u16::from_le_bytes(*class), i64::from_le_bytes(number.try_into().ok()?)))
        };
        Self(bytes.chunks_exact(10).filter_map(pair).collect())
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn class(time: Duration) -> u16 {
    let micros = time.as_micros().max(1) as f64;
    (micros.log2() * EACH).floor().clamp(0.0, 1000.0) as u16
}

fn middle(class: u16) -> Duration {
    let micros = ((f64::from(class) + 0.5) / EACH).exp2();
    Duration::from_secs_f64(micros / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_right_to_the_twentieth_part() {
        let mut all = Histogram::default();
        (1..=1000).for_each(|number| all.add(Duration::from_millis(number)));
        for (permille, expected) in [(500, 500.0), (990, 990.0), (0, 1.0), (1000, 1000.0)] {
            let found = all.percentile(permille).unwrap().as_secs_f64() * 1000.0;
            assert!((found / expected - 1.0).abs() < 0.05, "{permille}: {found}");
        }
        assert_eq!(Histogram::default().percentile(500), None);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let mut one = Histogram::default();
        for time in [0, 1, 57, 1_000_000, u64::MAX] {
            one.add(Duration::from_micros(time));
        }
        assert_eq!(Histogram::from_bytes(&one.to_bytes()), one);
        let mut none = one.clone();
        none.merge(&one.negated());
        assert!(none.is_empty() && none.to_bytes().is_empty());
    }
}
