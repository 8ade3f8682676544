//! Gemini's wish that all calls keep to their schemas, said to providers that hold tools to them
//! one by one.

use std::borrow::Cow;

use crate::catalog::profile::Profile;
use crate::dialect::tool_schema;
use crate::ir::{Losses, Request, ToolKind};
use crate::wire::json::{self, Json, Object};

/// How much the strict tools of one request may hold together.
#[derive(Debug, Clone, Copy)]
pub(in crate::dialect) struct Room {
    /// So many tools.
    pub(in crate::dialect) tools: usize,
    /// So many members that may be missing.
    pub(in crate::dialect) optional: usize,
    /// So many choices between types.
    pub(in crate::dialect) choices: usize,
}

/// The request with strict tools where it wishes validated calls. A tool whose schema no provider
/// surely takes as a strict one, or that the target does not find `fit`, stays as it is, which is
/// a loss.
pub(in crate::dialect) fn hold<'r>(
    request: Cow<'r, Request>,
    profile: &Profile,
    mut room: Room,
    fit: &dyn Fn(&str) -> bool,
    losses: &mut Losses,
) -> Cow<'r, Request> {
    if !request.validated {
        return request;
    }
    let mut request = request.into_owned();
    let functions = request.tools.iter_mut().filter(|tool| tool.kind == ToolKind::Function);
    for tool in functions.filter(|tool| tool.strict.is_none()) {
        let mut left = room;
        let schema = tool.schema.as_deref().unwrap_or(tool_schema::NO_ARGUMENTS);
        let schema = closed(schema, &mut left).filter(|schema| profile.strict_tools && fit(schema));
        if let Some(schema) = schema {
            tool.schema = Some(schema);
            tool.strict = Some(true);
            room = left;
        } else {
            losses.dropped(
                "toolConfig.functionCallingConfig.mode",
                "the target does not hold calls to such schemas",
            );
        }
    }
    Cow::Owned(request)
}

/// The schema as a strict one, which closes its objects; `None` where it leaves members open,
/// says more than every strict schema may, or finds no room.
fn closed(schema: &str, room: &mut Room) -> Option<String> {
    room.tools = room.tools.checked_sub(1)?;
    let json = json::parse(schema.as_bytes()).ok()?;
    let is_object = json.get("type").and_then(Json::as_str) == Some("object");
    let chosen = json.get("anyOf").is_some() || json.get("$ref").is_some();
    if !is_object || chosen || !fits(&json, Depth::Root, room) {
        return None;
    }
    let mut out = Vec::with_capacity(schema.len() + 64);
    write(&json, &mut out);
    String::from_utf8(out).ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Root,
    Inner,
}

/// The string formats that a strict schema may name.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// The other members that hold no schema and that every strict one may have.
const PLAIN: [&str; 14] = [
    "type",
    "description",
    "title",
    "enum",
    "const",
    "required",
    "pattern",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];

fn fits(schema: &Json<'_>, depth: Depth, room: &mut Room) -> bool {
    if !schema.is_object() {
        return false;
    }
    if schema.get("$ref").is_some() {
        return schema.entries().len() == 1;
    }
    let plain = schema.entries().iter().all(|(key, value)| match &**key {
        "format" => value.as_str().is_some_and(|format| FORMATS.contains(&format)),
        "additionalProperties" => value.as_bool() == Some(false),
        "items" => fits(value, Depth::Inner, room),
        "properties" | "$defs" => value.entries().iter().all(|(_, inner)| fits(inner, Depth::Inner, room)),
        "anyOf" => value.elements().iter().all(|inner| fits(inner, Depth::Inner, room)),
        key => PLAIN.contains(&key),
    });
    let chooses = schema.get("anyOf").is_some() || schema.get("type").is_some_and(Json::is_array);
    plain
        && take(&mut room.choices, usize::from(chooses))
        && (!is_object(schema) || is_certain(schema, depth, room))
}

fn take(left: &mut usize, count: usize) -> bool {
    let taken = left.checked_sub(count);
    *left = taken.unwrap_or_default();
    taken.is_some()
}

