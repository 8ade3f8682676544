//! What becomes of an upstream's answer on its way to the client.

use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;

use crate::account::{Meter, Metered};
use crate::dialect::transcode::Transcoder;
use crate::dialect::{Framing, Restore, Seed, StreamShape};
use crate::fault::Fault;
use crate::ir::{Dialect, Event, Losses, Usage};
use crate::units::Secret;

pub use breaking::in_stream;
pub use gathering::{Failing, Gathering, Into, Outcome, mask};
pub use hearing::{Find, Hearing, model_in};
pub use holding::{Beginning, Holding};
pub use overhearing::Overhearing;
pub use passing::Passing;

mod breaking;
mod gathering;
mod hearing;
mod holding;
mod mask;
mod overhearing;
mod passing;
mod stripping;

/// An event of a stream that is listened to may not be larger than this.
pub const LARGEST_EVENT: usize = 32 << 20;

/// What becomes of an answer.
#[derive(Debug, Default)]
pub enum Relay {
    /// No answer came yet.
    #[default]
    Waiting,
    /// A whole answer goes through.
    Pass(Box<Meter>),
    /// A stream goes through.
    Stream(Box<Passing>),
    /// An answer of which only the usage is understood goes through.
    Hear(Box<Hearing>),
    /// A whole answer is gathered, then said again.
    Whole(Box<Gathering>),
    /// A stream is said again event by event.
    Transcode(Box<Transcoding>),
    /// A realtime session goes through.
    Tunnel(Box<Overhearing>),
    /// An error is gathered, then said in the client's words.
    Error(Box<Failing>),
}

/// A stream that is said again.
#[derive(Debug)]
pub struct Transcoding {
    meter: Meter,
    pipe: Transcoder,
    /// What broke the stream off.
    fault: Option<Fault>,
}

impl Relay {
    /// A whole answer in this dialect goes through.
    #[must_use]
    pub fn pass(dialect: Dialect) -> Self {
        Self::Pass(Box::new(Meter::new(dialect, false)))
    }

    /// A stream in this dialect goes through, perhaps without its usage event.
    #[must_use]
    pub fn stream(dialect: Dialect, framing: Framing, strip_usage: bool) -> Self {
        Self::Stream(Box::new(Passing::new(dialect, framing, strip_usage)))
    }

    /// An answer goes through in which nothing but its usage is understood, and that hides `secret`
    /// if given one.
    #[must_use]
    pub fn hear(dialect: Dialect, find: Find, event_stream: bool, secret: Option<&Secret>) -> Self {
        Self::Hear(Box::new(Hearing::new(dialect, find, event_stream, secret)))
    }

    /// A whole answer is said again.
    #[must_use]
    pub fn whole(upstream: Dialect, client: Dialect, seed: Seed, into: Into) -> Self {
        Self::Whole(Box::new(Gathering::new(upstream, client, seed, into)))
    }

    /// A stream is said again.
    #[must_use]
    pub fn transcode(
        upstream: Dialect,
        client: Dialect,
        restore: Restore,
        seed: &Seed,
        shape: StreamShape,
    ) -> Self {
        let pipe = Transcoder::new(upstream, client, restore, seed, shape);
        Self::Transcode(Box::new(Transcoding { meter: Meter::new(upstream, true), pipe, fault: None }))
    }

    /// An error is said in the client's words; `undecided` if its body may yet tell that another
    /// attempt is worth making.
    #[must_use]
    pub fn error(
        upstream: Dialect,
        client: Dialect,
        status: u16,
        headers: HeaderMap,
        undecided: bool,
    ) -> Self {
        Self::Error(Box::new(Failing::new(upstream, client, status, headers, undecided)))
    }

    /// Whether the answer is gathered, so that its head can wait for its body.
    #[must_use]
    pub const fn gathers(&self) -> bool {
        matches!(self, Self::Whole(_) | Self::Error(_))
    }

    /// Listens to a piece of the upstream's answer.
    pub fn listen(&mut self, chunk: Option<&Bytes>, end: bool, now: Instant) {
        match self {
            Self::Waiting | Self::Error(_) => {}
            Self::Pass(meter) => {
                if let Some(chunk) = chunk {
                    meter.chunk(chunk, now);
                }
                if end {
                    meter.whole();
                }
            }
            Self::Whole(gathering) => {
                if let Some(chunk) = chunk {
                    gathering.listen(chunk, now);
                }
            }
            Self::Transcode(transcoding) => {
                if let Some(chunk) = chunk {
                    transcoding.meter.chunk(chunk, now);
                }
            }
            Self::Stream(passing) => passing.listen(chunk, end, now),
            Self::Tunnel(session) => session.listen(chunk, now),
            Self::Hear(hearing) => hearing.listen(chunk, end, now),
        }
    }

