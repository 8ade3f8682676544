//! Limits and budgets: of keys, owners and labels.

use std::collections::BTreeMap;

use crate::config::file::{Allowance, Budget, BudgetPer, File, Limit, LimitPer};
use crate::policy::{Bound, Bounds, Measure, Period, Shape, Span};

use super::Check;
use super::keys::{Spot, is_name, is_owner};

/// The rules of owners and labels.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Bounds {
    let owner = |name: &str| is_owner(name);
    Bounds {
        owners: of_many("owners", &file.owners, owner, "expected an owner such as org/team/service", check),
        labels: of_many("labels", &file.labels, is_name, "expected a label", check),
    }
}

fn of_many(
    map: &str,
    written: &BTreeMap<String, Allowance>,
    is_named: impl Fn(&str) -> bool,
    expected: &str,
    check: &mut Check<'_>,
) -> BTreeMap<String, Vec<Bound>> {
    let one = |(name, allowance): (&String, &Allowance)| {
        let path = [map, name.as_str()];
        let mut spot = Spot { tree: check.source.sound, path: &path, problems: check.problems };
        if !is_named(name) {
            spot.error(&[], expected, None);
        }
        let bounds = bounds(&allowance.limits, &allowance.budgets, &mut spot);
        (name.trim().to_owned(), bounds)
    };
    written.iter().map(one).collect()
}

/// The rules that are written at one place.
pub(super) fn bounds(limits: &[Limit], budgets: &[Budget], spot: &mut Spot<'_>) -> Vec<Bound> {
    let mut bounds = Vec::new();
    for (place, limit) in limits.iter().enumerate() {
        of_limit(limit, &place.to_string(), &mut bounds, spot);
    }
    for (place, budget) in budgets.iter().enumerate() {
        of_budget(budget, &place.to_string(), &mut bounds, spot);
    }
    bounds
}

fn of_limit(limit: &Limit, place: &str, bounds: &mut Vec<Bound>, spot: &mut Spot<'_>) {
    let period = match limit.per {
        None | Some(LimitPer::Minute) => Period::Minute,
        Some(LimitPer::Hour) => Period::Hour,
        Some(LimitPer::Day) => Period::Day,
    };
    let shape = if limit.calendar { Shape::Calendar } else { Shape::Rolling };
    let mut some = false;
    for (field, measure, amount) in [
        ("requests", Measure::Requests, limit.requests),
        ("tokens", Measure::Tokens, limit.tokens),
        ("tokens_in", Measure::TokensIn, limit.tokens_in),
        ("tokens_out", Measure::TokensOut, limit.tokens_out),
        ("concurrency", Measure::Concurrency, limit.concurrency),
    ] {
        let Some(amount) = amount else { continue };
        some = true;
        let at_one_time = measure == Measure::Concurrency;
        let forever = Span { period: Period::Ever, shape: Shape::Calendar };
        let span = if at_one_time { forever } else { Span { period, shape } };
        let bound = Bound { measure, span, limit: amount, soft: None, model: model(limit.model.as_ref()) };
        add(bound, &["limits", place, field], bounds, spot);
    }
    if !some {
        let hint = "requests, tokens, tokens_in, tokens_out or concurrency".to_owned();
        spot.error(&["limits", place], "the limit has no amount", hint);
    }
    if limit.concurrency.is_some() && limit.per.is_some() {
        spot.error(&["limits", place, "per"], "concurrency is counted at every moment, not per time", None);
    }
}

fn of_budget(budget: &Budget, place: &str, bounds: &mut Vec<Bound>, spot: &mut Spot<'_>) {
    let Some(usd) = budget.usd else {
        spot.error(&["budgets", place], "the budget has no amount", "usd: 50".to_owned());
        return;
    };
    let period = match budget.per {
        Some(BudgetPer::Hour) => Period::Hour,
        Some(BudgetPer::Day) => Period::Day,
        Some(BudgetPer::Week) => Period::Week,
        None | Some(BudgetPer::Month) => Period::Month,
        Some(BudgetPer::Ever) => Period::Ever,
    };
    let shape = if budget.rolling { Shape::Rolling } else { Shape::Calendar };
    let part = |percent: u64| u64::try_from(u128::from(usd.0) * u128::from(percent) / 100).ok();
    let bound = Bound {
        measure: Measure::Usd,
        span: Span { period, shape },
        limit: usd.0,
        soft: budget.soft.and_then(|soft| part(soft.0)),
        model: model(budget.model.as_ref()),
    };
    add(bound, &["budgets", place], bounds, spot);
}

fn model(pattern: Option<&String>) -> Option<String> {
    pattern.map(|pattern| pattern.trim().to_owned()).filter(|pattern| !pattern.is_empty() && pattern != "*")
}

/// Adds a rule; two that would share a window are one too many.
fn add(bound: Bound, path: &[&str], bounds: &mut Vec<Bound>, spot: &mut Spot<'_>) {
    if bounds.iter().any(|known| known.id("") == bound.id("")) {
        spot.error(path, "the same is limited twice here", None);
    }
    bounds.push(bound);
}
