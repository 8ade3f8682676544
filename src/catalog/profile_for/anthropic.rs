//! Claude, by version, and others that are served in Anthropic's dialect.

use crate::catalog::names;
use crate::ir::Effort;

use super::{
    Flag, Param, Params, Profile, ReasoningHistory, RequiredTool, StructuredOutput, Subject, ThinkingStyle,
    ToolIdRule,
};

/// Parameters of other dialects that Anthropic's has no field for.
const NO_FIELD: Params = Params::of(&[
    Param::Seed,
    Param::N,
    Param::Logprobs,
    Param::FrequencyPenalty,
    Param::PresencePenalty,
    Param::LogitBias,
    Param::StreamOptions,
    Param::Store,
]);

/// The most that a Claude can write, by its least version; the family's word first where one
/// version differs by family. The catalogue wins where it knows better.
const MAX_OUTPUT: &[(&str, (u32, u32), u64)] = &[
    ("", (4, 7), 128_000),
    ("opus", (4, 6), 128_000),
    ("", (4, 6), 64_000),
    ("", (4, 5), 64_000),
    ("opus", (4, 0), 32_000),
    ("", (3, 7), 64_000),
    ("", (3, 5), 8_192),
    ("", (0, 0), 4_096),
];

/// The first version that thinks.
const THINKS: (u32, u32) = (3, 7);
/// The first version with structured output of its own.
const SCHEMAS: (u32, u32) = (4, 1);
/// The first version with adaptive thinking, and without prefill.
const ADAPTIVE: (u32, u32) = (4, 6);
/// The first version that refuses `temperature` beside `top_p`.
const ONE_SAMPLER: (u32, u32) = (4, 5);
/// The first version without sampling parameters.
const NO_SAMPLING: (u32, u32) = (4, 7);
/// The first version with system messages in the middle.
const MID_SYSTEM: (u32, u32) = (4, 8);
/// The first version, in the families that may stop, that cannot be kept from thinking nor forced to
/// call a tool.
const SELF_WILLED: (u32, u32) = (5, 5);
/// The same in the families that always think.
const THINKER_SELF_WILLED: (u32, u32) = (5, 1);
/// The first version that knows `xhigh`.
const XHIGH: (u32, u32) = (4, 7);
/// A name without a number is newer than all that are known.
const NEWEST: (u32, u32) = (99, 0);

pub(super) const fn norm(chat: &Profile) -> Profile {
    Profile {
        mid_system: false,
        max_temperature: Some(1.0),
        both_samplers: true,
        refuses: NO_FIELD,
        reasoning_history: ReasoningHistory::Keep,
        structured_output: StructuredOutput::Tool,
        tool_result_media: true,
        audio_input: false,
        strict_tools: false,
        cache_marks: true,
        include_usage: false,
        tool_id: ToolIdRule::Word,
        ..*chat
    }
}

pub(super) fn apply(profile: &mut Profile, subject: &Subject<'_>) {
    if !subject.starts("claude") {
        // Others that speak this dialect take a budget, and most of them pass over its size.
        profile.thinking = ThinkingStyle::Budget;
        profile.efforts = (Effort::None, Effort::Max);
        return;
    }
    let version = names::version(subject.name).unwrap_or(NEWEST);
    let from = |first: (u32, u32)| version >= first;
    let has = |flag, otherwise: bool| subject.has(flag).unwrap_or(otherwise);
    let always_thinks = ["fable", "mythos"].iter().any(|family| subject.name.contains(family));
    let self_willed = if always_thinks { from(THINKER_SELF_WILLED) } else { from(SELF_WILLED) };
    let forced = has(Flag::ForcedTool, !self_willed || subject.name.contains("haiku"));
    profile.forced_tool = forced;
    if !forced {
        profile.required_tool = RequiredTool::Unsupported;
    }
    if has(Flag::Adaptive, from(ADAPTIVE)) {
        profile.thinking = ThinkingStyle::Adaptive;
        let least = if always_thinks || !forced { Effort::Low } else { Effort::None };
        profile.efforts = subject.efforts((least, Effort::Max));
        profile.xhigh = has(Flag::EffortXHigh, from(XHIGH));
    } else if has(Flag::Reasoning, from(THINKS)) {
        profile.thinking = ThinkingStyle::Budget;
        profile.efforts = (Effort::None, Effort::Max);
    }
    if !has(Flag::Sampling, !from(NO_SAMPLING)) {
        profile.max_temperature = None;
        profile.refuse(&[Param::TopP, Param::TopK]);
    }
    profile.both_samplers = !from(ONE_SAMPLER);
    profile.prefill = has(Flag::Prefill, !from(ADAPTIVE));
    profile.mid_system = has(Flag::MidSystem, from(MID_SYSTEM));
    if has(Flag::NativeSchema, from(SCHEMAS)) {
        profile.structured_output = StructuredOutput::Native;
        profile.strict_tools = true;
    }
    let limit = MAX_OUTPUT
        .iter()
        .find(|(word, least, _)| from(*least) && subject.name.contains(word))
        .map(|(_, _, limit)| *limit);
    profile.max_output = limit;
}
