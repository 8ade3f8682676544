//! Reads YAML into a tree in which everything knows its line and column.

use std::sync::Arc;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, NonFiniteFloatPolicy, Spanned};

use super::problem::{Place, Problems};
use super::tree::{Entry, Node, Value};

/// The tree of a YAML text, or a problem if there is none in it; `name` is the file's for humans.
///
/// A key that stands twice is a problem, and the first of them holds.
pub(super) fn parse(name: &str, text: &str, problems: &mut Problems) -> Option<Node> {
    let source = Source { name: name.into(), text };
    let whole = source.place(0, 0);
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(is_blank) {
        return Some(Node::new(&whole, Value::Null));
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
        // A key may look like a number that is too large for a float.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(Spanned { value: Raw::Text(_) | Raw::Spelt | Raw::List(_), .. }) => {
            let hint = "such as listen: 0.0.0.0:8080".to_owned();
            problems.error(&source.place(1, 1), "expected names with values", hint);
            None
        }
        Ok(root) => Some(source.node(root, problems)),
        Err(error) => {
            let at = error.location().map_or(whole, |at| source.place_at(at));
            problems.error(&at, sentence(&error), source.hint(error.location()));
            None
        }
    }
}

/// What the YAML library says of a value, each part with its place.
enum Raw {
    Null,
    Text(String),
    /// A number or a truth value, of which only the spelling counts.
    Spelt,
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<Self>, Spanned<Self>)>),
}

impl<'de> serde::Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Spelt)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Spelt)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Spelt)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Spelt)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

struct Source<'a> {
    name: Arc<str>,
    text: &'a str,
}

impl Source<'_> {
    fn place(&self, line: u64, column: u64) -> Place {
        Place::File { name: Arc::clone(&self.name), line, column }
    }

    fn place_at(&self, at: Location) -> Place {
        self.place(at.line(), at.column())
    }

    fn node(&self, raw: Spanned<Raw>, problems: &mut Problems) -> Node {
        let place = self.place_at(raw.referenced);
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Text(text) => Value::Text(text),
            Raw::Spelt => Value::Text(self.spelling(raw.defined)),
            Raw::List(items) => {
                Value::List(items.into_iter().map(|item| self.node(item, problems)).collect())
            }
            Raw::Map(entries) => Value::Map(self.entries(entries, problems)),
        };
        Node::new(&place, value)
    }

    fn entries(&self, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>, problems: &mut Problems) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        for (key, value) in raw {
            let place = self.place_at(key.referenced);
            let key = match key.value {
                Raw::Text(text) => text,
                Raw::Spelt => self.spelling(key.defined),
                Raw::Null | Raw::List(_) | Raw::Map(_) => {
                    problems.error(&place, "expected a name before the colon", None);
                    continue;
                }
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let hint = format!("the first one is at {}", first.place);
                problems.error(&place, format!("\"{key}\" stands here a second time"), hint);
                continue;
            }
            entries.push(Entry { key, place, node: self.node(value, problems) });
        }
        entries
    }

    /// A number exactly as it was written.
    fn spelling(&self, at: Location) -> String {
        let position = |place: Option<u64>| place.and_then(|place| usize::try_from(place).ok());
        let start = position(at.span().byte_offset()).unwrap_or_default();
        let end = start + position(at.span().byte_len()).unwrap_or_default();
        self.text.get(start..end).unwrap_or_default().trim().to_owned()
    }

    fn hint(&self, at: Option<Location>) -> Option<String> {
        let line = usize::try_from(at?.line()).ok()?.checked_sub(1)?;
        let mut near = self.text.lines().skip(line.saturating_sub(1)).take(2);
        near.any(|line| line.contains("${"))
            .then(|| "between { } or [ ] a reference needs quotes: \"${env:NAME}\"".to_owned())
    }
}

/// The library's own words in one line, without the place that stands before them anyway.
fn sentence(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    // After these stands what a programmer would do about it, or the place once more.
    let end = line.find("; ").or_else(|| line.find(" at line ")).unwrap_or(line.len());
    format!("this cannot be read as YAML: {}", line.get(..end).unwrap_or(line))
}
