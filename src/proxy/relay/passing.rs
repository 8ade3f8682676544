//! Streams that go through byte for byte, while somebody listens.

use std::sync::LazyLock;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::IgnoredAny;

use super::stripping::Strip;
use super::{LARGEST_EVENT, in_stream};
use crate::account::{Meter, Metered};
use crate::dialect::{Framing, bedrock_converse, codec};
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::refusal::Kind;
use crate::wire::needle::Needle;
use crate::wire::{event_stream, json_array, ndjson, sse};

/// A stream that goes through.
#[derive(Debug)]
pub struct Passing {
    ear: Ear,
    frames: Frames,
    /// Where the client must not get the usage event that we asked for.
    strip: Option<Strip>,
}

#[derive(Debug)]
enum Frames {
    Sse(sse::Parser),
    Array(json_array::Parser),
    Aws(Whole),
    /// And whether its end cut a line in two.
    Lines(ndjson::Parser, bool),
}

/// Binary messages, of which only whole ones are passed on: behind a half one nothing more could be
/// told.
#[derive(Debug)]
struct Whole {
    messages: event_stream::Parser,
    /// What goes on instead of the piece, where that differs.
    instead: Option<Bytes>,
}

/// What a listener makes of the events.
#[derive(Debug)]
struct Ear {
    dialect: Dialect,
    meter: Meter,
    /// Whether the stream came to its proper end.
    ended: bool,
    /// What broke it off: what the upstream itself told of, or its silence at the end.
    fault: Option<Fault>,
    /// How many events were heard, where the next one has a number.
    heard: u64,
    /// The event that ended it, where somebody wants that.
    last: Option<Vec<u8>>,
    wanted: bool,
}

impl Passing {
    /// A stream in this dialect, perhaps to be passed on without its usage event.
    #[must_use]
    pub fn new(dialect: Dialect, framing: Framing, strip_usage: bool) -> Self {
        Self {
            ear: Ear {
                dialect,
                meter: Meter::new(dialect, true),
                ended: false,
                fault: None,
                heard: 0,
                last: None,
                wanted: false,
            },
            frames: match framing {
                Framing::Sse => Frames::Sse(sse::Parser::new(LARGEST_EVENT)),
                Framing::JsonArray => Frames::Array(json_array::Parser::new(LARGEST_EVENT)),
                Framing::AwsEvents => {
                    Frames::Aws(Whole { messages: event_stream::Parser::new(LARGEST_EVENT), instead: None })
                }
                Framing::Lines => Frames::Lines(ndjson::Parser::new(LARGEST_EVENT), false),
            },
            strip: strip_usage.then(Strip::default),
        }
    }

    /// Has the event noted that ends the stream.
    pub const fn want_last(&mut self) {
        self.ear.wanted = true;
    }

    /// The event that ended the stream, once, when it was wanted.
    pub fn take_last(&mut self) -> Option<Vec<u8>> {
        self.ear.last.take()
    }

    /// Listens to a piece of the stream.
    pub fn listen(&mut self, chunk: Option<&Bytes>, end: bool, now: Instant) {
        let Self { ear, frames, strip } = self;
        if let Some(chunk) = chunk {
            ear.meter.chunk(chunk, now);
        }
        match frames {
            Frames::Sse(frames) => {
                let framed = match strip {
                    None => hear(frames, chunk, end, |frame| {
                        ear.hear(frame.event, &frame.data);
                    }),
                    Some(strip) => {
                        strip.listen(frames, chunk, end, |frame| ear.hear(frame.event, &frame.data))
                    }
                };
                // What cannot be framed cannot be a usage event: the rest goes through as it is,
                // and only its usage is not seen.
                if framed.is_err() {
                    *strip = None;
                }
            }
            Frames::Lines(lines, torn) => {
                // As above.
                let _ = chunk.map_or(Ok(()), |chunk| lines.push(chunk, |line| ear.hear_ollama(line)));
                if end {
                    *torn = lines.pending() > 0;
                    let _ = lines.finish(|line| ear.hear_ollama(line));
                }
            }
            Frames::Array(frames) => {
                // As above.
                let _ = chunk.map_or(Ok(()), |chunk| {
                    frames.push(chunk, |element| {
                        ear.hear(None, element);
                    })
                });
            }
            Frames::Aws(whole) => whole.listen(chunk, ear),
        }
    }

    /// Turns a piece of the stream into what the client gets of it. Must follow
    /// [`Passing::listen`] to the same piece.
    pub fn speak(&mut self, body: &mut Option<Bytes>, end: bool) {
        let instead = match &mut self.frames {
            Frames::Sse(_) | Frames::Array(_) | Frames::Lines(..) => {
                self.strip.as_mut().and_then(Strip::take)
            }
            Frames::Aws(whole) => whole.instead.take(),
        };
        if let Some(instead) = instead {
            *body = (!instead.is_empty()).then_some(instead);
        }
        if end && let Some(told) = self.break_off(premature()) {
            let mut out = body.take().map(|chunk| chunk.to_vec()).unwrap_or_default();
            out.extend_from_slice(&told);
            *body = Some(out.into());
            self.ear.fault = Some(premature());
        }
    }

