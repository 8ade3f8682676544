//! Tools and the choice among them, both ways.

use crate::catalog::profile::{Param, Profile, RequiredTool};
use crate::dialect::tool_names::Names;
use crate::dialect::{Malformed, closed_schema, free_text, tool_schema};
use crate::ir::{Content, Extras, Losses, Request, Service, Tool, ToolChoice, ToolKind, WebSearch};
use crate::wire::json::{Array, Json, Object};

use super::content::read;
use super::content::send::Marks;
use super::request::check::within;
use super::types::DIALECT;

/// Reads the `toolConfig` of a request. A cache point marks the tool before it.
pub(super) fn parse(config: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    if !config.is_object() {
        return Err(Malformed::new("", "expected an object with tools"));
    }
    let Some(tools) = config.field("tools").filter(|tools| tools.is_array()) else {
        return Err(Malformed::new("tools", "expected a list of tools"));
    };
    for (at, element) in tools.elements().iter().enumerate() {
        if let Some(point) = element.field("cachePoint") {
            if let Some(last) = request.tools.last_mut() {
                last.cache = Some(read::mark(point));
            }
            continue;
        }
        let tool = parse_tool(element).map_err(within(format_args!("tools[{at}]")))?;
        request.tools.push(tool);
    }
    if let Some(choice) = config.field("toolChoice") {
        request.tool_choice = Some(parse_choice(choice).map_err(within("toolChoice"))?);
    }
    let rest = read::extras(config, &["tools", "toolChoice"]);
    for extra in rest.all() {
        request.extras.push(DIALECT, &format!("{INSIDE}{}", extra.name), &extra.json);
    }
    Ok(())
}

/// Stands before the name of an extra that is a member of `toolConfig`.
pub(super) const INSIDE: &str = "toolConfig.";

fn parse_tool(json: &Json<'_>) -> Result<Tool, Malformed> {
    let Some(spec) = json.field("toolSpec") else {
        let Some((kind, inner)) = json.entries().iter().find(|(_, value)| value.is_object()) else {
            return Err(Malformed::new("", "expected an object with toolSpec"));
        };
        let name = inner.field("name").and_then(Json::as_str).unwrap_or(kind);
        return Ok(Tool {
            name: name.to_owned(),
            description: None,
            schema: None,
            strict: None,
            kind: ToolKind::Hosted {
                dialect: DIALECT,
                json: json.raw().to_owned(),
                service: service(name).map(Box::new),
            },
            cache: None,
            extras: Extras::NONE,
        });
    };
    let text = |key: &str| spec.field(key).and_then(Json::as_str);
    let Some(name) = text("name").filter(|name| !name.is_empty()) else {
        return Err(Malformed::new("toolSpec.name", "expected the name of the tool"));
    };
    let Some(schema) = spec.at(&["inputSchema", "json"]).filter(|schema| schema.is_object()) else {
        return Err(Malformed::new("toolSpec.inputSchema.json", "expected a JSON schema object"));
    };
    Ok(Tool {
        name: name.to_owned(),
        description: text("description").map(str::to_owned),
        schema: Some(schema.raw().to_owned()),
        strict: spec.field("strict").and_then(Json::as_bool),
        kind: ToolKind::Function,
        cache: None,
        extras: read::extras(spec, &["name", "description", "inputSchema", "strict"]),
    })
}

fn parse_choice(json: &Json<'_>) -> Result<ToolChoice, Malformed> {
    if json.field("auto").is_some() {
        return Ok(ToolChoice::Auto);
    }
    if json.field("any").is_some() {
        return Ok(ToolChoice::Required);
    }
    match json.at(&["tool", "name"]).and_then(Json::as_str) {
        Some(name) => Ok(ToolChoice::Tool(name.to_owned())),
        None => Err(Malformed::new("", "expected auto, any, or a tool with its name")),
    }
}

/// The name of the tool whose arguments are the structured answer.
pub(super) const ANSWER_TOOL: &str = "json_answer";

/// A structured answer that is asked for by way of a tool.
#[derive(Debug)]
pub(super) struct AnswerTool<'a> {
    /// What the schema describes.
    pub(super) description: Option<&'a str>,
    /// The schema as JSON text.
    pub(super) schema: &'a str,
}

/// How a wish for one call at a time is said: the service joins what it is told of a choice in two
/// places, and refuses to be told twice what kind it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    /// `toolConfig` says how freely tools are called.
    BesideChoice,
    /// Nothing else does.
    Alone,
}

/// What is said to a model that must know tools but may call none.
pub(super) const NO_CALLS: &str = "Do not call any tool; answer in words.";

/// The tools of one request to a target.
#[derive(Debug)]
pub(super) struct Toolbox<'a> {
    request: &'a Request,
    names: &'a Names,
    profile: &'a Profile,
    answer: Option<AnswerTool<'a>>,
    own: Vec<&'a Tool>,
    /// Tools that the history speaks of while the request brings none.
    stubs: Vec<&'a str>,
    /// Whether the model must be told in words to call none.
    pub(super) silenced: bool,
}

