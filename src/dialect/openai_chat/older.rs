//! Tools for targets that know the older form alone (GigaChat): `functions`, `function_call` with its
//! arguments as an object, and results that are messages of the role `function` and hold JSON.
//!
//! <https://developers.sber.ru/docs/ru/gigachat/guides/functions/overview>, seen 2026-11.

use crate::catalog::profile::Profile;
use crate::dialect::openai_names::Names;
use crate::dialect::{free_text, tool_schema};
use crate::ir::{Block, Content, Losses, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn};
use crate::wire::json::{self, Json, Object};

use super::content;
use super::extras;

/// Writes `functions`.
pub(super) fn write(
    body: &mut Object<'_>,
    list: &[&Tool],
    names: &Names,
    profile: &Profile,
    losses: &mut Losses,
) {
    body.array("functions", |array| {
        for tool in list {
            let custom = matches!(tool.kind, ToolKind::Custom(_));
            if custom {
                losses.bent("tools.custom", "said as a function with one text argument");
            }
            if tool.strict == Some(true) {
                losses.dropped("tools.strict", "the target does not hold tools to their schema");
            }
            if tool.cache.is_some() {
                losses.dropped("cache_control", "the target takes no cache marks");
            }
            extras::note_lost(&tool.extras, extras::Sent::to(profile), losses);
            let schema = if custom { Some(free_text::SCHEMA) } else { tool.schema.as_deref() };
            array.object(|function| {
                function.string("name", names.sent(&tool.name));
                function.opt_string("description", free_text::description(tool).as_deref());
                function.raw("parameters", schema.unwrap_or(tool_schema::NO_ARGUMENTS));
                if extras::takes_own(profile) {
                    extras::restore(&tool.extras, "function.", function);
                }
            });
        }
    });
}

/// Writes `function_call`, which can demand one tool and no other way.
pub(super) fn write_choice(
    body: &mut Object<'_>,
    choice: &ToolChoice,
    list: &[&Tool],
    names: &Names,
    losses: &mut Losses,
) {
    let mut named = |name: &str| body.object("function_call", |call| call.string("name", names.sent(name)));
    match (choice, list) {
        (ToolChoice::None, _) => body.string("function_call", "none"),
        (ToolChoice::Tool(name), _) => named(name),
        (ToolChoice::Required | ToolChoice::Allowed(_, true), [only]) => named(&only.name),
        (ToolChoice::Required | ToolChoice::Allowed(_, true), _) => {
            losses.bent("tool_choice", "the target cannot be made to call just any tool");
            body.string("function_call", "auto");
        }
        (ToolChoice::Auto | ToolChoice::Allowed(_, false), _) => body.string("function_call", "auto"),
    }
}

/// Each call of an assistant's turn with its result in the users' turns behind it, and how many results
/// there have no call.
pub(super) fn answered<'t>(
    turn: &'t Turn,
    users: &'t [Turn],
) -> (Vec<(&'t ToolCall, Option<&'t ToolResult>)>, usize) {
    let blocks = users.iter().flat_map(|turn| &turn.blocks);
    let mut results: Vec<&ToolResult> = blocks
        .filter_map(|block| match &block.content {
            Content::ToolResult(result) => Some(result),
            _ => None,
        })
        .collect();
    let calls = turn.blocks.iter().filter_map(|block| match &block.content {
        Content::ToolCall(call) => Some(call),
        _ => None,
    });
    let calls = calls.map(|call| {
        let own = |result: &&ToolResult| {
            let named = result.name.as_deref().is_none_or(|name| name == call.name);
            if call.id.is_empty() || result.call_id.is_empty() { named } else { result.call_id == call.id }
        };
        (call, results.iter().position(own).map(|place| results.remove(place)))
    });
    let calls: Vec<_> = calls.collect();
    (calls, results.len())
}

/// Writes a call into an assistant's message.
pub(super) fn write_call(message: &mut Object<'_>, call: &ToolCall, name: &str) {
    let text = match &call.kind {
        ToolKind::Custom(_) => free_text::arguments(&call.arguments),
        ToolKind::Function | ToolKind::Older | ToolKind::Hosted { .. } => call.arguments.as_str().into(),
    };
    let is_object = json::parse(text.as_bytes()).is_ok_and(|arguments| arguments.is_object());
    message.object("function_call", |call| {
        call.string("name", name);
        call.raw("arguments", if is_object { &text } else { "{}" });
    });
}

/// Writes a result, whose content must be JSON.
pub(super) fn write_result(
    message: &mut Object<'_>,
    result: &ToolResult,
    name: &str,
    profile: &Profile,
    losses: &mut Losses,
) {
    let said: Vec<&Block> =
        result.content.iter().filter(|block| content::sayable(block, profile, losses)).collect();
    let text = content::join(&said, "\n");
    let is_object = json::parse(text.as_bytes()).is_ok_and(|value: Json<'_>| value.is_object());
    message.string("name", name);
    if is_object && !result.is_error {
        message.string("content", &text);
    } else {
        let mut wrapped = Vec::with_capacity(text.len() + 16);
        let key = if result.is_error { "error" } else { "result" };
        json::object(&mut wrapped, |object| object.string(key, &text));
        message.string("content", &String::from_utf8_lossy(&wrapped));
    }
}
