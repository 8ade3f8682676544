//! What a model family tolerates, as data: renderers read it, nothing else in a codec knows vendors.

use crate::ir::Effort;

/// The tolerances of one target (a model behind a provider).
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The name under which OpenAI-shaped targets take the most tokens to produce.
    pub max_tokens_field: MaxTokensField,
    /// The most tokens the model can produce, where known.
    pub max_output: Option<u64>,
    /// What to ask for where the target demands a limit and the client gave none.
    pub default_max_tokens: u64,
    /// Whether the `developer` role is known; else it is said as `system`.
    pub developer_role: bool,
    /// Whether a system message may stand in the middle of a conversation.
    pub mid_system: bool,
    /// Whether the last turn may be the assistant's, to be continued.
    pub prefill: bool,
    /// The highest temperature taken; `None` when the model takes no sampling parameters but 1.
    pub max_temperature: Option<f64>,
    /// Whether `temperature` and `top_p` may be given together.
    pub both_samplers: bool,
    /// Request parameters that the target refuses.
    pub refuses: Params,
    /// How thinking is asked for.
    pub thinking: ThinkingStyle,
    /// The efforts that the target knows, lowest and highest.
    pub efforts: (Effort, Effort),
    /// Whether `xhigh` is among them; some targets go from `high` to `max` at once.
    pub xhigh: bool,
    /// The efforts between those two, where not all of them are known; empty where they are.
    pub only_efforts: &'static [Effort],
    /// What becomes of earlier reasoning text in the history (`reasoning_content`).
    pub reasoning_history: ReasoningHistory,
    /// How structured output is asked for.
    pub structured_output: StructuredOutput,
    /// How a demand for some tool call is spelt.
    pub required_tool: RequiredTool,
    /// Whether a demand for a certain tool is taken.
    pub forced_tool: bool,
    /// Whether message content must be one string.
    pub text_only_content: bool,
    /// Whether tool results may hold images; else they follow in a user turn of their own.
    pub tool_result_media: bool,
    /// Whether the target reads `https:` image addresses.
    pub image_urls: bool,
    /// Whether the target reads addresses of documents.
    pub document_urls: bool,
    /// Whether the target takes sound.
    pub audio_input: bool,
    /// Whether the target takes documents.
    pub documents: bool,
    /// Whether tools may carry `strict`.
    pub strict_tools: bool,
    /// Whether the target understands Anthropic-style `cache_control` marks.
    pub cache_marks: bool,
    /// Whether null members of messages must be left out.
    pub no_nulls: bool,
    /// Whether streamed usage must be asked for with `stream_options.include_usage`, and may be.
    pub include_usage: bool,
    /// The spelling that the target wants for tool call ids.
    pub tool_id: ToolIdRule,
    /// The name of the seed field (`seed`, Mistral's `random_seed`).
    pub seed_field: &'static str,
    /// The only word for the standard service tier that a chat target knows (Groq's `on_demand`), where
    /// that is known.
    pub standard_tier: Option<&'static str>,
    /// Whether Gemini's `parametersJsonSchema` and `responseJsonSchema` are taken.
    pub json_schema: bool,
    /// Whether function calls in the history must carry a thought signature (Gemini 3).
    pub requires_signature: bool,
    /// Whether unknown extra members may be sent on (an OpenAI-compatible vendor that ignores them).
    pub extras: bool,
    /// Members of the dialect's requests that are the vendor's own, which it takes although it may
    /// refuse others that are unknown.
    pub own_members: &'static [&'static str],
    /// Whose messages may bear a name.
    pub named: Named,
    /// Whether tools' schemas must do without what says nothing of the arguments.
    pub plain_schemas: bool,
    /// Whether thought can be had in an answer that is not streamed.
    pub whole_thought: bool,
    /// Whether tools are known in their older form alone, as `functions`.
    pub older_tools: bool,
    /// Whether what the target takes and says is not quite the dialect, so that nothing is verbatim.
    pub retold: bool,
    /// What an OpenAI-shaped target does not take together.
    pub together: Together,
    /// What a model takes behind Bedrock's Converse API.
    pub converse: Converse,
}

