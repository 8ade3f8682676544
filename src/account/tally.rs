//! Counting what no provider counted for us: the tokens of a request and of an answer.

use bytes::Bytes;

use crate::account::count::{
    self, Calibration, Count, MESSAGE_OVERHEAD, REPLY_PRIMING, TOOLS_FACTOR, estimate, image,
};
use crate::dialect::frames::{Frames, Piece};
use crate::dialect::{StreamParser, codec};
use crate::ir::{Block, Content, Delta, Dialect, Event, Media, Opening, Reply, Request, Source};

/// A document page, or an image whose size nobody knows, counts as this many tokens.
const UNKNOWN_MEDIA: u64 = 800;

/// The input tokens of a request for `model`, as its provider would count them.
#[must_use]
pub fn request(model: &str, request: &Request, calibration: &Calibration) -> Count {
    let (mut text, mut media) = (String::new(), 0);
    gather_request(request, model, &mut text, &mut media);
    let spoken = count::text(model, &text, calibration);
    let mut tools = String::new();
    for tool in &request.tools {
        tools.push_str(&tool.name);
        tools.push_str(tool.description.as_deref().unwrap_or_default());
        tools.push_str(tool.schema.as_deref().unwrap_or_default());
    }
    let tools = count::scale(count::text(model, &tools, calibration).tokens, TOOLS_FACTOR);
    let messages = request.turns.len() as u64 + u64::from(!request.system.is_empty());
    let tokens = spoken.tokens + media + tools + messages * MESSAGE_OVERHEAD + REPLY_PRIMING;
    Count { tokens, exact: spoken.exact && media == 0 && tools == 0 }
}

/// The input tokens of a request, estimated fast enough for a request's path.
#[must_use]
pub fn estimate(model: &str, request: &Request, calibration: &Calibration) -> u64 {
    let (mut text, mut media) = (String::new(), 0);
    gather_request(request, model, &mut text, &mut media);
    for tool in &request.tools {
        append(&mut text, tool.schema.as_deref().unwrap_or_default());
    }
    let factor = calibration.factor(model, estimate::class(&text));
    count::scale(estimate::tokens(&text), factor)
        + media
        + (request.turns.len() as u64 + 1) * MESSAGE_OVERHEAD
}

/// The tokens that the words, thoughts and calls of an answer are worth.
#[must_use]
pub fn reply(model: &str, reply: &Reply, calibration: &Calibration) -> Count {
    let mut text = String::new();
    let mut media = 0;
    for block in reply.candidates.iter().flat_map(|candidate| &candidate.blocks) {
        gather(block, model, &mut text, &mut media);
    }
    count::text(model, &text, calibration)
}

fn gather_request(request: &Request, model: &str, text: &mut String, media: &mut u64) {
    let turns = request.turns.iter().flat_map(|turn| &turn.blocks);
    for block in request.system.iter().chain(turns) {
        gather(block, model, text, media);
    }
}

fn gather(block: &Block, model: &str, text: &mut String, media: &mut u64) {
    match &block.content {
        Content::Text { text: words, .. } | Content::Refusal(words) => append(text, words),
        Content::Reasoning(thought) => append(text, &thought.text),
        Content::ToolCall(call) => {
            append(text, &call.name);
            append(text, &call.arguments);
        }
        Content::ToolResult(result) => {
            for block in &result.content {
                gather(block, model, text, media);
            }
        }
        Content::Image(image) => *media += image_tokens(model, image),
        Content::Document(document) => match &document.source {
            Source::Text(words) => append(text, words),
            // A page of PDF is some 3 KB of base64 a hundred words; its size is the only clue.
            Source::Base64(data) => *media += (data.len() as u64 / 40).max(UNKNOWN_MEDIA),
            Source::Url(_) | Source::File(_) => *media += UNKNOWN_MEDIA,
        },
        Content::Audio(_) | Content::Video(_) => *media += UNKNOWN_MEDIA,
        Content::Opaque { json, .. } => append(text, json),
    }
}

fn append(text: &mut String, words: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(words);
}

fn image_tokens(model: &str, media: &Media) -> u64 {
    let Source::Base64(data) = &media.source else { return UNKNOWN_MEDIA };
    let size = header_bytes(data).as_deref().and_then(image::image_size);
    let rule = match model {
        model if model.contains("claude") => image::ImageRule::Anthropic,
        model if model.contains("gemini") => image::ImageRule::Gemini,
        _ if media.detail.as_deref() == Some("low") => image::ImageRule::OpenAiLow,
        _ => image::ImageRule::OpenAiHigh,
    };
    size.map_or(UNKNOWN_MEDIA, |(width, height)| image::image_tokens(width, height, rule))
}

/// The first bytes of a picture, which hold its size.
fn header_bytes(data: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let head = data.get(..data.len().min(64 << 10) / 4 * 4)?;
    base64::engine::general_purpose::STANDARD.decode(head).ok()
}

/// Counts the output of a stream that ended without its provider's usage, piece by piece, so that
/// no more than a bounded part of the stream is ever held.
pub struct StreamTally {
    frames: Frames,
    parser: Box<dyn StreamParser>,
    events: Vec<Event>,
    text: String,
    tokens: u64,
    exact: bool,
}

impl std::fmt::Debug for StreamTally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamTally").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// Text is counted in pieces of about this size; at the seams a count may be off by one.
const PIECE: usize = 32 << 10;

impl StreamTally {
    /// A tally of a stream in this dialect.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            frames: Frames::of(dialect, 1 << 20),
            parser: codec(dialect).stream_parser(),
            events: Vec::new(),
            text: String::new(),
            tokens: 0,
            exact: true,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, model: &str, chunks: &[Bytes], calibration: &Calibration) {
        for chunk in chunks {
            let Self { frames, parser, events, .. } = self;
            // A frame past the limit is no answer's text; what came before it still counts.
            let _ = frames.push(chunk, |piece| {
                if let Piece::Data(event, data) = piece {
                    parser.push(event, data, events);
                }
            });
            for event in self.events.drain(..) {
                match event {
                    Event::Delta {
                        delta:
                            Delta::Text(text)
                            | Delta::Reasoning(text)
                            | Delta::Refusal(text)
                            | Delta::Arguments(text),
                        ..
                    } => self.text.push_str(&text),
                    Event::BlockStart { opening: Opening::ToolCall { name, .. }, .. } => {
                        self.text.push_str(&name)
                    }
                    _ => {}
                }
            }
            if self.text.len() > PIECE {
                self.weigh(model, calibration);
            }
        }
    }

    /// The tokens of all that was pushed.
    #[must_use]
    pub fn finish(mut self, model: &str, calibration: &Calibration) -> Count {
        self.weigh(model, calibration);
        Count { tokens: self.tokens, exact: self.exact }
    }

    fn weigh(&mut self, model: &str, calibration: &Calibration) {
        let piece = count::text(model, &self.text, calibration);
        self.tokens += piece.tokens;
        self.exact &= piece.exact;
        self.text.clear();
    }
}

/// Learns from a reported input count how far the estimate for this model is off.
pub fn learn(model: &str, asked: &Request, reported: u64, calibration: &Calibration) {
    let (mut text, mut media) = (String::new(), 0);
    gather_request(asked, model, &mut text, &mut media);
    if media == 0 && asked.tools.is_empty() && !text.is_empty() {
        let overhead = (asked.turns.len() as u64 + 1) * MESSAGE_OVERHEAD;
        let local = estimate::tokens(&text);
        calibration.learn(model, estimate::class(&text), local, reported.saturating_sub(overhead));
    }
}
