//! What a service makes of what is said, and what becomes of that.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use super::super::memory::Memory;
use super::super::rule::Action;
use super::changes::changes;
use super::{External, OnFailure, Said, Stage};

/// What a service says of something that it found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// It may pass, and be told of.
    #[default]
    Pass,
    /// It may pass with something else in its place.
    Mask,
    /// It may not.
    Block,
}

/// Something that a service found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By what rule.
    pub rule: String,
    /// What it says of that.
    pub says: Says,
    /// In which of the texts, where it tells.
    pub at: Option<usize>,
}

/// Other words for a part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Which of the texts.
    pub said: usize,
    /// Which bytes of it.
    pub span: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

/// What a service makes of what it was asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinion {
    /// What it found; nothing lets all pass.
    pub found: Vec<Found>,
    /// What would mask it.
    pub patches: Vec<Patch>,
    /// What a client is told whose request it does not let pass.
    pub message: Option<String>,
}

/// Why a service has no opinion. It names nothing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, behind the name of the guard.
    pub why: String,
    /// Whether that tells of how the service does, and not of what it was asked about.
    pub is_ill: bool,
}

impl Failure {
    /// One that has to do with what it was asked about.
    pub fn of(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_ill: false }
    }

    /// One of the service.
    pub fn ill(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_ill: true }
    }
}

/// The rule of a verdict about what could not be looked at.
const UNAVAILABLE: &str = "unavailable";

/// So many letters of a rule's name are told.
const LONGEST_RULE: usize = 64;

/// What becomes of what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It passes, perhaps in other words.
    Passes(Vec<Patch>),
    /// Something ends it.
    Blocked {
        /// The rule.
        rule: Arc<str>,
        /// In which of the texts, where that is known.
        at: Option<usize>,
        /// What its client is told besides.
        message: Option<String>,
    },
    /// It was not looked at, and so may not pass.
    Unseen(String),
}

impl Opinion {
    /// Adds something that was found.
    pub fn add(&mut self, rule: &str, says: Says, at: Option<usize>) {
        self.found.push(Found { rule: rule.to_owned(), says, at });
    }

    /// Adds what was made of another part of the same.
    pub fn join(&mut self, other: Self) {
        self.found.extend(other.found);
        self.patches.extend(other.patches);
        self.message = self.message.take().or(other.message);
    }
}

impl External {
    /// What it makes of something of which it perhaps could not look at all: where that may pass nevertheless, what
    /// it found in the rest still holds.
    ///
    /// # Errors
    /// The failure, where that decides.
    pub fn in_spite_of(&self, failure: Option<Failure>, mut opinion: Opinion) -> Result<Opinion, Failure> {
        match failure {
            None => Ok(opinion),
            Some(_) if self.on_failure == OnFailure::Open && !opinion.found.is_empty() => {
                opinion.add(UNAVAILABLE, Says::Pass, None);
                Ok(opinion)
            }
            Some(failure) => Err(failure),
        }
    }

    /// What becomes of what it was asked about; notes the verdicts.
    pub fn settle(&self, opinion: Result<Opinion, Failure>, stage: Stage, memory: &mut Memory) -> Settled {
        let direction = stage.direction();
        let opinion = match opinion {
            Ok(opinion) => opinion,
            Err(Failure { why, .. }) => {
                let closed = self.on_failure == OnFailure::Closed;
                let action = if closed { Action::Block } else { Action::Tag };
                memory.add(&self.name, UNAVAILABLE.into(), action, direction);
                return if closed { Settled::Unseen(why) } else { Settled::Passes(Vec::new()) };
            }
        };
        let mut blocked = None;
        for Found { rule, says, at } in &opinion.found {
            let action = self.action_on(*says, stage);
            let rule = named(rule);
            if action == Action::Block && blocked.is_none() {
                blocked = Some((Arc::clone(&rule), *at));
            }
            memory.add(&self.name, rule, action, direction);
        }
        let masks = self.action_on(Says::Mask, stage) == Action::Mask;
        match blocked {
            Some((rule, at)) => Settled::Blocked { rule, at, message: opinion.message },
            None if masks => Settled::Passes(opinion.patches),
            None => Settled::Passes(Vec::new()),
        }
    }

