//! What one request leaves for whoever follows traces: which trace it belongs to, and the steps it took.
//!
//! Workers note times and names; spans are made of them where records are told of.

mod context;
mod glimpse;
mod words;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::policy::guard::Direction;

pub use context::{ALL, Context, SpanId, TraceId};
pub use glimpse::Glimpse;
pub use words::Words;

/// One request in its trace.
#[derive(Debug)]
pub struct Trace {
    /// The trace.
    pub id: TraceId,
    /// The request's own span.
    pub span: SpanId,
    /// The span of the client that asked, where it told.
    pub parent: Option<SpanId>,
    /// What others on the way noted for themselves (`tracestate`).
    pub state: Option<String>,
    /// Whether it is told of however it ends.
    pub sampled: bool,
    /// Whether anything is noted: it is sampled, or will be should it fail.
    pub noted: bool,
    /// Whether providers are told of it.
    pub propagated: bool,
    /// When the request came, in nanoseconds since 1970, and by the clock of its steps.
    pub began: (u64, Instant),
    /// What of the client's head has a name in the conventions.
    pub head: Head,
    /// The steps in the order in which they began.
    pub steps: Vec<Step>,
    /// What is kept of the provider's answer.
    pub answer: Glimpse,
    /// What the client asked, as guards left it.
    pub asked: Option<Bytes>,
    /// What it was answered, where that is told.
    pub words: Option<Box<Words>>,
}

/// What of the client's head has a name in the conventions.
#[derive(Debug, Default)]
pub struct Head {
    /// The method.
    pub method: String,
    /// The path, without a query, in which a key may stand.
    pub path: String,
    /// The host and port that the client asked for.
    pub host: String,
    /// What the client says it is.
    pub agent: String,
    /// The version of HTTP.
    pub version: &'static str,
}

/// A part of the work on one request.
#[derive(Debug)]
pub struct Step {
    /// Its span.
    pub span: SpanId,
    /// When it began.
    pub began: Instant,
    /// When it ended; `None` while it runs.
    pub ended: Option<Instant>,
    /// What was done.
    pub deed: Deed,
}

/// What a step does.
#[derive(Debug)]
pub enum Deed {
    /// A provider is asked.
    Attempt(Box<Try>),
    /// Guards look at what is asked.
    Guard,
    /// One that lives elsewhere is asked about what goes this way.
    External(Arc<str>, Direction),
    /// The cache is asked for an answer.
    Cache,
}

/// One attempt at a provider.
#[derive(Debug)]
pub struct Try {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The vendor's id.
    pub vendor: &'static str,
    /// The model as the provider knows it.
    pub model: Arc<str>,
    /// How it is spoken to.
    pub dialect: &'static str,
    /// How it is asked.
    pub method: http::Method,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The status of its answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<Cow<'static, str>>,
}

impl Trace {
    /// The context for whomever the newest step asks.
    #[must_use]
    pub fn onwards(&self) -> Context {
        let asking = self.steps.last().filter(|step| matches!(step.deed, Deed::Attempt(_)));
        let span = asking.map_or(self.span, |step| step.span);
        Context { trace: self.id, span, sampled: self.sampled }
    }

    /// A step begins.
    pub fn begin(&mut self, span: SpanId, now: Instant, deed: Deed) {
        self.steps.push(Step { span, began: now, ended: None, deed });
    }

    /// A step was made beside the attempt that runs.
    pub fn aside(&mut self, step: Step) {
        let runs = self.steps.last().is_some_and(|last| last.ended.is_none());
        self.steps.insert(self.steps.len() - usize::from(runs), step);
    }

    /// Whatever runs still ends.
    pub fn end(&mut self, now: Instant) {
        for step in self.steps.iter_mut().rev().take_while(|step| step.ended.is_none()) {
            step.ended = Some(now);
        }
    }

    /// The attempt that runs.
    pub fn attempt(&mut self) -> Option<&mut Try> {
        match self.steps.last_mut() {
            Some(Step { ended: None, deed: Deed::Attempt(attempt), .. }) => Some(attempt),
            Some(_) | None => None,
        }
    }

    /// The attempt that runs has failed.
    pub fn fail(&mut self, why: impl Into<Cow<'static, str>>, now: Instant) {
        if let Some(attempt) = self.attempt() {
            attempt.error.get_or_insert(why.into());
        }
        self.end(now);
    }
}
