//! The refusals of Converse that concern single blocks.

use serde_json::Value;

use super::check::{cache_point, choice, constraint, known, unsupported};
use super::model::Model;
use super::tools::is_name;
use crate::mock::anthropic::{is_redacted, is_signed};
use crate::mock::errors::Refusal;
use crate::mock::say::media::{decode, sniff};

const KINDS: [&str; 12] = [
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
];
const DOCUMENTS: [&str; 9] = ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"];

/// Checks one block of a message at the path `at`.
pub(super) fn check(block: &Value, at: &str, message: &Value, model: Model<'_>) -> Result<(), Refusal> {
    let Some(kind) = union(block, &KINDS, at)? else { return Ok(()) };
    let held = &block[kind];
    let assistant = message["role"] == "assistant";
    let own = match kind {
        "toolUse" | "reasoningContent" | "citationsContent" => Some(true),
        "image" | "document" | "video" | "audio" | "toolResult" | "guardContent" | "searchResult" => {
            Some(false)
        }
        _ => None,
    };
    if own.is_some_and(|own| own != assistant) {
        let role = message["role"].as_str().unwrap_or_default();
        return Err(Refusal::bad(format!(
            "The {kind} block at {at} can't be in a message of the role {role}."
        )));
    }
    match kind {
        "text" => text(held, at),
        "image" | "document" | "video" | "audio" => medium(kind, held, at, model),
        "toolUse" => call(held, at),
        "toolResult" => result(held, at, model),
        "cachePoint" => cache_point(held, model),
        "reasoningContent" => reasoning(held, at, model),
        _ => Ok(()),
    }
}

/// The one member of a union that is set.
fn union<'a>(block: &Value, kinds: &[&'a str], at: &str) -> Result<Option<&'a str>, Refusal> {
    known(block, kinds, at)?;
    let mut set = kinds.iter().filter(|kind| !block[**kind].is_null());
    match (set.next(), set.next()) {
        (Some(kind), None) => Ok(Some(*kind)),
        (None, _) => Err(Refusal::bad(format!(
            "The ContentBlock object at {at} must set one of the following keys: {}.",
            kinds.join(", ")
        ))),
        (Some(_), Some(_)) => {
            Err(Refusal::bad(format!("The ContentBlock object at {at} sets more than one key.")))
        }
    }
}

fn text(text: &Value, at: &str) -> Result<(), Refusal> {
    if text.as_str().is_some_and(|text| !text.trim().is_empty()) {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "The text field in the ContentBlock object at {at} is blank. Add text to the text field, and try again."
    )))
}

fn medium(kind: &str, held: &Value, at: &str, model: Model<'_>) -> Result<(), Refusal> {
    let formats: &[&str] = match kind {
        "image" => &["png", "jpeg", "gif", "webp"],
        "document" => &DOCUMENTS,
        "video" => &["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"],
        _ => &[
            "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga",
            "pcm", "webm",
        ],
    };
    if !model.takes_images() && kind != "document" {
        return Err(unsupported(kind));
    }
    let place = format!("{at}.{kind}");
    known(held, &["format", "source", "name", "context", "citations", "error"], &place)?;
    if held["format"].is_null() && kind != "document" {
        return Err(constraint(&format!("{place}.format"), "not be null"));
    }
    choice(&held["format"], &format!("{place}.format"), formats)?;
    if kind == "document" {
        name(held["name"].as_str().unwrap_or_default(), &place)?;
    }
    source(&held["source"], kind, held["format"].as_str().unwrap_or_default(), &place)
}

