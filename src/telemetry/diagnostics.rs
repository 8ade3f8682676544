//! The log of the gateway itself, on standard error: what it decides, and what goes wrong.

use std::io::Write as _;

use log::{LevelFilter, Log, Metadata, Record};

use crate::clock;
use crate::config::LogLevel;

struct Diagnostics;

impl Log for Diagnostics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Pingora tells of each connection and retry at its own levels; ours say enough. What it
        // calls errors on a connection is what any client can cause as often as it likes.
        let target = metadata.target();
        let limit = if target.starts_with("tollgate") {
            log::max_level()
        } else if ["pingora_proxy", "pingora_core::apps"].iter().any(|room| target.starts_with(room)) {
            if log::max_level() >= LevelFilter::Debug { LevelFilter::Error } else { LevelFilter::Off }
        } else {
            LevelFilter::Error
        };
        metadata.level() <= limit
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let time = clock::rfc3339(clock::unix_millis());
            // Nobody can be told that standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "{time} {:5} {}", record.level(), record.args());
        }
    }

    fn flush(&self) {}
}

/// Switches the log on at this level. A second call only changes the level.
pub fn start(level: LogLevel) {
    static DIAGNOSTICS: Diagnostics = Diagnostics;
    // Fails only when it is on already.
    let _ = log::set_logger(&DIAGNOSTICS);
    log::set_max_level(match level {
        LogLevel::Off => LevelFilter::Off,
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warn => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
        LogLevel::Trace => LevelFilter::Trace,
    });
}
