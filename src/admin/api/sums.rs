//! What requests come to, as answers have it.

use std::time::Duration;

use crate::store::ledger::export::tokens;
use crate::store::ledger::{Histogram, Sums};
use crate::wire::json::Object;

/// Two percentiles of a time, or nulls.
pub(super) fn percentiles(object: &mut Object<'_>, key: &str, times: &Histogram) {
    object.object(key, |object| {
        millis_or_null(object, "p50", times.percentile(500));
        millis_or_null(object, "p99", times.percentile(990));
    });
}

/// A time in milliseconds, to the thousandth, or null.
pub(super) fn millis_or_null(object: &mut Object<'_>, key: &str, time: Option<Duration>) {
    match time {
        Some(time) => object.raw(key, &millis(time)),
        None => object.null(key),
    }
}

/// A time in milliseconds, to the thousandth.
fn millis(time: Duration) -> String {
    let micros = time.as_micros();
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

/// What all rows have: numbers, money and times.
pub(super) fn sums(object: &mut Object<'_>, sums: &Sums) {
    object.number("requests", sums.requests());
    object.number("errors", sums.errors());
    object.object("tokens", |object| tokens(&sums.usage(), object));
    object.raw("cost_usd", &sums.cost().to_string());
    object.raw("saved_usd", &sums.saved().to_string());
    object.number("unpriced", sums.unpriced());
    object.number("cache_hits", sums.cache_hits());
    percentiles(object, "latency_ms", &sums.latency);
    percentiles(object, "first_token_ms", &sums.first_token);
}
