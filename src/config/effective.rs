//! The configuration in force, for humans: what was written and where, the defaults of the rest, and
//! no secrets.

use std::fmt;

use serde_json::Value as Schema;

use super::problem::HIDDEN;
use super::tree::{Node, Value};
use crate::wire::json::{self, Object};

/// What was written, file and variables together.
#[derive(Clone)]
pub struct Written(Node);

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written(…)")
    }
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// All fields as one JSON object; secrets and what references gave are hidden.
    pub values: String,
    /// Where those stand that were written: a JSON object of field → place.
    pub origins: String,
}

impl Written {
    pub(super) const fn new(tree: Node) -> Self {
        Self(tree)
    }

    /// What it comes to.
    #[must_use]
    pub fn effective(&self) -> Effective {
        let schema: Schema = serde_json::from_str(&super::schema()).unwrap_or_default();
        let mut teller = Teller { root: &schema, origins: Vec::new() };
        let mut values = Vec::new();
        json::object(&mut values, |object| teller.fields(&schema, Some(&self.0), &mut Vec::new(), object));
        let mut origins = Vec::new();
        json::object(&mut origins, |object| {
            teller.origins.iter().for_each(|(field, place)| object.string(field, place));
        });
        let text = |bytes| String::from_utf8(bytes).unwrap_or_default();
        Effective { values: text(values), origins: text(origins) }
    }
}

struct Teller<'a> {
    root: &'a Schema,
    origins: Vec<(String, String)>,
}

impl<'a> Teller<'a> {
    /// The schema behind a reference, and its name.
    fn behind(&self, schema: &'a Schema) -> (&'a Schema, &'a str) {
        let named = schema.get("$ref").or_else(|| schema.pointer("/anyOf/0/$ref")).and_then(Schema::as_str);
        let name = named.and_then(|path| path.strip_prefix("#/$defs/")).unwrap_or("");
        let defined = self.root.get("$defs").and_then(|all| all.get(name));
        (defined.unwrap_or(schema), name)
    }

    /// Tells the fields of something with names for them, in the order of the schema.
    fn fields(
        &mut self,
        schema: &'a Schema,
        node: Option<&Node>,
        path: &mut Vec<String>,
        object: &mut Object<'_>,
    ) {
        let properties = schema.get("properties").and_then(Schema::as_object);
        let is_single = properties.is_some_and(|fields| fields.len() == 1);
        for (name, field) in properties.into_iter().flatten() {
            // What has one field may be written as that field's value, and what has a mode or a target as that.
            let is_short = is_single || matches!(name.as_str(), "mode" | "target");
            let short = node.filter(|node| is_short && matches!(node.value, Value::Text(_)));
            let written = short.or_else(|| node?.get(name)).filter(|node| !node.is_blank());
            path.push(name.clone());
            match (written, field.get("default")) {
                (None, Some(default)) if !default.is_null() => object.raw(name, &default.to_string()),
                (None, _) => {
                    let (inner, _) = self.behind(field);
                    if inner.get("properties").is_some() && field.get("anyOf").is_none() {
                        object.object(name, |inside| self.fields(inner, None, path, inside));
                    }
                }
                (Some(node), _) => object.embed(name, |out| self.value(field, node, path, out)),
            }
            path.pop();
        }
    }

    fn value(&mut self, schema: &'a Schema, node: &Node, path: &mut Vec<String>, out: &mut Vec<u8>) {
        let (schema, name) = self.behind(schema);
        if schema.get("properties").is_some() {
            return json::object(out, |object| self.fields(schema, Some(node), path, object));
        }
        match &node.value {
            Value::Map(entries) => {
                let inner = schema.get("additionalProperties").unwrap_or(schema);
                json::object(out, |object| {
                    for entry in entries {
                        path.push(entry.key.clone());
                        object.embed(&entry.key, |out| self.value(inner, &entry.node, path, out));
                        path.pop();
                    }
                });
            }
            Value::List(items) => {
                let inner = schema.get("items").unwrap_or(schema);
                json::array(out, |array| {
                    for (place, item) in items.iter().enumerate() {
                        path.push(place.to_string());
                        array.embed(|out| self.value(inner, item, path, out));
                        path.pop();
                    }
                });
            }
            Value::Null => out.extend_from_slice(if node.referred { b"\"***\"" } else { b"null" }),
            Value::Text(text) => {
                self.origins.push((path.join("."), node.place.to_string()));
                let is_secret = node.referred || name == "Key" || is_private(path);
                scalar(if is_secret { HIDDEN } else { text }, schema, out);
            }
        }
    }
}

/// Whether what stands there may be a secret though its type does not say so: headers for a provider,
/// and hashes, from which a short secret could be guessed.
fn is_private(path: &[String]) -> bool {
    let before = path.len().checked_sub(2).and_then(|at| path.get(at));
    before.is_some_and(|name| name == "headers") || path.last().is_some_and(|name| name == "hash")
}

/// A text as the type has it that reads it.
fn scalar(text: &str, schema: &Schema, out: &mut Vec<u8>) {
    let kind = schema.get("type");
    let is = |word: &str| match kind {
        Some(Schema::String(kind)) => kind == word,
        Some(Schema::Array(kinds)) => kinds.first().and_then(Schema::as_str) == Some(word),
        _ => false,
    };
    let text = text.trim();
    if is("boolean") {
        let truth = matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1");
        out.extend_from_slice(if truth { b"true" } else { b"false" });
    } else if let (true, Ok(number)) = (is("integer"), text.parse::<u64>()) {
        out.extend_from_slice(number.to_string().as_bytes());
    } else {
        json::write_string(out, text);
    }
}
