//! A JSON value that fits a JSON Schema: arguments of tool calls and structured answers.

use serde_json::{Map, Value, json};

/// Deeper than this only what is required is filled in, so that recursive schemas end.
const DEEP: usize = 5;

/// An instance of `schema`. Different `salt`s give different strings and numbers where the schema
/// leaves a choice, so that two calls of one tool can be told apart.
#[must_use]
pub fn instance(schema: &Value, salt: u64) -> Value {
    Maker { root: schema, salt }.make(schema, "", 0)
}

struct Maker<'a> {
    root: &'a Value,
    salt: u64,
}

impl Maker<'_> {
    fn make(&self, schema: &Value, name: &str, depth: usize) -> Value {
        if depth > 4 * DEEP {
            return Value::Null;
        }
        let deeper = depth + 1;
        if let Some(target) = schema["$ref"].as_str() {
            let found = target.strip_prefix('#').and_then(|at| self.root.pointer(at));
            return found.map_or(Value::Null, |found| self.make(found, name, deeper));
        }
        if let Some(fixed) = schema.get("const") {
            return fixed.clone();
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.first().cloned().unwrap_or_default();
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(options) = schema[key].as_array() {
                return self.any(options, name, depth);
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return self.all(schema, parts, name, deeper);
        }
        match kind(schema).as_str() {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "integer" => integer(schema, self.salt),
            "number" => number(schema, self.salt),
            "boolean" => Value::Bool(self.salt.is_multiple_of(2)),
            "null" => Value::Null,
            _ => Value::String(string(schema, name, self.salt)),
        }
    }

    fn any(&self, options: &[Value], name: &str, depth: usize) -> Value {
        // Past the depth, a branch that does not lead back into the recursion.
        let flat = |option: &&Value| option.get("$ref").is_none() && kind(option) != "object";
        let pick = if depth > DEEP { options.iter().find(flat) } else { None };
        let pick = pick.or(options.first());
        pick.map_or(Value::Null, |option| self.make(option, name, depth + 1))
    }

    fn all(&self, schema: &Value, parts: &[Value], name: &str, depth: usize) -> Value {
        let mut own = schema.clone();
        if let Some(own) = own.as_object_mut() {
            own.remove("allOf");
        }
        let mut merged = Map::new();
        for part in parts.iter().chain(own.get("properties").is_some().then_some(&own)) {
            match self.make(part, name, depth) {
                Value::Object(fields) => merged.extend(fields),
                other => return other,
            }
        }
        Value::Object(merged)
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let mut object = Map::new();
        let required = schema["required"].as_array();
        let needed =
            |name: &str| required.is_some_and(|names| names.iter().any(|each| each.as_str() == Some(name)));
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if depth < DEEP || needed(name) {
                object.insert(name.clone(), self.make(property, name, depth + 1));
            }
        }
        Value::Object(object)
    }

    fn array(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let least = count(schema, "minItems").unwrap_or(0);
        let most = count(schema, "maxItems").unwrap_or(usize::MAX);
        let wanted = if depth < DEEP { least.max(1).min(most) } else { least };
        if let Some(fixed) = schema["prefixItems"].as_array() {
            return fixed.iter().map(|item| self.make(item, name, depth + 1)).collect();
        }
        let items = schema.get("items").cloned().unwrap_or_else(|| json!({"type": "string"}));
        (0..wanted.min(64) as u64)
            .map(|n| Maker { root: self.root, salt: self.salt + n }.make(&items, name, depth + 1))
            .collect()
    }
}

/// The type to make; Gemini spells it in capitals, and of a list the first that is not null counts.
fn kind(schema: &Value) -> String {
    let named = match &schema["type"] {
        Value::String(name) => Some(name.as_str()),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).find(|name| !name.eq_ignore_ascii_case("null"))
        }
        _ if schema.get("properties").is_some() => Some("object"),
        _ if schema.get("items").is_some() => Some("array"),
        _ => None,
    };
    named.unwrap_or("string").to_ascii_lowercase()
}

/// A count in a schema; Gemini also takes it as a string.
fn count(schema: &Value, key: &str) -> Option<usize> {
    let value = schema.get(key)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    usize::try_from(number).ok()
}

