//! The refusals of generateContent that concern contents, calls and thought signatures.

use serde_json::Value;

use super::check::{known, unspecified};
use super::read::{field, is_user};
use super::reply::is_signed;
use crate::mock::errors::Refusal;

/// What a part may hold; exactly one of these.
const DATA: [&str; 9] = [
    "text",
    "inlineData",
    "functionCall",
    "functionResponse",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];
const PART: [&str; 20] = [
    "text",
    "inlineData",
    "functionCall",
    "functionResponse",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "videoMetadata",
    "thought",
    "thoughtSignature",
    "partMetadata",
    "mediaResolution",
    "mediaProcessing",
    "audioTranscription",
    "speechMetadata",
    "documentMetadata",
    "spreadsheetMetadata",
    "audioMetadata",
];

/// Checks `systemInstruction` and `contents`.
pub(super) fn check(body: &Value, model: &str) -> Result<(), Refusal> {
    let system = field(body, "systemInstruction");
    known(system, &["parts", "role"], "system_instruction")?;
    for (index, each) in system["parts"].as_array().into_iter().flatten().enumerate() {
        part(each, &format!("system_instruction.parts[{index}]"))?;
    }
    let contents = body["contents"].as_array().map(Vec::as_slice).unwrap_or_default();
    if contents.is_empty() {
        return Err(unspecified("contents"));
    }
    for (index, content) in contents.iter().enumerate() {
        let at = format!("contents[{index}]");
        known(content, &["parts", "role"], &at)?;
        match content["role"].as_str() {
            None | Some("user" | "model" | "function") => {}
            Some(_) => return Err(Refusal::bad("Please use a valid role: user, model.")),
        }
        let parts = content["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        if parts.is_empty() {
            return Err(Refusal::bad(format!(
                "* GenerateContentRequest.{at}.parts: contents.parts must not be empty.\n"
            )));
        }
        for (number, each) in parts.iter().enumerate() {
            part(each, &format!("{at}.parts[{number}]"))?;
        }
    }
    pairs(contents)?;
    if model.starts_with("gemini-3") { signatures(contents) } else { Ok(()) }
}

fn part(part: &Value, at: &str) -> Result<(), Refusal> {
    known(part, &PART, at)?;
    let held: Vec<_> = DATA.iter().filter(|key| !field(part, key).is_null()).collect();
    if held.len() != 1 {
        return Err(match held.len() {
            0 => Refusal::bad(format!(
                "* GenerateContentRequest.{at}.data: required oneof field 'data' must have one \
                 initialized field\n"
            )),
            _ => Refusal::bad(format!(
                "Invalid value at '{at}' (oneof), oneof field 'data' is already set. Cannot set \
                 '{}'",
                held.last().copied().copied().unwrap_or_default()
            )),
        });
    }
    let inline = field(part, "inlineData");
    known(inline, &["mimeType", "data", "displayName"], &format!("{at}.inline_data"))?;
    if inline.is_object() && field(inline, "mimeType").as_str().is_none_or(str::is_empty) {
        return Err(Refusal::bad(format!(
            "* GenerateContentRequest.{at}.inline_data.mime_type: mimeType is not specified\n"
        )));
    }
    known(field(part, "fileData"), &["mimeType", "fileUri", "displayName"], &format!("{at}.file_data"))?;
    let call = field(part, "functionCall");
    known(call, &["id", "name", "args"], &format!("{at}.function_call"))?;
    let answer = field(part, "functionResponse");
    known(
        answer,
        &["id", "name", "response", "willContinue", "scheduling", "parts"],
        &format!("{at}.function_response"),
    )?;
    for (object, key, name) in [(call, "args", "function_call"), (answer, "response", "function_response")] {
        if object.is_null() {
            continue;
        }
        if object["name"].as_str().is_none_or(str::is_empty) {
            return Err(Refusal::bad(format!(
                "* GenerateContentRequest.{at}.{name}.name: Name cannot be empty.\n"
            )));
        }
        let may_lack = key == "args" && object[key].is_null();
        if !object[key].is_object() && !may_lack {
            return Err(Refusal::bad(format!(
                "Invalid value at '{at}.{name}.{key}' (type.googleapis.com/google.protobuf.Struct), \
                 {}",
                object[key]
            )));
        }
    }
    match field(part, "thoughtSignature").as_str() {
        Some(signature) if !is_signed(signature) => Err(Refusal::bad("Corrupted thought signature.")),
        _ => Ok(()),
    }
}

/// Names of the calls or responses in a content.
fn names<'a>(content: &'a Value, kind: &str) -> Vec<&'a str> {
    let parts = content["parts"].as_array().into_iter().flatten();
    let held = parts.map(|part| field(part, kind)).filter(|held| held.is_object());
    held.map(|held| held["name"].as_str().unwrap_or_default()).collect()
}

fn pairs(contents: &[Value]) -> Result<(), Refusal> {
    let mut open: Option<Vec<&str>> = None;
    for (index, content) in contents.iter().enumerate() {
        let (calls, answers) = (names(content, "functionCall"), names(content, "functionResponse"));
        if !calls.is_empty() {
            let opens = index == 0 || contents.get(index - 1).is_some_and(|before| !is_user(before));
            if opens || is_user(content) {
                return Err(Refusal::bad(
                    "Please ensure that function call turn comes immediately after a user turn or \
                     after a function response turn.",
                ));
            }
        }
        match (&open, answers.is_empty()) {
            (None, true) => {}
            (None, false) => {
                return Err(Refusal::bad(
                    "Please ensure that function response turn comes immediately after a function \
                     call turn.",
                ));
            }
            (Some(asked), _) => {
                let mut left = answers.clone();
                let matched = asked.iter().all(|name| {
                    let found = left.iter().position(|answer| answer == name);
                    found.map(|at| left.swap_remove(at)).is_some()
                });
                if asked.len() != answers.len() {
                    return Err(Refusal::bad(
                        "Please ensure that the number of function response parts is equal to the \
                         number of function call parts of the function call turn.",
                    ));
                }
                if !matched {
                    return Err(Refusal::bad(
                        "Please ensure that function response parts have the names of the function \
                         call parts of the function call turn.",
                    ));
                }
            }
        }
        open = (!calls.is_empty()).then_some(calls);
    }
    Ok(())
}

/// Since Gemini 3 the first call of each step of the current turn must come back signed.
fn signatures(contents: &[Value]) -> Result<(), Refusal> {
    let asked = |content: &Value| is_user(content) && names(content, "functionResponse").is_empty();
    let current = contents.iter().rposition(asked).unwrap_or(0);
    for (index, content) in contents.iter().enumerate().skip(current) {
        let parts = content["parts"].as_array().into_iter().flatten();
        let first = parts.enumerate().find(|(_, part)| field(part, "functionCall").is_object());
        if let Some((_, part)) = first
            && field(part, "thoughtSignature").as_str().is_none_or(str::is_empty)
        {
            let name = field(part, "functionCall")["name"].as_str().unwrap_or_default();
            return Err(Refusal::bad(format!(
                "Function call is missing a thought_signature in functionCall parts. This is \
                 required for tools to work correctly, and missing thought_signature may lead to \
                 degraded model performance. Additional data, function call `default_api:{name}` , \
                 position {}. Please refer to \
                 https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                index + 1
            )));
        }
    }
    Ok(())
}
