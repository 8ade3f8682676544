//! Each metric: its name, what it counts, by which labels, and in which buckets.

use std::sync::{Mutex, OnceLock};

use prometheus::{
    CounterVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};
use rustc_hash::FxHashSet;

use super::Metrics;
use crate::telemetry::names::{label, metric};
use crate::telemetry::per_key::PerKey;
use crate::telemetry::tiers::Tiers;
use crate::units::Apart;

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
}
