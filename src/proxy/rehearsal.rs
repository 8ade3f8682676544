//! What a configuration would have made of requests that are in the ledger: which of them it would have refused,
//! which would have gone elsewhere, and what they would have cost there.
//!
//! Keys, limits and budgets are those of the gateway itself, on windows of their own that begin with the first
//! request. What the ledger does not have cannot be rehearsed: headers and what stands in a body decide nothing,
//! names that only discovery knows go where they went, and nobody fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::account::Entry;
use crate::account::cost::cost;
use crate::config::Keys;
use crate::ir::ServiceTier;
use crate::policy::{Book, Claim, Closed, Draft, Key, Keyring, Moment, Subject, reserve};
use crate::proxy::arrival::admission;
use crate::proxy::departure::targets;
use crate::refusal::{Kind, Refusal};
use crate::route::way::{Facts, Strategy};
use crate::route::{Choice, Names, Target};
use crate::snapshot::Snapshot;
use crate::units::PicoUsd;
use crate::wire::json::Object;

/// Different refusals, and different ways elsewhere, are told apart up to so many each.
const MOST: usize = 1000;

/// What would have become of requests.
#[derive(Debug, Default)]
pub struct Told {
    /// How many were looked at.
    pub requests: u64,
    /// How many would have been refused.
    pub refusals: u64,
    /// The same by key, model and reason.
    pub refused: BTreeMap<(String, String, String), u64>,
    /// How many would have gone elsewhere.
    pub moves: u64,
    /// The same by the model asked for, where it went and where it would go.
    pub moved: BTreeMap<(String, String, String), Moved>,
    /// What those that would be served have cost.
    pub before: PicoUsd,
    /// What they would cost, as far as prices are known.
    pub after: PicoUsd,
    /// For how many no price is known.
    pub unpriced: u64,
}

/// Requests that would have gone elsewhere.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// How many.
    pub requests: u64,
    /// What they have cost.
    pub before: PicoUsd,
    /// What they would cost.
    pub after: PicoUsd,
}

impl Told {
    /// Adds all of it to an answer.
    pub fn tell(&self, answer: &mut Object<'_>) {
        answer.number("requests", self.requests);
        answer.array("refused", |array| {
            for ((key, model, why), requests) in &self.refused {
                array.object(|one| {
                    if key.is_empty() {
                        one.null("key")
                    } else {
                        one.string("key", key)
                    }
                    one.string("model", model);
                    one.string("why", why);
                    one.number("requests", *requests);
                });
            }
        });
        answer.array("moved", |array| {
            for ((model, from, to), moved) in &self.moved {
                array.object(|one| {
                    one.string("model", model);
                    one.string("from", from);
                    one.string("to", to);
                    one.number("requests", moved.requests);
                    one.raw("before_usd", &moved.before.to_string());
                    one.raw("after_usd", &moved.after.to_string());
                });
            }
        });
        answer.raw("before_usd", &self.before.to_string());
        answer.raw("after_usd", &self.after.to_string());
        answer.number("unpriced", self.unpriced);
    }
}

/// A configuration that is tried out.
#[derive(Debug)]
pub struct Rehearsal<'w> {
    world: &'w Snapshot,
    keys: FxHashMap<Arc<str>, Arc<Key>>,
    hosts: FxHashMap<Arc<str>, Arc<Key>>,
    told: Told,
}

impl<'w> Rehearsal<'w> {
    /// This world, with its own keys and those of the store.
    #[must_use]
    pub fn new(world: &'w Snapshot, keys: &Keys, stored: Vec<Draft>) -> Self {
        let drafts = keys.drafts.iter().cloned().chain(stored);
        let keyring = Keyring::new(drafts, &keys.bounds, &Arc::new(Book::new(1)));
        let by = |name: fn(&Key) -> &Arc<str>| {
            let keys = keyring.keys().iter().rev();
            keys.map(|key| (Arc::clone(name(key)), Arc::clone(key))).collect()
        };
        Self { world, keys: by(|key| &key.id), hosts: by(|key| &key.name), told: Told::default() }
    }

