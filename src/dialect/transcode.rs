//! The sans-IO pipe: upstream's bytes in, client's bytes out.

use crate::dialect::restore::{Bent, StreamRestore};
use crate::dialect::{Framing, Malformed, Restore, Seed, StreamParser, StreamRenderer, StreamShape, codec};
use crate::fault::Fault;
use crate::ir::{Dialect, Event, Losses, Reply, unfold};
use crate::refusal::Kind;
use crate::wire::{event_stream, json, sse};

/// An upstream's frame may not be larger than this.
const LARGEST_FRAME: usize = 32 << 20;

/// Turns one upstream stream into one client's stream, event by event.
pub struct Transcoder {
    frames: Frames,
    parser: Box<dyn StreamParser>,
    restore: StreamRestore,
    renderer: Box<dyn StreamRenderer>,
    events: Vec<Event>,
    losses: Losses,
    /// The upstream failed, and nothing but the end may be told.
    failed: bool,
    ended: bool,
}

/// Cuts an upstream's bytes into frames.
enum Frames {
    Sse(sse::Parser),
    Aws(event_stream::Parser),
}

impl Frames {
    fn of(upstream: Dialect) -> Self {
        match Framing::of(upstream) {
            // Gemini is asked for server-sent events, whatever its client wants.
            Framing::Sse | Framing::JsonArray => Self::Sse(sse::Parser::new(LARGEST_FRAME)),
            Framing::AwsEvents => Self::Aws(event_stream::Parser::new(LARGEST_FRAME)),
        }
    }

    /// Takes the next bytes, and tells the events of the frames that they complete.
    fn push(&mut self, bytes: &[u8], parser: &mut dyn StreamParser, events: &mut Vec<Event>) {
        let broken = match self {
            Self::Sse(frames) => frames
                .push(bytes, |frame| {
                    if !frame.comment_only {
                        parser.push(frame.event, &frame.data, events);
                    } else if frame.raw.starts_with(b":") {
                        // Vendors keep a connection alive with comments while a model thinks.
                        events.push(Event::Ping);
                    }
                })
                .err()
                .map(|_| oversized()),
            Self::Aws(frames) => {
                frames.push(bytes, |message| push_message(message, parser, events)).err().map(unframed)
            }
        };
        if let Some(fault) = broken {
            events.push(Event::Fault(fault));
            events.push(Event::End);
        }
    }

    /// The upstream closed: tells what its last frame means.
    fn finish(&mut self, parser: &mut dyn StreamParser, events: &mut Vec<Event>) {
        if let Self::Sse(frames) = self {
            let framed = frames.finish(|frame| {
                if !frame.comment_only {
                    parser.push(frame.event, &frame.data, events);
                }
            });
            if framed.is_err() {
                events.push(Event::Fault(oversized()));
            }
        }
        // A message that was cut in two is not told; the parser knows that the stream was.
        parser.finish(events);
    }
}

/// Tells what a binary message means. A failure without a name is told under its code.
fn push_message(message: event_stream::Message<'_>, parser: &mut dyn StreamParser, events: &mut Vec<Event>) {
    match message.kind() {
        event_stream::Kind::Event(name) | event_stream::Kind::Exception(name) => {
            parser.push(Some(name), message.payload(), events);
        }
        event_stream::Kind::Error { code, message } => {
            let mut payload = Vec::new();
            json::object(&mut payload, |o| o.string("message", message));
            parser.push(Some(code), &payload, events);
        }
    }
}

fn unframed(broken: event_stream::Broken) -> Fault {
    match broken {
        event_stream::Broken::TooLong { .. } => oversized(),
        event_stream::Broken::Lengths
        | event_stream::Broken::Checksum
        | event_stream::Broken::Headers
        | event_stream::Broken::Cut => {
            Fault::new(Kind::BadGateway, "the provider sent bytes that are no events")
        }
    }
}

