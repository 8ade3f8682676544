//! When it is not worth asking a provider, as a human writes it.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::{Interval, Percent, Span};

/// When it is not worth asking a provider, one of its keys or one of its models for a while; other
/// targets and keys are asked then.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Breakers {
    /// Whether there are any. Default: true.
    pub(in crate::config) enabled: bool,
    /// So many failures within `window` open one; 1 to 10000. Default: 5.
    pub(in crate::config) failures: u32,
    /// If they are at least such a part of all attempts since the first of them. Default: `50%`.
    pub(in crate::config) share: Percent,
    /// How long failures are counted together. Default: `30s`.
    pub(in crate::config) window: Span,
    /// How long one stays open; twice as long each time it fails again. A key that is refused, and one
    /// over its limit, is left alone at once: for as long as the provider asks, or for this.
    /// Default: `10s`.
    pub(in crate::config) cool_down: Span,
    /// The longest that one stays open, whatever the provider asks for. Default: `5m`.
    pub(in crate::config) longest: Span,
    /// An answer that begins later counts as a failure of its model, or `off`. Default: `off`.
    pub(in crate::config) slow: Interval,
    /// How often a host that is left alone is asked for its models, to see whether it is back; `off` leaves
    /// that to one client every second once its time is over. At most once a second. Default: `off`.
    pub(in crate::config) probe: Interval,
    /// Whether a target whose breaker is open is asked all the same where there is no other; else the
    /// request is refused with 503 and a time to come back. Default: true.
    pub(in crate::config) last_resort: bool,
}

impl Default for Breakers {
    fn default() -> Self {
        Self {
            enabled: true,
            failures: 5,
            share: Percent(50),
            window: Span(Duration::from_secs(30)),
            cool_down: Span(Duration::from_secs(10)),
            longest: Span(Duration::from_secs(300)),
            slow: Interval(None),
            probe: Interval(None),
            last_resort: true,
        }
    }
}
