//! `additionalModelRequestFields`, both ways: what each family takes beside the common fields.

use crate::catalog::profile::{Param, Profile, ThinksIn, TopK};
use crate::dialect::Malformed;
use crate::dialect::bedrock_converse::content::read;
use crate::dialect::bedrock_converse::tools::Single;
use crate::dialect::bedrock_converse::types::DIALECT;
use crate::dialect::claude_thinking::Mode;
use crate::ir::{Dialect, Effort, Extras, Losses, Request, Thinking};
use crate::wire::json::{self, Json, Object};

/// The name under which the fields without a place in the hub are kept.
pub(super) const FIELDS: &str = "additionalModelRequestFields";

/// The name under which Claude's betas are kept as the client listed them.
pub(super) const BETAS: &str = "header:anthropic_beta";

/// The same betas as Anthropic's own API takes them.
const BETA_HEADER: &str = "header:anthropic-beta";

/// The betas that Bedrock knows; it refuses all others.
const KNOWN_BETAS: [&str; 13] = [
    "computer-use-2024-10-22",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "token-efficient-tools-2025-02-19",
    "output-128k-2025-02-19",
    "interleaved-thinking-2025-05-14",
    "dev-full-thinking-2025-05-14",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "tool-search-tool-2025-10-19",
    "tool-examples-2025-10-29",
    "fine-grained-tool-streaming-2025-05-14",
];

/// Reads the fields that the hub has a place for; the others are kept.
pub(super) fn parse(json: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    if !json.is_object() {
        return Err(Malformed::new("", "expected an object"));
    }
    let mut rest = Extras::NONE;
    for (key, value) in json.entries().iter().filter(|(_, value)| !value.is_null()) {
        if !take(key, value, request) {
            rest.push(DIALECT, key, value.raw());
        }
    }
    super::parse::keep(FIELDS, &rest, request);
    Ok(())
}

/// Takes over a field; whether all of it has a place.
fn take(key: &str, value: &Json<'_>, request: &mut Request) -> bool {
    let alone = |known: &[&str]| value.is_object() && read::extras(value, known).is_empty();
    let effort = |value: &Json<'_>| value.as_str().and_then(Effort::from_name);
    match key {
        "top_k" => set(&mut request.sampling.top_k, value.as_u64()),
        "inferenceConfig" if alone(&["topK"]) => {
            set(&mut request.sampling.top_k, value.field("topK").and_then(Json::as_u64))
        }
        "thinking" | "reasoning_config" if value.is_object() => take_thinking(value, request),
        "reasoningConfig" if alone(&["type", "maxReasoningEffort"]) => {
            let thinking = request.thinking.get_or_insert_default();
            thinking.enabled = value.field("type").and_then(Json::as_str).map(|word| word == "enabled");
            thinking.effort = value.field("maxReasoningEffort").and_then(effort).or(thinking.effort);
            true
        }
        "reasoning_effort" | "reasoning_config" => set_effort(request, effort(value)),
        "reasoning" | "output_config" if alone(&["effort"]) => {
            set_effort(request, value.field("effort").and_then(effort))
        }
        "tool_choice" if alone(&["type", "name", "disable_parallel_tool_use"]) => {
            let single = value.field("disable_parallel_tool_use").and_then(Json::as_bool);
            set(&mut request.parallel_tools, single.map(|single| !single))
        }
        "anthropic_beta" if value.is_array() => {
            let betas: Vec<&str> = value.elements().iter().filter_map(Json::as_str).collect();
            request.extras.push(DIALECT, BETAS, value.raw());
            let listed = json::string(&betas.join(","));
            request.extras.push(Dialect::AnthropicMessages, BETA_HEADER, &listed);
            true
        }
        _ => false,
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let known = value.is_some();
    if known {
        *place = value;
    }
    known
}

fn set_effort(request: &mut Request, effort: Option<Effort>) -> bool {
    if effort.is_some() {
        request.thinking.get_or_insert_default().effort = effort;
    }
    effort.is_some()
}

/// Claude's `thinking`; whether the hub has a place for all of it.
fn take_thinking(value: &Json<'_>, request: &mut Request) -> bool {
    let word = value.field("type").and_then(Json::as_str);
    let enabled = match word {
        Some("enabled" | "adaptive") => true,
        Some("disabled") => false,
        _ => return false,
    };
    let visible = match value.field("display").and_then(Json::as_str) {
        Some("summarized") => Some(true),
        Some("omitted") => Some(false),
        _ => None,
    };
    let shown = if visible.is_some() { "display" } else { "" };
    if !read::extras(value, &["type", "budget_tokens", shown]).is_empty() {
        return false;
    }
    let budget = value.field("budget_tokens").and_then(Json::as_u64);
    let before = request.thinking.take().unwrap_or_default();
    request.thinking = Some(Thinking { enabled: Some(enabled), budget, visible, ..before });
    true
}

/// What a request says of thinking, as its target is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thought {
    /// Claude's `thinking`.
    pub(super) mode: Mode,
    /// How hard to think.
    pub(super) effort: Option<Effort>,
}

