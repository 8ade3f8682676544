//! Prices are run again over history, after one was corrected: rows keep what they cost first, and the
//! sums by the hour follow in the same transaction.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::{blocks, hours, rows, schema};
use crate::account::Entry;
use crate::account::cost::cost;
use crate::catalog::PriceTable;
use crate::ir::ServiceTier;
use crate::units::PicoUsd;

/// The rows of so many blocks are corrected in one transaction, so that nobody waits long for it.
const BLOCKS: u32 = 4;

/// The price of a model at a provider, and the name of that price.
pub type PriceOf<'a> = dyn Fn(&str, &str) -> Option<(Arc<PriceTable>, Arc<str>)> + 'a;

/// Whether anything is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Only looked at.
    Dry,
    /// Changed, at this time in seconds since 1970.
    Real(u64),
}

/// What running prices again came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repriced {
    /// How many requests used something and have a price.
    pub requests: u64,
    /// How many of them cost something else now.
    pub changed: u64,
    /// What they all cost before, as far as their prices were known.
    pub before: PicoUsd,
    /// What they all cost now.
    pub after: PicoUsd,
}

/// Runs prices again over the requests from one moment until another, both in milliseconds since 1970.
///
/// What a provider says that it charges, what the cache gave, and what has no price now stays as it is.
///
/// # Errors
/// When the folder or its file cannot be used.
pub fn reprice(
    data: &Path,
    (from, to): (u64, u64),
    run: Run,
    price_of: &PriceOf<'_>,
) -> Result<Repriced, String> {
    let mut connection = schema::open(data).map_err(|unusable| unusable.to_string())?;
    let told = |error: rusqlite::Error| format!("the ledger cannot be read or written: {error}");
    let (mut sums, mut next) = (Repriced::default(), 0);
    loop {
        let bite = bite(&mut connection, &mut next, (from, to), run, price_of, &mut sums);
        if !bite.map_err(told)? {
            return Ok(sums);
        }
    }
}

/// Does the rows of some blocks from a place on; whether there may be more.
fn bite(
    connection: &mut Connection,
    next: &mut i64,
    time: (u64, u64),
    run: Run,
    price_of: &PriceOf<'_>,
    sums: &mut Repriced,
) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(match run {
        Run::Dry => TransactionBehavior::Deferred,
        Run::Real(_) => TransactionBehavior::Immediate,
    })?;
    let (blocks, more) = blocks::from(&transaction, *next, time, BLOCKS)?;
    *next = more;
    let any = !blocks.is_empty();
    for row in blocks.into_iter().flatten().filter(|row| row.entry.at >= time.0 && row.entry.at < time.1) {
        let Some((now, price)) = priced(&row.entry, price_of) else { continue };
        sums.requests += 1;
        sums.before += row.entry.cost.unwrap_or_default();
        sums.after += now;
        let named = row.entry.price.as_ref().is_some_and(|(id, version)| format!("{id}@{version}") == *price);
        if row.entry.cost == Some(now) && named {
            continue;
        }
        sums.changed += u64::from(row.entry.cost != Some(now));
        if let Run::Real(at) = run {
            rows::reprice(&transaction, &row, now, &price, at)?;
            hours::correct(&transaction, &row, now)?;
        }
    }
    transaction.commit()?;
    Ok(any)
}

/// What a request costs at today's price, and the name of that.
fn priced(entry: &Entry, price_of: &PriceOf<'_>) -> Option<(PicoUsd, Arc<str>)> {
    if entry.usage_source.is_none() || entry.states_cost || entry.is_cached() {
        return None;
    }
    let tier = ServiceTier::from_name(&entry.tier);
    let (table, name) = price_of(&entry.provider, &entry.model)?;
    let mut sum = cost(&entry.own_usage(), &table, tier.as_ref());
    for (model, usage) in &entry.asides {
        // An attempt that came to nothing may have been made elsewhere.
        let elsewhere = || model.split_once('/').and_then(|(provider, model)| price_of(provider, model));
        let (table, _) = price_of(&entry.provider, model).or_else(elsewhere)?;
        sum += cost(usage, &table, None);
    }
    Some((sum, name))
}
