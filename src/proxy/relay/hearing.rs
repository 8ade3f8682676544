//! Answers that go through untouched, of which nothing is understood but their usage.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::account::{Meter, Metered};
use crate::dialect::Relayed;
use crate::ir::Dialect;
use crate::wire::sse;

/// Of an answer that is no stream this much of its end is held, where the numbers stand.
const TAIL: usize = 64 << 10;

/// An event may not be larger than this; pictures come in events.
const LARGEST_EVENT: usize = 32 << 20;

/// An answer that goes through untouched.
#[derive(Debug)]
pub struct Hearing {
    meter: Meter,
    relayed: Relayed,
    ear: Ear,
}

#[derive(Debug)]
enum Ear {
    Events(sse::Parser),
    /// The last pieces, not much more than [`TAIL`] bytes.
    Tail(VecDeque<Bytes>, usize),
}

impl Hearing {
    /// The answer of a relayed operation, as events or whole.
    #[must_use]
    pub fn new(relayed: Relayed, event_stream: bool) -> Self {
        let ear = if event_stream {
            Ear::Events(sse::Parser::new(LARGEST_EVENT))
        } else {
            Ear::Tail(VecDeque::new(), 0)
        };
        Self { meter: Meter::new(Dialect::OpenaiChat, event_stream), relayed, ear }
    }

    /// Listens to a piece of the answer.
    pub fn listen(&mut self, chunk: Option<&Bytes>, end: bool, now: Instant) {
        let Self { meter, relayed, ear } = self;
        if chunk.is_some() {
            meter.touch(now);
        }
        match ear {
            Ear::Events(frames) => {
                let mut hear = |frame: sse::Frame<'_>| {
                    if let Some(usage) = relayed.find_usage(&frame.data) {
                        meter.told(&usage);
                    }
                };
                // What cannot be framed goes through all the same; only its usage is not seen.
                let _ = chunk.map_or(Ok(()), |chunk| frames.push(chunk, &mut hear));
                if end {
                    let _ = frames.finish(hear);
                }
            }
            Ear::Tail(pieces, held) => {
                if let Some(chunk) = chunk {
                    *held += chunk.len();
                    pieces.push_back(chunk.clone());
                }
                while pieces.front().is_some_and(|first| *held - first.len() >= TAIL) {
                    *held -= pieces.pop_front().map_or(0, |first| first.len());
                }
                if end {
                    let tail: Vec<u8> = pieces.drain(..).flatten().collect();
                    if let Some(usage) = relayed.find_usage(&tail) {
                        meter.told(&usage);
                    }
                }
            }
        }
    }

    /// What the meter saw.
    #[must_use]
    pub fn into_metered(self) -> Metered {
        self.meter.finish()
    }
}
