//! How a request finds its way among the targets of a name: which may be asked, which is first, and
//! which is next.
//!
//! All of it is a function of what is known of the request, of how the targets do, and of chance.

mod cause;
mod patience;
mod pick;
mod spare;
mod when;

use std::ops::Range;

pub use cause::Cause;
pub use patience::{Patience, Times};
pub use pick::{Candidate, pick};
pub use spare::Spare;
pub use when::{Facts, Modality, When};

/// What a route says besides its targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// How the targets are chosen among.
    pub strategy: Strategy,
    /// What is said of each target, in their order: the route's own, then those of `fallbacks`.
    pub legs: Vec<Leg>,
    /// The targets that are for what failed of a cause, by their places among all.
    pub fallbacks: Vec<(Cause, Range<usize>)>,
    /// How long a provider is waited for, where that is otherwise than for all.
    pub times: Option<Times>,
}

impl Way {
    /// The places of the targets that are for what failed of this cause; `None` where none are.
    #[must_use]
    pub fn fallback(&self, cause: Option<Cause>) -> Option<Range<usize>> {
        let cause = cause?;
        self.fallbacks.iter().find(|(known, _)| *known == cause).map(|(_, places)| places.clone())
    }

    /// The places of the route's own targets.
    #[must_use]
    pub fn own(&self) -> Range<usize> {
        0..self.fallbacks.iter().map(|(_, places)| places.start).min().unwrap_or(self.legs.len())
    }

    /// Whether an answer must be looked into, to know of what causes it failed.
    #[must_use]
    pub fn looks_into_answers(&self) -> bool {
        self.fallbacks.iter().any(|(cause, _)| cause.is_told_by_bodies())
    }
}

/// How targets are chosen among.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// In their order.
    #[default]
    Fallback,
    /// By chance, each as often as its weight says.
    Weighted,
    /// The quicker of two that chance names.
    LeastLatency,
    /// The one that has the fewest requests in flight for its weight.
    LeastBusy,
    /// The one that costs least.
    Cheapest,
    /// The same for all requests that belong together.
    Sticky(Bond),
    /// Those with a share get that part of the requests that belong together; the others in their order.
    Canary(Bond),
}

/// By what requests belong together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bond {
    /// The session, else the user, else how the prompt begins.
    #[default]
    Any,
    /// The session that the client names.
    Session,
    /// The user that the client names, else its key.
    User,
    /// How the prompt begins, so that the provider has it in its own cache.
    Prompt,
}

/// What is said of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// How much of the requests it gets, beside the others.
    pub weight: u32,
    /// The part of the requests that it gets as a canary, in hundredths of a percent.
    pub share: u32,
    /// Which of its provider's keys it is asked with, bit by place; with any where nothing is said.
    pub keys: Option<u64>,
    /// For which requests it is: for those of which all of it holds.
    pub when: Vec<When>,
}

impl Leg {
    /// What holds where nothing is said.
    pub const USUAL: Self = Self { weight: 1, share: 0, keys: None, when: Vec::new() };
}

impl Default for Leg {
    fn default() -> Self {
        Self::USUAL
    }
}
