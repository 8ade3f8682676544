//! The formats: one folder a dialect with the same file names in each, both directions side by side.
//!
//! A codec turns one vendor's bytes into the hub's types and back. It is pure: ids and time come
//! in as a [`Seed`], and what cannot be said is written into the ledger of [`Losses`].

pub mod anthropic_messages;
pub mod bedrock_converse;
pub mod bedrock_invoke;
mod claude_thinking;
mod closed_schema;
pub mod cohere_chat;
mod data_uri;
pub mod frames;
mod free_text;
mod function_tools;
pub mod gemini_generate;
pub mod kept;
pub mod live;
mod mould;
pub mod ollama;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_embeddings;
mod openai_error;
pub mod openai_media;
mod openai_names;
pub mod openai_responses;
mod openai_schema;
mod openai_usage;
mod openai_words;
mod phase;
mod place;
pub mod ranks;
pub mod relayed;
pub mod restore;
mod searching;
mod strict_tools;
mod taking_turns;
mod tool_names;
mod tool_schema;
pub mod transcode;
mod unasked;
mod unknown;
mod unreadable;
pub mod vectors;

use bytes::Bytes;
use http::HeaderMap;

use crate::catalog::profile::Profile;
use crate::fault::Fault;
use crate::ir::{Dialect, Event, Losses, Reply, Request};
use crate::refusal::Refusal;
use crate::wire::json;
pub use kept::Kept;
pub use live::Live;
pub use ranks::Ranks;
pub use relayed::Relayed;
pub use restore::Restore;
pub use vectors::Vectors;

/// What stands around a request's body and matters to its meaning.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The path as sent, such as `/v1beta/models/gemini-2.5-pro:streamGenerateContent`.
    pub path: &'a str,
    /// The query without its question mark, or "".
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// A body that is not what its dialect prescribes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// The field at fault, such as `messages[2].content`; "" for the whole body.
    pub param: String,
    /// One sentence that says what was expected; never holds the body's text.
    pub message: String,
}

impl Malformed {
    /// A complaint about one field.
    #[must_use]
    pub fn new(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: param.into(), message: message.into() }
    }
}

impl From<json::Error> for Malformed {
    fn from(error: json::Error) -> Self {
        Self { message: format!("the body is not valid JSON: {error}"), param: error.path }
    }
}

/// What a renderer makes up when the upstream did not say: ids and times are handed in, so that
/// the same input always gives the same output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// A unique id of letters and digits, without a prefix; the same for the whole answer.
    pub id: String,
    /// The time of the answer in seconds since 1970.
    pub created: u64,
    /// The model to name when the upstream named none.
    pub model: String,
    /// The estimated input tokens, for a format that tells them before the upstream has; 0 when
    /// nobody estimated.
    pub input_tokens: u64,
    /// The client's own body, for a format whose answers repeat parts of the request; empty where
    /// nobody kept it.
    pub asked: Bytes,
    /// Whether the answer is kept, so that its client may come back to it.
    pub kept: bool,
}

/// A request in the words of its target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rendered {
    /// The body.
    pub body: Vec<u8>,
    /// Headers that belong to the dialect (`anthropic-beta` …), lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// What must be undone in the answer.
    pub restore: Restore,
}

/// How a client wants its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamShape {
    /// How its events are told apart.
    pub framing: Framing,
    /// Whether usage belongs in it (OpenAI's `stream_options.include_usage`).
    pub usage: bool,
}

/// How a stream's events are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `text/event-stream`.
    Sse,
    /// One JSON array, element by element (Gemini without `alt=sse`).
    JsonArray,
    /// AWS's binary messages (Bedrock).
    AwsEvents,
    /// One JSON value a line (Ollama).
    Lines,
}

impl Framing {
    /// How streams of this dialect are framed, unless a client or a provider chooses otherwise.
    #[must_use]
    pub const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenaiChat
            | Dialect::OpenaiResponses
            | Dialect::AnthropicMessages
            | Dialect::GeminiGenerate
            | Dialect::OpenaiCompletions
            | Dialect::CohereChat => Self::Sse,
            Dialect::BedrockConverse => Self::AwsEvents,
            Dialect::OllamaChat | Dialect::OllamaGenerate => Self::Lines,
        }
    }

    /// The type of a body that is framed so.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::JsonArray => "application/json",
            Self::AwsEvents => "application/vnd.amazon.eventstream",
            Self::Lines => "application/x-ndjson",
        }
    }
}