/// Whether all members of an object are named, and required but for a few; an inner one of which none is named
/// may hold anything.
fn is_certain(schema: &Json<'_>, depth: Depth, room: &mut Room) -> bool {
    let properties = schema.get("properties").map(Json::entries).unwrap_or_default();
    let required = schema.get("required").map(Json::elements).unwrap_or_default();
    let is_required = |name: &str| required.iter().any(|key| key.as_str() == Some(name));
    let optional = properties.iter().filter(|(name, _)| !is_required(name)).count();
    (depth == Depth::Root || !properties.is_empty()) && take(&mut room.optional, optional)
}

fn is_object(schema: &Json<'_>) -> bool {
    let Some(kind) = schema.get("type") else { return schema.get("properties").is_some() };
    kind.as_str() == Some("object") || kind.elements().iter().any(|one| one.as_str() == Some("object"))
}

fn write(schema: &Json<'_>, out: &mut Vec<u8>) {
    json::object(out, |o| {
        for (key, value) in schema.entries() {
            match &**key {
                "properties" | "$defs" => write_named(key, value, o),
                "items" => o.embed(key, |out| write(value, out)),
                "anyOf" => o.array(key, |a| {
                    value.elements().iter().for_each(|inner| a.embed(|out| write(inner, out)));
                }),
                "additionalProperties" => {}
                _ => o.raw(key, value.raw()),
            }
        }
        if is_object(schema) {
            if schema.get("properties").is_none() {
                o.raw("properties", "{}");
            }
            // OpenAI wants the list even where it is empty.
            if schema.get("required").is_none() {
                o.raw("required", "[]");
            }
            o.bool("additionalProperties", false);
        }
    });
}

fn write_named(key: &str, schemas: &Json<'_>, o: &mut Object<'_>) {
    o.object(key, |o| {
        for (name, schema) in schemas.entries() {
            o.embed(name, |out| write(schema, out));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Room = Room { tools: 1, optional: 0, choices: 0 };

    fn closed(schema: &str) -> Option<String> {
        super::closed(schema, &mut NARROW.clone())
    }

    #[test]
    fn objects_are_closed() {
        let city = r#"{"type":"object","properties":{"at":{"type":"object","properties":{"x":{"type":"number"}},"required":["x"]}},"required":["at"]}"#;
        let shut = r#"{"type":"object","properties":{"at":{"type":"object","properties":{"x":{"type":"number"}},"required":["x"],"additionalProperties":false}},"required":["at"],"additionalProperties":false}"#;
        assert_eq!(closed(city).as_deref(), Some(shut));
        assert_eq!(closed(shut).as_deref(), Some(shut));
        let nothing = r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#;
        assert_eq!(closed(tool_schema::NO_ARGUMENTS).as_deref(), Some(nothing));
    }

    #[test]
    fn what_may_be_missing_or_anything_is_not_closed() {
        for schema in [
            r#"{"type":"object","properties":{"a":{"type":"string"}}}"#,
            r#"{"type":"object","properties":{"a":{"type":"object"}},"required":["a"]}"#,
            r#"{"type":"object","properties":{},"additionalProperties":true}"#,
            r#"{"type":"object","properties":{"a":{"oneOf":[]}},"required":["a"]}"#,
            r#"{"type":"object","properties":{"a":{"$ref":"a","description":"x"}},"required":["a"]}"#,
            r#"{"type":"string"}"#,
        ] {
            assert_eq!(closed(schema), None, "{schema}");
        }
    }

    #[test]
    fn what_may_be_missing_is_taken_as_long_as_there_is_room() {
        let schema = r#"{"type":"object","properties":{"a":{"type":["string","null"]}},"required":[]}"#;
        let mut room = Room { tools: 3, optional: 2, choices: 1 };
        assert!(super::closed(schema, &mut room).is_some());
        assert_eq!((room.tools, room.optional, room.choices), (2, 1, 0));
        assert_eq!(super::closed(schema, &mut room), None);
    }
}
