//! What a settled request comes to as spans.
//!
//! The conventions have one span of a model's use that covers all its attempts: that is the request's own,
//! and all that was used stands there alone, so that nobody who adds up spans counts it twice. Names are
//! those of OpenTelemetry (HTTP 1.37, and the repository of the conventions for generative AI, November
//! 2026); what has none there begins with `tollgate.`.

use std::sync::Arc;
use std::time::Instant;

use super::span::{Attributes, Event, Failure, Kind, Span, Value};
use super::{content, parameters};
use crate::account::trace::{Deed, SpanId, Step, Trace, Try};
use crate::account::{Outcome, Record, Settled};
use crate::cache::Tier;
use crate::ir::{Dialect, FinishReason};
use crate::policy::guard::Direction;
use crate::telemetry::access_log::shown;
use crate::telemetry::names::{field, span as name};
use crate::units::PicoUsd;

/// The spans of one request: its own, then those of its steps. What was said is told up to this many bytes.
pub(super) fn spans(settled: &Settled, trace: &Trace, limit: usize) -> Vec<Span> {
    let mut spans = Vec::with_capacity(1 + trace.steps.len());
    let mut own = request(settled, trace);
    if let Some(words) = &trace.words {
        content::tell(&mut own, trace, words, limit);
    }
    spans.push(own);
    let mut resent = 0;
    for step in &trace.steps {
        spans.push(match &step.deed {
            Deed::Attempt(attempt) => {
                let span = tried(settled, trace, step, attempt, resent);
                resent += 1;
                span
            }
            Deed::Guard => guarded(settled, trace, step),
            Deed::External(guard, direction) => consulted(settled, trace, step, guard, *direction),
            Deed::Cache => looked_up(settled, trace, step),
        });
    }
    spans
}

/// When a moment of the steps' clock was, in nanoseconds since 1970.
fn moment(trace: &Trace, at: Instant) -> u64 {
    let (wall, began) = trace.began;
    let since = at.saturating_duration_since(began).as_nanos();
    wall.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
}

fn span(trace: &Trace, id: SpanId, kind: Kind, title: String, times: (u64, u64)) -> Span {
    Span {
        trace: trace.id,
        id,
        parent: Some(trace.span),
        is_remote: false,
        sampled: trace.sampled,
        state: trace.state.clone().unwrap_or_default(),
        name: title,
        kind,
        began: times.0,
        ended: times.1.max(times.0),
        attributes: Attributes::new(),
        events: Vec::new(),
        failure: None,
    }
}

/// What was done, and with which model.
fn title(record: &Record, model: &str) -> String {
    match (record.operation, model) {
        ("unknown", _) => "request".to_owned(),
        (operation, "") => operation.to_owned(),
        (operation, model) => format!("{operation} {}", shown(model)),
    }
}

fn request(settled: &Settled, trace: &Trace) -> Span {
    let record = &settled.record;
    let total = u64::try_from(record.timings.total.as_nanos()).unwrap_or(u64::MAX);
    let times = (trace.began.0, trace.began.0.saturating_add(total));
    let mut span = span(trace, trace.span, Kind::Server, title(record, &record.asked_model), times);
    span.parent = trace.parent;
    span.is_remote = trace.parent.is_some();
    asked(&mut span, record, trace);
    answered(&mut span, settled, trace);
    used(&mut span, settled);
    happened(&mut span, record, trace);
    let broken = matches!(record.outcome, Outcome::Broken);
    if record.status >= 500 || broken {
        span.failure = Some(Failure(record.outcome.label().to_owned()));
    }
    span
}

/// Who asked, and for what.
fn asked(span: &mut Span, record: &Record, trace: &Trace) {
    let head = &trace.head;
    span.text(name::METHOD, &head.method);
    span.text(name::PATH, shown(&head.path));
    span.set(name::SCHEME, "http");
    let (host, port) = match head.host.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().ok()),
        None => (head.host.as_str(), None),
    };
    span.text(name::SERVER, shown(host));
    span.maybe(name::SERVER_PORT, port);
    span.text(name::AGENT, shown(&head.agent));
    span.text(name::VERSION, head.version);
    span.maybe(field::CLIENT, record.address.map(|address| address.to_string()));
    span.set(name::BODY_IN, record.bytes.0);
    span.text(name::REQUEST_ID, record.id.as_str());
    if let Some(key) = &record.key {
        span.text(name::KEY, &key.name);
        span.text(name::OWNER, &key.owner);
        texts(span, name::LABELS, &key.labels);
    }
    if let Some(user) = record.user() {
        // Conventions have two names for it, and each is read by somebody.
        span.text(field::USER, user);
        span.text(name::USER, user);
    }
    if let Some(said) = &record.attribution {
        span.text(field::SESSION, said.session.as_deref().unwrap_or_default());
        texts(span, name::TAGS, &said.tags);
    }
    span.set(field::OPERATION, record.operation);
    span.text(field::REQUEST_MODEL, shown(&record.asked_model));
    span.maybe(name::CLIENT_DIALECT, record.client.map(Dialect::name));
    if record.stream {
        span.set(name::STREAM, true);
    }
    if let (Some(body), true) = (&trace.asked, record.operation == "chat") {
        parameters::read(body, span);
    }
}

