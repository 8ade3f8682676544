//! Anthropic Messages, its token count, and the same through Vertex (`:rawPredict`).
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod blocks;
mod cache;
mod check;
mod read;
mod reply;
mod tools;
mod turns;

use serde_json::Value;

use super::World;
use super::cache::{Cached, look_up};
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::{Act, Body};
use super::route::unescape;
use super::say::script::{Flag, Script};
use super::say::{Ask, compose};

pub(super) use reply::{is_redacted, is_signed, redacted, signature};

/// What the answer depends on besides the [`Ask`].
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Form {
    ask: Ask,
    cached: Cached,
    no_usage: bool,
    citations: bool,
    redacted: bool,
    /// Thinking is sent without its text, only signed.
    omitted: bool,
}

/// Answers `POST …/messages` and `…/messages/count_tokens`.
pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Result<Act, Refusal> {
    let mut body: Value = serde_json::from_slice(request.body)
        .map_err(|error| Refusal::not_json(Dialect::Anthropic, &error))?;
    let vertex = path.rsplit('/').next().and_then(|last| last.split_once(':'));
    if let (Some((model, verb)), Some(fields)) = (vertex, body.as_object_mut()) {
        if fields.remove("anthropic_version") != Some("vertex-2023-10-16".into()) {
            return Err(Refusal::bad("anthropic_version: Field required"));
        }
        if model != "count-tokens" {
            if fields.contains_key("model") {
                return Err(Refusal::bad("model: Extra inputs are not permitted"));
            }
            fields.insert("model".to_owned(), unescape(model).into());
            fields.insert("stream".to_owned(), (verb == "streamRawPredict").into());
        }
    } else if request.header("anthropic-version").is_none() {
        return Err(Refusal::bad("anthropic-version: header is required"));
    }
    let beta = request.header("anthropic-beta").unwrap_or_default();
    if path.ends_with("/count_tokens") || path.ends_with("/count-tokens:rawPredict") {
        check::check_count(&body, beta)?;
        let ask = read::read(&body);
        let script = Script::read(&ask.model, &ask.text);
        if let Some(act) = Dialect::Anthropic.mishap(world, &ask.model, &script) {
            return Ok(act);
        }
        let count = format!(r#"{{"input_tokens":{}}}"#, ask.prompt);
        return Ok(Dialect::Anthropic.json(world, count));
    }
    check::check(&body, beta)?;
    let ask = read::read(&body);
    let script = Script::read(&ask.model, &ask.text);
    if let Some(act) = Dialect::Anthropic.mishap(world, &ask.model, &script) {
        return Ok(act);
    }
    let form = Form {
        cached: look_up(&cache::boundaries(&body), ask.prompt, world),
        no_usage: script.has(Flag::NoUsage),
        citations: script.has(Flag::Citations),
        redacted: script.has(Flag::Redacted),
        omitted: body["thinking"]["display"] == "omitted",
        ask,
    };
    let answer = compose::answer(&form.ask, &script, world.options.tokens);
    let (kind, body) = if form.ask.stream {
        ("text/event-stream; charset=utf-8", Body::Stream(reply::stream(&form, &answer, world)))
    } else {
        ("application/json", Body::Whole(reply::whole(&form, &answer, world)))
    };
    Ok(Dialect::Anthropic.say(world, &script, kind, body, answer.tokens()))
}
