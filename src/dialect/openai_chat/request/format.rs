//! Structured answers: the dialect's own schema field, or what comes nearest to it.

use crate::catalog::profile::{EffortBesideTools, Param, Profile, StructuredOutput, ThinkingStyle};
use crate::dialect::openai_schema::{fitting, in_words, is_strict, mentions_json};
use crate::ir::{Effort, Format, Losses, Request, Thinking};
use crate::wire::json::{self, Object};

/// The tool whose arguments are the answer where schemas are only known for tools.
const ANSWER_TOOL: &str = "json_answer";

/// How a request's format is asked for.
#[derive(Debug, Default)]
pub(super) struct Plan<'r> {
    /// What `response_format` says.
    pub field: Field<'r>,
    /// The name and schema of the tool that stands in for it.
    pub tool: Option<(&'static str, &'r str)>,
    /// What is said in words after the system's instructions.
    pub instruction: Option<String>,
}

/// The contents of `response_format`.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Field<'r> {
    /// It is left out.
    #[default]
    Nothing,
    /// `text`.
    Text,
    /// `json_object`.
    Object,
    /// `json_schema`, and whether it may be strict.
    Schema(&'r Format, Option<bool>),
}

/// Decides how to ask for a request's format.
pub(super) fn plan<'r>(request: &'r Request, profile: &Profile, losses: &mut Losses) -> Plan<'r> {
    let Some(format) = &request.format else {
        return Plan::default();
    };
    let crowded = !profile.together.format_beside_tools
        && !request.tools.is_empty()
        && !profile.refuses.has(Param::Tools);
    let style = if profile.refuses.has(Param::ResponseFormat) {
        StructuredOutput::None
    } else if crowded {
        let schema = matches!(format, Format::JsonSchema { .. });
        if schema { StructuredOutput::Tool } else { StructuredOutput::None }
    } else {
        profile.structured_output
    };
    match format {
        Format::Text if style == StructuredOutput::None => Plan::default(),
        Format::Text => Plan { field: Field::Text, ..Plan::default() },
        Format::JsonObject => object(request, style, losses),
        Format::JsonSchema { schema, strict, name, .. } => match style {
            StructuredOutput::Native => {
                // Dialects without names for schemas always hold the model to them.
                let held = || name.is_none() && is_strict(schema);
                let strict = strict.or_else(|| held().then_some(true));
                Plan { field: Field::Schema(format, fitting(schema, strict, losses)), ..Plan::default() }
            }
            StructuredOutput::Tool if is_object_schema(schema) => {
                losses.bent("response_format", "asked for as the arguments of a tool");
                Plan { tool: Some((ANSWER_TOOL, schema)), ..Plan::default() }
            }
            StructuredOutput::Tool | StructuredOutput::JsonObject if !crowded => {
                losses.bent("response_format", "the schema is only given in words");
                Plan { field: Field::Object, instruction: Some(in_words(schema)), tool: None }
            }
            StructuredOutput::Tool | StructuredOutput::JsonObject | StructuredOutput::None => {
                losses.bent("response_format", "only asked for in words");
                Plan { instruction: Some(in_words(schema)), ..Plan::default() }
            }
        },
    }
}

fn object<'r>(request: &Request, style: StructuredOutput, losses: &mut Losses) -> Plan<'r> {
    const IN_WORDS: &str = "Answer with one JSON object and nothing else.";
    if style == StructuredOutput::None {
        losses.bent("response_format", "only asked for in words");
        return Plan { instruction: Some(IN_WORDS.to_owned()), ..Plan::default() };
    }
    // OpenAI refuses JSON mode when no message mentions JSON.
    let mut blocks = request.system.iter().chain(request.turns.iter().flat_map(|turn| &turn.blocks));
    let mentioned = blocks.any(|block| block.as_text().is_some_and(mentions_json));
    if !mentioned {
        losses.bent("response_format", "JSON mode must also be asked for in words");
    }
    Plan { field: Field::Object, instruction: (!mentioned).then(|| IN_WORDS.to_owned()), tool: None }
}

fn is_object_schema(schema: &str) -> bool {
    let Ok(schema) = json::parse(schema.as_bytes()) else {
        return false;
    };
    match schema.get("type") {
        Some(kind) => kind.as_str() == Some("object"),
        None => schema.get("properties").is_some(),
    }
}

