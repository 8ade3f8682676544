//! Whether a JSON value is as a schema describes it: the common words of JSON Schema, and those that Gemini's
//! older schemas have instead.
//!
//! What a word means that is not known here (`format`, `pattern`, references elsewhere) holds. So does all
//! of a schema once too much of it was looked at, since clients write them.

use std::borrow::Cow;

use crate::wire::json::{Json, Kind};

/// So many names and values are compared, and no more: some tens of milliseconds.
const MOST_STEPS: usize = 10_000_000;
/// So many words are looked for in each schema.
const WORDS: usize = 24;
/// No more schemas stand within each other.
const DEEPEST: u8 = 64;

/// Why a value is not as its schema describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The word of the schema.
    pub(super) word: &'static str,
}

/// Compares a value with a schema.
pub(super) fn fits(schema: &Json<'_>, value: &Json<'_>) -> Result<(), Misfit> {
    let mut check = Check { root: schema, steps: 0, is_cut: false };
    let found = check.fits(schema, value, 0);
    if check.is_cut { Ok(()) } else { found }
}

struct Check<'s, 'a> {
    root: &'s Json<'a>,
    steps: usize,
    /// Whether something was not looked at any more, so that nobody knows what holds.
    is_cut: bool,
}

fn not(word: &'static str) -> Result<(), Misfit> {
    Err(Misfit { word })
}

impl<'s, 'a> Check<'s, 'a> {
    fn fits(&mut self, schema: &'s Json<'a>, value: &Json<'_>, depth: u8) -> Result<(), Misfit> {
        self.is_cut |= depth > DEEPEST;
        if !self.may(schema.entries().len() * WORDS) {
            return Ok(());
        }
        if schema.as_bool() == Some(false) {
            return not("false");
        }
        // What may be null in Gemini's schemas may be so whatever else they list.
        if value.is_null() && schema.get("nullable").and_then(Json::as_bool) == Some(true) {
            return Ok(());
        }
        let depth = depth + 1;
        if let Some(target) = schema.get("$ref").and_then(Json::as_str).and_then(|name| self.behind(name)) {
            self.fits(target, value, depth)?;
        }
        kind(schema, value)?;
        if let Some(options) = schema.get("enum").filter(|options| options.is_array())
            && !options.elements().iter().any(|option| self.same(option, value, 0))
        {
            return not("enum");
        }
        if schema.get("const").is_some_and(|only| !self.same(only, value, 0)) {
            return not("const");
        }
        self.combined(schema, value, depth)?;
        match value.kind() {
            Kind::Object(members) => self.object(schema, members, depth),
            Kind::Array(elements) => self.array(schema, elements, depth),
            Kind::String(text) => string(schema, text),
            Kind::Number(raw) => number(schema, raw),
            Kind::Bool(_) | Kind::Null => Ok(()),
        }
    }

    /// Whether so much more may be compared.
    const fn may(&mut self, more: usize) -> bool {
        self.steps = self.steps.saturating_add(more).saturating_add(1);
        self.is_cut |= self.steps > MOST_STEPS;
        !self.is_cut
    }

    /// The schema that a reference within the whole names by its place; names of one's own are not known.
    fn behind(&self, name: &str) -> Option<&'s Json<'a>> {
        let path = name.strip_prefix('#').filter(|path| path.is_empty() || path.starts_with('/'))?;
        let mut found = self.root;
        for key in path.split('/').skip(1) {
            let key = key.replace("~1", "/").replace("~0", "~").replace("%24", "$");
            found = match key.parse::<usize>() {
                Ok(place) if found.is_array() => found.elements().get(place)?,
                _ => found.get(&key)?,
            };
        }
        Some(found)
    }