/// Both directions of one dialect.
pub trait Codec: Sync {
    /// Reads a client's request.
    ///
    /// # Errors
    /// Names the first field that is not as the dialect prescribes.
    fn parse_request(&self, head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed>;

    /// Says a request to a target that knows itself as `model`.
    ///
    /// Never fails: what cannot be said is a loss, and a strict caller refuses on it.
    fn render_request(
        &self,
        request: &Request,
        model: &str,
        profile: &Profile,
        losses: &mut Losses,
    ) -> Rendered;

    /// Reads an upstream's whole answer of status 200.
    ///
    /// # Errors
    /// When the body is not an answer of this dialect.
    fn parse_reply(&self, body: &[u8]) -> Result<Reply, Malformed>;

    /// Says a whole answer to a client.
    fn render_reply(&self, reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8>;

    /// Reads an upstream's stream.
    fn stream_parser(&self) -> Box<dyn StreamParser>;

    /// Says a stream to a client.
    fn stream_renderer(&self, seed: &Seed, shape: StreamShape) -> Box<dyn StreamRenderer>;

    /// Reads an upstream's error body, whatever it is (also HTML, or nothing).
    fn parse_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Fault;

    /// Says a refusal as the body of an error response.
    fn render_error(&self, refusal: &Refusal) -> Vec<u8>;

    /// Reads a `usage` object (or `usageMetadata`) of this dialect out of a whole reply or one
    /// stream event, without reading the rest; `None` when it holds none. Must be cheap: it runs
    /// on every verbatim answer.
    fn find_usage(&self, json: &[u8]) -> Option<crate::ir::Usage>;

    /// Whether a whole answer is sure to be a good one that says text and came to its proper end, as far as
    /// that can be seen without reading it all; `false` says nothing.
    fn is_plain(&self, _body: &[u8]) -> bool {
        false
    }

    /// The bytes of such an answer once more, under the id and the time of the seed; `None` where it must be
    /// read for that.
    fn retell(&self, _body: &[u8], _seed: &Seed) -> Option<Vec<u8>> {
        None
    }
}

/// Turns the frames of one upstream stream into events.
pub trait StreamParser: Send + Sync {
    /// Tells what was put off as long as it could be: how much was used so far, where each event
    /// says that anew.
    fn settle(&mut self, _events: &mut Vec<Event>) {}

    /// Takes the data of one frame (the `data:` of server-sent events, one element of a JSON array, one
    /// line, or the payload of a binary message under the name of its type) and appends the events it
    /// means. What is not understood becomes `Event::Fault`.
    fn push(&mut self, event: Option<&str>, data: &[u8], events: &mut Vec<Event>);

    /// The upstream closed. Appends what is still owed: `End`, after a `Fault` when the stream had
    /// not come to its proper end.
    fn finish(&mut self, events: &mut Vec<Event>);
}

/// Turns events into the frames of one client's stream.
pub trait StreamRenderer: Send + Sync {
    /// Takes one event and appends the bytes it means; a fault is said in the dialect's own words
    /// for an error inside a stream, after which nothing is appended any more.
    fn push(&mut self, event: &Event, out: &mut Vec<u8>, losses: &mut Losses);
}

/// The codec of a dialect.
#[must_use]
pub fn codec(dialect: Dialect) -> &'static dyn Codec {
    match dialect {
        Dialect::OpenaiChat => &openai_chat::OpenaiChat,
        Dialect::OpenaiResponses => &openai_responses::OpenaiResponses,
        Dialect::AnthropicMessages => &anthropic_messages::AnthropicMessages,
        Dialect::GeminiGenerate => &gemini_generate::GeminiGenerate,
        Dialect::BedrockConverse => &bedrock_converse::BedrockConverse,
        Dialect::OpenaiCompletions => &openai_completions::OpenaiCompletions,
        Dialect::OllamaChat => &ollama::CHAT,
        Dialect::OllamaGenerate => &ollama::GENERATE,
        Dialect::CohereChat => &cohere_chat::CohereChat,
    }
}
