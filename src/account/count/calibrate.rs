//! Learns how a model's own token counts relate to ours.
//!
//! Tokenizers differ by vendor and even by version of one model, and nobody publishes them all.
//! But every reply reports what the vendor counted, so the ratio to our own guess is kept as a
//! moving average for each model and class of text, and some dozen replies beat any fixed table.

use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHasher;

use super::estimate::Class;

/// How many pairs of model and class are remembered; 32 KiB.
const SLOTS: usize = 4096;
/// How many slots a pair may lie in: the slots are sets of this size.
const SET: usize = 8;
/// The weight of one reply: after some two dozen, nine tenths of the seed's error are gone.
const WEIGHT: f64 = 0.1;
/// Ratios beyond these come from a broken report, not from a tokenizer.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.2..=5.0;
/// Below this many tokens the fixed overhead of a request hides the ratio.
const TOO_SMALL: u64 = 20;

/// Factors from our estimate to a vendor's count, learned by model and class of text.
///
/// One instance serves all threads without a lock. Its size is fixed: when the slots a pair may
/// lie in are all taken, the first of them is given up, and that pair starts from its seed again.
pub struct Calibration {
    /// Zero while vacant; else the key in the upper half, the factor's `f32` bits in the lower.
    slots: Box<[AtomicU64]>,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl std::fmt::Debug for Calibration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calibration").finish_non_exhaustive()
    }
}

impl Calibration {
    /// What to multiply an estimate by: learned, or the seed while nothing was.
    #[must_use]
    pub fn factor(&self, model: &str, class: Class) -> f64 {
        let (home, key) = place(model, class);
        self.set(home)
            .map(|slot| slot.load(Ordering::Relaxed))
            .find(|entry| entry >> 32 == key)
            .map_or_else(|| seed(model, class), unpack)
    }

    /// Takes in one reply: `local` is our plain estimate, before any factor, `reported` is the
    /// vendor's count of the same text.
    pub fn learn(&self, model: &str, class: Class, local: u64, reported: u64) {
        if local < TOO_SMALL {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        let ratio = reported as f64 / local as f64;
        if !PLAUSIBLE.contains(&ratio) {
            return;
        }
        let (home, key) = place(model, class);
        let Some(slot) = self.slot_for(home, key) else {
            return;
        };
        let blend = |entry: u64| {
            let old = if entry >> 32 == key { unpack(entry) } else { seed(model, class) };
            Some(pack(key, old + WEIGHT * (ratio - old)))
        };
        // The closure always gives a value, so this cannot fail.
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, blend);
    }

    /// The slot of the key, else a vacant one, else the first one.
    fn slot_for(&self, home: usize, key: u64) -> Option<&AtomicU64> {
        let holds = |wanted: u64| self.set(home).find(|slot| slot.load(Ordering::Relaxed) >> 32 == wanted);
        holds(key).or_else(|| holds(0)).or_else(|| self.set(home).next())
    }

    fn set(&self, home: usize) -> std::slice::Iter<'_, AtomicU64> {
        let set = self.slots.get(home..home + SET);
        set.unwrap_or_default().iter()
    }
}

/// The first slot of a pair's set, and its key, which is never zero.
fn place(model: &str, class: Class) -> (usize, u64) {
    let hash = BuildHasherDefault::<FxHasher>::default().hash_one((model, class));
    #[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
    let home = hash as usize % (SLOTS / SET) * SET;
    (home, (hash >> 32).max(1))
}

fn pack(key: u64, factor: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "seven digits are plenty")]
    let factor = factor as f32;
    key << 32 | u64::from(factor.to_bits())
}

fn unpack(entry: u64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let bits = entry as u32;
    f64::from(f32::from_bits(bits))
}

/// A first guess, from published comparisons with `o200k_base` (seen 2026).
fn seed(model: &str, class: Class) -> f64 {
    let model = model.to_ascii_lowercase();
    if let Some((_, version)) = model.split_once("claude") {
        return match (is_since_opus_4_7(version), class) {
            (true, Class::Latin) => 1.5,
            (true, Class::Code | Class::Json) => 1.35,
            (true, Class::Cjk) | (false, _) => 1.15,
        };
    }
    // Mistral itself, Magistral, Codestral, Devstral; Mixtral and Pixtral.
    if model.contains("stral") || model.contains("xtral") {
        return 1.1;
    }
    // Gemini and Llama 3 count much like o200k, and of the rest nothing better is known.
    1.0
}

/// Whether the rest of a Claude model's name says 4.7 or later; names without a version point at
/// the newest one.
fn is_since_opus_4_7(rest: &str) -> bool {
    // Of `-3-5-sonnet-20241022`, `-opus-4-7`, `-opus-4.7-v1:0` only the short numbers are versions.
    let mut numbers = rest
        .split(|character: char| !character.is_ascii_digit())
        .filter(|digits| (1..=2).contains(&digits.len()))
        .filter_map(|digits| digits.parse::<u32>().ok());
    let Some(major) = numbers.next() else {
        return true;
    };
    (major, numbers.next().unwrap_or(0)) >= (4, 7)
}
