//! What each key and owner asked for, used and spent. Clients, models and owners that tokens name may
//! be many: so many series are told apart, and all others share one.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use prometheus::{Counter, CounterVec, IntCounter, IntCounterVec, Opts, Registry};
use rustc_hash::FxHashSet;

use crate::account::{Outcome, Settled};
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

    /// The counters of a request, and whether they are its own.
    fn counters(&self, settled: &Settled, model: &str) -> (Own, bool) {
        let record = &settled.record;
        let (key, owner) = names(settled);
        let provider = record.provider.as_deref().unwrap_or("");
        let own = [key.map_or("", |name| &**name), owner, provider, model];
        let is_own = self.admits(&own);
        let labels = if is_own { own } else { [OTHER; 4] };
        let side = |side: &str| {
            let [key, owner, provider, model] = labels;
            self.tokens.with_label_values(&[key, owner, provider, model, side])
        };
        let counters = Own {
            owner: owner.into(),
            labels: labels.map(Into::into),
            requests: self.requests.with_label_values(&labels),
            tokens: [side("input"), side("output")],
            cost: self.cost.with_label_values(&labels),
        };
        (counters, is_own)
    }

    fn admits(&self, labels: &[&str; 4]) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let id = labels.join("\0");
        known.contains(&id) || (known.len() < self.most && known.insert(id))
    }
}

/// The counters of one key for one provider's model.
struct Own {
    owner: Box<str>,
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
pub(super) struct Keys(rustc_hash::FxHashMap<Arc<str>, Own>);

impl Keys {
    /// One request of the model, whose label this is, settled.
    pub(super) fn observe(&mut self, all: &PerKey, settled: &Settled, model: &str) {
        let (key, owner) = names(settled);
        let name = key.map_or("", |name| &**name);
        if let Some(own) = self.0.get(name).filter(|own| *own.owner == *owner) {
            return own.observe(all, settled);
        }
        let (own, is_own) = all.counters(settled, model);
        own.observe(all, settled);
        // What shares its series with others is not remembered: there is no end of it.
        if is_own {
            self.0.insert(key.cloned().unwrap_or_default(), own);
        }
    }
}

fn names(settled: &Settled) -> (Option<&Arc<str>>, &str) {
    let key = settled.record.key.as_ref();
    (key.map(|key| &key.name), key.map_or("", |key| &*key.owner))
}
