//! The hub's request → a target's body.

use crate::catalog::profile::{Profile, ThinkingStyle};
use crate::dialect::ollama::types::{Form, OPTION};
use crate::dialect::{Rendered, Restore, free_text, tool_schema, unknown};
use crate::ir::{Dialect, Effort, Format, Losses, Request, Thinking, Tool, ToolChoice, ToolKind};
use crate::wire::json::{self, Object};

use super::{history, options};

/// The schema of a tool that takes nothing.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// Writes a request for a target that knows itself as `model`.
pub(in crate::dialect::ollama) fn render(
    form: Form,
    request: &Request,
    model: &str,
    profile: &Profile,
    losses: &mut Losses,
) -> Rendered {
    let own = form.dialect();
    let mut body = Vec::with_capacity(1024);
    json::object(&mut body, |body| {
        body.string("model", model);
        match form {
            Form::Chat => {
                body.array("messages", |messages| history::write(messages, request, losses));
                write_tools(body, request, losses);
            }
            Form::Generate => {
                history::write_prompt(body, request, losses);
                if !request.tools.is_empty() {
                    losses.dropped("tools", "a prompt is given no tools");
                }
            }
        }
        write_format(body, request.format.as_ref());
        options::write(form, body, request, profile, losses);
        write_thinking(body, request.thinking.as_ref(), profile, losses);
        // Left out, it would be a stream.
        body.bool("stream", request.stream);
        let top = request.sampling.top_logprobs;
        body.opt_bool("logprobs", request.sampling.logprobs.or(top.map(|_| true)));
        body.opt_number("top_logprobs", top);
        for extra in request.extras.of(own).filter(|extra| !extra.name.starts_with(OPTION)) {
            body.raw(&extra.name, &extra.json);
        }
        unknown::note_lost(own, &request.extras, losses);
    });
    note_lost(request, losses);
    Rendered { body, headers: Vec::new(), restore: Restore::functions(request) }
}

/// Writes the tools that may be called. Which of them is called cannot be said, but that none is can.
fn write_tools(body: &mut Object<'_>, request: &Request, losses: &mut Losses) {
    let mut tools: Vec<&Tool> = request.tools.iter().collect();
    tools.retain(|tool| {
        let foreign = matches!(tool.kind, ToolKind::Hosted { .. });
        if foreign {
            losses.dropped("tools.hosted", "the tool is run by another provider");
        }
        !foreign
    });
    match &request.tool_choice {
        Some(ToolChoice::Allowed(names, required)) => {
            losses.bent("tool_choice", "the other tools are left out");
            tools.retain(|tool| names.contains(&tool.name));
            if *required {
                losses.dropped("tool_choice", "the target cannot be made to call a tool");
            }
        }
        Some(ToolChoice::None) if !tools.is_empty() => {
            losses.bent("tool_choice", "the tools are left out");
            tools.clear();
        }
        Some(ToolChoice::Required | ToolChoice::Tool(_)) => {
            losses.dropped("tool_choice", "the target cannot be made to call a tool");
        }
        Some(ToolChoice::Auto | ToolChoice::None) | None => {}
    }
    if tools.is_empty() {
        return;
    }
    if request.parallel_tools == Some(false) {
        losses.dropped("parallel_tool_calls", "the target takes no such wish");
    }
    body.array("tools", |array| {
        for tool in tools {
            array.object(|object| {
                object.string("type", "function");
                object.object("function", |function| write_function(function, tool, losses));
            });
        }
    });
}

fn write_function(function: &mut Object<'_>, tool: &Tool, losses: &mut Losses) {
    if tool.strict == Some(true) {
        losses.dropped("tools.strict", "the target does not hold tools to their schema");
    }
    if tool.cache.is_some() {
        losses.dropped("cache_control", "the target takes no cache marks");
    }
    let own = tool.extras.of(Dialect::OllamaChat);
    for extra in own.chain(tool.extras.foreign(Dialect::OllamaChat)) {
        losses.dropped(extra.name.clone(), "only known to the dialect it came from");
    }
    let schema = match &tool.kind {
        ToolKind::Custom(_) => {
            losses.bent("tools.custom", "said as a function with one text argument");
            free_text::SCHEMA
        }
        ToolKind::Function | ToolKind::Older | ToolKind::Hosted { .. } => {
            tool.schema.as_deref().unwrap_or(NO_ARGUMENTS)
        }
    };
    function.string("name", &tool.name);
    // The member must be there, if only as an empty string.
    function.string("description", free_text::description(tool).as_deref().unwrap_or_default());
    function.raw("parameters", tool_schema::completed(schema).as_deref().unwrap_or(schema));
}

fn write_format(body: &mut Object<'_>, format: Option<&Format>) {
    match format {
        Some(Format::JsonObject) => body.string("format", "json"),
        Some(Format::JsonSchema { schema, .. }) => body.raw("format", schema),
        Some(Format::Text) | None => {}
    }
}

fn write_thinking(
    body: &mut Object<'_>,
    thinking: Option<&Thinking>,
    profile: &Profile,
    losses: &mut Losses,
) {
    let Some(thinking) = thinking else { return };
    let off = thinking.enabled == Some(false)
        || thinking.effort == Some(Effort::None)
        || thinking.budget == Some(0);
    let wanted = thinking.effort.is_some() || thinking.budget.is_some() || thinking.enabled == Some(true);
    if profile.thinking == ThinkingStyle::None {
        if wanted && !off {
            losses.dropped("reasoning_effort", "the target cannot be told how to think");
        }
        return;
    }
    if off {
        body.bool("think", false);
        return;
    }
    if thinking.visible == Some(false) && wanted {
        losses.dropped("reasoning.exclude", "the target cannot hide its thinking");
    }
    if thinking.budget.is_some() {
        losses.dropped("thinking.budget_tokens", "the target takes no budget");
    }
    match thinking.effort {
        Some(effort) if profile.thinking == ThinkingStyle::Effort => {
            let taken = profile.effort(effort);
            if taken != effort {
                losses.clamped("reasoning_effort", "the target knows no such effort");
            }
            body.string("think", taken.name());
        }
        Some(_) => {
            losses.bent("reasoning_effort", "the target only thinks or does not");
            body.bool("think", true);
        }
        None if wanted => body.bool("think", true),
        None => {}
    }
}

/// Notes what the target cannot be asked for.
fn note_lost(request: &Request, losses: &mut Losses) {
    let sampling = &request.sampling;
    for (field, asked) in [
        ("n", sampling.candidates.is_some_and(|answers| answers > 1)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("user", request.user.is_some()),
        ("service_tier", request.service_tier.is_some()),
        ("metadata", request.metadata.is_some()),
    ] {
        if asked {
            losses.dropped(field, "the target cannot be asked for it");
        }
    }
}