fn texts(span: &mut Span, name: &'static str, texts: &[impl AsRef<str>]) {
    if !texts.is_empty() {
        let texts: Vec<String> = texts.iter().map(|text| text.as_ref().to_owned()).collect();
        span.set(name, texts);
    }
}

/// Who answered, and how.
fn answered(span: &mut Span, settled: &Settled, trace: &Trace) {
    let record = &settled.record;
    span.set(field::STATUS, record.status);
    span.set(name::BODY_OUT, record.bytes.1);
    span.set(name::OUTCOME, record.outcome.label());
    if record.outcome != Outcome::Answered {
        span.set(name::ERROR, record.outcome.label());
    }
    let last = trace.steps.iter().rev().find_map(|step| match &step.deed {
        Deed::Attempt(attempt) => Some(attempt),
        Deed::Guard | Deed::External(..) | Deed::Cache => None,
    });
    match (last, &record.provider) {
        (Some(attempt), _) => span.set(field::PROVIDER, provider(attempt)),
        (None, Some(provider)) => span.set(field::PROVIDER, provider.to_string()),
        (None, None) => {}
    }
    span.text(name::PROVIDER, record.provider.as_deref().unwrap_or_default());
    span.text(name::TARGET_MODEL, record.model.as_deref().unwrap_or_default());
    span.maybe(name::TARGET_DIALECT, record.metered.dialect.map(Dialect::name));
    span.set(name::VERBATIM, record.verbatim);
    span.set(name::ATTEMPTS, record.attempts);
    // What an error holds under these names is something else.
    if record.status < 300 {
        let model = record.metered.model.clone().or_else(|| trace.answer.model());
        span.maybe(field::RESPONSE_MODEL, model);
        span.maybe(name::RESPONSE_ID, trace.answer.id());
        let finish = trace.answer.finish();
        let finish = finish.or_else(|| settled.finish().map(FinishReason::name).map(str::to_owned));
        span.maybe(field::FINISH_REASONS, finish.map(|reason| vec![reason]));
    }
    if !record.losses.is_empty() {
        span.text(name::LOSSES, shown(&record.losses.to_header()));
    }
    span.maybe(name::CACHE, record.cache.map(Tier::name));
    span.set(name::OVERHEAD, record.timings.overhead.as_secs_f64());
}

/// What it used, and what that cost.
fn used(span: &mut Span, settled: &Settled) {
    if let Some(source) = settled.usage_source {
        let usage = &settled.usage;
        span.set(field::INPUT_TOKENS, usage.total_input());
        span.set(field::OUTPUT_TOKENS, usage.total_output());
        for (name, tokens) in [
            (field::CACHE_READ_TOKENS, usage.total_cache_read()),
            (field::CACHE_WRITE_TOKENS, usage.cache_write()),
            (name::REASONING_TOKENS, usage.reasoning),
        ] {
            span.maybe(name, (tokens > 0).then_some(tokens));
        }
        span.set(name::USAGE_SOURCE, source.label());
    }
    if let Some(cost) = settled.cost {
        span.set(name::COST, cost.as_usd_f64());
        // No convention has it; Langfuse reads this one.
        span.set(name::USAGE_COST, cost.as_usd_f64());
    }
    span.maybe(name::SAVED, settled.record.saved.map(PicoUsd::as_usd_f64));
}

