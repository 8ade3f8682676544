//! What each key and owner asked for, used and spent. Clients, models and owners that tokens name may
//! be many: so many series are told apart, and all others share one. Requests without a key have none.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Counter, CounterVec, IntCounter, IntCounterVec, Opts, Registry};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::account::{Outcome, Settled};
use crate::policy::Key;
use crate::telemetry::metrics::OTHER;
use crate::telemetry::names::{label, metric};

/// Kinds of series that are told apart, where nothing else is said.
pub const USUAL: usize = 2000;

/// The series by key, owner, provider and model.
pub(super) struct PerKey {
    requests: IntCounterVec,
    refusals: IntCounterVec,
    tokens: IntCounterVec,
    cost: CounterVec,
    /// How many are told apart.
    most: usize,
    known: Mutex<FxHashSet<String>>,
}

/// Whose series they are, and of what.
const WHO: [&str; 4] = [label::KEY, label::OWNER, label::PROVIDER, label::MODEL];

impl PerKey {
    /// All of them at zero.
    ///
    /// # Errors
    /// When two metrics have one name, which a test rules out.
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, more: &[&str]| {
            let vector = IntCounterVec::new(Opts::new(name, help), &[&WHO, more].concat())?;
            registry.register(Box::new(vector.clone()))?;
            prometheus::Result::Ok(vector)
        };
        let cost = CounterVec::new(Opts::new(metric::KEY_COST, "What requests of a key cost, in USD"), &WHO)?;
        registry.register(Box::new(cost.clone()))?;
        Ok(Self {
            requests: counters(metric::KEY_REQUESTS, "Finished requests of a key", &[])?,
            refusals: counters(
                metric::KEY_REFUSALS,
                "Requests of a key that were refused here or by the provider",
                &[label::KIND],
            )?,
            tokens: counters(metric::KEY_TOKENS, "Tokens that a key used", &[label::TOKEN_TYPE])?,
            cost,
            most: USUAL,
            known: Mutex::default(),
        })
    }

    /// Tells so many apart.
    pub(super) const fn bound(&mut self, most: usize) {
        self.most = most;
    }

    /// The counters under these labels.
    fn counters(&self, labels: [&str; 4]) -> Own {
        let side = |side: &str| {
            let [key, owner, provider, model] = labels;
            self.tokens.with_label_values(&[key, owner, provider, model, side])
        };
        Own {
            labels: labels.map(Into::into),
            requests: self.requests.with_label_values(&labels),
            tokens: [side("input"), side("output")],
            cost: self.cost.with_label_values(&labels),
        }
    }

    /// Whether these labels are told apart from others.
    fn admits(&self, labels: &[&str; 4]) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let id = labels.join("\0");
        known.contains(&id) || (known.len() < self.most && known.insert(id))
    }
}

/// The counters of one key for one provider's model.
struct Own {
    labels: [Box<str>; 4],
    requests: IntCounter,
    tokens: [IntCounter; 2],
    cost: Counter,
}

impl Own {
    fn observe(&self, all: &PerKey, settled: &Settled) {
        self.requests.inc();
        let [input, output] = &self.tokens;
        input.inc_by(settled.usage.total_input());
        output.inc_by(settled.usage.total_output());
        if let Some(cost) = settled.cost {
            self.cost.inc_by(cost.as_usd_f64());
        }
        // Seldom enough to be looked up each time.
        if let Outcome::Refused(kind) = settled.record.outcome {
            let [key, owner, provider, model] = &self.labels;
            all.refusals.with_label_values(&[key, owner, provider, model, kind.label()]).inc();
        }
    }
}

/// The counters that one observer has found, of one provider's model.
#[derive(Default)]
pub(super) struct Keys {
    /// By key and owner: of those who come in with tokens as one key, each may be another's.
    own: FxHashMap<Arc<str>, FxHashMap<Box<str>, Own>>,
    /// What all share that have none of their own.
    others: Option<Own>,
}

impl Keys {
    /// One request of a key for the model, whose label this is, settled.
    pub(super) fn observe(&mut self, all: &PerKey, key: &Key, settled: &Settled, model: &str) {
        let Key { name, owner, .. } = key;
        if let Some(own) = self.own.get(name).and_then(|owners| owners.get(&**owner)) {
            return own.observe(all, settled);
        }
        let provider = settled.record.provider.as_deref().unwrap_or("");
        let labels = [&**name, &**owner, provider, model];
        let counters = if all.admits(&labels) {
            let owners = self.own.entry(Arc::clone(name)).or_default();
            owners.entry((&**owner).into()).or_insert_with(|| all.counters(labels))
        } else {
            // Who shares a series with others is not remembered: there is no end of them.
            self.others.get_or_insert_with(|| all.counters([OTHER; 4]))
        };
        counters.observe(all, settled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::sample::settled;

    #[test]
    fn owners_of_one_key_are_remembered_each_and_all_others_once() {
        let registry = Registry::new();
        let mut all = PerKey::new(&registry).unwrap();
        all.bound(2);
        let mut keys = Keys::default();
        for round in 0..3 {
            for owner in ["acme/ann", "acme/bob", "acme/cy", "acme/dee"] {
                let key = Key { name: "staff".into(), owner: owner.into(), ..Key::default() };
                keys.observe(&all, &key, &settled("m"), "m");
            }
            assert_eq!((keys.own.len(), keys.own["staff"].len()), (1, 2), "round {round}");
        }
        let counted = |own: &Own| own.requests.get();
        let mut own: Vec<_> = keys.own["staff"].iter().map(|(owner, own)| (&**owner, counted(own))).collect();
        own.sort_unstable();
        assert_eq!(own, [("acme/ann", 3), ("acme/bob", 3)]);
        assert_eq!(keys.others.as_ref().map(counted), Some(6));
    }
}
