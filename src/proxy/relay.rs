//! What becomes of an upstream's answer on its way to the client.

use std::sync::LazyLock;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use memchr::memmem::{self, Finder};

use crate::account::{Meter, Metered};
use crate::dialect::gemini_generate::embed as gemini_embed;
use crate::dialect::transcode::{self, Transcoder};
use crate::dialect::{Framing, Restore, Seed, StreamShape, codec, openai_embeddings};
use crate::fault::Fault;
use crate::ir::embed::{EmbedReply, Encoding};
use crate::ir::{Dialect, Event, Losses};
use crate::provider::Embeddings;
use crate::proxy::asked::EmbedForm;
use crate::refusal::Kind;
use crate::units::Secret;
use crate::wire::needle::Needle;
use crate::wire::{json, json_array, lens, sse};

/// An event of a verbatim stream may not be larger than this.
const LARGEST_EVENT: usize = 32 << 20;

/// Of a provider's error this much is read.
const LARGEST_ERROR: usize = 256 << 10;

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
    /// A whole answer is gathered, then said again.
    Whole(Box<Gathering>),
    /// A stream is said again event by event.
    Transcode(Box<Transcoding>),
    /// An error is gathered, then said in the client's words.
    Error(Box<Failing>),
}

/// A stream that goes through.
#[derive(Debug)]
pub struct Passing {
    meter: Meter,
    dialect: Dialect,
    frames: Frames,
    /// The stream without its usage event; only where that must be taken out.
    strip: Option<Stripped>,
    /// Whether the stream came to its proper end.
    ended: bool,
    /// What broke it off: what the upstream itself told of, or its silence at the end.
    fault: Option<Fault>,
}

#[derive(Debug)]
enum Frames {
    Sse(sse::Parser),
    Array(json_array::Parser),
}

/// What stays of a piece of a stream, found while listening to it.
#[derive(Debug, Default)]
struct Stripped {
    /// The frames that the piece completed, but for a usage event.
    kept: Vec<u8>,
    /// Whether these, and not the piece as it came, are what goes on.
    differs: bool,
}

/// A whole answer that is gathered.
#[derive(Debug)]
pub struct Gathering {
    meter: Meter,
    body: Vec<u8>,
    upstream: Dialect,
    client: Dialect,
    seed: Seed,
    into: Into,
    losses: Losses,
}

/// What a gathered answer is said as.
#[derive(Debug)]
pub enum Into {
    /// A whole answer.
    Reply(Restore),
    /// A stream, for a client that asked for one where the upstream did not stream.
    Stream(Restore, StreamShape),
    /// Vectors.
    Vectors(EmbedForm, Embeddings, Encoding),
}

/// A stream that is said again.
#[derive(Debug)]
pub struct Transcoding {
    meter: Meter,
    pipe: Transcoder,
    /// What broke the stream off.
    fault: Option<Fault>,
}

/// An error that is gathered.
#[derive(Debug)]
pub struct Failing {
    body: Vec<u8>,
    status: u16,
    headers: HeaderMap,
    upstream: Dialect,
    client: Dialect,
    /// Whether only the body tells if another attempt is worth making.
    undecided: bool,
}

