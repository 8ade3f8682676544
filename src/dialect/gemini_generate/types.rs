//! The words of this dialect beside the hub's, both directions of each together.

use crate::ir::{Content, Dialect, Effort, Finish, FinishReason, Media, Role, ServiceTier, ToolChoice};

/// The tag of everything that only this dialect understands.
pub(super) const DIALECT: Dialect = Dialect::GeminiGenerate;

/// The role of a content; one without is the user's. `function` is an older word for results.
pub(super) fn role(word: Option<&str>) -> Option<Role> {
    match word {
        None | Some("user" | "function" | "") => Some(Role::User),
        Some("model") => Some(Role::Assistant),
        Some(_) => None,
    }
}

/// The word for a role.
pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Assistant => "model",
        Role::System | Role::User => "user",
    }
}

/// Why a candidate ended. The API says STOP also when the model waits for tools.
pub(super) fn finish(word: &str, called: bool) -> Finish {
    let reason = match word {
        "STOP" if called => FinishReason::ToolCalls,
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "OTHER"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "IMAGE_OTHER"
        | "BLOCKED_REASON_UNSPECIFIED"
        | "BLOCK_REASON_UNSPECIFIED"
        | "JAILBREAK" => FinishReason::ContentFilter,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "MALFORMED_RESPONSE" => FinishReason::MalformedToolCall,
        _ => FinishReason::Other,
    };
    Finish { native: Some((DIALECT, word.to_owned())), ..Finish::new(reason) }
}

/// Why a candidate never began: the filter's verdict on the prompt.
pub(super) fn blocked(word: &str) -> Finish {
    Finish { native: Some((DIALECT, word.to_owned())), ..Finish::new(FinishReason::ContentFilter) }
}

/// The word for an end.
pub(super) fn finish_word(finish: &Finish) -> &str {
    if let Some((DIALECT, word)) = &finish.native {
        return word;
    }
    match finish.reason {
        FinishReason::Stop | FinishReason::StopSequence | FinishReason::ToolCalls | FinishReason::Pause => {
            "STOP"
        }
        FinishReason::Length | FinishReason::ContextFull => "MAX_TOKENS",
        FinishReason::ContentFilter | FinishReason::Refusal => "SAFETY",
        FinishReason::MalformedToolCall => "MALFORMED_FUNCTION_CALL",
        FinishReason::Other => "OTHER",
    }
}

/// The tier of a request or an answer.
pub(super) fn tier(word: &str) -> ServiceTier {
    match word.to_ascii_lowercase().as_str() {
        "standard" => ServiceTier::Standard,
        "flex" => ServiceTier::Flex,
        "priority" => ServiceTier::Priority,
        "batch" => ServiceTier::Batch,
        _ => ServiceTier::Other(word.to_owned()),
    }
}

/// The word for a tier, where there is one.
pub(super) const fn tier_word(tier: &ServiceTier) -> Option<&'static str> {
    match tier {
        ServiceTier::Standard => Some("standard"),
        ServiceTier::Flex => Some("flex"),
        ServiceTier::Priority => Some("priority"),
        ServiceTier::Auto | ServiceTier::Batch | ServiceTier::Other(_) => None,
    }
}

/// The effort that a thinking level asks for.
pub(super) fn level(word: &str) -> Option<Effort> {
    match word.to_ascii_lowercase().as_str() {
        "minimal" => Some(Effort::Minimal),
        "low" => Some(Effort::Low),
        "medium" => Some(Effort::Medium),
        "high" => Some(Effort::High),
        _ => None,
    }
}

/// The thinking level for an effort; there is none above high.
pub(super) const fn level_word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max => "high",
    }
}

/// A function calling mode with the names that it is limited to.
pub(super) fn choice(mode: &str, mut names: Vec<String>) -> Option<ToolChoice> {
    match (mode.to_ascii_uppercase().as_str(), names.len()) {
        ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" | "", 0) => Some(ToolChoice::Auto),
        ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" | "", _) => Some(ToolChoice::Allowed(names, false)),
        ("ANY", 0) => Some(ToolChoice::Required),
        ("ANY", 1) => names.pop().map(ToolChoice::Tool),
        ("ANY", _) => Some(ToolChoice::Allowed(names, true)),
        ("NONE", _) => Some(ToolChoice::None),
        _ => None,
    }
}

/// The function calling mode of a choice.
pub(super) const fn choice_mode(choice: &ToolChoice) -> &'static str {
    match choice {
        ToolChoice::Auto => "AUTO",
        ToolChoice::None => "NONE",
        ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Allowed(_, true) => "ANY",
        // Only this mode may answer in words and yet be limited to some functions.
        ToolChoice::Allowed(_, false) => "VALIDATED",
    }
}

/// The hub's word for a part's media resolution, such as `MEDIA_RESOLUTION_HIGH`.
pub(super) fn detail(word: &str) -> Option<String> {
    let level = word.strip_prefix("MEDIA_RESOLUTION_")?;
    (level != "UNSPECIFIED").then(|| level.to_ascii_lowercase())
}

/// The media resolution for the hub's word; `auto` has none.
pub(super) fn resolution(detail: &str) -> Option<&'static str> {
    match detail {
        "low" => Some("MEDIA_RESOLUTION_LOW"),
        "medium" => Some("MEDIA_RESOLUTION_MEDIUM"),
        "high" | "original" => Some("MEDIA_RESOLUTION_HIGH"),
        "ultra_high" => Some("MEDIA_RESOLUTION_ULTRA_HIGH"),
        _ => None,
    }
}

/// The block for media, by its type.
pub(super) fn media(media: Media) -> Content {
    let kind = media.media_type.as_deref().unwrap_or_default();
    match kind.split('/').next() {
        Some("image") => Content::Image(media),
        Some("audio") => Content::Audio(media),
        Some("video") => Content::Video(media),
        _ => Content::Document(media),
    }
}

/// The MIME type that an address's ending tells, query and fragment aside.
pub(super) fn type_of_address(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "mp3" => "audio/mp3",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "ogg" => "audio/ogg",
        "m4a" => "audio/m4a",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}
