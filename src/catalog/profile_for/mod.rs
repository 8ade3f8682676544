//! From dialect, vendor and model to one [`Profile`]: the norm of the dialect, then what the
//! model's family is known for, then where the vendor differs.

mod anthropic;
mod bedrock;
mod gemini;
mod openai;
#[cfg(test)]
mod tests;

use crate::ir::{Dialect, Effort};

use super::model::{Flag, Mode, Model};
use super::names;
use super::profile::{
    Converse, EffortBesideTools, MaxTokensField, Named, Param, Params, Profile, ReasoningHistory,
    RequiredTool, StructuredOutput, ThinkingStyle, Together, ToolIdRule,
};
use super::quirks::{House, Quirks};

/// What is asked for where a limit must be given and the client gave none.
const DEFAULT_MAX_TOKENS: u64 = 4096;

impl Profile {
    /// The tolerances of `model` when a vendor with these quirks is spoken to in `dialect`.
    ///
    /// `known` is the catalogue's row, whose flags win over what the name suggests.
    #[must_use]
    pub fn of(dialect: Dialect, quirks: &Quirks, model: &str, known: Option<&Model>) -> Self {
        let mut profile = Self::norm(dialect, quirks.house);
        // Before the family's rules: OpenAI's thinking models insist on the newer name anywhere.
        if let Some(field) = quirks.max_tokens_field {
            profile.max_tokens_field = field;
        }
        let subject = Subject { name: &names::plain(model).to_ascii_lowercase(), known };
        match dialect {
            Dialect::OpenaiChat => openai::apply(&mut profile, quirks.house, &subject),
            Dialect::OpenaiResponses => {
                openai::apply(&mut profile, quirks.house, &subject);
                openai::responses(&mut profile, quirks.house);
            }
            Dialect::AnthropicMessages => anthropic::apply(&mut profile, &subject),
            Dialect::GeminiGenerate => gemini::apply(&mut profile, &subject),
            Dialect::BedrockConverse => bedrock::apply(&mut profile, &subject),
            Dialect::OpenaiCompletions | Dialect::OllamaChat | Dialect::OllamaGenerate => {}
            Dialect::CohereChat => cohere(&mut profile, &subject),
        }
        flags(&mut profile, &subject);
        if matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiCompletions) {
            vendor(&mut profile, quirks, &subject);
        }
        profile
    }

    /// Whether OpenAI, or who runs its software, serves the model in its Responses alone: what the
    /// catalogue says, or the name where it does not know the model.
    #[must_use]
    pub fn only_responses(quirks: &Quirks, model: &str, known: Option<&Model>) -> bool {
        match known {
            Some(known) => known.mode == Mode::Responses,
            None => {
                let name = names::plain(model).to_ascii_lowercase();
                quirks.house == House::Own && openai::only_responses(&name)
            }
        }
    }

    /// The tolerances of an unremarkable model that speaks `dialect`.
    #[must_use]
    pub const fn norm(dialect: Dialect, house: House) -> Self {
        let chat = Self {
            max_tokens_field: MaxTokensField::MaxTokens,
            max_output: None,
            default_max_tokens: DEFAULT_MAX_TOKENS,
            developer_role: false,
            mid_system: true,
            prefill: true,
            max_temperature: Some(2.0),
            both_samplers: true,
            refuses: Params::NONE,
            thinking: ThinkingStyle::None,
            efforts: (Effort::Low, Effort::High),
            xhigh: true,
            only_efforts: &[],
            reasoning_history: ReasoningHistory::Drop,
            structured_output: StructuredOutput::Native,
            required_tool: RequiredTool::Required,
            forced_tool: true,
            text_only_content: false,
            tool_result_media: false,
            image_urls: true,
            document_urls: true,
            audio_input: true,
            documents: true,
            strict_tools: true,
            cache_marks: false,
            no_nulls: false,
            include_usage: true,
            tool_id: ToolIdRule::Any,
            seed_field: "seed",
            standard_tier: None,
            json_schema: false,
            requires_signature: false,
            extras: true,
            own_members: &[],
            named: Named::Everyone,
            plain_schemas: false,
            whole_thought: true,
            older_tools: false,
            retold: false,
            together: Together::ALL,
            converse: Converse::PLAIN,
        };
        match (dialect, house) {
            (Dialect::OpenaiChat | Dialect::OpenaiResponses, House::Compatible)
            | (Dialect::OpenaiCompletions, _) => chat,
            (Dialect::OpenaiChat | Dialect::OpenaiResponses, House::Own) => Self {
                max_tokens_field: MaxTokensField::MaxCompletionTokens,
                developer_role: true,
                refuses: Params::of(&[Param::TopK]),
                tool_id: ToolIdRule::Short,
                extras: false,
                // Responses reads them.
                document_urls: matches!(dialect, Dialect::OpenaiResponses),
                ..chat
            },
            (Dialect::CohereChat, _) => Self {
                prefill: false,
                reasoning_history: ReasoningHistory::Keep,
                audio_input: false,
                documents: false,
                forced_tool: false,
                ..chat
            },
            (Dialect::OllamaChat | Dialect::OllamaGenerate, _) => Self {
                thinking: ThinkingStyle::Effort,
                efforts: (Effort::None, Effort::High),
                only_efforts: &[Effort::None, Effort::Low, Effort::Medium, Effort::High],
                reasoning_history: ReasoningHistory::Keep,
                required_tool: RequiredTool::Unsupported,
                forced_tool: false,
                image_urls: false,
                document_urls: false,
                audio_input: false,
                documents: false,
                strict_tools: false,
                ..chat
            },
            (Dialect::AnthropicMessages, _) => anthropic::norm(&chat),
            (Dialect::GeminiGenerate, _) => gemini::norm(&chat),
            (Dialect::BedrockConverse, _) => bedrock::norm(&chat),
        }
    }

    /// The effort to ask for in place of the one asked of us: the nearest that the target knows.
    ///
    /// Targets whose least effort is `none` (GPT-5.1 and later) do not know `minimal`.
    #[must_use]
    pub fn effort(&self, asked: Effort) -> Effort {
        let (least, most) = self.efforts;
        let within = asked.max(least).min(most);
        if let Some(known) = self.only_efforts.iter().find(|known| **known >= within) {
            return *known;
        }
        if within == Effort::Minimal && least == Effort::None { Effort::Low.min(most) } else { within }
    }
}

