//! What a model is asked.

use super::extras::{Dialect, Extras, Signature};
use super::service::Service;

/// One request for a completion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The model as the client named it; the target's own name is handed to the renderer apart.
    pub model: String,
    /// Whether the client wants events as they come.
    pub stream: bool,
    /// Whether the client asked for usage in its stream (always, where its dialect has no switch).
    pub stream_usage: bool,
    /// The leading run of system instructions, one block a part.
    pub system: Vec<Block>,
    /// The conversation. Roles need not alternate; renderers merge where their target demands it.
    pub turns: Vec<Turn>,
    /// The tools the model may call.
    pub tools: Vec<Tool>,
    /// How freely it may call them; `None` when the client did not say.
    pub tool_choice: Option<ToolChoice>,
    /// Whether every call must keep to its tool's schema, whatever the tool itself says of it.
    pub validated: bool,
    /// Whether it may call several at once; `None` when the client did not say.
    pub parallel_tools: Option<bool>,
    /// How the answer is drawn and where it ends.
    pub sampling: Sampling,
    /// Whether and how hard to think.
    pub thinking: Option<Thinking>,
    /// The form the answer must have.
    pub format: Option<Format>,
    /// How wordy the answer should be: `low`, `medium` or `high`.
    pub verbosity: Option<String>,
    /// What requests have in common that should find each other's prompts in the provider's cache. It
    /// changes no answer, so that it is no loss where it cannot be said.
    pub cache_key: Option<String>,
    /// The end user on whose behalf the client asks.
    pub user: Option<String>,
    /// The service tier asked for.
    pub service_tier: Option<ServiceTier>,
    /// The client's own labels, as JSON text of an object of strings.
    pub metadata: Option<String>,
    /// Members of the request that the codec did not know.
    pub extras: Extras,
}

impl Request {
    /// Whether the client knows no more than one call in an answer.
    #[must_use]
    pub fn takes_one_call(&self) -> bool {
        self.tools.iter().any(|tool| tool.kind == ToolKind::Older)
    }
}

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The operator, in the middle of a conversation.
    System,
    /// The person, or the tools that answer.
    User,
    /// The model.
    Assistant,
}

/// What one side said before the other spoke.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who spoke.
    pub role: Role,
    /// What was said, in order; tool results are blocks of a user turn.
    pub blocks: Vec<Block>,
    /// The speaker's name where the dialect has one.
    pub name: Option<String>,
    /// Members of the message that the codec did not know.
    pub extras: Extras,
}

impl Turn {
    /// A turn of these blocks, without name or extras.
    #[must_use]
    pub const fn new(role: Role, blocks: Vec<Block>) -> Self {
        Self { role, blocks, name: None, extras: Extras::NONE }
    }
}

/// One piece of a turn or a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// What it is.
    pub content: Content,
    /// The mark after which the provider should cache the prompt.
    pub cache: Option<CacheMark>,
    /// The provider's seal on the thought behind this block (reasoning, a tool call, a text).
    pub signature: Option<Signature>,
    /// Members of the block that the codec did not know.
    pub extras: Extras,
}

impl Block {
    /// A block without mark, seal or extras.
    #[must_use]
    pub const fn new(content: Content) -> Self {
        Self { content, cache: None, signature: None, extras: Extras::NONE }
    }

    /// A text block.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text { text: text.into(), citations: Vec::new() })
    }

    /// The text, if it is a text block.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// What a block holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Words.
    Text {
        /// The words.
        text: String,
        /// Where they are taken from.
        citations: Vec<Citation>,
    },
    /// Thinking that the provider shows, or a summary of it. The seal is the block's signature.
    Reasoning(Reasoning),
    /// The model's refusal, where the dialect tells it apart from text.
    Refusal(String),
    /// A call of a tool.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// A picture.
    Image(Media),
    /// A document.
    Document(Media),
    /// Sound.
    Audio(Media),
    /// Moving pictures.
    Video(Media),
    /// Something only its own dialect understands (a server tool's use, search results …): the
    /// whole block as JSON text.
    Opaque {
        /// The dialect that understands it.
        dialect: Dialect,
        /// Its type there, such as `web_search_tool_result`.
        name: String,
        /// The whole block.
        json: String,
        /// What it says to those who do not understand it, where that can be put in words.
        words: Option<String>,
    },
}

/// Thinking, readable or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// The readable thought; may be empty when only a signature is given.
    pub text: String,
    /// The unreadable thought of a redacted block, which only its issuer can read.
    pub redacted: Option<Signature>,
}

/// A call of a tool by the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The id by which the result is matched; unique in the conversation.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments: JSON text of an object for a function (`{}` when empty), free text for a
    /// custom tool.
    pub arguments: String,
    /// What kind of tool was called.
    pub kind: ToolKind,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub call_id: String,
    /// The tool's name, where the dialect says it; renderers that need it look the call up.
    pub name: Option<String>,
    /// The answer: text, images, documents.
    pub content: Vec<Block>,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// A picture, a document, sound or video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Where the bytes are.
    pub source: Source,
    /// The MIME type, such as `image/png`, where known.
    pub media_type: Option<String>,
    /// The file's name or the document's title.
    pub name: Option<String>,
    /// OpenAI's `detail` (low, high, auto) or Gemini's media resolution in the same words.
    pub detail: Option<String>,
}

impl Media {
    /// Media of which only source and type are known.
    #[must_use]
    pub const fn new(source: Source, media_type: Option<String>) -> Self {
        Self { source, media_type, name: None, detail: None }
    }
}

