//! Events as they are framed: cut out of a stream, and put together again.

use std::borrow::Cow;

use crate::dialect::Framing;
use crate::wire::{event_stream, json_array, ndjson, sse};

/// An event may have no more bytes.
const LARGEST: usize = 32 << 20;

/// A stream that is no stream of its framing, or has an event that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unframed;

/// A stream being cut.
#[derive(Debug)]
pub(in crate::policy::guard) enum Cut {
    Sse(sse::Parser),
    Array(json_array::Parser, At),
    Aws(event_stream::Parser),
    Lines(ndjson::Parser),
}

/// How far an array was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy::guard) enum At {
    Start,
    Inside,
}

/// One event.
#[derive(Debug)]
pub(in crate::policy::guard) struct Event {
    /// Its exact bytes.
    pub(in crate::policy::guard) raw: Vec<u8>,
    /// Where its data stand in them; none where they stand there in parts, or are none.
    data: Option<(usize, usize)>,
    /// Its data, where they stand in parts.
    joined: Option<Vec<u8>>,
    /// What is not told by the data.
    name: Option<String>,
}

impl Event {
    /// What it says.
    pub(in crate::policy::guard) fn data(&self) -> &[u8] {
        match (&self.joined, self.data) {
            (Some(data), _) => data,
            (None, Some((start, end))) => self.raw.get(start..end).unwrap_or_default(),
            (None, None) => &[],
        }
    }

    /// What it is called, where its framing tells.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether it says nothing and only shows that somebody is there.
    pub(in crate::policy::guard) const fn is_silent(&self) -> bool {
        self.joined.is_none() && self.data.is_none()
    }

    fn of(raw: &[u8], data: &[u8]) -> Self {
        // Both are slices of one buffer, so the difference of their addresses is an offset.
        let start = (data.as_ptr() as usize).checked_sub(raw.as_ptr() as usize);
        let within = start.filter(|start| start + data.len() <= raw.len());
        let joined = within.is_none().then(|| data.to_vec());
        Self { raw: raw.to_vec(), data: within.map(|start| (start, start + data.len())), joined, name: None }
    }
}

impl Cut {
    pub(in crate::policy::guard) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(sse::Parser::new(LARGEST)),
            Framing::JsonArray => Self::Array(json_array::Parser::new(LARGEST), At::Start),
            Framing::AwsEvents => Self::Aws(event_stream::Parser::new(LARGEST)),
            Framing::Lines => Self::Lines(ndjson::Parser::new(LARGEST)),
        }
    }

    /// Takes the next bytes, and appends the events that they complete.
    pub(in crate::policy::guard) fn push(
        &mut self,
        bytes: &[u8],
        events: &mut Vec<Event>,
    ) -> Result<(), Unframed> {
        match self {
            Self::Sse(frames) => {
                frames.push(bytes, |frame| events.push(of_frame(&frame))).map_err(|_| Unframed)
            }
            Self::Array(frames, _) => {
                frames.push(bytes, |element| events.push(Event::of(element, element))).map_err(|_| Unframed)
            }
            Self::Aws(frames) => {
                frames.push(bytes, |message| events.push(of_message(message))).map_err(|_| Unframed)
            }
            Self::Lines(lines) => {
                lines.push(bytes, |line| events.push(Event::of(line, line))).map_err(|_| Unframed)
            }
        }
    }

    /// The stream is over: what is left of it.
    pub(in crate::policy::guard) fn finish(&mut self, events: &mut Vec<Event>) {
        // What is broken was told of, or ends with the stream.
        let _ = match self {
            Self::Sse(frames) => frames.finish(|frame| events.push(of_frame(&frame))).map_err(|_| Unframed),
            Self::Lines(lines) => {
                lines.finish(|line| events.push(Event::of(line, line))).map_err(|_| Unframed)
            }
            Self::Array(..) | Self::Aws(_) => Ok(()),
        };
    }

    /// Appends an event as it came.
    pub(in crate::policy::guard) fn pass(&mut self, event: &Event, out: &mut Vec<u8>) {
        self.separate(out);
        out.extend_from_slice(&event.raw);
        if let Self::Lines(_) = self {
            out.push(b'\n');
        }
    }

    /// Appends an event with other data.
    pub(in crate::policy::guard) fn write(&mut self, event: &Event, data: &[u8], out: &mut Vec<u8>) {
        if let Self::Aws(_) = self {
            return write_message(&event.raw, data, out);
        }
        match event.data {
            Some((start, end)) => {
                self.separate(out);
                out.extend_from_slice(event.raw.get(..start).unwrap_or_default());
                out.extend_from_slice(data);
                out.extend_from_slice(event.raw.get(end..).unwrap_or_default());
                if let Self::Lines(_) = self {
                    out.push(b'\n');
                }
            }
            None => sse::write(out, event.name.as_deref(), data),
        }
    }

    /// Elements of an array have commas between them, as Gemini writes them.
    fn separate(&mut self, out: &mut Vec<u8>) {
        if let Self::Array(_, at) = self {
            out.extend_from_slice(if *at == At::Start { b"[" } else { b",\r\n" });
            *at = At::Inside;
        }
    }

    /// Appends what ends a stream that came to its end.
    pub(in crate::policy::guard) fn close(&mut self, out: &mut Vec<u8>) {
        if let Self::Array(frames, at) = self
            && frames.finish().is_ok()
        {
            out.extend_from_slice(if *at == At::Start { b"[]" } else { b"]" });
        }
    }
}

fn of_message(message: event_stream::Message<'_>) -> Event {
    let name = match message.kind() {
        event_stream::Kind::Event(name)
        | event_stream::Kind::Exception(name)
        | event_stream::Kind::Error { code: name, .. } => name.to_owned(),
    };
    Event { name: Some(name), ..Event::of(message.raw(), message.payload()) }
}

fn of_frame(frame: &sse::Frame<'_>) -> Event {
    if frame.comment_only {
        return Event { raw: frame.raw.to_vec(), data: None, joined: None, name: None };
    }
    let event = match &frame.data {
        Cow::Borrowed(data) => Event::of(frame.raw, data),
        Cow::Owned(data) => {
            Event { raw: frame.raw.to_vec(), data: None, joined: Some(data.clone()), name: None }
        }
    };
    Event { name: frame.event.map(str::to_owned), ..event }
}

/// Appends a binary message with another payload: its lengths and checksums change with that.
fn write_message(raw: &[u8], payload: &[u8], out: &mut Vec<u8>) {
    let mut parser = event_stream::Parser::new(LARGEST);
    // It was read before.
    let _ = parser.push(raw, |message| {
        let headers: Vec<_> = message.headers().collect();
        event_stream::message(out, &headers, |out| out.extend_from_slice(payload));
    });
}
