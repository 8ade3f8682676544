//! Whether a client's conversation has the shape that the dialect prescribes.
//!
//! Reading blocks never fails, so that one reader serves clients and providers; a client's mistakes
//! are named here first, by the path of the field.

use std::fmt::Display;

use crate::dialect::Malformed;
use crate::dialect::bedrock_converse::types::parse_role;
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
        return wrong("role", "expected \"user\" or \"assistant\"");
    }
    match json.field("content") {
        Some(content) => self::content("content", content),
        None => wrong("content", "expected a list of content blocks"),
    }
}

/// Checks a list of blocks, each an object with one member.
pub(super) fn content(key: &str, json: &Json<'_>) -> Result<(), Malformed> {
    if !json.is_array() {
        return wrong(key, "expected a list of content blocks");
    }
    for (at, element) in json.elements().iter().enumerate() {
        block(element).map_err(within(format_args!("{key}[{at}]")))?;
    }
    Ok(())
}

fn block(json: &Json<'_>) -> Result<(), Malformed> {
    let mut members = json.entries().iter().filter(|(_, value)| !value.is_null());
    let Some((name, inner)) = members.next() else {
        return wrong("", "expected an object with the member of one kind of content");
    };
    if members.next().is_some() {
        return wrong("", "expected one kind of content only");
    }
    if &**name == "text" {
        return if inner.is_string() { Ok(()) } else { wrong("text", "expected a string") };
    }
    if !inner.is_object() && &**name != "json" {
        return wrong(name, "expected an object");
    }
    held(name, inner).map_err(within(name))
}

/// Checks what a block of this kind holds.
fn held(name: &str, inner: &Json<'_>) -> Result<(), Malformed> {
    match name {
        "image" | "video" | "audio" => {
            string(inner, "format")?;
            source(inner)
        }
        "document" => {
            string(inner, "name")?;
            source(inner)
        }
        "toolUse" => {
            string(inner, "toolUseId")?;
            string(inner, "name")
        }
        "toolResult" => {
            string(inner, "toolUseId")?;
            match inner.field("content") {
                Some(content) => self::content("content", content),
                None => wrong("content", "expected a list of content blocks"),
            }
        }
        "reasoningContent" => match inner.field("reasoningText") {
            Some(told) => string(told, "text").map_err(within("reasoningText")),
            None => string(inner, "redactedContent"),
        },
        _ => Ok(()),
    }
}

fn source(inner: &Json<'_>) -> Result<(), Malformed> {
    let Some(source) = inner.field("source").filter(|source| source.is_object()) else {
        return wrong("source", "expected an object that says where the bytes are");
    };
    if let Some(place) = source.field("s3Location") {
        return string(place, "uri").map_err(within("source.s3Location"));
    }
    match source.entries().iter().find(|(_, value)| !value.is_null()) {
        Some((key, value)) if matches!(&**key, "bytes" | "text") && !value.is_string() => {
            wrong(&format!("source.{key}"), "expected a string")
        }
        Some(_) => Ok(()),
        None => wrong("source", "expected bytes or a place in a store"),
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