    /// A request that is in the ledger.
    pub fn hear(&mut self, entry: &Entry) {
        let has_model = !entry.asked_model.is_empty() && !entry.provider.is_empty();
        if !has_model || entry.background || !(entry.departed || entry.is_cached()) {
            return;
        }
        self.told.requests += 1;
        if let Err(why) = self.serve(entry) {
            self.told.refusals += 1;
            let key = entry.key.as_ref().map_or("", |(_, name)| name);
            let what = (key.to_owned(), entry.asked_model.clone(), why);
            count(&mut self.told.refused, what, |requests| *requests += 1);
        }
    }

    /// What would have become of all of them.
    #[must_use]
    pub fn finish(self) -> Told {
        self.told
    }

    fn serve(&mut self, entry: &Entry) -> Result<(), String> {
        let at = entry.at / 1000;
        let key = self.key(entry, at)?;
        let target = self.target(entry, key.as_deref())?;
        let provider = self.world.providers.get(target.provider);
        let name = provider.map_or("", |provider| provider.name.as_str());
        let usage = entry.own_usage();
        let price = targets::price_of(self.world, name, &target.model);
        let is_free = provider.is_some_and(|provider| !provider.vendor.key_required);
        let tier = ServiceTier::from_name(&entry.tier);
        let after = match price {
            _ if entry.is_cached() => Some(PicoUsd::ZERO),
            Some((table, _)) => Some(cost(&usage, &table, tier.as_ref())),
            None => is_free.then_some(PicoUsd::ZERO),
        };
        if let Some(key) = key.filter(|key| !key.rules.is_empty()) {
            let spent = after.and_then(|cost| u64::try_from(cost.0).ok()).unwrap_or(0);
            let claim = Claim {
                tokens_in: usage.total_input(),
                tokens_out: usage.total_output(),
                usd: spent,
                least_usd: spent,
                is_capped: true,
            };
            let named = [(Arc::from(name), Arc::from(&*target.model))];
            let subject = Subject { asked: &entry.asked_model, targets: &named };
            let reserved = reserve(&key, &subject, &claim, Moment { now: at, shard: 0 });
            // How many ran at one time is not in the ledger.
            reserved.map_err(|full| full_of(full.rule.node.kind, full.rule.bound.measure.name()))?.end();
        }
        let before = entry.cost.unwrap_or_default();
        self.told.before += before;
        self.told.after += after.unwrap_or_default();
        self.told.unpriced += u64::from(after.is_none());
        if (name, &*target.model) != (&*entry.provider, &*entry.model) {
            self.told.moves += 1;
            let from = format!("{}/{}", entry.provider, entry.model);
            let way = (entry.asked_model.clone(), from, format!("{name}/{}", target.model));
            count(&mut self.told.moved, way, |moved| {
                moved.requests += 1;
                moved.before += before;
                moved.after += after.unwrap_or_default();
            });
        }
        Ok(())
    }

    /// The key that the client showed, as it would be.
    fn key(&self, entry: &Entry, at: u64) -> Result<Option<Arc<Key>>, String> {
        let door = &self.world.door;
        let Some((id, name)) = &entry.key else {
            let is_locked = !door.is_open() && (door.master.is_none() || door.master_is_for_admin);
            let is_closed = is_locked || (door.master.is_none() && !self.keys.is_empty());
            return if is_closed { Err("a key is needed".to_owned()) } else { Ok(None) };
        };
        let Some(key) = self.keys.get(&**id) else {
            // Whoever came in with a token has no key of their own; their host's name may tell.
            return match self.hosts.get(&**name) {
                Some(host) if !door.issuers.is_empty() => Ok(Some(Arc::clone(host))),
                None if !door.issuers.is_empty() => Ok(None),
                Some(_) | None => Err("there is no such key".to_owned()),
            };
        };
        match key.admit(at, None) {
            Ok(()) | Err(Closed::Address) => Ok(Some(Arc::clone(key))),
            Err(Closed::Revoked(_)) => Err("the key is revoked".to_owned()),
            Err(Closed::Disabled) => Err("the key is disabled".to_owned()),
            Err(Closed::Expired(_)) => Err("the key has expired".to_owned()),
            Err(Closed::Rotated(_)) => Err("the key was replaced".to_owned()),
        }
    }

