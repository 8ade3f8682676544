//! One model at one provider: what it is called, holds, costs and can do.

use std::borrow::Cow;

use super::price::PriceTable;

/// What is known of one model at one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The provider whose facts these are, by its id in the table of vendors.
    pub provider: Cow<'static, str>,
    /// The name that the provider knows it by.
    pub name: Cow<'static, str>,
    /// Other names of the same provider for the same facts (dated snapshots and the like).
    pub aliases: Vec<Cow<'static, str>>,
    /// What it is for.
    pub mode: Mode,
    /// The most tokens a prompt may have.
    pub max_input: Option<u64>,
    /// The most tokens a reply may have.
    pub max_output: Option<u64>,
    /// What it costs.
    pub prices: PriceTable,
    /// The day its provider retires it, `YYYY-MM-DD`.
    pub retires: Option<&'static str>,
    /// What it can and cannot do.
    pub flags: Flags,
}

impl Model {
    /// A model of which nothing is known but its name.
    #[must_use]
    pub fn unknown(provider: impl Into<Cow<'static, str>>, name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            provider: provider.into(),
            name: name.into(),
            aliases: Vec::new(),
            mode: Mode::Chat,
            max_input: None,
            max_output: None,
            prices: PriceTable::default(),
            retires: None,
            flags: Flags::default(),
        }
    }

    /// The name and all aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(AsRef::as_ref)
    }

    /// Whether the model is known to have the ability; `None` where nobody said.
    #[must_use]
    pub const fn has(&self, flag: Flag) -> Option<bool> {
        self.flags.get(flag)
    }
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Conversation.
    Chat,
    /// Conversation that OpenAI serves on its Responses API alone.
    Responses,
    /// Vectors.
    Embedding,
    /// Old-style continuation of a text.
    Completion,
    /// Documents in order.
    Rerank,
    /// Pictures.
    Image,
    /// Words spoken.
    Speech,
    /// Spoken words written down.
    Transcription,
    /// Judgements of harm.
    Moderation,
    /// Talk over a connection that stays.
    Realtime,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 10] = [
        Self::Chat,
        Self::Responses,
        Self::Embedding,
        Self::Completion,
        Self::Rerank,
        Self::Image,
        Self::Speech,
        Self::Transcription,
        Self::Moderation,
        Self::Realtime,
    ];

    /// The word for it in the data file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Embedding => "embedding",
            Self::Completion => "completion",
            Self::Rerank => "rerank",
            Self::Image => "image",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
            Self::Moderation => "moderation",
            Self::Realtime => "realtime",
        }
    }
}

/// One ability of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Flag {
    /// Function tools.
    Tools,
    /// A choice among tools.
    ToolChoice,
    /// A switch for several tool calls in one turn.
    ParallelTools,
    /// A demand for one certain tool.
    ForcedTool,
    /// Images as input.
    Vision,
    /// Documents as input.
    Pdf,
    /// Sound as input.
    AudioInput,
    /// Sound as output.
    AudioOutput,
    /// Thinking.
    Reasoning,
    /// Anthropic's adaptive thinking.
    Adaptive,
    /// Thinking can be switched off by effort `none`.
    EffortNone,
    /// Effort `minimal`.
    EffortMinimal,
    /// Effort `low`.
    EffortLow,
    /// Effort `xhigh`.
    EffortXHigh,
    /// Effort `max`.
    EffortMax,
    /// Structured output by a schema.
    JsonSchema,
    /// Structured output by Anthropic's own field, without a forced tool.
    NativeSchema,
    /// Temperature and its kin.
    Sampling,
    /// Going on from an unfinished assistant turn.
    Prefill,
    /// System messages.
    System,
    /// System messages in the middle of a conversation.
    MidSystem,
    /// Prompt caching.
    PromptCaching,
    /// Web searches by the provider.
    WebSearch,
    /// A tenth more for every token at an address that keeps to a region.
    Regional,
}

impl Flag {
    /// Every flag with the word for it in the data file.
    pub const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Tools, "tools"),
        (Self::ToolChoice, "tool_choice"),
        (Self::ParallelTools, "parallel_tools"),
        (Self::ForcedTool, "forced_tool"),
        (Self::Vision, "vision"),
        (Self::Pdf, "pdf"),
        (Self::AudioInput, "audio_in"),
        (Self::AudioOutput, "audio_out"),
        (Self::Reasoning, "reasoning"),
        (Self::Adaptive, "adaptive"),
        (Self::EffortNone, "effort_none"),
        (Self::EffortMinimal, "effort_minimal"),
        (Self::EffortLow, "effort_low"),
        (Self::EffortXHigh, "effort_xhigh"),
        (Self::EffortMax, "effort_max"),
        (Self::JsonSchema, "schema"),
        (Self::NativeSchema, "native_schema"),
        (Self::Sampling, "sampling"),
        (Self::Prefill, "prefill"),
        (Self::System, "system"),
        (Self::MidSystem, "mid_system"),
        (Self::PromptCaching, "caching"),
        (Self::WebSearch, "web_search"),
        (Self::Regional, "regional"),
    ];

    /// The flag of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(flag, _)| *flag)
    }
}

/// Which flags are known to be true, and which to be false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    yes: u32,
    no: u32,
}

impl Flags {
    /// The same flags, with one more stated.
    #[must_use]
    pub const fn with(self, flag: Flag, stated: bool) -> Self {
        let bit = 1 << flag as u32;
        if stated {
            Self { yes: self.yes | bit, no: self.no & !bit }
        } else {
            Self { yes: self.yes & !bit, no: self.no | bit }
        }
    }

    /// What is known of one flag.
    #[must_use]
    pub const fn get(self, flag: Flag) -> Option<bool> {
        let bit = 1 << flag as u32;
        if self.yes & bit != 0 {
            Some(true)
        } else if self.no & bit != 0 {
            Some(false)
        } else {
            None
        }
    }
}
