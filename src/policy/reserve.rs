//! Reserve before, settle after: over all rules of a key at once, or not at all.

use std::sync::Arc;

use crate::policy::key::Key;
use crate::policy::rule::{Measure, Rule};
use crate::policy::window::{Moment, Slice};

/// What a request may come to at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claim {
    /// Tokens of its prompt.
    pub tokens_in: u64,
    /// Tokens of its answer.
    pub tokens_out: u64,
    /// What both cost, in pico-USD.
    pub usd: u64,
    /// What it costs though the answer be short, in pico-USD.
    pub least_usd: u64,
    /// Whether the request itself bounds its answer. If not, the tokens above are what such answers
    /// have come to, and whatever is left will do.
    pub is_capped: bool,
}

/// What a request came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens of its prompt.
    pub tokens_in: u64,
    /// Tokens of its answer.
    pub tokens_out: u64,
    /// What it cost, in pico-USD.
    pub usd: u64,
}

/// What a request is for, by all names that a rule may have for it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The model as the client named it.
    pub asked: &'a str,
    /// All that may come to answer: a provider, and the model as it knows it.
    pub targets: &'a [(Arc<str>, Arc<str>)],
}

/// A rule has no room for a request.
#[derive(Debug, Clone)]
pub struct Full {
    /// The rule.
    pub rule: Rule,
    /// How much the request may come to.
    pub wanted: u64,
    /// How much there is.
    pub left: u64,
    /// In how many seconds there will be room; `None` where there never will.
    pub after: Option<u64>,
}

/// What is reserved for one request. Dropped before it is settled it counts as used to its end: nothing
/// is lost.
#[derive(Debug)]
pub struct Reservation {
    key: Arc<Key>,
    shard: usize,
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    rule: usize,
    slice: Arc<Slice>,
    amount: u64,
}

/// Reserves what a request may come to in all rules that hold for it.
///
/// # Errors
/// The first rule that has no room; then nothing is reserved.
pub fn reserve(
    key: &Arc<Key>,
    subject: &Subject<'_>,
    claim: &Claim,
    at: Moment,
) -> Result<Reservation, Box<Full>> {
    let Subject { asked, targets } = *subject;
    let mut reserved =
        Reservation { key: Arc::clone(key), shard: at.shard, held: Vec::with_capacity(key.rules.len()) };
    for (place, rule) in key.rules.iter().enumerate() {
        if !targets.iter().any(|(provider, model)| rule.holds_for(asked, provider, model)) {
            continue;
        }
        let limit = rule.bound.limit;
        let (wanted, least) = wanted(rule.bound.measure, claim, limit);
        let found = if least < wanted {
            rule.window.reserve_what_is_left(at, wanted, least, limit)
        } else {
            rule.window.reserve(at, wanted, limit).map(|slice| (slice, wanted))
        };
        let Some((slice, amount)) = found else {
            // In order, the last first.
            while let Some(held) = reserved.held.pop() {
                reserved.settle_one(&held, 0);
            }
            return Err(Box::new(full(rule, wanted, least, at.now)));
        };
        reserved.held.push(Held { rule: place, slice, amount });
    }
    Ok(reserved)
}

/// How much of a measure a request may come to, and how little would do for it. An answer that nothing
/// bounds must have half of what there may be, unless it is known to need less: so that a small budget
/// can be used at all, and two such answers do not share what is enough for one.
fn wanted(measure: Measure, claim: &Claim, limit: u64) -> (u64, u64) {
    let all = claim.tokens_in.saturating_add(claim.tokens_out);
    let (most, least) = match measure {
        Measure::Requests | Measure::Concurrency => (1, 1),
        Measure::Tokens => (all, claim.tokens_in.saturating_add(1)),
        Measure::TokensIn => (claim.tokens_in, claim.tokens_in),
        Measure::TokensOut => (claim.tokens_out, 1),
        Measure::Usd => (claim.usd, claim.least_usd),
    };
    if claim.is_capped { (most, most) } else { (most, least.max(limit / 2).min(most)) }
}

fn full(rule: &Rule, wanted: u64, least: u64, now: u64) -> Full {
    let limit = rule.bound.limit;
    let left = limit.saturating_sub(rule.window.level(now));
    let needed = least.min(wanted);
    let after = if rule.bound.measure == Measure::Concurrency {
        // Somebody else's request ends sooner or later.
        Some(1)
    } else if needed > limit {
        None
    } else {
        let free = rule.window.when_free(now, needed.saturating_sub(left));
        free.map(|at| at.saturating_sub(now).max(1))
    };
    Full { rule: rule.clone(), wanted: needed, left, after }
}

/// How a rule stands while a request runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How much there may be.
    pub limit: u64,
    /// How much is left.
    pub left: u64,
    /// In how many seconds all of it is free again.
    pub reset: u64,
}

impl Reservation {
    /// Whether nothing is reserved, since no rule holds.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Settles everything on what was used; the rules whose mark was reached by it, which somebody is
    /// to be told of.
    #[must_use]
    pub fn settle(mut self, spent: &Spent, now: u64) -> Vec<Rule> {
        let mut told = Vec::new();
        for held in std::mem::take(&mut self.held) {
            let Some(rule) = self.key.rules.get(held.rule) else { continue };
            let used = match rule.bound.measure {
                Measure::Requests => held.amount,
                Measure::Concurrency => 0,
                Measure::Tokens => spent.tokens_in.saturating_add(spent.tokens_out),
                Measure::TokensIn => spent.tokens_in,
                Measure::TokensOut => spent.tokens_out,
                Measure::Usd => spent.usd,
            };
            self.settle_one(&held, used);
            if let Some(mark) = rule.bound.soft
                && rule.window.tells(now, mark)
            {
                told.push(rule.clone());
            }
        }
        told
    }

    /// Gives everything back, as if the request had not come.
    pub fn undo(mut self) {
        for held in std::mem::take(&mut self.held) {
            self.settle_one(&held, 0);
        }
    }

    /// The request is over, though it is not known yet what it used.
    pub fn end(&mut self) {
        let Self { key, shard, held } = self;
        held.retain(|held| {
            let Some(rule) = key.rules.get(held.rule) else { return true };
            let runs = rule.bound.measure == Measure::Concurrency;
            if runs {
                rule.window.settle(&held.slice, *shard, held.amount, 0);
            }
            !runs
        });
    }

    /// How the rule of this measure stands that has the least left.
    #[must_use]
    pub fn standing(&self, measure: Measure, now: u64) -> Option<Standing> {
        let rules = self.rules().filter(|rule| rule.bound.measure == measure);
        let standings = rules.map(|rule| {
            let left = rule.bound.limit.saturating_sub(rule.window.level(now));
            let reset = rule.window.when_empty().map_or(0, |at| at.saturating_sub(now));
            Standing { limit: rule.bound.limit, left, reset }
        });
        standings.min_by_key(|standing| standing.left)
    }

    /// The budgets whose mark is reached, with how much of them is used or reserved.
    pub fn near_their_end(&self, now: u64) -> impl Iterator<Item = (&Rule, u64)> {
        self.rules().filter_map(move |rule| {
            let (mark, level) = (rule.bound.soft?, rule.window.level(now));
            (level >= mark).then_some((rule, level))
        })
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.held.iter().filter_map(|held| self.key.rules.get(held.rule))
    }

    fn settle_one(&self, held: &Held, used: u64) {
        if let Some(rule) = self.key.rules.get(held.rule) {
            rule.window.settle(&held.slice, self.shard, held.amount, used);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end();
        for held in std::mem::take(&mut self.held) {
            self.settle_one(&held, held.amount);
        }
    }
}
