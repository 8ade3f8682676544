//! The Prometheus metrics, all of them.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{
    CounterVec, Encoder as _, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder,
};
use rustc_hash::FxHashSet;

use crate::account::Settled;
use crate::cache::Stand;
use crate::cache::semantic::Agreement;
use crate::ir::Loss;
use crate::policy::Rule;
use crate::store::journal::Journal;
use crate::store::tiers::Standing;
use crate::telemetry::breakers::{self, Told};
use crate::telemetry::budgets;
use crate::telemetry::per_key::PerKey;
use crate::telemetry::pressure;
use crate::telemetry::tiers::Tiers;
use crate::units::{Apart, PicoUsd};

mod registered;

/// Clients choose model names freely; past this many, further ones share one label.
const MOST_MODELS: usize = 512;

/// Keys, owners and labels that have a label of their own.
const MOST_NODES: usize = 1024;

/// The label that they share.
pub(super) const OTHER: &str = "other";

/// The metrics of this process.
pub struct Metrics {
    registry: Registry,
    pub(super) requests: IntCounterVec,
    pub(super) tokens: IntCounterVec,
    pub(super) cost: CounterVec,
    pub(super) overhead: HistogramVec,
    pub(super) duration: HistogramVec,
    pub(super) first_token: HistogramVec,
    pub(super) per_token: HistogramVec,
    pub(super) token_usage: HistogramVec,
    upstream_errors: IntCounterVec,
    losses: IntCounterVec,
    units: IntCounterVec,
    reloads: IntCounterVec,
    guards: IntCounterVec,
    guard_calls: HistogramVec,
    limited: IntCounterVec,
    alerts: IntCounterVec,
    cached: IntCounterVec,
    shadow: IntCounterVec,
    shadow_cost: CounterVec,
    saved: CounterVec,
    cache_bytes: IntGauge,
    cache_entries: IntGauge,
    cache_evictions: IntCounter,
    tiers: Tiers,
    spans_sent: IntCounter,
    spans_dropped: IntCounter,
    in_flight_gauge: IntGauge,
    held_gauge: IntGauge,
    generation: IntGauge,
    staged: IntGauge,
    staged_percent: IntGauge,
    staged_requests: IntCounterVec,
    pub(super) per_key: PerKey,
    ledger: [IntGauge; 3],
    journal: OnceLock<Arc<Journal>>,
    models: Mutex<FxHashSet<String>>,
    nodes: Mutex<FxHashSet<String>>,
    /// Requests that run now.
    in_flight: Apart<AtomicU64>,
}

