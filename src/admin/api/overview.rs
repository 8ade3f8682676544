//! The first page of the dashboard: what all requests came to, over time, and whose they were.

use std::collections::BTreeMap;

use super::{Call, Outcome, object, sums};
use crate::clock;
use crate::store::ledger::{By, Grouping, Query, Sums};
use crate::wire::json::{Array, Object};

/// Up to so long a time is told of by the minute.
const BY_MINUTE: u64 = 2 * 3_600_000;

/// Up to so long by the hour.
const BY_HOUR: u64 = 8 * 86_400_000;

/// More points than this nobody sees.
const MOST_POINTS: u64 = 2000;

/// So many of each kind are told of.
const TOP: usize = 10;

/// Whose requests were.
const KINDS: [(&str, Grouping); 4] = [
    ("owners", Grouping::Owner),
    ("keys", Grouping::Key),
    ("models", Grouping::Model),
    ("providers", Grouping::Provider),
];

/// Of what requests came to by name.
type Named = BTreeMap<String, Sums>;

pub(super) async fn show(call: &Call<'_>) -> Outcome {
    let asked = call.asked()?;
    let by = match asked.until.saturating_sub(asked.filter.from) {
        span if span <= BY_MINUTE => By::Minute,
        span if span <= BY_HOUR => By::Hour,
        span => {
            let fits = |by: &By| by.pieces(0, span) < MOST_POINTS;
            [By::Day, By::Week].into_iter().find(fits).unwrap_or(By::Month)
        }
    };
    let query = Query { filter: asked.filter, by, groups: Vec::new() };
    let groups = KINDS.map(|(_, grouping)| grouping).to_vec();
    let (used, tops) = call
        .admin
        .desk
        .read(move |ledger| {
            let used = ledger.usage(&query)?;
            // By the minute as well where the whole is, so that both are of the same requests.
            let by = if query.by == By::Minute { By::Minute } else { By::None };
            let named = ledger.usage(&Query { by, groups, ..query })?;
            let mut tops: [Named; KINDS.len()] = Default::default();
            for row in &named.rows {
                for (top, name) in tops.iter_mut().zip(&row.group) {
                    top.entry(name.clone()).or_default().add(&row.sums);
                }
            }
            Ok((used, tops))
        })
        .await?;
    let mut totals = Sums::default();
    used.rows.iter().for_each(|row| totals.add(&row.sums));
    let until = if used.to == 0 { asked.until } else { used.to };
    let series: BTreeMap<u64, &Sums> = used.rows.iter().map(|row| (row.at, &row.sums)).collect();
    Ok(object(200, |answer| {
        answer.string("from", clock::rfc3339(used.from).as_str());
        answer.string("to", clock::rfc3339(until).as_str());
        answer.string("by", by.name());
        answer.object("totals", |object| sums::sums(object, &totals));
        answer.array("series", |array| fill(array, by, used.from, until, &series));
        answer.object("top", |object| {
            for ((kind, _), named) in KINDS.iter().zip(&tops) {
                object.array(kind, |array| top(array, named));
            }
        });
        answer.object("now", |object| now(call, object));
    }))
}

/// A point for each piece of time, also where nothing happened.
fn fill(array: &mut Array<'_>, by: By, from: u64, until: u64, series: &BTreeMap<u64, &Sums>) {
    let nothing = Sums::default();
    let mut at = by.begin(from);
    while at < until {
        let sums = series.get(&at).copied().unwrap_or(&nothing);
        array.object(|object| point(object, at, sums));
        at = by.next(at);
    }
}

fn point(object: &mut Object<'_>, at: u64, sums: &Sums) {
    let usage = sums.usage();
    object.string("at", clock::rfc3339(at).as_str());
    object.number("requests", sums.requests());
    object.number("errors", sums.errors());
    object.raw("cost_usd", &sums.cost().to_string());
    object.raw("saved_usd", &sums.saved().to_string());
    object.number("tokens_in", usage.total_input());
    object.number("tokens_out", usage.total_output());
    sums::millis_or_null(object, "latency_p50_ms", sums.latency.percentile(500));
    sums::millis_or_null(object, "latency_p99_ms", sums.latency.percentile(990));
    sums::millis_or_null(object, "first_token_p50_ms", sums.first_token.percentile(500));
}

/// Those that cost most; of what costs nothing, what was asked most.
fn top(array: &mut Array<'_>, named: &Named) {
    let mut all: Vec<(&String, &Sums)> = named.iter().collect();
    all.sort_by_key(|(_, sums)| std::cmp::Reverse((sums.cost(), sums.requests())));
    for (name, sums) in all.into_iter().take(TOP) {
        array.object(|object| {
            object.string("name", name);
            object.number("requests", sums.requests());
            object.raw("cost_usd", &sums.cost().to_string());
        });
    }
}

fn now(call: &Call<'_>, object: &mut Object<'_>) {
    let shared = &call.admin.shared;
    object.number("in_flight", shared.metrics().in_flight());
    object.number("held_bytes", shared.held.now());
    object.bool("draining", shared.is_draining());
    object.number("generation", shared.world.load().generation);
}
