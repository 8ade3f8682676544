//! Holds answers against the document that the API gives of itself: nothing that it does not tell of
//! may be said, and nothing be missing.

use serde_json::Value;

use super::{MASTER, path, raw, with};
use crate::harness::{Gateway, get};

/// Checks an answer to this.
pub(crate) fn check(gateway: &Gateway, method: &str, to: &str, status: u16, said: &Value) {
    let document = raw(gateway, &with(get(&path("/openapi.json")), MASTER)).ok().json();
    let asked = to.split('?').next().unwrap();
    let paths = document["paths"].as_object().unwrap();
    let fits = |pattern: &str| {
        let (mut known, mut own) = (pattern.split('/'), asked.split('/'));
        loop {
            match (known.next(), own.next()) {
                (None, None) => return true,
                (Some("{path}"), Some(_)) => return true,
                (Some(known), Some(own)) if known == own || known.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    let mut exact: Vec<_> = paths.iter().filter(|(pattern, _)| fits(pattern)).collect();
    exact.sort_by_key(|(pattern, _)| pattern.contains('{'));
    let Some((_, path)) = exact.first() else {
        assert_eq!(status, 404, "{to} is no path of the document");
        return;
    };
    let responses = &path[method.to_lowercase()]["responses"];
    if responses.is_null() {
        assert_eq!(status, 405, "{method} {to} is not in the document");
        return;
    }
    let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
    if status < 300 {
        assert!(responses.get(status.to_string()).is_some(), "{method} {to} does not tell of {status}");
    }
    let schema = &response["content"]["application/json"]["schema"];
    if schema.is_null() {
        assert!(said.is_null(), "{method} {to} tells of no body: {said}");
        return;
    }
    if let Some(wrong) = wrong(&document, schema, said, "") {
        panic!("{method} {to} {status}: {wrong}\n{said:#}");
    }
}

/// Checks a value against one of the document's schemas.
pub(crate) fn fits(gateway: &Gateway, schema: &str, said: &Value) {
    let document = raw(gateway, &with(get(&path("/openapi.json")), MASTER)).ok().json();
    let schema = &document["components"]["schemas"][schema];
    assert!(schema.is_object(), "no such schema");
    assert_eq!(wrong(&document, schema, said, ""), None, "{said:#}");
}

/// What does not fit, if anything.
fn wrong(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.trim_start_matches('#')).expect("a schema that is there");
        return wrong(document, schema, value, at);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |name: &Value| name == kind || (name == "number" && kind == "integer");
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(is),
        one => is(one),
    };
    if !fits {
        return Some(format!("{at} is {kind}, expected {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        return Some(format!("{at} is {value}, expected one of {words:?}"));
    }
    if schema["format"] == "date-time" && !value.is_null() {
        let text = value.as_str().unwrap();
        if text.len() != 24 || !text.ends_with('Z') {
            return Some(format!("{at} is no moment: {text}"));
        }
    }
    if let Some(items) = value.as_array() {
        let inner = items.iter().enumerate();
        return inner
            .flat_map(|(place, item)| wrong(document, &schema["items"], item, &format!("{at}[{place}]")))
            .next();
    }
    let members = value.as_object()?;
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            return Some(format!("{at} has no {name}"));
        }
    }
    let is_open = schema["properties"].is_null() && schema["additionalProperties"].is_null();
    members.iter().filter(|_| !is_open).find_map(|(name, member)| {
        let at = format!("{at}.{name}");
        match schema["properties"].get(name).or_else(|| schema.get("additionalProperties")) {
            Some(inner) => wrong(document, inner, member, &at),
            None => Some(format!("{at} is not told of")),
        }
    })
}
