//! Whether a client's conversation has the shape that the dialect prescribes.
//!
//! Reading blocks never fails, so that one reader serves clients and providers; a client's mistakes
//! are named here first, by the path of the field.

use std::fmt::Display;

use crate::dialect::Malformed;
use crate::dialect::anthropic_messages::types::parse_role;
use crate::wire::json::Json;

/// Checks the `messages` of a request.
pub(super) fn messages(json: &Json<'_>) -> Result<(), Malformed> {
    if !json.is_array() {
        return wrong("messages", "expected a list of messages");
    }
    if json.elements().is_empty() {
        return wrong("messages", "expected at least one message");
    }
    for (at, message) in json.elements().iter().enumerate() {
        self::message(message).map_err(within(format_args!("messages[{at}]")))?;
    }
    Ok(())
}

fn message(json: &Json<'_>) -> Result<(), Malformed> {
    if !json.is_object() {
        return wrong("", "expected an object with role and content");
    }
    let role = json.field("role").and_then(Json::as_str);
    if role.and_then(parse_role).is_none() {
        return wrong("role", "expected \"user\", \"assistant\" or \"system\"");
    }
    match json.field("content") {
        Some(content) => self::content("content", content),
        None => wrong("content", "expected a string or a list of content blocks"),
    }
}

/// Checks the top-level `system`.
pub(super) fn system(json: &Json<'_>) -> Result<(), Malformed> {
    content("system", json)
}

fn content(key: &str, json: &Json<'_>) -> Result<(), Malformed> {
    if json.is_string() {
        return Ok(());
    }
    if !json.is_array() {
        return wrong(key, "expected a string or a list of content blocks");
    }
    for (at, element) in json.elements().iter().enumerate() {
        block(element).map_err(within(format_args!("{key}[{at}]")))?;
    }
    Ok(())
}

fn block(json: &Json<'_>) -> Result<(), Malformed> {
    if !json.is_object() {
        return wrong("", "expected an object with a type");
    }
    let Some(name) = json.field("type").and_then(Json::as_str) else {
        return wrong("type", "expected the type of the block");
    };
    match name {
        "text" => string(json, "text"),
        "thinking" => string(json, "thinking"),
        "redacted_thinking" => string(json, "data"),
        "image" | "document" => source(json),
        "tool_use" => {
            string(json, "id")?;
            string(json, "name")?;
            match json.field("input") {
                Some(input) if !input.is_object() => wrong("input", "expected an object"),
                _ => Ok(()),
            }
        }
        "tool_result" => {
            string(json, "tool_use_id")?;
            if json.field("is_error").is_some_and(|flag| flag.as_bool().is_none()) {
                return wrong("is_error", "expected true or false");
            }
            json.field("content").map_or(Ok(()), |inner| content("content", inner))
        }
        _ => Ok(()),
    }
}

fn source(json: &Json<'_>) -> Result<(), Malformed> {
    let Some(source) = json.field("source").filter(|source| source.is_object()) else {
        return wrong("source", "expected an object that says where the bytes are");
    };
    let Some(name) = source.field("type").and_then(Json::as_str) else {
        return wrong("source.type", "expected the type of the source");
    };
    match name {
        "base64" => {
            string(source, "media_type").map_err(within("source"))?;
            string(source, "data").map_err(within("source"))
        }
        "url" => string(source, "url").map_err(within("source")),
        "file" => string(source, "file_id").map_err(within("source")),
        "text" => string(source, "data").map_err(within("source")),
        _ => Ok(()),
    }
}

fn string(json: &Json<'_>, key: &str) -> Result<(), Malformed> {
    match json.field(key) {
        Some(value) if value.is_string() => Ok(()),
        _ => wrong(key, "expected a string"),
    }
}

fn wrong(param: &str, message: &str) -> Result<(), Malformed> {
    Err(Malformed::new(param, message))
}

/// Puts the place of the outer value before the path of a complaint.
pub(in super::super) fn within(outer: impl Display) -> impl FnOnce(Malformed) -> Malformed {
    move |inner| {
        let Malformed { param, message } = inner;
        let param = if param.is_empty() { format!("{outer}") } else { format!("{outer}.{param}") };
        Malformed { param, message }
    }
}
