//! Parts: the pieces of a content, read from clients and upstreams alike, and written to both.

use super::case;
use super::media;
use super::seal;
use super::types::{self, DIALECT};
use crate::dialect::Malformed;
use crate::ir::{Block, Content, Extras, Reasoning, Signature, ToolCall, ToolKind, ToolResult};
use crate::wire::json::{self, Json, Object};

/// Marks, inside a carried seal, the unreadable thought of another dialect's redacted block.
const REDACTED: &str = "redacted~";

/// One part as it was said.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) said: Said,
    pub(super) signature: Option<Signature>,
    pub(super) extras: Extras,
}

/// What a part says.
#[derive(Debug)]
pub(super) enum Said {
    /// Words, or a thought.
    Text { text: String, thought: bool },
    /// Anything else that is whole in itself.
    Block(Content),
    /// Nothing at all.
    Nothing,
}

impl Part {
    /// The block that the part is by itself; `None` if it says nothing.
    pub(super) fn into_block(self) -> Option<Block> {
        let Self { said, mut signature, extras } = self;
        let content = match said {
            Said::Nothing => return None,
            Said::Block(content) => content,
            Said::Text { text, thought: false } => Content::Text { text, citations: Vec::new() },
            Said::Text { text, thought: true } => {
                let redacted = signature.take_if(|seal| is_redacted(seal)).map(|seal| unmark(&seal));
                Content::Reasoning(Reasoning { text, redacted })
            }
        };
        Some(Block { content, cache: None, signature, extras })
    }
}

/// Whether a thought's seal is the thought itself, unreadable.
pub(super) fn is_redacted(seal: &Signature) -> bool {
    seal.dialect != DIALECT && seal.value.starts_with(REDACTED)
}

fn unmark(seal: &Signature) -> Signature {
    let value = seal.value.strip_prefix(REDACTED).unwrap_or_default();
    Signature::new(seal.dialect, value)
}

/// The seal of a block as a client's `thoughtSignature` carries it.
pub(super) fn carried(block: &Block) -> Option<String> {
    if let Content::Reasoning(Reasoning { redacted: Some(seal), .. }) = &block.content {
        let marked = Signature::new(seal.dialect, format!("{REDACTED}{}", seal.value));
        return Some(seal::carried(&marked));
    }
    block.signature.as_ref().map(seal::carried)
}

/// Reads one part.
pub(super) fn read(part: &Json<'_>) -> Result<Part, Malformed> {
    let mut words = None;
    let mut thought = false;
    let mut detail = None;
    let mut data = None;
    let mut read = Part { said: Said::Nothing, signature: None, extras: Extras::NONE };
    let mut unknown = None;
    for (name, value) in case::fields(part) {
        match &*name {
            "text" => words = Some(case::string(value, "text")?),
            "thought" => thought = case::truth(value, "thought")?,
            "thoughtSignature" => {
                let seal = case::string(value, "thoughtSignature")?;
                read.signature = Some(seal).filter(|seal| !seal.is_empty()).map(|seal| seal::read(&seal));
            }
            "inlineData" => data = Some(media::read_inline(value).map_err(case::within(&name))?),
            "fileData" => data = Some(media::read_file(value).map_err(case::within(&name))?),
            "functionCall" => {
                data = Some(call(value, &mut read.extras).map_err(case::within(&name))?);
            }
            "functionResponse" => {
                data = Some(result(value, &mut read.extras).map_err(case::within(&name))?);
            }
            "executableCode" | "codeExecutionResult" | "toolCall" | "toolResponse" => {
                data = Some(opaque(&name, part));
            }
            "mediaResolution" => {
                let level = case::text(value, "level").or(value.as_str());
                detail = level.and_then(types::detail);
            }
            "videoMetadata" | "partMetadata" => read.extras.push(DIALECT, &name, &case::compact(value)),
            _ => {
                unknown.get_or_insert_with(|| name.clone().into_owned());
                read.extras.push(DIALECT, &name, &case::compact(value));
            }
        }
    }
    if let Some(Content::Image(media) | Content::Document(media) | Content::Video(media)) = &mut data {
        media.detail = detail;
    }
    read.said = match (data, words, unknown) {
        (Some(opaque @ Content::Opaque { .. }), ..) => {
            // The whole part is kept as it was, with all its members.
            read.signature = None;
            read.extras = Extras::NONE;
            Said::Block(opaque)
        }
        (Some(content), ..) => Said::Block(content),
        (None, Some(text), _) => Said::Text { text, thought },
        (None, None, Some(name)) => {
            read.signature = None;
            read.extras = Extras::NONE;
            Said::Block(opaque(&name, part))
        }
        (None, None, None) if read.signature.is_some() => Said::Text { text: String::new(), thought },
        (None, None, None) => Said::Nothing,
    };
    Ok(read)
}

fn opaque(name: &str, part: &Json<'_>) -> Content {
    let text = |key: &str| case::field(part, name).and_then(|inner| case::text(inner, key));
    let words = match name {
        "executableCode" => text("code").map(|code| format!("Code that was run:\n{code}")),
        "codeExecutionResult" => text("output").map(|output| format!("Its output:\n{output}")),
        _ => None,
    };
    Content::Opaque { dialect: DIALECT, name: name.to_owned(), json: case::compact(part), words }
}

pub(super) fn missing(name: &str, what: &str) -> Malformed {
    Malformed::new(name, format!("{what} must be given"))
}

