//! The series that requests of one kind add to, looked up once and then held.
//!
//! Finding a series by its labels hashes every label, ten times a request; a thread that tells of
//! many requests remembers what it found.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Counter, Histogram, HistogramVec, IntCounter};
use rustc_hash::FxHashMap;

use crate::account::Settled;
use crate::ir::{Dialect, UsageSource};
use crate::telemetry::metrics::{Metrics, OTHER};
use crate::telemetry::per_key::Keys;
use crate::telemetry::standing::{Place, Standing};

/// Tells the metrics of settled requests, and how providers do. One for each thread; any number may tell
/// the same metrics.
pub(super) struct Observer {
    metrics: Arc<Metrics>,
    standing: Arc<Standing>,
    /// By the model as the label names it; of one model there are few kinds.
    known: FxHashMap<Arc<str>, Vec<Series>>,
}

/// The series of one kind of request; those that may never be needed are made when they are.
struct Series {
    operation: &'static str,
    client: Option<Dialect>,
    provider: Option<Arc<str>>,
    /// The model as the label names it.
    model: Arc<str>,
    /// Requests by status and outcome.
    requests: Vec<((u16, &'static str), IntCounter)>,
    duration: Histogram,
    overhead: Histogram,
    first_token: Option<Histogram>,
    per_token: Option<Histogram>,
    /// Tokens by class and source.
    tokens: Vec<((&'static str, UsageSource), IntCounter)>,
    /// Tokens a request: input and output.
    token_usage: Option<[Histogram; 2]>,
    cost: Option<Counter>,
    /// Those of each key.
    keys: Keys,
    /// How the provider does.
    place: Option<Arc<Place>>,
}

impl Observer {
    /// An observer that knows no series yet.
    pub(super) fn new(metrics: Arc<Metrics>, standing: Arc<Standing>) -> Self {
        Self { metrics, standing, known: FxHashMap::default() }
    }

    /// One request settled.
    pub(super) fn observe(&mut self, settled: &Settled) {
        let model = settled.record.model.as_deref().unwrap_or("");
        match self.known.get_mut(model).and_then(|known| known.iter_mut().find(|series| series.fits(settled)))
        {
            Some(series) => series.observe(&self.metrics, settled),
            None => self.meet(model, settled),
        }
        self.metrics.failed(settled);
        self.standing.failed(settled);
        self.metrics.counted(model, settled);
        self.metrics.cached(model, settled);
    }

    /// Observes a request of a kind that was not seen yet, or of a model that has no label of its own.
    fn meet(&mut self, model: &str, settled: &Settled) {
        let label: Arc<str> = if self.metrics.admits(model) { model } else { OTHER }.into();
        let known = self.known.entry(Arc::clone(&label)).or_default();
        if let Some(series) = known.iter_mut().find(|series| series.fits(settled)) {
            return series.observe(&self.metrics, settled);
        }
        let mut series = Series::new(&self.metrics, &self.standing, label, settled);
        series.observe(&self.metrics, settled);
        known.push(series);
    }
}

impl Series {
    fn new(metrics: &Metrics, standing: &Standing, model: Arc<str>, settled: &Settled) -> Self {
        let record = &settled.record;
        let provider = record.provider.as_deref().unwrap_or("");
        Self {
            operation: record.operation,
            client: record.client,
            provider: record.provider.clone(),
            requests: Vec::new(),
            duration: metrics.duration.with_label_values(&[record.operation, provider, &model]),
            overhead: metrics.overhead.with_label_values(&[record.operation]),
            first_token: None,
            per_token: None,
            tokens: Vec::new(),
            token_usage: None,
            cost: None,
            keys: Keys::default(),
            place: record.provider.as_ref().map(|provider| standing.place(provider)),
            model,
        }
    }

    fn fits(&self, settled: &Settled) -> bool {
        let record = &settled.record;
        self.operation == record.operation && self.client == record.client && self.provider == record.provider
    }

    fn observe(&mut self, metrics: &Metrics, settled: &Settled) {
        let record = &settled.record;
        let Self { operation, model, .. } = self;
        let provider = self.provider.as_deref().unwrap_or("");
        let who: [&str; 3] = [operation, provider, model];
        let (status, outcome) = (record.status, record.outcome.label());
        add(&mut self.requests, (status, outcome), 1, || {
            let client = record.client.map_or("", Dialect::name);
            let labels = [*operation, client, provider, model, &status.to_string(), outcome];
            metrics.requests.with_label_values(&labels)
        });
        self.duration.observe(record.timings.total.as_secs_f64());
        self.overhead.observe(record.timings.overhead.as_secs_f64());
        observe(&mut self.first_token, &metrics.first_token, &who, record.timings.first_token);
        observe(&mut self.per_token, &metrics.per_token, &who, settled.time_per_token());
        if let Some(source) = settled.usage_source {
            for (class, tokens) in settled.usage.classes().into_iter().filter(|(_, tokens)| *tokens > 0) {
                let labels = [provider, model, class, source.label()];
                add(&mut self.tokens, (class, source), tokens, || metrics.tokens.with_label_values(&labels));
            }
            let side = |side| metrics.token_usage.with_label_values(&[*operation, provider, model, side]);
            let [input, output] = self.token_usage.get_or_insert_with(|| [side("input"), side("output")]);
            #[allow(clippy::cast_precision_loss)]
            for (side, tokens) in
                [(input, settled.usage.total_input()), (output, settled.usage.total_output())]
            {
                side.observe(tokens as f64);
            }
        }
        if let Some(cost) = settled.cost {
            let series = self.cost.get_or_insert_with(|| metrics.cost.with_label_values(&[provider, model]));
            series.inc_by(cost.as_usd_f64());
        }
        if let Some(key) = &record.key {
            self.keys.observe(&metrics.per_key, key, settled, &self.model);
        }
        if let Some(place) = &self.place {
            place.observe(settled);
        }
    }
}

/// Adds to the counter under a key, which is made where it is not there yet.
fn add<K: PartialEq>(
    list: &mut Vec<(K, IntCounter)>,
    key: K,
    amount: u64,
    make: impl FnOnce() -> IntCounter,
) {
    if let Some((_, counter)) = list.iter().find(|(known, _)| *known == key) {
        return counter.inc_by(amount);
    }
    let counter = make();
    counter.inc_by(amount);
    list.push((key, counter));
}

fn observe(series: &mut Option<Histogram>, all: &HistogramVec, labels: &[&str], time: Option<Duration>) {
    if let Some(time) = time {
        series.get_or_insert_with(|| all.with_label_values(labels)).observe(time.as_secs_f64());
    }
}

#[cfg(test)]
mod tests;
