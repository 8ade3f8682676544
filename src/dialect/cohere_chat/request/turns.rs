//! Messages → system blocks and turns.

use crate::dialect::cohere_chat::types::{OWN, arguments};
use crate::dialect::data_uri::media_of_url;
use crate::dialect::place::{Place, filled};
use crate::dialect::{Malformed, unknown};
use crate::ir::{Block, Content, Reasoning, Request, Role, ToolCall, ToolKind, ToolResult, Turn, unseal_id};
use crate::wire::json::Json;

use super::documents;

/// Reads `messages` into a request.
pub(super) fn parse(value: &Json<'_>, at: Place<'_>, request: &mut Request) -> Result<(), Malformed> {
    for (index, message) in at.list(value)?.iter().enumerate() {
        let place = at.element(index);
        let mut turn = match place.required(place.object(message)?, "role")? {
            "system" | "developer" => spoken(Role::System, message, place)?,
            "user" => spoken(Role::User, message, place)?,
            "assistant" => assistant(message, place)?,
            "tool" => result(message, place)?,
            _ => return Err(place.member("role").expected("'system', 'user', 'assistant' or 'tool'")),
        };
        if turn.role == Role::System && request.turns.is_empty() {
            request.system.append(&mut turn.blocks);
            continue;
        }
        unknown::keep(OWN, message, &KNOWN, &mut turn.extras);
        request.turns.push(turn);
    }
    Ok(())
}

/// The members of a message that are read. What an answer cited is of no use in a history.
const KNOWN: [&str; 6] = ["role", "content", "tool_calls", "tool_plan", "tool_call_id", "citations"];

fn spoken(role: Role, message: &Json<'_>, at: Place<'_>) -> Result<Turn, Malformed> {
    let place = at.member("content");
    let content = message.field("content").ok_or_else(|| place.missing())?;
    let mut turn = Turn::new(role, Vec::new());
    parts(content, place, &mut turn.blocks)?;
    Ok(turn)
}

/// Reads a `content` that is a text or a list of parts.
fn parts(content: &Json<'_>, at: Place<'_>, blocks: &mut Vec<Block>) -> Result<(), Malformed> {
    if let Some(text) = content.as_str() {
        blocks.push(Block::text(text));
        return Ok(());
    }
    if !content.is_array() {
        return Err(at.expected("a string or a list of parts"));
    }
    for (index, part) in content.elements().iter().enumerate() {
        let place = at.element(index);
        let kind = place.required(place.object(part)?, "type")?;
        let block = match kind {
            "text" => Block::text(place.required(part, "text")?),
            "thinking" => {
                let text = place.required(part, "thinking")?.to_owned();
                Block::new(Content::Reasoning(Reasoning { text, redacted: None }))
            }
            "image_url" => image(part, place)?,
            "document" => {
                let within = place.member("document");
                documents::block(part.field("document").ok_or_else(|| within.missing())?)
            }
            other => Block::new(Content::Opaque {
                dialect: OWN,
                name: other.to_owned(),
                json: part.raw().to_owned(),
                words: None,
            }),
        };
        blocks.push(block);
    }
    Ok(())
}

fn image(part: &Json<'_>, at: Place<'_>) -> Result<Block, Malformed> {
    let place = at.member("image_url");
    let link = part.field("image_url").ok_or_else(|| place.missing())?;
    let mut media = match link.as_str() {
        Some(url) => media_of_url(url),
        None => media_of_url(place.required(place.object(link)?, "url")?),
    };
    media.detail = link.get("detail").and_then(Json::as_str).map(str::to_owned);
    Ok(Block::new(Content::Image(media)))
}

fn assistant(message: &Json<'_>, at: Place<'_>) -> Result<Turn, Malformed> {
    let mut turn = Turn::new(Role::Assistant, Vec::new());
    if let Some(content) = message.field("content") {
        parts(content, at.member("content"), &mut turn.blocks)?;
    }
    let plan = message.field("tool_plan").map(|plan| at.member("tool_plan").string(plan)).transpose()?;
    turn.blocks.extend(filled(plan).map(Block::text));
    if let Some(calls) = message.field("tool_calls") {
        let place = at.member("tool_calls");
        for (index, call) in place.list(calls)?.iter().enumerate() {
            turn.blocks.push(called(call, place.element(index))?);
        }
    }
    if !turn.blocks.is_empty() || message.field("content").is_some() {
        return Ok(turn);
    }
    Err(at.member("content").missing())
}

fn called(call: &Json<'_>, at: Place<'_>) -> Result<Block, Malformed> {
    let within = at.member("function");
    let function = at.object(call)?.field("function").ok_or_else(|| within.missing())?;
    let (id, seal) = unseal_id(at.required(call, "id")?);
    let said = function.field("arguments").and_then(Json::as_str).unwrap_or_default();
    let mut block = Block::new(Content::ToolCall(ToolCall {
        id: id.to_owned(),
        name: within.required(function, "name")?.to_owned(),
        arguments: arguments(said).to_owned(),
        kind: ToolKind::Function,
    }));
    block.signature = seal;
    Ok(block)
}

fn result(message: &Json<'_>, at: Place<'_>) -> Result<Turn, Malformed> {
    let (id, _) = unseal_id(at.required(message, "tool_call_id")?);
    let mut content = Vec::new();
    if let Some(value) = message.field("content") {
        parts(value, at.member("content"), &mut content)?;
    }
    let mut documents = message.get("content").map(Json::elements).unwrap_or_default().iter();
    for block in &mut content {
        if let Some(document) = documents.next().and_then(|part| part.field("document")) {
            *block = documents::told(document);
        }
    }
    let block = Block::new(Content::ToolResult(ToolResult {
        call_id: id.to_owned(),
        name: None,
        content,
        is_error: false,
    }));
    Ok(Turn::new(Role::User, vec![block]))
}
