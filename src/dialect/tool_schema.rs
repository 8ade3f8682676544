//! The schema of a tool's arguments, in the form that the stricter providers take: an object that
//! names its properties, and no choice between several at its root.

use crate::wire::json::{self, Json, Object};

/// The schema of a tool that takes nothing.
pub(in crate::dialect) const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// The keywords that choose between schemas.
const CHOICES: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// The schema without a choice at its root: one object with the properties of all branches, of
/// which those are required that each branch requires, and the choice told in its description.
/// `None` where there is none.
pub(in crate::dialect) fn without_choice(schema: &str) -> Option<String> {
    let json = json::parse(schema.as_bytes()).ok()?;
    let choices = json.entries().iter().filter(|(key, list)| CHOICES.contains(&&**key) && list.is_array());
    let choices: Vec<_> = choices.collect();
    if choices.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(schema.len() * 2);
    json::object(&mut out, |o| {
        o.string("type", "object");
        for (key, value) in json.entries() {
            let told = CHOICES.contains(&&**key) && value.is_array();
            if !told && !["type", "properties", "required", "description"].contains(&&**key) {
                o.raw(key, value.raw());
            }
        }
        o.string("description", &description(&json, choices.iter().map(|(key, list)| (&**key, list))));
        let branches = choices.iter().flat_map(|(_, list)| list.elements());
        write_properties(&json, branches, o);
        let mut required = names(&json);
        for (key, list) in &choices {
            required.extend(demanded(key, list));
        }
        required.sort_unstable();
        required.dedup();
        if !required.is_empty() {
            o.array("required", |a| required.iter().for_each(|name| a.string(name)));
        }
    });
    String::from_utf8(out).ok()
}

fn description<'j>(json: &Json<'_>, choices: impl Iterator<Item = (&'j str, &'j Json<'j>)>) -> String {
    let mut text = json.field("description").and_then(Json::as_str).unwrap_or_default().to_owned();
    for (key, list) in choices {
        if !text.is_empty() {
            text.push(' ');
        }
        for piece in ["(", key, ": ", list.raw(), ")"] {
            text.push_str(piece);
        }
    }
    text
}

fn write_properties<'j>(
    json: &'j Json<'j>,
    branches: impl Iterator<Item = &'j Json<'j>>,
    o: &mut Object<'_>,
) {
    let mut known: Vec<&str> = Vec::new();
    o.object("properties", |o| {
        for branch in std::iter::once(json).chain(branches) {
            for (name, schema) in branch.field("properties").map(Json::entries).unwrap_or_default() {
                if !known.contains(&&**name) {
                    known.push(name);
                    o.raw(name, schema.raw());
                }
            }
        }
    });
}

/// The names that a schema requires.
fn names<'j>(schema: &'j Json<'_>) -> Vec<&'j str> {
    let required = schema.field("required").map(Json::elements).unwrap_or_default();
    required.iter().filter_map(Json::as_str).collect()
}

/// The names that are required whichever branch is chosen.
fn demanded<'j>(key: &str, list: &'j Json<'_>) -> Vec<&'j str> {
    let branches = list.elements();
    let mut all: Vec<&str> = branches.iter().flat_map(names).collect();
    if key != "allOf" {
        all.retain(|name| branches.iter().all(|branch| names(branch).contains(name)));
    }
    all
}

/// The schema with what every object's should say, its type and its properties; `None` where it
/// says so already.
pub(in crate::dialect) fn completed(schema: &str) -> Option<String> {
    let json = json::parse(schema.as_bytes()).ok().filter(Json::is_object)?;
    let lacks = |key: &str| json.field(key).is_none();
    if !lacks("type") && (!lacks("properties") || !lacks("$ref")) {
        return None;
    }
    let mut out = Vec::with_capacity(schema.len() + 32);
    json::object(&mut out, |o| {
        if lacks("type") {
            o.string("type", "object");
        }
        for (key, value) in json.entries().iter().filter(|(_, value)| !value.is_null()) {
            o.raw(key, value.raw());
        }
        if lacks("properties") && lacks("$ref") {
            o.raw("properties", "{}");
        }
    });
    String::from_utf8(out).ok()
}

/// The schema without the members that say nothing of the arguments, at any depth, for providers that
/// stumble over them: its id, the standard it follows, and that others are not welcome. `None` where
/// there are none.
pub(in crate::dialect) fn bare(schema: &str) -> Option<String> {
    let json = json::parse(schema.as_bytes()).ok().filter(has_trimmings)?;
    let mut out = Vec::with_capacity(schema.len());
    write_bare(&json, &mut out);
    String::from_utf8(out).ok()
}

fn is_trimming(key: &str, value: &Json<'_>) -> bool {
    matches!(key, "$id" | "$schema") || (key == "additionalProperties" && value.as_bool() == Some(false))
}

/// How the schemas below a keyword stand there.
enum Below {
    One,
    List,
    Named,
    Nothing,
}

fn below(key: &str, value: &Json<'_>) -> Below {
    match key {
        "properties" | "$defs" | "definitions" | "patternProperties" if value.is_object() => Below::Named,
        "anyOf" | "oneOf" | "allOf" | "prefixItems" if value.is_array() => Below::List,
        "items" | "not" | "additionalProperties" if value.is_object() => Below::One,
        _ => Below::Nothing,
    }
}

fn has_trimmings(schema: &Json<'_>) -> bool {
    schema.entries().iter().any(|(key, value)| {
        is_trimming(key, value)
            || match below(key, value) {
                Below::One => has_trimmings(value),
                Below::List => value.elements().iter().any(has_trimmings),
                Below::Named => value.entries().iter().any(|(_, inner)| has_trimmings(inner)),
                Below::Nothing => false,
            }
    })
}

fn write_bare(schema: &Json<'_>, out: &mut Vec<u8>) {
    if !schema.is_object() {
        out.extend_from_slice(schema.raw().as_bytes());
        return;
    }
    json::object(out, |o| {
        for (key, value) in schema.entries().iter().filter(|(key, value)| !is_trimming(key, value)) {
            match below(key, value) {
                Below::One => o.embed(key, |out| write_bare(value, out)),
                Below::List => o.array(key, |a| {
                    value.elements().iter().for_each(|inner| a.embed(|out| write_bare(inner, out)));
                }),
                Below::Named => o.object(key, |o| {
                    for (name, inner) in value.entries() {
                        o.embed(name, |out| write_bare(inner, out));
                    }
                }),
                Below::Nothing => o.raw(key, value.raw()),
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_of_the_arguments_is_taken_out_at_any_depth() {
        let schema = r#"{"$schema":"x","type":"object","properties":{"$id":{"type":"object","additionalProperties":false},"a":{"type":"array","items":{"$id":"y","anyOf":[{"$schema":1}]}}},"additionalProperties":{"type":"string"}}"#;
        let plain = r#"{"type":"object","properties":{"$id":{"type":"object"},"a":{"type":"array","items":{"anyOf":[{}]}}},"additionalProperties":{"type":"string"}}"#;
        assert_eq!(bare(schema).as_deref(), Some(plain));
        assert_eq!(bare(plain), None);
    }
}
