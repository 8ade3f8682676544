//! What guards remember of one request: their verdicts, and what they masked.

use std::fmt;
use std::sync::Arc;

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
    /// The rule that ended it, with its guard.
    pub blocked: Option<(Arc<str>, Arc<str>)>,
    /// The names in place of what was masked, and that.
    masked: Vec<(String, String)>,
    /// Where names are given by it, and not by counting.
    key: Option<[u8; 32]>,
}

impl Memory {
    /// What was said before is kept by somebody else, so that nobody here knows which names it holds: a name
    /// comes from what it stands for and this key, from now on.
    pub const fn name_by(&mut self, key: [u8; 32]) {
        self.key = Some(key);
    }

    /// Notes what a rule found.
    pub(super) fn note(&mut self, guard: &Guard, rule: Arc<str>, direction: Direction) {
        let action = guard.action;
        if action == Action::Block && self.blocked.is_none() {
            self.blocked = Some((Arc::clone(&guard.name), Arc::clone(&rule)));
        }
        let room = self.verdicts.len() < MOST_VERDICTS;
        let known = self.verdicts.iter_mut().find(|verdict| {
            verdict.guard == guard.name && verdict.rule == rule && verdict.direction == direction
        });
        match known {
            Some(verdict) => verdict.count = verdict.count.saturating_add(1),
            None if room => {
                self.verdicts.push(Verdict {
                    guard: Arc::clone(&guard.name),
                    rule,
                    action,
                    direction,
                    count: 1,
                });
            }
            None => {}
        }
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
        if detector == Detector::Invisible || self.masked.len() >= MOST_NAMES {
            return Self::word(detector);
        }
        let kind = detector.placeholder();
        if let Some((name, _)) = self.masked.iter().find(|(name, known)| known == value && is_of(name, kind))
        {
            return name.clone();
        }
        let first = match &self.key {
            Some(key) => hashed(key, value),
            None => {
                let of_kind = self.masked.iter().filter(|(name, _)| is_of(name, kind));
                of_kind.filter_map(|(name, _)| number(name)).max().unwrap_or(0) + 1
            }
        };
        let is_free = |name: &String| {
            memchr::memmem::find(held, name.as_bytes()).is_none()
                && !self.masked.iter().any(|(given, _)| given == name)
        };
        let free = (first..).map(|number| format!("[{kind}_{number}]")).take(1000).find(is_free);
        let Some(name) = free else { return Self::word(detector) };
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

fn is_of(name: &str, kind: &str) -> bool {
    name.strip_prefix('[').and_then(|name| name.strip_prefix(kind)).is_some_and(|rest| rest.starts_with('_'))
}

fn number(name: &str) -> Option<u32> {
    name.trim_end_matches(']').rsplit('_').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