impl<'a> Toolbox<'a> {
    /// Gathers the tools that the target can be given. The API cannot be told to call none: then
    /// there are none, unless the history holds calls, with which there must be some.
    pub(super) fn new(
        request: &'a Request,
        names: &'a Names,
        profile: &'a Profile,
        answer: Option<AnswerTool<'a>>,
        losses: &mut Losses,
    ) -> Self {
        let refused = profile.refuses.has(Param::Tools);
        if refused && !request.tools.is_empty() {
            losses.dropped("tools", "the target takes no tools");
        }
        let called = called_tools(request);
        let none = request.tool_choice == Some(ToolChoice::None) && answer.is_none();
        let left_out = refused || (none && called.is_empty());
        if left_out && none && !request.tools.is_empty() {
            losses.bent("tools", "left out, since none may be called");
        }
        let own = request.tools.iter().filter(|tool| !left_out && is_sent(tool, request, losses));
        let mut toolbox =
            Self { request, names, profile, answer, own: own.collect(), stubs: Vec::new(), silenced: false };
        if toolbox.own.is_empty() && toolbox.answer.is_none() && !refused {
            toolbox.stubs = called;
        }
        if !toolbox.stubs.is_empty() {
            losses.bent("tools", "tools of the history are named to a target that must know them");
        }
        toolbox.silenced = (none && !toolbox.own.is_empty()) || !toolbox.stubs.is_empty();
        if none && toolbox.silenced {
            losses.bent("tool_choice", "asked for in words");
        }
        toolbox
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.stubs.is_empty() && self.answer.is_none()
    }

    /// Writes `toolConfig`, to a model that thinks within a budget and therefore is `free` to call
    /// none, or to another.
    pub(super) fn write(&self, free: bool, marks: &mut Marks, o: &mut Object<'_>, losses: &mut Losses) {
        let choice = self.choice(free, losses);
        if self.is_empty() {
            return;
        }
        o.object("toolConfig", |o| {
            o.array("tools", |a| {
                for tool in &self.own {
                    self.write_tool(tool, marks, a, losses);
                }
                for name in &self.stubs {
                    write_spec(self.names.sent(name), None, tool_schema::NO_ARGUMENTS, None, a);
                }
                if let Some(answer) = &self.answer {
                    let description = answer.description.unwrap_or(ANSWER_DESCRIPTION);
                    write_spec(ANSWER_TOOL, Some(description), answer.schema, None, a);
                }
            });
            match &choice {
                None | Some(ToolChoice::None) => {}
                Some(ToolChoice::Auto | ToolChoice::Allowed(_, false)) => {
                    o.object("toolChoice", |o| o.raw("auto", "{}"));
                }
                Some(ToolChoice::Required | ToolChoice::Allowed(_, true)) => {
                    o.object("toolChoice", |o| o.raw("any", "{}"));
                }
                Some(ToolChoice::Tool(name)) => o.object("toolChoice", |o| {
                    o.object("tool", |o| o.string("name", self.names.sent(name)));
                }),
            }
            for extra in self.request.extras.of(DIALECT) {
                if let Some(name) = extra.name.strip_prefix(INSIDE) {
                    o.raw(name, &extra.json);
                }
            }
        });
    }

    fn write_tool(&self, tool: &Tool, marks: &mut Marks, a: &mut Array<'_>, losses: &mut Losses) {
        if let ToolKind::Hosted { json, .. } = &tool.kind {
            a.raw(json);
        } else {
            self.write_function(tool, a, losses);
        }
        if tool.cache.is_some() && !self.profile.converse.cache_tools {
            losses.dropped("cache_control", "tools are not cached apart there");
            return;
        }
        marks.write(tool.cache, a, losses);
    }

    fn write_function(&self, tool: &Tool, a: &mut Array<'_>, losses: &mut Losses) {
        let strict = tool.strict.filter(|_| self.profile.strict_tools);
        if tool.strict == Some(true) && strict.is_none() {
            losses.dropped("tools.strict", "the target holds no tool to its schema");
        }
        let schema = match (&tool.kind, tool.schema.as_deref()) {
            (ToolKind::Custom(_), _) => {
                losses.bent("tools.custom", "free text is asked for as one argument");
                free_text::SCHEMA.to_owned()
            }
            (_, schema) => plain_schema(schema.unwrap_or(tool_schema::NO_ARGUMENTS), strict, losses),
        };
        for extra in tool.extras.foreign(DIALECT) {
            losses.dropped(format!("tools.{}", extra.name), "only its own dialect has it");
        }
        let description = free_text::description(tool);
        let description = description.as_deref().filter(|text| !text.is_empty());
        write_spec(self.names.sent(&tool.name), description, &schema, strict, a);
    }

