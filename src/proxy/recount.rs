//! What limits and budgets have counted, held against the ledger when a process begins: a kill takes the
//! last second of what was counted, and of what was finished the ledger has all.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::account::Entry;
use crate::policy::{Bound, Measure, Period, Shape, Span, Window, hosts_of};
use crate::store::ledger::{Filter, Reader, Sums};

/// A rule's window, and what its node is.
#[derive(Debug, Clone)]
pub struct Counted {
    /// `key:ID`, `owner:PATH` or `label:NAME`.
    pub node: Arc<str>,
    /// What is counted.
    pub bound: Bound,
    /// What it has counted so far.
    pub window: Arc<Window>,
}

/// What a recount came to.
#[derive(Debug, Default)]
pub struct Recounted {
    /// How many windows had counted less.
    pub raised: usize,
    /// What windows must have counted at least that are not there yet, since they are somebody's who
    /// comes in with a token: what each is kept under, the slice, and the amount.
    pub later: Vec<(String, u64, u64)>,
}

/// Raises what each window has counted to what the ledger knows of its time, slice by slice.
///
/// # Errors
/// When the ledger cannot be read.
pub fn recount(folder: &Path, windows: &[Counted], now: u64) -> Result<Recounted, String> {
    let mut recounted = Recounted::default();
    if windows.is_empty() || !Reader::is_in(folder) {
        return Ok(recounted);
    }
    let reader = Reader::open(folder).map_err(|unusable| unusable.to_string())?;
    let mut spans: Vec<(Span, Vec<&Counted>)> = Vec::new();
    for counted in windows {
        match spans.iter_mut().find(|(span, _)| *span == counted.bound.span) {
            Some((_, all)) => all.push(counted),
            None => spans.push((counted.bound.span, vec![counted])),
        }
    }
    for (span, counted) in spans {
        of_span(&reader, span, &counted, now, &mut recounted).map_err(|error| error.to_string())?;
    }
    Ok(recounted)
}

fn of_span(
    reader: &Reader,
    span: Span,
    counted: &[&Counted],
    now: u64,
    recounted: &mut Recounted,
) -> rusqlite::Result<()> {
    let mut by_node: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (place, counted) in counted.iter().enumerate() {
        by_node.entry(&counted.node).or_default().push(place);
    }
    let begin = span.begin_of(span.oldest(span.slice(now)));
    let filter = Filter { from: begin * 1000, ..Filter::default() };
    let mut sums: FxHashMap<(usize, u64), u64> = FxHashMap::default();
    let mut later: FxHashMap<(String, u64), u64> = FxHashMap::default();
    let mut add = |entry: &Entry, of: &Sums| {
        let slice = span.slice(entry.at / 1000);
        for node in nodes(entry) {
            let own = by_node.get(node.as_str());
            let of_host = || hosts_of(&node).find_map(|host| by_node.get(host));
            for place in own.or_else(of_host).into_iter().flatten() {
                let Some(counted) = counted.get(*place).filter(|counted| is_for(&counted.bound, entry))
                else {
                    continue;
                };
                let sum = match own {
                    Some(_) => sums.entry((*place, slice)).or_default(),
                    None => later.entry((counted.bound.id(&node), slice)).or_default(),
                };
                *sum = sum.saturating_add(amount(counted.bound.measure, entry, of));
            }
        }
    };
    // Slices that are no whole hours are known from the requests alone.
    if (span.shape, span.period) == (Shape::Rolling, Period::Hour) {
        let _: ControlFlow<()> = reader.each(&filter, |row| {
            add(&row.entry, &Sums::of_request(row));
            ControlFlow::Continue(())
        })?;
    } else {
        reader.each_hour(&filter, |entry, sums| add(entry, sums))?;
    }
    let mut raised = vec![false; counted.len()];
    for ((place, slice), sum) in sums {
        let Some(counted) = counted.get(place) else { continue };
        let known = counted.window.settled().into_iter().find(|(index, _)| *index == slice);
        let lacks = sum.saturating_sub(known.map_or(0, |(_, settled)| settled));
        if lacks > 0 {
            counted.window.absorb(slice, i64::try_from(lacks).unwrap_or(i64::MAX));
            if let Some(raised) = raised.get_mut(place) {
                *raised = true;
            }
        }
    }
    recounted.raised += raised.into_iter().filter(|raised| *raised).count();
    recounted.later.extend(later.into_iter().map(|((id, slice), sum)| (id, slice, sum)));
    Ok(())
}

/// The nodes at which a request counts. Sums by the hour are of one label, or of all that is no label.
fn nodes(entry: &Entry) -> Vec<String> {
    let mut nodes: Vec<_> = entry.labels.iter().map(|label| format!("label:{label}")).collect();
    // The sums of labels hold the requests once more.
    let is_of_label = entry.id.is_empty() && !nodes.is_empty();
    if let Some((id, _)) = entry.key.as_ref().filter(|_| !is_of_label) {
        nodes.push(format!("key:{}", if entry.counted.is_empty() { id } else { &entry.counted }));
        let mut path = entry.owner.as_str();
        while !path.is_empty() {
            nodes.push(format!("owner:{path}"));
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    nodes
}

fn is_for(bound: &Bound, entry: &Entry) -> bool {
    bound.holds_for(&entry.asked_model, &entry.provider, &entry.model)
}

/// What counts of these requests. What the cache gave comes to requests alone.
fn amount(measure: Measure, entry: &Entry, sums: &Sums) -> u64 {
    let is_given = !matches!(entry.cache.as_str(), "" | "miss");
    match measure {
        // Of those that were refused none was counted; not every answer says what it used.
        Measure::Requests if is_given => sums.cache_hits().max(sums.requests().saturating_sub(sums.errors())),
        Measure::Requests => sums.departed(),
        Measure::Concurrency => 0,
        Measure::Tokens | Measure::TokensIn | Measure::TokensOut | Measure::Usd if is_given => 0,
        Measure::Tokens => sums.usage().total(),
        Measure::TokensIn => sums.usage().total_input(),
        Measure::TokensOut => sums.usage().total_output(),
        // Running prices again changes no budget's count.
        Measure::Usd => u64::try_from(sums.first_cost().0).unwrap_or(u64::MAX),
    }
}
