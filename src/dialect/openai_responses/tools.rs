//! Tools and the choice among them, both ways.

use crate::catalog::profile::Profile;
use crate::dialect::openai_names::Names;
use crate::dialect::place::Place;
use crate::dialect::{Malformed, free_text, searching, tool_schema};
use crate::ir::{Breadth, Extras, Losses, Service, Tool, ToolChoice, ToolKind};
use crate::wire::json::{self, Array, Json, Object};

use super::types::{OWN, kind, text};
use super::{extras, namespace};

/// Stands in a tool's extras where its definition did not say whether it is strict, which here is
/// another thing than saying that it is not.
const UNSAID: &str = "@strict";

/// Reads `tools`.
pub(super) fn parse(value: &Json<'_>, at: Place<'_>) -> Result<Vec<Tool>, Malformed> {
    let mut tools = Vec::new();
    for (index, tool) in at.list(value)?.iter().enumerate() {
        let place = at.element(index);
        if kind(tool) == "namespace" {
            namespace::parse(tool, place, parse_tool, &mut tools)?;
        } else {
            tools.push(parse_tool(tool, place)?);
        }
    }
    Ok(tools)
}

fn parse_tool(value: &Json<'_>, at: Place<'_>) -> Result<Tool, Malformed> {
    at.object(value)?;
    match at.required(value, "type")? {
        "function" => {
            // As chat completions have it, which some clients mix up.
            let inner = value.field("function").filter(|_| value.field("name").is_none());
            parse_function(inner.unwrap_or(value), at)
        }
        "custom" => parse_custom(value, at),
        hosted => Ok(Tool {
            kind: ToolKind::Hosted {
                dialect: OWN,
                json: value.raw().to_owned(),
                service: service(hosted, value).map(Box::new),
            },
            ..blank(hosted)
        }),
    }
}

/// What a tool does that OpenAI runs, where others have one like it.
fn service(hosted: &str, tool: &Json<'_>) -> Option<Service> {
    match hosted {
        "code_interpreter" => Some(Service::CodeExecution),
        _ if hosted.starts_with("web_search") => Some(Service::WebSearch(searching::read(tool))),
        _ => None,
    }
}

fn blank(name: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        schema: None,
        strict: None,
        kind: ToolKind::Function,
        cache: None,
        extras: Extras::NONE,
    }
}

fn parse_function(function: &Json<'_>, at: Place<'_>) -> Result<Tool, Malformed> {
    let mut tool = blank(at.required(function, "name")?);
    for (key, value) in function.entries() {
        let place = at.member(key);
        match &**key {
            "name" | "type" => {}
            _ if value.is_null() => {}
            "description" => tool.description = Some(place.owned(value)?),
            "parameters" => tool.schema = Some(place.object(value)?.raw().to_owned()),
            "strict" => tool.strict = Some(place.truth(value)?),
            _ => extras::keep(key, value, &mut tool.extras),
        }
    }
    if tool.strict.is_none() {
        extras::keep_moot(UNSAID, "null", &mut tool.extras);
    }
    Ok(tool)
}

fn parse_custom(value: &Json<'_>, at: Place<'_>) -> Result<Tool, Malformed> {
    let name = at.required(value, "name")?;
    let description = value.field("description");
    let description = description.map(|text| at.member("description").owned(text)).transpose()?;
    let mut tool =
        Tool { description, kind: ToolKind::Custom(value.field("format").map(nested)), ..blank(name) };
    extras::keep_all(value, &["type", "name", "description", "format"], &[], &mut tool.extras);
    Ok(tool)
}

/// A grammar in the hub's form, which has an object of its own around it.
fn nested(format: &Json<'_>) -> String {
    if kind(format) != "grammar" || format.field("grammar").is_some() {
        return format.raw().to_owned();
    }
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        object.string("type", "grammar");
        object.object("grammar", |grammar| {
            for (key, value) in format.entries().iter().filter(|(key, _)| key != "type") {
                grammar.raw(key, value.raw());
            }
        });
    });
    String::from_utf8(out).unwrap_or_default()
}

/// The same without that object, as this dialect has it.
fn flat(format: &str) -> String {
    let Ok(format) = json::parse(format.as_bytes()) else { return "null".to_owned() };
    let Some(grammar) = format.field("grammar") else { return format.raw().to_owned() };
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        object.string("type", "grammar");
        for (key, value) in grammar.entries() {
            object.raw(key, value.raw());
        }
    });
    String::from_utf8(out).unwrap_or_default()
}