    fn combined(&mut self, schema: &'s Json<'a>, value: &Json<'_>, depth: u8) -> Result<(), Misfit> {
        for part in list(schema, "allOf") {
            self.fits(part, value, depth)?;
        }
        let any = list(schema, "anyOf");
        if !any.is_empty() && !any.iter().any(|part| self.fits(part, value, depth).is_ok()) {
            return not("anyOf");
        }
        let one = list(schema, "oneOf");
        if !one.is_empty() && one.iter().filter(|part| self.fits(part, value, depth).is_ok()).count() != 1 {
            return not("oneOf");
        }
        if let Some(part) = schema.get("not")
            && self.fits(part, value, depth).is_ok()
        {
            return not("not");
        }
        if let Some(condition) = schema.get("if") {
            let word = if self.fits(condition, value, depth).is_ok() { "then" } else { "else" };
            if let Some(part) = schema.get(word) {
                return self.fits(part, value, depth);
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        schema: &'s Json<'a>,
        members: &[(Cow<'_, str>, Json<'_>)],
        depth: u8,
    ) -> Result<(), Misfit> {
        let has = |name: &str| members.iter().any(|(key, _)| key == name);
        let (required, known) = (list(schema, "required"), schema.get("properties"));
        let names = required.len() + known.map_or(0, |known| known.entries().len());
        if !self.may(members.len().saturating_mul(names)) {
            return Ok(());
        }
        if required.iter().filter_map(Json::as_str).any(|name| !has(name)) {
            return not("required");
        }
        count(schema, members.len(), "minProperties", "maxProperties")?;
        let others = schema.get("additionalProperties");
        // What patterns describe is not known to be something else.
        let others = others.filter(|_| schema.get("patternProperties").is_none());
        for (key, member) in members {
            match known.and_then(|known| known.get(key)) {
                Some(part) => self.fits(part, member, depth)?,
                None => match others {
                    Some(part) if part.as_bool() == Some(false) => return not("additionalProperties"),
                    Some(part) => self.fits(part, member, depth)?,
                    None => {}
                },
            }
        }
        Ok(())
    }

    fn array(&mut self, schema: &'s Json<'a>, elements: &[Json<'_>], depth: u8) -> Result<(), Misfit> {
        const MOST_COMPARED: usize = 256;
        count(schema, elements.len(), "minItems", "maxItems")?;
        let items = schema.get("items");
        // Older schemas write the first ones as a list of items.
        let older = items.filter(|items| items.is_array()).map(Json::elements).unwrap_or_default();
        let first = match list(schema, "prefixItems") {
            [] => older,
            first => first,
        };
        let rest = items.filter(|items| !items.is_array());
        for (place, element) in elements.iter().enumerate() {
            match first.get(place).or(rest) {
                Some(part) if part.as_bool() == Some(false) => return not("items"),
                Some(part) => self.fits(part, element, depth)?,
                None => {}
            }
        }
        let unique = schema.get("uniqueItems").and_then(Json::as_bool) == Some(true);
        if unique && elements.len() <= MOST_COMPARED {
            for (place, one) in elements.iter().enumerate() {
                if elements.iter().skip(place + 1).any(|other| self.same(one, other, 0)) {
                    return not("uniqueItems");
                }
            }
        }
        Ok(())
    }

    /// Whether two values are the same, however they are written.
    fn same(&mut self, one: &Json<'_>, other: &Json<'_>, depth: u8) -> bool {
        self.is_cut |= depth > DEEPEST;
        if !self.may(0) {
            return false;
        }
        match (one.kind(), other.kind()) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(one), Kind::Bool(other)) => one == other,
            (Kind::String(one), Kind::String(other)) => one == other,
            (Kind::Number(a), Kind::Number(b)) => a == b || one.as_f64() == other.as_f64(),
            (Kind::Array(one), Kind::Array(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| self.same(one, other, depth + 1))
            }
            (Kind::Object(members), Kind::Object(others)) => {
                members.len() == others.len()
                    && members.iter().all(|(key, member)| {
                        self.may(others.len())
                            && other.get(key).is_some_and(|other| self.same(member, other, depth + 1))
                    })
            }
            _ => false,
        }
    }
}

fn list<'j, 'a>(schema: &'j Json<'a>, word: &str) -> &'j [Json<'a>] {
    schema.get(word).map(Json::elements).unwrap_or_default()
}

