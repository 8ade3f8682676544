//! What was seen of a request becomes its record.

use std::sync::Arc;
use std::time::Instant;

use crate::account::{Aside, Metered, Outcome, Record, Source, Timings};
use crate::fault::Fault;
use crate::ir::Losses;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::attempt::Mode;
use crate::proxy::departure::judging;
use crate::proxy::exchange::{Call, Exchange, Stage};
use crate::proxy::guarding;
use crate::proxy::relay::Find;
use crate::refusal::Kind;
use crate::snapshot::Snapshot;

impl Exchange {
    /// Keeps of an answer that was not told to its end what is to be kept of it.
    fn abandon(&mut self) {
        let Self { stage: Stage::Away(call), guarding, .. } = self else { return };
        let Some(mut saving) = call.saving.take() else { return };
        if saving.keeps_a_part(&call.relay) {
            let fault = Fault::new(Kind::Unavailable, "the client left before its answer was complete");
            saving.abandon(&guarding::break_off(guarding.as_deref_mut(), call, fault).unwrap_or_default());
        }
    }

    /// The record of everything that was seen.
    pub(super) fn take_record(&mut self, status: u16, bytes: (u64, u64)) -> Box<Record> {
        self.abandon();
        let operation = self.asked.as_ref().map_or("unknown", Asked::operation);
        let client = self.asked.as_ref().map(Asked::dialect);
        let total = self.started.elapsed();
        // A kilobyte, which goes to another thread: it is made where it stays.
        let mut record = Box::new(Record {
            id: self.id,
            at: self.at,
            key: self.key.take(),
            address: self.address,
            attribution: None,
            reserved: self.reserved.take(),
            operation,
            client,
            provider: None,
            asked_model: String::new(),
            model: None,
            asked_tier: None,
            verbatim: false,
            stream: false,
            status,
            outcome: Outcome::Answered,
            attempts: 0,
            departed: false,
            faults: std::mem::take(&mut self.faults),
            losses: Losses::new(),
            timings: Timings { total, overhead: self.overhead, upstream: None, first_token: None },
            bytes,
            metered: Metered::default(),
            source: None,
            prices: None,
            price: None,
            asides: Vec::new(),
            states_cost: false,
            background: self.in_background,
            staged: self.world.is_staged,
            cache: self.cache,
            agreement: self.agreement,
            saved: None,
            guards: self.guarding.take().map(|guarding| guarding.memory.verdicts).unwrap_or_default(),
            is_estimated: false,
            known: None,
            trace: self.trace.take(),
        });
        let mut broken = false;
        if let Stage::Away(call) = std::mem::replace(&mut self.stage, Stage::Here) {
            if let Some(fault) = call.relay.broken() {
                broken = true;
                judging::broke_off(&call, &self.world, fault);
                record.faults.push((Arc::clone(&call.attempt.known.provider), fault.clone()));
            }
            fill(&mut record, call, &self.world, self.started, operation);
        }
        if let Some(trace) = &mut record.trace {
            trace.end(self.started + total);
        }
        record.outcome = match (&self.refusal, self.client_gone) {
            (_, true) => Outcome::ClientGone,
            (Some(_), _) if matches!(record.status, 101 | 200) => Outcome::Broken,
            (None, _) if broken => Outcome::Broken,
            (Some(refusal), _) => Outcome::Refused(refusal.kind),
            (None, _) if record.status >= 400 => Outcome::Refused(Fault::from_status(record.status).kind),
            (None, _) => Outcome::Answered,
        };
        record
    }
}

/// Adds what a call tells.
fn fill(record: &mut Record, mut call: Box<Call>, world: &Snapshot, started: Instant, operation: &str) {
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
