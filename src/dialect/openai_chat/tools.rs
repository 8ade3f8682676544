//! Tools, the choice among them, and calls of them, both ways.

use crate::catalog::profile::{Profile, RequiredTool};
use crate::dialect::{Malformed, free_text, searching, tool_schema};
use crate::ir::{
    Block, Content, Dialect, Losses, Service, Signature, Tool, ToolCall, ToolChoice, ToolKind, unseal_id,
};
use crate::wire::json::{Array, Json, Object};

use super::extras::{self, Sent};
use super::types::{OWN, arguments, cache_mark, filled, write_cache_mark};
use crate::dialect::openai_names::Names;
use crate::dialect::place::Place;
use crate::dialect::tool_names::unmarked;

/// Reads `tools`.
pub(super) fn parse(value: &Json<'_>, at: Place<'_>) -> Result<Vec<Tool>, Malformed> {
    let tools = at.list(value)?.iter().enumerate();
    tools.map(|(index, tool)| parse_tool(tool, at.element(index))).collect()
}

fn parse_tool(value: &Json<'_>, at: Place<'_>) -> Result<Tool, Malformed> {
    at.object(value)?;
    let kind = match value.field("type") {
        Some(kind) => at.member("type").string(kind)?,
        None if value.field("function").is_some() => "function",
        None => return Err(at.member("type").missing()),
    };
    let mut tool = match kind {
        "function" => {
            let place = at.member("function");
            match value.field("function") {
                Some(function) => parse_function(function, place)?,
                // As OpenAI's other API has it, which some clients mix up.
                None if value.field("name").is_some() => return parse_function(value, at),
                None => return Err(place.missing()),
            }
        }
        "custom" => parse_custom(value, at)?,
        hosted => {
            return Ok(Tool {
                name: hosted.to_owned(),
                kind: ToolKind::Hosted { dialect: OWN, json: value.raw().to_owned(), service: None },
                ..blank()
            });
        }
    };
    tool.cache = tool.cache.or_else(|| cache_mark(value));
    extras::keep(value, &["type", kind, "cache_control"], "", &mut tool.extras);
    Ok(tool)
}

/// The name of the tool that stands for `web_search_options`.
const SEARCH: &str = "web_search_options";

/// Reads `web_search_options`, which are a tool of their own elsewhere.
pub(super) fn parse_search(options: &Json<'_>) -> Tool {
    let service = Some(Box::new(Service::WebSearch(searching::read(options))));
    Tool {
        name: SEARCH.to_owned(),
        kind: ToolKind::Hosted { dialect: OWN, json: options.raw().to_owned(), service },
        ..blank()
    }
}

/// The options of a search that a client of this dialect asked for.
pub(super) fn search_options(tool: &Tool) -> Option<&str> {
    match &tool.kind {
        ToolKind::Hosted { dialect: OWN, json, .. } if tool.name == SEARCH => Some(json),
        _ => None,
    }
}

const fn blank() -> Tool {
    Tool {
        name: String::new(),
        description: None,
        schema: None,
        strict: None,
        kind: ToolKind::Function,
        cache: None,
        extras: crate::ir::Extras::NONE,
    }
}

/// Reads a function's definition, as in `tools` or in the older `functions`.
fn parse_function(function: &Json<'_>, at: Place<'_>) -> Result<Tool, Malformed> {
    at.object(function)?;
    let mut tool = blank();
    at.required(function, "name")?.clone_into(&mut tool.name);
    for (key, value) in function.entries() {
        let place = at.member(key);
        match &**key {
            "name" => {}
            "type" if value.as_str() == Some("function") => {}
            _ if value.is_null() => {}
            "description" => tool.description = Some(place.owned(value)?),
            "parameters" => tool.schema = Some(place.object(value)?.raw().to_owned()),
            "strict" => tool.strict = Some(place.truth(value)?),
            "cache_control" => tool.cache = cache_mark(function),
            _ => extras::keep_one("function.", key, value, &mut tool.extras),
        }
    }
    Ok(tool)
}

