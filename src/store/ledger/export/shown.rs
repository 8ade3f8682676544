//! A request as JSON, as the admin API, its live feed and lines of JSON have it.

use std::time::Duration;

use crate::clock;
use crate::ir::{Usage, UsageSource};
use crate::store::ledger::Row;
use crate::wire::json::Object;

/// Writes the members of a request.
pub fn write_row(row: &Row, out: &mut Object<'_>) {
    let entry = &row.entry;
    out.string("id", &entry.id);
    out.string("at", clock::rfc3339(entry.at).as_str());
    let took = u64::try_from(entry.timings.total.as_millis()).unwrap_or(u64::MAX);
    out.string("ended", clock::rfc3339(entry.at.saturating_add(took)).as_str());
    match &entry.key {
        Some((id, name)) => out.object("key", |key| {
            key.string("id", id);
            key.string("name", name);
        }),
        None => out.null("key"),
    }
    out.string("owner", &entry.owner);
    texts(out, "labels", &entry.labels);
    maybe(out, "user", &entry.user);
    maybe(out, "session", &entry.session);
    texts(out, "tags", &entry.tags);
    out.string("operation", &entry.operation);
    for (name, text) in [
        ("client", &entry.client),
        ("target_dialect", &entry.target_dialect),
        ("provider", &entry.provider),
        ("asked_model", &entry.asked_model),
        ("model", &entry.model),
        ("answered_model", &entry.answered_model),
    ] {
        maybe(out, name, text);
    }
    out.number("status", entry.status);
    out.string("outcome", &entry.outcome);
    maybe(out, "stop", &entry.stop);
    out.bool("stream", entry.stream);
    out.bool("verbatim", entry.verbatim);
    out.bool("background", entry.background);
    out.string("config", entry.config());
    out.number("attempts", entry.attempts);
    out.array("faults", |list| {
        for met in &entry.faults {
            list.object(|fault| {
                fault.string("provider", &met.provider);
                fault.string("kind", &met.kind);
                fault.number("status", met.status);
            });
        }
    });
    out.object("tokens", |object| tokens(&entry.usage, object));
    match entry.usage_source {
        Some(source) => out.string("usage_source", UsageSource::label(source)),
        None => out.null("usage_source"),
    }
    out.bool("estimate", row.is_estimate);
    match entry.cost {
        Some(cost) => out.raw("cost_usd", &cost.to_string()),
        None => out.null("cost_usd"),
    }
    if let Some((at, first)) = row.repriced {
        out.string("repriced", clock::rfc3339(at * 1000).as_str());
        match first {
            Some(first) => out.raw("first_cost_usd", &first.to_string()),
            None => out.null("first_cost_usd"),
        }
    }
    out.raw("saved_usd", &entry.saved.to_string());
    match &entry.price {
        Some((id, version)) => out.object("price", |price| {
            price.string("id", id);
            price.string("version", version);
        }),
        None => out.null("price"),
    }
    out.string("cache", if entry.cache.is_empty() { "none" } else { &entry.cache });
    out.object("timing", |timing| {
        for (name, time) in [
            ("total_ms", Some(entry.timings.total)),
            ("overhead_ms", Some(entry.timings.overhead)),
            ("upstream_ms", entry.timings.upstream),
            ("first_token_ms", entry.timings.first_token),
        ] {
            match time {
                Some(time) => timing.raw(name, &millis(time)),
                None => timing.null(name),
            }
        }
    });
    out.object("bytes", |bytes| {
        bytes.number("in", entry.bytes_in);
        bytes.number("out", entry.bytes_out);
    });
    out.array("losses", |list| {
        entry.losses.iter().for_each(|lost| list.string(&lost.to_string()));
    });
    texts(out, "guards", &entry.guards);
}

/// Writes the classes of tokens, and what is counted otherwise, that are not 0.
pub fn tokens(usage: &Usage, out: &mut Object<'_>) {
    for (name, number) in usage.classes().into_iter().chain(usage.units()) {
        if number > 0 {
            out.number(name, number);
        }
    }
}

fn maybe(out: &mut Object<'_>, name: &str, text: &str) {
    match text {
        "" => out.null(name),
        text => out.string(name, text),
    }
}

fn texts(out: &mut Object<'_>, name: &str, texts: &[String]) {
    out.array(name, |list| texts.iter().for_each(|text| list.string(text)));
}

fn millis(time: Duration) -> String {
    super::columns::millis(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
}
