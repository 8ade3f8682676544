//! Cohere's chat v2, whole and as events.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod read;
mod reply;

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::{Act, Body};
use super::say::compose;
use super::say::script::{Flag, Script};

/// Whether a path is this dialect's.
pub(super) fn is_own(path: &str) -> bool {
    path.ends_with("/v2/chat")
}

/// Answers `POST …/v2/chat`.
pub(super) fn answer(request: &Request<'_>, world: &World) -> Result<Act, Refusal> {
    let body =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::Cohere, &error))?;
    let ask = read::read(&body)?;
    let script = Script::read(&ask.model, &ask.text);
    if let Some(act) = Dialect::Cohere.mishap(world, &ask.model, &script) {
        return Ok(act);
    }
    let answer = compose::answer(&ask, &script, world.options.tokens);
    let shape = reply::Shape {
        prompt: (!script.has(Flag::NoUsage)).then_some(ask.prompt),
        logprobs: body["logprobs"] == true,
        cites: body["documents"].as_array().is_some_and(|given| !given.is_empty()),
    };
    let (kind, said) = if ask.stream {
        ("text/event-stream", Body::Stream(reply::stream(&shape, &answer, world)))
    } else {
        ("application/json", Body::Whole(reply::whole(&shape, &answer, world).into_bytes()))
    };
    Ok(Dialect::Cohere.say(world, &script, kind, said, answer.tokens()))
}
