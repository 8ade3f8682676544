//! JSON → blocks.
//!
//! Reading never fails: a client's blocks were checked before (`request::check`), and a provider's
//! are taken as they come. A block that only this dialect has is kept whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::bedrock_converse::types::{DIALECT, parse_seal, parse_ttl};
use crate::dialect::tool_names::unmarked;
use crate::ir::{
    Block, CacheMark, Citation, Content, Extras, Reasoning, Signature, ToolCall, ToolKind, ToolResult,
    unseal_id,
};
use crate::wire::json::Json;

use super::media::{self, Kind};
use super::words;

/// The member under which a block of a result keeps that it came as JSON; its text says the same to others.
pub(in super::super) const JSON_EXTRA: &str = "moot:json";

/// The member under which media keeps whose store it lies in.
pub(in super::super) const OWNER_EXTRA: &str = "bucketOwner";

/// Reads a list of content blocks. A cache point marks the block before it.
pub(in super::super) fn content(json: &Json<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for element in json.elements() {
        if let Some(point) = element.field("cachePoint") {
            if let Some(last) = blocks.last_mut() {
                last.cache = Some(mark(point));
            }
            continue;
        }
        blocks.extend(block(element));
    }
    blocks
}

/// Reads the content of a message of the history, where a seal that had no field of its own comes
/// back as an empty thought behind the text that it belongs to.
pub(in super::super) fn history(json: &Json<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for block in content(json) {
        let is_seal = matches!(&block.content, Content::Reasoning(thought)
            if thought.text.is_empty() && thought.redacted.is_none());
        if let Some(sealed) = blocks.last_mut()
            && is_seal
            && block.signature.is_some()
            && matches!(sealed.content, Content::Text { .. })
            && sealed.signature.is_none()
        {
            sealed.signature = block.signature;
            continue;
        }
        blocks.push(block);
    }
    blocks
}

/// The mark of a cache point.
pub(in super::super) fn mark(point: &Json<'_>) -> CacheMark {
    parse_ttl(point.field("ttl").and_then(Json::as_str))
}

/// Reads one block; none of an object without members.
pub(in super::super) fn block(json: &Json<'_>) -> Option<Block> {
    let (name, inner) = json.entries().iter().find(|(_, value)| !value.is_null())?;
    let known = match &**name {
        "text" => inner.as_str().map(Block::text),
        "image" => pictured(Kind::Image, inner).map(|(media, extras)| with(Content::Image(media), extras)),
        "document" => {
            pictured(Kind::Document, inner).map(|(media, extras)| with(Content::Document(media), extras))
        }
        "video" => pictured(Kind::Video, inner).map(|(media, extras)| with(Content::Video(media), extras)),
        "audio" => pictured(Kind::Audio, inner).map(|(media, extras)| with(Content::Audio(media), extras)),
        "toolUse" if !is_served(inner) => Some(tool_use(inner)),
        "toolResult" if !is_served(inner) => Some(tool_result(inner)),
        "reasoningContent" => reasoning(inner),
        "citationsContent" => Some(cited(inner)),
        _ => None,
    };
    Some(known.unwrap_or_else(|| opaque(name, json, inner)))
}

/// A block that only this dialect has.
pub(in super::super) fn opaque(name: &str, json: &Json<'_>, inner: &Json<'_>) -> Block {
    Block::new(Content::Opaque {
        dialect: DIALECT,
        name: name.to_owned(),
        json: json.raw().to_owned(),
        words: words::of(name, inner),
    })
}

/// Whether a call or a result is of a tool that the provider itself runs; those of a client's tools
/// have no type, or the one that says so.
fn is_served(inner: &Json<'_>) -> bool {
    let kind = inner.field("type").and_then(Json::as_str);
    kind.is_some_and(|kind| !matches!(kind, "tool_use" | "tool_result"))
}

const fn with(content: Content, extras: Extras) -> Block {
    Block { content, cache: None, signature: None, extras }
}

fn pictured(kind: Kind, inner: &Json<'_>) -> Option<(crate::ir::Media, Extras)> {
    let media = media::read(kind, inner)?;
    let mut extras = extras(inner, &["format", "source", "name"]);
    if let Some(owner) = inner.at(&["source", "s3Location", "bucketOwner"]) {
        extras.push(DIALECT, OWNER_EXTRA, owner.raw());
    }
    Some((media, extras))
}

