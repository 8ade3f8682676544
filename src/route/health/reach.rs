//! One target as its health shows it: what an attempt came to, and which key is best.

use std::sync::Arc;
use std::time::Duration;

use super::board::{Credential, Health, Model};
use super::breaker::{Breaker, Rules, Stand};
use super::pace::Pace;
use super::room::Room;
use crate::fault::Fault;
use crate::provider::limits::Window;
use crate::refusal::Kind;
use crate::route::pressure::Gate;

/// Failures of one model do not speak against a host that still answers well about others.
const ALL: u64 = 100;

/// What of a provider an attempt at one of its models depends on.
#[derive(Debug)]
pub struct Reach {
    health: Arc<Health>,
    model: Arc<Model>,
    keys: Vec<Key>,
}

/// A key, as the provider and this model take it.
#[derive(Debug)]
pub(super) struct Key {
    /// In general.
    pub(super) own: Arc<Credential>,
    /// At this model.
    pub(super) here: Arc<Breaker>,
    /// What is left there of what is allowed.
    pub(super) room: Arc<Room>,
}

impl Key {
    fn stand(&self, now: u64) -> Stand {
        self.own.breaker.stand(now).max(self.here.stand(now))
    }

    fn until(&self) -> Option<u64> {
        self.own.breaker.until().max(self.here.until())
    }
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nobody was there.
    Unreached,
    /// It left, and nothing sound came back.
    Lost,
    /// The provider said so.
    Said(Kind, Option<Duration>),
}

impl Failure {
    /// What the provider said, or did.
    #[must_use]
    pub const fn said(fault: &Fault) -> Self {
        Self::Said(fault.kind, fault.retry_after)
    }
}

impl Reach {
    pub(super) const fn new(health: Arc<Health>, model: Arc<Model>, keys: Vec<Key>) -> Self {
        Self { health, model, keys }
    }

