//! What of a chat request its target would refuse: what can be edited at the top level, and what only
//! saying it again mends.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;

use crate::catalog::profile::{
    EffortBesideTools, MaxTokensField, Named, Param, Profile, ReasoningHistory, RequiredTool,
    StructuredOutput, ThinkingStyle, ToolIdRule,
};
use crate::ir::Losses;
use crate::wire::json::{self, Json, Watch};
use crate::wire::json_array;
use crate::wire::lens::{self, Edit, Lens};
use crate::wire::needle::Needle;

use super::{bits, remove, rename, set_string, temperature};

/// What must change at the top level.
pub(super) fn edits(body: &Lens<'_>, model: &str, profile: &Profile, losses: &mut Losses) -> Vec<Edit> {
    let mut edits = Vec::with_capacity(4);
    if body.string("model").as_deref() != Some(model) {
        edits.push(set_string("model", model));
    }
    limit_field(body, profile, &mut edits);
    for (key, param) in REFUSABLE {
        if profile.refuses.has(param) && body.raw(key).is_some_and(|value| value != "null") {
            losses.dropped(key, "the target does not take it");
            edits.push(remove(key));
        }
    }
    if profile.seed_field != "seed" && body.raw("seed").is_some() {
        edits.push(rename("seed", profile.seed_field));
    }
    standard_tier(body, profile, &mut edits);
    temperature(body, profile, losses, &mut edits);
    required_tool(body, profile, losses, &mut edits);
    thought(body, profile, losses, &mut edits);
    effort(body, profile, losses, &mut edits);
    edits
}

/// Puts the target's own word where a client names the standard tier by another's: Groq's clients say
/// theirs in every request.
fn standard_tier(body: &Lens<'_>, profile: &Profile, edits: &mut Vec<Edit>) {
    if let Some(own) = profile.standard_tier
        && body.string("service_tier").is_some_and(|word| word != own && is_standard(&word))
    {
        edits.push(set_string("service_tier", own));
    }
}

fn is_standard(word: &str) -> bool {
    matches!(word, "default" | "on_demand")
}

/// Members that can be taken out at the top level.
const REFUSABLE: [(&str, Param); 17] = [
    ("top_p", Param::TopP),
    ("top_k", Param::TopK),
    ("stop", Param::Stop),
    ("seed", Param::Seed),
    ("n", Param::N),
    ("logprobs", Param::Logprobs),
    ("top_logprobs", Param::Logprobs),
    ("frequency_penalty", Param::FrequencyPenalty),
    ("presence_penalty", Param::PresencePenalty),
    ("logit_bias", Param::LogitBias),
    ("parallel_tool_calls", Param::ParallelTools),
    ("response_format", Param::ResponseFormat),
    ("user", Param::User),
    ("service_tier", Param::ServiceTier),
    ("metadata", Param::Metadata),
    ("store", Param::Store),
    ("stream_options", Param::StreamOptions),
];

/// Whether the target refuses something that stands deeper than the top level, or something whose
/// absence changes the meaning of the rest. May say yes too often: a rewritten body says the same.
pub(super) fn needs_rewriting(body: &Lens<'_>, profile: &Profile) -> bool {
    const DEVELOPER: u64 = bits(&["developer"]);
    const CACHE: u64 = bits(&["cache_control"]);
    const SIDE_FIELDS: u64 = bits(&["thinking_blocks", "provider_specific_fields", "thought_signature"]);
    const STRICT: u64 = bits(&["strict"]);
    const CALLS: u64 = bits(&["tool_calls"]);
    const AUDIO: u64 = bits(&["input_audio"]);
    const TRIMMINGS: u64 = bits(&["$id", "$schema", "additionalProperties"]);
    profile.retold
        || body.saw(SIDE_FIELDS)
        || (!profile.developer_role && body.saw(DEVELOPER))
        || (!profile.cache_marks && body.saw(CACHE))
        || (profile.no_nulls && body.saw(Watch::NULL))
        || (!profile.strict_tools && body.saw(STRICT))
        || (profile.plain_schemas && body.saw(TRIMMINGS) && has_tools(body))
        || (!profile.together.format_beside_tools && has_tools(body) && body.raw("response_format").is_some())
        || (!profile.tool_result_media && has_picture_in_result(body))
        || (profile.refuses.has(Param::Tools) && (body.raw("tools").is_some() || body.saw(CALLS)))
        || (!profile.audio_input && body.saw(AUDIO))
        || (!profile.image_urls && has_address(body))
        || history(body, profile)
        || thinks_otherwise(body, profile)
        || (profile.structured_output != StructuredOutput::Native
            && body.raw("response_format").is_some_and(|format| format.contains("json_schema")))
}