/// What a model takes behind Bedrock's Converse API, beside what any dialect may take or not.
///
/// Seen at <https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html>
/// and in what the service refuses, November 2026.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Converse {
    /// Whether there is a place for system prompts; else they open the first turn.
    pub system: bool,
    /// Whether pictures are taken.
    pub images: bool,
    /// Whether films are taken.
    pub video: bool,
    /// Whether documents may be given as plain text.
    pub text_documents: bool,
    /// Where the likeliest tokens are limited.
    pub top_k: TopK,
    /// Where thinking is asked for.
    pub thinks_in: ThinksIn,
    /// Whether tools are called in streams too.
    pub stream_tools: bool,
    /// What may stand in one turn with tool results.
    pub beside_results: Beside,
    /// Whether tool results may hold pictures.
    pub result_images: bool,
    /// Whether tool results may hold documents.
    pub result_documents: bool,
    /// Whether tool results may say that they failed.
    pub result_status: bool,
    /// Whether results that are JSON must be said to be.
    pub json_results: bool,
    /// Whether tools may be followed by a cache point.
    pub cache_tools: bool,
    /// Whether a cache point may ask for an hour.
    pub cache_hour: bool,
}

impl Converse {
    /// An unremarkable model.
    pub const PLAIN: Self = Self {
        system: true,
        images: true,
        video: false,
        text_documents: false,
        top_k: TopK::Nowhere,
        thinks_in: ThinksIn::Nothing,
        stream_tools: true,
        beside_results: Beside::Anything,
        result_images: true,
        result_documents: false,
        result_status: true,
        json_results: false,
        cache_tools: false,
        cache_hour: false,
    };
}

/// Where Converse takes a limit on the likeliest tokens; models refuse what they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopK {
    /// In the additional field `top_k` (Claude).
    Field,
    /// In the additional field `inferenceConfig.topK` (Nova).
    Inner,
    /// Not at all.
    Nowhere,
}

/// Where Converse takes how hard to think, among its additional fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinksIn {
    /// In none.
    Nothing,
    /// In `thinking`, and `output_config.effort` (Claude).
    Thinking,
    /// In `reasoningConfig`, an object (Nova 2).
    Config,
    /// In `reasoning_effort` (gpt-oss, DeepSeek).
    Effort,
    /// In `reasoning_config`, the word low or high (Qwen).
    Word,
    /// In `reasoning.effort` (OpenAI's closed models).
    Object,
}

/// What may stand in one turn with tool results; a turn is split where more does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Whatever is taken at all.
    Anything,
    /// Words and pictures.
    WordsAndImages,
    /// Nothing.
    Nothing,
}

/// What OpenAI-shaped targets do not take together, although each alone is fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Together {
    /// Whether a user may speak right after tool results; else the assistant must have spoken.
    pub user_after_tools: bool,
    /// Whether users may speak several times in a row; else what they say is one message.
    pub users_in_a_row: bool,
    /// Whether a format of the answer may be demanded where there are tools.
    pub format_beside_tools: bool,
    /// What becomes of the effort where there are tools.
    pub effort_beside_tools: EffortBesideTools,
    /// Whether a last turn of the assistant's must be marked with `prefix`.
    pub prefix_mark: bool,
}

impl Together {
    /// Everything is taken together.
    pub const ALL: Self = Self {
        user_after_tools: true,
        users_in_a_row: true,
        format_beside_tools: true,
        effort_beside_tools: EffortBesideTools::Taken,
        prefix_mark: false,
    };
}

/// What becomes of the effort where there are tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffortBesideTools {
    /// It is taken as ever.
    Taken,
    /// It must not be said.
    Unsaid,
    /// It must be said to be none.
    Off,
}

impl EffortBesideTools {
    /// Whether a thought that is wanted, as hard as this or as the model sees fit, is lost.
    #[must_use]
    pub fn loses(self, effort: Option<Effort>) -> bool {
        match self {
            Self::Taken => false,
            Self::Unsaid => effort.is_some_and(|effort| effort > Effort::None),
            Self::Off => effort != Some(Effort::None),
        }
    }
}