fn tool_use(inner: &Json<'_>) -> Block {
    let (id, signature) = unseal_id(inner.field("toolUseId").and_then(Json::as_str).unwrap_or_default());
    let call = ToolCall {
        id: id.to_owned(),
        name: unmarked(&string(inner, "name")).to_owned(),
        arguments: arguments(inner.field("input")),
        kind: ToolKind::Function,
    };
    let extras = extras(inner, &["toolUseId", "name", "input", "type"]);
    Block { signature, ..with(Content::ToolCall(call), extras) }
}

/// Reads the arguments of a call as JSON text; an empty text stands for none.
fn arguments(input: Option<&Json<'_>>) -> String {
    match input.map(|input| (input, input.as_str())) {
        None | Some((_, Some(""))) => "{}".to_owned(),
        Some((input, _)) => input.raw().to_owned(),
    }
}

fn tool_result(inner: &Json<'_>) -> Block {
    let id = inner.field("toolUseId").and_then(Json::as_str).unwrap_or_default();
    let parts = inner.field("content").map(Json::elements).unwrap_or_default();
    let result = ToolResult {
        call_id: unseal_id(id).0.to_owned(),
        name: None,
        content: parts.iter().filter_map(result_block).collect(),
        is_error: inner.field("status").and_then(Json::as_str) == Some("error"),
    };
    with(Content::ToolResult(result), extras(inner, &["toolUseId", "content", "status", "type"]))
}

/// Reads a block of a result: what came as JSON is its text.
fn result_block(json: &Json<'_>) -> Option<Block> {
    if let Some(value) = json.field("json") {
        let mut block = Block::text(value.raw());
        block.extras.push(DIALECT, JSON_EXTRA, value.raw());
        return Some(block);
    }
    block(json).filter(|block| block.as_text() != Some(""))
}

fn reasoning(inner: &Json<'_>) -> Option<Block> {
    if let Some(data) = inner.field("redactedContent").and_then(Json::as_str) {
        let thought = Reasoning { text: String::new(), redacted: Some(redacted(data)) };
        return Some(Block::new(Content::Reasoning(thought)));
    }
    let told = inner.field("reasoningText")?;
    let thought = Reasoning { text: string(told, "text"), redacted: None };
    let extras = extras(told, &["text", "signature"]);
    Some(Block { signature: signature(told), ..with(Content::Reasoning(thought), extras) })
}

/// Reads a `signature`; an empty one is none.
pub(in super::super) fn signature(json: &Json<'_>) -> Option<Signature> {
    let text = json.field("signature").and_then(Json::as_str)?;
    (!text.is_empty()).then(|| parse_seal(text))
}

/// Reads a thought that only its issuer can. The API packs what Anthropic gives as text once more
/// in base64.
pub(in super::super) fn redacted(data: &str) -> Signature {
    let inner = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let is_seal = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    match inner.filter(is_seal) {
        Some(text) => parse_seal(&text),
        None => Signature::new(DIALECT, data),
    }
}

/// Reads a text that names its sources.
fn cited(inner: &Json<'_>) -> Block {
    let parts = inner.field("content").map(Json::elements).unwrap_or_default();
    let text = parts.iter().filter_map(|part| part.field("text").and_then(Json::as_str)).collect();
    let citations = inner.field("citations").map(Json::elements).unwrap_or_default();
    Block::new(Content::Text { text, citations: citations.iter().map(citation).collect() })
}

/// Reads one citation; its own words are kept for those who speak this dialect.
pub(in super::super) fn citation(json: &Json<'_>) -> Citation {
    let text = |key: &str| json.field(key).and_then(Json::as_str).map(str::to_owned);
    let url = json.at(&["location", "web", "url"]).and_then(Json::as_str).map(str::to_owned);
    let is_address = |source: &String| source.starts_with("http");
    let quoted = json.field("sourceContent").map(Json::elements).unwrap_or_default();
    let quote: String = quoted.iter().filter_map(|part| part.field("text").and_then(Json::as_str)).collect();
    Citation {
        url: url.or_else(|| text("source").filter(is_address)),
        title: text("title"),
        quote: (!quote.is_empty()).then_some(quote),
        start: None,
        end: None,
        native: Some((DIALECT, json.raw().to_owned())),
    }
}

/// The members that are not `known`.
pub(in super::super) fn extras(json: &Json<'_>, known: &[&str]) -> Extras {
    let mut extras = Extras::NONE;
    for (key, value) in json.entries() {
        if !known.contains(&&**key) && !value.is_null() {
            extras.push(DIALECT, key, value.raw());
        }
    }
    extras
}

fn string(json: &Json<'_>, key: &str) -> String {
    json.field(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}
