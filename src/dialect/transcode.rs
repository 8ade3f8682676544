//! The sans-IO pipe: upstream's bytes in, client's bytes out.

use crate::dialect::frames::{Broken, Frames, Piece};
use crate::dialect::restore::{Bent, StreamRestore};
use crate::dialect::{Malformed, Restore, Seed, StreamParser, StreamRenderer, StreamShape, codec};
use crate::fault::Fault;
use crate::ir::{Dialect, Event, Losses, Reply, fold, unfold};
use crate::refusal::Kind;

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
            frames: Frames::of(upstream, LARGEST_FRAME),
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
        let framed = frames.push(bytes, |piece| match piece {
            Piece::Data(event, data) => parser.push(event, data, events),
            Piece::Alive => events.push(Event::Ping),
        });
        if let Err(broken) = framed {
            self.events.push(Event::Fault(unframed(broken)));
            self.events.push(Event::End);
        }
        self.flow(out, seen);
    }

    /// The upstream closed: appends what is still owed.
    pub fn finish(&mut self, out: &mut Vec<u8>, seen: &mut dyn FnMut(&Event)) {
        if self.ended {
            return;
        }
        let Self { frames, parser, events, .. } = self;
        let framed = frames.finish(|piece| {
            if let Piece::Data(event, data) = piece {
                parser.push(event, data, events);
            }
        });
        if let Err(broken) = framed {
            self.events.push(Event::Fault(unframed(broken)));
        }
        self.parser.finish(&mut self.events);
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

fn unframed(broken: Broken) -> Fault {
    match broken {
        Broken::TooLong => oversized(),
        Broken::Unframed => Fault::new(Kind::BadGateway, "the provider sent bytes that are no events"),
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

/// Reads a whole stream of an upstream as one answer.
///
/// # Errors
/// What broke it off, or that it is none.
pub fn gathered(upstream: Dialect, restore: Restore, body: &[u8]) -> Result<Reply, Fault> {
    let mut frames = Frames::of(upstream, LARGEST_FRAME);
    let mut parser = codec(upstream).stream_parser();
    let mut events = Vec::new();
    let mut read = |piece: Piece<'_>| {
        if let Piece::Data(event, data) = piece {
            parser.push(event, data, &mut events);
        }
    };
    frames.push(body, &mut read).and_then(|()| frames.finish(&mut read)).map_err(unframed)?;
    parser.finish(&mut events);
    let (mut restore, mut fold) = (StreamRestore::new(restore), fold::Fold::new());
    for mut event in events {
        match restore.event(&mut event) {
            Bent::Tell => {}
            Bent::Hold => continue,
            Bent::TellAfter(first) => fold.push(first),
        }
        fold.push(event);
    }
    fold.finish()
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