    /// Turns a piece of an answer that is not gathered into what the client gets of it.
    pub fn speak(&mut self, body: &mut Option<Bytes>, end: bool) {
        match self {
            Self::Waiting | Self::Pass(_) | Self::Whole(_) | Self::Error(_) => {}
            Self::Hear(hearing) => hearing.speak(body, end),
            Self::Tunnel(session) => session.speak(body, end),
            Self::Stream(passing) => passing.speak(body, end),
            Self::Transcode(transcoding) => {
                let mut out = Vec::new();
                let Transcoding { meter, pipe, fault } = transcoding.as_mut();
                let mut see = |event: &Event| {
                    meter.event(event);
                    if let (Event::Fault(told), None) = (event, &fault) {
                        *fault = Some(told.clone());
                    }
                };
                if let Some(chunk) = body.take() {
                    out.reserve(chunk.len() + chunk.len() / 2);
                    pipe.push(&chunk, &mut out, &mut see);
                }
                if end {
                    pipe.finish(&mut out, &mut see);
                }
                *body = (!out.is_empty()).then(|| out.into());
            }
        }
    }

    /// Whether a stream that is said again has come to its end.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self, Self::Transcode(transcoding) if transcoding.pipe.is_ended())
    }

    /// An answer that is not gathered from anybody is known to have used this.
    pub fn tell(&mut self, usage: &Usage) {
        if let Self::Whole(gathering) = self {
            gathering.tell(usage);
        }
    }

    /// Adds a piece to an answer that is gathered.
    pub fn gather(&mut self, chunk: &[u8]) {
        match self {
            Self::Whole(gathering) => gathering.gather(chunk),
            Self::Error(failing) => failing.gather(chunk),
            Self::Waiting
            | Self::Pass(_)
            | Self::Stream(_)
            | Self::Hear(_)
            | Self::Tunnel(_)
            | Self::Transcode(_) => {}
        }
    }

    /// What a gathered answer comes to, now that it is complete; `None` of any other.
    #[must_use]
    pub fn conclude(&mut self) -> Option<Outcome> {
        match self {
            Self::Whole(gathering) => Some(gathering.conclude()),
            Self::Error(failing) => Some(failing.conclude()),
            Self::Waiting
            | Self::Pass(_)
            | Self::Stream(_)
            | Self::Hear(_)
            | Self::Tunnel(_)
            | Self::Transcode(_) => None,
        }
    }

    /// The upstream broke off in the middle of a stream: what the client is told, in its own
    /// words; nothing when the answer was not a stream.
    #[must_use]
    pub fn break_off(&mut self, fault: Fault) -> Option<Vec<u8>> {
        match self {
            Self::Transcode(transcoding) => {
                let mut out = Vec::new();
                let Transcoding { meter, pipe, .. } = transcoding.as_mut();
                pipe.fail(fault, &mut out, &mut |event| meter.event(event));
                Some(out)
            }
            Self::Stream(passing) => passing.break_off(fault),
            Self::Tunnel(session) => session.break_off(fault),
            _ => None,
        }
    }

    /// Whether a client is told in its stream when that breaks off.
    #[must_use]
    pub const fn can_break_off(&self) -> bool {
        matches!(self, Self::Stream(_) | Self::Transcode(_))
    }

    /// Whether the client gets pieces of the answer before it is whole.
    #[must_use]
    pub const fn passes_on(&self) -> bool {
        matches!(self, Self::Pass(_) | Self::Stream(_) | Self::Hear(_) | Self::Tunnel(_) | Self::Transcode(_))
    }

    /// Whether this is a realtime session.
    #[must_use]
    pub const fn is_tunnel(&self) -> bool {
        matches!(self, Self::Tunnel(_))
    }

    /// What broke an answer off after it had begun, as far as the answer itself told.
    #[must_use]
    pub fn broken(&self) -> Option<&Fault> {
        match self {
            Self::Stream(passing) => passing.broken(),
            Self::Tunnel(session) => session.broken(),
            Self::Transcode(transcoding) => transcoding.fault.as_ref(),
            Self::Waiting | Self::Pass(_) | Self::Hear(_) | Self::Whole(_) | Self::Error(_) => None,
        }
    }

    /// The model that an answer which goes through names.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        match self {
            Self::Hear(hearing) => hearing.model(),
            Self::Tunnel(session) => session.model(),
            _ => None,
        }
    }

    /// What saying the answer lost.
    #[must_use]
    pub fn losses(&self) -> Losses {
        match self {
            Self::Whole(gathering) => gathering.losses().clone(),
            Self::Transcode(transcoding) => transcoding.pipe.losses().clone(),
            _ => Losses::new(),
        }
    }

    /// What the meter saw.
    #[must_use]
    pub fn into_metered(self) -> Option<Metered> {
        match self {
            Self::Waiting | Self::Error(_) => None,
            Self::Pass(meter) => Some(meter.finish()),
            Self::Stream(passing) => Some(passing.into_metered()),
            Self::Hear(hearing) => Some(hearing.into_metered()),
            Self::Tunnel(session) => Some(session.into_metered()),
            Self::Whole(gathering) => Some(gathering.into_metered()),
            Self::Transcode(transcoding) => {
                let Transcoding { mut meter, mut pipe, .. } = *transcoding;
                pipe.settle(&mut |event| meter.event(event));
                Some(meter.finish())
            }
        }
    }
}
