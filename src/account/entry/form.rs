//! The binary form of a row: what it holds, in this order, numbers in as few bytes as they need.
//!
//! A version is never changed. What must be added makes another version, and all that were ever
//! written stay readable.

use std::time::Duration;

use super::bytes::{Reader, put_list, put_number, put_text};
use super::{Entered, Lost, Met, Took};
use crate::account::settled::{Record, Used};
use crate::cache::Tier;
use crate::ir::{Dialect, FinishReason, ServiceTier, Usage, UsageSource};
use crate::units::PicoUsd;

/// The version that is written.
pub const VERSION: u8 = 3;

/// Why a row could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It ends too soon.
    #[error("it ends too soon")]
    Short,
    /// It is not what was written.
    #[error("it is not what a gateway writes")]
    Broken,
    /// A newer gateway wrote it.
    #[error("it is of version {0}, and this gateway reads versions up to {VERSION}")]
    Newer(u8),
}

const VERBATIM: u8 = 1;
const STREAM: u8 = 1 << 1;
const BACKGROUND: u8 = 1 << 2;
const KEY: u8 = 1 << 3;
const COST: u8 = 1 << 4;
const STATES_COST: u8 = 1 << 5;
const DEPARTED: u8 = 1 << 6;
/// Since version 2.
const COUNTED: u8 = 1 << 7;

/// Of the second byte of marks, since version 3.
const STAGED: u8 = 1;

/// Adds the row of a finished request that used this.
pub fn write(record: &Record, used: &Used, out: &mut Vec<u8>) {
    let counted = record.key.as_ref().and_then(|key| key.counted.as_ref());
    let mut marks = 0;
    for (mark, is_set) in [
        (VERBATIM, record.verbatim),
        (STREAM, record.stream),
        (BACKGROUND, record.background),
        (KEY, record.key.is_some()),
        (COST, used.cost.is_some()),
        (STATES_COST, used.is_stated),
        (DEPARTED, record.departed),
        (COUNTED, counted.is_some()),
    ] {
        if is_set {
            marks |= mark;
        }
    }
    out.push(marks);
    out.push(if record.staged { STAGED } else { 0 });
    put_text(out, record.id.as_str());
    put_number(out, record.at);
    if let Some(key) = &record.key {
        put_text(out, &key.id);
        put_text(out, &key.name);
        put_text(out, &key.owner);
        put_list(out, &key.labels, |out, label| put_text(out, label));
    }
    if let Some(counted) = counted {
        put_text(out, counted);
    }
    let said = record.attribution.as_deref();
    put_text(out, record.user().unwrap_or_default());
    put_text(out, said.and_then(|said| said.session.as_deref()).unwrap_or_default());
    put_list(out, said.map_or(&[], |said| &said.tags), |out, tag| put_text(out, tag));
    put_text(out, record.operation);
    put_text(out, record.client.map_or("", Dialect::name));
    put_text(out, record.metered.dialect.map_or("", Dialect::name));
    put_text(out, record.provider.as_deref().unwrap_or_default());
    put_text(out, &record.asked_model);
    put_text(out, record.model.as_deref().unwrap_or_default());
    put_text(out, record.metered.model.as_deref().unwrap_or_default());
    put_text(out, record.priced_tier().map_or("", ServiceTier::name));
    put_number(out, record.status);
    put_text(out, record.outcome.label());
    put_text(out, record.metered.finish.map_or("", FinishReason::name));
    put_number(out, record.attempts);
    put_list(out, &record.faults, |out, (provider, fault)| {
        put_text(out, provider);
        put_text(out, fault.kind.label());
        put_number(out, fault.status);
    });
    put_usage(out, &used.usage);
    out.push(match used.source {
        None => 0,
        Some(UsageSource::Reported) => 1,
        Some(UsageSource::Counted) => 2,
        Some(UsageSource::Estimated) => 3,
        Some(UsageSource::Cached) => 4,
    });
    put_list(out, &record.asides, |out, aside| {
        put_text(out, &aside.model);
        put_usage(out, &aside.usage);
    });
    if let Some(cost) = used.cost {
        put_number(out, cost.0);
    }
    put_text(out, record.price.as_deref().filter(|_| !used.is_stated).unwrap_or_default());
    put_number(out, used.saved.unwrap_or_default().0);
    put_text(out, record.cache.map_or("", Tier::name));
    let timings = &record.timings;
    put_number(out, timings.total.as_micros());
    put_number(out, timings.overhead.as_micros());
    // One more than the time, and 0 for none.
    put_number(out, timings.upstream.map_or(0, |time| time.as_micros() + 1));
    put_number(out, timings.first_token.map_or(0, |time| time.as_micros() + 1));
    put_number(out, record.bytes.0);
    put_number(out, record.bytes.1);
    let losses: Vec<_> = record.losses.iter().collect();
    put_list(out, &losses, |out, loss| {
        put_text(out, &loss.field);
        put_text(out, loss.kind.label());
    });
    put_list(out, &record.guards, |out, verdict| put_text(out, &verdict.to_string()));
}