/// What would have come of answering other words, of requests that were asked all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shadow {
    /// How often the two answers agreed,
    pub agreed: u64,
    /// and how often they did not.
    pub differed: u64,
    /// What those requests cost.
    pub usd: f64,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// The same, with so many keys, owners, providers and models together told apart.
    #[must_use]
    pub const fn telling_apart(mut self, most: usize) -> Self {
        self.per_key.bound(most);
        self
    }

    /// A request begins.
    pub fn begin(&self) {
        self.in_flight.0.fetch_add(1, Ordering::Relaxed);
    }

    /// A request is over and recorded.
    pub fn end(&self) {
        self.in_flight.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many requests run now.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.0.load(Ordering::Relaxed)
    }

    /// Tells of this journal too.
    pub(super) fn tell_of(&self, journal: &Arc<Journal>) {
        // There is one journal a process.
        let _ = self.journal.set(Arc::clone(journal));
    }

    /// A collector took so many spans.
    pub fn handed_over(&self, spans: u64) {
        self.spans_sent.inc_by(spans);
    }

    /// Nobody will see so many spans.
    pub fn dropped(&self, spans: u64) {
        self.spans_dropped.inc_by(spans);
    }

    /// The configuration was reloaded, or the new one refused.
    pub fn reloaded(&self, result: Result<(), ()>) {
        let label = if result.is_ok() { "ok" } else { "refused" };
        self.reloads.with_label_values(&[label]).inc();
    }

    /// This world is served.
    pub fn serves(&self, generation: u64) {
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    /// This world is staged for so many of a hundred clients, or none is.
    pub fn stages(&self, staged: Option<(u64, u8)>) {
        let (generation, percent) = staged.unwrap_or_default();
        self.staged.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.staged_percent.set(percent.into());
    }

    /// A rule had no room for a request.
    pub fn limited(&self, rule: &Rule) {
        let name = self.node(rule);
        self.limited.with_label_values(&[rule.node.kind, name, rule.bound.measure.name()]).inc();
    }

    /// A budget has reached its mark.
    pub fn alerted(&self, rule: &Rule) {
        let name = self.node(rule);
        self.alerts.with_label_values(&[rule.node.kind, name]).inc();
    }

    /// The label of a key, an owner or a label: there are as many as the operator makes, of which so
    /// many have one of their own. People are told of by the key that they come in as.
    fn node<'r>(&self, rule: &'r Rule) -> &'r str {
        let name = rule.node.public_name();
        if self.has_room(format!("{}:{name}", rule.node.kind)) { name } else { OTHER }
    }

    /// Whether this is one of the first so many that have a label of their own.
    fn has_room(&self, id: String) -> bool {
        let mut known = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&id) || (known.len() < MOST_NODES && known.insert(id))
    }

    /// A guard that lives elsewhere was asked, and this became of it.
    pub fn asked_guard(&self, guard: &str, result: &str, took: Duration) {
        self.guard_calls.with_label_values(&[guard, result]).observe(took.as_secs_f64());
    }

    /// What a settled request met on its way: a staged world, failures of upstreams, losses, and what guards
    /// found.
    pub(super) fn failed(&self, settled: &Settled) {
        let record = &settled.record;
        let target = record.provider.as_deref().unwrap_or("");
        if record.staged {
            self.staged_requests.with_label_values(&[record.outcome.label()]).inc();
        }
        for (provider, fault) in &record.faults {
            self.upstream_errors.with_label_values(&[provider.as_ref(), fault.kind.label()]).inc();
        }
        for verdict in &record.guards {
            // Services elsewhere call their rules as they like.
            let rule = format!("guard:{}/{}", verdict.guard, verdict.rule);
            let rule = if self.has_room(rule) { &*verdict.rule } else { OTHER };
            let labels = [&*verdict.guard, rule, verdict.action.name(), verdict.direction.name()];
            self.guards.with_label_values(&labels).inc_by(verdict.count.into());
        }
        for loss in record.losses.iter() {
            self.losses.with_label_values(&[target, loss_label(loss), loss.kind.label()]).inc();
        }
    }

    /// What a settled request used that is no token, under this model's label.
    pub(super) fn counted(&self, model: &str, settled: &Settled) {
        let provider = settled.record.provider.as_deref().unwrap_or("");
        for (unit, number) in settled.usage.units().into_iter().filter(|(_, number)| *number > 0) {
            let model = if self.admits(model) { model } else { OTHER };
            self.units.with_label_values(&[provider, model, unit]).inc_by(number);
        }
    }

    /// What part the cache had in a settled request, under this model's label.
    pub(super) fn cached(&self, model: &str, settled: &Settled) {
        let record = &settled.record;
        let Some(tier) = record.cache else { return };
        self.cached.with_label_values(&[tier.name()]).inc();
        let model = if self.admits(model) { model } else { OTHER };
        let provider = record.provider.as_deref().unwrap_or("");
        if let Some(agreement) = record.agreement {
            self.shadow.with_label_values(&[agreement.name()]).inc();
            let cost = settled.cost.map_or(0.0, PicoUsd::as_usd_f64);
            self.shadow_cost.with_label_values(&[provider, model]).inc_by(cost);
        }
        if let Some(saved) = record.saved {
            self.saved.with_label_values(&[provider, model]).inc_by(saved.as_usd_f64());
        }
    }

    /// What the cache's shadow has seen since the process began.
    #[must_use]
    pub fn shadow(&self) -> Shadow {
        let count = |agreement: Agreement| self.shadow.with_label_values(&[agreement.name()]).get();
        let costs = self.shadow_cost.collect();
        let costs = costs.iter().flat_map(MetricFamily::get_metric);
        Shadow {
            agreed: count(Agreement::Agreed),
            differed: count(Agreement::Differed),
            usd: costs.map(|cost| cost.get_counter().get_value()).sum(),
        }
    }

    /// The cache was looked in behind memory.
    pub fn looked_up(&self, tier: &str, result: &str, time: Duration) {
        self.tiers.looked_up(tier, result, time);
    }

    /// So many answers were to be written behind memory.
    pub fn wrote(&self, tier: &str, result: &str, number: u64) {
        self.tiers.wrote(tier, result, number);
    }

    /// So much is kept now, in memory and behind it.
    pub fn keeps(&self, cache: &Stand, behind: &[Standing]) {
        for tier in behind {
            self.tiers.stand(tier);
        }
        self.cache_bytes.set(i64::try_from(cache.bytes).unwrap_or(i64::MAX));
        self.cache_entries.set(i64::try_from(cache.entries).unwrap_or(i64::MAX));
        self.cache_evictions.inc_by(cache.evicted.saturating_sub(self.cache_evictions.get()));
    }

    /// All of them as they stand; `held` is the number of bytes held now, and `rules` are shown with
    /// what is used of them now.
    ///
    /// # Errors
    /// When two rules have one name, which cannot be.
    pub fn gather<'r>(
        &self,
        held: usize,
        rules: impl Iterator<Item = (&'r Rule, u64)>,
        breakers: &[Told],
        gates: &[pressure::Told],
    ) -> prometheus::Result<Vec<MetricFamily>> {
        self.in_flight_gauge.set(i64::try_from(self.in_flight()).unwrap_or(i64::MAX));
        self.held_gauge.set(i64::try_from(held).unwrap_or(i64::MAX));
        if let Some(journal) = self.journal.get() {
            let condition = journal.condition();
            let numbers = [u64::from(condition.failing.is_some()), condition.waiting, condition.lost];
            for (gauge, number) in self.ledger.iter().zip(numbers) {
                gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
            }
        }
        let (rules, breakers) = (budgets::families(rules)?, breakers::families(breakers)?);
        Ok([self.registry.gather(), rules, breakers, pressure::families(gates)?].concat())
    }

    /// The same as the text that Prometheus reads.
    #[must_use]
    pub fn render<'r>(
        &self,
        held: usize,
        rules: impl Iterator<Item = (&'r Rule, u64)>,
        breakers: &[Told],
        gates: &[pressure::Told],
    ) -> Vec<u8> {
        let mut text = Vec::new();
        let all = self.gather(held, rules, breakers, gates);
        if let Err(error) = all.and_then(|all| TextEncoder::new().encode(&all, &mut text)) {
            log::error!("metrics could not be written: {error}");
        }
        text
    }

    /// Whether this model has a label of its own; if not, it shares [`OTHER`].
    pub(super) fn admits(&self, model: &str) -> bool {
        let mut known = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(model) || (known.len() < MOST_MODELS && known.insert(model.to_owned()))
    }
}

/// The label of a field that was lost: names that stand in our own code are few; those that clients made
/// up have no end, and share one.
fn loss_label(loss: &Loss) -> &'static str {
    match &loss.field {
        Cow::Borrowed(name) => name,
        Cow::Owned(_) => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let metrics = Metrics::new().unwrap();
        metrics.serves(3);
        let text = String::from_utf8(metrics.render(42, std::iter::empty(), &[], &[])).unwrap();
        assert!(text.contains("tollgate_config_generation 3"));
        assert!(text.contains("tollgate_held_bytes 42"));
    }
}