/// The model in question.
struct Subject<'a> {
    /// Its name without path, region and date, in small letters.
    name: &'a str,
    known: Option<&'a Model>,
}

impl Subject<'_> {
    fn has(&self, flag: Flag) -> Option<bool> {
        self.known?.has(flag)
    }

    fn starts(&self, prefix: &str) -> bool {
        self.name.starts_with(prefix)
    }

    /// What a table says of the first beginning that the name has.
    fn rule<'t, T>(&self, table: &'t [(&str, T)]) -> Option<&'t T> {
        table.iter().find(|(prefix, _)| self.starts(prefix)).map(|(_, rule)| rule)
    }

    /// The efforts that the catalogue knows of, or `suggested` where it says nothing.
    fn efforts(&self, suggested: (Effort, Effort)) -> (Effort, Effort) {
        let stated = |flag| self.has(flag);
        let none = stated(Flag::EffortNone);
        let minimal = stated(Flag::EffortMinimal);
        let least = match (none, minimal, stated(Flag::EffortLow)) {
            (_, _, Some(false)) => Effort::Medium,
            (Some(true), _, _) => Effort::None,
            (_, Some(true), _) => Effort::Minimal,
            (Some(false), Some(false), _) => suggested.0.max(Effort::Low),
            (Some(false), None, _) => suggested.0.max(Effort::Minimal),
            (None, Some(false), _) if suggested.0 == Effort::Minimal => Effort::Low,
            (None, _, _) => suggested.0,
        };
        let most = match (stated(Flag::EffortXHigh), stated(Flag::EffortMax)) {
            (_, Some(true)) => Effort::Max,
            (Some(true), _) => Effort::XHigh,
            (Some(false), _) => suggested.1.min(Effort::High),
            (None, _) => suggested.1,
        };
        (least.min(most), most)
    }
}

impl Profile {
    fn refuse(&mut self, params: &[Param]) {
        self.refuses = self.refuses.and(Params::of(params));
    }
}

/// Cohere's families: the newer ones think, the oldest are not told which tools to call.
fn cohere(profile: &mut Profile, subject: &Subject<'_>) {
    let thinks = subject.has(Flag::Reasoning).unwrap_or(subject.starts("command-a-reasoning"));
    if thinks {
        profile.thinking = ThinkingStyle::Budget;
    } else {
        profile.reasoning_history = ReasoningHistory::Drop;
    }
    if subject.starts("command-r") && !subject.starts("command-r7b") {
        profile.refuse(&[Param::ToolChoice]);
    }
}

