//! How many requests go to a model at one time, who waits, and who is heard to the end, as a human writes it.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::{Concurrency, Span};

/// How many requests a model of a provider has in flight at most, and what becomes of those above: they wait
/// in a line before it, by priority and in turns between owners.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Pressure {
    /// How many requests each model of each provider has in flight: a number, `adaptive` for as many as it
    /// answers as quickly as usual, or `off` for any number. A provider may have another. Default: `off`.
    pub(in crate::config) concurrency: Concurrency,
    /// The fewest, where that is `adaptive`. Default: 2.
    pub(in crate::config) least: u32,
    /// The most, where that is `adaptive`. Default: 1000.
    pub(in crate::config) most: u32,
    /// How many wait before a model; 0 refuses them at once. Default: 1000.
    pub(in crate::config) queue: u32,
    /// How long one waits before another target is asked, or it is refused with 503 and a time to come
    /// back; never longer than its own time-out. Default: `30s`.
    pub(in crate::config) wait: Span,
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            concurrency: Concurrency::Off,
            least: 2,
            most: 1000,
            queue: 1000,
            wait: Span(Duration::from_secs(30)),
        }
    }
}

/// What becomes of an answer whose client leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ClientGone {
    /// The provider is let go.
    #[default]
    Close,
    /// It is heard to its end.
    Drain,
}
