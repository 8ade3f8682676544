//! The words of the dialect and what they mean in the hub, both ways.
//!
//! From OpenAI's reference (<https://platform.openai.com/docs/api-reference/chat>, seen 2026-11)
//! and the words that compatible vendors were seen to use instead.

pub(super) use crate::dialect::place::filled;
use crate::ir::{CacheMark, Dialect, Effort, Finish, FinishReason, ServiceTier};
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
        "content_filter" | "safety" | "sensitive" | "SAFETY" | "recitation" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        _ => FinishReason::Other,
    }
}

/// Reads an end: a model that stops after calling tools waits for them, whatever word it uses
/// (OpenAI itself says `stop` after a forced call).
pub(super) fn parse_finish(word: &str, called: bool, stop_sequence: Option<&str>) -> Finish {
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

/// The tier of a word.
pub(super) fn service_tier(word: &str) -> ServiceTier {
    match word {
        "auto" => ServiceTier::Auto,
        "default" => ServiceTier::Standard,
        "flex" => ServiceTier::Flex,
        "priority" => ServiceTier::Priority,
        "batch" => ServiceTier::Batch,
        other => ServiceTier::Other(other.to_owned()),
    }
}

/// The word for a tier.
pub(super) fn tier_word(tier: &ServiceTier) -> &str {
    match tier {
        ServiceTier::Auto => "auto",
        ServiceTier::Standard => "default",
        ServiceTier::Flex => "flex",
        ServiceTier::Priority => "priority",
        ServiceTier::Batch => "batch",
        ServiceTier::Other(word) => word,
    }
}

/// The MIME type of an `input_audio.format`.
pub(super) fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        "pcm16" => "audio/pcm".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// The `input_audio.format` of a MIME type.
pub(super) fn audio_format(media_type: Option<&str>) -> &str {
    let essence = media_type.unwrap_or("audio/wav").split(';').next();
    match essence.unwrap_or_default() {
        "audio/mpeg" => "mp3",
        "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "wav",
        "audio/pcm" | "audio/l16" | "audio/L16" => "pcm16",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        other => other.strip_prefix("audio/").unwrap_or(other),
    }
}

/// What a MIME type is when nobody said, told from the first characters of the base64.
pub(super) fn sniff(base64: &str) -> Option<&'static str> {
    const MAGIC: [(&str, &str); 6] = [
        ("iVBORw0K", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi", "application/pdf"),
        ("SUkq", "image/tiff"),
    ];
    let found = MAGIC.iter().find(|(magic, _)| base64.starts_with(magic));
    found.map(|(_, media_type)| *media_type)
}

/// Takes a data URI apart into its MIME type and base64.
pub(super) fn data_uri(uri: &str) -> Option<(Option<&str>, &str)> {
    let (head, data) = uri.strip_prefix("data:")?.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    let essence = head.split(';').next().unwrap_or_default();
    Some(((!essence.is_empty()).then_some(essence), data))
}

/// The data URI of base64.
pub(super) fn to_data_uri(media_type: Option<&str>, fallback: &str, data: &str) -> String {
    let media_type = media_type.or_else(|| sniff(data)).unwrap_or(fallback);
    format!("data:{media_type};base64,{data}")
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

/// The effort that a thinking budget amounts to.
pub(super) fn effort_of_budget(budget: u64) -> Effort {
    match budget {
        0 => Effort::None,
        1..1024 => Effort::Minimal,
        1024..2048 => Effort::Low,
        2048..4096 => Effort::Medium,
        _ => Effort::High,
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

/// JSON arguments, `{}` where there are none.
pub(super) fn arguments(text: &str) -> &str {
    if text.trim().is_empty() { "{}" } else { text }
}
