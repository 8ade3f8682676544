//! The ledger as a human writes it.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::{Interval, Size};
use crate::units::ByteSize;

/// The ledger: a row for every finished request, and sums by the hour, in `data_dir`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Ledger {
    /// Whether there is one. Default: true. Needs a restart.
    pub(in crate::config) enabled: bool,
    /// How long rows of single requests are kept, or `off` for ever. Default: `90d`. Needs a restart.
    pub(in crate::config) keep: Interval,
    /// How long sums by the hour are kept, or `off` for ever. Default: `1095d`. Needs a restart.
    pub(in crate::config) keep_rollups: Interval,
    /// How long bodies are kept that routes and keys want logged, or `off` for ever. Default: `7d`. Needs a
    /// restart.
    pub(in crate::config) keep_bodies: Interval,
    /// As much is logged of a request's body, and of its answer's; the rest is cut off. Default: `64KiB`.
    pub(in crate::config) body_size: Size,
    /// What becomes of requests while nothing can be written: `refuse` them, or `serve` them and count
    /// what the ledger lacks. Default: `refuse`. Needs a restart.
    pub(in crate::config) when_full: WhenFull,
    /// Whether a row is on the disk before its request counts as done: `never`, which survives any end
    /// of the process but no loss of power, or `always`, which costs a write to the disk a request.
    /// Default: `never`. Needs a restart.
    pub(in crate::config) sync: Sync,
}

/// What happens to requests while no row can be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// None is begun: what it used might be lost.
    #[default]
    Refuse,
    /// They are served; what is lost is counted.
    Serve,
}

/// Whether a row is on the disk before anything else happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    /// It is the system's, which survives the process but no loss of power.
    #[default]
    Never,
    /// It is on the disk.
    Always,
}

impl Default for Ledger {
    fn default() -> Self {
        let days = |days: u64| Interval(Some(Duration::from_secs(days * 86_400)));
        Self {
            enabled: true,
            keep: days(90),
            keep_rollups: days(1095),
            keep_bodies: days(7),
            body_size: Size(ByteSize(64 << 10)),
            when_full: WhenFull::default(),
            sync: Sync::default(),
        }
    }
}