    /// Where the request would have gone.
    fn target(&self, entry: &Entry, key: Option<&Key>) -> Result<Target, String> {
        let own = self.world.providers.iter().position(|provider| provider.name == entry.provider);
        let own = own.map(|provider| Target { provider, model: entry.model.clone() });
        let mut choice = match admission::choose(self.world, &Names::default(), key, &entry.asked_model) {
            Ok(choice) => choice,
            Err(refusal) => return self.known_by_discovery(&refusal, own).ok_or_else(|| reason(&refusal)),
        };
        settle(&mut choice, entry);
        let is_own = |target: &&Target| own.as_ref() == Some(target);
        let kept = choice.targets.iter().find(is_own);
        let in_order = choice.way.as_ref().is_none_or(|way| way.strategy == Strategy::Fallback);
        // Where it was not the first, somebody had failed; and where chance decides, it may decide so again.
        let stays = !in_order || entry.attempts > 1 || !entry.faults.is_empty();
        match kept.filter(|_| stays).or_else(|| choice.targets.first()) {
            Some(target) => Ok(target.clone()),
            None => Err("no target is for such a request".to_owned()),
        }
    }

    /// Where a name went that only a provider's own list has.
    fn known_by_discovery(&self, refusal: &Refusal, own: Option<Target>) -> Option<Target> {
        let own = own.filter(|_| refusal.kind == Kind::NotFound)?;
        self.world.providers.get(own.provider).filter(|provider| provider.discover).map(|_| own)
    }
}

/// Leaves those targets that are for such a request, as far as the ledger tells.
fn settle(choice: &mut Choice, entry: &Entry) {
    let Some(way) = choice.way.clone() else { return };
    let labels: Vec<&str> = entry.labels.iter().map(String::as_str).collect();
    let facts = Facts {
        owner: &entry.owner,
        labels: &labels,
        header: &|_| None,
        size: entry.bytes_in,
        has: &|_| false,
        stream: entry.stream,
    };
    let own = way.own();
    choice.retain(|leg, _| {
        own.contains(&leg)
            && way.legs.get(leg).is_none_or(|leg| leg.when.iter().all(|when| when.holds(&facts)))
    });
}

fn reason(refusal: &Refusal) -> String {
    match refusal.kind {
        Kind::NotFound => "nobody serves the model".to_owned(),
        Kind::Permission => "the key may not ask for the model".to_owned(),
        Kind::InvalidRequest
        | Kind::ContextWindow
        | Kind::ContentPolicy
        | Kind::Authentication
        | Kind::Billing
        | Kind::TooLarge
        | Kind::RateLimited
        | Kind::Overloaded
        | Kind::Unavailable
        | Kind::BadGateway
        | Kind::Timeout
        | Kind::Internal => refusal.kind.label().to_owned(),
    }
}

fn full_of(node: &str, measure: &str) -> String {
    format!("over what its {node} may use of {measure}")
}

fn count<K: Ord + Clone, V: Default>(all: &mut BTreeMap<K, V>, key: K, add: impl FnOnce(&mut V)) {
    if all.len() < MOST || all.contains_key(&key) {
        add(all.entry(key).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Sources};

    #[test]
    fn those_that_are_not_told_apart_any_more_are_counted() {
        let environment = [("OPENAI_API_KEY".to_owned(), "k".to_owned())].into();
        let world = config::load(&Sources { file: None, environment }, 1).unwrap();
        let mut rehearsal = Rehearsal::new(&world.snapshot, &world.keys, Vec::new());
        for number in 0..1500 {
            rehearsal.hear(&Entry {
                asked_model: format!("unheard-of-{number}"),
                provider: "gone".to_owned(),
                departed: true,
                ..Entry::default()
            });
        }
        let told = rehearsal.finish();
        assert_eq!((told.requests, told.refusals, told.refused.len()), (1500, 1500, MOST));
    }
}
