//! What guards see in a text, one by one, for whoever tries them out.

use std::sync::Arc;

use super::memory::Memory;
use super::rule::{Action, Watch};
use super::scanner::scan;
use super::sieve::{Form, sift};

/// Something that a rule of a guard saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The guard's name.
    pub guard: Arc<str>,
    /// The rule's.
    pub rule: Arc<str>,
    /// What becomes of it.
    pub action: Action,
    /// Where it stands, in bytes; none for what is said of the whole text.
    pub place: Option<(usize, usize)>,
}

/// All that the guards see in a text, in its order, and what goes on of it; `None` where a guard ends it.
#[must_use]
pub fn examine(watch: &Watch, text: &str) -> (Vec<Sight>, Option<String>) {
    let (mut found, mut sights) = (Vec::new(), Vec::new());
    let sum = scan(&watch.panel, text, &mut found);
    for finding in &found {
        let part = text.get(finding.start..finding.end).unwrap_or_default();
        watch.judge(finding, part.as_bytes(), |guard, rule| {
            let (guard, action) = (Arc::clone(&guard.name), guard.action);
            sights.push(Sight { guard, rule, action, place: Some((finding.start, finding.end)) });
        });
    }
    watch.judge_sum(&sum, |guard, rule| {
        sights.push(Sight { guard: Arc::clone(&guard.name), rule, action: guard.action, place: None });
    });
    let mut memory = Memory::default();
    let anew = sift(watch, Form::Plain, text, text.as_bytes(), &mut memory);
    let goes_on = memory.blocked.is_none().then(|| anew.unwrap_or_else(|| text.to_owned()));
    (sights, goes_on)
}
