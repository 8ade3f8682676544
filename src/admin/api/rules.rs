//! Limits and budgets as answers have them.

use super::{moment_or_null, text_or_null};
use crate::policy::{Measure, Rule, Shape};
use crate::units::PicoUsd;
use crate::wire::json::{Array, Object};

/// Adds the rules that count money, or those that do not.
pub(super) fn rules<'r>(object: &mut Object<'_>, key: &str, rules: impl Iterator<Item = &'r Rule>, now: u64) {
    object.array(key, |array| rules.for_each(|rule| one(array, rule, now)));
}

/// Whether a rule is a budget, and no limit.
pub(super) fn is_budget(rule: &Rule) -> bool {
    rule.bound.measure == Measure::Usd
}

fn one(array: &mut Array<'_>, rule: &Rule, now: u64) {
    let bound = &rule.bound;
    let used = rule.window.level(now);
    array.object(|object| {
        object.string("measure", bound.measure.name());
        object.string("period", bound.span.period.name());
        object.string(
            "shape",
            match bound.span.shape {
                Shape::Calendar => "calendar",
                Shape::Rolling => "rolling",
            },
        );
        text_or_null(object, "model", bound.model.as_deref());
        let mut amount = |key: &str, amount: u64| match bound.measure {
            Measure::Usd => object.raw(key, &PicoUsd(amount.into()).to_string()),
            Measure::Requests
            | Measure::Tokens
            | Measure::TokensIn
            | Measure::TokensOut
            | Measure::Concurrency => object.number(key, amount),
        };
        amount("limit", bound.limit);
        if let Some(soft) = bound.soft {
            amount("soft", soft);
        }
        amount("used", used);
        amount("left", bound.limit.saturating_sub(used));
        let resets = match bound.span.shape {
            Shape::Calendar => bound.span.end_of(bound.span.slice(now)),
            Shape::Rolling => rule.window.when_empty(),
        };
        moment_or_null(object, "resets", resets);
        object.bool("exceeded", used >= bound.limit);
    });
}
