//! What is logged, as a human writes it.

use serde::Deserialize;

use super::scalar::{Fraction, Size};
use crate::units::ByteSize;

/// What is logged.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Log {
    /// The least important kind of line that is written. Default: `info`. Needs a restart.
    pub(in crate::config) level: LogLevel,
    /// Whether each finished request gets a line. Default: true. Needs a restart.
    pub(in crate::config) access: bool,
    /// In which form: `json`, `pretty` for eyes, or `auto`, which is `pretty` on a terminal alone.
    /// Default: `auto`. Needs a restart.
    pub(in crate::config) format: LogFormat,
    /// Where to: `stdout`, a file's path, `syslog`, or `syslog://HOST:PORT` by UDP. Default: `stdout`.
    /// Needs a restart.
    pub(in crate::config) output: String,
    /// How large that file may become before another is begun. Default: `100MiB`. Needs a restart.
    pub(in crate::config) rotate_size: Size,
    /// How many old files are kept: 0 to 1000. Default: 5. Needs a restart.
    pub(in crate::config) rotate_keep: u32,
    /// The part of what goes well that gets a line, from 0 to 1; what is refused or fails always does.
    /// Default: 1. Needs a restart.
    pub(in crate::config) sample: Fraction,
}

/// In which form lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For eyes on a terminal, else for programs.
    #[default]
    Auto,
    /// For programs: an object a line.
    Json,
    /// For eyes.
    Pretty,
}

/// How important a log line must be to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing is logged.
    Off,
    /// Data was lost, or there is a bug.
    Error,
    /// Somebody should look.
    Warn,
    /// What happened.
    Info,
    /// What was decided, and why.
    Debug,
    /// Everything.
    Trace,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            access: true,
            format: LogFormat::default(),
            output: "stdout".to_owned(),
            rotate_size: Size(ByteSize(100 << 20)),
            rotate_keep: 5,
            sample: Fraction(1.0),
        }
    }
}