/// What a gathered answer comes to.
#[derive(Debug)]
pub enum Outcome {
    /// An answer, said as the client wants it.
    Said(Vec<u8>),
    /// A failure.
    Failed {
        /// What it amounts to.
        fault: Fault,
        /// Whether another attempt may still be made.
        undecided: bool,
        /// The provider's own status and body, where the client speaks its dialect.
        own: Option<(u16, Vec<u8>)>,
    },
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
        Self::Stream(Box::new(Passing {
            meter: Meter::new(dialect, true),
            dialect,
            frames: match framing {
                Framing::Sse => Frames::Sse(sse::Parser::new(LARGEST_EVENT)),
                Framing::JsonArray => Frames::Array(json_array::Parser::new(LARGEST_EVENT)),
            },
            strip: strip_usage.then(Stripped::default),
            ended: false,
            fault: None,
        }))
    }

    /// A whole answer is said again.
    #[must_use]
    pub fn whole(upstream: Dialect, client: Dialect, seed: Seed, into: Into) -> Self {
        let meter = Meter::new(upstream, false);
        let body = Vec::new();
        Self::Whole(Box::new(Gathering { meter, body, upstream, client, seed, into, losses: Losses::new() }))
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
        Self::Error(Box::new(Failing { body: Vec::new(), status, headers, upstream, client, undecided }))
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
                    gathering.meter.chunk(chunk, now);
                }
            }
            Self::Transcode(transcoding) => {
                if let Some(chunk) = chunk {
                    transcoding.meter.chunk(chunk, now);
                }
            }
            Self::Stream(passing) => passing.listen(chunk, end, now),
        }
    }

    /// Turns a piece of an answer that is not gathered into what the client gets of it.
    pub fn speak(&mut self, body: &mut Option<Bytes>, end: bool) {
        match self {
            Self::Waiting | Self::Pass(_) | Self::Whole(_) | Self::Error(_) => {}
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

    /// Adds a piece to an answer that is gathered.
    pub fn gather(&mut self, chunk: &[u8]) {
        match self {
            Self::Whole(gathering) => gathering.body.extend_from_slice(chunk),
            Self::Error(failing) => {
                let room = LARGEST_ERROR.saturating_sub(failing.body.len());
                failing.body.extend_from_slice(chunk.get(..chunk.len().min(room)).unwrap_or_default());
            }
            Self::Waiting | Self::Pass(_) | Self::Stream(_) | Self::Transcode(_) => {}
        }
    }

    /// What a gathered answer comes to, now that it is complete; `None` of any other.
    #[must_use]
    pub fn conclude(&mut self) -> Option<Outcome> {
        match self {
            Self::Whole(gathering) => Some(gathering.conclude()),
            Self::Error(failing) => Some(failing.conclude()),
            Self::Waiting | Self::Pass(_) | Self::Stream(_) | Self::Transcode(_) => None,
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
            Self::Stream(passing) if matches!(passing.frames, Frames::Sse(_)) => {
                (!passing.ended && passing.fault.is_none()).then(|| passing.error_frame(fault))
            }
            _ => None,
        }
    }

    /// What broke an answer off after it had begun, as far as the answer itself told.
    #[must_use]
    pub fn broken(&self) -> Option<&Fault> {
        match self {
            Self::Stream(passing) => passing.fault.as_ref(),
            Self::Transcode(transcoding) => transcoding.fault.as_ref(),
            Self::Waiting | Self::Pass(_) | Self::Whole(_) | Self::Error(_) => None,
        }
    }

    /// What saying the answer lost.
    #[must_use]
    pub fn losses(&self) -> Losses {
        match self {
            Self::Whole(gathering) => gathering.losses.clone(),
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
            Self::Stream(passing) => Some(passing.meter.finish()),
            Self::Whole(gathering) => Some(gathering.meter.finish()),
            Self::Transcode(transcoding) => Some(transcoding.meter.finish()),
        }
    }
}

impl Passing {
    fn listen(&mut self, chunk: Option<&Bytes>, end: bool, now: Instant) {
        let Self { meter, dialect, frames, strip, ended, fault } = self;
        if let Some(chunk) = chunk {
            meter.chunk(chunk, now);
        }
        let mut look = |event: Option<&str>, data: &[u8]| {
            *ended = *ended || is_end(*dialect, event, data);
            if fault.is_none() && is_error(*dialect, event, data) {
                *fault = Some(codec(*dialect).parse_error(200, &HeaderMap::new(), data));
            }
            meter.frame(data);
        };
        match frames {
            Frames::Sse(frames) => {
                let held = frames.pending() > 0;
                let mut stripped = false;
                if let Some(strip) = strip {
                    strip.kept.clear();
                }
                let mut take = |frame: sse::Frame<'_>| {
                    look(frame.event, &frame.data);
                    let Some(strip) = strip.as_mut() else { return };
                    if is_usage_alone(&frame.data) {
                        stripped = true;
                    } else {
                        strip.kept.extend_from_slice(frame.raw);
                    }
                };
                let framed = chunk.map_or(Ok(()), |chunk| frames.push(chunk, &mut take));
                let framed = if end { framed.and_then(|()| frames.finish(&mut take)) } else { framed };
                if framed.is_err() {
                    // What cannot be framed cannot be a usage event: the rest goes through as it
                    // is, and only its usage is not seen.
                    *strip = None;
                } else if let Some(strip) = strip {
                    strip.differs = held || stripped || frames.pending() > 0 || chunk.is_none();
                }
            }
            Frames::Array(frames) => {
                // As above.
                let _ = chunk.map_or(Ok(()), |chunk| frames.push(chunk, |element| look(None, element)));
            }
        }
    }

    /// Must follow [`Passing::listen`] to the same piece.
    fn speak(&mut self, body: &mut Option<Bytes>, end: bool) {
        if let Some(strip) = self.strip.as_mut().filter(|strip| strip.differs) {
            let kept = std::mem::take(&mut strip.kept);
            *body = (!kept.is_empty()).then(|| kept.into());
        }
        if end && !self.ended && self.fault.is_none() && matches!(self.frames, Frames::Sse(_)) {
            let fault =
                Fault::new(Kind::BadGateway, "the provider's stream ended before its answer was complete");
            self.fault = Some(fault.clone());
            let mut out = body.take().map(|chunk| chunk.to_vec()).unwrap_or_default();
            out.extend_from_slice(&self.error_frame(fault));
            *body = Some(out.into());
        }
    }

    fn error_frame(&self, fault: Fault) -> Vec<u8> {
        error_frame(self.dialect, &codec(self.dialect).render_error(&fault.into_refusal()))
    }
}