/// Reads `tool_choice`; `None` for one of hosted tools, which only this dialect knows.
pub(super) fn parse_choice(value: &Json<'_>, at: Place<'_>) -> Result<Option<ToolChoice>, Malformed> {
    if let Some(word) = value.as_str() {
        return match word {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => Err(at.expected("'none', 'auto', 'required' or an object")),
        };
    }
    at.object(value)?;
    match at.required(value, "type")? {
        "function" | "custom" => {
            // As chat completions have it, which some clients mix up.
            let inner = value.field(kind(value)).unwrap_or(value);
            at.required(inner, "name")?;
            Ok(Some(ToolChoice::Tool(namespace::called(inner))))
        }
        "allowed_tools" => {
            let place = at.member("tools");
            let list = place.list(value.field("tools").ok_or_else(|| place.missing())?)?;
            if list.iter().any(|tool| !matches!(kind(tool), "function" | "custom")) {
                return Ok(None);
            }
            let names = list.iter().map(namespace::called).collect();
            Ok(Some(ToolChoice::Allowed(names, text(value, "mode") == "required")))
        }
        _ => Ok(None),
    }
}

/// Whether a target can be told of the tool; notes it when not.
pub(super) fn known(tool: &Tool, profile: &Profile, losses: &mut Losses) -> bool {
    let ToolKind::Hosted { dialect, service, .. } = &tool.kind else { return true };
    let known = *dialect == OWN
        || match service.as_deref() {
            // OpenAI's own service has these tools; who else speaks the dialect need not.
            Some(Service::WebSearch(_) | Service::CodeExecution) => takes_custom(profile),
            Some(Service::WebFetch) | None => false,
        };
    if !known {
        losses.dropped("tools.hosted", "the tool is run by another provider");
    }
    known
}

/// Says another provider's tool as OpenAI's own of that kind.
fn write_service(service: &Service, tools: &mut Array<'_>, losses: &mut Losses) {
    let search = match service {
        Service::WebSearch(search) => search,
        Service::CodeExecution => {
            losses.bent("tools.hosted", "the provider's own tool of that kind");
            tools.object(|tool| {
                tool.string("type", "code_interpreter");
                tool.object("container", |container| container.string("type", "auto"));
            });
            return;
        }
        Service::WebFetch => return,
    };
    losses.bent("tools.hosted", "the provider's own tool of that kind");
    if search.most.is_some() {
        losses.dropped("tools.max_uses", "searches cannot be limited by themselves");
    }
    if !search.never.is_empty() {
        losses.dropped("tools.blocked_domains", "domains can only be allowed");
    }
    tools.object(|tool| {
        tool.string("type", "web_search");
        if !search.only.is_empty() {
            tool.object("filters", |filters| {
                filters.array("allowed_domains", |domains| {
                    search.only.iter().for_each(|domain| domains.string(domain));
                });
            });
        }
        let breadth = search.breadth.map(|breadth| match breadth {
            Breadth::Low => "low",
            Breadth::Medium => "medium",
            Breadth::High => "high",
        });
        tool.opt_string("search_context_size", breadth);
        searching::write_near(search, tool);
    });
}

/// Writes tools that are [`known`].
pub(super) fn write(
    tools: &mut Array<'_>,
    list: &[&Tool],
    names: &Names,
    profile: &Profile,
    losses: &mut Losses,
) {
    let mut list = list;
    while let Some((tool, rest)) = list.split_first() {
        let Some(space) = namespace::space(&tool.extras).filter(|_| takes_custom(profile)) else {
            write_tool(tools, tool, names.sent(&tool.name), profile, losses);
            list = rest;
            continue;
        };
        let of_it = |tool: &&&Tool| namespace::space(&tool.extras) == Some(space);
        let (within, rest) = list.split_at(list.iter().take_while(of_it).count());
        list = rest;
        let Ok(head) = json::parse(space.as_bytes()) else { continue };
        tools.object(|object| {
            for (key, value) in head.entries() {
                object.raw(key, value.raw());
            }
            object.array("tools", |tools| {
                for tool in within {
                    let name = namespace::name(&tool.extras).unwrap_or_default();
                    write_tool(tools, tool, &name, profile, losses);
                }
            });
        });
    }
}

