//! OpenAI chat completions, Azure's form of it, and the many vendors that speak it.
//!
//! Strict like OpenAI for OpenAI's own models; other vendors ignore fields they do not know, and
//! show their reasoning as `reasoning_content`.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

pub(in crate::mock) mod check;
pub(super) mod embeddings;
mod quick;
mod read;
mod reply;
pub(super) mod text;
pub(in crate::mock) mod tools;
mod turns;

use serde_json::Value;

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::{Act, Body};
use super::say::script::{Flag, Script};
use super::say::{Ask, compose};
use crate::wire::percent;

/// Whose chat completions these are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Vendor {
    #[default]
    OpenAi,
    Azure,
    Other,
}

/// What the answer depends on besides the [`Ask`].
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Form {
    ask: Ask,
    vendor: Vendor,
    choices: usize,
    include_usage: bool,
    no_usage: bool,
    citations: bool,
    logprobs: bool,
    /// Whether tools were told as `functions`, and calls are said as `function_call`.
    older: bool,
    /// Prompt tokens that came from the cache.
    cached: usize,
}

/// Answers `POST …/chat/completions`.
pub(super) fn answer(
    request: &Request<'_>,
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Result<Act, Refusal> {
    let quick = if spoken == Dialect::OpenAi { quick::read(request.body, path) } else { None };
    let mut form = match quick {
        Some(form) => form,
        None => full(request, path, spoken)?,
    };
    let script = Script::read(&form.ask.model, &form.ask.text);
    if let Some(act) = spoken.mishap(world, &form.ask.model, &script) {
        return Ok(act);
    }
    form.no_usage = script.has(Flag::NoUsage);
    form.citations = script.has(Flag::Citations);
    if form.ask.prompt >= 1024 && world.seen_before(form.ask.print) {
        form.cached = form.ask.prompt / 128 * 128;
    }
    let answer = compose::answer(&form.ask, &script, world.options.tokens);
    let (kind, body) = if form.ask.stream {
        let frames = reply::stream(&form, &answer, world);
        ("text/event-stream; charset=utf-8", Body::Stream(frames))
    } else {
        ("application/json", Body::Whole(reply::whole(&form, &answer, world)))
    };
    Ok(spoken.say(world, &script, kind, body, answer.tokens() * form.choices))
}

fn full(request: &Request<'_>, path: &str, spoken: Dialect) -> Result<Form, Refusal> {
    let mut body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::OpenAi, &error))?;
    if spoken == Dialect::Azure {
        if request.param("api-version").is_none() {
            return Err(Refusal::bad("Resource not found").with_status(404));
        }
        let rest = path.split_once("/deployments/").map_or("", |(_, rest)| rest);
        let deployment = rest.split('/').next().unwrap_or_default();
        if let Some(body) = body.as_object_mut() {
            body.insert("model".to_owned(), percent::decode_text(deployment).into());
        }
    }
    let model = body["model"].as_str().unwrap_or_default();
    let vendor = vendor(spoken, path, model);
    check::check(&body, vendor)?;
    Ok(read::read(&body, vendor))
}

/// Whose rules hold. A path under another vendor's prefix is not OpenAI's, whatever the model.
fn vendor(spoken: Dialect, path: &str, model: &str) -> Vendor {
    let home = path == "/v1/chat/completions" || path == "/chat/completions";
    match spoken {
        Dialect::Azure => Vendor::Azure,
        _ if home && check::is_own_model(model) => Vendor::OpenAi,
        _ => Vendor::Other,
    }
}