/// Whether a value is of one of the kinds that are named; Gemini names them in capitals.
fn kind(schema: &Json<'_>, value: &Json<'_>) -> Result<(), Misfit> {
    let Some(named) = schema.get("type") else { return Ok(()) };
    let is = |name: &str| match name.to_ascii_lowercase().as_str() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.as_f64().is_some(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.as_bool().is_some(),
        "null" => value.is_null(),
        _ => true,
    };
    let fine = match named.as_str() {
        Some(name) => is(name),
        None => named.elements().iter().filter_map(Json::as_str).any(is) || !named.is_array(),
    };
    if fine { Ok(()) } else { not("type") }
}

/// Gemini writes whole numbers as texts, too.
fn whole(schema: &Json<'_>, word: &str) -> Option<u64> {
    let said = schema.get(word)?;
    said.as_u64().or_else(|| said.as_str()?.parse().ok())
}

fn count(schema: &Json<'_>, length: usize, least: &'static str, most: &'static str) -> Result<(), Misfit> {
    if whole(schema, least).is_some_and(|least| (length as u64) < least) {
        return not(least);
    }
    if whole(schema, most).is_some_and(|most| (length as u64) > most) {
        return not(most);
    }
    Ok(())
}

fn string(schema: &Json<'_>, text: &str) -> Result<(), Misfit> {
    if schema.get("minLength").is_none() && schema.get("maxLength").is_none() {
        return Ok(());
    }
    count(schema, text.chars().count(), "minLength", "maxLength")
}

