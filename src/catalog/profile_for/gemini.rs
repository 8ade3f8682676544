//! Gemini, by generation, and Gemma beside it.

use crate::catalog::names;
use crate::ir::Effort;

use super::{Flag, Param, Params, Profile, ReasoningHistory, StructuredOutput, Subject, ThinkingStyle};

/// Parameters that the dialect has no field for, or that AI Studio refuses.
const NO_FIELD: Params = Params::of(&[
    Param::Logprobs,
    Param::LogitBias,
    Param::ParallelTools,
    Param::StreamOptions,
    Param::User,
    Param::Metadata,
    Param::Store,
]);

/// The least budgets of the 2.5 models, the longer name first, and whether thinking can be off.
const BUDGETS: &[(&str, u64, Effort)] =
    &[("flash-lite", 512, Effort::None), ("flash", 0, Effort::None), ("", 128, Effort::Minimal)];

/// The first generation that fetches `https:` addresses by itself (Google's blog, 2026-01).
const READS_ADDRESSES: (u32, u32) = (2, 5);

/// The first generation that answers 400 to a penalty ("Penalty is not enabled", seen 2026-07).
const NO_PENALTIES: (u32, u32) = (2, 5);

/// `gemini-flash-latest` and its like follow the newest generation.
const NEWEST: (u32, u32) = (3, 0);

pub(super) const fn norm(chat: &Profile) -> Profile {
    Profile {
        mid_system: false,
        refuses: NO_FIELD,
        reasoning_history: ReasoningHistory::Keep,
        image_urls: false,
        document_urls: false,
        strict_tools: false,
        include_usage: false,
        json_schema: true,
        ..*chat
    }
}

pub(super) fn apply(profile: &mut Profile, subject: &Subject<'_>) {
    if !subject.starts("gemini") {
        profile.json_schema = false;
        profile.structured_output = StructuredOutput::JsonObject;
        return;
    }
    let version = names::version(subject.name).unwrap_or(NEWEST);
    let flash = subject.name.contains("flash");
    profile.json_schema = version >= (2, 0);
    profile.image_urls = version >= READS_ADDRESSES;
    profile.document_urls = profile.image_urls;
    if version >= NO_PENALTIES {
        profile.refuse(&[Param::FrequencyPenalty, Param::PresencePenalty]);
    }
    if version >= (3, 0) {
        let minimal = subject.has(Flag::EffortMinimal).unwrap_or(flash);
        let least = if minimal { Effort::Minimal } else { Effort::Low };
        profile.thinking = ThinkingStyle::GeminiLevel { minimal };
        profile.efforts = (least, Effort::High);
        profile.requires_signature = true;
        profile.tool_result_media = true;
    } else if version >= (2, 5) {
        let budget = BUDGETS.iter().find(|(word, ..)| subject.name.contains(word));
        if let Some((_, least, effort)) = budget {
            profile.thinking = ThinkingStyle::GeminiBudget(*least);
            profile.efforts = (*effort, Effort::High);
        }
    }
}
