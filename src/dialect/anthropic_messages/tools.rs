//! Tools and the choice among them, both ways.

use crate::catalog::profile::{Param, Profile, RequiredTool};
use crate::dialect::tool_names::Names;
use crate::dialect::{Malformed, closed_schema, free_text, tool_schema};
use crate::ir::{Content, Extras, Losses, Request, Tool, ToolChoice, ToolKind};
use crate::wire::json::{Array, Json, Object};
use crate::wire::lens;

use super::client_run;
use super::content::read;
use super::content::send::{Marks, extra_members};
use super::request::check::within;
use super::services;
use super::types::DIALECT;

/// Reads the `tools` of a request.
pub(super) fn parse(json: &Json<'_>) -> Result<Vec<Tool>, Malformed> {
    if !json.is_array() {
        return Err(Malformed::new("tools", "expected a list of tools"));
    }
    let tools = json.elements().iter().enumerate();
    tools.map(|(at, tool)| parse_tool(tool).map_err(within(format_args!("tools[{at}]")))).collect()
}

fn parse_tool(json: &Json<'_>) -> Result<Tool, Malformed> {
    if !json.is_object() {
        return Err(Malformed::new("", "expected an object that describes a tool"));
    }
    let text = |key: &str| json.field(key).and_then(Json::as_str);
    let cache = read::mark(json);
    match text("type") {
        None | Some("custom") => {}
        Some(kind) => {
            let own = client_run::find(kind);
            return Ok(Tool {
                name: text("name").unwrap_or(kind).to_owned(),
                description: own.map(|own| own.description.to_owned()),
                schema: own.map(|own| own.schema.to_owned()),
                strict: None,
                kind: ToolKind::Hosted {
                    dialect: DIALECT,
                    json: json.raw().to_owned(),
                    service: services::read(kind, json).map(Box::new),
                },
                cache,
                extras: Extras::NONE,
            });
        }
    }
    let Some(name) = text("name").filter(|name| !name.is_empty()) else {
        return Err(Malformed::new("name", "expected the name of the tool"));
    };
    let Some(schema) = json.field("input_schema").filter(|schema| schema.is_object()) else {
        return Err(Malformed::new("input_schema", "expected a JSON schema object"));
    };
    Ok(Tool {
        name: name.to_owned(),
        description: text("description").map(str::to_owned),
        schema: Some(schema.raw().to_owned()),
        strict: json.field("strict").and_then(Json::as_bool),
        kind: ToolKind::Function,
        cache,
        extras: read::extras(json, &["name", "description", "input_schema", "strict"]),
    })
}

/// Reads a tool that a message defines in the middle of the conversation; `None` where the message
/// does no such thing.
pub(super) fn parse_inline(block: &Json<'_>) -> Option<Tool> {
    let is_addition = block.field("type").and_then(Json::as_str) == Some("tool_addition");
    let definition = block.at(&["tool", "definition"]).filter(|_| is_addition)?;
    let mut tool = parse_tool(definition).ok()?;
    tool.extras.push(DIALECT, INLINE_EXTRA, "true");
    Some(tool)
}

/// Marks a tool that a message defines; this dialect does not name it anywhere else.
const INLINE_EXTRA: &str = "header:inline-tool";

/// Reads `tool_choice`: how freely tools may be called, and whether several at once.
pub(super) fn parse_choice(json: &Json<'_>) -> Result<(ToolChoice, Option<bool>), Malformed> {
    let kind = json.field("type").and_then(Json::as_str);
    let choice = match kind {
        Some("auto") => ToolChoice::Auto,
        Some("any") => ToolChoice::Required,
        Some("none") => ToolChoice::None,
        Some("tool") => match json.field("name").and_then(Json::as_str) {
            Some(name) => ToolChoice::Tool(name.to_owned()),
            None => return Err(Malformed::new("tool_choice.name", "expected the name of a tool")),
        },
        _ => {
            let message = "expected \"auto\", \"any\", \"tool\" or \"none\"";
            return Err(Malformed::new("tool_choice.type", message));
        }
    };
    let single = json.field("disable_parallel_tool_use").and_then(Json::as_bool);
    Ok((choice, single.map(|single| !single)))
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
}

