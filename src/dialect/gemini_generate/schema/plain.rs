//! JSON Schema → the part of JSON Schema that the provider reads
//! (<https://ai.google.dev/api/generate-content#FIELDS.response_json_schema>, seen 2026-11): beside a
//! reference only a description and a default may stand, and it must point into `$defs`; `const` and
//! `allOf` are not read at all. Other references are written out, if they do not lead back to
//! themselves.

use crate::wire::json::{self, Json, Object};

/// Where more schemas than this come out, references multiply: then it goes as it is.
const MOST: usize = 2_000;

/// What is looked for, to let a schema that has none of it pass unread.
const READ_AS_ELSE: [&str; 4] = ["\"$ref\"", "\"const\"", "\"allOf\"", "\"$schema\""];

/// Appends the schema. One that is fine as it is comes out byte for byte.
pub(in super::super) fn write_plain(out: &mut Vec<u8>, schema: &str) {
    let start = out.len();
    if READ_AS_ELSE.iter().any(|word| schema.contains(word))
        && let Ok(root) = json::parse(schema.as_bytes())
    {
        let mut writer = Writer { root: &root, refs: Vec::new(), nodes: 0, bent: false };
        writer.node(out, &root);
        if writer.bent && writer.nodes <= MOST {
            return;
        }
        out.truncate(start);
    }
    out.extend_from_slice(schema.as_bytes());
}

const DEFS: &str = "#/$defs/";

/// Whether a member may stand beside a reference.
fn stands_beside(key: &str) -> bool {
    key.starts_with('$') || matches!(key, "description" | "default")
}

struct Writer<'j, 'a> {
    root: &'j Json<'a>,
    /// The references being written out.
    refs: Vec<&'j str>,
    nodes: usize,
    /// Whether anything was said otherwise.
    bent: bool,
}

impl<'j, 'a> Writer<'j, 'a> {
    /// Whether a reference to `wanted` can be reached.
    fn reaches(&self, schema: &'j Json<'a>, wanted: &str, seen: &mut Vec<&'j str>) -> bool {
        if let Some(target) = schema.get("$ref").and_then(Json::as_str) {
            if wanted == target {
                return true;
            }
            if !seen.contains(&target) {
                seen.push(target);
                if self.resolve(target).is_some_and(|found| self.reaches(found, wanted, seen)) {
                    return true;
                }
            }
        }
        let members = schema.entries().iter().map(|(_, value)| value);
        members.chain(schema.elements()).any(|inner| self.reaches(inner, wanted, seen))
    }

    fn leads_back(&self, target: &'j str) -> bool {
        target == "#"
            || self.resolve(target).is_some_and(|schema| self.reaches(schema, target, &mut Vec::new()))
    }

    /// The schema inside the document that a reference points at.
    fn resolve(&self, target: &str) -> Option<&'j Json<'a>> {
        super::resolve(self.root, target)
    }

    fn node(&mut self, out: &mut Vec<u8>, schema: &'j Json<'a>) {
        self.nodes += 1;
        if !schema.is_object() || self.nodes > MOST {
            out.extend_from_slice(schema.raw().as_bytes());
            return;
        }
        let depth = self.refs.len();
        let mut members = Vec::with_capacity(schema.entries().len());
        self.gather(schema, &mut members);
        let is_root = std::ptr::eq(schema, self.root);
        json::object(out, |o| {
            for (key, value) in &members {
                self.member(o, key, value, &members, is_root);
            }
        });
        self.refs.truncate(depth);
    }

