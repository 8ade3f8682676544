//! The provider's `Schema` → JSON Schema.

use super::super::case;
use crate::wire::json::{self, Json, Object};

/// The same schema as JSON Schema: types in lower case, `nullable` as the type null, properties in
/// the order that was asked for.
pub(in super::super) fn to_json_schema(schema: &Json<'_>) -> String {
    let mut out = Vec::with_capacity(schema.raw().len() + 16);
    write(&mut out, schema);
    String::from_utf8(out).unwrap_or_default()
}

fn write(out: &mut Vec<u8>, schema: &Json<'_>) {
    if !schema.is_object() {
        out.extend_from_slice(schema.raw().as_bytes());
        return;
    }
    let nullable = case::field(schema, "nullable").and_then(Json::as_bool) == Some(true);
    json::object(out, |o| {
        for (name, value) in case::fields(schema) {
            member(o, &name, value, schema, nullable);
        }
    });
}

fn member(o: &mut Object<'_>, name: &str, value: &Json<'_>, schema: &Json<'_>, nullable: bool) {
    match name {
        "nullable" | "propertyOrdering" => {}
        "type" => write_type(o, value, nullable),
        // The format `enum` only repeats that there is an enumeration.
        "format" if value.as_str() == Some("enum") => {}
        "properties" => o.object("properties", |o| {
            for (key, value) in ordered(value, case::field(schema, "propertyOrdering")) {
                o.embed(key, |out| write(out, value));
            }
        }),
        "$defs" | "defs" | "definitions" => o.object(name, |o| {
            for (key, value) in value.entries() {
                o.embed(key, |out| write(out, value));
            }
        }),
        "items" | "additionalProperties" => o.embed(name, |out| write(out, value)),
        "anyOf" | "oneOf" | "allOf" | "prefixItems" => o.array(name, |a| {
            for value in value.elements() {
                a.embed(|out| write(out, value));
            }
            if nullable && name == "anyOf" && case::field(schema, "type").is_none() {
                a.raw(r#"{"type":"null"}"#);
            }
        }),
        "enum" => o.array("enum", |a| {
            for value in value.elements() {
                a.raw(value.raw());
            }
            if nullable && !value.elements().iter().any(Json::is_null) {
                a.null();
            }
        }),
        "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties" => {
            match value.as_str().and_then(|text| text.parse::<u64>().ok()) {
                Some(number) => o.number(name, number),
                None => o.raw(name, value.raw()),
            }
        }
        "example" => o.array("examples", |a| a.raw(value.raw())),
        _ => o.raw(name, value.raw()),
    }
}

fn write_type(o: &mut Object<'_>, value: &Json<'_>, nullable: bool) {
    let mut words: Vec<String> = case::items(value)
        .iter()
        .filter_map(Json::as_str)
        .filter(|word| *word != "TYPE_UNSPECIFIED")
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() {
        return;
    }
    if nullable && !words.iter().any(|word| word == "null") {
        words.push("null".to_owned());
    }
    if let [word] = words.as_slice()
        && value.is_string()
    {
        o.string("type", word);
        return;
    }
    o.array("type", |a| words.iter().for_each(|word| a.string(word)));
}

/// The properties in the order asked for; those it does not name keep theirs and come last.
fn ordered<'j, 'a>(properties: &'j Json<'a>, order: Option<&'j Json<'a>>) -> Vec<(&'j str, &'j Json<'a>)> {
    let names: Vec<&str> =
        order.map(Json::elements).unwrap_or_default().iter().filter_map(Json::as_str).collect();
    let place = |key: &str| names.iter().position(|name| *name == key).unwrap_or(names.len());
    let entries = properties.entries().iter();
    let mut entries: Vec<_> = entries.map(|(key, value)| (&**key, value)).collect();
    entries.sort_by_key(|(key, _)| place(key));
    entries
}