fn source(source: &Value, kind: &str, format: &str, at: &str) -> Result<(), Refusal> {
    let Some(named) = union(source, &["bytes", "s3Location", "text", "content"], at)? else { return Ok(()) };
    if named == "s3Location"
        && !source["s3Location"]["uri"].as_str().is_some_and(|uri| uri.starts_with("s3://"))
    {
        let pattern = "satisfy regular expression pattern: s3://[a-z0-9][\\.\\-a-z0-9]{1,61}[a-z0-9](/.*)?";
        return Err(constraint(&format!("{at}.source.s3Location.uri"), pattern));
    }
    if named != "bytes" {
        return Ok(());
    }
    let Some(bytes) = source["bytes"].as_str().and_then(decode).filter(|bytes| !bytes.is_empty()) else {
        return Err(constraint(&format!("{at}.source.bytes"), "have length greater than or equal to 1"));
    };
    let found = sniff(&bytes);
    if kind == "image" && found != Some(&*format!("image/{format}")) {
        return Err(Refusal::bad(format!(
            "The model returned the following errors: {at}: the picture is not {format} but {}",
            found.unwrap_or("unreadable")
        )));
    }
    if kind == "document" && format == "pdf" && !bytes.starts_with(b"%PDF") {
        return Err(Refusal::bad(
            "The model returned the following errors: The PDF specified was not valid.",
        ));
    }
    Ok(())
}

fn name(name: &str, at: &str) -> Result<(), Refusal> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == ' ' || "-()[]".contains(letter);
    if !name.is_empty() && name.len() <= 200 && name.chars().all(fits) && !name.contains("  ") {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "The value at {at}.name isn't valid. The document file name can only contain alphanumeric characters, whitespace characters, hyphens, \
         parentheses, and square brackets. The name can't contain more than one consecutive whitespace \
         character."
    )))
}

fn call(call: &Value, at: &str) -> Result<(), Refusal> {
    let place = format!("{at}.toolUse");
    known(call, &["toolUseId", "name", "input", "type"], &place)?;
    for key in ["toolUseId", "name"] {
        if !is_name(call[key].as_str().unwrap_or_default(), 64) {
            return Err(constraint(
                &format!("{place}.{key}"),
                "satisfy regular expression pattern: [a-zA-Z0-9_-]+",
            ));
        }
    }
    if call["input"].is_object() {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "The format of the value at {place}.input is invalid. Provide a json object for the field and try again."
    )))
}

fn result(result: &Value, at: &str, model: Model<'_>) -> Result<(), Refusal> {
    let place = format!("{at}.toolResult");
    known(result, &["toolUseId", "content", "status", "type"], &place)?;
    choice(&result["status"], &format!("{place}.status"), &["success", "error"])?;
    let Some(content) = result["content"].as_array() else {
        return Err(constraint(&format!("{place}.content"), "not be null"));
    };
    if content.is_empty() && result["status"] == "error" {
        return Err(Refusal::bad(
            "The model returned the following errors: content cannot be empty if `is_error` is true",
        ));
    }
    for (index, block) in content.iter().enumerate() {
        let place = format!("{place}.content.{index}");
        let kinds = ["text", "json", "image", "document", "video", "searchResult"];
        match union(block, &kinds, &place)? {
            Some("text") => text(&block["text"], &place)?,
            Some("json") if !block["json"].is_object() => {
                return Err(Refusal::bad(format!(
                    "The format of the value at {place}.json is invalid. Provide a json object for the field and try again."
                )));
            }
            Some(kind @ ("image" | "document" | "video")) => medium(kind, &block[kind], &place, model)?,
            _ => {}
        }
    }
    Ok(())
}

fn reasoning(held: &Value, at: &str, model: Model<'_>) -> Result<(), Refusal> {
    let place = format!("{at}.reasoningContent");
    let broken = || {
        Err(Refusal::bad(format!(
            "The model returned the following errors: {place}: Invalid `signature` in `thinking` block"
        )))
    };
    match union(held, &["reasoningText", "redactedContent"], &place)? {
        Some("redactedContent")
            if held["redactedContent"]
                .as_str()
                .and_then(decode)
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .is_none_or(|data| !is_redacted(&data)) =>
        {
            broken()
        }
        Some("reasoningText") if model.is_claude() => {
            let (text, signature) = (&held["reasoningText"]["text"], &held["reasoningText"]["signature"]);
            let Some(signature) = signature.as_str() else {
                return Err(Refusal::bad(format!(
                    "The model returned the following errors: {place}.signature: Field required"
                )));
            };
            if is_signed(text.as_str().unwrap_or_default(), signature) { Ok(()) } else { broken() }
        }
        _ => Ok(()),
    }
}