fn write_tool(tools: &mut Array<'_>, tool: &Tool, name: &str, profile: &Profile, losses: &mut Losses) {
    match &tool.kind {
        ToolKind::Hosted { dialect: OWN, json, .. } => tools.raw(json),
        ToolKind::Hosted { service, .. } => {
            if let Some(service) = service {
                write_service(service, tools, losses);
            }
        }
        ToolKind::Custom(format) if takes_custom(profile) => {
            extras::note_lost(&tool.extras, losses);
            tools.object(|object| {
                object.string("type", "custom");
                object.string("name", name);
                object.opt_string("description", tool.description.as_deref());
                object.opt_raw("format", format.as_deref().map(flat).as_deref());
                extras::restore(&tool.extras, object);
            });
        }
        ToolKind::Custom(_) => {
            losses.bent("tools.custom", "said as a function with one text argument");
            write_function(tools, tool, free_text::SCHEMA, name, profile, losses);
        }
        ToolKind::Function | ToolKind::Older => {
            let schema = tool.schema.as_deref().unwrap_or(tool_schema::NO_ARGUMENTS);
            write_function(tools, tool, schema, name, profile, losses);
        }
    }
}

/// Whether the target takes tools of free text, which are OpenAI's own.
pub(super) const fn takes_custom(profile: &Profile) -> bool {
    profile.developer_role
}

fn write_function(
    tools: &mut Array<'_>,
    tool: &Tool,
    schema: &str,
    name: &str,
    profile: &Profile,
    losses: &mut Losses,
) {
    extras::note_lost(&tool.extras, losses);
    if tool.cache.is_some() {
        losses.dropped("cache_control", "the target takes no cache marks");
    }
    // OpenAI takes no choice at a schema's root.
    let flat = if profile.extras { None } else { tool_schema::without_choice(schema) };
    if flat.is_some() {
        losses.bent("tools.function.parameters", "a choice at its root is told in words");
    }
    let schema = flat.as_deref().unwrap_or(schema);
    let completed = tool_schema::completed(schema);
    tools.object(|object| {
        object.string("type", "function");
        object.string("name", name);
        object.opt_string("description", free_text::description(tool).as_deref());
        object.raw("parameters", completed.as_deref().unwrap_or(schema));
        // What is not said is made strict here, as far as the schema lets it.
        let unsaid = extras::moot(&tool.extras, UNSAID).is_some();
        object.opt_bool("strict", tool.strict.or((!unsaid).then_some(false)));
        extras::restore(&tool.extras, object);
    });
}

/// Writes `tool_choice`.
pub(super) fn write_choice(
    body: &mut Object<'_>,
    choice: &ToolChoice,
    list: &[&Tool],
    names: &Names,
    profile: &Profile,
    losses: &mut Losses,
) {
    let named = |object: &mut Object<'_>, name: &str| {
        let custom = |tool: &&Tool| tool.name == name && matches!(tool.kind, ToolKind::Custom(_));
        let custom = takes_custom(profile) && list.iter().any(custom);
        object.string("type", if custom { "custom" } else { "function" });
        let spaced = list.iter().find(|tool| tool.name == name && takes_custom(profile));
        let space = spaced.and_then(|tool| namespace::space(&tool.extras));
        match (space.map(str::as_bytes).map(json::parse), spaced) {
            (Some(Ok(space)), Some(tool)) => {
                object.string("name", &namespace::name(&tool.extras).unwrap_or_default());
                object.string("namespace", text(&space, "name"));
            }
            _ => object.string("name", names.sent(name)),
        }
    };
    match choice {
        ToolChoice::None => body.string("tool_choice", "none"),
        ToolChoice::Tool(name) if profile.forced_tool => {
            body.object("tool_choice", |object| named(object, name));
        }
        ToolChoice::Tool(_) => {
            losses.bent("tool_choice", "the target cannot be held to one tool");
            body.string("tool_choice", "required");
        }
        ToolChoice::Allowed(allowed, required) if takes_allowed(profile) => {
            body.object("tool_choice", |object| {
                object.string("type", "allowed_tools");
                object.string("mode", if *required { "required" } else { "auto" });
                object.array("tools", |tools| {
                    for name in allowed {
                        tools.object(|tool| named(tool, name));
                    }
                });
            })
        }
        ToolChoice::Required | ToolChoice::Allowed(_, true) => body.string("tool_choice", "required"),
        ToolChoice::Auto | ToolChoice::Allowed(_, false) => body.string("tool_choice", "auto"),
    }
}

/// Whether the target takes `allowed_tools`, which is OpenAI's own; elsewhere the other tools are left
/// out.
pub(super) const fn takes_allowed(profile: &Profile) -> bool {
    profile.developer_role
}
