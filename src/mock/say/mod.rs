//! What to say, in no vendor's words: each dialect reads a request into an [`Ask`] and renders the
//! [`Answer`] that [`compose`] makes of it.

pub mod compose;
pub mod media;
pub mod plan;
pub mod prose;
pub mod schema;
pub mod script;

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use media::Media;
use plan::Planned;
use prose::Pieces;

/// A request, as far as the answer depends on it.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// The model asked for.
    pub model: String,
    /// Whether to stream.
    pub stream: bool,
    /// The text of the last user message.
    pub text: String,
    /// Size of the prompt in tokens.
    pub prompt: usize,
    /// Stands for the whole prompt.
    pub print: u64,
    /// What the last user message carries besides text.
    pub media: Vec<Media>,
    /// Tool results, when they are the last turn.
    pub results: Vec<Outcome>,
    /// Tools offered.
    pub tools: Vec<Tool>,
    /// The call that the conversation has planned next.
    pub planned: Option<Planned>,
    /// Whether a tool may or must be called.
    pub choice: Choice,
    /// At most one call a turn.
    pub single: bool,
    /// Structured output wanted.
    pub format: Option<Format>,
    /// Reasoning tokens to spend.
    pub reasoning: usize,
    /// Most tokens in the answer, reasoning included.
    pub limit: Option<usize>,
    /// Stop strings.
    pub stop: Vec<String>,
}

/// What a tool gave back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its text.
    pub text: String,
    /// It said that it failed.
    pub failed: bool,
    /// Pictures and files in it.
    pub media: Vec<Media>,
}

/// A tool that may be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// JSON Schema of its arguments.
    pub schema: Value,
}

/// Whether a tool may or must be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Choice {
    /// As the model likes.
    #[default]
    Auto,
    /// None may.
    None,
    /// One must.
    Any,
    /// This one must.
    Named(String),
}

/// Structured output wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// Any JSON object.
    Json,
    /// An instance of this schema.
    Schema(Value),
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the model thought before it answered.
    pub reasoning: Option<Pieces>,
    /// Text and calls, in order.
    pub blocks: Vec<Block>,
    /// Why it ended.
    pub finish: Finish,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Text.
    Text(Pieces),
    /// A tool call.
    Call(Call),
}

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// Its arguments, as JSON text in tokens.
    pub arguments: Pieces,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// It was complete.
    Stop,
    /// This stop string was hit.
    StopString(String),
    /// The token limit was hit.
    Length,
    /// Tools are to be called.
    Tools,
    /// As a directive demanded, in its own words.
    Scripted(String),
}

impl Answer {
    /// Tokens spent on reasoning.
    #[must_use]
    pub fn reasoned(&self) -> usize {
        self.reasoning.as_ref().map_or(0, Pieces::len)
    }

    /// All tokens, reasoning included.
    #[must_use]
    pub fn tokens(&self) -> usize {
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Text(pieces) => pieces.len(),
            // The name and the frame around it cost something too.
            Block::Call(call) => call.arguments.len() + 4,
        });
        self.reasoned() + blocks.sum::<usize>()
    }

    /// All text, joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.blocks
            .iter()
            .map(|block| match block {
                Block::Text(pieces) => pieces.text.as_str(),
                Block::Call(_) => "",
            })
            .collect()
    }

    /// The calls, in order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Call(call) => Some(call),
            Block::Text(_) => None,
        })
    }
}

/// `text` as a JSON string.
#[must_use]
pub fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A number that stands for `text`; the same on every run.
#[must_use]
pub fn fingerprint(text: impl Hash) -> u64 {
    // `DefaultHasher::new` has fixed keys, unlike `RandomState`.
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Bytes of text as tokens: one for every four bytes, at least one.
#[must_use]
pub fn tokens_of(bytes: usize) -> usize {
    (bytes / 4).max(1)
}

/// Appends `text` as a JSON string.
pub fn quote_into(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.extend_from_slice(quote(text).as_bytes());
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}
