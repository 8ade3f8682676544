//! Where the next attempt goes after one that failed.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::fault::{Fault, Retry};
use crate::ir::Dialect;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::attempt;
use crate::proxy::departure::queueing;
use crate::proxy::departure::targets::{self, Known};
use crate::proxy::exchange::Call;
use crate::refusal::Kind;
use crate::route::Target;
use crate::route::health::{Pace, Reach, Stand, is_in};
use crate::route::way::{Candidate, Cause, Leg, Spare, Strategy, Way, pick};
use crate::snapshot::Snapshot;
use crate::units::Price;

/// A prompt has about one token for so many bytes.
pub const BYTES_A_TOKEN: u64 = 4;

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
    let now = clock::ticks(clock::now());
    find(call, world, asked, fault, now).filter(|_| spend(now))
}

fn find(call: &mut Call, world: &Snapshot, asked: &Asked, fault: &Fault, now: u64) -> Option<Onward> {
    call.tried |= bit(call.place);
    call.passed |= bit(call.attempt.key);
    let cause = Cause::of(fault);
    let way = call.routing.as_ref().map(|routing| &routing.way);
    let own = way.is_some_and(|way| way.fallback(cause).is_some());
    if call.attempts >= world.upstream.attempts || (fault.retry() == Retry::Never && !own) {
        return None;
    }
    let key = of_the_key(fault).then(|| another_key(call, world, now)).flatten();
    let well = |key: usize| {
        let reach = call.attempt.known.reach.as_ref();
        reach.is_none_or(|reach| reach.key_stand(key, now) == Stand::Closed)
    };
    let here = |key| Onward { place: call.place, key, pause: None };
    if let Some(key) = key.filter(|key| well(*key)) {
        return Some(here(key));
    }
    let left = Left {
        tried: call.tried,
        cause,
        ..Left::all(&call.targets, call.routing.as_deref(), call.ask.body.len())
    };
    if let Some((place, known)) = left.choose(world, asked, call.ask.dialect, now) {
        let barred = barred(call.routing.as_deref(), place);
        let key = known.reach.as_ref().and_then(|reach| best_key(reach, barred, turn(), now)).unwrap_or(0);
        return Some(Onward { place, key, pause: None });
    }
    // It is waited for in the line before the target, as by all others.
    let waits = |wait: Duration| call.attempt.known.cap.is_some() && wait <= world.pressure.wait;
    if key.is_none() && fault.kind == Kind::RateLimited && fault.retry_after.is_some_and(waits) {
        return Some(here(call.attempt.key));
    }
    if of_the_key(fault) {
        return key.map(here);
    }
    // A model that thought for minutes and then timed out would do so again.
    if fault.retry() != Retry::Here || fault.kind == Kind::Timeout {
        return None;
    }
    // Half of it by chance, so that those who failed together do not come back together.
    let step = 50_u64 << call.attempts.min(5);
    let back_off = Duration::from_millis(step + clock::random() % (step + 1));
    let pause = fault.retry_after.unwrap_or(back_off);
    (pause <= PATIENCE).then_some(Onward { pause: Some(pause), ..here(call.attempt.key) })
}

/// A target that was not tried yet, for a request that finds no place at this one.
#[must_use]
pub fn elsewhere(call: &mut Call, world: &Snapshot, asked: &Asked) -> Option<Onward> {
    let now = clock::ticks(clock::now());
    call.tried |= bit(call.place);
    let all = Left::all(&call.targets, call.routing.as_deref(), call.ask.body.len());
    let left = Left { tried: call.tried, cause: Some(Cause::Overload), ..all };
    let (place, known) = left.choose(world, asked, call.ask.dialect, now)?;
    let barred = barred(call.routing.as_deref(), place);
    let key = known.reach.as_ref().and_then(|reach| best_key(reach, barred, turn(), now)).unwrap_or(0);
    Some(Onward { place, key, pause: None })
}

const fn bit(place: usize) -> u64 {
    if place < 64 { 1 << place } else { 0 }
}

thread_local! {
    /// What this worker's requests may make of further attempts.
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// A request departs for the first time, which leaves room for a part of a further attempt.
pub fn earn(percent: u32) {
    SPARE.with_borrow_mut(|spare| spare.earn(percent));
}

/// Whether a further attempt may be made.
fn spend(now: u64) -> bool {
    SPARE.with_borrow_mut(|spare| spare.take(now))
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
        let barred = barred(call.routing.as_deref(), call.place);
        return reach.key(next, call.passed | barred, now);
    }
    let keys = world.providers.get(call.attempt.known.index).map_or(0, |provider| provider.keys.len());
    (0..keys).map(|step| (next + step) % keys).find(|key| !is_in(call.passed, *key))
}

