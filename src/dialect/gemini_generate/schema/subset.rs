//! JSON Schema → the provider's `Schema`, which knows far less.

use super::super::case;
use crate::ir::Losses;
use crate::wire::json::{self, Json, Object};

/// More schemas than this after references are written out mean that they multiply; what is
/// beyond becomes any object.
const MOST: usize = 2_000;

/// Keywords that limit what may be said, and that cannot be told.
const LOST: [&str; 22] = [
    "patternProperties",
    "not",
    "if",
    "then",
    "else",
    "uniqueItems",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "contains",
    "minContains",
    "maxContains",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentEncoding",
    "contentMediaType",
];

/// Whether the order of properties is told beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Ordering {
    /// It is, so that an answer comes in the schema's own order.
    Told,
    /// It is not.
    Left,
}

/// The schema in the subset; `place` names it in the ledger. There is none for an object without
/// properties, as the provider refuses one at the top.
pub(in super::super) fn write_subset(
    schema: &Json<'_>,
    ordering: Ordering,
    place: &'static str,
    losses: &mut Losses,
) -> Option<Vec<u8>> {
    let mut writer = Writer { root: schema, refs: Vec::new(), nodes: 0, ordering, place, losses };
    let flat = writer.flatten(schema);
    if flat.any.is_empty() && flat.properties.is_empty() && flat.type_word() == "object" {
        return None;
    }
    let mut out = Vec::with_capacity(schema.raw().len());
    writer.node(&mut out, &flat, None, false);
    Some(out)
}

struct Writer<'j, 'a, 'l> {
    root: &'j Json<'a>,
    /// The references being written out, so that one that leads back to itself is seen.
    refs: Vec<&'j str>,
    nodes: usize,
    ordering: Ordering,
    place: &'static str,
    losses: &'l mut Losses,
}

