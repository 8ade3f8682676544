//! A client's body → the hub's request.

use crate::dialect::ollama::content;
use crate::dialect::ollama::types::Form;
use crate::dialect::place::Place;
use crate::dialect::{Malformed, function_tools};
use crate::ir::{Block, Effort, Format, Request, Role, Turn};
use crate::wire::json::{self, Json};

use super::{options, turns};

/// Reads a request.
pub(in crate::dialect::ollama) fn parse(form: Form, body: &[u8]) -> Result<Request, Malformed> {
    let root = json::parse(body)?;
    if !root.is_object() {
        return Err(Malformed::new("", "expected a JSON object"));
    }
    // Whoever does not say otherwise gets a stream, and its last line always tells usage.
    let mut request = Request { stream: true, stream_usage: true, ..Request::default() };
    let mut prompt = Vec::new();
    for (key, value) in root.entries() {
        if !value.is_null() {
            member(form, &mut request, &mut prompt, key, value, Place::Body.member(key))?;
        }
    }
    if request.model.is_empty() {
        return Err(Place::Body.member("model").missing());
    }
    if form == Form::Generate {
        if prompt.is_empty() {
            return Err(Place::Body.member("prompt").missing());
        }
        // The words come first, wherever the pictures stood.
        prompt.sort_by_key(|block: &Block| block.as_text().is_none());
        request.turns.push(Turn::new(Role::User, prompt));
    } else if request.turns.is_empty() && request.system.is_empty() {
        return Err(Place::Body.member("messages").missing());
    }
    Ok(request)
}

fn member(
    form: Form,
    request: &mut Request,
    prompt: &mut Vec<Block>,
    key: &str,
    value: &Json<'_>,
    at: Place<'_>,
) -> Result<(), Malformed> {
    match (key, form) {
        ("model", _) => request.model = at.owned(value)?,
        ("name", _) if request.model.is_empty() => request.model = at.owned(value)?,
        ("messages", Form::Chat) => turns::parse(value, at, request)?,
        ("tools", Form::Chat) => request.tools = function_tools::parse(value, at)?,
        ("prompt", Form::Generate) => {
            let text = at.string(value)?;
            prompt.extend((!text.is_empty()).then(|| Block::text(text)));
        }
        ("system", Form::Generate) => {
            let text = at.string(value)?;
            request.system.extend((!text.is_empty()).then(|| Block::text(text)));
        }
        ("images", Form::Generate) => content::pictures(value, at, prompt)?,
        ("stream", _) => request.stream = at.truth(value)?,
        ("format", _) => request.format = format(value, at)?,
        ("options", _) => options::parse(form, value, at, request)?,
        ("think", _) => think(form, value, at, request)?,
        ("logprobs", _) => request.sampling.logprobs = Some(at.truth(value)?),
        ("top_logprobs", _) => request.sampling.top_logprobs = Some(at.count(value)?),
        // What is not asked for is not missed.
        ("raw", _) if value.as_bool() == Some(false) => {}
        ("suffix" | "template" | "system", _) if value.as_str() == Some("") => {}
        ("context", _) if value.elements().is_empty() => {}
        _ => request.extras.push(form.dialect(), key, value.raw()),
    }
    Ok(())
}

fn format(value: &Json<'_>, at: Place<'_>) -> Result<Option<Format>, Malformed> {
    match value.as_str() {
        Some("") => Ok(None),
        Some("json") => Ok(Some(Format::JsonObject)),
        None if value.is_object() => Ok(Some(Format::JsonSchema {
            name: None,
            description: None,
            schema: value.raw().to_owned(),
            strict: None,
        })),
        _ => Err(at.expected("\"json\" or a JSON schema")),
    }
}

fn think(form: Form, value: &Json<'_>, at: Place<'_>, request: &mut Request) -> Result<(), Malformed> {
    if let Some(switch) = value.as_bool() {
        request.thinking.get_or_insert_default().enabled = Some(switch);
        return Ok(());
    }
    match Effort::from_name(at.string(value)?) {
        Some(effort) => request.thinking.get_or_insert_default().effort = Some(effort),
        None => request.extras.push(form.dialect(), "think", value.raw()),
    }
    Ok(())
}
