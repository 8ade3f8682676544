//! How breakers stand at the moment when somebody looks.

use std::collections::BTreeMap;

use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, Opts};

use crate::route::health::{Breaker, Rest, Stand};
use crate::snapshot::Snapshot;
use crate::telemetry::names::{label, metric};

/// So many are shown, by provider its host and keys first.
const MOST: usize = 2048;

const WHO: [&str; 3] = [label::PROVIDER, label::PART, label::NAME];

/// How one breaker stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The provider's name.
    pub provider: String,
    /// What of it: its host, a key or a model.
    pub part: &'static str,
    /// Which: a key's number, counted from 1, or the model's name; "" for the host.
    pub name: String,
    /// How it stands.
    pub stand: Stand,
    /// Whether an operator has taken it out, and for how many milliseconds; `None` in that for good.
    pub resting: Option<Option<u64>>,
    /// In how many milliseconds it may be tried again, unless it is closed.
    pub wait: Option<u64>,
    /// How many times it has opened.
    pub openings: u64,
}

/// How all breakers of a world stand at this tick of the clock: of each host and key, and of those
/// models that had one open.
#[must_use]
pub fn told(world: &Snapshot, now: u64) -> Vec<Told> {
    let mut all = Vec::new();
    for provider in world.providers_of_both() {
        let health = &provider.health;
        let mut tell = |part, name, stand, until: Option<u64>, openings, rest: Option<Option<u64>>| {
            let left = |until: u64| until.saturating_sub(now);
            let (wait, resting) = (until.map(left), rest.map(|until| until.map(left)));
            all.push(Told { provider: provider.name.clone(), part, name, stand, resting, wait, openings });
        };
        let mut one = |part, name, breaker: &Breaker, rest: &Rest| {
            let (stand, until) = (breaker.stand(now), breaker.until());
            tell(part, name, stand, until, breaker.openings(), rest.until(now));
        };
        one("host", String::new(), &health.host, &health.rest);
        for (place, key) in provider.fingerprints().into_iter().enumerate() {
            let key = health.key(key);
            one("key", (place + 1).to_string(), &key.breaker, &key.rest);
        }
        let mut resting: BTreeMap<_, _> = health.resting(now).into_iter().collect();
        for (name, stand, until, openings) in health.troubled(now) {
            let rest = resting.remove(&name);
            tell("model", name, stand, until, openings, rest);
        }
        for (name, rest) in resting {
            tell("model", name, Stand::Closed, None, 0, Some(rest));
        }
    }
    all.truncate(MOST);
    all
}

/// The same for Prometheus.
///
/// # Errors
/// When a metric has a name that is none, which a test rules out.
pub(super) fn families(told: &[Told]) -> prometheus::Result<Vec<MetricFamily>> {
    let state = GaugeVec::new(
        Opts::new(metric::BREAKER_STATE, "How breakers stand: 0 closed, 1 half open, 2 open, 3 taken out"),
        &WHO,
    )?;
    let openings =
        IntCounterVec::new(Opts::new(metric::BREAKER_OPENINGS, "How many times breakers have opened"), &WHO)?;
    for one in told {
        let labels = [one.provider.as_str(), one.part, one.name.as_str()];
        let number = match one.stand {
            _ if one.resting.is_some() => 3.0,
            Stand::Closed => 0.0,
            Stand::HalfOpen => 1.0,
            Stand::Open => 2.0,
        };
        state.with_label_values(&labels).set(number);
        openings.with_label_values(&labels).inc_by(one.openings);
    }
    let mut families = state.collect();
    families.extend(openings.collect());
    Ok(families.into_iter().filter(|family| !family.get_metric().is_empty()).collect())
}
