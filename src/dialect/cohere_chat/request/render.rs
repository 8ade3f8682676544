//! The hub's request → a target's body.

use crate::catalog::profile::{Param, Profile, ThinkingStyle};
use crate::dialect::cohere_chat::types::{OWN, budget_of_effort};
use crate::dialect::openai_names::Names;
use crate::dialect::{Rendered, Restore, free_text, function_tools, unasked, unknown};
use crate::ir::{Effort, Format, Losses, Request, Role, Sampling, Thinking, Tool, ToolChoice};
use crate::wire::json::{self, Json, Object};

use super::{documents, history};

/// Writes a request for a target that knows itself as `model`.
pub(in crate::dialect::cohere_chat) fn render(
    request: &Request,
    model: &str,
    profile: &Profile,
    losses: &mut Losses,
) -> Rendered {
    let names = Names::of(request);
    let tools = tools(request, losses);
    // In other turns they are said where they stand.
    let asked = request.turns.iter().filter(|turn| turn.role == Role::User);
    let given: Vec<_> =
        asked.flat_map(|turn| &turn.blocks).filter(|block| documents::is_sayable(block)).collect();
    // A format cannot be demanded beside tools or documents.
    let crowded = !tools.is_empty() || !given.is_empty();
    let words = words_of_format(request.format.as_ref(), crowded, losses);
    let mut body = Vec::with_capacity(1024);
    json::object(&mut body, |body| {
        body.string("model", model);
        body.array("messages", |messages| {
            history::write(messages, request, words.as_deref(), &names, profile, losses);
        });
        if !given.is_empty() {
            body.array("documents", |array| {
                for block in given {
                    array.embed(|out| documents::write(out, block));
                }
            });
        }
        write_tools(body, request, &tools, profile, &names, losses);
        if words.is_none() {
            write_format(body, request.format.as_ref());
        }
        write_sampling(body, &request.sampling, profile, losses);
        write_thinking(body, request.thinking.as_ref(), profile, losses);
        if request.stream {
            body.bool("stream", true);
        }
        unknown::restore(OWN, &request.extras, body);
        unknown::note_lost(OWN, &request.extras, losses);
    });
    unasked::note(request, losses);
    Rendered {
        body,
        headers: Vec::new(),
        restore: Restore { names: names.into_restore(), ..Restore::functions(request) },
    }
}

/// The tools that the target is told of; a choice among them is made by leaving the others out.
fn tools<'r>(request: &'r Request, losses: &mut Losses) -> Vec<&'r Tool> {
    let mut tools = function_tools::of_client(request, losses);
    let wanted: Option<&[String]> = match &request.tool_choice {
        Some(ToolChoice::Tool(name)) => Some(std::slice::from_ref(name)),
        Some(ToolChoice::Allowed(names, _)) => Some(names),
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => None,
    };
    if let Some(wanted) = wanted
        && tools.iter().any(|tool| !wanted.contains(&tool.name))
    {
        losses.bent("tool_choice", "the other tools are left out");
        tools.retain(|tool| wanted.contains(&tool.name));
    }
    tools
}

fn write_tools(
    body: &mut Object<'_>,
    request: &Request,
    tools: &[&Tool],
    profile: &Profile,
    names: &Names,
    losses: &mut Losses,
) {
    let choice = match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Allowed(_, true)) => Some("REQUIRED"),
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Auto | ToolChoice::Allowed(_, false)) | None => None,
    };
    if tools.is_empty() {
        if choice == Some("REQUIRED") {
            losses.dropped("tool_choice", "there are no tools to choose from");
        }
        return;
    }
    function_tools::write(body, tools, |function, tool| {
        let schema = function_tools::parameters(tool, OWN, losses);
        function.string("name", names.sent(&tool.name));
        function.opt_string("description", free_text::description(tool).as_deref());
        function.raw("parameters", &schema);
    });
    let wanted = request.validated || tools.iter().all(|tool| tool.strict == Some(true));
    if wanted && tools.iter().all(|tool| can_be_strict(tool)) {
        body.bool("strict_tools", true);
    } else if wanted {
        losses.dropped("tools.strict", "a tool of which every argument may be left out is refused then");
    } else if tools.iter().any(|tool| tool.strict == Some(true)) {
        losses.dropped("tools.strict", "all tools are held to their schemas, or none");
    }
    if request.parallel_tools == Some(false) {
        losses.dropped("parallel_tool_calls", "the target takes no such wish");
    }
    match choice {
        Some(_) if profile.refuses.has(Param::ToolChoice) => {
            losses.dropped("tool_choice", "the target takes no choice of tools");
        }
        Some(word) => body.string("tool_choice", word),
        None => {}
    }
}

