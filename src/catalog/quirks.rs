//! Where a vendor's API differs from the norm of the dialect it speaks, whatever the model.

use super::profile::{
    MaxTokensField, Named, Params, ReasoningHistory, RequiredTool, StructuredOutput, ThinkingStyle,
    ToolIdRule,
};

/// The differences of one vendor; what is `None` is as usual for the dialect or the model.
///
/// Names and meanings are those of [`super::profile::Profile`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quirks {
    /// Whether this is OpenAI's own API, or the same software elsewhere (Azure, GitHub).
    pub house: House,
    /// Request parameters that the vendor refuses for every model.
    pub refuses: Params,
    /// The name of the limit of output tokens.
    pub max_tokens_field: Option<MaxTokensField>,
    /// The highest temperature taken.
    pub max_temperature: Option<f64>,
    /// How thinking is asked for, for models that think.
    pub thinking: Option<ThinkingStyle>,
    /// How names of models begin that are asked to think in another way than the vendor's others.
    pub thinking_of: &'static [(&'static str, ThinkingStyle)],
    /// Whether the models that think take no sampling parameters but their own.
    pub thinkers_fix_sampling: bool,
    /// What becomes of earlier reasoning text.
    pub reasoning_history: Option<ReasoningHistory>,
    /// What becomes of it for models that think, where the vendor's others take none.
    pub thinkers_history: Option<ReasoningHistory>,
    /// How structured output is asked for.
    pub structured_output: Option<StructuredOutput>,
    /// How the names of models begin that know schemas although the vendor's others do not.
    pub schema_models: &'static [&'static str],
    /// How a demand for some tool call is spelt.
    pub required_tool: Option<RequiredTool>,
    /// Whether a demand for a certain tool is taken.
    pub forced_tool: Option<bool>,
    /// Whether message content must be one string.
    pub text_only_content: bool,
    /// Whether null members of messages must be left out.
    pub no_nulls: bool,
    /// Whether `https:` image addresses are read.
    pub image_urls: Option<bool>,
    /// Whether sound is taken.
    pub audio_input: Option<bool>,
    /// Whether documents are taken.
    pub documents: Option<bool>,
    /// Whether tools may carry `strict`.
    pub strict_tools: Option<bool>,
    /// Whether Anthropic-style `cache_control` marks are understood.
    pub cache_marks: Option<bool>,
    /// The spelling of tool call ids.
    pub tool_id: Option<ToolIdRule>,
    /// The name of the seed field.
    pub seed_field: Option<&'static str>,
    /// The only word for the standard service tier that the vendor knows.
    pub standard_tier: Option<&'static str>,
    /// Whether unknown extra members may be sent on.
    pub extras: Option<bool>,
    /// Members that are the vendor's own, which it takes although unknown ones may not be sent.
    pub own_members: &'static [&'static str],
    /// Whose messages may bear a name.
    pub named: Option<Named>,
    /// Whether tools' schemas must do without what says nothing of the arguments.
    pub plain_schemas: bool,
    /// The plain names of models whose thought can only be had in a stream.
    pub streams_thought: &'static [&'static str],
    /// Whether users and assistants must take turns.
    pub alternates: bool,
    /// Whether a format may be demanded where there are tools.
    pub format_beside_tools: Option<bool>,
    /// Whether a last turn of the assistant's must be marked with `prefix`.
    pub prefix_mark: bool,
    /// Whether what the vendor says it charges is what it does, in dollars.
    pub states_cost: bool,
    /// Whether answers are kept for clients of Responses, as the dialect's inventor does.
    pub keeps_responses: bool,
    /// Whether a system message may stand in the middle of a conversation.
    pub mid_system: Option<bool>,
    /// Whether tools are known in their older form alone, as `functions`.
    pub older_tools: bool,
    /// Whether bodies and answers are so far from the dialect that all of them must be said again.
    pub retold: bool,
}

/// Whose software answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum House {
    /// The dialect's inventor's.
    Own,
    /// Somebody else's that is compatible with it.
    Compatible,
}

impl Quirks {
    /// A compatible vendor without peculiarities.
    pub const NONE: Self = Self {
        house: House::Compatible,
        refuses: Params::NONE,
        max_tokens_field: None,
        max_temperature: None,
        thinking: None,
        thinking_of: &[],
        thinkers_fix_sampling: false,
        reasoning_history: None,
        thinkers_history: None,
        structured_output: None,
        schema_models: &[],
        required_tool: None,
        forced_tool: None,
        text_only_content: false,
        no_nulls: false,
        image_urls: None,
        audio_input: None,
        documents: None,
        strict_tools: None,
        cache_marks: None,
        tool_id: None,
        seed_field: None,
        standard_tier: None,
        extras: None,
        own_members: &[],
        named: None,
        plain_schemas: false,
        streams_thought: &[],
        alternates: false,
        format_beside_tools: None,
        prefix_mark: false,
        states_cost: false,
        keeps_responses: false,
        mid_system: None,
        older_tools: false,
        retold: false,
    };

    /// The dialect's inventor, without peculiarities.
    pub const OWN: Self = Self { house: House::Own, standard_tier: Some("default"), ..Self::NONE };
}
