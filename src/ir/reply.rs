//! What a model answered, whole.

use super::extras::{Dialect, Extras};
use super::request::{Block, ServiceTier};
use super::usage::Usage;

/// One whole answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// The provider's id for it.
    pub id: Option<String>,
    /// The model that the provider says answered.
    pub model: Option<String>,
    /// When it was made, in seconds since 1970, where the provider says so.
    pub created: Option<u64>,
    /// The answers; more than one only when the request asked for several.
    pub candidates: Vec<Candidate>,
    /// What it used, where the provider says so.
    pub usage: Option<Usage>,
    /// The tier that served it.
    pub service_tier: Option<ServiceTier>,
    /// Members of the reply that the codec did not know.
    pub extras: Extras,
}

/// One answer among several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidate {
    /// What was said, in order.
    pub blocks: Vec<Block>,
    /// Why it ended; `None` when the provider never said.
    pub finish: Option<Finish>,
    /// Log probabilities as OpenAI's `logprobs` object, JSON text.
    pub logprobs: Option<String>,
    /// Members of the candidate that the codec did not know.
    pub extras: Extras,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// The reason in the hub's words.
    pub reason: FinishReason,
    /// The stop string that was met, where the provider tells.
    pub stop_sequence: Option<String>,
    /// The reason in the provider's own word.
    pub native: Option<(Dialect, String)>,
}

impl Finish {
    /// An end for this reason, with nothing more known.
    #[must_use]
    pub const fn new(reason: FinishReason) -> Self {
        Self { reason, stop_sequence: None, native: None }
    }
}

/// The reasons for which an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// A stop string was met.
    StopSequence,
    /// The token limit was met.
    Length,
    /// The model waits for tools.
    ToolCalls,
    /// The provider's filter cut it off.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// The context window is full.
    ContextFull,
    /// A long turn was paused and may be continued.
    Pause,
    /// The model produced a tool call that cannot be read.
    MalformedToolCall,
    /// For a reason the codec does not know; see the native word.
    Other,
}

impl FinishReason {
    /// The word for it in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::StopSequence => "stop_sequence",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Refusal => "refusal",
            Self::ContextFull => "context_full",
            Self::Pause => "pause",
            Self::MalformedToolCall => "malformed_tool_call",
            Self::Other => "other",
        }
    }
}
