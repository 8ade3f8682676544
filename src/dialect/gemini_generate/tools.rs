//! Tools, and how freely they may be called.

use super::case;
use super::names::Names;
use super::schema::{self, Ordering};
use super::types::{self, DIALECT};
use crate::catalog::profile::{Param, Profile};
use crate::dialect::{Malformed, free_text};
use crate::ir::{Extras, Losses, Request, Service, Tool, ToolChoice, ToolKind, WebSearch};
use crate::wire::json::{self, Array, Json, Object};

/// The tool whose arguments are the structured answer, where the target cannot be held to a
/// schema while it has tools.
pub(super) const ANSWER: &str = "json_answer";

/// Whoever else can hold calls to their schemas is told so tool by tool.
const MODE: &str = "moot:toolConfig.functionCallingConfig.mode";

/// Reads `tools`.
pub(super) fn parse(json: &Json<'_>) -> Result<Vec<Tool>, Malformed> {
    let mut tools = Vec::new();
    for (at, group) in case::list(json, "tools")?.iter().enumerate() {
        for (name, value) in case::fields(group) {
            if name != "functionDeclarations" {
                tools.push(hosted(&name, value));
                continue;
            }
            let list =
                case::list(value, "functionDeclarations").map_err(case::within(format!("tools[{at}]")))?;
            for (number, declaration) in list.iter().enumerate() {
                let place = || format!("tools[{at}].functionDeclarations[{number}]");
                tools.push(function(declaration).map_err(|flaw| case::within(place())(flaw))?);
            }
        }
    }
    Ok(tools)
}

fn hosted(name: &str, value: &Json<'_>) -> Tool {
    let json = format!("{{{}:{}}}", json::string(name), case::compact(value));
    let service = match name {
        "googleSearch" | "googleSearchRetrieval" => {
            let never = case::field(value, "excludeDomains").map(Json::elements).unwrap_or_default();
            let never = never.iter().filter_map(Json::as_str).map(str::to_owned).collect();
            Some(Service::WebSearch(WebSearch { never, ..WebSearch::default() }))
        }
        "urlContext" => Some(Service::WebFetch),
        "codeExecution" => Some(Service::CodeExecution),
        _ => None,
    };
    blank(name.to_owned(), ToolKind::Hosted { dialect: DIALECT, json, service: service.map(Box::new) })
}

const fn blank(name: String, kind: ToolKind) -> Tool {
    Tool { name, description: None, schema: None, strict: None, kind, cache: None, extras: Extras::NONE }
}

fn function(json: &Json<'_>) -> Result<Tool, Malformed> {
    let mut tool = blank(String::new(), ToolKind::Function);
    let mut plain = None;
    for (name, value) in case::fields(json) {
        match &*name {
            "name" => tool.name = case::string(value, "name")?,
            "description" => tool.description = Some(case::string(value, "description")?),
            "parameters" => tool.schema = Some(schema::to_json_schema(case::object(value, "parameters")?)),
            "parametersJsonSchema" => plain = Some(case::object(value, &name)?.raw().to_owned()),
            _ => tool.extras.push(DIALECT, &name, &case::compact(value)),
        }
    }
    if tool.name.is_empty() {
        return Err(Malformed::new("name", "the function's name must be given"));
    }
    tool.schema = plain.or(tool.schema);
    Ok(tool)
}

/// Reads `toolConfig`.
pub(super) fn parse_config(json: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    for (name, value) in case::fields(case::object(json, "toolConfig")?) {
        if name == "functionCallingConfig" {
            parse_choice(value, request).map_err(case::within("toolConfig.functionCallingConfig"))?;
        } else {
            request.extras.push(DIALECT, &format!("toolConfig.{name}"), &case::compact(value));
        }
    }
    Ok(())
}

fn parse_choice(json: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    let mut mode = "";
    let mut names = Vec::new();
    for (name, value) in case::fields(case::object(json, "")?) {
        match &*name {
            "mode" => {
                let word = value.as_str();
                mode = word.ok_or_else(|| Malformed::new("mode", "expected a string"))?;
            }
            "allowedFunctionNames" => names = case::strings(value, &name)?,
            _ => {
                let name = format!("toolConfig.functionCallingConfig.{name}");
                request.extras.push(DIALECT, &name, &case::compact(value));
            }
        }
    }
    // With names it is said to limit the model to some functions and yet not to force it.
    request.validated = mode.eq_ignore_ascii_case("VALIDATED") && names.is_empty();
    if request.validated {
        request.extras.push(DIALECT, MODE, "\"VALIDATED\"");
    }
    let choice = types::choice(mode, names);
    let choice = choice.ok_or_else(|| Malformed::new("mode", "expected AUTO, ANY, NONE or VALIDATED"))?;
    request.tool_choice = Some(choice);
    Ok(())
}