/// Whether a tool answered with a picture. One that a person shows beside tools is no reason to say
/// the request again.
fn has_picture_in_result(body: &Lens<'_>) -> bool {
    const TOOL: u64 = bits(&["tool"]);
    const IMAGE: u64 = bits(&["image_url"]);
    static PICTURE: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new("\"image_url\""));
    if !body.saw(TOOL) || !body.saw(IMAGE) {
        return false;
    }
    let messages = body.raw("messages").unwrap_or_default().as_bytes();
    let mut found = false;
    // The lens has checked the list.
    let _end = json_array::Parser::new(messages.len()).push(messages, |message| {
        found |= lens::find(message, "role") == Some("\"tool\"") && PICTURE.find(message).is_some();
    });
    found
}

/// Whether a picture lies behind an address of the web.
fn has_address(body: &Lens<'_>) -> bool {
    static URLS: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"url\""));
    static IMAGES: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"image_url\""));
    const IMAGE: u64 = bits(&["image_url"]);
    let mut values = URLS.values(body.source()).chain(IMAGES.values(body.source()));
    body.saw(IMAGE) && values.any(|value| value.starts_with(b"\"http"))
}

/// Whether the target would refuse the messages, for what they say or for their order.
fn history(body: &Lens<'_>, profile: &Profile) -> bool {
    const TYPE: u64 = bits(&["type"]);
    const THOUGHT: u64 = bits(&["reasoning_content"]);
    const CALLS: u64 = bits(&["tool_calls"]);
    const CALL_ID: u64 = bits(&["tool_call_id"]);
    const NAME: u64 = bits(&["name"]);
    static CONTENT: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"content\""));
    static IDS: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"tool_call_id\""));
    let messages = || body.raw("messages").unwrap_or_default().as_bytes();
    let together = profile.together;
    (profile.text_only_content
        && body.saw(TYPE)
        && CONTENT.values(messages()).any(|content| content.starts_with(b"[")))
        || match profile.reasoning_history {
            ReasoningHistory::Drop | ReasoningHistory::Parts | ReasoningHistory::Summaries => {
                body.saw(THOUGHT) || has_other_thought(body)
            }
            ReasoningHistory::Require => body.saw(CALLS),
            ReasoningHistory::Keep | ReasoningHistory::Tags => false,
        }
        || (profile.reasoning_history != ReasoningHistory::Parts && has_thinking_parts(body))
        || (profile.tool_id == ToolIdRule::Nine
            && body.saw(CALL_ID)
            && IDS.values(messages()).any(|id| !is_nine(id)))
        || (!together.user_after_tools
            && body.saw(CALL_ID)
            && follows(messages(), "tool", &["user", "system"]))
        || (!together.users_in_a_row && follows(messages(), "user", &["user"]))
        || (profile.named != Named::Everyone && body.saw(NAME) && is_misnamed(messages(), profile.named))
}

/// Whether messages hold thought under the names by which fewer vendors know it.
fn has_other_thought(body: &Lens<'_>) -> bool {
    const WORDS: u64 = bits(&["reasoning", "reasoning_details"]);
    static PLAIN: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"reasoning\""));
    static DETAILS: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"reasoning_details\""));
    let messages = || body.raw("messages").unwrap_or_default().as_bytes();
    body.saw(WORDS) && (PLAIN.values(messages()).next().is_some() || DETAILS.is_in(messages()))
}

/// Whether messages hold thought as parts of their content, as Mistral has it.
fn has_thinking_parts(body: &Lens<'_>) -> bool {
    const WORD: u64 = bits(&["thinking"]);
    static PART: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"thinking\""));
    body.saw(WORD) && PART.values(body.raw("messages").unwrap_or_default().as_bytes()).next().is_some()
}

fn is_nine(id: &[u8]) -> bool {
    let inner = id.strip_prefix(b"\"").and_then(|rest| rest.split(|byte| *byte == b'"').next());
    inner.is_some_and(|id| id.len() == 9 && id.iter().all(u8::is_ascii_alphanumeric))
}

/// Whether somebody of one role speaks and then at once somebody of one of the others.
fn follows(messages: &[u8], first: &str, then: &[&str]) -> bool {
    static ROLES: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"role\""));
    let word = |value: &[u8]| -> Vec<u8> {
        let inner = value.strip_prefix(b"\"").unwrap_or_default();
        inner.split(|byte| *byte == b'"').next().unwrap_or_default().to_vec()
    };
    let roles: Vec<Vec<u8>> = ROLES.values(messages).map(word).collect();
    roles.windows(2).any(|pair| match pair {
        [one, other] => one == first.as_bytes() && then.iter().any(|role| other == role.as_bytes()),
        _ => false,
    })
}

/// Whether a message has a name although its speaker may bear none.
fn is_misnamed(messages: &[u8], named: Named) -> bool {
    static NAMES: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"name\""));
    if !NAMES.is_in(messages) {
        return false;
    }
    let Ok(messages) = json::parse(messages) else { return false };
    messages.elements().iter().filter(|message| message.field("name").is_some()).any(|message| {
        let role = message.get("role").and_then(Json::as_str).unwrap_or_default();
        match named {
            Named::Everyone => false,
            Named::Users => !matches!(role, "user" | "tool"),
            Named::Tools => role != "tool",
        }
    })
}

