//! A client's body → the hub's request.

use crate::dialect::cohere_chat::types::OWN;
use crate::dialect::place::Place;
use crate::dialect::{Malformed, function_tools};
use crate::ir::{Block, Format, Request, Role, Thinking, ToolChoice, Turn};
use crate::wire::json::{self, Json};

use super::{documents, turns};

/// Reads a request.
pub(in crate::dialect::cohere_chat) fn parse(body: &[u8]) -> Result<Request, Malformed> {
    let root = json::parse(body)?;
    if !root.is_object() {
        return Err(Malformed::new("", "expected a JSON object"));
    }
    // A stream always tells usage with its end.
    let mut request = Request { stream_usage: true, ..Request::default() };
    let mut given = Vec::new();
    for (key, value) in root.entries() {
        if !value.is_null() {
            member(&mut request, &mut given, key, value, Place::Body.member(key))?;
        }
    }
    if request.model.is_empty() {
        return Err(Place::Body.member("model").missing());
    }
    if request.turns.is_empty() && request.system.is_empty() {
        return Err(Place::Body.member("messages").missing());
    }
    give(&mut request, given);
    Ok(request)
}

/// Documents are read before the last thing that the user says.
fn give(request: &mut Request, given: Vec<Block>) {
    if given.is_empty() {
        return;
    }
    let speaks = |turn: &&mut Turn| {
        turn.role == Role::User
            && !turn.blocks.iter().any(|block| matches!(block.content, crate::ir::Content::ToolResult(_)))
    };
    match request.turns.iter_mut().rev().find(speaks) {
        Some(turn) => drop(turn.blocks.splice(0..0, given)),
        None => request.turns.push(Turn::new(Role::User, given)),
    }
}

fn member(
    request: &mut Request,
    given: &mut Vec<Block>,
    key: &str,
    value: &Json<'_>,
    at: Place<'_>,
) -> Result<(), Malformed> {
    let sampling = &mut request.sampling;
    match key {
        "model" => request.model = at.owned(value)?,
        "messages" => turns::parse(value, at, request)?,
        "documents" => *given = documents::parse(value, at)?,
        "tools" => request.tools = function_tools::parse(value, at)?,
        "strict_tools" => request.validated = at.truth(value)?,
        "tool_choice" => {
            request.tool_choice = Some(match at.string(value)? {
                "REQUIRED" => ToolChoice::Required,
                "NONE" => ToolChoice::None,
                _ => return Err(at.expected("'REQUIRED' or 'NONE'")),
            });
        }
        "response_format" => request.format = Some(format(value, at)?),
        "thinking" => thinking(request, value, at)?,
        "stream" => request.stream = at.truth(value)?,
        "max_tokens" => sampling.max_tokens = Some(at.count(value)?),
        "stop_sequences" => {
            let texts = at.list(value)?.iter().enumerate();
            sampling.stop =
                texts.map(|(index, text)| at.element(index).owned(text)).collect::<Result<_, _>>()?;
        }
        "temperature" => sampling.temperature = Some(at.number(value)?),
        "seed" => sampling.seed = Some(at.whole(value)?),
        "frequency_penalty" => sampling.frequency_penalty = Some(at.number(value)?),
        "presence_penalty" => sampling.presence_penalty = Some(at.number(value)?),
        "k" => sampling.top_k = Some(at.count(value)?),
        "p" => sampling.top_p = Some(at.number(value)?),
        "logprobs" => sampling.logprobs = Some(at.truth(value)?),
        _ => request.extras.push(OWN, key, value.raw()),
    }
    Ok(())
}

fn format(value: &Json<'_>, at: Place<'_>) -> Result<Format, Malformed> {
    match at.required(at.object(value)?, "type")? {
        "text" => Ok(Format::Text),
        "json_object" => {
            let schema = value.field("json_schema").or_else(|| value.field("schema"));
            Ok(match schema {
                None => Format::JsonObject,
                Some(schema) => Format::JsonSchema {
                    name: None,
                    description: None,
                    schema: at.member("json_schema").object(schema)?.raw().to_owned(),
                    strict: None,
                },
            })
        }
        _ => Err(at.member("type").expected("'text' or 'json_object'")),
    }
}

fn thinking(request: &mut Request, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
    let enabled = match at.required(at.object(value)?, "type")? {
        "enabled" => true,
        "disabled" => false,
        _ => return Err(at.member("type").expected("'enabled' or 'disabled'")),
    };
    let budget = value.field("token_budget").map(|budget| at.member("token_budget").count(budget));
    request.thinking =
        Some(Thinking { enabled: Some(enabled), budget: budget.transpose()?, ..Thinking::default() });
    Ok(())
}