/// What happened meanwhile.
fn happened(span: &mut Span, record: &Record, trace: &Trace) {
    if let Some(first) = record.timings.first_token {
        span.set(name::FIRST_CHUNK, first.as_secs_f64());
        let at = moment(trace, trace.began.1 + first);
        span.events.push(Event { at, name: name::FIRST_CHUNK_EVENT, attributes: Attributes::new() });
    }
    for verdict in &record.guards {
        let attributes: Attributes = vec![
            (name::GUARD.into(), verdict.guard.to_string().into()),
            (name::GUARD_RULE.into(), verdict.rule.to_string().into()),
            (name::GUARD_ACTION.into(), verdict.action.name().into()),
            (name::GUARD_ON.into(), verdict.direction.name().into()),
            (name::GUARD_COUNT.into(), Value::from(verdict.count)),
        ];
        let at = match verdict.direction {
            Direction::Request => trace.steps.iter().find(|step| matches!(step.deed, Deed::Guard)),
            Direction::Answer => None,
        };
        let at = at.and_then(|step| step.ended).map_or(span.ended, |ended| moment(trace, ended));
        span.events.push(Event { at, name: name::GUARD_EVENT, attributes });
    }
}

fn times(settled: &Settled, trace: &Trace, step: &Step) -> (u64, u64) {
    let end = trace.began.1 + settled.record.timings.total;
    (moment(trace, step.began), moment(trace, step.ended.unwrap_or(end)))
}

fn tried(settled: &Settled, trace: &Trace, step: &Step, attempt: &Try, resent: u32) -> Span {
    let title = title(&settled.record, &attempt.model);
    let mut span = span(trace, step.span, Kind::Client, title, times(settled, trace, step));
    span.set(name::METHOD, attempt.method.to_string());
    span.text(name::SERVER, &attempt.host);
    span.set(name::SERVER_PORT, attempt.port);
    span.set(field::PROVIDER, provider(attempt));
    span.text(name::PROVIDER, &attempt.provider);
    span.text(name::TARGET_MODEL, &attempt.model);
    span.set(name::TARGET_DIALECT, attempt.dialect);
    span.maybe(field::STATUS, attempt.status);
    span.maybe(name::RESENT, (resent > 0).then_some(resent));
    let failed = attempt.status.filter(|status| *status >= 400);
    let error = attempt.error.clone().or_else(|| Some(failed?.to_string().into()));
    if let Some(error) = error {
        span.failure = Some(Failure(error.to_string()));
        span.set(name::ERROR, error);
    }
    span
}

/// The vendor by the name that the conventions have for it, or by our own.
fn provider(attempt: &Try) -> String {
    let known = match attempt.vendor {
        "gemini" => "gcp.gemini",
        "vertex" => "gcp.vertex_ai",
        "bedrock" => "aws.bedrock",
        "azure" => "azure.ai.openai",
        "mistral" | "codestral" => "mistral_ai",
        "xai" => "x_ai",
        "custom" => &*attempt.provider,
        other => other,
    };
    known.to_owned()
}

fn guarded(settled: &Settled, trace: &Trace, step: &Step) -> Span {
    let times = times(settled, trace, step);
    let mut span = span(trace, step.span, Kind::Internal, "guard request".to_owned(), times);
    let verdicts = settled.record.guards.iter().filter(|verdict| verdict.direction == Direction::Request);
    let verdicts: Vec<String> =
        verdicts.map(|verdict| format!("{}/{}", verdict.guard, verdict.rule)).collect();
    if !verdicts.is_empty() {
        span.set(name::GUARD_FINDINGS, verdicts);
    }
    span
}

/// One that lives elsewhere.
fn consulted(settled: &Settled, trace: &Trace, step: &Step, guard: &Arc<str>, direction: Direction) -> Span {
    let times = times(settled, trace, step);
    let mut span = span(trace, step.span, Kind::Client, format!("guard {guard}"), times);
    span.text(name::GUARD, guard);
    span.set(name::GUARD_ON, direction.name());
    let own = settled.record.guards.iter();
    let own = own.filter(|verdict| verdict.direction == direction && verdict.guard == *guard);
    let verdicts: Vec<String> = own.map(|verdict| format!("{}/{}", verdict.guard, verdict.rule)).collect();
    if !verdicts.is_empty() {
        span.set(name::GUARD_FINDINGS, verdicts);
    }
    span
}

fn looked_up(settled: &Settled, trace: &Trace, step: &Step) -> Span {
    let times = times(settled, trace, step);
    let mut span = span(trace, step.span, Kind::Internal, "look up cache".to_owned(), times);
    span.maybe(name::CACHE, settled.record.cache.map(Tier::name));
    span
}
