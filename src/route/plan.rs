//! How a body gets to its target: byte for byte, or through the hub.
//!
//! This is the only place that decides it.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;

use crate::catalog::profile::{
    EffortBesideTools, MaxTokensField, Param, Profile, ReasoningHistory, RequiredTool, StructuredOutput,
    ThinkingStyle, ToolIdRule,
};
use crate::ir::{Dialect, Effort, Losses};
use crate::wire::json::Watch;
use crate::wire::lens::{Edit, Lens};
use crate::wire::needle::Needle;

/// How a body gets to its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// As it was sent, but for these members.
    Verbatim {
        /// The members that change.
        edits: Vec<Edit>,
        /// Whether the stream's usage event was asked for by us and must not reach the client.
        strip_usage: bool,
    },
    /// Parsed and said again.
    Translate {
        /// What the client speaks.
        from: Dialect,
        /// What the target is spoken to in; the same dialect when the target is of a kind that
        /// refuses something deep inside the body.
        to: Dialect,
    },
}

/// Decides how a body gets from a client's dialect to a target's.
///
/// `body` is the client's body, `model` what the target calls the model. Members that the target
/// refuses and that can be taken out at the top level are noted in `losses`.
#[must_use]
pub fn plan(
    client: Dialect,
    target: Dialect,
    body: &Lens<'_>,
    model: &str,
    profile: &Profile,
    losses: &mut Losses,
) -> Plan {
    if client != target || has_foreign_seal(body) {
        return Plan::Translate { from: client, to: target };
    }
    match client {
        Dialect::OpenaiChat => plan_chat(body, model, profile, losses),
        Dialect::OpenaiResponses => plan_responses(body, model, profile, losses),
        Dialect::AnthropicMessages if has_unthought_call(body) || has_unsealed_thought(body) => {
            Plan::Translate { from: client, to: target }
        }
        Dialect::AnthropicMessages => {
            let same = body.string("model").as_deref() == Some(model);
            if !same && is_for_another(body, profile) {
                return Plan::Translate { from: client, to: target };
            }
            let edits = if same { Vec::new() } else { vec![set_string("model", model)] };
            Plan::Verbatim { edits, strip_usage: false }
        }
        Dialect::GeminiGenerate if has_unsealed_call(body, profile) => {
            Plan::Translate { from: client, to: target }
        }
        // The model stands in the path.
        Dialect::GeminiGenerate | Dialect::BedrockConverse => {
            Plan::Verbatim { edits: Vec::new(), strip_usage: false }
        }
        Dialect::OllamaChat | Dialect::OllamaGenerate => {
            let same = body.string("model").as_deref() == Some(model);
            let edits = if same { Vec::new() } else { vec![set_string("model", model)] };
            Plan::Verbatim { edits, strip_usage: false }
        }
        Dialect::OpenaiCompletions => {
            let mut edits = Vec::with_capacity(2);
            if body.string("model").as_deref() != Some(model) {
                edits.push(set_string("model", model));
            }
            let strip_usage = ask_for_usage(body, profile, &mut edits);
            Plan::Verbatim { edits, strip_usage }
        }
    }
}

/// The words deep inside a body that the plan depends on; a lens that is handed to [`plan`] must
/// watch for them. The beginnings are those of seals that ride in another dialect's field.
pub static WORDS: Watch = Watch::new(
    &[
        "cache_control",
        "developer",
        "functionCall",
        "function_call",
        "image_url",
        "input_audio",
        "provider_specific_fields",
        "reasoning_content",
        "redacted_thinking",
        "signature",
        "strict",
        "thinking_blocks",
        "thoughtSignature",
        "thought_signature",
        "tool",
        "tool_call_id",
        "tool_calls",
        "toolUse",
        "tool_use",
        "type",
    ],
    &["~o~", "~r~", "~a~", "~g~", "~b~", "~rr~", "~rn~", "~rl~", "~r-~", "dG9sbGdhdGU6"],
);

const fn bits(words: &[&str]) -> u64 {
    let mut bits = 0;
    let mut rest = words;
    while let [first, others @ ..] = rest {
        bits |= WORDS.bit(first);
        rest = others;
    }
    bits
}