    /// How busy the model is, and how quick.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.model.pace
    }

    /// Who has a place at the model, and who waits for one.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.model.gate
    }

    /// When any of its keys has room for a request of about so many tokens again, where none has now.
    #[must_use]
    pub fn opens(&self, tokens: u64, now: u64) -> Option<u64> {
        if self.fits(0, tokens, now) {
            return None;
        }
        self.keys.iter().map(|key| key.room.whole(tokens, now)).min()
    }

    /// Whether an operator has taken the provider out, or its model, or all of its keys: then it gets nothing.
    #[must_use]
    pub fn is_resting(&self, now: u64) -> bool {
        let rests = self.health.rest.is_on(now) || self.model.rest.is_on(now);
        rests || self.keys.iter().all(|key| key.own.rest.is_on(now))
    }

    /// Until when it rests, where that has an end.
    #[must_use]
    pub fn rests_until(&self, now: u64) -> Option<u64> {
        let keys = self.keys.iter().map(|key| key.own.rest.until(now)).min();
        let all = [self.health.rest.until(now), self.model.rest.until(now), keys.flatten()];
        let mut latest = None;
        for until in all.into_iter().flatten() {
            latest = latest.max(Some(until?));
        }
        latest
    }

    /// How the target stands with the best of its keys.
    #[must_use]
    pub fn stand(&self, now: u64) -> Stand {
        self.stand_without(0, now)
    }

    /// The same without the keys in `barred` (bit by place).
    #[must_use]
    pub fn stand_without(&self, barred: u64, now: u64) -> Stand {
        let host = self.health.host.stand(now).max(self.model.own.stand(now));
        let keys = self.without(barred).map(|(_, key)| key.stand(now)).min();
        host.max(keys.unwrap_or(Stand::Closed))
    }

    fn without(&self, barred: u64) -> impl Iterator<Item = (usize, &Key)> {
        self.keys.iter().enumerate().filter(move |(place, _)| !is_in(barred, *place))
    }

    /// The place of the key whose turn it is, where those that are not in `barred` take turns.
    #[must_use]
    pub fn at_turn(&self, turn: usize, barred: u64) -> usize {
        let step = turn.checked_rem(self.without(barred).count()).unwrap_or(0);
        self.without(barred).nth(step).map_or(0, |(place, _)| place)
    }

    /// When the target may be worth asking again, where it is not now.
    #[must_use]
    pub fn until(&self) -> Option<u64> {
        let keys = self.keys.iter().map(Key::until).min().flatten();
        keys.max(self.health.host.until()).max(self.model.own.until())
    }

    /// The best key at its turn: the first from there that is well, else one that may be tried, else
    /// the one that its provider wants back soonest. Of those in `passed` (bit by place) none; `None`
    /// when that leaves nothing.
    #[must_use]
    pub fn key(&self, turn: usize, passed: u64, now: u64) -> Option<usize> {
        let count = self.keys.len();
        let places = (0..count).map(|step| turn.wrapping_add(step) % count);
        let left = places.filter(|place| !is_in(passed, *place));
        left.filter_map(|place| Some((place, self.keys.get(place)?)))
            .filter(|(_, key)| !key.own.rest.is_on(now))
            .min_by_key(|(_, key)| {
                let stand = key.stand(now);
                let until = if stand == Stand::Closed { None } else { key.until() };
                (stand, until, !key.room.fits(0, now))
            })
            .map(|(place, _)| place)
    }

    /// How a key stands at this target.
    #[must_use]
    pub fn key_stand(&self, key: usize, now: u64) -> Stand {
        self.keys.get(key).map_or(Stand::Closed, |key| key.stand(now))
    }

    /// Whether any of its keys has room for a request of about so many tokens, as far as is known; of those
    /// in `barred` (bit by place) none.
    #[must_use]
    pub fn fits(&self, barred: u64, tokens: u64, now: u64) -> bool {
        self.keys.is_empty() || self.without(barred).any(|(_, key)| key.room.fits(tokens, now))
    }

    /// An answer to this key told of these windows.
    pub fn learn(&self, key: usize, windows: impl Iterator<Item = Window>, now: u64) {
        if let Some(key) = self.keys.get(key) {
            key.room.note(windows, now);
        }
    }

    /// Whether there is more than one key.
    #[must_use]
    pub const fn has_several_keys(&self) -> bool {
        self.keys.len() > 1
    }

    /// Lets an attempt through; of several at once while it is half open, one.
    #[must_use]
    pub fn enter(&self, now: u64) -> bool {
        self.health.host.enter(now) && self.model.own.enter(now)
    }

    /// Lets an attempt with this key through likewise.
    #[must_use]
    pub fn enter_with(&self, key: usize, now: u64) -> bool {
        self.keys.get(key).is_none_or(|key| key.own.breaker.enter(now) && key.here.enter(now))
    }

    /// An attempt that left at `begun` was answered, and may have been slow.
    pub fn well(&self, key: usize, now: u64, begun: u64, rules: &Rules) {
        self.health.host.well(now, begun);
        if let Some(key) = self.keys.get(key) {
            key.own.breaker.well(now, begun);
            key.here.well(now, begun);
        }
        let took = Duration::from_millis(now.saturating_sub(begun));
        if rules.slow.is_some_and(|slow| took > slow) {
            self.model.own.ill(now, begun, rules, rules.share, None);
        } else {
            self.model.own.well(now, begun);
        }
    }

    /// An attempt that left at `begun` has failed.
    pub fn failed(&self, key: usize, now: u64, begun: u64, failure: Failure, rules: &Rules) {
        let of_the_model = |asked| {
            self.model.own.ill(now, begun, rules, rules.share, asked);
            self.health.host.ill(now, begun, rules, ALL, asked);
        };
        let key = self.keys.get(key);
        match failure {
            Failure::Unreached => self.health.host.ill(now, begun, rules, rules.share, None),
            Failure::Lost => of_the_model(None),
            Failure::Said(kind, asked) => match kind {
                Kind::Authentication | Kind::Billing => {
                    if let Some(key) = key {
                        key.own.breaker.trip(now, rules, asked);
                    }
                }
                Kind::Permission | Kind::RateLimited => {
                    if let Some(key) = key {
                        key.here.trip(now, rules, asked);
                    }
                }
                Kind::NotFound => self.model.own.ill(now, begun, rules, rules.share, asked),
                Kind::Overloaded | Kind::Unavailable | Kind::BadGateway | Kind::Timeout | Kind::Internal => {
                    of_the_model(asked);
                }
                // Whoever says what is wrong with a request is well.
                Kind::InvalidRequest | Kind::ContextWindow | Kind::ContentPolicy | Kind::TooLarge => {
                    self.health.host.well(now, begun);
                    self.model.own.well(now, begun);
                }
            },
        }
    }
}