fn number(schema: &Json<'_>, raw: &str) -> Result<(), Misfit> {
    let Ok(value) = raw.parse::<f64>() else { return Ok(()) };
    let bound = |word: &str| schema.get(word).and_then(Json::as_f64);
    if bound("minimum").is_some_and(|least| value < least) {
        return not("minimum");
    }
    if bound("maximum").is_some_and(|most| value > most) {
        return not("maximum");
    }
    if bound("exclusiveMinimum").is_some_and(|least| value <= least) {
        return not("exclusiveMinimum");
    }
    if bound("exclusiveMaximum").is_some_and(|most| value >= most) {
        return not("exclusiveMaximum");
    }
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0) {
        let times = value / step;
        // 0.3 is three times 0.1, as far as such numbers can tell.
        if (times - times.round()).abs() > 1e-9 * times.abs().max(1.0) {
            return not("multipleOf");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn word(schema: &str, value: &str) -> Option<&'static str> {
        let schema = json::parse(schema.as_bytes()).unwrap();
        let value = json::parse(value.as_bytes()).unwrap();
        fits(&schema, &value).err().map(|misfit| misfit.word)
    }

    #[test]
    fn each_word_holds_and_is_broken() {
        for (schema, well, ill, expected) in [
            (r#"{"type":"object"}"#, "{}", "[]", "type"),
            (r#"{"type":["string","null"]}"#, "null", "1", "type"),
            (r#"{"type":"integer"}"#, "3.0", "3.5", "type"),
            (r#"{"type":"STRING","nullable":true}"#, "null", "1", "type"),
            (r#"{"enum":["a",1,{"x":[1]}]}"#, r#"{"x":[1.0]}"#, r#""b""#, "enum"),
            (r#"{"const":"a"}"#, r#""\u0061""#, r#""b""#, "const"),
            (r#"{"required":["a"]}"#, r#"{"a":1}"#, r#"{"b":1}"#, "required"),
            (
                r#"{"properties":{"a":{}},"additionalProperties":false}"#,
                r#"{"a":1}"#,
                r#"{"a":1,"b":2}"#,
                "additionalProperties",
            ),
            (r#"{"additionalProperties":{"type":"string"}}"#, r#"{"a":"x"}"#, r#"{"a":1}"#, "type"),
            (r#"{"properties":{"a":{"type":"string"}}}"#, r#"{"a":"x"}"#, r#"{"a":1}"#, "type"),
            (r#"{"minProperties":1}"#, r#"{"a":1}"#, "{}", "minProperties"),
            (r#"{"items":{"type":"number"}}"#, "[1,2]", r#"[1,"2"]"#, "type"),
            (r#"{"prefixItems":[{"type":"string"}],"items":false}"#, r#"["a"]"#, r#"["a",1]"#, "items"),
            (r#"{"items":[{"type":"string"}]}"#, r#"["a",1]"#, "[1]", "type"),
            (r#"{"minItems":"1","maxItems":2}"#, "[1]", "[1,2,3]", "maxItems"),
            (r#"{"uniqueItems":true}"#, "[1,2]", "[1,1.0]", "uniqueItems"),
            (r#"{"minLength":2}"#, r#""éé""#, r#""é""#, "minLength"),
            (r#"{"maxLength":2}"#, r#""éé""#, r#""ééé""#, "maxLength"),
            (r#"{"minimum":1,"maximum":2}"#, "1", "2.5", "maximum"),
            (r#"{"exclusiveMinimum":1}"#, "1.1", "1", "exclusiveMinimum"),
            (r#"{"multipleOf":0.1}"#, "0.3", "0.35", "multipleOf"),
            (r#"{"allOf":[{"minimum":1},{"maximum":2}]}"#, "2", "3", "maximum"),
            (r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, "null", "1", "anyOf"),
            (r#"{"oneOf":[{"minimum":1},{"maximum":2}]}"#, "3", "2", "oneOf"),
            (r#"{"not":{"type":"string"}}"#, "1", r#""a""#, "not"),
            (
                r#"{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}"#,
                r#"{"c":1}"#,
                r#"{"a":1}"#,
                "required",
            ),
            (r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}"##, r#""x""#, "1", "type"),
            (r#"{"type":"STRING","enum":["a"],"nullable":true}"#, "null", r#""b""#, "enum"),
            (
                r##"{"items":{"$ref":"#a"},"maxItems":1,"$defs":{"x":{"$anchor":"a"}}}"##,
                "[[1,2]]",
                "[1,2]",
                "maxItems",
            ),
        ] {
            assert_eq!(word(schema, well), None, "{schema} {well}");
            assert_eq!(word(schema, ill), Some(expected), "{schema} {ill}");
        }
    }

    #[test]
    fn a_schema_that_names_itself_comes_to_an_end() {
        let tree = r##"{"type":"object","properties":{"next":{"anyOf":[{"type":"null"},{"$ref":"#"}]}},"required":["next"]}"##;
        assert_eq!(word(tree, r#"{"next":{"next":null}}"#), None);
        assert_eq!(word(tree, r#"{"next":{"next":1}}"#), Some("anyOf"));
        assert_eq!(word(r##"{"$ref":"#"}"##, "1"), None);
        let wide = r##"{"anyOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}]}"##;
        assert_eq!(word(wide, "1"), None);
    }

    #[test]
    fn what_was_not_looked_at_breaks_nothing() {
        let list = r##"{"oneOf":[{"type":"null"},{"type":"object","properties":{"next":{"$ref":"#"}}}]}"##;
        let nested =
            |levels: usize, end: &str| format!("{}{end}{}", "{\"next\":".repeat(levels), "}".repeat(levels));
        assert_eq!(word(list, &nested(5, "null")), None);
        assert_eq!(word(list, &nested(5, "1")), Some("oneOf"));
        assert_eq!(word(list, &nested(60, "null")), None);
        assert_eq!(word(r##"{"not":{"not":{"$ref":"#"}}}"##, "1"), None);
        let many = |end: &str| {
            let words: Vec<String> = (0..5000).map(|number| format!("\"word {number}\"")).collect();
            format!("[{}{end}]", words.join(","))
        };
        let listed = |end: &str| format!("{{\"items\":{{\"enum\":{}}}}}", many(end));
        assert_eq!(word(&listed(""), r#"["word 4999","word"]"#), Some("enum"));
        // Each with each would be too much.
        assert_eq!(word(&listed(""), &many(",\"word\"")), None);
    }

    #[test]
    fn what_is_not_known_holds() {
        assert_eq!(
            word(r#"{"format":"date","pattern":"^a","$ref":"https://example.com/s"}"#, r#""b""#),
            None
        );
        assert_eq!(word("true", "1"), None);
        assert_eq!(word("false", "1"), Some("false"));
    }
}
