//! What OpenAI demands of the schema of an answer, and what is said where one cannot be sent.

use crate::ir::Losses;
use crate::wire::json::{self, Json};

pub(in crate::dialect) fn mentions_json(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(4).any(|window| window.eq_ignore_ascii_case(b"json"))
}

pub(in crate::dialect) fn in_words(schema: &str) -> String {
    format!(
        "Answer with one JSON value and nothing else: no words around it, no code fence. \
         It must fit this JSON schema:\n{schema}"
    )
}

/// Whether the schema may be strict: OpenAI refuses a strict one whose objects are open or have
/// members that may be missing.
pub(in crate::dialect) fn fitting(schema: &str, strict: Option<bool>, losses: &mut Losses) -> Option<bool> {
    if strict != Some(true) {
        return strict;
    }
    let fits = json::parse(schema.as_bytes()).is_ok_and(|schema| is_closed(&schema));
    if !fits {
        losses.bent("response_format.strict", "the schema has open objects or members that may be missing");
    }
    Some(fits)
}

/// Whether OpenAI surely takes the schema as a strict one.
pub(in crate::dialect) fn is_strict(schema: &str) -> bool {
    let Ok(schema) = json::parse(schema.as_bytes()) else {
        return false;
    };
    schema.get("type").and_then(Json::as_str) == Some("object") && is_closed(&schema) && is_plain(&schema)
}

/// Whether a schema is made of nothing but what every strict schema may hold.
fn is_plain(schema: &Json<'_>) -> bool {
    schema.entries().iter().all(|(key, value)| match &**key {
        "type" | "description" | "enum" | "const" | "required" | "$ref" => true,
        "additionalProperties" => value.as_bool() == Some(false),
        "items" => is_plain(value),
        "properties" | "$defs" => value.entries().iter().all(|(_, inner)| is_plain(inner)),
        "anyOf" => value.elements().iter().all(is_plain),
        _ => false,
    })
}

fn is_closed(schema: &Json<'_>) -> bool {
    if let Some(properties) = schema.get("properties").filter(|value| value.is_object()) {
        let required = schema.get("required").map(Json::elements);
        let required = required.unwrap_or_default();
        let is_required = |name: &str| required.iter().any(|key| key.as_str() == Some(name));
        let all = properties.entries().iter().all(|(name, _)| is_required(name));
        let closed = schema.get("additionalProperties").and_then(Json::as_bool) == Some(false);
        if !all || !closed {
            return false;
        }
    }
    let inner = |key: &str| {
        let values = schema.get(key).map(Json::entries).unwrap_or_default();
        values.iter().all(|(_, value)| is_closed(value))
    };
    let listed = |key: &str| {
        let values = schema.get(key).map(Json::elements).unwrap_or_default();
        values.iter().all(is_closed)
    };
    inner("properties")
        && inner("$defs")
        && inner("definitions")
        && listed("anyOf")
        && listed("allOf")
        && listed("prefixItems")
        && schema.get("items").is_none_or(is_closed)
}