/// What the structured answer needs of the tools.
pub(super) struct Answer<'r> {
    /// The schema of the answer.
    pub(super) schema: &'r str,
    /// What it is.
    pub(super) description: Option<&'r str>,
}

/// Adds `tools` and `toolConfig`.
pub(super) fn write(
    o: &mut Object<'_>,
    request: &Request,
    answer: Option<&Answer<'_>>,
    names: &mut Names,
    profile: &Profile,
    losses: &mut Losses,
) {
    let refused = profile.refuses.has(Param::Tools);
    if refused && !request.tools.is_empty() {
        losses.dropped("tools", "the model takes none");
    }
    let tools: &[Tool] = if refused { &[] } else { &request.tools };
    let mut functions: Vec<&Tool> = Vec::with_capacity(tools.len());
    let mut rest = Vec::new();
    for tool in tools {
        match &tool.kind {
            ToolKind::Function | ToolKind::Older => functions.push(tool),
            ToolKind::Custom(_) => {
                losses.bent("tools.custom", "free text is asked for as one argument");
                functions.push(tool);
            }
            ToolKind::Hosted { .. } => rest.push(tool),
        }
    }
    let declares = !functions.is_empty() || answer.is_some();
    let rest: Vec<String> =
        rest.into_iter().filter_map(|tool| hosted_json(tool, declares, profile, losses)).collect();
    if declares || !rest.is_empty() {
        o.array("tools", |a| {
            if declares {
                a.object(|o| {
                    o.array("functionDeclarations", |a| {
                        for tool in &functions {
                            write_function(a, tool, names, profile, losses);
                        }
                        write_answer_tool(a, answer, profile, losses);
                    });
                });
            }
            for json in &rest {
                a.raw(json);
            }
        });
    }
    let user = if functions.is_empty() { User::NoFunctions } else { User::Functions };
    let mixed = declares && !rest.is_empty() && profile.requires_signature;
    let mix = if mixed { Mix::Both } else { Mix::One };
    let declared = Declared { answers: answer.is_some(), user, mix };
    write_config(o, request, declared, names, profile, losses);
}

fn write_function(a: &mut Array<'_>, tool: &Tool, names: &mut Names, profile: &Profile, losses: &mut Losses) {
    if tool.strict == Some(true) {
        losses.dropped("tools.strict", "functions cannot be held to their schema one by one");
    }
    if tool.cache.is_some() {
        losses.dropped("cache_control", "prompts are cached without marks");
    }
    a.object(|o| {
        o.string("name", &names.clean(&tool.name));
        o.opt_string("description", free_text::description(tool).as_deref().filter(|text| !text.is_empty()));
        let free = matches!(tool.kind, ToolKind::Custom(_)).then_some(free_text::SCHEMA);
        if let Some(schema) = free.or(tool.schema.as_deref()) {
            write_parameters(o, schema, profile, losses);
        }
        for extra in tool.extras.of(DIALECT) {
            o.raw(&extra.name, &extra.json);
        }
        for extra in tool.extras.foreign(DIALECT) {
            losses.dropped(format!("tools.{}", extra.name), "not known to this dialect");
        }
    });
}

fn write_parameters(o: &mut Object<'_>, schema: &str, profile: &Profile, losses: &mut Losses) {
    let Ok(tree) = json::parse(schema.as_bytes()) else { return };
    // An empty schema says no more than none.
    if tree.entries().is_empty() {
        return;
    }
    if profile.json_schema {
        o.embed("parametersJsonSchema", |out| schema::write_plain(out, schema));
    } else if let Some(subset) = schema::write_subset(&tree, Ordering::Left, "tools.parameters", losses) {
        o.embed("parameters", |out| out.extend_from_slice(&subset));
    }
}

fn write_answer_tool(a: &mut Array<'_>, answer: Option<&Answer<'_>>, profile: &Profile, losses: &mut Losses) {
    let Some(answer) = answer else { return };
    a.object(|o| {
        o.string("name", ANSWER);
        let about = answer.description.unwrap_or("Gives the final answer in the form asked for.");
        o.string("description", about);
        write_parameters(o, answer.schema, profile, losses);
    });
}

/// A tool that the provider runs: its own as it is, another's where there is one like it.
fn hosted_json(tool: &Tool, declares: bool, profile: &Profile, losses: &mut Losses) -> Option<String> {
    let ToolKind::Hosted { dialect, json, service } = &tool.kind else { return None };
    if *dialect == DIALECT {
        return Some(json.clone());
    }
    let alike = service.as_deref().map(|service| match service {
        Service::WebSearch(_) => r#"{"googleSearch":{}}"#,
        Service::WebFetch => r#"{"urlContext":{}}"#,
        Service::CodeExecution => r#"{"codeExecution":{}}"#,
    });
    match alike {
        // Before Gemini 3, functions and the provider's own tools exclude one another.
        Some(json) if !declares || profile.requires_signature => {
            losses.bent(format!("tools.{}", tool.name), "the provider's own tool of that kind");
            Some(json.to_owned())
        }
        _ => {
            losses.dropped(format!("tools.{}", tool.name), "the provider runs no such tool");
            None
        }
    }
}

