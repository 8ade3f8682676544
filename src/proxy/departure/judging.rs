//! What attempts come to, told to the health of their targets.

use std::time::Instant;

use http::HeaderMap;

use crate::clock;
use crate::fault::Fault;
use crate::provider::limits::windows_at;
use crate::proxy::exchange::Call;
use crate::refusal::Kind;
use crate::route::health::{Failure, Stand};
use crate::snapshot::Snapshot;

/// The provider has answered this attempt, as far as can be told: as quickly as its head came.
pub fn answered(call: &Call, world: &Snapshot, now: Instant) {
    went_well(call, world, call.answered.unwrap_or(now));
}

/// The first word of a stream came only now, whenever its head did.
pub fn spoke(call: &Call, world: &Snapshot, now: Instant) {
    went_well(call, world, now);
}

/// An answer began at this time.
fn went_well(call: &Call, world: &Snapshot, begun: Instant) {
    if let (Some(reach), Some(_), Some(sent)) = (&call.attempt.known.reach, &call.routing, call.sent) {
        reach.pace().observe(call.ask.stream, clock::ticks(begun), begun.saturating_duration_since(sent));
    }
    if let (Some(cap), Some(reach), Some(sent)) =
        (call.attempt.known.cap, &call.attempt.known.reach, call.sent)
    {
        let took = begun.saturating_duration_since(sent).as_micros();
        let took = u64::try_from(took).unwrap_or(u64::MAX);
        reach.gate().answered(call.ask.stream, took, cap, clock::ticks(begun));
    }
    let (Some(reach), Some(rules)) = (&call.attempt.known.reach, &world.breakers.rules) else { return };
    let now = clock::ticks(begun);
    reach.well(call.attempt.key, now, call.sent.map_or(now, clock::ticks), rules);
}

/// What went through was answered with this status: what is wrong with such a request or its key is its own
/// business, and speaks for the host.
pub fn passed_through(call: &Call, world: &Snapshot, status: u16, now: Instant) {
    if status < 500 {
        answered(call, world, now);
    } else {
        tell(call, world, Failure::said(&Fault::from_status(status)));
    }
}

/// The head of an answer came, which may tell what is left of what its provider allows: that is read where
/// it may decide something.
pub fn learned(call: &Call, headers: &HeaderMap, now: Instant) {
    let Some(reach) = &call.attempt.known.reach else { return };
    if call.targets.len() > 1 || reach.has_several_keys() || call.attempt.known.cap.is_some() {
        let windows = windows_at(headers, Some(clock::unix_seconds()));
        reach.learn(call.attempt.key, windows, clock::ticks(now));
    }
}

/// The attempt has failed.
pub fn failed(call: &Call, world: &Snapshot, fault: &Fault) {
    let failure = match (call.sent, call.answered) {
        (None, _) => Failure::Unreached,
        (Some(_), None) => Failure::Lost,
        (Some(_), Some(_)) => Failure::said(fault),
    };
    tell(call, world, failure);
    crowded(call, world, fault);
}

/// A target that has too many requests gets fewer, and none for as long as it asks where that is waited for.
fn crowded(call: &Call, world: &Snapshot, fault: &Fault) {
    let (Some(cap), Some(reach)) = (call.attempt.known.cap, &call.attempt.known.reach) else { return };
    let is_full = matches!(fault.kind, Kind::RateLimited | Kind::Overloaded | Kind::Timeout);
    if !is_full || call.sent.is_none() {
        return;
    }
    let now = clock::ticks(clock::now());
    let other = fault.kind == Kind::RateLimited
        && reach.has_several_keys()
        && (world.breakers.rules.is_some() && reach.stand(now) == Stand::Closed);
    let asked = fault.retry_after.filter(|asked| !other && *asked <= world.pressure.wait);
    let until = asked.map(|asked| now.saturating_add(u64::try_from(asked.as_millis()).unwrap_or(u64::MAX)));
    reach.gate().refused(until, cap, now);
}

/// The provider broke off in the middle of an answer, or told of an error there.
pub fn broke_off(call: &Call, world: &Snapshot, fault: &Fault) {
    // What is told from the cache is no attempt.
    if call.sent.is_some() {
        let lost = fault.kind == Kind::BadGateway;
        tell(call, world, if lost { Failure::Lost } else { Failure::said(fault) });
    }
}

fn tell(call: &Call, world: &Snapshot, failure: Failure) {
    let known = &call.attempt.known;
    let (Some(reach), Some(rules)) = (&known.reach, &world.breakers.rules) else { return };
    let now = clock::ticks(clock::now());
    let begun = call.sent.map_or(now, clock::ticks);
    let before = reach.stand(now);
    reach.failed(call.attempt.key, now, begun, failure, rules);
    if before == Stand::Closed && reach.stand(now) == Stand::Open {
        let wait = reach.until().unwrap_or(now).saturating_sub(now);
        log::warn!("{}/{} fails; others are asked instead for {wait} ms", known.provider, known.model);
    }
}
