//! JSON → blocks.
//!
//! Reading never fails: a client's blocks were checked before (`request::check`), and a provider's
//! are taken as they come. A block that only this dialect has is kept whole.

use crate::dialect::anthropic_messages::types::{DIALECT, parse_ttl};
use crate::ir::{
    Block, CacheMark, Citation, Content, Dialect, Extras, Reasoning, Signature, ToolCall, ToolKind,
    ToolResult, unseal_id,
};
use crate::wire::json::{self, Json};

use super::{media, words};

/// Reads the `content` of a message: a string, or a list of blocks.
pub(in super::super) fn content(json: &Json<'_>) -> Vec<Block> {
    match json.as_str() {
        Some("") => Vec::new(),
        Some(text) => vec![Block::text(text)],
        None => json.elements().iter().map(block).collect(),
    }
}

/// Reads the `content` of a message of the history, where a seal that had no field of its own
/// comes back as an empty thought behind the block that it belongs to.
pub(in super::super) fn history(json: &Json<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for block in content(json) {
        if let Some(sealed) = blocks.last_mut()
            && is_seal_of_another(&block)
            && matches!(sealed.content, Content::Text { .. } | Content::ToolCall(_))
            && sealed.signature.is_none()
        {
            sealed.signature = block.signature;
            continue;
        }
        blocks.push(block);
    }
    blocks
}

fn is_seal_of_another(block: &Block) -> bool {
    let foreign = block.signature.as_ref().is_some_and(|seal| seal.dialect != DIALECT);
    let empty = matches!(&block.content, Content::Reasoning(thought) if thought.text.is_empty());
    foreign && empty
}

/// Reads one block.
pub(in super::super) fn block(json: &Json<'_>) -> Block {
    let name = json.field("type").and_then(Json::as_str).unwrap_or_default();
    let known = match name {
        "text" => Some(text(json)),
        "thinking" => Some(thinking(json)),
        "redacted_thinking" => Some(redacted(json)),
        "tool_use" => Some(tool_use(json)),
        "tool_result" => Some(tool_result(json)),
        "image" => media::read(json).map(|media| with(json, Content::Image(media), &["source"])),
        "document" => {
            media::read(json).map(|media| with(json, Content::Document(media), &["source", "title"]))
        }
        _ => None,
    };
    known.unwrap_or_else(|| {
        let (name, words) = (name.to_owned(), words::of(name, json));
        let content = Content::Opaque { dialect: DIALECT, name, json: json.raw().to_owned(), words };
        Block { cache: mark(json), ..Block::new(content) }
    })
}

/// What a block of a kind that only this dialect has says in words.
pub(in super::super) fn words_of(name: &str, json: &Json<'_>) -> Option<String> {
    words::of(name, json)
}

fn text(json: &Json<'_>) -> Block {
    let citations = json.field("citations").map(Json::elements).unwrap_or_default();
    let content =
        Content::Text { text: string(json, "text"), citations: citations.iter().map(citation).collect() };
    with(json, content, &["text", "citations"])
}

/// Reads one citation; its own words are kept for those who speak this dialect.
pub(in super::super) fn citation(json: &Json<'_>) -> Citation {
    let text = |key: &str| json.field(key).and_then(Json::as_str).map(str::to_owned);
    Citation {
        url: text("url").or_else(|| text("source")),
        title: text("title").or_else(|| text("document_title")),
        quote: text("cited_text"),
        start: None,
        end: None,
        native: Some((DIALECT, json.raw().to_owned())),
    }
}

fn thinking(json: &Json<'_>) -> Block {
    let thought = Reasoning { text: string(json, "thinking"), redacted: None };
    let mut block = with(json, Content::Reasoning(thought), &["thinking", "signature"]);
    block.signature = signature(json);
    block
}

/// Reads the `signature` of a thinking block, or of a delta.
pub(in super::super) fn signature(json: &Json<'_>) -> Option<Signature> {
    let text = json.field("signature").and_then(Json::as_str)?;
    (!text.is_empty()).then(|| Signature::read(DIALECT, text))
}

fn redacted(json: &Json<'_>) -> Block {
    let data = Signature::read(DIALECT, &string(json, "data"));
    let thought = Reasoning { text: String::new(), redacted: Some(data) };
    with(json, Content::Reasoning(thought), &["data"])
}

fn tool_use(json: &Json<'_>) -> Block {
    let (id, seal) = call_id(json);
    let call = ToolCall {
        id,
        name: string(json, "name"),
        arguments: arguments(json.field("input")),
        kind: ToolKind::Function,
    };
    let mut known = vec!["id", "name", "input"];
    if seal.is_some() {
        known.push("extra_content");
    }
    // Said of every call that the model makes itself; only other callers mean anything.
    if json.at(&["caller", "type"]).and_then(Json::as_str) == Some("direct") {
        known.push("caller");
    }
    let mut block = with(json, Content::ToolCall(call), &known);
    block.signature = seal;
    block
}

/// Reads the id of a call and the Gemini seal beside or behind it.
pub(in super::super) fn call_id(json: &Json<'_>) -> (String, Option<Signature>) {
    let sealed = json.field("id").and_then(Json::as_str).unwrap_or_default();
    let (id, behind) = unseal_id(sealed);
    let beside = json.at(&["extra_content", "google", "thought_signature"]).and_then(Json::as_str);
    let beside = beside.map(|value| Signature::new(Dialect::GeminiGenerate, value));
    (id.to_owned(), beside.or(behind))
}

/// Reads the arguments of a call as JSON text; some vendors quote the object once more.
pub(in super::super) fn arguments(input: Option<&Json<'_>>) -> String {
    let Some(input) = input else { return "{}".to_owned() };
    let text = match input.as_str() {
        Some(quoted) if json::validate(quoted.as_bytes()).is_ok() => quoted,
        Some("") => "",
        Some(_) | None => input.raw(),
    };
    if text.trim().is_empty() { "{}".to_owned() } else { text.to_owned() }
}

fn tool_result(json: &Json<'_>) -> Block {
    let id = json.field("tool_use_id").and_then(Json::as_str).unwrap_or_default();
    let result = ToolResult {
        call_id: unseal_id(id).0.to_owned(),
        name: None,
        content: json.field("content").map(content).unwrap_or_default(),
        is_error: json.field("is_error").and_then(Json::as_bool).unwrap_or_default(),
    };
    with(json, Content::ToolResult(result), &["tool_use_id", "content", "is_error"])
}

/// A block with its cache mark and the members that are not `known`.
fn with(json: &Json<'_>, content: Content, known: &[&str]) -> Block {
    Block { content, cache: mark(json), signature: None, extras: extras(json, known) }
}

/// Reads the cache mark of a block, a tool or a request.
pub(in super::super) fn mark(json: &Json<'_>) -> Option<CacheMark> {
    let mark = json.field("cache_control")?;
    Some(parse_ttl(mark.field("ttl").and_then(Json::as_str)))
}

/// The members that are not `known`, nor said for every block. A cache mark is among them when it
/// says more than how long.
pub(in super::super) fn extras(json: &Json<'_>, known: &[&str]) -> Extras {
    let mut extras = Extras::NONE;
    for (key, value) in json.entries() {
        let expected = match &**key {
            "type" => true,
            "cache_control" => value.entries().iter().all(|(key, _)| matches!(&**key, "type" | "ttl")),
            key => known.contains(&key),
        };
        if !expected && !value.is_null() {
            extras.push(DIALECT, key, value.raw());
        }
    }
    extras
}

fn string(json: &Json<'_>, key: &str) -> String {
    json.field(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}
