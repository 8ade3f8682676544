//! A client's body → the hub's request.

use crate::dialect::openai_completions::types::OWN;
use crate::dialect::place::{Place, filled};
use crate::dialect::{Head, Malformed, unknown};
use crate::ir::{Block, Request, Role, Turn};
use crate::wire::json::{self, Json};

/// What to say of prompts that only a server of this dialect understands.
const ONLY_HERE: &str = "this model's provider serves no text completions, so its prompt must be one string";

/// Reads a request. It is only read when it must be said in another dialect, and so its prompt must
/// be one text.
pub(in crate::dialect::openai_completions) fn parse(
    head: &Head<'_>,
    body: &[u8],
) -> Result<Request, Malformed> {
    let root = json::parse(body)?;
    if !root.is_object() {
        return Err(Malformed::new("", "expected a JSON object"));
    }
    let mut request = Request::default();
    for (key, value) in root.entries() {
        if !value.is_null() {
            member(&mut request, key, value, Place::Body.member(key))?;
        }
    }
    if request.turns.is_empty() {
        return Err(Place::Body.member("prompt").missing());
    }
    if request.model.is_empty() {
        let deployed = head.path.split_once("/deployments/").and_then(|(_, rest)| rest.split('/').next());
        let name = filled(deployed).ok_or_else(|| Place::Body.member("model").missing())?;
        name.clone_into(&mut request.model);
    }
    Ok(request)
}

fn member(request: &mut Request, key: &str, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
    let sampling = &mut request.sampling;
    match key {
        "model" => request.model = at.owned(value)?,
        "prompt" => {
            let text = prompt(value, at)?;
            request.turns.push(Turn::new(Role::User, vec![Block::text(text)]));
        }
        "stream" => request.stream = at.truth(value)?,
        "stream_options" => stream_options(request, value, at)?,
        // Servers take -1 for "as many as there are", which is what leaving it out says.
        "max_tokens" | "top_k" if value.as_i64() == Some(-1) => {}
        "max_tokens" => sampling.max_tokens = Some(at.count(value)?),
        "temperature" => sampling.temperature = Some(at.number(value)?),
        "top_p" => sampling.top_p = Some(at.number(value)?),
        "top_k" => sampling.top_k = Some(at.count(value)?),
        "n" => sampling.candidates = Some(at.count(value)?),
        "stop" => sampling.stop = stop(value, at)?,
        "seed" => sampling.seed = Some(at.whole(value)?),
        "frequency_penalty" => sampling.frequency_penalty = Some(at.number(value)?),
        "presence_penalty" => sampling.presence_penalty = Some(at.number(value)?),
        "logprobs" => logprobs(request, value, at)?,
        "logit_bias" => sampling.logit_bias = Some(at.object(value)?.raw().to_owned()),
        "user" => request.user = Some(at.owned(value)?),
        // What is not asked for is not missed.
        "echo" if value.as_bool() == Some(false) => {}
        "best_of" if value.as_u64() == Some(1) => {}
        "suffix" if value.as_str() == Some("") => {}
        _ => request.extras.push(OWN, key, value.raw()),
    }
    Ok(())
}

/// A number of alternatives; some servers take a switch, as in chat.
fn logprobs(request: &mut Request, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
    let sampling = &mut request.sampling;
    match value.as_bool() {
        Some(switch) => sampling.logprobs = Some(switch),
        None => {
            sampling.logprobs = Some(true);
            sampling.top_logprobs = Some(at.count(value)?);
        }
    }
    Ok(())
}

/// A prompt that is one text, or a list of one.
fn prompt(value: &Json<'_>, at: Place<'_>) -> Result<String, Malformed> {
    match (value.as_str(), value.elements()) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, [only]) if only.is_string() => at.element(0).owned(only),
        (None, []) => Err(at.expected("a string, or a list of strings or tokens")),
        (None, _) => Err(Malformed::new(at.to_string(), ONLY_HERE)),
    }
}

fn stream_options(request: &mut Request, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
    for (key, option) in at.object(value)?.entries() {
        if &**key == "include_usage" && !option.is_null() {
            request.stream_usage = at.member(key).truth(option)?;
        }
    }
    let mut others = crate::ir::Extras::NONE;
    unknown::keep(OWN, value, &["include_usage"], &mut others);
    if !others.is_empty() {
        request.extras.push(OWN, "stream_options", value.raw());
    }
    Ok(())
}

fn stop(value: &Json<'_>, at: Place<'_>) -> Result<Vec<String>, Malformed> {
    if let Some(text) = value.as_str() {
        return Ok(vec![text.to_owned()]);
    }
    if !value.is_array() {
        return Err(at.expected("a string or a list of strings"));
    }
    let texts = value.elements().iter().enumerate();
    texts.map(|(index, text)| at.element(index).owned(text)).collect()
}
