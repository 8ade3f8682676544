//! Traces and metrics for OpenTelemetry's collectors and whoever else speaks OTLP.
//!
//! Workers note what happens in a [`Trace`], which leaves with the record. The thread
//! that tells of records makes spans of it, in the bytes in which they are sent, and puts them into a queue
//! that is bounded and that nobody waits at; `proxy/exporting` takes them from there.

mod batch;
mod content;
mod json;
mod outbox;
mod parameters;
mod points;
mod protobuf;
mod rejected;
mod span;
mod told;

use std::sync::Arc;
use std::time::Instant;

use prometheus::proto::MetricFamily;

pub use outbox::{Inbox, Parcel};
pub use rejected::rejected;

use crate::account::trace::{Context, Glimpse, Head, SpanId, Trace, TraceId};
use crate::account::{Outcome, Settled};
use crate::clock;
use crate::config::Otlp;
use crate::telemetry::metrics::Metrics;

/// Who decides what is traced, and where it is left.
#[derive(Debug)]
pub struct Tracing {
    settings: Otlp,
    outbox: outbox::Outbox,
    /// When counting began, in nanoseconds since 1970.
    began: u64,
}

impl Tracing {
    /// Tracing by these settings, and the other end of its queue.
    #[must_use]
    pub fn new(mut settings: Otlp, metrics: &Arc<Metrics>) -> (Self, Inbox) {
        for (name, value) in [
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", clock::secret()),
            ("telemetry.sdk.name", "tollgate".to_owned()),
            ("telemetry.sdk.language", "rust".to_owned()),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION").to_owned()),
        ] {
            // What the operator says holds.
            if settings.resource.iter().all(|(known, _)| known != name) {
                settings.resource.push((name.to_owned(), value));
            }
        }
        let (outbox, inbox) = outbox::outbox(settings.queue.as_usize(), metrics);
        (Self { settings, outbox, began: clock::unix_nanos() }, inbox)
    }

    /// A request came by this head, at this time: its place in a trace, where these are followed.
    #[must_use]
    pub fn begin(
        &self,
        asked: Option<Context>,
        state: Option<String>,
        head: Head,
        now: Instant,
    ) -> Option<Box<Trace>> {
        let settings = &self.settings;
        settings.traces.as_ref()?;
        let id = asked.map_or_else(
            || TraceId::new(u128::from(clock::random()) << 64 | u128::from(clock::random())),
            |asked| asked.trace,
        );
        let sampled = match asked {
            Some(asked) if settings.parent_based => asked.sampled,
            Some(_) | None => id.is_within(settings.sample),
        };
        let gone = clock::now().saturating_duration_since(now).as_nanos();
        let wall = clock::unix_nanos().saturating_sub(u64::try_from(gone).unwrap_or(0));
        Some(Box::new(Trace {
            id,
            span: fresh(),
            parent: asked.map(|asked| asked.span),
            state: state.filter(|_| asked.is_some()),
            sampled,
            noted: sampled || settings.errors,
            propagated: settings.propagate,
            began: (wall, now),
            head,
            steps: Vec::new(),
            answer: Glimpse::default(),
            asked: None,
            words: None,
        }))
    }

    /// A traced request is settled.
    pub(super) fn tell(&self, settled: &Settled, trace: &Trace) {
        let failed = match settled.record.outcome {
            Outcome::Answered | Outcome::ClientGone => false,
            Outcome::Refused(_) | Outcome::Broken => true,
        };
        if trace.sampled || (failed && self.settings.errors) {
            self.outbox.put(batch::parcel(
                self.settings.form,
                &told::spans(settled, trace, self.settings.content_limit.as_usize()),
            ));
        }
    }

    /// The body of one export of spans.
    #[must_use]
    pub fn spans(&self, parcels: &[Parcel]) -> Vec<u8> {
        batch::spans(self.settings.form, &self.settings.resource, parcels)
    }

    /// The body of one export of these metrics, as they stand now.
    #[must_use]
    pub fn metrics(&self, families: &[MetricFamily]) -> Vec<u8> {
        let times = (self.began, clock::unix_nanos());
        batch::metrics(self.settings.form, &self.settings.resource, families, times)
    }

    /// How it is set up.
    #[must_use]
    pub const fn settings(&self) -> &Otlp {
        &self.settings
    }

    /// Asks for all spans to be sent now, since the process ends.
    pub fn close(&self) {
        self.outbox.close();
    }

    /// Whether they are.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.outbox.is_closed()
    }
}

/// The id of a new span.
#[must_use]
pub fn fresh() -> SpanId {
    SpanId::new(clock::random())
}
