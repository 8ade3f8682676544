//! The refusals of the Messages API that concern turns.

use std::collections::HashSet;

use serde_json::Value;

use super::blocks;
use super::check::{known, required, version};
use crate::mock::errors::Refusal;

/// Checks system and messages.
pub(super) fn check(body: &Value, model: &str) -> Result<(), Refusal> {
    match &body["system"] {
        Value::Null | Value::String(_) => {}
        Value::Array(blocks) => {
            for (index, block) in blocks.iter().enumerate() {
                let at = format!("system.{index}.");
                if block["type"] != "text" {
                    return Err(Refusal::bad(format!("{at}type: Input should be 'text'")));
                }
                known(block, &["type", "text", "cache_control", "citations"], &at)?;
                if block["text"].as_str().is_none_or(str::is_empty) {
                    return Err(Refusal::bad("system: text content blocks must be non-empty"));
                }
            }
        }
        _ => return Err(Refusal::bad("system: Input should be a valid list")),
    }
    let Some(messages) = body["messages"].as_array() else {
        return Err(required("messages"));
    };
    let Some(first) = messages.first() else {
        return Err(Refusal::bad("messages: at least one message is required"));
    };
    let newest = version(model).is_some_and(|version| version >= (4, 8));
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}.");
        known(message, &["role", "content"], &at)?;
        match message["role"].as_str() {
            Some("user" | "assistant") => {}
            Some("system") if newest && index > 0 => {}
            Some("system") => {
                return Err(Refusal::bad(
                    "messages: Unexpected role \"system\". The Messages API accepts a top-level \
                     `system` parameter, not \"system\" as an input message role.",
                ));
            }
            Some(other) => {
                return Err(Refusal::bad(format!(
                    "messages: Unexpected role \"{other}\". Allowed roles are \"user\" or \
                     \"assistant\"."
                )));
            }
            None => return Err(required(&format!("{at}role"))),
        }
        content(message, index, index + 1 == messages.len())?;
    }
    if first["role"] != "user" {
        return Err(Refusal::bad("messages: first message must use the \"user\" role"));
    }
    let last_is_assistant = messages.last().is_some_and(|last| last["role"] == "assistant");
    if last_is_assistant && version(model).is_some_and(|version| version >= (4, 6)) {
        return Err(Refusal::bad(
            "This model does not support assistant message prefill. The conversation must end \
             with a user message.",
        ));
    }
    let merged = merged(messages);
    pairs(&merged)?;
    let has_tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    let talks_tools = merged
        .iter()
        .flat_map(|turn| &turn.blocks)
        .any(|block| matches!(block["type"].as_str(), Some("tool_use" | "tool_result")));
    if talks_tools && !has_tools {
        return Err(Refusal::bad(
            "Requests which have `tool_use` or `tool_result` blocks in messages must define tools",
        ));
    }
    if body["thinking"]["type"] == "enabled" {
        thinking_first(&merged)?;
    }
    Ok(())
}

fn content(message: &Value, index: usize, is_last: bool) -> Result<(), Refusal> {
    let assistant = message["role"] == "assistant";
    let empty = || {
        Refusal::bad(format!(
            "messages.{index}: all messages must have non-empty content except for the optional \
             final assistant message"
        ))
    };
    let trailing = |text: &str| assistant && is_last && text.ends_with(char::is_whitespace);
    let padded = || Refusal::bad("messages: final assistant content cannot end with trailing whitespace");
    match &message["content"] {
        Value::String(text) => match text {
            _ if text.is_empty() && assistant && is_last => Ok(()),
            _ if text.is_empty() => Err(empty()),
            _ if trailing(text) => Err(padded()),
            _ if text.trim().is_empty() => {
                Err(Refusal::bad("messages: text content blocks must contain non-whitespace text"))
            }
            _ => Ok(()),
        },
        Value::Array(blocks) if blocks.is_empty() && !(assistant && is_last) => Err(empty()),
        Value::Array(blocks) => {
            for (number, each) in blocks.iter().enumerate() {
                blocks::check(each, &format!("messages.{index}.content.{number}"), assistant)?;
            }
            let last = blocks.last().filter(|block| block["type"] == "text");
            let text = last.and_then(|block| block["text"].as_str()).unwrap_or_default();
            if trailing(text) { Err(padded()) } else { Ok(()) }
        }
        Value::Null => Err(required(&format!("messages.{index}.content"))),
        _ => Err(Refusal::bad(format!("messages.{index}.content: Input should be a valid list"))),
    }
}