/// How a route's targets are chosen among for one request.
#[derive(Debug)]
pub struct Routing {
    /// What the route says.
    pub way: Arc<Way>,
    /// The place of each target among those of the route.
    pub legs: Vec<usize>,
    /// What is the same for all requests that belong with this one.
    pub bond: Option<u64>,
    /// About how many tokens its prompt has.
    pub tokens: u64,
    /// Whether it asks for a stream.
    pub stream: bool,
}

/// The targets of a request that are left to choose among.
#[derive(Debug, Clone, Copy)]
pub struct Left<'c> {
    /// All of them.
    pub targets: &'c [Target],
    /// How they are chosen among, where their route says so.
    pub routing: Option<&'c Routing>,
    /// Those that were tried, bit by place.
    pub tried: u64,
    /// The only provider that will do, if it must be one.
    pub only: Option<usize>,
    /// Why the attempt before failed.
    pub cause: Option<Cause>,
    /// About how many tokens the prompt has.
    pub tokens: u64,
}

impl<'c> Left<'c> {
    /// Nothing was tried yet, for a body of so many bytes.
    #[must_use]
    pub const fn all(targets: &'c [Target], routing: Option<&'c Routing>, size: usize) -> Self {
        let tokens = size as u64 / BYTES_A_TOKEN;
        Self { targets, routing, tried: 0, only: None, cause: None, tokens }
    }

    /// Those that have what is asked for.
    fn serving(self, world: &Snapshot, asked: &Asked, client: Dialect) -> impl Iterator<Item = Place> {
        let places = self.targets.iter().enumerate();
        let places = places.filter(move |(place, _)| !is_in(self.tried, *place));
        let own = self
            .routing
            .map(|routing| (routing, routing.way.fallback(self.cause).unwrap_or_else(|| routing.way.own())));
        let places = places.filter(move |(place, _)| {
            own.as_ref()
                .is_none_or(|(routing, own)| routing.legs.get(*place).is_none_or(|leg| own.contains(leg)))
        });
        let places = places.filter(move |(_, target)| self.only.is_none_or(|only| only == target.provider));
        places.filter_map(move |(place, target)| {
            let known = targets::known(world, target, client)?;
            attempt::serves(asked, &known).then_some((place, known))
        })
    }

    /// What tells how those do that have what is asked for.
    pub fn reaches(
        self,
        world: &Snapshot,
        asked: &Asked,
        client: Dialect,
    ) -> impl Iterator<Item = Option<Arc<Reach>>> {
        self.serving(world, asked, client).map(|(_, known)| known.reach.clone())
    }

    /// Chooses one: of those that are well, by the strategy of the route, or the first; else of all others,
    /// unless an operator has taken them out. `None` where there is none.
    #[must_use]
    pub fn choose(self, world: &Snapshot, asked: &Asked, client: Dialect, now: u64) -> Option<Place> {
        let serving = self.serving(world, asked, client);
        let is_awake = |(place, known): &Place| {
            let barred = barred(self.routing, *place);
            let has_key = |reach: &Arc<Reach>| barred == 0 || reach.key(0, barred, now).is_some();
            known.reach.as_ref().is_none_or(|reach| !reach.is_resting(now) && has_key(reach))
        };
        let serving = serving.filter(is_awake);
        match self.routing {
            None => first_well(serving, world, self.tokens, now),
            Some(routing) => {
                let further = routing.way.fallback(self.cause).is_some();
                let strategy = if further { Strategy::Fallback } else { routing.way.strategy };
                routing.choose(strategy, serving.collect(), world, now)
            }
        }
    }
}

/// A target and its place.
type Place = (usize, Arc<Known>);

/// The first that is well, else the first at all.
fn first_well(
    serving: impl Iterator<Item = Place>,
    world: &Snapshot,
    tokens: u64,
    now: u64,
) -> Option<Place> {
    let (mut full, mut other) = (None, None);
    for (place, known) in serving {
        match stand(&known, 0, world, now) {
            Stand::Closed if !fits(&known, 0, tokens, now) => {
                full.get_or_insert((place, known));
            }
            Stand::Closed => return Some((place, known)),
            Stand::HalfOpen if enter(&known, now) => return Some((place, known)),
            Stand::HalfOpen | Stand::Open if world.breakers.last_resort => {
                other.get_or_insert((place, known));
            }
            Stand::HalfOpen | Stand::Open => {}
        }
    }
    full.or(other)
}