fn parse_custom(value: &Json<'_>, at: Place<'_>) -> Result<Tool, Malformed> {
    let place = at.member("custom");
    let custom = value.field("custom").ok_or_else(|| place.missing())?;
    let description = custom.field("description");
    Ok(Tool {
        name: place.required(custom, "name")?.to_owned(),
        description: description.map(|text| place.member("description").owned(text)).transpose()?,
        kind: ToolKind::Custom(custom.field("format").map(|format| format.raw().to_owned())),
        ..blank()
    })
}

/// Reads the older `functions`.
pub(super) fn parse_functions(value: &Json<'_>, at: Place<'_>) -> Result<Vec<Tool>, Malformed> {
    let functions = at.list(value)?.iter().enumerate();
    let older = |tool| Tool { kind: ToolKind::Older, ..tool };
    functions.map(|(index, function)| parse_function(function, at.element(index)).map(older)).collect()
}

/// Reads `tool_choice` or the older `function_call`; `None` for a form only newer codecs know.
pub(super) fn parse_choice(value: &Json<'_>, at: Place<'_>) -> Result<Option<ToolChoice>, Malformed> {
    if let Some(word) = value.as_str() {
        return match word {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" | "any" => Ok(Some(ToolChoice::Required)),
            _ => Err(at.expected("'none', 'auto', 'required' or an object")),
        };
    }
    at.object(value)?;
    let kind = match value.field("type") {
        Some(kind) => at.member("type").string(kind)?,
        None if value.field("name").is_some() => {
            return Ok(Some(ToolChoice::Tool(at.required(value, "name")?.to_owned())));
        }
        None => "function",
    };
    match kind {
        "function" | "custom" => {
            let place = at.member(kind);
            let named = value.field(kind).ok_or_else(|| place.missing())?;
            Ok(Some(ToolChoice::Tool(place.required(named, "name")?.to_owned())))
        }
        "allowed_tools" => parse_allowed(value, at).map(Some),
        "auto" => Ok(Some(ToolChoice::Auto)),
        "none" => Ok(Some(ToolChoice::None)),
        "required" | "any" => Ok(Some(ToolChoice::Required)),
        _ => Ok(None),
    }
}

fn parse_allowed(value: &Json<'_>, at: Place<'_>) -> Result<ToolChoice, Malformed> {
    let place = at.member("allowed_tools");
    let allowed = value.field("allowed_tools").unwrap_or(value);
    let tools = place.member("tools");
    let list = allowed.field("tools").ok_or_else(|| tools.missing())?;
    let mut names = Vec::new();
    for (index, tool) in tools.list(list)?.iter().enumerate() {
        let named = tool.field("function").or_else(|| tool.field("custom"));
        let name = named.unwrap_or(tool).get("name").and_then(Json::as_str);
        let name = name.ok_or_else(|| tools.element(index).expected("a named tool"))?;
        names.push(name.to_owned());
    }
    let required = allowed.get("mode").and_then(Json::as_str) == Some("required");
    Ok(ToolChoice::Allowed(names, required))
}

/// Writes `tools` that are not hosted elsewhere; those that are, are lost.
pub(super) fn write(
    tools: &mut Array<'_>,
    list: &[&Tool],
    names: &Names,
    profile: &Profile,
    losses: &mut Losses,
) {
    for tool in list {
        match &tool.kind {
            ToolKind::Hosted { json, .. } => tools.raw(json),
            ToolKind::Custom(format) if profile.developer_role => tools.object(|object| {
                object.string("type", "custom");
                object.object("custom", |custom| {
                    custom.string("name", names.sent(&tool.name));
                    custom.opt_string("description", tool.description.as_deref());
                    custom.opt_raw("format", format.as_deref());
                });
            }),
            ToolKind::Custom(_) => {
                losses.bent("tools.custom", "said as a function with one text argument");
                write_function(tools, tool, free_text::SCHEMA, names, profile, losses);
            }
            ToolKind::Function | ToolKind::Older => {
                let schema = tool.schema.as_deref().unwrap_or(tool_schema::NO_ARGUMENTS);
                write_function(tools, tool, schema, names, profile, losses);
            }
        }
    }
}

