//! The Prometheus metrics, all of them.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{
    CounterVec, Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder,
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
use crate::telemetry::names::{label, metric};
use crate::telemetry::per_key::PerKey;
use crate::telemetry::pressure;
use crate::telemetry::tiers::Tiers;
use crate::units::{Apart, PicoUsd};

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

const OVERHEAD_BUCKETS: [f64; 11] =
    [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.1, 1.0];
const DURATION_BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKEN_BUCKETS: [f64; 13] =
    [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const PER_TOKEN_BUCKETS: [f64; 10] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
const TOKEN_BUCKETS: [f64; 12] =
    [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Errors
    /// When two metrics have one name, which a test rules out.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let vector = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vector.clone()))?;
            prometheus::Result::Ok(vector)
        };
        let histograms = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| {
            let vector = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
            registry.register(Box::new(vector.clone()))?;
            prometheus::Result::Ok(vector)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let who = [label::OPERATION, label::PROVIDER, label::MODEL];
        let cost = CounterVec::new(
            Opts::new(metric::COST, "What requests cost, in USD"),
            &[label::PROVIDER, label::MODEL],
        )?;
        registry.register(Box::new(cost.clone()))?;
        let saved = CounterVec::new(
            Opts::new(metric::SAVED, "What answers of the cache would have cost, in USD"),
            &[label::PROVIDER, label::MODEL],
        )?;
        registry.register(Box::new(saved.clone()))?;
        let shadow_cost = CounterVec::new(
            Opts::new(metric::CACHE_SHADOW_COST, "What requests cost that safe would have answered, in USD"),
            &[label::PROVIDER, label::MODEL],
        )?;
        registry.register(Box::new(shadow_cost.clone()))?;
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        Ok(Self {
            requests: counters(
                metric::REQUESTS,
                "Finished requests",
                &[
                    label::OPERATION,
                    label::CLIENT,
                    label::PROVIDER,
                    label::MODEL,
                    label::STATUS,
                    label::OUTCOME,
                ],
            )?,
            units: counters(
                metric::UNITS,
                "What is billed by number and is no token: searches, pictures, characters, seconds",
                &[label::PROVIDER, label::MODEL, label::UNIT],
            )?,
            tokens: counters(
                metric::TOKENS,
                "Tokens used, each in exactly one class",
                &[label::PROVIDER, label::MODEL, label::CLASS, label::SOURCE],
            )?,
            cost,
            cached: counters(
                metric::CACHE,
                "Requests that the cache may answer, by what part it had in them",
                &[label::TIER],
            )?,
            shadow: counters(
                metric::CACHE_SHADOW,
                "Requests that safe would have answered, by whether that answer agrees with the one they got",
                &[label::RESULT],
            )?,
            shadow_cost,
            saved,
            cache_bytes: gauge(metric::CACHE_BYTES, "Bytes that the cache holds")?,
            cache_entries: gauge(metric::CACHE_ENTRIES, "Answers that the cache holds")?,
            cache_evictions: counter(metric::CACHE_EVICTIONS, "Cached answers that made room for others")?,
            tiers: Tiers::new(&registry)?,
            spans_sent: counter(metric::SPANS_SENT, "Spans that a collector took")?,
            spans_dropped: counter(
                metric::SPANS_DROPPED,
                "Spans that no collector took, or for which there was no room",
            )?,
            overhead: histograms(
                metric::OVERHEAD,
                "What the gateway itself added before an answer began",
                &[label::OPERATION],
                &OVERHEAD_BUCKETS,
            )?,
            duration: histograms(metric::DURATION, "How long requests took", &who, &DURATION_BUCKETS)?,
            first_token: histograms(
                metric::FIRST_TOKEN,
                "Time to the first piece of a streamed answer",
                &who,
                &FIRST_TOKEN_BUCKETS,
            )?,
            per_token: histograms(
                metric::PER_TOKEN,
                "Time per output token after the first piece",
                &who,
                &PER_TOKEN_BUCKETS,
            )?,
            token_usage: histograms(
                metric::TOKEN_USAGE,
                "Tokens a request used",
                &[label::OPERATION, label::PROVIDER, label::MODEL, label::TOKEN_TYPE],
                &TOKEN_BUCKETS,
            )?,
            upstream_errors: counters(
                metric::UPSTREAM_ERRORS,
                "Failures of upstreams, retried or not",
                &[label::PROVIDER, label::KIND],
            )?,
            losses: counters(
                metric::LOSSES,
                "What translations could not carry",
                &[label::PROVIDER, label::FIELD, label::KIND],
            )?,
            guards: counters(
                metric::GUARDS,
                "What guards found in requests and answers",
                &[label::GUARD, label::RULE, label::ACTION, label::ON],
            )?,
            guard_calls: histograms(
                metric::GUARD_CALLS,
                "How long guards that live elsewhere took, by what became of it",
                &[label::GUARD, label::RESULT],
                &DURATION_BUCKETS,
            )?,
            limited: counters(
                metric::LIMITED,
                "Requests refused by a limit or budget",
                &[label::NODE, label::NAME, label::MEASURE],
            )?,
            alerts: counters(
                metric::ALERTS,
                "Budgets that reached the mark from which on somebody is told",
                &[label::NODE, label::NAME],
            )?,
            nodes: Mutex::new(FxHashSet::default()),
            reloads: counters(metric::RELOADS, "Reloads of the configuration", &[label::RESULT])?,
            in_flight_gauge: gauge(metric::IN_FLIGHT, "Requests that run now")?,
            held_gauge: gauge(metric::HELD, "Bytes of bodies held now")?,
            generation: gauge(metric::GENERATION, "Which world is served, counted from 1")?,
            staged: gauge(metric::STAGED, "Which world is staged, counted likewise; 0 where none is")?,
            staged_percent: gauge(metric::STAGED_PERCENT, "Of a hundred clients, so many see it")?,
            staged_requests: counters(
                metric::STAGED_REQUESTS,
                "Requests that saw a staged world, by how they ended",
                &[label::OUTCOME],
            )?,
            per_key: PerKey::new(&registry)?,
            ledger: [
                gauge(metric::LEDGER_FAILING, "Whether the ledger cannot be written: 1 if so")?,
                gauge(metric::LEDGER_WAITING, "Rows of the ledger that wait in memory")?,
                gauge(metric::LEDGER_LOST, "Rows that the ledger lacks, since the process began")?,
            ],
            journal: OnceLock::new(),
            models: Mutex::new(FxHashSet::default()),
            in_flight: Apart::default(),
            registry,
        })
    }

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