/// The name of the limit of output tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxTokensField {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingStyle {
    /// The model does not think, or cannot be told how.
    None,
    /// OpenAI's `reasoning_effort`.
    Effort,
    /// Anthropic's `thinking` with `budget_tokens`.
    Budget,
    /// Anthropic's adaptive thinking with `output_config.effort`.
    Adaptive,
    /// Gemini 2.5's `thinkingBudget`; the least it takes (0 when it can be off).
    GeminiBudget(u64),
    /// Gemini 3's `thinkingLevel`; whether it knows `minimal`.
    GeminiLevel {
        /// Whether `minimal` is known (flash models).
        minimal: bool,
    },
    /// `thinking: {type: enabled | disabled}` without a budget (DeepSeek, Z.AI, Volcengine …).
    Toggle,
    /// `enable_thinking`, with `thinking_budget` (Qwen at its maker's).
    Switch,
    /// `chat_template_kwargs.enable_thinking` (open models behind servers that people run).
    Template,
    /// `reasoning` with `effort` or `max_tokens`, and `exclude` (OpenRouter and its like).
    Object,
    /// `reasoning.enabled` and nothing finer (Together).
    ObjectSwitch,
}

/// Whose messages may bear a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Everyone's.
    Everyone,
    /// Users' alone (xAI).
    Users,
    /// Tools' alone (Mistral).
    Tools,
}

/// What becomes of reasoning text of earlier turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningHistory {
    /// It is sent back as `reasoning_content`.
    Keep,
    /// It is left out: the target refuses or ignores it.
    Drop,
    /// It must accompany tool calls, if only as a blank.
    Require,
    /// It is a part of the content, of the type `thinking` (Mistral).
    Parts,
    /// It is a part of the content, of the type `reasoning`, with its seal (Databricks).
    Summaries,
    /// It stands before the words, between tags (`MiniMax`).
    Tags,
}

impl ReasoningHistory {
    /// Whether it is told within the content.
    #[must_use]
    pub const fn is_content(self) -> bool {
        match self {
            Self::Keep | Self::Drop | Self::Require => false,
            Self::Parts | Self::Summaries | Self::Tags => true,
        }
    }
}

/// How structured output is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StructuredOutput {
    /// By the dialect's own schema field.
    Native,
    /// By a forced tool whose arguments are the answer.
    Tool,
    /// Only "some JSON object" is known.
    JsonObject,
    /// Not at all.
    None,
}

/// How "call some tool" is spelt by OpenAI-shaped targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredTool {
    /// `required`.
    Required,
    /// `any`.
    Any,
    /// It cannot be said.
    Unsupported,
}

/// What tool call ids must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolIdRule {
    /// Anything.
    Any,
    /// Letters, digits, `_` and `-` (Anthropic).
    Word,
    /// At most 40 characters (OpenAI).
    Short,
    /// Exactly nine letters or digits (Mistral).
    Nine,
}

/// A set of request parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Params(u32);

/// The request parameters that some targets refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Param {
    /// `temperature`.
    Temperature = 1,
    /// `top_p`.
    TopP = 1 << 1,
    /// `top_k`.
    TopK = 1 << 2,
    /// `stop`.
    Stop = 1 << 3,
    /// `seed`.
    Seed = 1 << 4,
    /// `n`.
    N = 1 << 5,
    /// `logprobs` and `top_logprobs`.
    Logprobs = 1 << 6,
    /// `frequency_penalty`.
    FrequencyPenalty = 1 << 7,
    /// `presence_penalty`.
    PresencePenalty = 1 << 8,
    /// `logit_bias`.
    LogitBias = 1 << 9,
    /// `tools`.
    Tools = 1 << 10,
    /// `tool_choice`.
    ToolChoice = 1 << 11,
    /// `parallel_tool_calls`.
    ParallelTools = 1 << 12,
    /// `response_format`.
    ResponseFormat = 1 << 13,
    /// `stream_options`.
    StreamOptions = 1 << 14,
    /// `user`.
    User = 1 << 15,
    /// `service_tier`.
    ServiceTier = 1 << 16,
    /// `metadata`.
    Metadata = 1 << 17,
    /// `store`.
    Store = 1 << 18,
}

impl Params {
    /// No parameters.
    pub const NONE: Self = Self(0);

    /// The set of these parameters.
    #[must_use]
    pub const fn of(params: &[Param]) -> Self {
        let mut bits = 0;
        let mut rest = params;
        while let [first, others @ ..] = rest {
            bits |= *first as u32;
            rest = others;
        }
        Self(bits)
    }

    /// Whether the parameter is in the set.
    #[must_use]
    pub const fn has(self, param: Param) -> bool {
        self.0 & param as u32 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
