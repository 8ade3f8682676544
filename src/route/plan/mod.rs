//! How a body gets to its target: byte for byte, or through the hub.
//!
//! This is the only place that decides it.

mod chat;

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;

use crate::catalog::profile::{Param, Profile, ReasoningHistory, ThinkingStyle};
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
        Dialect::OpenaiChat if chat::needs_rewriting(body, profile) => {
            Plan::Translate { from: client, to: target }
        }
        Dialect::OpenaiChat => {
            let mut edits = chat::edits(body, model, profile, losses);
            let strip_usage = ask_for_usage(body, profile, &mut edits);
            Plan::Verbatim { edits, strip_usage }
        }
        Dialect::OpenaiResponses => plan_responses(body, model, profile, losses),
        Dialect::AnthropicMessages
            if has_unthought_call(body) || has_unsealed_thought(body) || has_address(body, profile) =>
        {
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
        Dialect::BedrockConverse if claude_would_miss_a_thought(body, profile) => {
            Plan::Translate { from: client, to: target }
        }
        // The model stands in the path.
        Dialect::GeminiGenerate | Dialect::BedrockConverse => {
            Plan::Verbatim { edits: Vec::new(), strip_usage: false }
        }
        Dialect::OllamaChat | Dialect::OllamaGenerate | Dialect::CohereChat => {
            let same = body.string("model").as_deref() == Some(model);
            let edits = if same { Vec::new() } else { vec![set_string("model", model)] };
            Plan::Verbatim { edits, strip_usage: false }
        }
        Dialect::OpenaiCompletions if profile.retold => Plan::Translate { from: client, to: target },
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

/// Whether a chat request wants thought beside tools, which the target takes in another dialect alone.
#[must_use]
pub fn wants_thought_beside_tools(body: &Lens<'_>, profile: &Profile) -> bool {
    let effort = body.string("reasoning_effort").and_then(|word| Effort::from_name(&word));
    chat::has_tools(body) && profile.together.effort_beside_tools.loses(effort)
}

/// The words deep inside a body that the plan depends on; a lens that is handed to [`plan`] must
/// watch for them. The beginnings are those of seals that ride in another dialect's field.
pub static WORDS: Watch = Watch::new(
    &[
        "$id",
        "$schema",
        "additionalProperties",
        "cache_control",
        "developer",
        "functionCall",
        "function_call",
        "image_url",
        "input_audio",
        "name",
        "provider_specific_fields",
        "reasoning",
        "reasoningContent",
        "reasoning_content",
        "reasoning_details",
        "redacted_thinking",
        "signature",
        "strict",
        "thinking",
        "thinking_blocks",
        "thoughtSignature",
        "thought_signature",
        "tool",
        "tool_call_id",
        "tool_calls",
        "toolUse",
        "tool_use",
        "type",
        "url",
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

/// Whether Claude would refuse a Converse history because of what other models thought in it: the
/// same two cases as at Anthropic, where an unsealed thought has no seal instead of an empty one.
fn claude_would_miss_a_thought(body: &Lens<'_>, profile: &Profile) -> bool {
    static THOUGHTS: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"reasoningText\""));
    static SEALS: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"signature\""));
    const CALL: u64 = bits(&["toolUse"]);
    const THOUGHT: u64 = bits(&["reasoningContent"]);
    if profile.reasoning_history != ReasoningHistory::Keep {
        return false;
    }
    if body.saw(THOUGHT) {
        let sealed = SEALS.values(body.source()).filter(|seal| !seal.starts_with(b"\"\"")).count();
        return THOUGHTS.values(body.source()).count() > sealed;
    }
    let asked = || body.raw("additionalModelRequestFields");
    body.saw(CALL) && asked().is_some_and(|fields| fields.contains("\"enabled\""))
}

/// Whether a picture or a document lies behind an address, to which the target does not go.
fn has_address(body: &Lens<'_>, profile: &Profile) -> bool {
    static TYPES: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"type\""));
    const URL: u64 = bits(&["url"]);
    !profile.image_urls
        && body.saw(URL)
        && TYPES.values(body.source()).any(|kind| kind.starts_with(b"\"url\""))
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