    /// What the client is told of a break, unless the stream had ended or told of it by itself.
    /// A JSON array has no place for it.
    #[must_use]
    pub fn break_off(&self, fault: Fault) -> Option<Vec<u8>> {
        let Self { ear, frames, .. } = self;
        if ear.ended || ear.fault.is_some() {
            return None;
        }
        let (framing, first): (_, &[u8]) = match frames {
            Frames::Array(_) => return None,
            Frames::Aws(_) => (Framing::AwsEvents, b""),
            // Clients read an empty line as one that is broken.
            Frames::Lines(lines, torn) => {
                (Framing::Lines, if *torn || lines.pending() > 0 { b"\n" } else { b"" })
            }
            // A blank line closes an event that the break may have cut in two.
            Frames::Sse(_) => (Framing::Sse, b"\n\n"),
        };
        let mut out = first.to_vec();
        out.extend_from_slice(&in_stream(ear.dialect, framing, ear.heard, fault));
        Some(out)
    }

    /// What broke the stream off, as far as it told or its end did.
    #[must_use]
    pub const fn broken(&self) -> Option<&Fault> {
        self.ear.fault.as_ref()
    }

    /// What the meter saw.
    #[must_use]
    pub fn into_metered(self) -> Metered {
        self.ear.meter.finish()
    }
}

fn premature() -> Fault {
    Fault::new(Kind::BadGateway, "the provider's stream ended before its answer was complete")
}

pub(super) fn hear(
    frames: &mut sse::Parser,
    chunk: Option<&Bytes>,
    end: bool,
    mut on: impl FnMut(sse::Frame<'_>),
) -> Result<(), sse::FrameTooLong> {
    chunk.map_or(Ok(()), |chunk| frames.push(chunk, &mut on))?;
    if !end {
        return Ok(());
    }
    frames.finish(|frame| {
        if is_whole(&frame.data) {
            on(frame);
        }
    })
}

/// Whether what no blank line has ended is all of an event nevertheless: some servers leave the last one
/// out. Half of an event that ends an answer ends none.
fn is_whole(data: &[u8]) -> bool {
    data == b"[DONE]" || serde_json::from_slice::<IgnoredAny>(data).is_ok()
}

impl Whole {
    /// Listens, and notes what must go on instead of the piece: a message that is not whole waits.
    /// Behind bytes that are no messages nothing goes on but that it failed.
    fn listen(&mut self, chunk: Option<&Bytes>, ear: &mut Ear) {
        let Some(chunk) = chunk else { return };
        let mut heard = 0;
        let mut kept = (self.messages.pending() > 0).then(Vec::new);
        let framed = self.messages.push(chunk, |message| {
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(message.raw());
            }
            heard += message.raw().len();
            ear.hear_message(message);
        });
        self.instead = match kept {
            Some(kept) => Some(kept.into()),
            None if heard < chunk.len() => Some(chunk.slice(..heard)),
            None => None,
        };
        if framed.is_err() && !ear.ended && ear.fault.is_none() {
            let fault = Fault::new(Kind::BadGateway, "the provider sent bytes that are no events");
            let mut out = self.instead.take().unwrap_or_default().to_vec();
            bedrock_converse::write_exception(&mut out, fault.kind, &fault.message);
            self.instead = Some(out.into());
            ear.fault = Some(fault);
        }
    }
}

impl Ear {
    /// Hears one binary message.
    fn hear_message(&mut self, message: event_stream::Message<'_>) {
        match message.kind() {
            event_stream::Kind::Event("messageStop") => self.ended = true,
            event_stream::Kind::Event("metadata") => self.meter.frame(message.payload()),
            event_stream::Kind::Event(_) => {}
            event_stream::Kind::Exception(name) => self.note_exception(name, message.payload()),
            event_stream::Kind::Error { code, .. } => self.note_exception(code, message.payload()),
        }
    }

    fn note_exception(&mut self, name: &str, payload: &[u8]) {
        if self.fault.is_none() {
            self.fault = Some(bedrock_converse::read_exception(name, payload));
        }
    }

