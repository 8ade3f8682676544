//! Bedrock's Converse, whole and streamed, and its token count.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod blocks;
mod check;
mod invoked;
mod model;
mod read;
mod reply;
mod tools;
mod turns;

use serde_json::Value;

use super::World;
use super::anthropic;
use super::cache::{self, Cached};
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::{Act, Body};
use super::say::script::{Flag, Script};
use super::say::{Ask, compose};
use crate::wire::percent;

pub(super) use reply::exception;

/// What the answer depends on besides the [`Ask`].
#[derive(Debug, Clone, Default)]
struct Form {
    ask: Ask,
    cached: Cached,
    no_usage: bool,
    citations: bool,
    redacted: bool,
    /// Whether the stop string that was hit is asked for.
    tells_stop: bool,
    tier: Option<String>,
}

/// Whether a path is one of Bedrock's.
pub(super) fn is_place(path: &str) -> bool {
    place(path).is_some()
}

fn place(path: &str) -> Option<(&str, &str)> {
    let (_, named) = path.split_once("/model/")?;
    let (model, verb) = named.split_once('/')?;
    let known = ["converse", "converse-stream", "count-tokens", "invoke", "invoke-with-response-stream"];
    known.contains(&verb).then_some((model, verb))
}

/// Answers `POST …/model/{model}/converse`, `/converse-stream` and `/count-tokens`.
pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Result<Act, Refusal> {
    let (model, verb) = place(path).unwrap_or_default();
    let model = percent::decode_text(model);
    if verb == "invoke"
        && let Some(answered) = invoked::answer(request, &model, world)
    {
        return answered;
    }
    if verb.starts_with("invoke") {
        return anthropic::invoke(request.body, &model, verb != "invoke", world);
    }
    let body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::Bedrock, &error))?;
    let counted = &body["input"]["converse"];
    let body = if verb == "count-tokens" && counted.is_object() { counted } else { &body };
    check::check(body, &model, verb == "converse-stream")?;
    let ask = read::read(body, &model, verb == "converse-stream");
    let script = Script::read(&ask.model, &ask.text);
    if let Some(act) = Dialect::Bedrock.mishap(world, &ask.model, &script) {
        return Ok(act);
    }
    if verb == "count-tokens" {
        return Ok(Dialect::Bedrock.json(world, format!(r#"{{"inputTokens":{}}}"#, ask.prompt)));
    }
    let paths = body["additionalModelResponseFieldPaths"].as_array().into_iter().flatten();
    let form = Form {
        cached: cache::look_up(&read::boundaries(body, &model), ask.prompt, world),
        no_usage: script.has(Flag::NoUsage),
        citations: script.has(Flag::Citations),
        redacted: script.has(Flag::Redacted),
        tells_stop: paths.into_iter().any(|path| path == "/stop_sequence"),
        tier: body["serviceTier"]["type"].as_str().map(str::to_owned),
        ask,
    };
    let answer = compose::answer(&form.ask, &script, world.options.tokens);
    let (kind, body) = if form.ask.stream {
        ("application/vnd.amazon.eventstream", Body::Stream(reply::stream(&form, &answer, world)))
    } else {
        ("application/json", Body::Whole(reply::whole(&form, &answer, world)))
    };
    Ok(Dialect::Bedrock.say(world, &script, kind, body, answer.tokens()))
}
