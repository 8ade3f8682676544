//! The words of the Messages API, each table in both directions.
//!
//! Seen at <https://platform.claude.com/docs/en/api/messages> in November 2026.

use crate::ir::{CacheMark, Dialect, Finish, FinishReason, Losses, Role, ServiceTier};
use crate::refusal::Kind;

/// Whose words these are.
pub(super) const DIALECT: Dialect = Dialect::AnthropicMessages;

/// The role of that word.
pub(super) fn parse_role(word: &str) -> Option<Role> {
    match word {
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        "system" => Some(Role::System),
        _ => None,
    }
}

/// The word for a role.
pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    }
}

/// What a `stop_reason` and a `stop_sequence` mean.
pub(super) fn parse_finish(word: &str, stop_sequence: Option<&str>) -> Finish {
    let reason = match word {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "max_tokens" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::Refusal,
        "pause_turn" | "compaction" => FinishReason::Pause,
        "model_context_window_exceeded" => FinishReason::ContextFull,
        _ => FinishReason::Other,
    };
    Finish {
        reason,
        stop_sequence: stop_sequence.map(str::to_owned),
        native: Some((DIALECT, word.to_owned())),
    }
}

/// The same finish, for an answer that called tools although the vendor says it was done.
pub(super) fn after_calls(finish: Finish) -> Finish {
    if finish.reason == FinishReason::Stop { Finish::new(FinishReason::ToolCalls) } else { finish }
}

/// The `stop_reason` for a finish: the provider's own word where it spoke this dialect.
pub(super) fn finish_word<'f>(finish: &'f Finish, losses: &mut Losses) -> &'f str {
    if let Some((DIALECT, word)) = &finish.native {
        return word;
    }
    match finish.reason {
        FinishReason::Stop if finish.stop_sequence.is_some() => "stop_sequence",
        FinishReason::Stop => "end_turn",
        FinishReason::StopSequence => "stop_sequence",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter | FinishReason::Refusal => "refusal",
        FinishReason::ContextFull => "model_context_window_exceeded",
        FinishReason::Pause => "pause_turn",
        FinishReason::MalformedToolCall | FinishReason::Other => {
            losses.bent("finish_reason", "no stop reason says this");
            "end_turn"
        }
    }
}

/// The tier that a request's `service_tier` asks for.
pub(super) fn parse_tier_asked(word: &str) -> ServiceTier {
    match word {
        "auto" => ServiceTier::Auto,
        "standard_only" => ServiceTier::Standard,
        other => ServiceTier::Other(other.to_owned()),
    }
}

/// The word by which a request asks for a tier.
pub(super) fn tier_asked_word(tier: &ServiceTier, losses: &mut Losses) -> Option<&'static str> {
    match tier {
        ServiceTier::Auto => Some("auto"),
        ServiceTier::Standard => Some("standard_only"),
        ServiceTier::Priority => {
            losses.bent("service_tier", "priority is used where the account has it");
            Some("auto")
        }
        ServiceTier::Flex | ServiceTier::Batch | ServiceTier::Other(_) => {
            losses.dropped("service_tier", "no such tier there");
            None
        }
    }
}

/// The tier that a usage object says has served.
pub(super) fn parse_tier_served(word: &str) -> ServiceTier {
    match word {
        "standard" => ServiceTier::Standard,
        "priority" => ServiceTier::Priority,
        "batch" => ServiceTier::Batch,
        other => ServiceTier::Other(other.to_owned()),
    }
}

/// The word by which a usage object says which tier has served.
pub(super) const fn tier_served_word(tier: &ServiceTier) -> &'static str {
    match tier {
        ServiceTier::Priority => "priority",
        ServiceTier::Batch => "batch",
        ServiceTier::Auto | ServiceTier::Standard | ServiceTier::Flex | ServiceTier::Other(_) => "standard",
    }
}

/// The mark that a `ttl` asks for; without one the provider keeps five minutes.
pub(super) fn parse_ttl(word: Option<&str>) -> CacheMark {
    match word {
        Some("1h") => CacheMark::OneHour,
        _ => CacheMark::FiveMinutes,
    }
}

/// The `cache_control` object for a mark.
pub(super) const fn mark_json(mark: CacheMark) -> &'static str {
    match mark {
        CacheMark::FiveMinutes => r#"{"type":"ephemeral"}"#,
        CacheMark::OneHour => r#"{"type":"ephemeral","ttl":"1h"}"#,
    }
}

/// What an error's `type` amounts to.
pub(super) fn parse_error_type(word: &str) -> Option<Kind> {
    match word {
        "invalid_request_error" => Some(Kind::InvalidRequest),
        "authentication_error" => Some(Kind::Authentication),
        "billing_error" => Some(Kind::Billing),
        "permission_error" => Some(Kind::Permission),
        "not_found_error" => Some(Kind::NotFound),
        "request_too_large" => Some(Kind::TooLarge),
        "rate_limit_error" => Some(Kind::RateLimited),
        "api_error" => Some(Kind::Internal),
        "timeout_error" => Some(Kind::Timeout),
        "overloaded_error" => Some(Kind::Overloaded),
        _ => None,
    }
}

/// The `type` of an error.
pub(super) const fn error_type(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidRequest | Kind::ContextWindow | Kind::ContentPolicy => "invalid_request_error",
        Kind::Authentication => "authentication_error",
        Kind::Billing => "billing_error",
        Kind::Permission => "permission_error",
        Kind::NotFound => "not_found_error",
        Kind::TooLarge => "request_too_large",
        Kind::RateLimited => "rate_limit_error",
        Kind::Overloaded | Kind::Unavailable => "overloaded_error",
        Kind::BadGateway | Kind::Internal => "api_error",
        Kind::Timeout => "timeout_error",
    }
}
