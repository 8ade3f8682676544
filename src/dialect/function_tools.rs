//! Tools in the dialects that know a function by its name, its description and its schema alone.

use std::borrow::Cow;

use crate::dialect::place::Place;
use crate::dialect::{Malformed, free_text, tool_schema};
use crate::ir::{Dialect, Extras, Losses, Request, Tool, ToolKind};
use crate::wire::json::{Json, Object};

/// Reads `tools`.
pub(in crate::dialect) fn parse(value: &Json<'_>, at: Place<'_>) -> Result<Vec<Tool>, Malformed> {
    let list = at.list(value)?.iter().enumerate();
    list.map(|(index, tool)| {
        let place = at.element(index);
        let within = place.member("function");
        let function = place.object(tool)?.field("function").ok_or_else(|| within.missing())?;
        let description = function.field("description");
        let schema = function.field("parameters").map(|schema| within.member("parameters").object(schema));
        Ok(Tool {
            name: within.required(within.object(function)?, "name")?.to_owned(),
            description: description.map(|text| within.member("description").owned(text)).transpose()?,
            schema: schema.transpose()?.map(|schema| schema.raw().to_owned()),
            strict: None,
            kind: ToolKind::Function,
            cache: None,
            extras: Extras::NONE,
        })
    })
    .collect()
}

/// The tools that the client runs; those of providers are noted.
pub(in crate::dialect) fn of_client<'r>(request: &'r Request, losses: &mut Losses) -> Vec<&'r Tool> {
    let mut tools: Vec<&Tool> = request.tools.iter().collect();
    tools.retain(|tool| {
        let foreign = matches!(tool.kind, ToolKind::Hosted { .. });
        if foreign {
            losses.dropped("tools.hosted", "the tool is run by another provider");
        }
        !foreign
    });
    tools
}

/// Writes `tools`, of which `each` writes one function.
pub(in crate::dialect) fn write(
    body: &mut Object<'_>,
    tools: &[&Tool],
    mut each: impl FnMut(&mut Object<'_>, &Tool),
) {
    body.array("tools", |array| {
        for tool in tools {
            array.object(|object| {
                object.string("type", "function");
                object.object("function", |function| each(function, tool));
            });
        }
    });
}

/// The schema of a tool's arguments; what else it has that `own` cannot say is noted.
pub(in crate::dialect) fn parameters<'t>(tool: &'t Tool, own: Dialect, losses: &mut Losses) -> Cow<'t, str> {
    if tool.cache.is_some() {
        losses.dropped("cache_control", "the target takes no cache marks");
    }
    for extra in tool.extras.of(own).chain(tool.extras.foreign(own)) {
        losses.dropped(extra.name.clone(), "only known to the dialect it came from");
    }
    let schema = match &tool.kind {
        ToolKind::Custom(_) => {
            losses.bent("tools.custom", "said as a function with one text argument");
            free_text::SCHEMA
        }
        ToolKind::Function | ToolKind::Older | ToolKind::Hosted { .. } => {
            tool.schema.as_deref().unwrap_or(tool_schema::NO_ARGUMENTS)
        }
    };
    tool_schema::completed(schema).map_or(Cow::Borrowed(schema), Cow::Owned)
}
