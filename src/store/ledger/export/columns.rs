//! What a table of requests has, and one of sums.

use crate::account::Entry;
use crate::store::ledger::{By, Query, Row, UsedBy};
use crate::units::PicoUsd;
use crate::wire::json::Object;

/// A column: what it is called, what is in it, and where that comes from.
pub struct Column<T> {
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub kind: Kind,
    /// Its value of a row.
    pub of: Box<dyn Fn(&T) -> Value + Send>,
}

impl<T> std::fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What is in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Whole numbers.
    Number,
    /// Whether something is so.
    Truth,
    /// US dollars, to the pico-USD.
    Money,
    /// Milliseconds, to the microsecond.
    Millis,
    /// A moment, to the millisecond.
    Moment,
}

/// What is in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    None,
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Whether something is so.
    Truth(bool),
    /// US dollars.
    Money(PicoUsd),
    /// Microseconds, to be shown as milliseconds.
    Millis(i64),
    /// Milliseconds since 1970.
    Moment(u64),
}

impl Value {
    /// Writes it as a member of an object.
    pub(super) fn write(&self, object: &mut Object<'_>, name: &str) {
        match self {
            Self::None => object.null(name),
            Self::Text(text) => object.string(name, text),
            Self::Number(number) => object.number(name, *number),
            Self::Truth(truth) => object.bool(name, *truth),
            Self::Money(amount) => object.raw(name, &amount.to_string()),
            Self::Millis(micros) => object.raw(name, &millis(*micros)),
            Self::Moment(at) => object.string(name, crate::clock::rfc3339(*at).as_str()),
        }
    }
}

/// Microseconds as milliseconds, exactly.
pub(super) fn millis(micros: i64) -> String {
    format!("{}.{:03}", micros / 1000, micros.rem_euclid(1000))
}

fn column<T>(name: &str, kind: Kind, of: impl Fn(&T) -> Value + Send + 'static) -> Column<T> {
    Column { name: name.to_owned(), kind, of: Box::new(of) }
}

fn number(number: impl TryInto<i64>) -> Value {
    Value::Number(number.try_into().unwrap_or(i64::MAX))
}