/// A schema with its references and conjunctions taken in.
#[derive(Default)]
struct Flat<'j, 'a> {
    members: Vec<(&'j str, &'j Json<'a>)>,
    types: Vec<&'j str>,
    values: Option<Vec<&'j Json<'a>>>,
    properties: Vec<(&'j str, &'j Json<'a>)>,
    required: Vec<&'j str>,
    any: Vec<&'j Json<'a>>,
    nullable: bool,
    /// How many references were followed to get here.
    followed: usize,
}

impl<'j, 'a> Flat<'j, 'a> {
    fn get(&self, key: &str) -> Option<&'j Json<'a>> {
        self.members.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// The one type, told or guessed from what else is said.
    fn type_word(&self) -> &'static str {
        if let Some(word) = self.types.first() {
            return known(word);
        }
        if let Some(values) = self.values.as_deref().filter(|values| !values.is_empty()) {
            return guess(values);
        }
        let has = |keys: &[&str]| keys.iter().any(|key| self.get(key).is_some());
        if self.properties.is_empty() && has(&["items", "minItems", "maxItems"]) {
            "array"
        } else if has(&["minLength", "maxLength", "pattern", "format"]) {
            "string"
        } else if has(&["minimum", "maximum"]) {
            "number"
        } else {
            "object"
        }
    }
}

impl<'j, 'a> Writer<'j, 'a, '_> {
    fn dropped(&mut self, key: &str) {
        self.losses.dropped(format!("{}.{key}", self.place), "no such keyword in this schema dialect");
    }

    fn bent(&mut self, key: &str, why: &'static str) {
        self.losses.bent(format!("{}.{key}", self.place), why);
    }

    fn flatten(&mut self, schema: &'j Json<'a>) -> Flat<'j, 'a> {
        let mut flat = Flat::default();
        self.take_in(schema, &mut flat);
        flat
    }

    fn take_in(&mut self, schema: &'j Json<'a>, flat: &mut Flat<'j, 'a>) {
        for (key, value) in schema.entries() {
            self.take(key, value, flat);
        }
        // What stands beside a reference wins over what stands behind it, so these come last.
        for part in schema.get("allOf").map(Json::elements).unwrap_or_default() {
            self.take_in(part, flat);
        }
        if let Some(target) = schema.get("$ref").and_then(Json::as_str) {
            self.follow(target, flat);
        }
    }

    fn take(&mut self, key: &'j str, value: &'j Json<'a>, flat: &mut Flat<'j, 'a>) {
        match key {
            "allOf" | "$ref" => {}
            "type" if flat.types.is_empty() => {
                for word in case::items(value).iter().filter_map(Json::as_str) {
                    match known(word) {
                        "null" => flat.nullable = true,
                        _ => flat.types.push(word),
                    }
                }
                if flat.types.is_empty() && flat.nullable {
                    flat.types.push("null");
                }
            }
            "nullable" => flat.nullable |= value.as_bool() == Some(true),
            "const" => flat.values = Some(vec![value]),
            "enum" if flat.values.is_none() => flat.values = Some(value.elements().iter().collect()),
            "properties" => {
                for (name, property) in value.entries() {
                    if !flat.properties.iter().any(|(known, _)| known == name) {
                        flat.properties.push((name, property));
                    }
                }
            }
            "required" => flat.required.extend(value.elements().iter().filter_map(Json::as_str)),
            "anyOf" | "oneOf" if flat.any.is_empty() => self.choose(value, flat),
            _ if flat.get(key).is_none() => flat.members.push((key, value)),
            _ => {}
        }
    }

    /// Takes in alternatives: null among them makes the whole nullable, one alone is no choice.
    fn choose(&mut self, value: &'j Json<'a>, flat: &mut Flat<'j, 'a>) {
        let is_null = |schema: &Json<'_>| schema.field("type").and_then(Json::as_str) == Some("null");
        let all = value.elements();
        let rest: Vec<_> = all.iter().filter(|schema| !is_null(schema)).collect();
        flat.nullable |= rest.len() < all.len();
        match rest.as_slice() {
            [only] => self.take_in(only, flat),
            _ => flat.any = rest,
        }
    }

    fn follow(&mut self, target: &'j str, flat: &mut Flat<'j, 'a>) {
        if self.refs.contains(&target) {
            self.bent("$ref", "a schema inside itself is told only once, then as any object");
            return;
        }
        match resolve(self.root, target) {
            Some(schema) => {
                self.refs.push(target);
                flat.followed += 1;
                self.take_in(schema, flat);
            }
            None => self.dropped("$ref"),
        }
    }

    fn child(&mut self, out: &mut Vec<u8>, schema: &'j Json<'a>, about: Option<&'j str>, nullable: bool) {
        self.nodes += 1;
        if self.nodes > MOST {
            self.bent("$ref", "references multiply beyond measure");
            out.extend_from_slice(br#"{"type":"OBJECT"}"#);
            return;
        }
        let flat = self.flatten(schema);
        self.node(out, &flat, about, nullable);
        self.refs.truncate(self.refs.len().saturating_sub(flat.followed));
    }

    fn node(&mut self, out: &mut Vec<u8>, flat: &Flat<'j, 'a>, about: Option<&'j str>, nullable: bool) {
        let nullable = nullable || flat.nullable;
        let about = flat.get("description").and_then(Json::as_str).or(about);
        self.note_lost(flat);
        if flat.any.len() > 1 && flat.properties.is_empty() {
            // Nothing may stand beside anyOf, so its alternatives inherit.
            json::object(out, |o| {
                o.array("anyOf", |a| {
                    for schema in &flat.any {
                        a.embed(|out| self.child(out, schema, about, nullable));
                    }
                });
            });
            return;
        }
        if flat.any.len() > 1 {
            self.dropped("anyOf");
        }
        if flat.types.len() > 1 && flat.values.is_none() {
            json::object(out, |o| {
                o.array("anyOf", |a| {
                    for word in &flat.types {
                        a.object(|o| self.typed(o, known(word), flat, about, nullable));
                    }
                });
            });
            return;
        }
        json::object(out, |o| self.typed(o, flat.type_word(), flat, about, nullable));
    }

    fn typed(
        &mut self,
        o: &mut Object<'_>,
        word: &'static str,
        flat: &Flat<'j, 'a>,
        about: Option<&'j str>,
        nullable: bool,
    ) {
        let values = flat.values.as_deref().unwrap_or_default();
        let word = if values.is_empty() || word == "null" { word } else { guess(values) };
        o.string("type", upper(word));
        if let Some(title) = flat.get("title").and_then(Json::as_str) {
            o.string("title", title);
        }
        o.opt_string("description", about);
        if word != "null" && (nullable || values.iter().any(|value| value.is_null())) {
            o.bool("nullable", true);
        }
        self.values(o, word, values);
        self.format(o, word, flat);
        for key in limits(word) {
            if let Some(limit) = flat.get(key).filter(|limit| limit.as_f64().is_some()) {
                o.raw(key, limit.raw());
            }
        }
        match word {
            "string" => o.opt_string("pattern", flat.get("pattern").and_then(Json::as_str)),
            "array" => self.array_items(o, flat),
            "object" => self.properties(o, flat),
            _ => {}
        }
        if let Some(default) = flat.get("default").filter(|default| !default.is_null()) {
            o.raw("default", default.raw());
        }
        let examples = flat.get("examples").and_then(|examples| examples.elements().first());
        if let Some(example) = flat.get("example").or(examples) {
            o.raw("example", example.raw());
        }
    }

    /// Only strings may be enumerated, and none of them may be empty.
    fn values(&mut self, o: &mut Object<'_>, word: &str, values: &[&'j Json<'a>]) {
        let words: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
        let some = words.iter().filter(|word| !word.is_empty());
        let nulls = values.iter().filter(|value| value.is_null()).count();
        if some.clone().count() + nulls < values.len() {
            self.dropped("enum");
        }
        if word == "string" && some.clone().next().is_some() {
            o.array("enum", |a| some.for_each(|word| a.string(word)));
        }
    }

    fn format(&mut self, o: &mut Object<'_>, word: &str, flat: &Flat<'j, 'a>) {
        let Some(format) = flat.get("format").and_then(Json::as_str) else { return };
        match (word, format) {
            ("string", "enum" | "date-time")
            | ("integer", "int32" | "int64")
            | ("number", "float" | "double" | "int32" | "int64") => o.string("format", format),
            _ => self.dropped("format"),
        }
    }

    fn array_items(&mut self, o: &mut Object<'_>, flat: &Flat<'j, 'a>) {
        let items = flat.get("items");
        let first = items.and_then(|items| items.elements().first());
        match first.or(items.filter(|items| !items.entries().is_empty())) {
            Some(schema) => o.embed("items", |out| self.child(out, schema, None, false)),
            // An array must tell what is in it.
            None => o.raw("items", r#"{"type":"OBJECT"}"#),
        }
    }

    fn properties(&mut self, o: &mut Object<'_>, flat: &Flat<'j, 'a>) {
        if flat.get("additionalProperties").is_some_and(Json::is_object) {
            self.dropped("additionalProperties");
        }
        if flat.properties.is_empty() {
            return;
        }
        o.object("properties", |o| {
            for (name, schema) in &flat.properties {
                o.embed(name, |out| self.child(out, schema, None, false));
            }
        });
        let has = |name: &str| flat.properties.iter().any(|(known, _)| *known == name);
        let required: Vec<_> = flat.required.iter().filter(|name| has(name)).collect();
        if !required.is_empty() {
            o.array("required", |a| required.iter().for_each(|name| a.string(name)));
        }
        if self.ordering == Ordering::Told {
            o.array("propertyOrdering", |a| {
                flat.properties.iter().for_each(|(name, _)| a.string(name));
            });
        }
    }

    fn note_lost(&mut self, flat: &Flat<'j, 'a>) {
        for (key, value) in &flat.members {
            if LOST.contains(key) && value.as_bool() != Some(false) {
                self.dropped(key);
            }
        }
    }
}

/// The schema that a reference inside the document points at.
pub(super) fn resolve<'j, 'a>(root: &'j Json<'a>, target: &str) -> Option<&'j Json<'a>> {
    let path = target.strip_prefix('#')?;
    let mut steps = path.split('/').skip(1);
    steps.try_fold(root, |schema, step| {
        if !step.contains(['~', '%']) {
            return schema.get(step);
        }
        schema.get(&step.replace("%24", "$").replace("~1", "/").replace("~0", "~"))
    })
}

/// The type of enumerated values.
fn guess(values: &[&Json<'_>]) -> &'static str {
    let mut some = values.iter().filter(|value| !value.is_null()).peekable();
    if some.peek().is_none() {
        return "null";
    }
    let all = |is: fn(&Json<'_>) -> bool| some.clone().all(|value| is(value));
    if all(|value| value.as_i64().is_some()) {
        "integer"
    } else if all(|value| value.as_f64().is_some()) {
        "number"
    } else if all(|value| value.as_bool().is_some()) {
        "boolean"
    } else {
        "string"
    }
}

fn known(word: &str) -> &'static str {
    let words = ["string", "number", "integer", "boolean", "array", "object", "null"];
    let found = words.into_iter().find(|known| known.eq_ignore_ascii_case(word));
    found.unwrap_or("object")
}

fn upper(word: &str) -> &'static str {
    match word {
        "string" => "STRING",
        "number" => "NUMBER",
        "integer" => "INTEGER",
        "boolean" => "BOOLEAN",
        "array" => "ARRAY",
        "null" => "NULL",
        _ => "OBJECT",
    }
}

fn limits(word: &str) -> &'static [&'static str] {
    match word {
        "string" => &["minLength", "maxLength"],
        "number" | "integer" => &["minimum", "maximum"],
        "array" => &["minItems", "maxItems"],
        "object" => &["minProperties", "maxProperties"],
        _ => &[],
    }
}
