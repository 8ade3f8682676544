//! How many requests a target can have in flight before more of them only wait there.
//!
//! Nobody tells, so it is found out as TCP finds out about a network: the number grows by one for each
//! round of answers that were as quick as usual, and is cut when they become slow or the target says that
//! it has too many.

use super::Cap;

/// Where it begins, within its bounds.
const START: f64 = 16.0;

/// So much slower than usual is a sign of too many.
const SLOW: f64 = 2.0;

/// And by so many microseconds, since quick answers differ by much.
const SLACK: f64 = 50_000.0;

/// What is left of the number when answers become slow, and when the target refuses.
const SLOWER: f64 = 0.85;
const REFUSED: f64 = 0.6;

/// How much one answer counts for what is seen now, and a quicker one for what is usual.
const NOW: f64 = 0.2;
const USUAL_DOWN: f64 = 0.1;

/// What is usual goes up with time and not with the number of answers, so that a crowd does not become usual:
/// within so many milliseconds, and within so many where answers are slow.
const USUAL_UP: f64 = 300_000.0;
const SLOW_UP: f64 = 3_600_000.0;

/// How long answers take to begin: those in one piece, or streams.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Of the last few, in microseconds; zero before the first.
    now: f64,
    /// Of all.
    usual: f64,
    /// When the last one came.
    last: u64,
}

impl Seen {
    fn add(&mut self, took: f64, now: u64) {
        if self.usual == 0.0 {
            *self = Self { now: took, usual: took, last: now };
            return;
        }
        #[allow(clippy::cast_precision_loss, reason = "centuries of milliseconds fit")]
        let since = now.saturating_sub(self.last) as f64;
        self.last = self.last.max(now);
        self.now += (took - self.now) * NOW;
        let part = match took {
            took if took < self.usual => USUAL_DOWN,
            took if took < self.usual * SLOW => 1.0 - (-since / USUAL_UP).exp(),
            _ => 1.0 - (-since / SLOW_UP).exp(),
        };
        self.usual += (took - self.usual) * part;
    }

    fn is_slow(&self) -> bool {
        self.now > self.usual * SLOW + SLACK
    }
}

/// How many requests a target may have in flight. Times are milliseconds of a clock that only goes forward.
#[derive(Debug, Clone)]
pub struct Ceiling {
    number: f64,
    seen: [Seen; 2],
    /// Whether it was never cut: until then it grows with each answer.
    young: bool,
    /// Until when it is not cut again: what was in flight then tells of before.
    settles: u64,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self { number: START, seen: [Seen::default(); 2], young: true, settles: 0 }
    }
}

impl Ceiling {
    /// The number now.
    #[must_use]
    pub fn number(&self, cap: Cap) -> u32 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is held within bounds"
        )]
        let number = self.number as u32;
        number.clamp(cap.least, cap.most)
    }

    /// How long such an answer usually takes to begin, in milliseconds; zero where none was seen.
    #[must_use]
    pub fn usual(&self, stream: bool) -> u64 {
        let usual = self.seen.get(usize::from(stream)).map_or(0.0, |seen| seen.usual);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time is not below zero"
        )]
        let usual = (usual / 1000.0) as u64;
        usual
    }

    /// An answer began so many microseconds after it was asked for, while so many requests were in flight.
    pub fn answered(&mut self, stream: bool, took: u64, in_flight: u32, cap: Cap, now: u64) {
        let Some(seen) = self.seen.get_mut(usize::from(stream)) else { return };
        #[allow(clippy::cast_precision_loss, reason = "centuries of microseconds fit")]
        seen.add(took as f64, now);
        if seen.is_slow() {
            self.cut(SLOWER, cap, now);
            return;
        }
        // What is not used proves nothing about more.
        if u64::from(in_flight) * 2 >= u64::from(self.number(cap)) {
            self.number += if self.young { 1.0 } else { 1.0 / self.number.max(1.0) };
            self.bound(cap);
        }
    }

    /// The target has said that it has too many, or took too long to say anything.
    pub fn refused(&mut self, cap: Cap, now: u64) {
        self.cut(REFUSED, cap, now);
    }

    fn cut(&mut self, part: f64, cap: Cap, now: u64) {
        if now < self.settles {
            return;
        }
        self.bound(cap);
        self.number *= part;
        self.bound(cap);
        self.young = false;
        let round = self.usual(true).max(self.usual(false)).clamp(100, 10_000);
        self.settles = now.saturating_add(round);
    }

    fn bound(&mut self, cap: Cap) {
        self.number = self.number.clamp(f64::from(cap.least), f64::from(cap.most.max(cap.least)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Cap = Cap { least: 1, most: 1000 };

    /// A server that serves so many at one time, each in 100 ms, while as many as may be are asked of it:
    /// where the number comes to in so many rounds.
    fn served(places: u32, rounds: u32) -> Vec<u32> {
        let (mut ceiling, mut now, mut numbers) = (Ceiling::default(), 1000, Vec::new());
        for _ in 0..rounds {
            let in_flight = ceiling.number(WIDE);
            let turns = in_flight.div_ceil(places);
            for place in 0..in_flight {
                let took = u64::from(place / places + 1) * 100_000;
                ceiling.answered(false, took, in_flight, WIDE, now + took / 1000);
            }
            now += u64::from(turns) * 100;
            numbers.push(ceiling.number(WIDE));
        }
        numbers
    }

    #[test]
    fn it_comes_to_about_what_a_server_can_do() {
        for places in [4, 20, 100] {
            let numbers = served(places, 400);
            let late: u64 = numbers.iter().rev().take(100).map(|number| u64::from(*number)).sum();
            let mean = late / 100;
            let places = u64::from(places);
            assert!((places / 2..=places * 4).contains(&mean), "{places}: {mean}");
        }
    }

    #[test]
    fn a_quiet_target_teaches_nothing_about_more() {
        let mut ceiling = Ceiling::default();
        (0..1000).for_each(|now| ceiling.answered(true, 50_000, 3, WIDE, now));
        assert_eq!(ceiling.number(WIDE), 16);
    }

    #[test]
    fn a_storm_of_refusals_cuts_once_a_round() {
        let mut ceiling = Ceiling::default();
        (0..50).for_each(|_| ceiling.refused(WIDE, 1000));
        assert_eq!(ceiling.number(WIDE), 9, "16 * 0.6");
        ceiling.refused(WIDE, 1100);
        assert_eq!(ceiling.number(WIDE), 5);
        for round in 0..50 {
            ceiling.refused(WIDE, 2000 + round * 200);
        }
        assert_eq!(ceiling.number(WIDE), 1, "never none");
    }

    #[test]
    fn a_fixed_number_stays_whatever_is_seen() {
        let (mut ceiling, cap) = (Ceiling::default(), Cap::fixed(3));
        for now in 0..100 {
            ceiling.answered(true, 10, 3, cap, now);
            ceiling.refused(cap, now);
        }
        assert_eq!(ceiling.number(cap), 3);
    }
}
