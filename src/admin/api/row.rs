//! One request, as answers have it.

use super::sums::{millis, millis_or_null, tokens};
use super::{text_or_null, texts};
use crate::account::Entry;
use crate::clock;
use crate::ir::UsageSource;
use crate::units::PicoUsd;
use crate::wire::json::Object;

/// How far it is told what was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// How often.
    Number,
    /// What, one by one.
    Each,
}

/// How often it was priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priced {
    /// When it was done.
    Once,
    /// Again since then; this is what it cost before.
    Again(Option<PicoUsd>),
}

/// All that is told of a request.
pub(super) fn row(object: &mut Object<'_>, entry: &Entry, priced: Priced, tried: Tried) {
    object.string("id", &entry.id);
    object.bool("background", entry.background);
    object.string("at", clock::rfc3339(entry.at).as_str());
    let took = u64::try_from(entry.timings.total.as_millis()).unwrap_or(u64::MAX);
    object.string("ended", clock::rfc3339(entry.at.saturating_add(took)).as_str());
    match &entry.key {
        Some((id, name)) => object.object("key", |key| {
            key.string("id", id);
            key.string("name", name);
        }),
        None => object.null("key"),
    }
    object.string("owner", &entry.owner);
    texts(object, "labels", entry.labels.iter().map(String::as_str));
    for (key, text) in [
        ("user", &entry.user),
        ("session", &entry.session),
        ("client", &entry.client),
        ("target_dialect", &entry.target_dialect),
        ("provider", &entry.provider),
        ("asked_model", &entry.asked_model),
        ("model", &entry.model),
        ("answered_model", &entry.answered_model),
        ("tier", &entry.tier),
        ("stop", &entry.stop),
    ] {
        text_or_null(object, key, Some(text.as_str()).filter(|text| !text.is_empty()));
    }
    texts(object, "tags", entry.tags.iter().map(String::as_str));
    object.string("operation", &entry.operation);
    object.number("status", entry.status);
    object.string("outcome", &entry.outcome);
    object.bool("stream", entry.stream);
    object.bool("verbatim", entry.verbatim);
    match tried {
        Tried::Number => object.number("attempts", entry.attempts),
        Tried::Each => attempts(object, entry),
    }
    object.array("faults", |array| {
        for fault in &entry.faults {
            array.object(|object| {
                object.string("provider", &fault.provider);
                object.string("kind", &fault.kind);
                object.number("status", fault.status);
            });
        }
    });
    tokens(object, &entry.usage);
    text_or_null(object, "usage_source", entry.usage_source.map(UsageSource::label));
    money_or_null(object, "cost_usd", entry.cost);
    if let Priced::Again(first) = priced {
        money_or_null(object, "first_cost_usd", first);
    }
    object.raw("saved_usd", &entry.saved.to_string());
    match &entry.price {
        Some((id, version)) => object.object("price", |price| {
            price.string("id", id);
            price.string("version", version);
        }),
        None => object.null("price"),
    }
    object.string("cache", if entry.cache.is_empty() { "none" } else { &entry.cache });
    object.object("timing", |timing| {
        timing.raw("total_ms", &millis(entry.timings.total));
        timing.raw("overhead_ms", &millis(entry.timings.overhead));
        millis_or_null(timing, "upstream_ms", entry.timings.upstream);
        millis_or_null(timing, "first_token_ms", entry.timings.first_token);
    });
    object.object("bytes", |bytes| {
        bytes.number("in", entry.bytes_in);
        bytes.number("out", entry.bytes_out);
    });
    texts(object, "losses", entry.losses.iter().map(String::as_str));
    texts(object, "guards", entry.guards.iter().map(String::as_str));
}

/// What was tried, in its order: all that failed, and what answered.
fn attempts(object: &mut Object<'_>, entry: &Entry) {
    object.array("attempts", |array| {
        for fault in &entry.faults {
            array.object(|object| {
                object.string("provider", &fault.provider);
                object.string("fault", &fault.kind);
                object.number("status", fault.status);
            });
        }
        let failed = u32::try_from(entry.faults.len()).unwrap_or(u32::MAX);
        if entry.attempts > failed {
            array.object(|object| {
                object.string("provider", &entry.provider);
                object.opt_string("model", Some(entry.model.as_str()).filter(|model| !model.is_empty()));
                object.number("status", entry.status);
            });
        }
    });
}

fn money_or_null(object: &mut Object<'_>, key: &str, amount: Option<PicoUsd>) {
    match amount {
        Some(amount) => object.raw(key, &amount.to_string()),
        None => object.null(key),
    }
}