/// Whether a tool may be among those that are held to their schemas: one that takes arguments must
/// require one of them.
fn can_be_strict(tool: &Tool) -> bool {
    let Some(schema) = &tool.schema else { return true };
    let Ok(schema) = json::parse(schema.as_bytes()) else { return true };
    let takes = schema.field("properties").is_some_and(|named| !named.entries().is_empty());
    !takes || schema.field("required").is_some_and(|named| !named.elements().is_empty())
}

/// Whether a schema is of an object, which is all that can be demanded.
fn is_object(schema: &str) -> bool {
    let kind = |schema: &Json<'_>| schema.get("type").and_then(Json::as_str) == Some("object");
    json::parse(schema.as_bytes()).is_ok_and(|schema| kind(&schema))
}

/// What is said of a format in words where it cannot be demanded.
fn words_of_format(format: Option<&Format>, crowded: bool, losses: &mut Losses) -> Option<String> {
    let words = match format? {
        Format::Text => return None,
        Format::JsonObject if !crowded => return None,
        Format::JsonSchema { schema, .. } if !crowded && is_object(schema) => return None,
        Format::JsonObject => "Answer with one JSON object and nothing else.".to_owned(),
        Format::JsonSchema { schema, .. } => format!(
            "Answer with one JSON value and nothing else: no words around it, no code fence. \
             It must fit this JSON schema:\n{schema}"
        ),
    };
    losses.bent("response_format", "only asked for in words");
    Some(words)
}

fn write_format(body: &mut Object<'_>, format: Option<&Format>) {
    match format {
        Some(Format::JsonObject) => body.raw("response_format", r#"{"type":"json_object"}"#),
        Some(Format::JsonSchema { schema, .. }) => body.object("response_format", |object| {
            object.string("type", "json_object");
            object.raw("json_schema", schema);
        }),
        Some(Format::Text) => body.raw("response_format", r#"{"type":"text"}"#),
        None => {}
    }
}

fn write_sampling(body: &mut Object<'_>, sampling: &Sampling, profile: &Profile, losses: &mut Losses) {
    if let Some(wanted) = sampling.max_tokens {
        let most = profile.max_output.unwrap_or(u64::MAX);
        if wanted > most {
            losses.clamped("max_tokens", "the model cannot produce more");
        }
        body.number("max_tokens", wanted.min(most));
    }
    let mut within = |key: &'static str, of: &'static str, value: Option<f64>, least: f64, most: f64| {
        let Some(value) = value else { return };
        let taken = value.max(least).min(most);
        if (taken - value).abs() > f64::EPSILON {
            losses.clamped(of, "outside of what the target takes");
        }
        body.float(key, taken);
    };
    within("temperature", "temperature", sampling.temperature, 0.0, profile.max_temperature.unwrap_or(2.0));
    within("p", "top_p", sampling.top_p, 0.01, 0.99);
    within("frequency_penalty", "frequency_penalty", sampling.frequency_penalty, 0.0, 1.0);
    within("presence_penalty", "presence_penalty", sampling.presence_penalty, 0.0, 1.0);
    if let Some(top_k) = sampling.top_k {
        if top_k > 500 {
            losses.clamped("top_k", "the target takes at most 500");
        }
        body.number("k", top_k.min(500));
    }
    match sampling.seed {
        Some(seed) if seed < 0 => losses.dropped("seed", "the target takes none below 0"),
        Some(seed) => body.number("seed", seed),
        None => {}
    }
    if !sampling.stop.is_empty() {
        if sampling.stop.len() > 5 {
            losses.clamped("stop", "at most five");
        }
        body.array("stop_sequences", |list| sampling.stop.iter().take(5).for_each(|text| list.string(text)));
    }
    if sampling.top_logprobs.is_some_and(|alternatives| alternatives > 0) {
        losses.dropped("top_logprobs", "the target tells no alternatives");
    }
    body.opt_bool("logprobs", sampling.logprobs.or(sampling.top_logprobs.map(|_| true)));
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
        body.raw("thinking", r#"{"type":"disabled"}"#);
        return;
    }
    if thinking.visible == Some(false) {
        losses.dropped("reasoning.exclude", "the target cannot hide its thinking");
    }
    let from_effort = thinking.effort.map(budget_of_effort);
    if thinking.budget.is_none() && from_effort.is_some() {
        losses.bent("reasoning_effort", "said as a budget");
    }
    body.object("thinking", |object| {
        object.string("type", "enabled");
        object.opt_number("token_budget", thinking.budget.or(from_effort));
    });
}