/// Where the bytes of a [`Media`] are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Here, in base64 of the standard alphabet.
    Base64(String),
    /// Behind an address that some provider can read (https:, gs:, s3:).
    Url(String),
    /// In the provider's file store under this id.
    File(String),
    /// Here, as plain text (a text document).
    Text(String),
}

/// Where a piece of text was taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Citation {
    /// The page's address.
    pub url: Option<String>,
    /// The page's or document's title.
    pub title: Option<String>,
    /// The words quoted.
    pub quote: Option<String>,
    /// Where in the answer's text the cited words begin, in characters.
    pub start: Option<u64>,
    /// Where they end.
    pub end: Option<u64>,
    /// The whole citation as its own dialect said it.
    pub native: Option<(Dialect, String)>,
}

/// A mark after which the provider should cache the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheMark {
    /// For five minutes, or the provider's default.
    FiveMinutes,
    /// For an hour.
    OneHour,
}

/// A tool the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// The name it is called by.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON schema of its arguments as JSON text; `None` when it takes none.
    pub schema: Option<String>,
    /// Whether the provider must hold the model to the schema.
    pub strict: Option<bool>,
    /// What kind of tool it is.
    pub kind: ToolKind,
    /// A cache mark after it.
    pub cache: Option<CacheMark>,
    /// Members that the codec did not know.
    pub extras: Extras,
}

/// What kind a tool is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolKind {
    /// The client runs it; arguments are JSON.
    Function,
    /// The client runs it; the argument is free text, perhaps of a grammar (JSON text).
    Custom(Option<String>),
    /// The client runs it as a function of OpenAI's older form, in which an answer holds one call
    /// at most and the call no id.
    Older,
    /// The provider runs it, or knows it without being told; the whole definition as its own
    /// dialect says it. Where the client runs it, the tool has a schema for those who do not know it.
    Hosted {
        /// The dialect that understands it.
        dialect: Dialect,
        /// The whole definition.
        json: String,
        /// What it does, where others have a tool that does the same.
        service: Option<Box<Service>>,
    },
}

/// How freely the model may call tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
    /// At least one of these (`true`), or as it likes among these (`false`).
    Allowed(Vec<String>, bool),
}

/// How the answer is drawn and where it ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling {
    /// The most tokens to produce, thinking included.
    pub max_tokens: Option<u64>,
    /// 0 is nearly deterministic; the upper end differs by provider.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Only the k likeliest tokens.
    pub top_k: Option<u64>,
    /// Strings at which the answer ends.
    pub stop: Vec<String>,
    /// For repeatable draws.
    pub seed: Option<i64>,
    /// OpenAI's and Gemini's frequency penalty.
    pub frequency_penalty: Option<f64>,
    /// OpenAI's and Gemini's presence penalty.
    pub presence_penalty: Option<f64>,
    /// How many answers to give.
    pub candidates: Option<u64>,
    /// Whether to give the tokens' log probabilities.
    pub logprobs: Option<bool>,
    /// How many alternatives to give for each token.
    pub top_logprobs: Option<u64>,
    /// Token biases as JSON text of an object.
    pub logit_bias: Option<String>,
}

/// Whether and how hard to think. Fields the client did not give are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thinking {
    /// Whether thinking was switched on or off outright.
    pub enabled: Option<bool>,
    /// How hard.
    pub effort: Option<Effort>,
    /// The most tokens to spend on it. `None` with `enabled` means as the model sees fit.
    pub budget: Option<u64>,
    /// Whether the client wants to see the thoughts or a summary.
    pub visible: Option<bool>,
}

impl Thinking {
    /// How hard to think in words, whatever it was said in; `None` where that is left to the model.
    #[must_use]
    pub fn as_effort(&self) -> Option<Effort> {
        let off = self.enabled == Some(false) || self.budget == Some(0);
        let on = self.enabled == Some(true) || self.budget.is_some();
        if off { Some(Effort::None) } else { self.effort.or_else(|| on.then_some(Effort::Medium)) }
    }
}

/// How hard to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as can be.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More than that.
    XHigh,
    /// As much as can be.
    Max,
}

impl Effort {
    /// All efforts, least first.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// The word for it, the same in every dialect that has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The effort of that word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.name() == name)
    }
}

/// The form the answer must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Plain text, said outright.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON held to a schema.
    JsonSchema {
        /// The schema's name.
        name: Option<String>,
        /// What it describes.
        description: Option<String>,
        /// The schema as JSON text.
        schema: String,
        /// Whether the provider must hold the model to it.
        strict: Option<bool>,
    },
}

/// How urgent the request is and how it is priced.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServiceTier {
    /// As the account is set.
    Auto,
    /// The standard tier.
    Standard,
    /// Cheaper and slower.
    Flex,
    /// Dearer and faster.
    Priority,
    /// Asynchronous batches.
    Batch,
    /// A tier by its provider's own name.
    Other(String),
}

impl ServiceTier {
    /// The word for it in records.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Auto => "auto",
            Self::Standard => "standard",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Batch => "batch",
            Self::Other(name) => name,
        }
    }

    /// The tier of that word; none of "".
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "" => return None,
            "auto" => Self::Auto,
            "standard" => Self::Standard,
            "flex" => Self::Flex,
            "priority" => Self::Priority,
            "batch" => Self::Batch,
            other => Self::Other(other.to_owned()),
        })
    }
}