fn error_frame(dialect: Dialect, error: &[u8]) -> Vec<u8> {
    let event = (dialect == Dialect::AnthropicMessages).then_some("error");
    // A blank line first closes an event that the break may have cut in two.
    let mut out = b"\n\n".to_vec();
    sse::write(&mut out, event, error);
    out
}

/// What tells the end of an answer in its last events.
static CHAT_FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"finish_reason\":\""));
static MESSAGE_STOP: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("message_stop"));
static GEMINI_FINISH: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"finishReason\""));
static GEMINI_BLOCK: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"blockReason\""));

fn is_end(dialect: Dialect, event: Option<&str>, data: &[u8]) -> bool {
    match dialect {
        Dialect::OpenaiChat => data == b"[DONE]" || CHAT_FINISH.find(data).is_some(),
        Dialect::AnthropicMessages => match event {
            Some(event) => event == "message_stop",
            None => MESSAGE_STOP.find(data).is_some(),
        },
        Dialect::GeminiGenerate => GEMINI_FINISH.is_in(data) || GEMINI_BLOCK.is_in(data),
    }
}

fn is_error(dialect: Dialect, event: Option<&str>, data: &[u8]) -> bool {
    match dialect {
        Dialect::AnthropicMessages => event == Some("error"),
        Dialect::OpenaiChat | Dialect::GeminiGenerate => data.starts_with(b"{\"error\""),
    }
}

static CHOICES: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"choices\""));

/// Whether an event of a chat stream holds usage and nothing else.
fn is_usage_alone(data: &[u8]) -> bool {
    let opens =
        |list: &[u8]| list.strip_prefix(b"[").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"]"));
    CHOICES.values(data).any(opens)
        && lens::find(data, "choices").is_some_and(|choices| opens(choices.as_bytes()))
        && lens::find(data, "usage").is_some_and(|usage| usage.starts_with('{'))
}

impl Gathering {
    fn conclude(&mut self) -> Outcome {
        let Self { meter, body, upstream, client, seed, into, losses } = self;
        let said = match into {
            Into::Reply(restore) => {
                transcode::reply(*upstream, *client, restore, seed, body, losses).map(|(reply, said)| {
                    meter.reply(&reply);
                    said
                })
            }
            Into::Stream(restore, shape) => codec(*upstream).parse_reply(body).map(|mut reply| {
                restore.reply(&mut reply);
                meter.reply(&reply);
                transcode::stream(reply, *client, seed, *shape, losses)
            }),
            Into::Vectors(form, spoken, encoding) => parse_vectors(*spoken, body).map(|reply| {
                if let Some(usage) = reply.usage {
                    meter.reply(&crate::ir::Reply { usage: Some(usage), ..Default::default() });
                }
                render_vectors(form, *encoding, &reply, seed)
            }),
        };
        match said {
            Ok(said) => Outcome::Said(said),
            Err(_) => Outcome::Failed {
                fault: codec(*upstream).parse_error(502, &HeaderMap::new(), body),
                undecided: true,
                own: None,
            },
        }
    }
}

fn parse_vectors(spoken: Embeddings, body: &[u8]) -> Result<EmbedReply, crate::dialect::Malformed> {
    match spoken {
        Embeddings::Openai => openai_embeddings::parse_reply(body),
        Embeddings::Gemini => gemini_embed::parse_batch_reply(body),
    }
}

fn render_vectors(form: &EmbedForm, encoding: Encoding, reply: &EmbedReply, seed: &Seed) -> Vec<u8> {
    match form {
        EmbedForm::Openai => openai_embeddings::render_reply(reply, &seed.model, encoding),
        EmbedForm::GeminiOne(_) => gemini_embed::render_reply(reply),
        EmbedForm::GeminiBatch(_) => gemini_embed::render_batch_reply(reply),
    }
}

impl Failing {
    /// Whether both sides speak one dialect and the body is what that prescribes.
    fn is_own(&self) -> bool {
        self.upstream == self.client
            && lens::find(&self.body, "error").is_some_and(|error| error.starts_with('{'))
            && json::validate(&self.body).is_ok()
    }

    fn conclude(&mut self) -> Outcome {
        let own = self.is_own().then(|| (self.status, std::mem::take(&mut self.body)));
        let body = own.as_ref().map_or(&self.body, |(_, body)| body);
        let fault = codec(self.upstream).parse_error(self.status, &self.headers, body);
        Outcome::Failed { fault, undecided: self.undecided, own }
    }
}

/// Providers quote the key they refuse; ours must not reach a client.
#[must_use]
pub fn mask(mut body: Vec<u8>, secret: &Secret) -> Vec<u8> {
    let key = secret.expose().as_bytes();
    if key.len() < 4 {
        return body;
    }
    while let Some(at) = memmem::find(&body, key) {
        body.splice(at..at + key.len(), b"***".iter().copied());
    }
    body
}
