//! Listeners of [`Settled`](crate::account::Settled): metrics, the access log and traces.
//!
//! Workers only put records into a queue. One thread of its own counts, prices, and tells; it
//! looks into the queue on a beat instead of being woken, so that a request costs no wake-up.

pub mod access;
pub mod access_log;
pub mod breakers;
mod budgets;
mod destination;
pub mod diagnostics;
pub mod feed;
pub mod listener;
pub mod metrics;
pub mod names;
pub mod otlp;
pub mod per_key;
pub mod pressure;
mod pretty;
#[cfg(test)]
mod sample;
mod series;
pub mod standing;
mod tiers;

pub use access::Access;
pub use listener::{Listener, Telemetry};
pub use metrics::Metrics;
pub use otlp::Tracing;
