//! What is seen of a call becomes part of its request's record.

use std::sync::Arc;
use std::time::Instant;

use crate::account::{Aside, Record, Source};
use crate::proxy::departure::attempt::Mode;
use crate::proxy::exchange::Call;
use crate::proxy::relay::Find;
use crate::snapshot::Snapshot;

/// Adds what a call tells.
pub(super) fn fill(
    record: &mut Record,
    mut call: Box<Call>,
    world: &Snapshot,
    started: Instant,
    operation: &str,
) {
    let unknown = call.relay.is_tunnel() && call.attempt.known.model.is_empty();
    if unknown || matches!(&call.attempt.mode, Mode::Through(_)) {
        call.learn_model(world);
    }
    record.asides = std::mem::take(&mut call.spent);
    let Call { ask, attempt, relay, attempts, sent, answered, upload, .. } = *call;
    record.provider = Some(Arc::clone(&attempt.known.provider));
    record.prices.clone_from(&attempt.known.prices);
    record.price.clone_from(&attempt.known.price);
    record.states_cost = attempt.known.states_cost();
    record.model = Some(Arc::clone(&attempt.known.model)).filter(|model| !model.is_empty());
    record.asked_model = ask.model;
    record.attribution = ask.attribution;
    record.asked_tier = ask.tier;
    record.verbatim = attempt.is_verbatim();
    record.stream = ask.stream;
    record.attempts = attempts;
    record.departed = sent.is_some() || attempts > 1 || !record.faults.is_empty();
    record.timings.upstream =
        sent.zip(answered).map(|(sent, answered)| answered.saturating_duration_since(sent));
    record.losses = attempt.losses;
    record.losses.extend(relay.losses());
    record.metered = relay.into_metered().unwrap_or_default();
    record.metered.assumed = ask.assumed;
    let provider = world.providers.get(attempt.known.index);
    for (model, used) in std::mem::take(&mut record.metered.asides) {
        let prices = provider.and_then(|provider| attempt.known.named(world, provider, &model).prices);
        record.asides.push(Aside { model, usage: used, prices });
    }
    if record.metered.streamed {
        record.timings.first_token =
            record.metered.span.map(|(first, _)| first.saturating_duration_since(started));
    }
    if let Some(trace) = record.trace.as_mut().filter(|trace| trace.noted) {
        trace.asked = Some(ask.body.clone());
    }
    let heard = match (&attempt.mode, operation) {
        (_, "chat") => Some((ask.dialect, ask.body)),
        // A stream of completions that went through may not have told what it used.
        (Mode::Through(Find::Dialect(dialect)), _) if upload.is_held() => Some((*dialect, attempt.body)),
        (Mode::Through(Find::Dialect(dialect)), _) => upload.whole().map(|body| (*dialect, body)),
        _ => None,
    };
    if let Some((dialect, body)) = heard.filter(|_| record.needs_source()) {
        record.source = Some(Source { dialect, path: ask.path, body });
    }
}