    /// The members of a schema, then those of what it refers to. What is said first wins.
    fn gather(&mut self, schema: &'j Json<'a>, members: &mut Vec<(&'j str, &'j Json<'a>)>) {
        let mut behind = None;
        let is_root = std::ptr::eq(schema, self.root);
        let lonely = is_root || schema.entries().iter().all(|(key, _)| stands_beside(key));
        for (key, value) in schema.entries() {
            match (&**key, value.elements()) {
                ("$ref", _)
                    if value.as_str().is_some_and(|target| {
                        !(lonely && target.starts_with(DEFS)) && self.can_be_written_out(target)
                    }) =>
                {
                    self.bent = true;
                    if let Some(target) = value.as_str() {
                        self.refs.push(target);
                        behind = self.resolve(target);
                    }
                }
                ("allOf", [only]) if only.is_object() && behind.is_none() => {
                    self.bent = true;
                    behind = Some(only);
                }
                _ if members.iter().any(|(known, _)| *known == &**key) => {}
                _ => members.push((key, value)),
            }
        }
        if let Some(behind) = behind {
            self.gather(behind, members);
        }
        if !is_root && members.iter().any(|(key, _)| *key == "$ref") {
            let before = members.len();
            members.retain(|(key, _)| stands_beside(key));
            self.bent |= members.len() < before;
        }
    }

    fn can_be_written_out(&self, target: &'j str) -> bool {
        !self.refs.contains(&target) && self.resolve(target).is_some() && !self.leads_back(target)
    }

    fn member(
        &mut self,
        o: &mut Object<'_>,
        key: &str,
        value: &'j Json<'a>,
        members: &[(&'j str, &'j Json<'a>)],
        is_root: bool,
    ) {
        let told = |name: &str| members.iter().any(|(known, _)| *known == name);
        match key {
            "$schema" => self.bent = true,
            "definitions" if is_root && !told("$defs") => {
                self.bent = true;
                o.object("$defs", |o| self.named(o, value));
            }
            "$ref" => o.string(key, &value.as_str().unwrap_or_default().replace("#/definitions/", DEFS)),
            "const" => {
                self.bent = true;
                if !told("type") {
                    o.opt_string("type", type_of(value));
                }
                if !told("enum") {
                    o.array("enum", |a| a.raw(value.raw()));
                }
            }
            "properties" | "patternProperties" | "$defs" | "definitions" if value.is_object() => {
                o.object(key, |o| self.named(o, value));
            }
            "items" | "prefixItems" | "anyOf" | "oneOf" | "allOf" if value.is_array() => o.array(key, |a| {
                for schema in value.elements() {
                    a.embed(|out| self.node(out, schema));
                }
            }),
            "items" | "additionalProperties" | "not" => o.embed(key, |out| self.node(out, value)),
            _ => o.raw(key, value.raw()),
        }
    }

    fn named(&mut self, o: &mut Object<'_>, schemas: &'j Json<'a>) {
        for (name, schema) in schemas.entries() {
            o.embed(name, |out| self.node(out, schema));
        }
    }
}

fn type_of(value: &Json<'_>) -> Option<&'static str> {
    if value.is_string() {
        Some("string")
    } else if value.as_bool().is_some() {
        Some("boolean")
    } else if value.as_i64().is_some() {
        Some("integer")
    } else if value.as_f64().is_some() {
        Some("number")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(schema: &str) -> String {
        let mut out = Vec::new();
        write_plain(&mut out, schema);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_schema_that_is_read_as_it_is_passes_byte_for_byte() {
        for schema in [
            r#"{ "type":"object", "properties": {"a":{"type":["string","null"]}} }"#,
            r##"{"$ref":"#/$defs/A", "title":"A", "$defs":{"A":{"properties":{"b":{"$ref":"#/$defs/A","description":"d"}}}}}"##,
            r##"{"$ref":"#/$defs/gone"}"##,
        ] {
            assert_eq!(plain(schema), schema);
        }
    }

    #[test]
    fn references_with_company_are_written_out() {
        assert_eq!(
            plain(
                r##"{"$schema":"x","type":"object","definitions":{"U":{"type":"string","enum":["c","f"],"description":"Unit."}},
                "properties":{"const":{"const":"on"},"unit":{"$ref":"#/definitions/U","description":"Which?","title":"T"},
                "old":{"allOf":[{"$ref":"#/definitions/U"}],"default":"c"}}}"##
            ),
            r#"{"type":"object","$defs":{"U":{"type":"string","enum":["c","f"],"description":"Unit."}},"properties":{"const":{"type":"string","enum":["on"]},"unit":{"description":"Which?","title":"T","type":"string","enum":["c","f"]},"old":{"default":"c","type":"string","enum":["c","f"],"description":"Unit."}}}"#
        );
    }

    #[test]
    fn references_that_lead_back_stay_with_what_may_stand_beside_them() {
        assert_eq!(
            plain(
                r##"{"$ref":"#/definitions/N","title":"Tree","definitions":{"N":{"type":"object","properties":{
                "leaf":{"$ref":"#/definitions/L"},"next":{"$ref":"#/definitions/N","title":"Next","description":"d"}}},
                "L":{"type":"string"}}}"##
            ),
            r##"{"$ref":"#/$defs/N","title":"Tree","$defs":{"N":{"type":"object","properties":{"leaf":{"type":"string"},"next":{"$ref":"#/$defs/N","description":"d"}}},"L":{"type":"string"}}}"##
        );
    }

    #[test]
    fn references_that_multiply_go_as_they_are() {
        let level = |level: u32| {
            let inner = format!(r##"{{"$ref":"#/$defs/d{}","title":"t"}}"##, level - 1);
            format!(r#","d{level}":{{"type":"object","properties":{{"a":{inner},"b":{inner}}}}}"#)
        };
        let defs = (1..40).fold(r#""d0":{"type":"string"}"#.to_owned(), |defs, at| defs + &level(at));
        let schema = format!(r##"{{"$ref":"#/$defs/d39","$defs":{{{defs}}}}}"##);
        assert_eq!(plain(&schema), schema);
    }
}
