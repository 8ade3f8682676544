//! OpenAI's Responses, which other vendors serve too.
//!
//! Strict like OpenAI for OpenAI's own models; other vendors ignore fields they do not know.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod check;
mod items;
mod read;
mod reply;
mod stream;

use serde_json::Value;

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::openai::check::is_own_model;
use super::play::{Act, Body};
use super::say::script::{Flag, Script};
use super::say::{Ask, compose};

/// What the answer depends on besides the [`Ask`].
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Form {
    ask: Ask,
    /// The request itself, of which the answer repeats parts.
    body: Value,
    /// The names of tools that take free text.
    custom: Vec<String>,
    /// Whether thoughts are told in a summary.
    summary: bool,
    /// Whether thoughts are given sealed.
    sealed: bool,
    no_usage: bool,
    citations: bool,
    logprobs: bool,
    /// Input tokens that came from the cache.
    cached: usize,
}

/// Answers `POST …/responses` and `POST …/responses/input_tokens`.
pub(super) fn answer(
    request: &Request<'_>,
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Result<Act, Refusal> {
    let body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::OpenAi, &error))?;
    let model = body["model"].as_str().unwrap_or_default();
    // A path under another vendor's prefix is not OpenAI's, whatever the model.
    let home = ["/v1/responses", "/v1/responses/input_tokens", "/openai/v1/responses"].contains(&path);
    check::check(&body, home && is_own_model(model))?;
    let mut form = read::read(body);
    if path.ends_with("/input_tokens") {
        let counted = format!(r#"{{"object":"response.input_tokens","input_tokens":{}}}"#, form.ask.prompt);
        return Ok(spoken.json(world, counted));
    }
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
    let response = reply::response(&form, &answer, world);
    let tokens = answer.tokens();
    if !form.ask.stream {
        let body = Body::Whole(response.to_string().into_bytes());
        return Ok(spoken.say(world, &script, "application/json", body, tokens));
    }
    let frames = stream::frames(&response, &answer);
    let mut act =
        spoken.say(world, &script, "text/event-stream; charset=utf-8", Body::Stream(frames), tokens);
    if let Act::Say(say) = &mut act
        && say.fault.error_at.is_some()
    {
        say.fault.error = stream::failure(&response);
    }
    Ok(act)
}
