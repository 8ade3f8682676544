//! The words of the dialect and what they mean in the hub, both ways.
//!
//! From OpenAI's reference (<https://platform.openai.com/docs/api-reference/chat>, seen 2026-11)
//! and the words that compatible vendors were seen to use instead.

pub(super) use crate::dialect::data_uri::{audio_format, audio_type, data_uri, to_data_uri};
pub(super) use crate::dialect::openai_words::{arguments, effort_of_budget, service_tier, tier_word};
pub(super) use crate::dialect::place::filled;
use crate::ir::{CacheMark, Dialect, Effort, Finish, FinishReason};
use crate::wire::json::{Json, Object};

/// This dialect.
pub(super) const OWN: Dialect = Dialect::OpenaiChat;

/// The hub's reason for a `finish_reason`.
pub(super) fn finish_reason(word: &str) -> FinishReason {
    match word {
        "stop" | "eos" | "eos_token" | "end_turn" | "STOP" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "length" | "max_tokens" | "model_length" | "MAX_TOKENS" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "safety" | "sensitive" | "SAFETY" | "recitation" | "blacklist" => {
            FinishReason::ContentFilter
        }
        "refusal" => FinishReason::Refusal,
        _ => FinishReason::Other,
    }
}

/// Reads an end: a model that stops after calling tools waits for them, whatever word it uses
/// (OpenAI itself says `stop` after a forced call).
pub(super) fn parse_finish(word: &str, called: bool, stop_sequence: Option<&str>) -> Finish {
    // The older word and GigaChat's are said as those that clients know; who asked in the older form
    // hears the older word again.
    let word = match word {
        "function_call" => "tool_calls",
        "blacklist" => "content_filter",
        word => word,
    };
    let mut reason = finish_reason(word);
    if reason == FinishReason::Stop {
        if called {
            reason = FinishReason::ToolCalls;
        } else if stop_sequence.is_some() {
            reason = FinishReason::StopSequence;
        }
    }
    Finish { reason, stop_sequence: stop_sequence.map(str::to_owned), native: Some((OWN, word.to_owned())) }
}

/// The stop string that vLLM (`stop_reason`) and `SGLang` (`matched_stop`) name; a number there is
/// a token, which is no stop string of the client's.
pub(super) fn stop_sequence<'j>(choice: &'j Json<'_>) -> Option<&'j str> {
    let named = choice.field("stop_reason").or_else(|| choice.field("matched_stop"));
    named.and_then(Json::as_str)
}

/// The `finish_reason` for an end.
pub(super) fn finish_word(finish: &Finish) -> &str {
    if let Some((OWN, word)) = &finish.native {
        return word;
    }
    match finish.reason {
        FinishReason::Length | FinishReason::ContextFull => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::Pause
        | FinishReason::MalformedToolCall
        | FinishReason::Other => "stop",
    }
}

/// The provider's own word, where the dialect's word for the end says less.
pub(super) fn native_word(finish: &Finish) -> Option<&str> {
    let (dialect, word) = finish.native.as_ref()?;
    let said = match finish.reason {
        FinishReason::Stop | FinishReason::Length | FinishReason::ToolCalls | FinishReason::StopSequence => {
            true
        }
        FinishReason::ContextFull
        | FinishReason::ContentFilter
        | FinishReason::Refusal
        | FinishReason::Pause
        | FinishReason::MalformedToolCall
        | FinishReason::Other => false,
    };
    (*dialect != OWN && !said).then_some(word)
}

/// Reads a `cache_control` mark, Anthropic's, which OpenRouter and LiteLLM take in this dialect.
pub(super) fn cache_mark(object: &Json<'_>) -> Option<CacheMark> {
    let mark = object.field("cache_control")?;
    match mark.get("ttl").and_then(Json::as_str) {
        Some("1h") => Some(CacheMark::OneHour),
        _ => Some(CacheMark::FiveMinutes),
    }
}

/// Writes a `cache_control` mark.
pub(super) fn write_cache_mark(object: &mut Object<'_>, mark: Option<CacheMark>) {
    match mark {
        Some(CacheMark::FiveMinutes) => object.raw("cache_control", r#"{"type":"ephemeral"}"#),
        Some(CacheMark::OneHour) => {
            object.raw("cache_control", r#"{"type":"ephemeral","ttl":"1h"}"#);
        }
        None => {}
    }
}

/// The budget that an effort amounts to, for a target that takes only budgets.
pub(super) fn budget_of_effort(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal | Effort::Low => 1024,
        Effort::Medium => 2048,
        Effort::High => 4096,
        Effort::XHigh => 8192,
        Effort::Max => 16384,
    }
}