impl<'a> Toolbox<'a> {
    /// Gathers the tools that the target can be given.
    pub(super) fn new(
        request: &'a Request,
        names: &'a Names,
        profile: &'a Profile,
        answer: Option<AnswerTool<'a>>,
        losses: &mut Losses,
    ) -> Self {
        let refused = profile.refuses.has(Param::Tools) && !request.tools.is_empty();
        if refused {
            losses.dropped("tools", "the target takes no tools");
        }
        let own = request.tools.iter().filter(|tool| !refused && is_sent(tool, request, losses));
        let mut toolbox = Self { request, names, profile, answer, own: own.collect(), stubs: Vec::new() };
        if toolbox.own.is_empty() && toolbox.answer.is_none() && !refused {
            toolbox.stubs = called_tools(request);
        }
        if !toolbox.stubs.is_empty() {
            losses.bent("tools", "tools of the history are named to a target that must know them");
        }
        toolbox
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.stubs.is_empty() && self.answer.is_none()
    }

    /// Writes `tools` and `tool_choice`, to a model that thinks within a budget and therefore is
    /// `free` to call none, or to another.
    pub(super) fn write(&self, free: bool, marks: &mut Marks, o: &mut Object<'_>, losses: &mut Losses) {
        if !self.is_empty() {
            o.array("tools", |a| {
                for tool in &self.own {
                    self.write_tool(tool, marks, a, losses);
                }
                for name in &self.stubs {
                    a.object(|o| {
                        o.string("name", self.names.sent(name));
                        o.raw("input_schema", tool_schema::NO_ARGUMENTS);
                    });
                }
                if let Some(answer) = &self.answer {
                    write_answer_tool(answer, a);
                }
            });
        }
        self.write_choice(free, o, losses);
    }

    fn write_tool(&self, tool: &Tool, marks: &mut Marks, a: &mut Array<'_>, losses: &mut Losses) {
        if let ToolKind::Hosted { json, service, .. } = &tool.kind {
            if let Some(service) = service.as_deref().filter(|_| !is_own(&tool.kind)) {
                services::write(service, a, losses);
                return;
            }
            a.embed(|out| marks.write_marked(json, tool.cache, out, losses));
            return;
        }
        let strict = match tool.strict {
            Some(true) if !self.profile.strict_tools => {
                losses.dropped("tools.strict", "the target holds no tool to its schema");
                None
            }
            strict => strict.filter(|_| self.profile.strict_tools),
        };
        a.object(|o| {
            o.string("name", self.names.sent(&tool.name));
            o.opt_string("description", free_text::description(tool).as_deref());
            match (&tool.kind, tool.schema.as_deref()) {
                (ToolKind::Custom(_), _) => {
                    losses.bent("tools.custom", "free text is asked for as one argument");
                    o.raw("input_schema", free_text::SCHEMA);
                }
                (_, None) => o.raw("input_schema", tool_schema::NO_ARGUMENTS),
                (_, Some(schema)) => write_schema(schema, strict, o, losses),
            }
            o.opt_bool("strict", strict);
            extra_members(&tool.extras, "tools", o, losses);
            marks.write(tool.cache, &tool.extras, o, losses);
        });
    }

