//! The texts of a body, as services are asked about them, and other words put in their place.

use std::fmt::Write as _;
use std::ops::Range;

use crate::wire::json::{self, Json, Kind};

use super::super::body::{Place, Spoken, is_packed};
use super::super::screen::spliced;
use super::super::sieve::Form;
use super::super::tokens::withheld;
use super::{Patch, patched};

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What it says.
    pub text: String,
    /// Who says it: `user`, `assistant`, `system`, `tool` or as its dialect has it; "" where nobody tells.
    pub role: String,
    /// Where in the body, such as `messages[2].content`; "" in a stream.
    pub path: String,
    /// What kind of text it is.
    pub form: Form,
    /// Where its string stands in the body, with its quotes.
    pub(super) span: Range<usize>,
}

/// All texts of a body, in their order; `None` where it is no JSON.
#[must_use]
pub fn gather(spoken: Spoken, body: &[u8]) -> Option<Vec<Said>> {
    let root = json::parse(body).ok()?;
    let role = match spoken {
        Spoken::Asked => "",
        Spoken::Answered => "assistant",
    };
    let mut walk = Walk { spoken, body, path: String::new(), said: Vec::new() };
    walk.value(&root, Place::Outside, role);
    Some(walk.said)
}

struct Walk<'a> {
    spoken: Spoken,
    body: &'a [u8],
    path: String,
    said: Vec<Said>,
}

impl Walk<'_> {
    fn value(&mut self, value: &Json<'_>, place: Place, role: &str) {
        let known = self.path.len();
        match value.kind() {
            Kind::Object(members) => {
                let role = if place == Place::Free { role } else { role_of(value).unwrap_or(role) };
                for (key, member) in members {
                    let inner = place.inner(key, self.spoken);
                    if inner != Place::Skipped {
                        if known > 0 {
                            self.path.push('.');
                        }
                        self.path.push_str(key);
                        let role = if known == 0 { role_under(key).unwrap_or(role) } else { role };
                        self.value(member, inner, role);
                        self.path.truncate(known);
                    }
                }
            }
            Kind::Array(elements) => {
                for (number, element) in elements.iter().enumerate() {
                    // Writing to a string cannot fail.
                    let _ = write!(self.path, "[{number}]");
                    self.value(element, place, role);
                    self.path.truncate(known);
                }
            }
            Kind::String(text) if !text.trim().is_empty() && !is_packed(text) => {
                let form = match place {
                    Place::Sealed => Form::Sealed,
                    Place::Arguments if text.trim_start().starts_with(['{', '[']) => Form::Json,
                    Place::Arguments | Place::Outside | Place::Said | Place::Free | Place::Skipped => {
                        Form::Plain
                    }
                };
                // Both are slices of one text, so the difference of their addresses is an offset.
                let start = value.raw().as_ptr() as usize - self.body.as_ptr() as usize;
                let span = start..start + value.raw().len();
                let (text, path) = (text.clone().into_owned(), self.path.clone());
                self.said.push(Said { text, role: role.to_owned(), path, form, span });
            }
            Kind::String(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
        }
    }
}

/// Who speaks in an object that says so itself.
fn role_of<'a>(object: &'a Json<'_>) -> Option<&'a str> {
    if let Some(role) = object.field("role").and_then(Json::as_str) {
        return Some(match role {
            "model" | "CHATBOT" => "assistant",
            "developer" | "SYSTEM" => "system",
            "USER" => "user",
            "function" | "TOOL" => "tool",
            role => role,
        });
    }
    match object.field("type").and_then(Json::as_str)? {
        "function_call_output" | "tool_result" | "custom_tool_call_output" | "mcp_call" => Some("tool"),
        "function_call" | "tool_use" | "reasoning" | "custom_tool_call" => Some("assistant"),
        _ => None,
    }
}

/// Who speaks under an outermost member.
fn role_under(key: &str) -> Option<&'static str> {
    match key {
        "system" | "instructions" | "systemInstruction" | "system_instruction" | "preamble" => Some("system"),
        "input" | "prompt" | "query" | "message" | "inputText" => Some("user"),
        _ => None,
    }
}

/// Why a body cannot be said anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpatchable;