/// Reads a row of any version that was ever written, with texts of its own or those of `bytes`.
///
/// # Errors
/// When it is none.
pub fn read<'a, T: From<&'a str> + Default>(version: u8, bytes: &'a [u8]) -> Result<Entered<T>, Unread> {
    match version {
        // Older ones know less, and say the rest in the same way.
        1..=VERSION => all(version, bytes),
        0 => Err(Unread::Broken),
        newer => Err(Unread::Newer(newer)),
    }
}

fn all<'a, T: From<&'a str> + Default>(version: u8, bytes: &'a [u8]) -> Result<Entered<T>, Unread> {
    let mut from = Reader::new(bytes);
    let marks = from.byte()?;
    let more = if version < 3 { 0 } else { from.byte()? };
    let is = |mark: u8| marks & mark != 0;
    let mut entry = Entered::<T> {
        verbatim: is(VERBATIM),
        stream: is(STREAM),
        background: is(BACKGROUND),
        states_cost: is(STATES_COST),
        departed: is(DEPARTED),
        staged: more & STAGED != 0,
        id: from.text()?,
        at: from.number()?,
        ..Entered::default()
    };
    if is(KEY) {
        entry.key = Some((from.text()?, from.text()?));
        entry.owner = from.text()?;
        entry.labels = from.list(Reader::text)?;
    }
    if is(COUNTED) {
        entry.counted = from.text()?;
    }
    entry.user = from.text()?;
    entry.session = from.text()?;
    entry.tags = from.list(Reader::text)?;
    entry.operation = from.text()?;
    entry.client = from.text()?;
    entry.target_dialect = from.text()?;
    entry.provider = from.text()?;
    entry.asked_model = from.text()?;
    entry.model = from.text()?;
    entry.answered_model = from.text()?;
    entry.tier = from.text()?;
    entry.status = from.number()?;
    entry.outcome = from.text()?;
    entry.stop = from.text()?;
    entry.attempts = from.number()?;
    entry.faults =
        from.list(|from| Ok(Met { provider: from.text()?, kind: from.text()?, status: from.number()? }))?;
    entry.usage = usage(&mut from)?;
    entry.usage_source = match from.byte()? {
        0 => None,
        1 => Some(UsageSource::Reported),
        2 => Some(UsageSource::Counted),
        3 => Some(UsageSource::Estimated),
        4 => Some(UsageSource::Cached),
        _ => return Err(Unread::Broken),
    };
    entry.asides = from.list(|from| Ok((from.text()?, usage(from)?)))?;
    if is(COST) {
        entry.cost = Some(PicoUsd(from.big()?));
    }
    // The name of a model may hold the sign as well, a version never.
    entry.price = from.text::<&str>()?.rsplit_once('@').map(|(id, version)| (T::from(id), T::from(version)));
    entry.saved = PicoUsd(from.big()?);
    entry.cache = from.text()?;
    let micros = |micros: u64| Duration::from_micros(micros);
    let (total, overhead) = (micros(from.number()?), micros(from.number()?));
    let upstream = from.number::<u64>()?.checked_sub(1).map(micros);
    let first_token = from.number::<u64>()?.checked_sub(1).map(micros);
    entry.timings = Took { total, overhead, upstream, first_token };
    entry.bytes_in = from.number()?;
    entry.bytes_out = from.number()?;
    entry.losses = from.list(|from| Ok(Lost { field: from.text()?, how: from.text()? }))?;
    entry.guards = from.list(Reader::text)?;
    from.end()?;
    Ok(entry)
}

fn put_usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut usage = *usage;
    for number in usage.places() {
        put_number(out, *number);
    }
}

fn usage(from: &mut Reader<'_>) -> Result<Usage, Unread> {
    let mut usage = Usage::default();
    for place in usage.places() {
        *place = from.number()?;
    }
    Ok(usage)
}