/// Whether the client's own request declares functions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    Functions,
    NoFunctions,
}

/// What stands in `tools`.
#[derive(Clone, Copy)]
struct Declared {
    /// Whether the answer is asked for as a tool.
    answers: bool,
    user: User,
    mix: Mix,
}

/// Whether functions stand beside tools that the provider runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mix {
    Both,
    One,
}

/// Without this Gemini 3 refuses a mix of tools (<https://ai.google.dev/gemini-api/docs/tool-combination>,
/// seen 2026-11); with it, calls of functions are validated by default and may not be `AUTO`.
const MIXES: &str = "includeServerSideToolInvocations";

fn write_config(
    o: &mut Object<'_>,
    request: &Request,
    declared: Declared,
    names: &mut Names,
    profile: &Profile,
    losses: &mut Losses,
) {
    let Declared { user, mix, .. } = declared;
    if request.parallel_tools == Some(false) && user == User::Functions {
        losses.dropped("parallel_tool_calls", "the model calls as many at once as it likes");
    }
    let choice = choice(request, declared, profile, losses);
    let choice = choice.filter(|choice| mix == Mix::One || *choice != ToolChoice::Auto);
    let own: Vec<_> = request
        .extras
        .of(DIALECT)
        .filter_map(|extra| Some((extra.name.strip_prefix("toolConfig.")?, extra.json.as_str())))
        .collect();
    let must_mix = mix == Mix::Both && !own.iter().any(|(name, _)| *name == MIXES);
    if choice.is_none() && own.is_empty() && !must_mix {
        return;
    }
    let inner = |name: &str| name.strip_prefix("functionCallingConfig.").map(str::to_owned);
    o.object("toolConfig", |o| {
        if choice.is_some() || own.iter().any(|(name, _)| inner(name).is_some()) {
            o.object("functionCallingConfig", |o| {
                let native = request.extras.json(DIALECT, MODE);
                if let Some(choice) = &choice {
                    match native.filter(|_| *choice == ToolChoice::Auto) {
                        Some(mode) => o.raw("mode", mode),
                        None => o.string("mode", types::choice_mode(choice)),
                    }
                    write_allowed(o, choice, names);
                }
                for (name, json) in own.iter().filter_map(|(name, json)| Some((inner(name)?, json))) {
                    if name != "mode" {
                        o.raw(&name, json);
                    }
                }
            });
        }
        for (name, json) in own.iter().filter(|(name, _)| inner(name).is_none()) {
            o.raw(name, json);
        }
        if must_mix {
            o.bool(MIXES, true);
        }
    });
}

fn write_allowed(o: &mut Object<'_>, choice: &ToolChoice, names: &mut Names) {
    let allowed = match choice {
        ToolChoice::Tool(name) => std::slice::from_ref(name),
        ToolChoice::Allowed(allowed, _) => allowed.as_slice(),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => return,
    };
    o.array("allowedFunctionNames", |a| {
        for name in allowed {
            a.string(&names.clean(name));
        }
    });
}

fn choice(
    request: &Request,
    declared: Declared,
    profile: &Profile,
    losses: &mut Losses,
) -> Option<ToolChoice> {
    let Declared { answers, user, .. } = declared;
    let asked = request.tool_choice.as_ref();
    let forced =
        matches!(asked, Some(ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Allowed(_, true)));
    if answers {
        return Some(match (user, asked) {
            (User::Functions, Some(ToolChoice::Tool(_) | ToolChoice::Allowed(_, true))) => asked.cloned()?,
            (User::NoFunctions, _) | (_, Some(ToolChoice::None)) => ToolChoice::Tool(ANSWER.to_owned()),
            // Either a tool of the client's or the answer.
            (User::Functions, _) => ToolChoice::Required,
        });
    }
    if user == User::NoFunctions {
        if forced {
            losses.dropped("tool_choice", "there is no function to call");
        }
        return None;
    }
    if forced && profile.refuses.has(Param::ToolChoice) {
        losses.bent("tool_choice", "the model cannot be made to call a tool");
        return Some(ToolChoice::Auto);
    }
    if forced && !profile.forced_tool && asked != Some(&ToolChoice::Required) {
        losses.bent("tool_choice", "the model cannot be made to call a certain tool");
        return Some(ToolChoice::Required);
    }
    asked.cloned()
}