impl Thought {
    /// Whether the model thinks as hard as it can and so takes nothing that limits or steers its
    /// words (Nova 2).
    pub(super) fn is_hardest(self, profile: &Profile) -> bool {
        profile.converse.thinks_in == ThinksIn::Config && self.effort == Some(Effort::High)
    }
}

/// Writes the fields, if there are any.
pub(super) fn write(
    request: &Request,
    thought: Thought,
    single: Option<Single>,
    profile: &Profile,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    let mut fields = Vec::new();
    json::object(&mut fields, |o| {
        write_thought(request, thought, profile, o);
        write_top_k(request, thought, profile, o, losses);
        if let Some(single) = single {
            o.object("tool_choice", |o| {
                o.opt_string("type", (single == Single::Alone).then_some("auto"));
                o.bool("disable_parallel_tool_use", true);
            });
        }
        write_betas(request, profile, o);
        let kept = request.extras.json(DIALECT, FIELDS);
        let kept = kept.and_then(|kept| json::parse(kept.as_bytes()).ok());
        for (key, value) in kept.as_ref().map(Json::entries).unwrap_or_default() {
            o.raw(key, value.raw());
        }
    });
    if fields.len() > "{}".len() {
        o.embed(FIELDS, |out| out.extend_from_slice(&fields));
    }
}

fn write_thought(request: &Request, thought: Thought, profile: &Profile, o: &mut Object<'_>) {
    let effort = thought.effort;
    match profile.converse.thinks_in {
        ThinksIn::Nothing => {}
        ThinksIn::Thinking => {
            write_thinking(request, thought.mode, o);
            if let Some(effort) = effort {
                o.object("output_config", |o| o.string("effort", effort.name()));
            }
        }
        ThinksIn::Config => match effort {
            Some(Effort::None) => o.object("reasoningConfig", |o| o.string("type", "disabled")),
            Some(effort) => o.object("reasoningConfig", |o| {
                o.string("type", "enabled");
                o.string("maxReasoningEffort", effort.name());
            }),
            None => {}
        },
        ThinksIn::Effort => o.opt_string("reasoning_effort", effort.map(Effort::name)),
        ThinksIn::Word => o.opt_string("reasoning_config", effort.map(Effort::name)),
        ThinksIn::Object => {
            if let Some(effort) = effort {
                o.object("reasoning", |o| o.string("effort", effort.name()));
            }
        }
    }
}

fn write_thinking(request: &Request, mode: Mode, o: &mut Object<'_>) {
    let hidden = request.thinking.as_ref().and_then(|asked| asked.visible) == Some(false);
    match mode {
        Mode::Unsaid => {}
        Mode::Off => o.object("thinking", |o| o.string("type", "disabled")),
        Mode::Budget(budget) => o.object("thinking", |o| {
            o.string("type", "enabled");
            o.number("budget_tokens", budget);
            o.opt_string("display", hidden.then_some("omitted"));
        }),
        Mode::Adaptive(display) => o.object("thinking", |o| {
            o.string("type", "adaptive");
            o.opt_string("display", display);
        }),
    }
}

fn write_top_k(
    request: &Request,
    thought: Thought,
    profile: &Profile,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    let Some(top_k) = request.sampling.top_k else { return };
    let samples = profile.max_temperature.is_some() && !profile.refuses.has(Param::TopK);
    if !samples || thought.mode.is_on() || thought.is_hardest(profile) {
        losses.dropped("top_k", "the model takes none now");
        return;
    }
    match profile.converse.top_k {
        TopK::Field => o.number("top_k", top_k),
        TopK::Inner => o.object("inferenceConfig", |o| o.number("topK", top_k)),
        TopK::Nowhere => losses.dropped("top_k", "the model takes none"),
    }
}

/// The betas that the client listed, or those of an Anthropic client's that Bedrock knows.
fn write_betas(request: &Request, profile: &Profile, o: &mut Object<'_>) {
    if profile.converse.thinks_in != ThinksIn::Thinking {
        return;
    }
    if let Some(own) = request.extras.json(DIALECT, BETAS) {
        o.raw("anthropic_beta", own);
        return;
    }
    let asked = request.extras.json(Dialect::AnthropicMessages, BETA_HEADER);
    let asked = asked.and_then(|asked| json::parse(asked.as_bytes()).ok());
    let asked = asked.as_ref().and_then(Json::as_str).unwrap_or_default();
    let known: Vec<&str> =
        asked.split(',').map(str::trim).filter(|beta| KNOWN_BETAS.contains(beta)).collect();
    if !known.is_empty() {
        o.array("anthropic_beta", |a| known.iter().for_each(|beta| a.string(beta)));
    }
}