/// Whether a place is among those of a set, bit by bit; one beyond it is never.
#[must_use]
pub const fn is_in(set: u64, place: usize) -> bool {
    place < 64 && set & (1 << place) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREVER: u64 = 1000;

    fn rules() -> Rules {
        Rules {
            failures: 3,
            share: 50,
            window: Duration::from_secs(10),
            cool_down: Duration::from_secs(2),
            longest: Duration::from_secs(30),
            slow: Some(Duration::from_secs(4)),
        }
    }

    fn fails(reach: &Reach, key: usize, kind: Kind, times: usize) {
        (0..times).for_each(|_| reach.failed(key, FOREVER, 500, Failure::Said(kind, None), &rules()));
    }

    #[test]
    fn a_bad_key_is_told_from_a_bad_model_and_a_bad_host() {
        let health = Arc::<Health>::default();
        let (one, other) = (health.reach("one", &[1, 2]), health.reach("other", &[1, 2]));
        fails(&one, 0, Kind::Authentication, 1);
        assert_eq!((one.key_stand(0, FOREVER), one.key_stand(1, FOREVER)), (Stand::Open, Stand::Closed));
        assert_eq!(other.key_stand(0, FOREVER), Stand::Open, "the key is bad everywhere");
        assert_eq!(one.stand(FOREVER), Stand::Closed, "another key serves");
        fails(&one, 1, Kind::RateLimited, 1);
        assert_eq!((one.stand(FOREVER), other.key_stand(1, FOREVER)), (Stand::Open, Stand::Closed));

        let health = Arc::<Health>::default();
        let (one, other) = (health.reach("one", &[]), health.reach("other", &[]));
        fails(&one, 0, Kind::NotFound, 3);
        assert_eq!((one.stand(FOREVER), other.stand(FOREVER)), (Stand::Open, Stand::Closed));

        let health = Arc::<Health>::default();
        let (one, other) = (health.reach("one", &[]), health.reach("other", &[]));
        (0..3).for_each(|_| one.failed(0, FOREVER, 500, Failure::Unreached, &rules()));
        assert_eq!((one.stand(FOREVER), other.stand(FOREVER)), (Stand::Open, Stand::Open));
    }

    #[test]
    fn a_model_that_fails_takes_its_host_down_only_if_nothing_else_succeeds() {
        let health = Arc::<Health>::default();
        let (one, other) = (health.reach("one", &[]), health.reach("other", &[]));
        fails(&one, 0, Kind::Overloaded, 1);
        other.well(0, FOREVER, 500, &rules());
        fails(&one, 0, Kind::Internal, 2);
        assert_eq!((one.stand(FOREVER), other.stand(FOREVER)), (Stand::Open, Stand::Closed));
        let health = Arc::<Health>::default();
        let (one, other) = (health.reach("one", &[]), health.reach("other", &[]));
        fails(&one, 0, Kind::Timeout, 3);
        assert_eq!(other.stand(FOREVER), Stand::Open, "nobody else has said otherwise");
        assert_eq!(one.stand(FOREVER), Stand::Open);
    }

    #[test]
    fn what_is_wrong_with_a_request_speaks_for_the_provider() {
        let reach = Arc::<Health>::default().reach("one", &[]);
        fails(&reach, 0, Kind::InvalidRequest, 100);
        assert_eq!(reach.stand(FOREVER), Stand::Closed);
    }

    #[test]
    fn slow_answers_open_the_model_alone() {
        let health = Arc::<Health>::default();
        let (one, other) = (health.reach("one", &[]), health.reach("other", &[]));
        (0..3).for_each(|_| one.well(0, 9000, 4000, &rules()));
        assert_eq!((one.stand(9000), other.stand(9000)), (Stand::Open, Stand::Closed));
    }

    #[test]
    fn the_best_key_at_its_turn_is_used() {
        let reach = Arc::<Health>::default().reach("one", &[1, 2, 3]);
        assert_eq!(reach.key(4, 0, FOREVER), Some(1));
        fails(&reach, 1, Kind::Authentication, 1);
        assert_eq!(reach.key(4, 0, FOREVER), Some(2));
        assert_eq!(reach.key(4, 0b100, FOREVER), Some(0));
        assert_eq!(reach.key(4, 0b101, FOREVER), Some(1), "rather one that is bad than none");
        assert_eq!(reach.key(4, 0b111, FOREVER), None);
        let wait = Some(Duration::from_secs(9));
        reach.failed(0, FOREVER, 500, Failure::Said(Kind::RateLimited, wait), &rules());
        reach.failed(2, FOREVER, 500, Failure::Said(Kind::RateLimited, wait), &rules());
        assert_eq!(reach.key(0, 0, FOREVER), Some(1), "the one that is wanted back soonest");
        assert_eq!(reach.until(), Some(FOREVER + 2000));
    }

    #[test]
    fn keys_that_are_barred_have_no_turn_and_speak_for_nothing() {
        let reach = Arc::<Health>::default().reach("one", &[1, 2, 3]);
        assert_eq!([0, 1, 2, 3, 4].map(|turn| reach.at_turn(turn, 0)), [0, 1, 2, 0, 1]);
        assert_eq!([0, 1, 2, 3, 4].map(|turn| reach.at_turn(turn, 0b010)), [0, 2, 0, 2, 0]);
        assert_eq!([0, 1, 2].map(|turn| reach.at_turn(turn, 0b101)), [1; 3]);
        fails(&reach, 1, Kind::RateLimited, 1);
        assert_eq!(
            (reach.stand(FOREVER), reach.stand_without(0b010, FOREVER)),
            (Stand::Closed, Stand::Closed)
        );
        assert_eq!(reach.stand_without(0b101, FOREVER), Stand::Open, "the others do not count");
    }

    #[test]
    fn an_operator_takes_out_a_provider_a_model_or_a_key_and_closes_breakers() {
        let health = Arc::<Health>::default();
        let (one, other) = (health.reach("one", &[1, 2]), health.reach("other", &[1, 2]));
        let rest = || (one.is_resting(FOREVER), other.is_resting(FOREVER));
        health.rest.begin(Some(FOREVER + 10));
        assert_eq!((rest(), one.rests_until(FOREVER)), ((true, true), Some(FOREVER + 10)));
        assert!(!one.is_resting(FOREVER + 10), "it is back by itself");
        health.rest.end();
        health.model("one").rest.begin(None);
        assert_eq!((rest(), one.rests_until(FOREVER)), ((true, false), None));
        health.model("one").rest.end();
        health.key(1).rest.begin(None);
        assert_eq!((rest(), other.key(0, 0, FOREVER)), ((false, false), Some(1)));
        assert_eq!(other.key(0, 0b10, FOREVER), None, "not even where all else fails");
        health.key(2).rest.begin(None);
        assert_eq!(rest(), (true, true));
        health.key(1).rest.end();
        assert_eq!(rest(), (false, false));
        fails(&one, 0, Kind::Internal, 9);
        fails(&one, 0, Kind::Authentication, 1);
        health.recover();
        assert_eq!((one.stand(FOREVER), one.key_stand(0, FOREVER)), (Stand::Closed, Stand::Closed));
    }
}
