//! The health of all providers, by what outlives a configuration.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::breaker::{Breaker, Stand};
use super::pace::Pace;
use super::reach::{Key, Reach};
use super::rest::Rest;
use super::room::Room;
use crate::route::pressure::{self, Gate};

/// A provider has a breaker for each of so many models; clients name them freely, and all others
/// share one.
const MOST_MODELS: usize = 1024;

/// The health of all providers. Reloads look it up; requests hold what they need of it.
#[derive(Debug, Default)]
pub struct Board(Mutex<FxHashMap<String, Arc<Health>>>);

impl Board {
    /// The health of the provider of that name at that address.
    #[must_use]
    pub fn of(&self, name: &str, base: &str) -> Arc<Health> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(format!("{name} {base}")).or_default())
    }

    /// Forgets the providers that nobody else holds.
    pub fn tidy(&self) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, health| Arc::strong_count(health) > 1);
    }
}

/// The health of one provider.
#[derive(Debug, Default)]
pub struct Health {
    /// Its host.
    pub host: Breaker,
    /// Whether an operator has taken it out.
    pub rest: Rest,
    /// Its keys, by the fingerprint of each.
    keys: Mutex<FxHashMap<u64, Arc<Credential>>>,
    models: Mutex<FxHashMap<String, Arc<Model>>>,
}

/// The health of one key of a provider, whatever the model.
#[derive(Debug, Default)]
pub struct Credential {
    /// How it does.
    pub breaker: Breaker,
    /// Whether an operator has taken it out.
    pub rest: Rest,
}

/// The health of one model of a provider.
#[derive(Debug, Default)]
pub struct Model {
    /// Whatever the key.
    pub own: Breaker,
    /// Whether an operator has taken it out.
    pub rest: Rest,
    /// How busy it is, and how quick.
    pub pace: Pace,
    /// Who has a place there, and who waits for one.
    pub gate: Arc<Gate>,
    /// By the fingerprint of each key.
    keys: Mutex<FxHashMap<u64, Arc<Breaker>>>,
    /// What is left there of what is allowed, likewise.
    rooms: Mutex<FxHashMap<u64, Arc<Room>>>,
}

impl Health {
    /// What tells of attempts at this model with these keys, known by their fingerprints.
    #[must_use]
    pub fn reach(self: &Arc<Self>, model: &str, keys: &[u64]) -> Reach {
        let known = self.model(model);
        let none = [0];
        let keys = if keys.is_empty() { &none[..] } else { keys };
        let one = |key: &u64| Key {
            own: find(&self.keys, *key),
            here: find(&known.keys, *key),
            room: find(&known.rooms, *key),
        };
        let keys = keys.iter().map(one).collect();
        Reach::new(Arc::clone(self), known, keys)
    }

    /// Closes all its breakers, whatever was seen.
    pub fn recover(&self) {
        self.host.close();
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.values().for_each(|key| key.breaker.close());
        drop(keys);
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        for model in models.values() {
            model.own.close();
            let keys = model.keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.values().for_each(|key| key.close());
        }
    }

    /// How the key of that fingerprint stands, whatever the model.
    #[must_use]
    pub fn key(&self, fingerprint: u64) -> Arc<Credential> {
        find(&self.keys, fingerprint)
    }

    /// The model of that name, as far as it has a place of its own.
    #[must_use]
    pub fn model(&self, name: &str) -> Arc<Model> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if models.len() < MOST_MODELS || models.contains_key(name) { name } else { "" };
        Arc::clone(models.entry(name.to_owned()).or_default())
    }

    /// The models that an operator has taken out, by name, each with the time until when.
    #[must_use]
    pub fn resting(&self, now: u64) -> Vec<(String, Option<u64>)> {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told: Vec<_> =
            models.iter().filter_map(|(name, model)| Some((name.clone(), model.rest.until(now)?))).collect();
        told.sort_unstable();
        told
    }

    /// The models of which a breaker has ever opened, by name: each with the worst of its breakers as
    /// it stands now, until when, and how many times they have opened.
    #[must_use]
    pub fn troubled(&self, now: u64) -> Vec<(String, Stand, Option<u64>, u64)> {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told: Vec<_> = models
            .iter()
            .filter_map(|(name, model)| {
                let keys = model.keys.lock().unwrap_or_else(PoisonError::into_inner);
                let all = || std::iter::once(&model.own).chain(keys.values().map(Arc::as_ref));
                let openings = all().map(Breaker::openings).sum::<u64>();
                let stand = all().map(|breaker| breaker.stand(now)).max().unwrap_or(Stand::Closed);
                let until = all().filter_map(Breaker::until).max();
                (openings > 0).then(|| (name.clone(), stand, until, openings))
            })
            .collect();
        told.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        told
    }
}

impl Health {
    /// The models at which somebody has wanted a place, by name.
    #[must_use]
    pub fn gates(&self) -> Vec<(String, pressure::Stand)> {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told: Vec<_> =
            models.iter().filter_map(|(name, model)| Some((name.clone(), model.gate.stand()?))).collect();
        told.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        told
    }
}

fn find<T: Default>(known: &Mutex<FxHashMap<u64, Arc<T>>>, key: u64) -> Arc<T> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(known.entry(key).or_default())
}