    /// How a wish for one call at a time is said; none where there is no such wish, or no tool.
    pub(super) fn single(&self, free: bool, losses: &mut Losses) -> Option<Single> {
        let wished = self.request.parallel_tools == Some(false);
        let single = wished || self.request.takes_one_call() || self.answer.is_some();
        if !single || self.is_empty() || self.silenced {
            return None;
        }
        if self.profile.converse.thinks_in != crate::catalog::profile::ThinksIn::Thinking {
            if wished {
                losses.dropped("parallel_tool_calls", "the target does not take it");
            }
            return None;
        }
        let chosen = self.choice(free, &mut Losses::new()).is_some();
        Some(if chosen { Single::BesideChoice } else { Single::Alone })
    }

    /// The choice as this target can be told it.
    fn choice(&self, free: bool, losses: &mut Losses) -> Option<ToolChoice> {
        let asked = match &self.request.tool_choice {
            Some(ToolChoice::Allowed(_, required)) => {
                losses.bent("tool_choice.allowed_tools", "the other tools are left out");
                Some(if *required { ToolChoice::Required } else { ToolChoice::Auto })
            }
            asked => asked.clone(),
        };
        let wanted = match (&self.answer, asked) {
            (Some(_), Some(ToolChoice::Tool(name))) => Some(ToolChoice::Tool(name)),
            (Some(_), asked) if self.own.is_empty() || asked == Some(ToolChoice::None) => {
                Some(ToolChoice::Tool(ANSWER_TOOL.to_owned()))
            }
            (Some(_), _) => Some(ToolChoice::Required),
            (None, asked) => asked,
        };
        let wanted = wanted.filter(|wanted| *wanted != ToolChoice::None)?;
        let forced = wanted != ToolChoice::Auto;
        if self.is_empty() {
            if forced {
                losses.dropped("tool_choice", "there is no tool to choose");
            }
            return None;
        }
        if self.profile.refuses.has(Param::ToolChoice) {
            if forced {
                losses.bent("tool_choice", "the target cannot be forced to call a tool");
            }
            return None;
        }
        if forced && free {
            if self.answer.is_none() {
                losses.bent(
                    "tool_choice",
                    "a model that thinks within a budget cannot be forced to call a tool",
                );
            }
            return Some(ToolChoice::Auto);
        }
        match wanted {
            ToolChoice::Tool(_) if !self.profile.forced_tool => {
                losses.bent("tool_choice", "the target cannot be held to one tool");
                Some(self.any_tool())
            }
            ToolChoice::Required if self.any_tool() == ToolChoice::Auto => {
                losses.bent("tool_choice", "the target cannot be forced to call a tool");
                Some(ToolChoice::Auto)
            }
            wanted => Some(wanted),
        }
    }

    const fn any_tool(&self) -> ToolChoice {
        match self.profile.required_tool {
            RequiredTool::Unsupported => ToolChoice::Auto,
            RequiredTool::Required | RequiredTool::Any => ToolChoice::Required,
        }
    }
}

/// What the tool of a structured answer is for, where the client does not say.
const ANSWER_DESCRIPTION: &str = "Takes the final answer.";

fn write_spec(name: &str, description: Option<&str>, schema: &str, strict: Option<bool>, a: &mut Array<'_>) {
    a.object(|o| {
        o.object("toolSpec", |o| {
            o.string("name", name);
            o.opt_string("description", description);
            o.object("inputSchema", |o| o.raw("json", schema));
            o.opt_bool("strict", strict);
        });
    });
}

/// A schema as the API takes it: of an object, without a choice at its root, closed where the model
/// is to be held to it.
fn plain_schema(schema: &str, strict: Option<bool>, losses: &mut Losses) -> String {
    let flat = tool_schema::without_choice(schema);
    if flat.is_some() {
        losses.bent("tools.input_schema", "a choice at its root is told in words");
    }
    let schema = flat.as_deref().unwrap_or(schema);
    if strict == Some(true) {
        let cleaned = closed_schema::clean(schema);
        if cleaned.changed {
            losses.bent("tools.input_schema", "the target cannot hold to all of it");
        }
        return cleaned.json;
    }
    tool_schema::completed(schema).unwrap_or_else(|| schema.to_owned())
}

fn is_sent(tool: &Tool, request: &Request, losses: &mut Losses) -> bool {
    if let Some(ToolChoice::Allowed(allowed, _)) = &request.tool_choice
        && !allowed.contains(&tool.name)
    {
        return false;
    }
    let ToolKind::Hosted { dialect, .. } = &tool.kind else { return true };
    let known = *dialect == DIALECT;
    if !known {
        losses.dropped("tools.hosted", "only its own provider runs this tool");
    }
    known
}

/// What a tool of Nova's does, where others have one like it.
fn service(name: &str) -> Option<Service> {
    match name {
        "nova_grounding" => Some(Service::WebSearch(WebSearch::default())),
        "nova_code_interpreter" => Some(Service::CodeExecution),
        _ => None,
    }
}

/// The names of the tools that the history speaks of, each once.
fn called_tools(request: &Request) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for block in request.turns.iter().flat_map(|turn| &turn.blocks) {
        if let Content::ToolCall(call) = &block.content
            && !names.contains(&call.name.as_str())
        {
            names.push(&call.name);
        }
    }
    names
}
