//! The words of the Converse API, each table in both directions.
//!
//! Seen at <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> in
//! November 2026.

use crate::ir::{CacheMark, Dialect, Finish, FinishReason, Losses, Role, ServiceTier, Signature};
use crate::refusal::Kind;

/// Whose words these are.
pub(super) const DIALECT: Dialect = Dialect::BedrockConverse;

/// Whose seals a `signature` of this API is: only Claude seals its thoughts, and Anthropic takes its
/// seals back wherever they were issued.
const SEALED_BY: Dialect = Dialect::AnthropicMessages;

/// Reads a `signature`.
pub(super) fn parse_seal(text: &str) -> Signature {
    Signature::read(SEALED_BY, text)
}

/// The text for a `signature`.
pub(super) fn seal_text(seal: &Signature) -> String {
    seal.carried_by(SEALED_BY)
}

/// Whether the provider can check this seal.
pub(super) fn is_own_seal(seal: &Signature) -> bool {
    seal.dialect == SEALED_BY || seal.dialect == DIALECT
}

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

/// What a `stopReason` means; the stop string is told only where a client asked for it.
pub(super) fn parse_finish(word: &str, stop_sequence: Option<&str>) -> Finish {
    let reason = match word {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "max_tokens" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        "malformed_tool_use" | "malformed_model_output" => FinishReason::MalformedToolCall,
        "model_context_window_exceeded" => FinishReason::ContextFull,
        "pause_turn" => FinishReason::Pause,
        _ => FinishReason::Other,
    };
    Finish {
        reason,
        stop_sequence: stop_sequence.map(str::to_owned),
        native: Some((DIALECT, word.to_owned())),
    }
}

/// The same finish, for an answer that called tools although the model says it was done.
pub(super) fn after_calls(finish: Finish) -> Finish {
    if finish.reason == FinishReason::Stop { Finish::new(FinishReason::ToolCalls) } else { finish }
}

/// The `stopReason` for a finish: the provider's own word where it spoke this dialect.
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
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filtered",
        FinishReason::ContextFull => "model_context_window_exceeded",
        FinishReason::MalformedToolCall => "malformed_tool_use",
        FinishReason::Pause | FinishReason::Other => {
            losses.bent("finish_reason", "no stop reason says this");
            "end_turn"
        }
    }
}

/// The tier of that word.
pub(super) fn parse_tier(word: &str) -> ServiceTier {
    match word {
        "default" => ServiceTier::Standard,
        "flex" => ServiceTier::Flex,
        "priority" => ServiceTier::Priority,
        other => ServiceTier::Other(other.to_owned()),
    }
}

/// The word by which a request asks for a tier; none where that is what it gets anyway.
pub(super) fn tier_asked_word<'t>(tier: &'t ServiceTier, losses: &mut Losses) -> Option<&'t str> {
    match tier {
        ServiceTier::Auto => None,
        ServiceTier::Standard => Some("default"),
        ServiceTier::Flex => Some("flex"),
        ServiceTier::Priority => Some("priority"),
        ServiceTier::Other(word) if word == "reserved" => Some(word),
        ServiceTier::Batch | ServiceTier::Other(_) => {
            losses.dropped("service_tier", "no such tier there");
            None
        }
    }
}

/// The word that says which tier has served.
pub(super) fn tier_served_word(tier: &ServiceTier) -> &str {
    match tier {
        ServiceTier::Flex => "flex",
        ServiceTier::Priority => "priority",
        ServiceTier::Other(word) if word == "reserved" => word,
        ServiceTier::Auto | ServiceTier::Standard | ServiceTier::Batch | ServiceTier::Other(_) => "default",
    }
}

/// The mark that a cache point's `ttl` asks for.
pub(super) fn parse_ttl(word: Option<&str>) -> CacheMark {
    match word {
        Some("1h") => CacheMark::OneHour,
        _ => CacheMark::FiveMinutes,
    }
}

/// The cache point for a mark.
pub(super) const fn mark_json(mark: CacheMark) -> &'static str {
    match mark {
        CacheMark::FiveMinutes => r#"{"cachePoint":{"type":"default"}}"#,
        CacheMark::OneHour => r#"{"cachePoint":{"type":"default","ttl":"1h"}}"#,
    }
}

/// What an error's type amounts to; it may come with a name space before it or an address behind,
/// and inside a stream begins with a small letter.
pub(super) fn parse_error_type(word: &str) -> Option<Kind> {
    let word = word.rsplit('#').next().unwrap_or(word);
    let word = word.split(':').next().unwrap_or(word);
    let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    Some(if is(&["ValidationException", "ConflictException", "SerializationException"]) {
        Kind::InvalidRequest
    } else if is(&["AccessDeniedException"]) {
        Kind::Permission
    } else if is(&[
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "IncompleteSignatureException",
        "MissingAuthenticationTokenException",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "NotAuthorizedException",
    ]) {
        Kind::Authentication
    } else if is(&["ThrottlingException", "TooManyRequestsException", "ServiceQuotaExceededException"]) {
        Kind::RateLimited
    } else if is(&["ResourceNotFoundException", "UnknownOperationException"]) {
        Kind::NotFound
    } else if is(&["ModelNotReadyException", "ServiceUnavailableException", "ServiceUnavailable"]) {
        Kind::Overloaded
    } else if is(&["ModelTimeoutException"]) {
        Kind::Timeout
    } else if is(&["ModelErrorException", "ModelStreamErrorException"]) {
        Kind::BadGateway
    } else if is(&["InternalServerException", "InternalFailure", "InternalServerError"]) {
        Kind::Internal
    } else {
        return None;
    })
}

/// The type of an error.
pub(super) const fn error_type(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidRequest | Kind::ContextWindow | Kind::ContentPolicy | Kind::TooLarge => {
            "ValidationException"
        }
        Kind::Authentication | Kind::Permission => "AccessDeniedException",
        Kind::Billing => "ServiceQuotaExceededException",
        Kind::NotFound => "ResourceNotFoundException",
        Kind::RateLimited => "ThrottlingException",
        Kind::Overloaded | Kind::Unavailable | Kind::BadGateway => "ServiceUnavailableException",
        Kind::Timeout => "ModelTimeoutException",
        Kind::Internal => "InternalServerException",
    }
}

/// The type of an error inside a stream, which has fewer of them.
pub(super) const fn stream_error_type(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidRequest
        | Kind::ContextWindow
        | Kind::ContentPolicy
        | Kind::TooLarge
        | Kind::Authentication
        | Kind::Permission
        | Kind::NotFound => "validationException",
        Kind::RateLimited | Kind::Billing => "throttlingException",
        Kind::Overloaded | Kind::Unavailable => "serviceUnavailableException",
        Kind::BadGateway | Kind::Timeout => "modelStreamErrorException",
        Kind::Internal => "internalServerException",
    }
}
