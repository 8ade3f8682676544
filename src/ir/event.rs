//! What a model answers, as it comes.

use super::extras::{Extras, Signature};
use super::reply::Finish;
use super::request::{Block, Citation, ServiceTier, ToolKind};
use super::usage::Usage;
use crate::fault::Fault;

/// One step of a streamed answer. The legal order is the table in [`super::grammar`].
///
/// Blocks are numbered over the whole answer, whichever candidate they belong to, from 0 in the
/// order in which they open. Several may be open at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The provider's id for the answer.
        id: Option<String>,
        /// The model that the provider says answers.
        model: Option<String>,
        /// When, in seconds since 1970.
        created: Option<u64>,
        /// The tier that serves it.
        service_tier: Option<ServiceTier>,
        /// Members that the codec did not know.
        extras: Extras,
    },
    /// A block opens.
    BlockStart {
        /// Its number.
        index: u32,
        /// Which of several answers it belongs to, from 0.
        candidate: u32,
        /// What it will be.
        opening: Opening,
    },
    /// An open block grows.
    Delta {
        /// The block's number.
        index: u32,
        /// By what.
        delta: Delta,
    },
    /// A block is complete.
    BlockStop {
        /// Its number.
        index: u32,
    },
    /// Log probabilities of a candidate's latest tokens: OpenAI's `logprobs` object, JSON text.
    Logprobs {
        /// Which answer.
        candidate: u32,
        /// The object.
        json: String,
    },
    /// Members that the codec did not know and that the start could not tell yet: of one answer, or
    /// of the reply that holds all answers.
    Extras {
        /// Which answer; none for the reply itself.
        candidate: Option<u32>,
        /// The members. One that was told before has a new value.
        extras: Extras,
    },
    /// What the call has used so far; a later report replaces it (see [`Usage::merge`]).
    Usage(Usage),
    /// One answer is complete.
    Finish {
        /// Which answer.
        candidate: u32,
        /// Why it ended.
        finish: Finish,
    },
    /// The connection is alive, nothing more.
    Ping,
    /// The upstream failed in the middle; nothing but `End` follows.
    Fault(Fault),
    /// Nothing more will come.
    End,
}

/// What an opening block will be.
#[derive(Debug, Clone, PartialEq)]
pub enum Opening {
    /// Words, growing by [`Delta::Text`].
    Text,
    /// Thinking, growing by [`Delta::Reasoning`].
    Reasoning,
    /// A refusal, growing by [`Delta::Refusal`].
    Refusal,
    /// A tool call, growing by [`Delta::Arguments`].
    ToolCall {
        /// The id of the call.
        id: String,
        /// The tool's name.
        name: String,
        /// What kind of tool.
        kind: ToolKind,
    },
    /// A block that came whole and does not grow (redacted thinking, an image, an opaque block).
    Whole(Box<Block>),
}

/// What an open block grows by.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Words.
    Text(String),
    /// Thought.
    Reasoning(String),
    /// Refusal.
    Refusal(String),
    /// A piece of the arguments' text.
    Arguments(String),
    /// The seal on the block's thought, whole.
    Signature(Signature),
    /// A source of the text so far.
    Citation(Citation),
}
