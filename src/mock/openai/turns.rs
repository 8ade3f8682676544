//! The refusals of OpenAI's chat completions that concern messages: their order, calls and parts.

use std::collections::HashSet;

use serde_json::Value;

use super::check::{known, missing, too_long, type_of, wrong_type};
use super::tools::tool_name;
use crate::mock::errors::Refusal;
use crate::mock::say::media::{data_uri, decode, sniff};

const MESSAGE: [&str; 10] = [
    "role",
    "content",
    "name",
    "tool_calls",
    "tool_call_id",
    "function_call",
    "refusal",
    "audio",
    "annotations",
    // What the SDK's own tool runner sends back.
    "parsed",
];

/// Checks `messages`; unknown fields and limits only if `strict`.
pub(super) fn check(body: &Value, strict: bool) -> Result<(), Refusal> {
    let messages = match &body["messages"] {
        Value::Array(messages) if !messages.is_empty() => messages,
        Value::Array(_) => {
            return Err(Refusal::bad(
                "Invalid 'messages': empty array. Expected an array with minimum length 1, but \
                 got an empty array instead.",
            )
            .at("messages")
            .coded("empty_array"));
        }
        Value::Null => return Err(missing("messages")),
        other => return Err(wrong_type("messages", "an array of objects", other)),
    };
    let mut open: Vec<&str> = Vec::new();
    let mut answered: HashSet<&str> = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        let dotted = format!("messages.[{index}].role");
        if strict {
            known(message, &MESSAGE, &at)?;
        }
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let Some(id) = message["tool_call_id"].as_str() else {
                return Err(missing(&format!("{at}.tool_call_id")));
            };
            if !open.contains(&id) || !answered.insert(id) {
                return Err(Refusal::bad(
                    "Invalid parameter: messages with role 'tool' must be a response to a \
                     preceeding message with 'tool_calls'.",
                )
                .at(dotted));
            }
        } else {
            unanswered(&open, &answered, &dotted)?;
            open.clear();
            answered.clear();
        }
        match role {
            "assistant" => open = assistant(message, &at, strict)?,
            "system" | "developer" | "user" | "tool" | "function" => {
                content(&message["content"], role, index, strict)?;
            }
            "" => return Err(missing(&format!("{at}.role"))),
            other => {
                return Err(Refusal::bad(format!(
                    "Invalid value: '{other}'. Supported values are: 'system', 'assistant', \
                     'user', 'function', 'tool', and 'developer'."
                ))
                .at(format!("{at}.role"))
                .coded("invalid_value"));
            }
        }
    }
    unanswered(&open, &answered, &format!("messages.[{}].role", messages.len()))
}

fn unanswered(open: &[&str], answered: &HashSet<&str>, at: &str) -> Result<(), Refusal> {
    let left: Vec<_> = open.iter().filter(|id| !answered.contains(**id)).copied().collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to \
         each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        left.join(", ")
    ))
    .at(at))
}

/// Checks an assistant message; the ids of its calls.
fn assistant<'a>(message: &'a Value, at: &str, strict: bool) -> Result<Vec<&'a str>, Refusal> {
    let calls = match &message["tool_calls"] {
        Value::Array(calls) if calls.is_empty() => {
            return Err(Refusal::bad(format!(
                "Invalid '{at}.tool_calls': empty array. Expected an array with minimum length 1, \
                 but got an empty array instead."
            ))
            .at(format!("{at}.tool_calls"))
            .coded("empty_array"));
        }
        Value::Array(calls) => calls.as_slice(),
        _ => &[],
    };
    let silent = message["content"].is_null()
        && calls.is_empty()
        && ["function_call", "refusal", "audio"].iter().all(|key| message[*key].is_null());
    if silent {
        return Err(Refusal::bad("Invalid value for 'content': expected a string, got null.")
            .at(format!("{}.content", at.replace('[', ".["))));
    }
    let mut ids = Vec::with_capacity(calls.len());
    for (index, call) in calls.iter().enumerate() {
        let at = format!("{at}.tool_calls[{index}]");
        let Some(id) = call["id"].as_str() else {
            return Err(missing(&format!("{at}.id")));
        };
        if strict && id.len() > 40 {
            return Err(too_long(&format!("{at}.id"), 40, id.len()));
        }
        if strict {
            known(call, &["id", "type", "function", "custom"], &at)?;
        }
        if call["type"] == "function" {
            let function = &call["function"];
            let Some(name) = function["name"].as_str() else {
                return Err(missing(&format!("{at}.function.name")));
            };
            tool_name(name, &format!("{at}.function.name"))?;
            if !function["arguments"].is_string() {
                let key = format!("{at}.function.arguments");
                return Err(wrong_type(&key, "a string", &function["arguments"]));
            }
        } else if call["type"] != "custom" {
            return Err(missing(&format!("{at}.type")));
        }
        ids.push(id);
    }
    Ok(ids)
}

