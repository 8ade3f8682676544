//! How breakers stand at the moment when somebody looks.

use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, Opts};

use crate::route::health::{Breaker, Stand};
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
    /// Whether an operator has taken the provider out.
    pub resting: bool,
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
    for provider in &world.providers {
        let (health, resting) = (&provider.health, provider.health.is_resting());
        let mut tell = |part, name, stand, until: Option<u64>, openings| {
            let wait = until.map(|until| until.saturating_sub(now));
            all.push(Told { provider: provider.name.clone(), part, name, stand, resting, wait, openings });
        };
        let mut one = |part, name, breaker: &Breaker| {
            tell(part, name, breaker.stand(now), breaker.until(), breaker.openings());
        };
        one("host", String::new(), &health.host);
        for (place, key) in provider.fingerprints().into_iter().enumerate() {
            one("key", (place + 1).to_string(), &health.key(key));
        }
        for (name, stand, until, openings) in health.troubled(now) {
            tell("model", name, stand, until, openings);
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
            _ if one.resting => 3.0,
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