/// What the catalogue knows of any model, whatever its family.
fn flags(profile: &mut Profile, subject: &Subject<'_>) {
    let lacks = |flag| subject.has(flag) == Some(false);
    profile.max_output = subject.known.and_then(|model| model.max_output).or(profile.max_output);
    if let Some(most) = profile.max_output {
        profile.default_max_tokens = profile.default_max_tokens.min(most);
    }
    if lacks(Flag::Tools) {
        profile.refuse(&[Param::Tools]);
    }
    if lacks(Flag::Tools) || lacks(Flag::ToolChoice) {
        profile.refuse(&[Param::ToolChoice]);
    }
    if lacks(Flag::Tools) || lacks(Flag::ParallelTools) {
        profile.refuse(&[Param::ParallelTools]);
    }
    if lacks(Flag::Sampling) {
        profile.max_temperature = None;
        profile.refuse(&[Param::TopP, Param::TopK]);
    }
    if lacks(Flag::JsonSchema) {
        profile.structured_output = StructuredOutput::JsonObject;
    }
    profile.forced_tool = subject.has(Flag::ForcedTool).unwrap_or(profile.forced_tool);
    profile.audio_input = subject.has(Flag::AudioInput).unwrap_or(profile.audio_input);
    profile.documents = subject.has(Flag::Pdf).unwrap_or(profile.documents);
}

/// Where the vendor differs; what it says holds for all its models.
fn vendor(profile: &mut Profile, quirks: &Quirks, subject: &Subject<'_>) {
    fn set<T: Copy>(field: &mut T, stated: Option<T>) {
        *field = stated.unwrap_or(*field);
    }
    set(&mut profile.reasoning_history, quirks.reasoning_history);
    set(&mut profile.required_tool, quirks.required_tool);
    set(&mut profile.forced_tool, quirks.forced_tool);
    set(&mut profile.image_urls, quirks.image_urls);
    profile.document_urls &= profile.image_urls;
    set(&mut profile.audio_input, quirks.audio_input);
    set(&mut profile.documents, quirks.documents);
    set(&mut profile.strict_tools, quirks.strict_tools);
    set(&mut profile.cache_marks, quirks.cache_marks);
    set(&mut profile.tool_id, quirks.tool_id);
    set(&mut profile.seed_field, quirks.seed_field);
    profile.standard_tier = quirks.standard_tier;
    set(&mut profile.extras, quirks.extras);
    set(&mut profile.named, quirks.named);
    profile.own_members = quirks.own_members;
    profile.plain_schemas |= quirks.plain_schemas;
    profile.retold |= quirks.retold;
    profile.older_tools |= quirks.older_tools;
    set(&mut profile.mid_system, quirks.mid_system);
    profile.whole_thought &= !quirks.streams_thought.contains(&subject.name);
    set(&mut profile.together.format_beside_tools, quirks.format_beside_tools);
    profile.together.users_in_a_row &= !quirks.alternates;
    profile.together.prefix_mark |= quirks.prefix_mark;
    profile.text_only_content |= quirks.text_only_content;
    profile.no_nulls |= quirks.no_nulls;
    profile.refuses = profile.refuses.and(quirks.refuses);
    profile.include_usage = !profile.refuses.has(Param::StreamOptions);
    let thinks = subject.has(Flag::Reasoning);
    if thinks != Some(false) {
        let own = subject.rule(quirks.thinking_of).copied();
        set(&mut profile.thinking, own.or(quirks.thinking));
    }
    if thinks == Some(true) {
        set(&mut profile.reasoning_history, quirks.thinkers_history);
    }
    if thinks == Some(true) && quirks.thinkers_fix_sampling {
        profile.max_temperature = None;
        profile.refuse(&[Param::FrequencyPenalty, Param::PresencePenalty]);
    }
    if let (Some(own), Some(theirs)) = (profile.max_temperature, quirks.max_temperature) {
        profile.max_temperature = Some(own.min(theirs));
    }
    if !quirks.schema_models.iter().any(|prefix| subject.starts(prefix)) {
        set(&mut profile.structured_output, quirks.structured_output);
    }
}