/// Whether a target can be told of the tool; notes it when not.
pub(super) fn known(tool: &Tool, losses: &mut Losses) -> bool {
    let foreign = matches!(&tool.kind, ToolKind::Hosted { dialect, .. } if *dialect != OWN);
    if foreign {
        losses.dropped("tools.hosted", "the tool is run by another provider");
    }
    !foreign
}

fn write_function(
    tools: &mut Array<'_>,
    tool: &Tool,
    schema: &str,
    names: &Names,
    profile: &Profile,
    losses: &mut Losses,
) {
    let own = extras::takes_own(profile);
    extras::note_lost(&tool.extras, Sent::to(profile), losses);
    if tool.strict == Some(true) && !profile.strict_tools {
        losses.dropped("tools.strict", "the target does not hold tools to their schema");
    }
    if tool.cache.is_some() && !profile.cache_marks {
        losses.dropped("cache_control", "the target takes no cache marks");
    }
    // OpenAI takes no choice at a schema's root.
    let flat = if profile.extras { None } else { tool_schema::without_choice(schema) };
    if flat.is_some() {
        losses.bent("tools.function.parameters", "a choice at its root is told in words");
    }
    let schema = flat.as_deref().unwrap_or(schema);
    let bare = if profile.plain_schemas { tool_schema::bare(schema) } else { None };
    let schema = bare.as_deref().unwrap_or(schema);
    let completed = tool_schema::completed(schema);
    tools.object(|object| {
        object.string("type", "function");
        object.object("function", |function| {
            function.string("name", names.sent(&tool.name));
            function.opt_string("description", free_text::description(tool).as_deref());
            function.raw("parameters", completed.as_deref().unwrap_or(schema));
            if profile.strict_tools {
                function.opt_bool("strict", tool.strict);
            }
            if own {
                extras::restore(&tool.extras, "function.", function);
            }
        });
        if profile.cache_marks {
            write_cache_mark(object, tool.cache);
        }
        if own {
            extras::restore(&tool.extras, "", object);
        }
    });
}

/// Writes `tool_choice`. A list of allowed tools is cut out of `tools` itself by the caller
/// unless the target [`takes_allowed`].
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
        let custom = profile.developer_role && list.iter().any(custom);
        let kind = if custom { "custom" } else { "function" };
        object.string("type", kind);
        object.object(kind, |tool| tool.string("name", names.sent(name)));
    };
    match choice {
        ToolChoice::None => body.string("tool_choice", "none"),
        ToolChoice::Tool(name) if profile.forced_tool => {
            body.object("tool_choice", |object| named(object, name));
        }
        ToolChoice::Tool(_) => {
            losses.bent("tool_choice", "the target cannot be held to one tool");
            write_required(body, profile, losses);
        }
        ToolChoice::Allowed(allowed, required) if takes_allowed(profile) => {
            body.object("tool_choice", |object| {
                object.string("type", "allowed_tools");
                object.object("allowed_tools", |object| {
                    object.string("mode", if *required { "required" } else { "auto" });
                    object.array("tools", |tools| {
                        for name in allowed {
                            tools.object(|tool| named(tool, name));
                        }
                    });
                });
            });
        }
        ToolChoice::Required | ToolChoice::Allowed(_, true) => write_required(body, profile, losses),
        ToolChoice::Auto | ToolChoice::Allowed(_, false) => body.string("tool_choice", "auto"),
    }
}

/// Whether the target takes `allowed_tools`, which is OpenAI's own.
pub(super) const fn takes_allowed(profile: &Profile) -> bool {
    profile.developer_role
}

fn write_required(body: &mut Object<'_>, profile: &Profile, losses: &mut Losses) {
    match profile.required_tool {
        RequiredTool::Required => body.string("tool_choice", "required"),
        RequiredTool::Any => body.string("tool_choice", "any"),
        RequiredTool::Unsupported => {
            losses.dropped("tool_choice", "the target cannot be made to call a tool");
        }
    }
}

