//! Namespaces: tools under one name together, as Codex declares those of each MCP server. All others know
//! tools by one name alone, so each has both names in the hub, and is told apart again for this dialect.

use crate::dialect::Malformed;
use crate::dialect::place::Place;
use crate::ir::{Extras, Tool, ToolKind};
use crate::wire::json::{self, Json};

use super::extras;
use super::types::{kind, text};

/// Stands in a tool's extras with the namespace that it is of, but for the tools.
const SPACE: &str = "@namespace";
/// Stands in the extras of a tool or a call with its name in its namespace.
const NAME: &str = "@name";

/// The name in the hub of a tool in a namespace. Tools that were only to be found later are called as if
/// each were a namespace of its own.
pub(super) fn joined(space: Option<&str>, name: &str) -> String {
    match space {
        None | Some("") => name.to_owned(),
        Some(space) if space == name => name.to_owned(),
        Some(space) if space.ends_with('_') || name.starts_with('_') => format!("{space}{name}"),
        Some(space) => format!("{space}__{name}"),
    }
}

/// The name in the hub of the tool that an item calls, or that a choice names.
pub(super) fn called(item: &Json<'_>) -> String {
    joined(item.field("namespace").and_then(Json::as_str), text(item, "name"))
}

/// Reads a namespace, of which `each` reads a tool.
pub(super) fn parse(
    value: &Json<'_>,
    at: Place<'_>,
    each: impl Fn(&Json<'_>, Place<'_>) -> Result<Tool, Malformed>,
    all: &mut Vec<Tool>,
) -> Result<(), Malformed> {
    let space = at.required(value, "name")?;
    let within = at.member("tools");
    let list = within.list(value.field("tools").ok_or_else(|| within.missing())?)?;
    let mut head = Vec::new();
    json::object(&mut head, |object| {
        for (key, value) in value.entries().iter().filter(|(key, _)| key != "tools") {
            object.raw(key, value.raw());
        }
    });
    let head = String::from_utf8(head).unwrap_or_default();
    for (index, tool) in list.iter().enumerate() {
        let mut tool = each(tool, within.element(index))?;
        if !matches!(tool.kind, ToolKind::Hosted { .. }) {
            extras::keep_moot(SPACE, &head, &mut tool.extras);
            keep_name(&tool.name, &mut tool.extras);
            tool.name = joined(Some(space), &tool.name);
        }
        all.push(tool);
    }
    Ok(())
}

/// Keeps the name of a tool, or of a call, in its namespace.
pub(super) fn keep_name(name: &str, extras: &mut Extras) {
    extras::keep_moot(NAME, &json::string(name), extras);
}

/// The namespace that a tool is of, but for the tools.
pub(super) fn space(extras: &Extras) -> Option<&str> {
    extras::moot(extras, SPACE)
}

/// The name of a tool, or of a call, in its namespace.
pub(super) fn name(extras: &Extras) -> Option<String> {
    let name = json::parse(extras::moot(extras, NAME)?.as_bytes()).ok()?;
    name.as_str().map(str::to_owned)
}

/// A tool as the hub knows it and as its client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    joined: String,
    space: String,
    name: String,
}

/// How a client knows the tool that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) space: Option<String>,
    pub(super) name: String,
}

/// The tools in namespaces that a request declares.
pub(super) fn read(tools: &Json<'_>) -> Vec<Named> {
    let mut all = Vec::new();
    for space in tools.elements().iter().filter(|tool| kind(tool) == "namespace") {
        for tool in space.field("tools").map(Json::elements).unwrap_or_default() {
            let (space, name) = (text(space, "name"), text(tool, "name"));
            let joined = joined(Some(space), name);
            all.push(Named { joined, space: space.to_owned(), name: name.to_owned() });
        }
    }
    all
}

/// How the client that declared these knows the tool with this name in the hub.
pub(super) fn told(all: &[Named], name: &str) -> Called {
    match all.iter().find(|named| named.joined == name) {
        Some(Named { space, name, .. }) => Called { space: Some(space.clone()), name: name.clone() },
        None => Called { space: None, name: name.to_owned() },
    }
}