    fn write_choice(&self, free: bool, o: &mut Object<'_>, losses: &mut Losses) {
        let mut choice = self.choice(losses);
        let forced = matches!(choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
        if self.is_empty() {
            if forced {
                losses.dropped("tool_choice", "there is no tool to choose");
            }
            return;
        }
        if forced && free && self.answer.is_none() {
            losses.bent("tool_choice", "a model that thinks within a budget cannot be forced to call a tool");
        }
        if forced && free {
            choice = Some(ToolChoice::Auto);
        }
        let single = self.request.parallel_tools == Some(false)
            && !self.refuses(Param::ParallelTools, "parallel_tool_calls", losses);
        let one = self.request.takes_one_call() && !self.profile.refuses.has(Param::ParallelTools);
        let single = (single || one || self.answer.is_some()) && choice != Some(ToolChoice::None);
        if choice.is_none() && !single {
            return;
        }
        o.object("tool_choice", |o| {
            match choice.as_ref().unwrap_or(&ToolChoice::Auto) {
                ToolChoice::Auto | ToolChoice::Allowed(_, false) => o.string("type", "auto"),
                ToolChoice::Required | ToolChoice::Allowed(_, true) => o.string("type", "any"),
                ToolChoice::None => o.string("type", "none"),
                ToolChoice::Tool(name) => {
                    o.string("type", "tool");
                    o.string("name", self.names.sent(name));
                }
            }
            if single {
                o.bool("disable_parallel_tool_use", true);
            }
        });
    }

    /// The choice as this target can be told it, before thinking is considered.
    fn choice(&self, losses: &mut Losses) -> Option<ToolChoice> {
        if !self.stubs.is_empty() {
            return Some(ToolChoice::None);
        }
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
        let wanted = wanted?;
        if wanted != ToolChoice::Auto && self.refuses(Param::ToolChoice, "tool_choice", losses) {
            return None;
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

    fn refuses(&self, param: Param, field: &'static str, losses: &mut Losses) -> bool {
        let refused = self.profile.refuses.has(param);
        if refused {
            losses.dropped(field, "the target does not take it");
        }
        refused
    }
}

fn is_sent(tool: &Tool, request: &Request, losses: &mut Losses) -> bool {
    if let Some(ToolChoice::Allowed(allowed, _)) = &request.tool_choice
        && !allowed.contains(&tool.name)
    {
        return false;
    }
    if tool.extras.json(DIALECT, INLINE_EXTRA).is_some() {
        return false;
    }
    let ToolKind::Hosted { service, .. } = &tool.kind else { return true };
    let known = is_own(&tool.kind) || service.is_some();
    if !known {
        losses.dropped("tools.hosted", "only its own provider runs this tool");
    }
    known
}

/// Tools that this provider, or its clients, run: each type ends in the date of its version.
const HOSTED: [&str; 10] = [
    "web_search_2",
    "web_fetch_2",
    "bash_2",
    "text_editor_2",
    "computer_2",
    "code_execution_2",
    "memory_2",
    "tool_search_tool_",
    "advisor_2",
    "mcp_toolset",
];

/// Whether a tool is said in this provider's own words.
fn is_own(kind: &ToolKind) -> bool {
    matches!(kind, ToolKind::Hosted { dialect, json, .. } if *dialect == DIALECT || is_hosted_here(json))
}

fn is_hosted_here(definition: &str) -> bool {
    let Some(kind) = lens::find(definition.as_bytes(), "type") else { return false };
    let kind = kind.trim_matches('"');
    HOSTED.iter().any(|family| kind.starts_with(family))
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

fn write_schema(schema: &str, strict: Option<bool>, o: &mut Object<'_>, losses: &mut Losses) {
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
        o.raw("input_schema", &cleaned.json);
        return;
    }
    if lens::find(schema.as_bytes(), "type").is_some() || !schema.starts_with('{') {
        o.raw("input_schema", schema);
        return;
    }
    // The API refuses a schema that does not say outright that arguments are an object.
    o.embed("input_schema", |out| {
        out.extend_from_slice(br#"{"type":"object""#);
        let rest = schema.strip_prefix('{').unwrap_or_default();
        if !rest.trim_start().starts_with('}') {
            out.push(b',');
        }
        out.extend_from_slice(rest.as_bytes());
    });
}

fn write_answer_tool(answer: &AnswerTool<'_>, a: &mut Array<'_>) {
    a.object(|o| {
        o.string("name", ANSWER_TOOL);
        o.string("description", answer.description.unwrap_or("Gives the answer in its final form."));
        o.raw("input_schema", answer.schema);
    });
}
