//! The hub's request → a target's body.

use crate::catalog::profile::{Profile, ThinkingStyle};
use crate::dialect::ollama::types::{Form, OPTION};
use crate::dialect::{Rendered, Restore, free_text, function_tools, unasked, unknown};
use crate::ir::{Dialect, Effort, Format, Losses, Request, Thinking, ToolChoice};
use crate::wire::json::{self, Object};

use super::{history, options};

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
    unasked::note(request, losses);
    Rendered { body, headers: Vec::new(), restore: Restore::functions(request) }
}

/// Writes the tools that may be called. Which of them is called cannot be said, but that none is can.
fn write_tools(body: &mut Object<'_>, request: &Request, losses: &mut Losses) {
    let mut tools = function_tools::of_client(request, losses);
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
    function_tools::write(body, &tools, |function, tool| {
        if tool.strict == Some(true) {
            losses.dropped("tools.strict", "the target does not hold tools to their schema");
        }
        let schema = function_tools::parameters(tool, Dialect::OllamaChat, losses);
        function.string("name", &tool.name);
        // The member must be there, if only as an empty string.
        function.string("description", free_text::description(tool).as_deref().unwrap_or_default());
        function.raw("parameters", &schema);
    });
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
    let Some((thinking, asked)) = thinking.and_then(|it| Some((it, it.as_effort()?))) else { return };
    let off = asked == Effort::None;
    if profile.thinking == ThinkingStyle::None {
        if !off {
            losses.dropped("reasoning_effort", "the target cannot be told how to think");
        }
        return;
    }
    if off {
        body.bool("think", false);
        return;
    }
    if thinking.visible == Some(false) {
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
        None => body.bool("think", true),
    }
}
