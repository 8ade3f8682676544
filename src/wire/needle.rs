//! Members found by their key alone, so that what stands before them is not read.
//!
//! Inside a JSON string a quote is escaped. A key in its quotes is therefore never a part of a
//! text: wherever the bytes `"usage"` stand, they are a key or a whole string.

use std::ops::Range;

use memchr::memmem::Finder;

/// A key that is looked for at any depth of a text.
#[derive(Debug)]
pub struct Needle(Finder<'static>);

/// The objects that were found under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// There are none.
    Nothing,
    /// There is one: the text from its first byte on, which goes on behind it.
    One(&'a [u8]),
    /// There are several.
    Several,
}

impl Needle {
    /// Prepares the search for a key, which is given with its quotes and without escapes. That is
    /// worth it only once: needles live in statics.
    #[must_use]
    pub fn new(quoted: &'static str) -> Self {
        Self(Finder::new(quoted))
    }

    /// Whether the key, or a string that reads the same, stands anywhere.
    #[must_use]
    pub fn is_in(&self, source: &[u8]) -> bool {
        self.0.find(source).is_some()
    }

    /// The text behind the first place where the key stands.
    #[must_use]
    pub fn behind<'a>(&self, source: &'a [u8]) -> Option<&'a [u8]> {
        source.get(self.0.find(source)? + self.0.needle().len()..)
    }

    /// Whether the key stands nowhere, or has no value but null wherever it does.
    #[must_use]
    pub fn is_nowhere_or_null(&self, source: &[u8]) -> bool {
        self.0.find(source).is_none() || self.values(source).all(|value| value.starts_with(b"null"))
    }

    /// The text from the first byte of each value under the key, in their order.
    pub fn values<'a>(&'a self, source: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let length = self.0.needle().len();
        self.0.find_iter(source).filter_map(move |at| value(source.get(at + length..)?))
    }

    /// Where the first member with this key stands whose value is null, with the comma that goes when
    /// it does.
    #[must_use]
    pub fn null_member(&self, source: &[u8]) -> Option<Range<usize>> {
        self.0.find_iter(source).find_map(|at| {
            let after = value(source.get(at + self.0.needle().len()..)?)?.strip_prefix(b"null")?;
            let end = source.len() - after.len();
            let before = source.get(..at)?.trim_ascii_end();
            if before.ends_with(b",") {
                return Some(before.len() - 1..end);
            }
            let next = after.trim_ascii_start();
            match next.first()? {
                b',' if before.ends_with(b"{") => Some(at..source.len() - next.len() + 1),
                b'}' if before.ends_with(b"{") => Some(at..end),
                _ => None,
            }
        })
    }

    /// The objects under the key; other values are passed over.
    #[must_use]
    pub fn object<'a>(&self, source: &'a [u8]) -> Found<'a> {
        let mut found = Found::Nothing;
        let mut rest = source;
        while let Some(at) = self.0.find(rest) {
            rest = rest.get(at + self.0.needle().len()..).unwrap_or_default();
            if let Some(value) = value(rest).filter(|value| value.first() == Some(&b'{')) {
                if found != Found::Nothing {
                    return Found::Several;
                }
                found = Found::One(value);
            }
            // The key of an event that has no usage yet mostly stands near its end.
            if memchr::memchr(b'{', rest).is_none() {
                break;
            }
        }
        found
    }
}

/// The value of a key that a text stands behind.
fn value(rest: &[u8]) -> Option<&[u8]> {
    Some(rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(source: &str) -> Option<String> {
        match Needle::new("\"usage\"").object(source.as_bytes()) {
            Found::One(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
            Found::Nothing | Found::Several => None,
        }
    }

    #[test]
    fn an_object_is_found_at_any_depth() {
        assert_eq!(object(r#"{"a":[{"usage" : {"b":1}}]}"#).unwrap(), r#"{"b":1}}]}"#);
    }

    #[test]
    fn what_a_text_quotes_is_no_key() {
        assert_eq!(object(r#"{"a":"\"usage\":{","b":"usage","usage":{}}"#).unwrap(), "{}}");
        assert_eq!(object(r#"{"a":["usage"],"usage":null}"#), None);
    }

    #[test]
    fn a_member_that_is_null_goes_with_its_comma() {
        let without = |source: &str| {
            let needle = Needle::new("\"usage\"");
            needle
                .null_member(source.as_bytes())
                .map(|cut| format!("{}{}", &source[..cut.start], &source[cut.end..]))
        };
        for (source, left) in [
            (r#"{"a":[],"usage":null}"#, r#"{"a":[]}"#),
            (r#"{"a":[], "usage" : null , "b":1}"#, r#"{"a":[] , "b":1}"#),
            (r#"{"usage":null, "b":1}"#, r#"{ "b":1}"#),
            (r#"{"usage":null}"#, "{}"),
            (r#"{"usage":{},"x":{"y":2,"usage":null}}"#, r#"{"usage":{},"x":{"y":2}}"#),
        ] {
            assert_eq!(without(source).as_deref(), Some(left), "{source}");
        }
        for whole in [
            r#"{"usage":{"a":null}}"#,
            r#"{"a":"\"usage\":null"}"#,
            r#"{"a":["usage",null]}"#,
            "data: {\"a\":1,\ndata: \"usage\":null}",
            "\"usage\":null",
        ] {
            assert_eq!(without(whole), None, "{whole}");
        }
    }

    #[test]
    fn several_objects_are_told_from_one() {
        let needle = Needle::new("\"usage\"");
        assert_eq!(needle.object(br#"{"usage":{},"x":{"usage":{}}}"#), Found::Several);
        assert_eq!(needle.object(br#"{"usage":1}"#), Found::Nothing);
        assert!(needle.is_in(br#"{"usage":1}"#) && !needle.is_in(br#"{"used":1}"#));
    }
}