fn time(time: std::time::Duration) -> Value {
    Value::Millis(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
}

/// The columns of a table of requests.
#[must_use]
pub fn of_requests() -> Vec<Column<Row>> {
    let text = |name: &str, of: fn(&Entry) -> &str| {
        column(name, Kind::Text, move |row: &Row| Value::Text(of(&row.entry).to_owned()))
    };
    let words = |name: &str, of: fn(&Entry) -> &[String]| {
        column(name, Kind::Text, move |row: &Row| Value::Text(of(&row.entry).join(";")))
    };
    let truth = |name: &str, of: fn(&Entry) -> bool| {
        column(name, Kind::Truth, move |row: &Row| Value::Truth(of(&row.entry)))
    };
    let mut columns = vec![
        text("id", |entry| &entry.id),
        column("at", Kind::Moment, |row: &Row| Value::Moment(row.entry.at)),
        text("key_id", |entry| entry.key.as_ref().map_or("", |(id, _)| id)),
        text("key", |entry| entry.key.as_ref().map_or("", |(_, name)| name)),
        text("owner", |entry| &entry.owner),
        words("labels", |entry| &entry.labels),
        text("user", |entry| &entry.user),
        text("session", |entry| &entry.session),
        words("tags", |entry| &entry.tags),
        text("operation", |entry| &entry.operation),
        text("client", |entry| &entry.client),
        text("target_dialect", |entry| &entry.target_dialect),
        text("provider", |entry| &entry.provider),
        text("asked_model", |entry| &entry.asked_model),
        text("model", |entry| &entry.model),
        text("answered_model", |entry| &entry.answered_model),
        text("tier", |entry| &entry.tier),
        column("status", Kind::Number, |row: &Row| number(row.entry.status)),
        text("outcome", |entry| &entry.outcome),
        text("stop", |entry| &entry.stop),
        truth("stream", |entry| entry.stream),
        truth("verbatim", |entry| entry.verbatim),
        truth("background", |entry| entry.background),
        text("config", |entry| entry.config()),
        column("attempts", Kind::Number, |row: &Row| number(row.entry.attempts)),
        column("faults", Kind::Text, |row: &Row| {
            let met = |met: &crate::account::entry::Met<String>| {
                format!("{} {} {}", met.provider, met.kind, met.status)
            };
            Value::Text(row.entry.faults.iter().map(met).collect::<Vec<_>>().join(";"))
        }),
    ];
    columns.extend(usage(|row: &Row| row.entry.usage));
    columns.extend([
        text("usage_source", |entry| entry.usage_source.map_or("", crate::ir::UsageSource::label)),
        truth_of_row("estimated", |row| row.is_estimate),
        column("cost_usd", Kind::Money, |row: &Row| row.entry.cost.map_or(Value::None, Value::Money)),
        column("first_cost_usd", Kind::Money, |row: &Row| {
            row.repriced.and_then(|(_, first)| first).map_or(Value::None, Value::Money)
        }),
        column("saved_usd", Kind::Money, |row: &Row| Value::Money(row.entry.saved)),
        text("price", |entry| entry.price.as_ref().map_or("", |(id, _)| id)),
        text("price_version", |entry| entry.price.as_ref().map_or("", |(_, version)| version)),
        column("repriced", Kind::Moment, |row: &Row| {
            row.repriced.map_or(Value::None, |(at, _)| Value::Moment(at.saturating_mul(1000)))
        }),
        text("cache", |entry| if entry.cache.is_empty() { "none" } else { &entry.cache }),
        column("total_ms", Kind::Millis, |row: &Row| time(row.entry.timings.total)),
        column("overhead_ms", Kind::Millis, |row: &Row| time(row.entry.timings.overhead)),
        column("upstream_ms", Kind::Millis, |row: &Row| row.entry.timings.upstream.map_or(Value::None, time)),
        column("first_token_ms", Kind::Millis, |row: &Row| {
            row.entry.timings.first_token.map_or(Value::None, time)
        }),
        column("bytes_in", Kind::Number, |row: &Row| number(row.entry.bytes_in)),
        column("bytes_out", Kind::Number, |row: &Row| number(row.entry.bytes_out)),
        column("losses", Kind::Text, |row: &Row| {
            Value::Text(row.entry.losses.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"))
        }),
        words("guards", |entry| &entry.guards),
    ]);
    columns
}

fn truth_of_row(name: &str, of: fn(&Row) -> bool) -> Column<Row> {
    column(name, Kind::Truth, move |row: &Row| Value::Truth(of(row)))
}

/// A column for each class of tokens, and for what is counted otherwise.
fn usage<T: 'static>(of: fn(&T) -> crate::ir::Usage) -> Vec<Column<T>> {
    let usage = crate::ir::Usage::default();
    let names = usage.classes().into_iter().map(|(name, _)| format!("{name}_tokens"));
    let names = names.chain(usage.units().into_iter().map(|(name, _)| format!("{name}_units")));
    let columns = names.enumerate().map(|(place, name)| {
        column(&name, Kind::Number, move |row: &T| {
            let mut usage = of(row);
            usage.places().into_iter().nth(place).map_or(Value::None, |place| number(*place))
        })
    });
    columns.collect()
}

/// The columns of a table of sums.
#[must_use]
pub fn of_usage(query: &Query) -> Vec<Column<UsedBy>> {
    let mut columns = Vec::new();
    if query.by != By::None {
        columns.push(column("at", Kind::Moment, |row: &UsedBy| Value::Moment(row.at)));
    }
    for (place, grouping) in query.groups.iter().enumerate() {
        columns.push(column(grouping.name(), Kind::Text, move |row: &UsedBy| {
            row.group.get(place).map_or(Value::None, |name| Value::Text(name.clone()))
        }));
    }
    let count =
        |name: &str, of: fn(&UsedBy) -> u64| column(name, Kind::Number, move |row: &UsedBy| number(of(row)));
    columns.push(count("requests", |row| row.sums.requests()));
    columns.push(count("errors", |row| row.sums.errors()));
    columns.extend(usage(|row: &UsedBy| row.sums.usage()));
    columns.push(column("cost_usd", Kind::Money, |row: &UsedBy| Value::Money(row.sums.cost())));
    columns.push(column("saved_usd", Kind::Money, |row: &UsedBy| Value::Money(row.sums.saved())));
    columns.push(count("unpriced", |row| row.sums.unpriced()));
    columns.push(count("cache_hits", |row| row.sums.cache_hits()));
    let percentile = |name: &str, of: fn(&UsedBy) -> Option<std::time::Duration>| {
        column(name, Kind::Millis, move |row: &UsedBy| of(row).map_or(Value::None, time))
    };
    columns.push(percentile("latency_p50_ms", |row| row.sums.latency.percentile(500)));
    columns.push(percentile("latency_p99_ms", |row| row.sums.latency.percentile(990)));
    columns.push(percentile("first_token_p50_ms", |row| row.sums.first_token.percentile(500)));
    columns.push(percentile("first_token_p99_ms", |row| row.sums.first_token.percentile(990)));
    columns
}
