//! How the lines before targets stand at the moment when somebody looks.

use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, Opts};

use crate::route::pressure::{Priority, Stand};
use crate::snapshot::Snapshot;
use crate::telemetry::names::{label, metric};

/// So many are shown.
const MOST: usize = 1024;

const WHO: [&str; 2] = [label::PROVIDER, label::MODEL];
const WHO_AND_HOW: [&str; 3] = [label::PROVIDER, label::MODEL, label::PRIORITY];
const WHAT_BECAME: [&str; 4] = [label::PROVIDER, label::MODEL, label::PRIORITY, label::RESULT];

/// How the line before one target stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The provider's name.
    pub provider: String,
    /// The model's name there.
    pub model: String,
    /// How it stands.
    pub stand: Stand,
}

/// How the lines before all targets of a world stand, as far as anybody has wanted a place there.
#[must_use]
pub fn told(world: &Snapshot) -> Vec<Told> {
    let bounded = world.providers_of_both().filter(|provider| provider.cap.is_some());
    let all = bounded.flat_map(|provider| {
        let one = |(model, stand)| Told { provider: provider.name.clone(), model, stand };
        provider.health.gates().into_iter().map(one)
    });
    all.take(MOST).collect()
}

/// The same for Prometheus.
///
/// # Errors
/// When a metric has a name that is none, which a test rules out.
pub(super) fn families(told: &[Told]) -> prometheus::Result<Vec<MetricFamily>> {
    let limit = GaugeVec::new(
        Opts::new(metric::CONCURRENCY_LIMIT, "How many requests a target is given at one time"),
        &WHO,
    )?;
    let busy = GaugeVec::new(Opts::new(metric::CONCURRENCY, "How many requests a target has now"), &WHO)?;
    let waiting = GaugeVec::new(
        Opts::new(metric::QUEUE_WAITING, "How many requests wait for a place at a target"),
        &WHO_AND_HOW,
    )?;
    let became = IntCounterVec::new(
        Opts::new(
            metric::QUEUED,
            "Requests that found no place at once: got one later (waited), waited in vain or left (late), \
             found no room to wait (turned_away)",
        ),
        &WHAT_BECAME,
    )?;
    for Told { provider, model, stand } in told {
        limit.with_label_values(&[provider, model]).set(stand.number.into());
        busy.with_label_values(&[provider, model]).set(stand.in_flight.into());
        for ((priority, now), counts) in Priority::ALL.into_iter().zip(stand.waiting).zip(stand.counts) {
            let name = priority.name();
            #[allow(clippy::cast_precision_loss, reason = "lines are not so long")]
            waiting.with_label_values(&[provider.as_str(), model, name]).set(now as f64);
            let results =
                [("waited", counts.waited), ("late", counts.late), ("turned_away", counts.turned_away)];
            for (result, count) in results.into_iter().filter(|(_, count)| *count > 0) {
                became.with_label_values(&[provider.as_str(), model, name, result]).inc_by(count);
            }
        }
    }
    let mut families = limit.collect();
    families.extend(busy.collect());
    families.extend(waiting.collect());
    families.extend(became.collect());
    Ok(families.into_iter().filter(|family| !family.get_metric().is_empty()).collect())
}