    /// Hears one event; whether it is one of a chat stream that holds usage.
    fn hear(&mut self, event: Option<&str>, data: &[u8]) -> bool {
        match self.dialect {
            Dialect::OpenaiChat | Dialect::OpenaiCompletions => self.hear_chat(data),
            Dialect::OpenaiResponses => self.hear_responses(event, data),
            Dialect::AnthropicMessages => self.hear_anthropic(event, data),
            Dialect::GeminiGenerate => self.hear_gemini(data),
            // Its events come as messages.
            Dialect::BedrockConverse => false,
            Dialect::OllamaChat | Dialect::OllamaGenerate => {
                self.hear_ollama(data);
                false
            }
            Dialect::CohereChat => {
                self.hear_cohere(event, data);
                false
            }
        }
    }

    fn hear_chat(&mut self, data: &[u8]) -> bool {
        static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));
        static FINISH: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"finish_reason\""));
        static ERROR: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"error\""));
        // How most events end that neither end the answer nor tell its usage.
        const GOES_ON: &[u8] = b"\"finish_reason\":null}]}";
        const GOES_ON_ASKED: &[u8] = b"\"finish_reason\":null}],\"usage\":null}";
        if data.ends_with(GOES_ON_ASKED) {
            return false;
        }
        let silent = USAGE.is_nowhere_or_null(data);
        if silent && data.ends_with(GOES_ON) {
            return false;
        }
        self.ended = self.ended
            || data == b"[DONE]"
            || FINISH.values(data).any(|reason| reason.first() == Some(&b'"'));
        // It may stand behind the members of a chunk, or in a choice (OpenRouter).
        if ERROR.values(data).any(|error| error.starts_with(b"{\"")) {
            self.note_fault(data);
        }
        if !silent {
            self.meter.frame(data);
        }
        !silent
    }

    /// The events that matter are few, and each says its name.
    fn hear_responses(&mut self, event: Option<&str>, data: &[u8]) -> bool {
        static TYPE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"type\""));
        const LAST: [&str; 2] = ["response.completed", "response.incomplete"];
        const FAILED: [&str; 2] = ["response.failed", "error"];
        self.heard += 1;
        let is_one_of = |names: [&str; 2]| match event {
            Some(event) => names.contains(&event),
            None => TYPE.values(data).any(|value| {
                let named = |name: &&str| value.get(1..=name.len()) == Some(name.as_bytes());
                names.iter().any(|name| named(name) && value.get(name.len() + 1) == Some(&b'"'))
            }),
        };
        if is_one_of(LAST) {
            self.ended = true;
            self.meter.frame(data);
        } else if is_one_of(FAILED) {
            self.note_fault(data);
            self.meter.frame(data);
        } else {
            return false;
        }
        if self.wanted {
            self.last = Some(data.to_vec());
        }
        false
    }

    fn hear_anthropic(&mut self, event: Option<&str>, data: &[u8]) -> bool {
        static TYPE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"type\""));
        match event {
            Some("content_block_start" | "content_block_delta" | "content_block_stop" | "ping") => false,
            Some("message_stop") => {
                self.ended = true;
                false
            }
            Some("error") => {
                self.note_fault(data);
                false
            }
            Some(_) => {
                self.meter.frame(data);
                false
            }
            None => {
                self.ended |= TYPE.values(data).any(|name| name.starts_with(b"\"message_stop\""));
                self.note_error(data);
                self.meter.frame(data);
                false
            }
        }
    }

    fn hear_gemini(&mut self, data: &[u8]) -> bool {
        static FINISH: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"finishReason\""));
        static BLOCK: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"blockReason\""));
        // A prompt that is refused has no candidates.
        const CANDIDATES: &[u8] = b"{\"candidates\"";
        let is_last = FINISH.is_in(data);
        self.ended = self.ended || is_last || (!data.starts_with(CANDIDATES) && BLOCK.is_in(data));
        self.note_error(data);
        self.meter.slice(data, is_last);
        false
    }

    fn hear_cohere(&mut self, event: Option<&str>, data: &[u8]) {
        static FINISH: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"finish_reason\""));
        if event.is_some_and(|event| event != "message-end") {
            return;
        }
        if FINISH.values(data).any(|reason| reason.starts_with(b"\"ERROR\"")) {
            self.note_fault(data);
        }
        self.ended |= FINISH.is_in(data);
        self.note_error(data);
        self.meter.frame(data);
    }

    fn hear_ollama(&mut self, line: &[u8]) {
        static DONE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"done\""));
        self.note_error(line);
        if DONE.values(line).any(|done| done.starts_with(b"true")) {
            self.ended = true;
            self.meter.frame(line);
        }
    }

    /// Notes a fault that an event tells by being an error object.
    fn note_error(&mut self, data: &[u8]) {
        if data.starts_with(b"{\"error\"") {
            self.note_fault(data);
        }
    }

    fn note_fault(&mut self, data: &[u8]) {
        if self.fault.is_none() {
            self.fault = Some(codec(self.dialect).parse_error(200, &HeaderMap::new(), data));
        }
    }
}
