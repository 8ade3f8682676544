//! How a request wants its answer to look and to be thought about: `text` and `reasoning`.

use crate::catalog::profile::{Profile, StructuredOutput, ThinkingStyle};
use crate::dialect::openai_responses::extras;
use crate::dialect::openai_responses::types::{OWN, effort_of_budget};
use crate::dialect::openai_schema::{fitting, in_words, is_strict, mentions_json};
use crate::ir::{Effort, Format, Losses, Request, Thinking};
use crate::wire::json::Object;

/// How a request's format is asked for.
#[derive(Debug, Default)]
pub(super) struct Plan<'r> {
    field: Option<(&'r Format, Option<bool>)>,
    /// What is said in words before the first turn.
    pub instruction: Option<String>,
}

/// Decides how to ask for a request's format.
pub(super) fn plan<'r>(request: &'r Request, profile: &Profile, losses: &mut Losses) -> Plan<'r> {
    let Some(format) = &request.format else { return Plan::default() };
    match format {
        Format::Text => Plan { field: Some((format, None)), instruction: None },
        Format::JsonObject => {
            // OpenAI refuses JSON mode when no item of the input mentions JSON; instructions do not
            // count.
            let mut blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
            let mentioned = blocks.any(|block| block.as_text().is_some_and(mentions_json));
            if !mentioned {
                losses.bent("response_format", "JSON mode must also be asked for in words");
            }
            let words = "Answer with one JSON object and nothing else.".to_owned();
            Plan { field: Some((format, None)), instruction: (!mentioned).then_some(words) }
        }
        Format::JsonSchema { schema, strict, name, .. } => {
            if profile.structured_output != StructuredOutput::Native {
                losses.bent("response_format", "only asked for in words");
                return Plan { field: None, instruction: Some(in_words(schema)) };
            }
            // Dialects without names for schemas always hold the model to them.
            let held = || name.is_none() && is_strict(schema);
            let strict = strict.or_else(|| held().then_some(true));
            Plan { field: Some((format, fitting(schema, strict, losses))), instruction: None }
        }
    }
}

/// Writes `text`.
pub(super) fn write(body: &mut Object<'_>, plan: &Plan<'_>, request: &Request) {
    let own = |object: &mut Object<'_>| restore(request, "text.", object);
    let has_own = request.extras.of(OWN).any(|extra| extra.name.starts_with("text."));
    if plan.field.is_none() && request.verbosity.is_none() && !has_own {
        return;
    }
    body.object("text", |text| {
        if let Some((format, strict)) = plan.field {
            text.object("format", |object| write_format(object, format, strict));
        }
        text.opt_string("verbosity", request.verbosity.as_deref());
        own(text);
    });
}

fn write_format(object: &mut Object<'_>, format: &Format, held: Option<bool>) {
    match format {
        Format::Text => object.string("type", "text"),
        Format::JsonObject => object.string("type", "json_object"),
        Format::JsonSchema { name, description, schema, .. } => {
            object.string("type", "json_schema");
            object.string("name", name.as_deref().unwrap_or("answer"));
            object.opt_string("description", description.as_deref());
            object.raw("schema", schema);
            object.opt_bool("strict", held);
        }
    }
}

/// Gives back members of an inner object.
fn restore(request: &Request, prefix: &str, object: &mut Object<'_>) {
    for extra in request.extras.of(OWN) {
        if let Some(name) = extra.name.strip_prefix(prefix) {
            object.raw(name, &extra.json);
        }
    }
}

/// Writes `reasoning`.
pub(super) fn write_thinking(
    body: &mut Object<'_>,
    request: &Request,
    profile: &Profile,
    losses: &mut Losses,
) {
    let effort = request.thinking.as_ref().and_then(|thinking| effort(thinking, profile, losses));
    let summary = summary(request, profile);
    let has_own = request.extras.of(OWN).any(|extra| extra.name.starts_with("reasoning."));
    if effort.is_none() && summary.is_none() && !has_own {
        return;
    }
    body.object("reasoning", |reasoning| {
        reasoning.opt_string("effort", effort.map(Effort::name));
        for key in ["summary", "generate_summary"] {
            let said = extras::moot(&request.extras, &format!("reasoning.{key}"));
            reasoning.opt_raw(key, said);
        }
        reasoning.opt_string("summary", summary);
        restore(request, "reasoning.", reasoning);
    });
}

/// A summary, for a client of another dialect that wants to see the thoughts.
fn summary(request: &Request, profile: &Profile) -> Option<&'static str> {
    let said = |key: &str| extras::moot(&request.extras, key).is_some();
    if said("reasoning.summary") || said("reasoning.generate_summary") {
        return None;
    }
    let thinking = request.thinking.as_ref().filter(|_| profile.thinking != ThinkingStyle::None)?;
    let shown = thinking.visible.unwrap_or(thinking.enabled == Some(true));
    shown.then_some("auto")
}

fn effort(thinking: &Thinking, profile: &Profile, losses: &mut Losses) -> Option<Effort> {
    let wanted = if thinking.enabled == Some(false) {
        Effort::None
    } else if let Some(effort) = thinking.effort {
        effort
    } else if let Some(budget) = thinking.budget {
        losses.bent("thinking.budget_tokens", "said as an effort");
        effort_of_budget(budget)
    } else if thinking.enabled == Some(true) {
        losses.bent("thinking", "said as an effort");
        Effort::Medium
    } else {
        return None;
    };
    if profile.thinking == ThinkingStyle::None {
        if wanted != Effort::None {
            losses.dropped("reasoning_effort", "the target cannot be told how to think");
        }
        return None;
    }
    let effort = profile.effort(wanted);
    if effort != wanted {
        losses.clamped("reasoning_effort", "the target knows no such effort");
    }
    Some(effort)
}