/// Messages of one role in a row, which the service takes as one turn.
struct Turn<'a> {
    role: &'a str,
    /// Index of its first message.
    index: usize,
    blocks: Vec<&'a Value>,
}

fn merged(messages: &[Value]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        let blocks = match &message["content"] {
            Value::Array(blocks) => blocks.iter().collect(),
            text => vec![text],
        };
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.blocks.extend(blocks),
            _ => turns.push(Turn { role, index, blocks }),
        }
    }
    turns
}

/// Every call is answered once, at the start of the very next turn, and nothing else is answered.
fn pairs(turns: &[Turn<'_>]) -> Result<(), Refusal> {
    let mut all = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for turn in turns {
        let mut answered = HashSet::new();
        let mut leading = true;
        for (number, block) in turn.blocks.iter().enumerate() {
            if block["type"] != "tool_result" {
                leading = false;
                continue;
            }
            let id = block["tool_use_id"].as_str().unwrap_or_default();
            let at = format!("messages.{}.content.{number}", turn.index);
            if !open.contains(&id) {
                return Err(Refusal::bad(format!(
                    "{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                     `tool_result` block must have a corresponding `tool_use` block in the \
                     previous message."
                )));
            }
            if leading && !answered.insert(id) {
                return Err(Refusal::bad(format!(
                    "{at}: each tool_use must have a single result. Found multiple `tool_result` \
                     blocks with id: {id}"
                )));
            }
        }
        unanswered(&open, &answered, turn.index)?;
        let calls = turn.blocks.iter().filter(|block| block["type"] == "tool_use");
        open = calls.filter_map(|block| block["id"].as_str()).collect();
        for id in &open {
            if !all.insert(*id) {
                return Err(Refusal::bad(format!("messages.{}: `tool_use` ids must be unique", turn.index)));
            }
        }
    }
    unanswered(&open, &HashSet::new(), turns.last().map_or(0, |turn| turn.index + 1))
}

fn unanswered(open: &[&str], answered: &HashSet<&str>, index: usize) -> Result<(), Refusal> {
    let left: Vec<_> = open.iter().filter(|id| !answered.contains(**id)).copied().collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: \
         {}. Each `tool_use` block must have a corresponding `tool_result` block in the next \
         message.",
        index.saturating_sub(1),
        left.join(", ")
    )))
}

/// With thinking on, a tool loop that is still open must show the thinking it began with.
fn thinking_first(turns: &[Turn<'_>]) -> Result<(), Refusal> {
    let Some((last, before)) = turns.split_last() else {
        return Ok(());
    };
    let answering = last.blocks.iter().any(|block| block["type"] == "tool_result");
    let turn = if last.role == "assistant" { Some(last) } else { before.last().filter(|_| answering) };
    let Some(turn) = turn else { return Ok(()) };
    match turn.blocks.first().map(|block| block["type"].as_str().unwrap_or("text")) {
        None | Some("thinking" | "redacted_thinking") => Ok(()),
        Some(found) => Err(Refusal::bad(format!(
            "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found \
             `{found}`. When `thinking` is enabled, a final `assistant` message must start with a \
             thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). \
             We recommend you include thinking blocks from previous turns. To avoid this \
             requirement, disable `thinking`.",
            turn.index
        ))),
    }
}
