//! The refusals of Converse that concern turns.

use serde_json::Value;

use super::blocks;
use super::check::{coral, known};
use super::model::Model;
use crate::mock::errors::Refusal;

/// Checks `messages`.
pub(super) fn check(body: &Value, model: Model<'_>) -> Result<(), Refusal> {
    let Some(messages) = body["messages"].as_array() else {
        return Err(coral("Expected list or null"));
    };
    if messages.first().is_none_or(|first| first["role"] != "user") {
        return Err(Refusal::bad(
            "A conversation must start with a user message. Try again with a conversation that starts with a \
             user message.",
        ));
    }
    let mut before: Option<&Value> = None;
    let mut names: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        known(message, &["role", "content"], &format!("messages.{index}"))?;
        if !matches!(message["role"].as_str(), Some("user" | "assistant")) {
            return Err(Refusal::bad(format!(
                "1 validation error detected: Value at 'messages.{}.member.role' failed to satisfy constraint: \
                 Member must satisfy enum value set: [user, assistant]",
                index + 1
            )));
        }
        if before.is_some_and(|before| before["role"] == message["role"]) {
            return Err(Refusal::bad(
                "A conversation must alternate between user and assistant roles. Make sure the conversation \
                 alternates between user and assistant roles and try again.",
            ));
        }
        let content = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        if content.is_empty() {
            return Err(Refusal::bad(format!(
                "The content field in the Message object at messages.{index} is empty. Add a ContentBlock \
                 object to the content field and try again."
            )));
        }
        for (number, block) in content.iter().enumerate() {
            blocks::check(block, &format!("messages.{index}.content.{number}"), message, model)?;
        }
        documents(content, index, &mut names)?;
        results(before, content, index)?;
        before = Some(message);
    }
    if model.is_claude() && body["additionalModelRequestFields"]["thinking"]["type"] == "enabled" {
        thought_first(messages)?;
    }
    let last = messages.last().filter(|last| last["role"] == "assistant");
    if let Some(last) = last {
        return end(last, model);
    }
    let speaks_of_tools = messages
        .iter()
        .flat_map(|message| message["content"].as_array().into_iter().flatten())
        .any(|block| block["toolUse"].is_object() || block["toolResult"].is_object());
    if speaks_of_tools && body["toolConfig"].is_null() {
        return Err(Refusal::bad(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
        ));
    }
    Ok(())
}

/// With thinking on, a tool loop of Claude that is still open must show the thought it began with.
fn thought_first(messages: &[Value]) -> Result<(), Refusal> {
    let [.., called, last] = messages else { return Ok(()) };
    let answers =
        last["content"].as_array().is_some_and(|blocks| blocks.iter().any(|b| b["toolResult"].is_object()));
    if !answers || called["content"][0]["reasoningContent"].is_object() {
        return Ok(());
    }
    let found = if called["content"][0]["toolUse"].is_object() { "tool_use" } else { "text" };
    Err(Refusal::bad(format!(
        "The model returned the following errors: messages.{}.content.0.type: Expected `thinking` or \
         `redacted_thinking`, but found `{found}`. When `thinking` is enabled, a final `assistant` message must \
         start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).",
        messages.len() - 2
    )))
}

/// A conversation that ends with the model's own words.
fn end(last: &Value, model: Model<'_>) -> Result<(), Refusal> {
    let said = last["content"].as_array().and_then(|content| content.last()?["text"].as_str());
    if model.claude().is_some_and(|version| version >= (4, 6)) || !model.is_claude() {
        return Err(Refusal::bad(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ));
    }
    if said.is_some_and(|text| text.ends_with(char::is_whitespace)) {
        return Err(Refusal::bad(
            "The model returned the following errors: messages: final assistant content cannot end with \
             trailing whitespace",
        ));
    }
    Ok(())
}

/// Documents come with words beside them, and no two have one name.
fn documents<'a>(content: &'a [Value], index: usize, names: &mut Vec<&'a str>) -> Result<(), Refusal> {
    let inner =
        content.iter().flat_map(|block| block["toolResult"]["content"].as_array().into_iter().flatten());
    let own = content.iter().filter(|block| block["document"].is_object());
    for block in own.clone().chain(inner.filter(|block| block["document"].is_object())) {
        let name = block["document"]["name"].as_str().unwrap_or_default();
        if names.contains(&name) {
            return Err(Refusal::bad(
                "Messages contain duplicate document names. Make sure that each document has a unique name and try again.",
            ));
        }
        names.push(name);
    }
    if own.count() > 0 && !content.iter().any(|block| block["text"].is_string()) {
        return Err(Refusal::bad(format!(
            "The content field at messages.{index} must include a text block when it includes a document."
        )));
    }
    Ok(())
}

/// Every call is answered once in the very next turn, and nothing else is answered.
fn results(before: Option<&Value>, content: &[Value], index: usize) -> Result<(), Refusal> {
    let blocks =
        before.and_then(|before| before["content"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let called: Vec<&str> =
        blocks.iter().filter_map(|block| block["toolUse"]["toolUseId"].as_str()).collect();
    let answered: Vec<&str> =
        content.iter().filter_map(|block| block["toolResult"]["toolUseId"].as_str()).collect();
    if answered.len() > called.len() {
        return Err(Refusal::bad(format!(
            "The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of \
             previous turn."
        )));
    }
    let left: Vec<&str> = called.into_iter().filter(|id| !answered.contains(id)).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "Expected toolResult blocks at messages.{index}.content for the following Ids: {}",
        left.join(", ")
    )))
}
