//! Tools that take free text, said to targets that know only functions: as one of one argument.

use std::borrow::Cow;

use crate::ir::{Tool, ToolKind};
use crate::wire::json::{self, Json};

/// The schema of the function that stands for the tool.
pub(in crate::dialect) const SCHEMA: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// The arguments of that function for a text.
pub(in crate::dialect) fn arguments(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 16);
    json::object(&mut out, |object| object.string("input", text));
    String::from_utf8(out).unwrap_or_default()
}

/// The tool's description, which also tells the grammar that its text must follow: a function
/// cannot be held to one.
pub(in crate::dialect) fn description(tool: &Tool) -> Option<Cow<'_, str>> {
    let said = tool.description.as_deref();
    let ToolKind::Custom(Some(format)) = &tool.kind else { return said.map(Cow::Borrowed) };
    let Some(grammar) = grammar(format) else { return said.map(Cow::Borrowed) };
    Some(Cow::Owned(match said.filter(|text| !text.is_empty()) {
        Some(text) => format!("{text}\n\n{grammar}"),
        None => grammar,
    }))
}

fn grammar(format: &str) -> Option<String> {
    let json = json::parse(format.as_bytes()).ok()?;
    let grammar = json.field("grammar").unwrap_or(&json);
    let text = |key: &str| grammar.field(key).and_then(Json::as_str);
    let definition = text("definition")?;
    let syntax = match text("syntax") {
        Some("regex") => "regular expression",
        Some("lark") => "Lark grammar",
        _ => "grammar",
    };
    Some(format!("The input must match this {syntax}:\n{definition}"))
}

/// Takes the text out of arguments that come in pieces.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Reader {
    /// What came and was not told yet.
    held: String,
    place: Place,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the text, or in arguments that begin in another way than they should.
    #[default]
    Before,
    Within,
    Behind,
}

impl Reader {
    /// Takes a piece of the arguments; what of the text can be told now.
    pub(in crate::dialect) fn push(&mut self, piece: &str) -> String {
        if self.place == Place::Behind {
            return String::new();
        }
        self.held.push_str(piece);
        if self.place == Place::Before {
            let Some(begun) = after_opening(&self.held).map(str::len) else { return String::new() };
            self.held.drain(..self.held.len() - begun);
            self.place = Place::Within;
        }
        let (ready, ended) = ready(self.held.as_bytes());
        let text = self.held.get(..ready).map(decode).unwrap_or_default();
        self.held.drain(..ready.min(self.held.len()));
        if ended {
            self.place = Place::Behind;
        }
        text
    }

    /// What is left to tell when no more arguments come.
    pub(in crate::dialect) fn finish(self) -> String {
        if self.place != Place::Before {
            return String::new();
        }
        let Ok(json) = json::parse(self.held.as_bytes()) else { return self.held };
        match (json.get("input"), json.entries()) {
            (Some(input), _) => input.as_str().unwrap_or_else(|| input.raw()).to_owned(),
            // Models call the one argument by other names.
            (None, [(_, only)]) if only.is_string() => only.as_str().unwrap_or_default().to_owned(),
            (None, []) if json.is_object() => String::new(),
            (None, _) => self.held,
        }
    }
}

/// The text in whole arguments.
pub(in crate::dialect) fn of(arguments: &str) -> String {
    let mut reader = Reader::default();
    let mut text = reader.push(arguments);
    text.push_str(&reader.finish());
    text
}

/// What follows `{"input":"`; `None` where arguments do not begin so, or not yet.
fn after_opening(arguments: &str) -> Option<&str> {
    ["{", "\"input\"", ":", "\""]
        .iter()
        .try_fold(arguments, |rest, token| rest.trim_start().strip_prefix(token))
}

/// How many bytes of a string's inside can be decoded whatever follows, and whether it ends there.
fn ready(text: &[u8]) -> (usize, bool) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let length = match byte {
            b'"' => return (at, true),
            b'\\' => escape(text.get(at..).unwrap_or_default()),
            _ => Some(1),
        };
        match length.filter(|length| at + length <= text.len()) {
            Some(length) => at += length,
            None => break,
        }
    }
    (at, false)
}

/// The length of an escape, both halves of a pair being one; `None` where it cannot be told yet.
fn escape(text: &[u8]) -> Option<usize> {
    if text.get(1)? != &b'u' {
        return Some(2);
    }
    let high = text.get(2..4)?;
    let is_high = high.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'd'))
        && high.get(1).is_some_and(|byte| matches!(byte.to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b'));
    if !is_high {
        return Some(6);
    }
    match (text.get(6), text.get(7)) {
        (Some(b'\\'), Some(b'u')) => Some(12),
        (Some(b'\\'), None) | (None, _) => None,
        _ => Some(6),
    }
}

/// A piece of a string's inside without its escapes; as it is where they are none.
fn decode(piece: &str) -> String {
    if !piece.contains('\\') {
        return piece.to_owned();
    }
    let quoted = format!("\"{piece}\"");
    match json::string_prefix(quoted.as_bytes()) {
        Some((text, _)) => text.into_owned(),
        None => piece.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "*** Begin\n\t\"quoted\" \\ größe 😀 \u{1}";

    #[test]
    fn text_comes_back_however_its_arguments_were_cut() {
        let escaped = format!(
            "{{ \"input\" :\n{} }}",
            r#""*** Begin\n\t\"quoted\" \\ gr\u00f6\u00DFe \ud83d\uDE00 \u0001""#
        );
        for arguments in [arguments(TEXT), escaped] {
            assert_eq!(of(&arguments), TEXT);
            for (first, _) in arguments.char_indices() {
                for (second, _) in arguments.char_indices().filter(|(second, _)| *second >= first) {
                    let mut reader = Reader::default();
                    let pieces = [&arguments[..first], &arguments[first..second], &arguments[second..]];
                    let mut text: String = pieces.iter().map(|piece| reader.push(piece)).collect();
                    text.push_str(&reader.finish());
                    assert_eq!(text, TEXT);
                }
            }
        }
    }

    #[test]
    fn text_is_told_as_it_comes() {
        let mut reader = Reader::default();
        let told = ["", "{\"inp", "ut\": \"a", "b\\", "nc", "\"", "}"].map(|piece| reader.push(piece));
        assert_eq!(told, ["", "", "a", "b", "\nc", "", ""]);
    }

    #[test]
    fn arguments_that_are_not_as_they_should_be_lose_nothing() {
        for (arguments, text) in [
            (r#"{"patch":"x"}"#, "x"),
            (r#"{"why":1,"input":"x"}"#, "x"),
            (r#"{"input":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2}"#),
            ("{}", ""),
            ("", ""),
            ("just text", "just text"),
            (r#"{"input":"cut of"#, "cut of"),
            (r#"{"input":"lone \ud83d half"}"#, "lone \u{fffd} half"),
        ] {
            assert_eq!(of(arguments), text, "{arguments}");
        }
    }
}
