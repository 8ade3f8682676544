//! How an upstream's stream is cut into pieces: each dialect has one framing.

use crate::dialect::Framing;
use crate::ir::Dialect;
use crate::wire::{event_stream, json, ndjson, sse};

/// A stream of one dialect's upstream that is being cut.
#[derive(Debug)]
pub enum Frames {
    /// Server-sent events.
    Events(sse::Parser),
    /// A JSON value a line.
    Lines(ndjson::Parser),
    /// AWS's binary messages.
    Messages(event_stream::Parser),
}

/// One piece of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Something that its dialect's parser reads: the event's name, if it has one, and its data.
    Data(Option<&'a str>, &'a [u8]),
    /// A sign of life and nothing more.
    Alive,
}

/// Why bytes cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A piece was longer than the limit.
    TooLong,
    /// They are no pieces of this framing.
    Unframed,
}

impl Frames {
    /// The framing in which an upstream of this dialect streams; pieces of more than `limit` bytes
    /// are refused.
    #[must_use]
    pub fn of(dialect: Dialect, limit: usize) -> Self {
        match Framing::of(dialect) {
            // Gemini is asked for server-sent events, whatever its client wants.
            Framing::Sse | Framing::JsonArray => Self::Events(sse::Parser::new(limit)),
            Framing::Lines => Self::Lines(ndjson::Parser::new(limit)),
            Framing::AwsEvents => Self::Messages(event_stream::Parser::new(limit)),
        }
    }

    /// Takes the next bytes and delivers each piece they complete.
    ///
    /// # Errors
    /// If a piece is longer than the limit, or is none; those before it have been delivered.
    pub fn push(&mut self, bytes: &[u8], mut on: impl FnMut(Piece<'_>)) -> Result<(), Broken> {
        match self {
            Self::Events(frames) => {
                frames.push(bytes, |frame| event(&frame, &mut on)).map_err(|_| Broken::TooLong)
            }
            Self::Lines(lines) => {
                lines.push(bytes, |line| on(Piece::Data(None, line))).map_err(|_| Broken::TooLong)
            }
            Self::Messages(messages) => {
                messages.push(bytes, |message| told(message, &mut on)).map_err(|broken| {
                    let long = matches!(broken, event_stream::Broken::TooLong { .. });
                    if long { Broken::TooLong } else { Broken::Unframed }
                })
            }
        }
    }

    /// The stream has ended: delivers what is left as a last piece.
    ///
    /// # Errors
    /// If an earlier push failed.
    pub fn finish(&mut self, mut on: impl FnMut(Piece<'_>)) -> Result<(), Broken> {
        match self {
            Self::Events(frames) => {
                frames.finish(|frame| event(&frame, &mut on)).map_err(|_| Broken::TooLong)
            }
            Self::Lines(lines) => {
                lines.finish(|line| on(Piece::Data(None, line))).map_err(|_| Broken::TooLong)
            }
            // A message that was cut in two is not told; the parser knows that the stream was.
            Self::Messages(_) => Ok(()),
        }
    }
}

fn event(frame: &sse::Frame<'_>, on: &mut impl FnMut(Piece<'_>)) {
    if !frame.comment_only {
        on(Piece::Data(frame.event, &frame.data));
    } else if frame.raw.starts_with(b":") {
        // Vendors keep a connection alive with comments while a model thinks.
        on(Piece::Alive);
    }
}

/// Tells what a binary message means. A failure without a name is told under its code.
fn told(message: event_stream::Message<'_>, on: &mut impl FnMut(Piece<'_>)) {
    match message.kind() {
        event_stream::Kind::Event(name) | event_stream::Kind::Exception(name) => {
            on(Piece::Data(Some(name), message.payload()));
        }
        event_stream::Kind::Error { code, message } => {
            let mut payload = Vec::new();
            json::object(&mut payload, |o| o.string("message", message));
            on(Piece::Data(Some(code), &payload));
        }
    }
}