    /// What becomes of something of which it says this.
    fn action_on(&self, says: Says, stage: Stage) -> Action {
        // What has left for the provider already cannot be said otherwise.
        let can_mask = stage != Stage::During;
        match (self.action, says) {
            (Action::Monitor, _) => Action::Monitor,
            (Action::Tag | Action::Route, _) | (_, Says::Pass) => Action::Tag,
            (Action::Mask | Action::MaskAndRestore, Says::Mask) if can_mask => Action::Mask,
            (Action::Block, Says::Mask) if can_mask && self.decides() => Action::Mask,
            (_, Says::Mask | Says::Block) => Action::Block,
        }
    }
}

/// A rule's name as it can stand in a verdict: whatever a service calls it.
fn named(rule: &str) -> Arc<str> {
    let fine = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/');
    let rule = rule.trim().chars().take(LONGEST_RULE);
    let rule: String = rule.map(|letter| if fine(letter) { letter } else { '_' }).collect();
    if rule.is_empty() { "found".into() } else { rule.into() }
}

/// A text with what of the patches is for it, which is text number `said`; `None` where nothing changes. Of
/// changes that overlap the first in the text holds, and takes the rest along.
#[must_use]
pub(super) fn patched(patches: &[Patch], said: usize, text: &str) -> Option<String> {
    let own: Vec<&Patch> = patches.iter().filter(|patch| patch.said == said).collect();
    let mut all: Vec<(Range<usize>, &str)> = Vec::with_capacity(own.len());
    for patch in &own {
        let Range { start, end } = patch.span;
        if own.len() == 1 {
            all.push((start..end, &patch.text));
            continue;
        }
        let own = changes(text.get(start..end)?, &patch.text);
        all.extend(own.into_iter().map(|(span, anew)| (start + span.start..start + span.end, anew)));
    }
    // What only adds something is in nobody's way.
    all.sort_by_key(|(span, _)| (span.start, !span.is_empty(), Reverse(span.end)));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (Range { start, end }, anew) in all {
        if start >= at {
            out.push_str(text.get(at..start)?);
            out.push_str(anew);
        }
        at = at.max(end);
    }
    out.push_str(text.get(at..)?);
    (out != text).then_some(out)
}

/// The path of the text that a rule is about.
#[must_use]
pub fn place(said: &[Said], at: Option<usize>) -> &str {
    at.and_then(|at| said.get(at)).map_or("", |said| &said.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_put_in_their_order_and_what_overlaps_is_one() {
        let patch = |span: Range<usize>, text: &str| Patch { said: 1, span, text: text.to_owned() };
        let patches = [patch(8..12, "[B]"), patch(0..4, "[A]"), patch(10..14, "[C]")];
        assert_eq!(patched(&patches, 1, "Anna and Bert told").as_deref(), Some("[A] and[B]told"));
        assert_eq!(patched(&patches, 0, "Anna"), None);
        assert_eq!(patched(&[patch(0..4, "Anna")], 1, "Anna"), None);
        // Nobody trusts a service to know where a letter ends.
        assert_eq!(patched(&[patch(0..1, "x")], 1, "ü"), None);
    }

    #[test]
    fn whoever_says_a_text_anew_undoes_nothing_that_another_masks() {
        let text = "my secret: Anna has a secret";
        let patch = |span: Range<usize>, anew: &str| Patch { said: 0, span, text: anew.to_owned() };
        let whole = patch(0..text.len(), "my [WORD]: Anna has a [WORD]");
        let name = patch(11..15, "[PERSON]");
        let other = patch(0..text.len(), "(seen) my secret: {NAME} has a secret");
        for (patches, expected) in [
            (vec![whole.clone(), name.clone()], "my [WORD]: [PERSON] has a [WORD]"),
            (vec![name, whole.clone()], "my [WORD]: [PERSON] has a [WORD]"),
            (vec![whole, other], "(seen) my [WORD]: {NAME} has a [WORD]"),
        ] {
            assert_eq!(patched(&patches, 0, text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn rules_are_named_so_that_a_header_can_hold_them() {
        assert_eq!(&*named("hate/threatening"), "hate/threatening");
        assert_eq!(&*named(" two; words=é "), "two__words__");
        assert_eq!(&*named(""), "found");
        assert_eq!(named(&"x".repeat(200)).len(), LONGEST_RULE);
    }
}
