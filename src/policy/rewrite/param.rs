//! The parameters that dialects have in common, and where each says them.

use crate::ir::Dialect;

/// A parameter that most dialects have, whatever they call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Param {
    /// The most tokens of an answer.
    MaxTokens,
    /// How many answers.
    N,
    /// How freely an answer is drawn.
    Temperature,
    /// From how much of what is likely.
    TopP,
    /// From how many tokens.
    TopK,
    /// Texts at which an answer ends.
    Stop,
    /// What a draw begins with, so that it can be repeated.
    Seed,
    /// How much what was said already is avoided.
    PresencePenalty,
    /// The same, by how often it was.
    FrequencyPenalty,
    /// How hard to think.
    ReasoningEffort,
}

impl Param {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::MaxTokens,
        Self::N,
        Self::Temperature,
        Self::TopP,
        Self::TopK,
        Self::Stop,
        Self::Seed,
        Self::PresencePenalty,
        Self::FrequencyPenalty,
        Self::ReasoningEffort,
    ];

    /// How the configuration calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::N => "n",
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::Stop => "stop",
            Self::Seed => "seed",
            Self::PresencePenalty => "presence_penalty",
            Self::FrequencyPenalty => "frequency_penalty",
            Self::ReasoningEffort => "reasoning_effort",
        }
    }

    /// The parameter of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|param| param.name() == name)
    }

    /// Where this dialect says it: `member`, or `object.member`, of several spellings (`|`) the first being the
    /// one that is written. Nowhere where it has no word for it, or none that all of its models know.
    pub(super) const fn spots(self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::OpenaiChat => match self {
                Self::MaxTokens => &["max_completion_tokens|max_tokens"],
                Self::ReasoningEffort => &["reasoning_effort", "reasoning.effort"],
                Self::N => &["n"],
                Self::Temperature => &["temperature"],
                Self::TopP => &["top_p"],
                Self::TopK => &["top_k"],
                Self::Stop => &["stop"],
                Self::Seed => &["seed|random_seed"],
                Self::PresencePenalty => &["presence_penalty"],
                Self::FrequencyPenalty => &["frequency_penalty"],
            },
            Dialect::OpenaiCompletions => match self {
                Self::MaxTokens => &["max_tokens"],
                Self::N => &["n"],
                Self::Temperature => &["temperature"],
                Self::TopP => &["top_p"],
                Self::TopK => &["top_k"],
                Self::Stop => &["stop"],
                Self::Seed => &["seed"],
                Self::PresencePenalty => &["presence_penalty"],
                Self::FrequencyPenalty => &["frequency_penalty"],
                Self::ReasoningEffort => &[],
            },
            Dialect::OpenaiResponses => match self {
                Self::MaxTokens => &["max_output_tokens"],
                Self::Temperature => &["temperature"],
                Self::TopP => &["top_p"],
                Self::ReasoningEffort => &["reasoning.effort"],
                Self::N
                | Self::TopK
                | Self::Stop
                | Self::Seed
                | Self::PresencePenalty
                | Self::FrequencyPenalty => &[],
            },
            Dialect::AnthropicMessages => match self {
                Self::MaxTokens => &["max_tokens"],
                Self::Temperature => &["temperature"],
                Self::TopP => &["top_p"],
                Self::TopK => &["top_k"],
                Self::Stop => &["stop_sequences"],
                Self::N
                | Self::Seed
                | Self::PresencePenalty
                | Self::FrequencyPenalty
                | Self::ReasoningEffort => &[],
            },
            Dialect::GeminiGenerate => self.spots_of_gemini(),
            Dialect::BedrockConverse => match self {
                Self::MaxTokens => &["inferenceConfig.maxTokens"],
                Self::Temperature => &["inferenceConfig.temperature"],
                Self::TopP => &["inferenceConfig.topP"],
                Self::Stop => &["inferenceConfig.stopSequences"],
                Self::N
                | Self::TopK
                | Self::Seed
                | Self::PresencePenalty
                | Self::FrequencyPenalty
                | Self::ReasoningEffort => &[],
            },
            Dialect::OllamaChat | Dialect::OllamaGenerate => match self {
                Self::MaxTokens => &["options.num_predict"],
                Self::Temperature => &["options.temperature"],
                Self::TopP => &["options.top_p"],
                Self::TopK => &["options.top_k"],
                Self::Stop => &["options.stop"],
                Self::Seed => &["options.seed"],
                Self::PresencePenalty => &["options.presence_penalty"],
                Self::FrequencyPenalty => &["options.frequency_penalty"],
                Self::N | Self::ReasoningEffort => &[],
            },
            Dialect::CohereChat => match self {
                Self::MaxTokens => &["max_tokens"],
                Self::Temperature => &["temperature"],
                Self::TopP => &["p"],
                Self::TopK => &["k"],
                Self::Stop => &["stop_sequences"],
                Self::Seed => &["seed"],
                Self::PresencePenalty => &["presence_penalty"],
                Self::FrequencyPenalty => &["frequency_penalty"],
                Self::N | Self::ReasoningEffort => &[],
            },
        }
    }

    /// Gemini takes either spelling of everything.
    const fn spots_of_gemini(self) -> &'static [&'static str] {
        match self {
            Self::MaxTokens => &["generationConfig|generation_config.maxOutputTokens|max_output_tokens"],
            Self::N => &["generationConfig|generation_config.candidateCount|candidate_count"],
            Self::Temperature => &["generationConfig|generation_config.temperature"],
            Self::TopP => &["generationConfig|generation_config.topP|top_p"],
            Self::TopK => &["generationConfig|generation_config.topK|top_k"],
            Self::Stop => &["generationConfig|generation_config.stopSequences|stop_sequences"],
            Self::Seed => &["generationConfig|generation_config.seed"],
            Self::PresencePenalty => &["generationConfig|generation_config.presencePenalty|presence_penalty"],
            Self::FrequencyPenalty => {
                &["generationConfig|generation_config.frequencyPenalty|frequency_penalty"]
            }
            Self::ReasoningEffort => &[],
        }
    }
}
