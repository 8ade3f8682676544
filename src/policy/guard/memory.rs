//! What guards remember of one request: their verdicts, and what they masked.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::class::Diversion;
use super::detector::Detector;
use super::rule::{Action, Direction, Guard};

/// What one rule of a guard found in one direction. It names the rule, never what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The guard's name.
    pub guard: Arc<str>,
    /// The rule's name.
    pub rule: Arc<str>,
    /// What became of it.
    pub action: Action,
    /// Which way the text went.
    pub direction: Direction,
    /// How often.
    pub count: u32,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guard, rule, action, direction, count } = self;
        write!(f, "{guard}/{rule}={};{};{count}", action.name(), direction.name())
    }
}

/// No more verdicts of different rules are kept of one request.
const MOST_VERDICTS: usize = 64;

/// No more things are masked so that they can be restored; what is more is masked for good.
const MOST_NAMES: usize = 4096;

/// What guards remember of one request.
#[derive(Debug, Default)]
pub struct Memory {
    /// What was found.
    pub verdicts: Vec<Verdict>,
    /// Where the request goes because of that.
    pub diversion: Diversion,
    /// The rule that ended it, with its guard.
    pub blocked: Option<(Arc<str>, Arc<str>)>,
    /// The names in place of what was masked, and that.
    masked: Vec<(String, String)>,
    /// Where names are given by it, and not by counting.
    key: Option<[u8; 32]>,
    /// The place of a name there, by its kind and what it stands for.
    named: FxHashMap<(&'static str, String), usize>,
    /// The last number of each kind.
    last: FxHashMap<&'static str, u32>,
    /// Names that bodies hold already, in any spelling.
    taken: BTreeSet<(&'static str, u32)>,
    /// Whether the body that is looked at was read for them.
    read: bool,
}

impl Memory {
    /// What was said before is kept by somebody else, so that nobody here knows which names it holds: a name
    /// comes from what it stands for and this key, from now on.
    pub const fn name_by(&mut self, key: [u8; 32]) {
        self.key = Some(key);
    }

    /// Notes what a rule found.
    pub(super) fn note(&mut self, guard: &Guard, rule: Arc<str>, direction: Direction) {
        if direction == Direction::Request {
            self.diversion.follow(guard);
        }
        if guard.action == Action::Block && self.blocked.is_none() {
            self.blocked = Some((Arc::clone(&guard.name), Arc::clone(&rule)));
        }
        self.add(&guard.name, rule, guard.action, direction);
    }

    /// Adds a verdict.
    pub(super) fn add(&mut self, guard: &Arc<str>, rule: Arc<str>, action: Action, direction: Direction) {
        let room = self.verdicts.len() < MOST_VERDICTS;
        let known = self.verdicts.iter_mut().find(|verdict| {
            verdict.guard == *guard
                && verdict.rule == rule
                && verdict.action == action
                && verdict.direction == direction
        });
        match known {
            Some(verdict) => verdict.count = verdict.count.saturating_add(1),
            None if room => {
                self.verdicts.push(Verdict { guard: Arc::clone(guard), rule, action, direction, count: 1 });
            }
            None => {}
        }
    }

    /// Another body is looked at.
    pub(super) const fn begin(&mut self) {
        self.read = false;
    }

    /// What was masked so that it can be restored: names, and what they stand for.
    #[must_use]
    pub fn masked(&self) -> &[(String, String)] {
        &self.masked
    }

    /// What stands in place of something that is masked for good.
    pub(super) fn word(detector: Detector) -> String {
        if detector == Detector::Invisible {
            return String::new();
        }
        format!("[{}]", detector.placeholder())
    }

    /// The name that stands in place of something that will be restored: the same for the same, and none
    /// that the request holds already.
    pub(super) fn name(&mut self, detector: Detector, value: &str, held: &[u8]) -> String {
        if detector == Detector::Invisible {
            return Self::word(detector);
        }
        let kind = detector.placeholder();
        let key = (kind, value.to_owned());
        if let Some((name, _)) = self.named.get(&key).and_then(|place| self.masked.get(*place)) {
            return name.clone();
        }
        if self.masked.len() >= MOST_NAMES {
            return Self::word(detector);
        }
        if !self.read {
            read_names(held, &mut self.taken);
            self.read = true;
        }
        let first = match &self.key {
            Some(key) => hashed(key, value),
            None => self.last.get(kind).map_or(1, |last| last.saturating_add(1)),
        };
        let number =
            (first..=u32::MAX).find(|number| !self.taken.contains(&(kind, *number))).unwrap_or(u32::MAX);
        self.taken.insert((kind, number));
        self.last.insert(kind, number);
        let name = format!("[{kind}_{number}]");
        self.named.insert(key, self.masked.len());
        self.masked.push((name.clone(), value.to_owned()));
        name
    }

    /// The verdicts that the client is told of.
    pub fn told(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.action != Action::Monitor)
    }
}

/// A number that no counting comes to. Two values of one conversation hardly share it, and it tells nothing of
/// them to whoever does not have the key.
fn hashed(key: &[u8; 32], value: &str) -> u32 {
    let [a, b, c, d, ..] = *blake3::keyed_hash(key, value.as_bytes()).as_bytes();
    100_000 + u32::from_le_bytes([a, b, c, d]) % 900_000
}

/// Reads which names a body holds, in whatever letters and spelling: `EMAIL_3`, `[email\\_3]`, `Email 3`.
fn read_names(held: &[u8], taken: &mut BTreeSet<(&'static str, u32)>) {
    for mark in memchr::memchr2_iter(b'_', b' ', held) {
        let behind = held.get(mark + 1..).unwrap_or_default();
        let digits = behind.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            continue;
        }
        let before = held.get(..mark).unwrap_or_default();
        let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        let before = before.get(..mark - slashes).unwrap_or_default();
        let ends = |kind: &&str| {
            let from = before.len().checked_sub(kind.len());
            from.and_then(|from| before.get(from..))
                .is_some_and(|end| end.eq_ignore_ascii_case(kind.as_bytes()))
        };
        let number = behind.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let kinds = Detector::ALL.iter().map(|detector| detector.placeholder()).filter(ends);
        taken.extend(kinds.zip(std::iter::repeat(number)).filter_map(|(kind, number)| Some((kind, number?))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_has_the_same_name_and_no_name_is_one_that_the_body_holds() {
        let mut memory = Memory::default();
        let held = br"see [EMAIL_1], email\_2, Email 4 and my_email_5, CARD_9x";
        let mut name = |detector, value| memory.name(detector, value, held);
        assert_eq!(name(Detector::Email, "a"), "[EMAIL_3]");
        assert_eq!(name(Detector::Email, "b"), "[EMAIL_6]");
        assert_eq!(name(Detector::Email, "a"), "[EMAIL_3]");
        assert_eq!(name(Detector::Card, "a"), "[CARD_1]");
        // Two kinds that are called alike have one row of numbers.
        assert_eq!(name(Detector::UsSsn, "a"), "[ID_1]");
        assert_eq!(name(Detector::UkNino, "c"), "[ID_2]");
        let names: Vec<_> = memory.masked().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["[EMAIL_3]", "[EMAIL_6]", "[CARD_1]", "[ID_1]", "[ID_2]"]);
        memory.begin();
        assert_eq!(memory.name(Detector::Email, "c", b"EMAIL_7"), "[EMAIL_8]");
    }

    #[test]
    fn a_name_by_a_key_is_the_same_for_the_same_in_every_request() {
        let named = |key: u8, value: &str| {
            let mut memory = Memory::default();
            memory.name_by([key; 32]);
            memory.name(Detector::Email, value, b"")
        };
        assert_eq!(named(1, "a@b.co"), named(1, "a@b.co"));
        assert_ne!(named(1, "a@b.co"), named(1, "b@b.co"));
        assert_ne!(named(1, "a@b.co"), named(2, "a@b.co"));
        let mut memory = Memory::default();
        memory.name_by([1; 32]);
        let first = memory.name(Detector::Email, "a@b.co", b"");
        assert_eq!(memory.name(Detector::Email, "a@b.co", b""), first);
        assert_ne!(memory.name(Detector::Email, "c@b.co", first.as_bytes()), first);
        let held = Memory { key: Some([1; 32]), ..Memory::default() }.name(
            Detector::Email,
            "a@b.co",
            first.as_bytes(),
        );
        assert_ne!(held, first);
    }
}
