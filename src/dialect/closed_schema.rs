//! JSON schemas as Anthropic's structured output takes them, also where Bedrock serves its models.
//!
//! Seen at <https://platform.claude.com/docs/en/build-with-claude/structured-outputs> in November
//! 2026: objects must be closed, and bounds on numbers, lengths and counts are refused. What is
//! refused is told to the model in the description instead.

use crate::wire::json::{self, Json, Object};

/// A schema as it can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dialect) struct Cleaned {
    /// The schema as JSON text.
    pub(in crate::dialect) json: String,
    /// Whether it says less, or more, than the client's.
    pub(in crate::dialect) changed: bool,
}

/// Cleans a schema. Text that is no JSON is left to the provider to refuse.
pub(in crate::dialect) fn clean(schema: &str) -> Cleaned {
    let Ok(json) = json::parse(schema.as_bytes()) else {
        return Cleaned { json: schema.to_owned(), changed: false };
    };
    let mut out = Vec::with_capacity(schema.len() + 32);
    let mut changed = false;
    write(&json, &mut out, &mut changed);
    Cleaned { json: String::from_utf8(out).unwrap_or_default(), changed }
}

/// Whether a schema is held to as it is.
pub(in crate::dialect) fn is_held(schema: &str) -> bool {
    !clean(schema).changed
}

/// The string formats that are held to.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

fn write(schema: &Json<'_>, out: &mut Vec<u8>, changed: &mut bool) {
    if !schema.is_object() {
        out.extend_from_slice(schema.raw().as_bytes());
    } else if schema.get("$ref").is_some() {
        json::object(out, |o| write_reference(schema, o, changed));
    } else {
        json::object(out, |o| write_members(schema, o, changed));
    }
}

/// A reference stands alone, but for the definitions of a root.
fn write_reference(schema: &Json<'_>, o: &mut Object<'_>, changed: &mut bool) {
    for (key, value) in schema.entries() {
        match &**key {
            "$ref" => o.raw(key, value.raw()),
            "$defs" | "definitions" => write_named(key, value, o, changed),
            _ => *changed = true,
        }
    }
}

fn write_members(schema: &Json<'_>, o: &mut Object<'_>, changed: &mut bool) {
    let mut told = String::new();
    for (key, value) in schema.entries() {
        match &**key {
            "type" | "enum" | "const" | "title" | "required" | "default" => o.raw(key, value.raw()),
            "properties" | "$defs" | "definitions" => write_named(key, value, o, changed),
            "items" if !value.is_array() => o.embed(key, |out| write(value, out, changed)),
            "anyOf" | "allOf" => write_list(key, value, o, changed),
            "oneOf" if schema.get("anyOf").is_none() => write_list("anyOf", value, o, changed),
            "format" if value.as_str().is_some_and(|name| FORMATS.contains(&name)) => {
                o.raw(key, value.raw());
            }
            "minItems" if value.as_u64().is_some_and(|least| least <= 1) => o.raw(key, value.raw()),
            "additionalProperties" if is_object(schema) => {
                *changed |= value.as_bool() != Some(false);
            }
            "description" => {}
            "$schema" | "$id" | "$comment" => *changed = true,
            _ => {
                *changed = true;
                told.push_str(if told.is_empty() { "(" } else { "; " });
                told.push_str(key);
                told.push_str(": ");
                told.push_str(value.raw());
            }
        }
    }
    if is_object(schema) {
        *changed |= schema.get("additionalProperties").is_none();
        o.bool("additionalProperties", false);
    }
    let description = schema.get("description").and_then(Json::as_str);
    match (description, told.is_empty()) {
        (description, true) => o.opt_string("description", description),
        (None, false) => o.string("description", &format!("{told})")),
        (Some(text), false) => o.string("description", &format!("{text} {told})")),
    }
}

fn write_named(key: &str, schemas: &Json<'_>, o: &mut Object<'_>, changed: &mut bool) {
    o.object(key, |o| {
        for (name, schema) in schemas.entries() {
            o.embed(name, |out| write(schema, out, changed));
        }
    });
}

fn write_list(key: &str, schemas: &Json<'_>, o: &mut Object<'_>, changed: &mut bool) {
    o.array(key, |a| {
        for schema in schemas.elements() {
            a.embed(|out| write(schema, out, changed));
        }
    });
}

fn is_object(schema: &Json<'_>) -> bool {
    match schema.get("type") {
        Some(kind) => {
            kind.as_str() == Some("object")
                || kind.elements().iter().any(|one| one.as_str() == Some("object"))
        }
        None => schema.get("properties").is_some(),
    }
}

/// Whether a schema describes an object, as the arguments of a tool must be.
pub(in crate::dialect) fn is_for_objects(schema: &str) -> bool {
    json::parse(schema.as_bytes()).is_ok_and(|json| is_object(&json))
}