impl std::fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcoder").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Transcoder {
    /// A pipe from an upstream's dialect to a client's.
    #[must_use]
    pub fn new(
        upstream: Dialect,
        client: Dialect,
        restore: Restore,
        seed: &Seed,
        shape: StreamShape,
    ) -> Self {
        Self {
            frames: Frames::of(upstream),
            parser: codec(upstream).stream_parser(),
            restore: StreamRestore::new(restore),
            renderer: codec(client).stream_renderer(seed, shape),
            events: Vec::with_capacity(8),
            losses: Losses::new(),
            failed: false,
            ended: false,
        }
    }

    /// Takes bytes of the upstream and appends what the client is told; `seen` is shown every
    /// event on the way.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>, seen: &mut dyn FnMut(&Event)) {
        if self.ended {
            return;
        }
        let Self { frames, parser, events, .. } = self;
        frames.push(bytes, parser.as_mut(), events);
        self.flow(out, seen);
    }

    /// The upstream closed: appends what is still owed.
    pub fn finish(&mut self, out: &mut Vec<u8>, seen: &mut dyn FnMut(&Event)) {
        if self.ended {
            return;
        }
        let Self { frames, parser, events, .. } = self;
        frames.finish(parser.as_mut(), events);
        self.flow(out, seen);
        self.ended = true;
    }

    /// The client is gone: shows `seen` what the parser has put off to tell.
    pub fn settle(&mut self, seen: &mut dyn FnMut(&Event)) {
        if !self.ended {
            self.parser.settle(&mut self.events);
            self.events.drain(..).for_each(|event| seen(&event));
        }
    }

    /// The upstream failed: tells the client so in its own words.
    pub fn fail(&mut self, fault: Fault, out: &mut Vec<u8>, seen: &mut dyn FnMut(&Event)) {
        if self.ended {
            return;
        }
        self.parser.settle(&mut self.events);
        self.events.push(Event::Fault(fault));
        self.events.push(Event::End);
        self.flow(out, seen);
    }

    /// What the translation lost so far.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Whether the client has been told everything.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    fn flow(&mut self, out: &mut Vec<u8>, seen: &mut dyn FnMut(&Event)) {
        let mut events = std::mem::take(&mut self.events);
        for mut event in events.drain(..) {
            if self.ended || (self.failed && event != Event::End) {
                continue;
            }
            self.failed |= matches!(event, Event::Fault(_));
            match self.restore.event(&mut event) {
                Bent::Tell => {}
                Bent::Hold => continue,
                Bent::TellAfter(first) => {
                    seen(&first);
                    self.renderer.push(&first, out, &mut self.losses);
                }
            }
            seen(&event);
            self.renderer.push(&event, out, &mut self.losses);
            self.ended = event == Event::End;
        }
        self.events = events;
    }
}

fn oversized() -> Fault {
    Fault::new(Kind::BadGateway, "the provider sent an event that is too large")
}

/// Turns one whole upstream answer into one whole answer for a client.
///
/// # Errors
/// When the body is not an answer of the upstream's dialect.
pub fn reply(
    upstream: Dialect,
    client: Dialect,
    restore: &Restore,
    seed: &Seed,
    body: &[u8],
    losses: &mut Losses,
) -> Result<(Reply, Vec<u8>), Malformed> {
    let mut reply = codec(upstream).parse_reply(body)?;
    restore.reply(&mut reply);
    let rendered = codec(client).render_reply(&reply, seed, losses);
    Ok((reply, rendered))
}

/// Says a whole answer as a stream, for a client that asked for one where the upstream did not
/// stream.
pub fn stream(
    reply: Reply,
    client: Dialect,
    seed: &Seed,
    shape: StreamShape,
    losses: &mut Losses,
) -> Vec<u8> {
    let mut renderer = codec(client).stream_renderer(seed, shape);
    let mut out = Vec::with_capacity(1024);
    for event in unfold::unfold(reply) {
        renderer.push(&event, &mut out, losses);
    }
    out
}
