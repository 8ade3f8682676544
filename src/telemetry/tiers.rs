//! What is told of the tiers of the cache behind memory, where there are any.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::store::tiers::Standing;
use crate::telemetry::names::{label, metric};

/// Look-ups are bounded by some milliseconds.
const BUCKETS: [f64; 9] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1];

/// The numbers.
pub(super) struct Tiers {
    lookups: IntCounterVec,
    time: HistogramVec,
    writes: IntCounterVec,
    up: IntGaugeVec,
    bytes: IntGaugeVec,
    entries: IntGaugeVec,
}

impl Tiers {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str| {
            let vector = IntCounterVec::new(Opts::new(name, help), &[label::TIER, label::RESULT])?;
            registry.register(Box::new(vector.clone()))?;
            prometheus::Result::Ok(vector)
        };
        let gauges = |name: &str, help: &str| {
            let vector = IntGaugeVec::new(Opts::new(name, help), &[label::TIER])?;
            registry.register(Box::new(vector.clone()))?;
            prometheus::Result::Ok(vector)
        };
        let time = HistogramOpts::new(metric::TIER_TIME, "How long look-ups behind memory took");
        let time = HistogramVec::new(time.buckets(BUCKETS.to_vec()), &[label::TIER])?;
        registry.register(Box::new(time.clone()))?;
        Ok(Self {
            lookups: counters(metric::TIER_LOOKUPS, "Look-ups in the cache behind memory")?,
            time,
            writes: counters(metric::TIER_WRITES, "Answers that were to be written behind memory")?,
            up: gauges(metric::TIER_UP, "Whether this tier of the cache is asked now: 1 if so")?,
            bytes: gauges(metric::TIER_BYTES, "Bytes that this tier of the cache holds")?,
            entries: gauges(metric::TIER_ENTRIES, "Entries that this tier of the cache holds")?,
        })
    }

    pub(super) fn looked_up(&self, tier: &str, result: &str, time: Duration) {
        self.lookups.with_label_values(&[tier, result]).inc();
        self.time.with_label_values(&[tier]).observe(time.as_secs_f64());
    }

    pub(super) fn wrote(&self, tier: &str, result: &str, number: u64) {
        if number > 0 {
            self.writes.with_label_values(&[tier, result]).inc_by(number);
        }
    }

    pub(super) fn stand(&self, tier: &Standing) {
        let name = [tier.tier.name()];
        self.up.with_label_values(&name).set(tier.is_up.into());
        if let Some((entries, bytes, _)) = tier.held {
            self.bytes.with_label_values(&name).set(i64::try_from(bytes).unwrap_or(i64::MAX));
            self.entries.with_label_values(&name).set(i64::try_from(entries).unwrap_or(i64::MAX));
        }
    }
}