/// Writes `response_format`.
pub(super) fn write(body: &mut Object<'_>, field: Field<'_>) {
    match field {
        Field::Nothing => {}
        Field::Text => body.raw("response_format", r#"{"type":"text"}"#),
        Field::Object => body.raw("response_format", r#"{"type":"json_object"}"#),
        Field::Schema(format, strict) => {
            if let Format::JsonSchema { name, description, schema, .. } = format {
                body.object("response_format", |object| {
                    object.string("type", "json_schema");
                    object.object("json_schema", |object| {
                        object.string("name", name.as_deref().unwrap_or("answer"));
                        object.opt_string("description", description.as_deref());
                        object.raw("schema", schema);
                        object.opt_bool("strict", strict);
                    });
                });
            }
        }
    }
}

/// Writes how hard to think.
pub(super) fn write_thinking(
    body: &mut Object<'_>,
    thinking: Option<&Thinking>,
    beside: EffortBesideTools,
    profile: &Profile,
    losses: &mut Losses,
) {
    if beside != EffortBesideTools::Taken {
        let wanted = thinking.filter(|thinking| !is_off(thinking) && **thinking != only_visible(thinking));
        if wanted.is_some() {
            losses.dropped("reasoning_effort", "the target does not think where there are tools");
        }
        if beside == EffortBesideTools::Off || thinking.is_some_and(is_off) {
            body.string("reasoning_effort", Effort::None.name());
        }
        return;
    }
    let Some(thinking) = thinking else { return };
    let off = is_off(thinking);
    // OpenAI itself never shows it, and those that take extras do.
    if thinking.visible == Some(false) && !off && profile.extras && profile.thinking != ThinkingStyle::None {
        losses.dropped("reasoning.exclude", "the target cannot hide its thinking");
    }
    match profile.thinking {
        ThinkingStyle::None => {
            if !off && *thinking != only_visible(thinking) {
                losses.dropped("reasoning_effort", "the target cannot be told how to think");
            }
        }
        ThinkingStyle::Toggle => {
            if thinking.budget.is_some_and(|budget| budget > 0) {
                losses.dropped("thinking.budget_tokens", "the target takes no budget");
            }
            if thinking.effort.is_some_and(|effort| effort > Effort::None) {
                losses.bent("reasoning_effort", "the target only thinks or does not");
            }
            if *thinking != only_visible(thinking) {
                let kind = if off { "disabled" } else { "enabled" };
                body.object("thinking", |object| object.string("type", kind));
            }
        }
        ThinkingStyle::Budget => write_budget(body, thinking, off, losses),
        ThinkingStyle::Effort
        | ThinkingStyle::Adaptive
        | ThinkingStyle::GeminiBudget(_)
        | ThinkingStyle::GeminiLevel { .. } => write_effort(body, thinking, profile, losses),
    }
}

const fn only_visible(thinking: &Thinking) -> Thinking {
    Thinking { enabled: None, effort: None, budget: None, visible: thinking.visible }
}

fn is_off(thinking: &Thinking) -> bool {
    thinking.enabled == Some(false) || thinking.effort == Some(Effort::None) || thinking.budget == Some(0)
}

fn write_budget(body: &mut Object<'_>, thinking: &Thinking, off: bool, losses: &mut Losses) {
    use crate::dialect::openai_chat::types::budget_of_effort;
    let from_effort = thinking.effort.map(budget_of_effort);
    if thinking.budget.is_none() && from_effort.is_some() {
        losses.bent("reasoning_effort", "said as a budget");
    }
    let budget = thinking.budget.or(from_effort);
    if off {
        body.raw("thinking", r#"{"type":"disabled"}"#);
    } else if budget.is_some() || thinking.enabled == Some(true) {
        body.object("thinking", |object| {
            object.string("type", "enabled");
            object.number(
                "budget_tokens",
                budget.unwrap_or_else(|| budget_of_effort(Effort::Medium)).max(1024),
            );
        });
    }
}

fn write_effort(body: &mut Object<'_>, thinking: &Thinking, profile: &Profile, losses: &mut Losses) {
    use crate::dialect::openai_chat::types::effort_of_budget;
    let wanted = if thinking.enabled == Some(false) {
        Some(Effort::None)
    } else if thinking.effort.is_some() {
        thinking.effort
    } else if let Some(budget) = thinking.budget {
        losses.bent("thinking.budget_tokens", "said as an effort");
        Some(effort_of_budget(budget))
    } else if thinking.enabled == Some(true) {
        losses.bent("thinking", "said as an effort");
        Some(Effort::Medium)
    } else {
        None
    };
    let Some(wanted) = wanted else { return };
    let effort = profile.effort(wanted);
    if effort != wanted {
        losses.clamped("reasoning_effort", "the target knows no such effort");
    }
    body.string("reasoning_effort", effort.name());
}