/// The body with other words in the place of some; `None` where nothing changes.
///
/// # Errors
/// When what is to change stands under a provider's seal, or would be no arguments any more.
pub fn put_back(
    spoken: Spoken,
    body: &[u8],
    said: &[Said],
    patches: &[Patch],
) -> Result<Option<Vec<u8>>, Unpatchable> {
    let mut changes = Vec::new();
    for (place, said) in said.iter().enumerate() {
        let Some(anew) = patched(patches, place, &said.text) else { continue };
        match said.form {
            Form::Plain => {}
            Form::Json if json::parse(anew.as_bytes()).is_ok() => {}
            Form::Json | Form::Sealed => return Err(Unpatchable),
        }
        changes.push((said.span.clone(), anew));
    }
    if changes.is_empty() {
        return Ok(None);
    }
    let anew = spliced(body, &changes);
    Ok(Some(if spoken == Spoken::Answered { withheld(anew) } else { anew }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(spoken: Spoken, body: &str) -> Vec<(String, String, String)> {
        let said = gather(spoken, body.as_bytes()).unwrap();
        said.into_iter().map(|said| (said.role, said.path, said.text)).collect()
    }

    fn three(role: &str, path: &str, text: &str) -> (String, String, String) {
        (role.to_owned(), path.to_owned(), text.to_owned())
    }

    #[test]
    fn texts_are_told_with_who_says_them_and_where() {
        let chat = r#"{"model":"m","messages":[{"role":"developer","content":"a"},{"content":[{"type":"text","text":"b"}],"role":"user"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"c","content":"d"}]}"#;
        assert_eq!(
            told(Spoken::Asked, chat),
            [
                three("system", "messages[0].content", "a"),
                three("user", "messages[1].content[0].text", "b"),
                three("assistant", "messages[2].tool_calls[0].function.arguments", "{\"x\":1}"),
                three("tool", "messages[3].content", "d"),
            ]
        );
        let responses = r#"{"instructions":"a","input":[{"role":"user","content":"b"},{"type":"function_call_output","call_id":"c","output":"d"}]}"#;
        assert_eq!(
            told(Spoken::Asked, responses),
            [
                three("system", "instructions", "a"),
                three("user", "input[0].content", "b"),
                three("tool", "input[1].output", "d"),
            ]
        );
        let gemini = r#"{"contents":[{"role":"model","parts":[{"text":"a"}]}],"systemInstruction":{"parts":[{"text":"b"}]}}"#;
        assert_eq!(
            told(Spoken::Asked, gemini),
            [
                three("assistant", "contents[0].parts[0].text", "a"),
                three("system", "systemInstruction.parts[0].text", "b"),
            ]
        );
        assert_eq!(gather(Spoken::Asked, b"no JSON"), None);
    }

    #[test]
    fn other_words_are_put_where_they_belong_and_nothing_else_changes() {
        let body = r#"{ "messages":[{"role":"user" ,"content":"I am Anna \u00e9"}], "n":1.50 }"#;
        let said = gather(Spoken::Asked, body.as_bytes()).unwrap();
        let patch = Patch { said: 0, span: 5..9, text: "[PERSON]".to_owned() };
        let anew = put_back(Spoken::Asked, body.as_bytes(), &said, &[patch]).unwrap().unwrap();
        let expected = r#"{ "messages":[{"role":"user" ,"content":"I am [PERSON] é"}], "n":1.50 }"#;
        assert_eq!(String::from_utf8(anew).unwrap(), expected);
        assert_eq!(put_back(Spoken::Asked, body.as_bytes(), &said, &[]), Ok(None));
    }

    #[test]
    fn arguments_stay_arguments_and_seals_whole() {
        let body = r#"{"content":[{"type":"thinking","thinking":"Anna","signature":"s"},{"type":"tool_use","arguments":"{\"to\":\"Anna\"}"}]}"#;
        let said = gather(Spoken::Answered, body.as_bytes()).unwrap();
        let with = |said_at: usize, span: Range<usize>| {
            let patch = Patch { said: said_at, span, text: "[PERSON]".to_owned() };
            put_back(Spoken::Answered, body.as_bytes(), &said, &[patch])
        };
        assert_eq!(with(0, 0..4), Err(Unpatchable));
        assert!(with(1, 7..11).is_ok());
        assert_eq!(with(1, 6..11), Err(Unpatchable));
    }
}