fn integer(schema: &Value, salt: u64) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64).map(floor);
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|bound| bound + 1));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|bound| bound - 1));
    let step = bound("multipleOf").filter(|step| *step > 0).unwrap_or(1);
    let free = 7 + i64::try_from(salt % 1000).unwrap_or(0);
    let mut value = match (least, most) {
        (Some(least), Some(most)) => free.clamp(least, most.max(least)),
        (Some(least), None) => free.max(least),
        (None, Some(most)) => free.min(most),
        (None, None) => free,
    };
    value -= value.rem_euclid(step);
    if least.is_some_and(|least| value < least) {
        value += step;
    }
    value.into()
}

#[expect(clippy::cast_possible_truncation, reason = "bounds of test schemas are small")]
fn floor(bound: f64) -> i64 {
    bound.floor() as i64
}

fn number(schema: &Value, salt: u64) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = bound("minimum").or(bound("exclusiveMinimum"));
    let most = bound("maximum").or(bound("exclusiveMaximum"));
    let free = 7.5 + f64::from(u16::try_from(salt % 1000).unwrap_or(0));
    let value = match (least, most) {
        (Some(least), Some(most)) => least.midpoint(most),
        (Some(least), None) => free.max(least + 0.5),
        (None, Some(most)) => free.min(most - 0.5),
        (None, None) => free,
    };
    value.into()
}

fn string(schema: &Value, name: &str, salt: u64) -> String {
    let made = match schema["format"].as_str().unwrap_or_default() {
        "date-time" => "2026-01-15T12:30:00Z".to_owned(),
        "date" => "2026-01-15".to_owned(),
        "time" => "12:30:00Z".to_owned(),
        "duration" => "PT15M".to_owned(),
        "email" => format!("ada{salt}@example.com"),
        "hostname" => "example.com".to_owned(),
        "ipv4" => "192.0.2.1".to_owned(),
        "ipv6" => "2001:db8::1".to_owned(),
        "uri" | "url" => format!("https://example.com/{salt}"),
        "uuid" => format!("00000000-0000-4000-8000-{salt:012x}"),
        _ => word(name, salt),
    };
    let least = count(schema, "minLength").unwrap_or(0);
    let most = count(schema, "maxLength").unwrap_or(usize::MAX);
    made.chars().chain(std::iter::repeat('x')).take(made.chars().count().max(least).min(most)).collect()
}

fn word(name: &str, salt: u64) -> String {
    const PLACES: [&str; 5] = ["Paris", "Tokyo", "Nairobi", "Lima", "Oslo"];
    const NAMES: [&str; 5] = ["Ada", "Grace", "Alan", "Edsger", "Barbara"];
    const WORDS: [&str; 5] = ["word", "river", "stone", "cloud", "ember"];
    let lower = name.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let list = if has(&["city", "location", "place", "country"]) {
        PLACES
    } else if has(&["name", "author", "person"]) {
        NAMES
    } else {
        WORDS
    };
    let pick = usize::try_from(salt % 5).unwrap_or(0);
    list.get(pick).copied().unwrap_or("word").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_respects_enums_bounds_and_references() {
        let schema = json!({
            "type": "object",
            "$defs": {"unit": {"enum": ["C", "F"]}},
            "properties": {
                "unit": {"$ref": "#/$defs/unit"},
                "days": {"type": "integer", "minimum": 1, "maximum": 3},
                "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
                "note": {"anyOf": [{"type": "string", "maxLength": 2}, {"type": "null"}]},
                "maybe": {"type": ["null", "boolean"]},
            },
        });
        assert_eq!(
            instance(&schema, 0),
            json!({"unit": "C", "days": 3, "tags": ["word", "river"], "note": "wo", "maybe": true})
        );
    }

    #[test]
    fn a_recursive_schema_ends() {
        let schema = json!({
            "$defs": {"node": {"type": "object", "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            }, "required": ["value", "next", "children"]}},
            "$ref": "#/$defs/node",
        });
        assert!(instance(&schema, 0).to_string().len() < 10_000);
    }

    #[test]
    fn gemini_spelling_is_understood() {
        let schema = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}}});
        assert_eq!(instance(&schema, 1), json!({"city": "Tokyo"}));
    }
}
