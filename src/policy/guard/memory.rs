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
}

impl Memory {
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
        let of_kind = self.masked.iter().filter(|(name, _)| is_of(name, kind));
        let last = of_kind.filter_map(|(name, _)| number(name)).max().unwrap_or(0);
        let free = (last + 1..).map(|number| format!("[{kind}_{number}]"));
        let free = free.take(1000).find(|name| memchr::memmem::find(held, name.as_bytes()).is_none());
        let Some(name) = free else { return Self::word(detector) };
        self.masked.push((name.clone(), value.to_owned()));
        name
    }

    /// The verdicts that the client is told of.
    pub fn told(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.action != Action::Monitor)
    }
}

fn is_of(name: &str, kind: &str) -> bool {
    name.strip_prefix('[').and_then(|name| name.strip_prefix(kind)).is_some_and(|rest| rest.starts_with('_'))
}

fn number(name: &str) -> Option<u32> {
    name.trim_end_matches(']').rsplit('_').next()?.parse().ok()
}