/// A seal of one provider that Tollgate let ride in another dialect's field must not reach a
/// provider that did not issue it.
fn has_foreign_seal(body: &Lens<'_>) -> bool {
    static IN_ID: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("__thought__"));
    const CALLS: u64 =
        bits(&["tool_calls", "tool_call_id", "tool_use", "toolUse", "functionCall", "function_call"]);
    const SEALS: u64 = WORDS.beginnings();
    body.saw(SEALS) || (body.saw(CALLS) && IN_ID.find(body.source()).is_some())
}

/// Whether Anthropic is asked to think about a history whose calls nobody thought about, since
/// another provider made them; it refuses that, and the renderer knows what to leave out.
fn has_unthought_call(body: &Lens<'_>) -> bool {
    const CALL: u64 = bits(&["tool_use"]);
    const THOUGHT: u64 = bits(&["signature", "redacted_thinking"]);
    body.saw(CALL)
        && !body.saw(THOUGHT)
        && body.raw("thinking").is_some_and(|thinking| thinking.contains("\"enabled\""))
}

/// Whether a thought in the history has no seal, since another provider thought it; Anthropic refuses
/// a seal that is empty.
fn has_unsealed_thought(body: &Lens<'_>) -> bool {
    static SEALS: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"signature\""));
    const SEAL: u64 = bits(&["signature"]);
    body.saw(SEAL) && SEALS.values(body.source()).any(|seal| seal.starts_with(b"\"\""))
}

/// Whether what was asked of the model that the client named would be refused by the one that it is
/// routed to. A client that names a model itself is left to what that says.
fn is_for_another(body: &Lens<'_>, profile: &Profile) -> bool {
    static ROLES: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"role\""));
    let adaptive = profile.thinking == ThinkingStyle::Adaptive;
    let samples = profile.max_temperature.is_some();
    let thinks = |how: &str| body.raw("thinking").is_some_and(|thinking| thinking.contains(how));
    let said = |key: &str| body.raw(key).is_some_and(|value| value != "null");
    let systems = || ROLES.values(body.source()).any(|role| role.starts_with(b"\"system\""));
    (thinks("\"adaptive\"") && !adaptive)
        || (thinks("\"enabled\"") && adaptive && !samples)
        || (thinks("\"disabled\"") && adaptive && profile.efforts.0 > Effort::None)
        || (!adaptive && body.raw("output_config").is_some_and(|config| config.contains("\"effort\"")))
        || (!samples && ["temperature", "top_p", "top_k"].into_iter().any(said))
        || body.u64("max_tokens").zip(profile.max_output).is_some_and(|(asked, most)| asked > most)
        || (!profile.mid_system && systems())
}

/// Whether Gemini would miss its seal on calls that another provider made.
fn has_unsealed_call(body: &Lens<'_>, profile: &Profile) -> bool {
    const CALL: u64 = bits(&["functionCall", "function_call"]);
    const SEAL: u64 = bits(&["thoughtSignature", "thought_signature"]);
    profile.requires_signature && body.saw(CALL) && !body.saw(SEAL)
}

fn plan_chat(body: &Lens<'_>, model: &str, profile: &Profile, losses: &mut Losses) -> Plan {
    if needs_rewriting(body, profile) {
        return Plan::Translate { from: Dialect::OpenaiChat, to: Dialect::OpenaiChat };
    }
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
    temperature(body, profile, losses, &mut edits);
    required_tool(body, profile, losses, &mut edits);
    effort(body, profile, losses, &mut edits);
    let strip_usage = ask_for_usage(body, profile, &mut edits);
    Plan::Verbatim { edits, strip_usage }
}

