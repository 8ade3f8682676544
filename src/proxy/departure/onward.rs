//! Where the next attempt goes after one that failed.

use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::fault::{Fault, Retry};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::attempt;
use crate::proxy::departure::targets::{self, Known};
use crate::proxy::exchange::Call;
use crate::refusal::Kind;
use crate::route::health::{Reach, Stand, is_in};
use crate::snapshot::Snapshot;

/// A provider that wants more patience than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where an attempt goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Onward {
    /// The target's place.
    pub place: usize,
    /// The key.
    pub key: usize,
    /// How long to wait before.
    pub pause: Option<Duration>,
}

/// Where the next attempt goes; nowhere when the fault is final or the attempts are used up. A fault
/// of a key is one of no other key, and any but the request's own one of no other target. What is not
/// well is asked last.
#[must_use]
pub fn onward(call: &mut Call, world: &Snapshot, asked: &Asked, fault: &Fault) -> Option<Onward> {
    call.tried |= bit(call.place);
    call.passed |= bit(call.attempt.key);
    if call.attempts >= world.upstream.attempts || fault.retry() == Retry::Never {
        return None;
    }
    let now = clock::ticks(clock::now());
    let key = of_the_key(fault).then(|| another_key(call, world, now)).flatten();
    let well = |key: usize| {
        let reach = call.attempt.known.reach.as_ref();
        reach.is_none_or(|reach| reach.key_stand(key, now) == Stand::Closed)
    };
    let here = |key| Onward { place: call.place, key, pause: None };
    if let Some(key) = key.filter(|key| well(*key)) {
        return Some(here(key));
    }
    if let Some((place, known)) = another_target(call, world, asked, now) {
        let key = known.reach.as_ref().and_then(|reach| best_key(reach, turn(), now)).unwrap_or(0);
        return Some(Onward { place, key, pause: None });
    }
    if of_the_key(fault) {
        return key.map(here);
    }
    // A model that thought for minutes and then timed out would do so again.
    if fault.retry() != Retry::Here || fault.kind == Kind::Timeout {
        return None;
    }
    let back_off = Duration::from_millis((100 << call.attempts.min(5)) + clock::random() % 50);
    let pause = fault.retry_after.unwrap_or(back_off);
    (pause <= PATIENCE).then_some(Onward { pause: Some(pause), ..here(call.attempt.key) })
}

const fn bit(place: usize) -> u64 {
    if place < 64 { 1 << place } else { 0 }
}

/// A turn by chance.
fn turn() -> usize {
    usize::try_from(clock::random() >> 33).unwrap_or(0)
}

const fn of_the_key(fault: &Fault) -> bool {
    matches!(fault.kind, Kind::RateLimited | Kind::Authentication | Kind::Billing | Kind::Permission)
}

/// A key of the same provider that this request has not shown yet.
fn another_key(call: &Call, world: &Snapshot, now: u64) -> Option<usize> {
    let next = call.attempt.key + 1;
    if let Some(reach) = &call.attempt.known.reach {
        return reach.key(next, call.passed, now);
    }
    let keys = world.providers.get(call.attempt.known.index).map_or(0, |provider| provider.keys.len());
    (0..keys).map(|step| (next + step) % keys).find(|key| !is_in(call.passed, *key))
}

/// A target that this request has not been to yet: the first that is well, else the first at all.
fn another_target(call: &Call, world: &Snapshot, asked: &Asked, now: u64) -> Option<(usize, Arc<Known>)> {
    let places = call.targets.iter().enumerate().filter(|(place, _)| !is_in(call.tried, *place));
    let known = places.filter_map(|(place, target)| {
        let known = targets::known(world, target, call.ask.dialect)?;
        attempt::serves(asked, &known).then_some((place, known))
    });
    first_well(known, world, now)
}

/// Of targets the first that is well, else the first at all, unless an operator has taken it out.
pub fn first_well(
    targets: impl Iterator<Item = (usize, Arc<Known>)>,
    world: &Snapshot,
    now: u64,
) -> Option<(usize, Arc<Known>)> {
    let mut other = None;
    for (place, known) in targets {
        let Some(reach) = &known.reach else { return Some((place, known)) };
        if reach.is_resting() {
            continue;
        }
        if world.breakers.rules.is_none() {
            return Some((place, known));
        }
        match reach.stand(now) {
            Stand::Closed => return Some((place, known)),
            Stand::HalfOpen if reach.enter(now) => return Some((place, known)),
            Stand::HalfOpen | Stand::Open if world.breakers.last_resort => {
                other.get_or_insert((place, known));
            }
            Stand::HalfOpen | Stand::Open => {}
        }
    }
    other
}

/// The best key at its turn.
#[must_use]
pub fn best_key(reach: &Reach, turn: usize, now: u64) -> Option<usize> {
    let mut passed = 0;
    while let Some(key) = reach.key(turn, passed, now) {
        if reach.key_stand(key, now) != Stand::HalfOpen || reach.enter_with(key, now) {
            return Some(key);
        }
        // Another request tries it right now.
        passed |= bit(key);
        if bit(key) == 0 {
            break;
        }
    }
    reach.key(turn, 0, now)
}