/// Whether a target has room for a request, as far as its provider told.
fn fits(known: &Known, barred: u64, tokens: u64, now: u64) -> bool {
    known.reach.as_ref().is_none_or(|reach| reach.fits(barred, tokens, now))
        && queueing::has_place(known.cap, known.reach.as_ref(), now)
}

fn stand(known: &Known, barred: u64, world: &Snapshot, now: u64) -> Stand {
    match &known.reach {
        Some(reach) if world.breakers.rules.is_some() => reach.stand_without(barred, now),
        Some(_) | None => Stand::Closed,
    }
}

fn enter(known: &Known, now: u64) -> bool {
    known.reach.as_ref().is_none_or(|reach| reach.enter(now))
}

impl Routing {
    fn choose(
        &self,
        strategy: Strategy,
        mut serving: Vec<Place>,
        world: &Snapshot,
        now: u64,
    ) -> Option<Place> {
        let stands = |(place, known): &Place| stand(known, barred(Some(self), *place), world, now);
        let has_room = |(place, known): &Place| fits(known, barred(Some(self), *place), self.tokens, now);
        let mut open: Vec<_> = serving.extract_if(.., |one| stands(one) == Stand::Open).collect();
        if serving.iter().any(has_room) {
            serving.retain(has_room);
        }
        while let Some(place) = self.pick(strategy, &serving, now) {
            let at = serving.iter().position(|(other, _)| *other == place)?;
            let one = serving.swap_remove(at);
            if stands(&one) == Stand::Closed || enter(&one.1, now) {
                return Some(one);
            }
            // Another request tries it right now.
            open.push(one);
            serving.sort_unstable_by_key(|(place, _)| *place);
        }
        if !world.breakers.last_resort {
            return None;
        }
        open.sort_unstable_by_key(|(place, _)| *place);
        let place = self.pick(strategy, &open, now)?;
        open.into_iter().find(|(other, _)| *other == place)
    }

    fn pick(&self, strategy: Strategy, serving: &[Place], now: u64) -> Option<usize> {
        let candidate = |(place, known): &Place| {
            let leg = self.leg(*place);
            let pace = known.reach.as_ref().map(|reach| reach.pace());
            Candidate {
                place: *place,
                leg,
                id: known.id,
                busy: pace.map_or(0, Pace::busy),
                latency: pace.map_or(0, |pace| pace.latency(self.stream, now)),
                cost: if strategy == Strategy::Cheapest { self.cost(known) } else { 0 },
            }
        };
        let candidates: Vec<_> = serving.iter().map(candidate).collect();
        pick(strategy, &candidates, clock::random(), self.bond)
    }

    /// What the route says of the target at this place.
    fn leg(&self, place: usize) -> &Leg {
        static USUAL: Leg = Leg::USUAL;
        self.legs.get(place).and_then(|leg| self.way.legs.get(*leg)).unwrap_or(&USUAL)
    }

    /// About what the request would cost at a target.
    fn cost(&self, known: &Known) -> u128 {
        /// As many tokens as an answer usually has.
        const ANSWER: u64 = 500;
        let Some(prices) = &known.prices else {
            return if known.is_own_server() { 0 } else { u128::MAX };
        };
        let rates = prices.rates(self.tokens, None);
        let of = |price: Option<Price>, tokens| price.map(|price| price.times(tokens).0);
        match (of(rates.input, self.tokens), of(rates.output, ANSWER)) {
            (None, None) => u128::MAX,
            (input, output) => input.unwrap_or(0) + output.unwrap_or(0),
        }
    }
}

/// The keys, bit by place, with which a route does not ask the target at this place.
#[must_use]
pub fn barred(routing: Option<&Routing>, place: usize) -> u64 {
    routing.and_then(|routing| routing.leg(place).keys).map_or(0, |keys| !keys)
}

/// The best key at its turn, of those that are not barred.
#[must_use]
pub fn best_key(reach: &Reach, barred: u64, turn: usize, now: u64) -> Option<usize> {
    let turn = reach.at_turn(turn, barred);
    let mut passed = barred;
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
    reach.key(turn, barred, now)
}