fn content(content: &Value, role: &str, index: usize, strict: bool) -> Result<(), Refusal> {
    let parts = match content {
        Value::String(_) => return Ok(()),
        Value::Array(parts) => parts,
        other => {
            let found = if other.is_null() { "null".to_owned() } else { type_of(other) };
            return Err(Refusal::bad(format!(
                "Invalid value for 'content': expected a string, got {found}."
            ))
            .at(format!("messages.[{index}].content")));
        }
    };
    for (number, part) in parts.iter().enumerate() {
        let at = format!("messages[{index}].content[{number}]");
        let kind = part["type"].as_str().unwrap_or_default();
        let payload = match kind {
            "text" if part["text"].is_string() => "text",
            "text" => return Err(missing(&format!("{at}.text"))),
            "image_url" | "input_audio" | "file" if role == "user" => kind,
            "image_url" => {
                return Err(Refusal::bad(format!(
                    "Invalid 'messages[{index}]'. Image URLs are only allowed for messages with \
                     role 'user', but this message with role '{role}' contains an image URL."
                ))
                .at(format!("messages[{index}]"))
                .coded("invalid_value"));
            }
            other => {
                return Err(Refusal::bad(format!(
                    "Invalid value: '{other}'. Supported values are: 'text', 'image_url', \
                     'input_audio', 'refusal', 'audio', and 'file'."
                ))
                .at(format!("{at}.type"))
                .coded("invalid_value"));
            }
        };
        if strict {
            known(part, &["type", payload, "prompt_cache_breakpoint"], &at)?;
            if kind == "image_url" {
                image(&part["image_url"], &at)?;
            }
            if kind == "file" && part["file"]["file_data"].is_string() {
                let data = part["file"]["file_data"].as_str().unwrap_or_default();
                if data_uri(data).is_none() {
                    return Err(Refusal::bad(format!(
                        "Invalid '{at}.file.file_data'. Expected a base64-encoded data URL with a \
                         MIME type (e.g. 'data:application/pdf;base64,aGVsbG8='), but got a value \
                         without the 'data:' prefix."
                    ))
                    .at(format!("{at}.file.file_data"))
                    .coded("invalid_value"));
                }
            }
        }
    }
    Ok(())
}

fn image(image: &Value, at: &str) -> Result<(), Refusal> {
    let Some(url) = image["url"].as_str() else {
        return Err(wrong_type(&format!("{at}.image_url"), "an object", image));
    };
    known(image, &["url", "detail"], &format!("{at}.image_url"))?;
    let Some((_, data)) = data_uri(url) else {
        if url.starts_with("https://") || url.starts_with("http://") {
            return Ok(());
        }
        return Err(Refusal::bad(format!(
            "Invalid '{at}.image_url.url'. Expected a valid URL, but got a value with an invalid \
             format."
        ))
        .at(format!("{at}.image_url.url"))
        .coded("invalid_value"));
    };
    if decode(data).is_some_and(|bytes| sniff(&bytes).is_some()) {
        return Ok(());
    }
    Err(Refusal::bad(
        "You uploaded an unsupported image. Please make sure your image has of one the following \
         formats: ['png', 'jpeg', 'gif', 'webp'].",
    )
    .coded("invalid_image_format"))
}
