//! The words of the dialect and what they mean in the hub, both ways.

use crate::ir::{Dialect, Finish, FinishReason};

/// This dialect.
pub(super) const OWN: Dialect = Dialect::CohereChat;

/// Reads an end.
pub(super) fn parse_finish(word: &str) -> Finish {
    let reason = match word {
        "COMPLETE" => FinishReason::Stop,
        "STOP_SEQUENCE" => FinishReason::StopSequence,
        "MAX_TOKENS" => FinishReason::Length,
        "TOOL_CALL" => FinishReason::ToolCalls,
        "ERROR_TOXIC" => FinishReason::ContentFilter,
        "ERROR_LIMIT" => FinishReason::ContextFull,
        _ => FinishReason::Other,
    };
    Finish { reason, stop_sequence: None, native: Some((OWN, word.to_owned())) }
}

/// Whether an answer broke off: what there is of it is not all that was to come.
pub(super) fn is_broken(word: &str) -> bool {
    matches!(word, "ERROR" | "TIMEOUT")
}

/// The `finish_reason` for an end.
pub(super) fn finish_word(finish: Option<&Finish>) -> &str {
    let Some(finish) = finish else { return "COMPLETE" };
    if let Some((OWN, word)) = &finish.native {
        return word;
    }
    match finish.reason {
        FinishReason::StopSequence => "STOP_SEQUENCE",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ToolCalls => "TOOL_CALL",
        FinishReason::ContentFilter | FinishReason::Refusal => "ERROR_TOXIC",
        FinishReason::ContextFull => "ERROR_LIMIT",
        FinishReason::Stop | FinishReason::Pause | FinishReason::MalformedToolCall | FinishReason::Other => {
            "COMPLETE"
        }
    }
}

/// The budget that an effort amounts to, for targets that are told how many tokens to think.
pub(super) const fn budget_of_effort(effort: crate::ir::Effort) -> u64 {
    use crate::ir::Effort;
    match effort {
        Effort::None => 0,
        Effort::Minimal | Effort::Low => 1024,
        Effort::Medium => 2048,
        Effort::High => 4096,
        Effort::XHigh => 8192,
        Effort::Max => 16384,
    }
}

/// JSON arguments, `{}` where there are none.
pub(super) fn arguments(text: &str) -> &str {
    if text.trim().is_empty() { "{}" } else { text }
}