/// A call. Arguments that are absent are an empty object; an id that is absent stays empty.
fn call(json: &Json<'_>, extras: &mut Extras) -> Result<Content, Malformed> {
    let mut call = ToolCall {
        id: String::new(),
        name: String::new(),
        arguments: "{}".to_owned(),
        kind: ToolKind::Function,
    };
    for (name, value) in case::fields(json) {
        match &*name {
            "id" => call.id = case::string(value, "id")?,
            "name" => call.name = case::string(value, "name")?,
            "args" => call.arguments = case::compact(case::object(value, "args")?),
            _ => extras.push(DIALECT, &format!("functionCall.{name}"), &case::compact(value)),
        }
    }
    if call.name.is_empty() {
        return Err(missing("name", "the function's name"));
    }
    Ok(Content::ToolCall(call))
}

/// A result. An id that is absent stays empty until it is matched to its call.
fn result(json: &Json<'_>, extras: &mut Extras) -> Result<Content, Malformed> {
    let mut result = ToolResult { call_id: String::new(), name: None, content: Vec::new(), is_error: false };
    let mut media = Vec::new();
    for (name, value) in case::fields(json) {
        match &*name {
            "id" => result.call_id = case::string(value, "id")?,
            "name" => result.name = Some(case::string(value, "name")?),
            "response" => {
                let (text, is_error) = answer(case::object(value, "response")?);
                result.content.push(Block::text(text));
                result.is_error = is_error;
            }
            "parts" => {
                for (at, part) in case::list(value, "parts")?.iter().enumerate() {
                    let part = read(part).map_err(case::within(format!("parts[{at}]")))?;
                    media.extend(part.into_block());
                }
            }
            _ => extras.push(DIALECT, &format!("functionResponse.{name}"), &case::compact(value)),
        }
    }
    if result.name.as_deref().unwrap_or_default().is_empty() && result.call_id.is_empty() {
        return Err(missing("name", "the function's name"));
    }
    result.content.append(&mut media);
    Ok(Content::ToolResult(result))
}

/// The text of a function's response, and whether it tells an error.
fn answer(response: &Json<'_>) -> (String, bool) {
    let plain = |value: &Json<'_>| value.as_str().filter(|text| !is_object(text)).map(str::to_owned);
    if let [(key, value)] = response.entries() {
        match &**key {
            "output" => {
                if let Some(text) = plain(value) {
                    return (text, false);
                }
            }
            "error" if value.is_object() => return (case::compact(value), true),
            "error" if !value.is_null() => {
                return (plain(value).unwrap_or_else(|| case::compact(response)), true);
            }
            _ => {}
        }
    }
    (case::compact(response), false)
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && json::parse(text.as_bytes()).is_ok_and(|json| json.is_object())
}

/// Appends a function's response: a JSON object as it is, any other text in one.
pub(super) fn write_answer(out: &mut Vec<u8>, text: &str, is_error: bool) {
    let parsed = Some(text.trim()).filter(|text| text.starts_with('{'));
    let parsed = parsed.and_then(|text| json::parse(text.as_bytes()).ok());
    match parsed {
        Some(object) if !is_error || (object.entries().len() == 1 && object.field("error").is_some()) => {
            out.extend_from_slice(object.raw().as_bytes());
        }
        Some(object) => json::object(out, |o| o.raw("error", object.raw())),
        None => write_words(out, text, is_error),
    }
}

/// Appends a function's response in words, whatever they are.
pub(super) fn write_words(out: &mut Vec<u8>, text: &str, is_error: bool) {
    json::object(out, |o| o.string(if is_error { "error" } else { "output" }, text));
}

/// Appends one part: what `says` adds, then the seal and the part's own extras.
pub(super) fn write_part(
    out: &mut Vec<u8>,
    seal: Option<&str>,
    extras: &Extras,
    says: impl FnOnce(&mut Object<'_>),
) {
    json::object(out, |o| {
        says(o);
        o.opt_string("thoughtSignature", seal);
        for extra in extras.of(DIALECT).filter(|extra| !extra.name.contains('.')) {
            o.raw(&extra.name, &extra.json);
        }
    });
}

/// Adds the extras that came from inside the member `inner`.
pub(super) fn write_inner_extras(o: &mut Object<'_>, extras: &Extras, inner: &str) {
    for extra in extras.of(DIALECT) {
        let name = extra.name.strip_prefix(inner).and_then(|rest| rest.strip_prefix('.'));
        if let Some(name) = name {
            o.raw(name, &extra.json);
        }
    }
}

/// Adds words, or a thought.
pub(super) fn write_text(o: &mut Object<'_>, text: &str, thought: bool) {
    o.string("text", text);
    if thought {
        o.bool("thought", true);
    }
}

/// Adds a call.
pub(super) fn write_call(o: &mut Object<'_>, id: &str, name: &str, args: &str, extras: &Extras) {
    o.object("functionCall", |o| {
        if !id.is_empty() {
            o.string("id", id);
        }
        o.string("name", name);
        o.embed("args", |out| write_arguments(out, args));
        write_inner_extras(o, extras, "functionCall");
    });
}

/// Appends arguments, which this dialect takes only as an object.
fn write_arguments(out: &mut Vec<u8>, text: &str) {
    match text.trim() {
        "" => out.extend_from_slice(b"{}"),
        text if text.starts_with('{') && json::validate(text.as_bytes()).is_ok() => {
            out.extend_from_slice(text.as_bytes());
        }
        text => json::object(out, |o| o.string("input", text)),
    }
}

/// Why arguments that are none are bent.
pub(super) const ONLY_AN_OBJECT: &str = "only an object can be told";

/// Whether arguments are an object, or nothing, and so need not be bent.
pub(super) fn are_arguments(text: &str) -> bool {
    text.trim().is_empty() || is_object(text)
}