/// One element of `tool_calls`, in a message or a chunk.
#[derive(Debug, Default)]
pub(super) struct Call<'j> {
    /// The id without the seal that may ride on it; "" when there is none.
    pub id: &'j str,
    /// The tool's name.
    pub name: Option<&'j str>,
    /// The arguments, or the free text of a custom call.
    pub arguments: &'j str,
    /// Whether it calls a custom tool.
    pub custom: bool,
    /// The seal on the thought behind it.
    pub seal: Option<Signature>,
}

/// Reads an element of `tool_calls`, as far as it goes.
pub(super) fn call<'j>(value: &'j Json<'_>) -> Call<'j> {
    let id = value.get("id").and_then(Json::as_str).unwrap_or_default();
    let (id, riding) = unseal_id(id);
    let custom = value.field("custom");
    let body = custom.or_else(|| value.field("function"));
    let body = body.unwrap_or(value);
    let key = if custom.is_some() { "input" } else { "arguments" };
    Call {
        id,
        name: filled(body.get("name").and_then(Json::as_str)).map(unmarked),
        arguments: body.field(key).map(text_or_raw).unwrap_or_default(),
        custom: custom.is_some(),
        seal: seal(value).or(riding),
    }
}

/// Some vendors and clients give arguments as the object itself.
fn text_or_raw<'j>(value: &'j Json<'_>) -> &'j str {
    value.as_str().unwrap_or_else(|| value.raw())
}

/// Gemini's seal on a call or a message, in the places where its own and others' services put it.
pub(super) fn seal(value: &Json<'_>) -> Option<Signature> {
    let places: [&[&str]; 2] = [
        &["extra_content", "google", "thought_signature"],
        &["provider_specific_fields", "thought_signature"],
    ];
    let mut found = places.iter().filter_map(|path| filled(value.at(path).and_then(Json::as_str)));
    let text = found.next()?;
    Some(Signature::read(Dialect::GeminiGenerate, text))
}

/// Writes the seal of a call or a message where [`seal`] finds it.
pub(super) fn write_seal(object: &mut Object<'_>, seal: &Signature) {
    object.object("extra_content", |extra| {
        extra.object("google", |google| {
            let value = seal.carried_by(Dialect::GeminiGenerate);
            google.string("thought_signature", &value);
        });
    });
}

/// The members of a call that [`call`] reads, and the number that clients copy from streams.
const CALL_MEMBERS: [&str; 7] =
    ["id", "type", "function", "custom", "index", "extra_content", "provider_specific_fields"];

/// A whole call as a block.
pub(super) fn call_block(value: &Json<'_>) -> Option<Block> {
    let call = call(value);
    let (text, kind) = if call.custom {
        (call.arguments, ToolKind::Custom(None))
    } else {
        (arguments(call.arguments), ToolKind::Function)
    };
    let mut block = Block::new(Content::ToolCall(ToolCall {
        id: call.id.to_owned(),
        name: call.name?.to_owned(),
        arguments: text.to_owned(),
        kind,
    }));
    block.signature = call.seal;
    extras::keep_compact(value, &CALL_MEMBERS, "", &mut block.extras);
    Some(block)
}

/// Writes a call in the older form; the clients that know no other know no more than one.
pub(super) fn write_older_call(
    message: &mut Object<'_>,
    name: Option<&str>,
    text: &str,
    seal: Option<&Signature>,
) {
    message.object("function_call", |call| {
        call.opt_string("name", name);
        call.string("arguments", text);
        if let Some(seal) = seal {
            write_seal(call, seal);
        }
    });
}

/// Notes a call that has no place in the older form.
pub(super) fn note_second_call(losses: &mut Losses) {
    losses.dropped("tool_calls", "an answer with function_call holds one call");
}

/// Writes the members of a call after its id.
pub(super) fn write_call(object: &mut Object<'_>, name: &str, text: &str, kind: &ToolKind) {
    if let ToolKind::Custom(_) = kind {
        object.string("type", "custom");
        object.object("custom", |custom| {
            custom.string("name", name);
            custom.string("input", text);
        });
    } else {
        object.string("type", "function");
        object.object("function", |function| {
            function.string("name", name);
            function.string("arguments", text);
        });
    }
}
