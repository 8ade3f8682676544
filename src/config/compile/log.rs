//! Where the lines of finished requests go, and in what form.

use std::path::PathBuf;

use super::Check;
use crate::config::file::File;
use crate::config::{LogLines, LogOutput};

/// The port and the socket at which a system's log is, unless something else is said.
const PORT: u16 = 514;
const SOCKET: &str = "/dev/log";

/// More old files than this nobody reads.
const MOST_FILES: u32 = 1000;

pub(super) fn compile(file: &File, check: &mut Check<'_>) -> LogLines {
    let written = &file.log;
    let path = ["log", "output"];
    let output = match written.output.trim() {
        "" | "stdout" | "-" => LogOutput::Stdout,
        "syslog" => LogOutput::Socket(PathBuf::from(SOCKET)),
        text => match text.split_once("://") {
            None => LogOutput::File {
                path: PathBuf::from(text),
                size: written.rotate_size.0,
                keep: written.rotate_keep,
            },
            Some(("syslog", place)) if place.starts_with('/') => LogOutput::Socket(PathBuf::from(place)),
            Some(("syslog", place)) => host(place).map_or_else(
                || {
                    check.error(&path, "expected a host and a port such as syslog://10.0.0.1:514", None);
                    LogOutput::Stdout
                },
                |(host, port)| LogOutput::Host(host, port),
            ),
            Some(_) => {
                let hint = "a path, or stdout".to_owned();
                check.error(&path, "expected stdout, a file, syslog or syslog://HOST:PORT", hint);
                LogOutput::Stdout
            }
        },
    };
    if written.rotate_size.0.0 < 1024 {
        check.error(&["log", "rotate_size"], "expected a size of at least 1KiB", None);
    }
    if written.rotate_keep > MOST_FILES {
        let message = format!("expected a number from 0 to {MOST_FILES}");
        check.error(&["log", "rotate_keep"], message, None);
    }
    LogLines { format: written.format, output, sample: written.sample.of_all_traces() }
}

/// A host, and a port that may be left out.
fn host(place: &str) -> Option<(String, u16)> {
    let place = place.trim_end_matches('/');
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => (host, port.parse().ok().filter(|port| *port > 0)?),
        Some(_) | None => (place, PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port))
}