fn plan_responses(body: &Lens<'_>, model: &str, profile: &Profile, losses: &mut Losses) -> Plan {
    let mut edits = Vec::new();
    if body.string("model").as_deref() != Some(model) {
        edits.push(set_string("model", model));
    }
    if profile.refuses.has(Param::TopP) && body.raw("top_p").is_some_and(|value| value != "null") {
        if body.raw("top_p").and_then(|raw| raw.parse().ok()) != Some(1.0_f64) {
            losses.dropped("top_p", "the target does not take it");
        }
        edits.push(remove("top_p"));
    }
    temperature(body, profile, losses, &mut edits);
    Plan::Verbatim { edits, strip_usage: false }
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
fn needs_rewriting(body: &Lens<'_>, profile: &Profile) -> bool {
    const DEVELOPER: u64 = bits(&["developer"]);
    const CACHE: u64 = bits(&["cache_control"]);
    const SIDE_FIELDS: u64 = bits(&["thinking_blocks", "provider_specific_fields", "thought_signature"]);
    const TYPE: u64 = bits(&["type"]);
    const STRICT: u64 = bits(&["strict"]);
    const REASONING: u64 = bits(&["reasoning_content"]);
    const CALLS: u64 = bits(&["tool_calls"]);
    const CALL_ID: u64 = bits(&["tool_call_id"]);
    const TOOL: u64 = bits(&["tool"]);
    const IMAGE: u64 = bits(&["image_url"]);
    const AUDIO: u64 = bits(&["input_audio"]);
    body.saw(SIDE_FIELDS)
        || (!profile.developer_role && body.saw(DEVELOPER))
        || (!profile.cache_marks && body.saw(CACHE))
        || (profile.text_only_content && body.saw(TYPE))
        || (profile.no_nulls && body.saw(Watch::NULL))
        || (!profile.strict_tools && body.saw(STRICT))
        || (profile.reasoning_history == ReasoningHistory::Drop && body.saw(REASONING))
        || (profile.reasoning_history == ReasoningHistory::Require && body.saw(CALLS))
        || (profile.tool_id == ToolIdRule::Nine && body.saw(CALL_ID))
        || (!profile.together.user_after_tools && body.saw(CALL_ID))
        || (!profile.together.format_beside_tools && has_tools(body) && body.raw("response_format").is_some())
        || (!profile.tool_result_media && body.saw(TOOL) && body.saw(IMAGE))
        || (profile.refuses.has(Param::Tools) && (body.raw("tools").is_some() || body.saw(CALLS)))
        || (!profile.audio_input && body.saw(AUDIO))
        || (body.raw("thinking").is_some() && !profile.extras)
        || (profile.thinking == ThinkingStyle::Toggle && body.raw("reasoning_effort").is_some())
        || (profile.structured_output != StructuredOutput::Native
            && body.raw("response_format").is_some_and(|format| format.contains("json_schema")))
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

fn temperature(body: &Lens<'_>, profile: &Profile, losses: &mut Losses, edits: &mut Vec<Edit>) {
    let Some(asked) = body.raw("temperature").and_then(|raw| raw.parse::<f64>().ok()) else { return };
    match profile.max_temperature {
        Some(most) if asked > most && !profile.refuses.has(Param::Temperature) => {
            losses.clamped("temperature", "above the target's highest");
            edits.push(Edit::Set { key: Cow::Borrowed("temperature"), value: most.to_string() });
        }
        Some(_) if !profile.refuses.has(Param::Temperature) => {}
        None if (asked - 1.0).abs() < f64::EPSILON => {}
        _ => {
            losses.dropped("temperature", "the model takes only its own");
            edits.push(remove("temperature"));
        }
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
    match profile.required_tool {
        RequiredTool::Required if named => {
            losses.bent("tool_choice", "the target cannot be held to one tool");
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

fn has_tools(body: &Lens<'_>) -> bool {
    body.raw("tools")
        .and_then(|raw| raw.strip_prefix('['))
        .is_some_and(|list| !list.trim_start().starts_with(']'))
}

/// Asks for the usage of a stream where it must be asked for; whether the client did not.
fn ask_for_usage(body: &Lens<'_>, profile: &Profile, edits: &mut Vec<Edit>) -> bool {
    if !profile.include_usage || body.bool("stream") != Some(true) {
        return false;
    }
    let options = body.raw("stream_options").filter(|raw| raw.starts_with('{'));
    let inner = options.and_then(|raw| Lens::new(raw.as_bytes()).ok());
    if inner.as_ref().and_then(|options| options.bool("include_usage")) == Some(true) {
        return false;
    }
    let ask = Edit::Set { key: Cow::Borrowed("include_usage"), value: "true".to_owned() };
    let value = inner.map_or_else(
        || "{\"include_usage\":true}".to_owned(),
        |options| String::from_utf8_lossy(&options.apply(&[ask])).into_owned(),
    );
    edits.push(Edit::Set { key: Cow::Borrowed("stream_options"), value });
    true
}

fn set_string(key: &'static str, text: &str) -> Edit {
    Edit::Set { key: Cow::Borrowed(key), value: crate::wire::json::string(text) }
}

const fn remove(key: &'static str) -> Edit {
    Edit::Remove { key: Cow::Borrowed(key) }
}

const fn rename(from: &'static str, to: &'static str) -> Edit {
    Edit::Rename { from: Cow::Borrowed(from), to: Cow::Borrowed(to) }
}
