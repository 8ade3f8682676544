//! The schema of a tool's arguments, in the form that the stricter providers take: an object that
//! names its properties, and no choice between several at its root.

use crate::wire::json::{self, Json, Object};

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
