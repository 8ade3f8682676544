//! Which finished requests get a line, in which form, and where it goes.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::account::trace::ALL;
use crate::account::{Outcome, Settled};
use crate::clock;
use crate::config::{LogFormat, LogLines, LogOutput};
use crate::telemetry::{access_log, destination, pretty};

/// How lines are written, and where. What is cloned writes to the same place.
#[derive(Clone)]
pub struct Access {
    is_pretty: bool,
    /// The part of what went well that gets a line, of [`ALL`].
    sample: u64,
    /// Held for one batch of lines by the thread that tells, and by a worker only while that is behind.
    output: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("is_pretty", &self.is_pretty).finish_non_exhaustive()
    }
}

impl Access {
    /// Lines of JSON for all requests.
    #[must_use]
    pub fn json(output: Box<dyn Write + Send>) -> Self {
        Self { is_pretty: false, sample: ALL, output: Arc::new(Mutex::new(output)) }
    }

    /// What the configuration says.
    ///
    /// # Errors
    /// When the place where lines go cannot be had.
    pub fn open(lines: &LogLines) -> io::Result<Self> {
        let is_pretty = match lines.format {
            LogFormat::Auto => lines.output == LogOutput::Stdout && io::stdout().is_terminal(),
            LogFormat::Json => false,
            LogFormat::Pretty => true,
        };
        let output = destination::open(&lines.output)?;
        Ok(Self { is_pretty, sample: lines.sample, output: Arc::new(Mutex::new(output)) })
    }

    /// Adds the line of a request, if it gets one: whatever did not go well does.
    pub(super) fn tell(&self, settled: &Settled, lines: &mut Vec<u8>) {
        let well = settled.record.outcome == Outcome::Answered;
        if well && clock::random() >> 1 >= self.sample {
            return;
        }
        if self.is_pretty {
            pretty::write(settled, lines);
        } else {
            access_log::write(settled, lines);
        }
    }

    /// Writes lines.
    pub(super) fn write(&self, lines: &[u8]) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader of the log that went away must not stop the gateway.
        let _ = output.write_all(lines).and_then(|()| output.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Kind;
    use crate::telemetry::sample::settled;

    #[test]
    fn what_goes_well_may_be_left_out_and_nothing_else() {
        let told = |sample, outcome| {
            let access = Access { sample, ..Access::json(Box::new(io::sink())) };
            let mut settled = settled("m");
            settled.record.outcome = outcome;
            let mut lines = Vec::new();
            (0..400).for_each(|_| access.tell(&settled, &mut lines));
            String::from_utf8(lines).unwrap().lines().count()
        };
        assert_eq!(told(ALL, Outcome::Answered), 400);
        assert_eq!(told(0, Outcome::Answered), 0);
        assert!((50..350).contains(&told(ALL / 2, Outcome::Answered)));
        for outcome in [Outcome::Broken, Outcome::ClientGone, Outcome::Refused(Kind::RateLimited)] {
            assert_eq!(told(0, outcome), 400);
        }
    }
}
