//! Families that are served in OpenAI's chat dialect, by OpenAI or by others.

use crate::ir::Effort;

use super::{
    EffortBesideTools, Flag, House, MaxTokensField, Param, Profile, StructuredOutput, Subject, ThinkingStyle,
};

/// What OpenAI's thinking models have in common: the efforts by name, a longer beginning before a
/// shorter one that it starts with. `None` is for the first two, which took no effort yet.
const THINKERS: &[(&str, Option<(Effort, Effort)>)] = &[
    ("o1-mini", None),
    ("o1-preview", None),
    ("o1", Some((Effort::Low, Effort::High))),
    ("o3", Some((Effort::Low, Effort::High))),
    ("o4", Some((Effort::Low, Effort::High))),
    ("codex-mini", Some((Effort::Low, Effort::High))),
    ("gpt-5-pro", Some((Effort::High, Effort::High))),
    ("gpt-5-codex", Some((Effort::Low, Effort::High))),
    ("gpt-5.1-codex-max", Some((Effort::None, Effort::XHigh))),
    ("gpt-5.1-codex", Some((Effort::Low, Effort::High))),
    ("gpt-5.1-chat", Some((Effort::Medium, Effort::Medium))),
    ("gpt-5.2-chat", Some((Effort::Medium, Effort::Medium))),
    ("gpt-5.3-chat", Some((Effort::Medium, Effort::Medium))),
    ("gpt-5.1", Some((Effort::None, Effort::High))),
    ("gpt-5.2-pro", Some((Effort::Medium, Effort::XHigh))),
    ("gpt-5.", Some((Effort::None, Effort::XHigh))),
    ("gpt-5", Some((Effort::Minimal, Effort::High))),
    ("gpt-6", Some((Effort::Low, Effort::Max))),
    ("chat-latest", Some((Effort::Medium, Effort::Medium))),
];

/// Names that begin like a thinking model's but do not think.
const ONLY_CHAT: &[&str] = &["gpt-5-chat"];

/// Models that search before they answer refuse nearly everything that steers.
const SEARCHERS: &[&str] = &["gpt-4o-search", "gpt-4o-mini-search", "gpt-5-search"];

/// The first thinking models, which still take stop strings.
const STOPPABLE: &[&str] = &["o1", "o3-mini"];

/// OpenAI's models before schemas: what structured output they know.
const BEFORE_SCHEMAS: &[(&str, StructuredOutput)] = &[
    ("gpt-3.5-turbo", StructuredOutput::JsonObject),
    ("gpt-4-turbo", StructuredOutput::JsonObject),
    ("gpt-4-1106", StructuredOutput::JsonObject),
    ("gpt-4-0125", StructuredOutput::JsonObject),
    ("gpt-4-", StructuredOutput::None),
    ("chatgpt-4o", StructuredOutput::None),
];

/// From GPT-5.4 on OpenAI serves thinking beside tools only in its other API; from 5.6 on an effort
/// that is not said counts as one.
const BESIDE_TOOLS: &[(&str, EffortBesideTools)] = &[
    ("gpt-5.1", EffortBesideTools::Taken),
    ("gpt-5.2", EffortBesideTools::Taken),
    ("gpt-5.3", EffortBesideTools::Taken),
    ("gpt-5.4", EffortBesideTools::Unsaid),
    ("gpt-5.5", EffortBesideTools::Unsaid),
    ("gpt-5.", EffortBesideTools::Off),
    ("gpt-6", EffortBesideTools::Off),
];

/// Mistral's models, whose templates let no user speak right after tool results.
const MISTRAL: &[&str] =
    &["mistral", "ministral", "magistral", "devstral", "codestral", "pixtral", "mixtral", "open-mi"];

/// OpenAI's models without eyes, which take no documents either.
const WITHOUT_DOCUMENTS: &[&str] = &["gpt-3.5", "gpt-4-0", "o1-mini", "o1-preview", "o3-mini"];

/// Open and other vendors' models that take `reasoning_effort`.
const TAKE_EFFORT: &[(&str, (Effort, Effort))] = &[
    ("gpt-oss", (Effort::Low, Effort::High)),
    ("grok-3-mini", (Effort::Low, Effort::High)),
    ("grok-4.3", (Effort::Low, Effort::High)),
    ("kimi-k3", (Effort::Low, Effort::Max)),
];

/// Those of them that do not know every effort between their least and their most.
const ONLY_EFFORTS: &[(&str, &[Effort])] = &[("kimi-k3", &[Effort::Low, Effort::High, Effort::Max])];

/// What Mistral's newer models know: to think or not.
const MISTRAL_EFFORTS: &[Effort] = &[Effort::None, Effort::High];