/// Whether how hard to think is said in another way than the target takes it.
fn thinks_otherwise(body: &Lens<'_>, profile: &Profile) -> bool {
    let said = |key: &str| body.raw(key).is_some_and(|value| value != "null");
    let by_word = match profile.thinking {
        ThinkingStyle::Toggle
        | ThinkingStyle::Switch
        | ThinkingStyle::Template
        | ThinkingStyle::ObjectSwitch => true,
        ThinkingStyle::None
        | ThinkingStyle::Effort
        | ThinkingStyle::Budget
        | ThinkingStyle::Adaptive
        | ThinkingStyle::GeminiBudget(_)
        | ThinkingStyle::GeminiLevel { .. }
        | ThinkingStyle::Object => false,
    };
    (said("thinking") && !profile.extras) || (by_word && said("reasoning_effort"))
}

fn limit_field(body: &Lens<'_>, profile: &Profile, edits: &mut Vec<Edit>) {
    let (wanted, other) = match profile.max_tokens_field {
        MaxTokensField::MaxTokens => ("max_tokens", "max_completion_tokens"),
        MaxTokensField::MaxCompletionTokens => ("max_completion_tokens", "max_tokens"),
    };
    match (body.raw(wanted), body.raw(other)) {
        (_, None) => {}
        (None, Some(_)) => edits.push(rename(other, wanted)),
        // Both were given: the newer name wins, under the name that the target knows.
        (Some(_), Some(newer)) if other == "max_completion_tokens" => {
            edits.push(Edit::Set { key: Cow::Borrowed(wanted), value: newer.to_owned() });
            edits.push(remove(other));
        }
        (Some(_), Some(_)) => edits.push(remove(other)),
    }
}

fn required_tool(body: &Lens<'_>, profile: &Profile, losses: &mut Losses, edits: &mut Vec<Edit>) {
    let Some(choice) = body.raw("tool_choice") else { return };
    if profile.refuses.has(Param::ToolChoice) {
        losses.dropped("tool_choice", "the target does not take it");
        edits.push(remove("tool_choice"));
        return;
    }
    let named = choice.starts_with('{') && choice.contains("\"function\"") && !profile.forced_tool;
    if choice != "\"required\"" && !named {
        return;
    }
    if named && profile.required_tool != RequiredTool::Unsupported {
        losses.bent("tool_choice", "the target cannot be held to one tool");
    }
    match profile.required_tool {
        RequiredTool::Required if named => {
            edits.push(set_string("tool_choice", "required"));
        }
        RequiredTool::Required => {}
        RequiredTool::Any => {
            edits.push(Edit::Set { key: Cow::Borrowed("tool_choice"), value: "\"any\"".to_owned() })
        }
        RequiredTool::Unsupported => {
            losses.bent("tool_choice", "the target cannot be made to call a tool");
            edits.push(Edit::Set { key: Cow::Borrowed("tool_choice"), value: "\"auto\"".to_owned() });
        }
    }
}

/// Switches thought off where an answer that is not streamed cannot have any.
fn thought(body: &Lens<'_>, profile: &Profile, losses: &mut Losses, edits: &mut Vec<Edit>) {
    if profile.whole_thought
        || body.bool("stream") == Some(true)
        || body.bool("enable_thinking") == Some(false)
    {
        return;
    }
    if body.bool("enable_thinking") == Some(true) {
        losses.dropped("enable_thinking", "the model thinks only where it streams");
    }
    edits.push(Edit::Set { key: Cow::Borrowed("enable_thinking"), value: "false".to_owned() });
}

/// Takes an effort out that the target does not take where there are tools.
fn effort(body: &Lens<'_>, profile: &Profile, losses: &mut Losses, edits: &mut Vec<Edit>) {
    let beside = profile.together.effort_beside_tools;
    if beside == EffortBesideTools::Taken || !has_tools(body) {
        return;
    }
    let asked = body.raw("reasoning_effort").filter(|raw| *raw != "null");
    if asked == Some("\"none\"") {
        return;
    }
    if asked.is_some() {
        losses.dropped("reasoning_effort", "the model does not think where there are tools");
    }
    match beside {
        EffortBesideTools::Off => edits.push(set_string("reasoning_effort", "none")),
        EffortBesideTools::Unsaid if asked.is_some() => edits.push(remove("reasoning_effort")),
        EffortBesideTools::Unsaid | EffortBesideTools::Taken => {}
    }
}

pub(super) fn has_tools(body: &Lens<'_>) -> bool {
    body.raw("tools")
        .and_then(|raw| raw.strip_prefix('['))
        .is_some_and(|list| !list.trim_start().starts_with(']'))
}