/// xAI's thinking models, which refuse what ends a thought. None of its models takes penalties.
const GROK_THINKERS: &[&str] = &["grok-3-mini", "grok-4", "grok-code", "grok-build"];

pub(super) fn apply(profile: &mut Profile, house: House, subject: &Subject<'_>) {
    let starts = |table: &[&str]| table.iter().any(|prefix| subject.starts(prefix));
    if starts(SEARCHERS) {
        profile.max_temperature = None;
        profile.refuse(&[Param::TopP, Param::N, Param::Seed, Param::Stop, Param::ParallelTools]);
        refuse_penalties(profile);
    } else if let Some(efforts) = subject.rule(THINKERS).filter(|_| !starts(ONLY_CHAT)) {
        thinker(profile, *efforts, subject);
        if !starts(STOPPABLE) {
            profile.refuse(&[Param::Stop]);
        }
    } else if let Some(efforts) = subject.rule(TAKE_EFFORT) {
        profile.thinking = ThinkingStyle::Effort;
        profile.efforts = subject.efforts(*efforts);
        profile.only_efforts = subject.rule(ONLY_EFFORTS).copied().unwrap_or_default();
    } else if subject.starts("mistral-") && subject.has(Flag::Reasoning) == Some(true) {
        profile.thinking = ThinkingStyle::Effort;
        profile.efforts = (Effort::None, Effort::High);
        profile.only_efforts = MISTRAL_EFFORTS;
    } else if states_efforts(subject) && !starts(ONLY_CHAT) {
        profile.thinking = ThinkingStyle::Effort;
        profile.efforts = subject.efforts((Effort::Low, Effort::High));
    }
    if starts(GROK_THINKERS) {
        profile.refuse(&[Param::Stop]);
    }
    if subject.starts("grok") {
        profile.refuse(&[Param::FrequencyPenalty, Param::PresencePenalty]);
    }
    profile.together.user_after_tools = !starts(MISTRAL);
    if house == House::Own {
        own(profile, subject, starts(WITHOUT_DOCUMENTS) || subject.name == "gpt-4");
    }
}

/// What of a model's tolerances differs where it is asked in OpenAI's Responses.
pub(super) fn responses(profile: &mut Profile, house: House) {
    // Its two APIs differ in what they take beside tools, and in what tools may answer.
    profile.together.effort_beside_tools = EffortBesideTools::Taken;
    profile.tool_result_media = house == House::Own;
}

/// Whether a model's name is one of those that OpenAI serves in its Responses alone.
pub(super) fn only_responses(name: &str) -> bool {
    let numbered = name.starts_with("gpt-") || name.starts_with('o');
    (numbered && (name.contains("-codex") || name.contains("-pro") || name.contains("-deep-research")))
        || name.starts_with("codex-mini")
        || name.starts_with("computer-use")
}

fn thinker(profile: &mut Profile, efforts: Option<(Effort, Effort)>, subject: &Subject<'_>) {
    profile.max_tokens_field = MaxTokensField::MaxCompletionTokens;
    profile.max_temperature = None;
    profile.refuse(&[Param::TopP]);
    refuse_penalties(profile);
    if subject.starts("o") {
        profile.refuse(&[Param::ParallelTools]);
    }
    match efforts {
        Some(efforts) => {
            profile.thinking = ThinkingStyle::Effort;
            profile.efforts = subject.efforts(efforts);
        }
        None => profile.developer_role = false,
    }
}

/// What only OpenAI itself is strict about.
fn own(profile: &mut Profile, subject: &Subject<'_>, without_documents: bool) {
    profile.audio_input = subject.name.contains("audio");
    profile.documents = !without_documents && !profile.audio_input;
    if let Some(rule) = subject.rule(BESIDE_TOOLS)
        && profile.thinking == ThinkingStyle::Effort
        && (*rule != EffortBesideTools::Off || profile.efforts.0 == Effort::None)
    {
        profile.together.effort_beside_tools = *rule;
    }
    if let Some(known) = subject.rule(BEFORE_SCHEMAS) {
        profile.structured_output = *known;
    }
    if subject.name == "gpt-4" {
        profile.structured_output = StructuredOutput::None;
    }
}

fn refuse_penalties(profile: &mut Profile) {
    profile.refuse(&[Param::Logprobs, Param::FrequencyPenalty, Param::PresencePenalty, Param::LogitBias]);
}

/// Whether the catalogue names any effort that the model knows.
fn states_efforts(subject: &Subject<'_>) -> bool {
    [Flag::EffortNone, Flag::EffortMinimal, Flag::EffortLow, Flag::EffortXHigh, Flag::EffortMax]
        .into_iter()
        .any(|flag| subject.has(flag) == Some(true))
}
