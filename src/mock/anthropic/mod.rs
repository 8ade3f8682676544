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

use crate::dialect::bedrock_invoke::Wrap;

use super::World;
use super::cache::{Cached, look_up};
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::{Act, Body};
use super::say::script::{Flag, Script};
use super::say::{Ask, compose};
use crate::wire::percent;

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
            fields.insert("model".to_owned(), percent::decode_text(model).into());
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
    generate(&body, beta, Dialect::Anthropic, world)
}

/// Answers a request for a message, in the manners of whoever serves it.
fn generate(body: &Value, beta: &str, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    check::check(body, beta)?;
    let ask = read::read(body);
    let script = Script::read(&ask.model, &ask.text);
    if let Some(act) = spoken.mishap(world, &ask.model, &script) {
        return Ok(act);
    }
    let form = Form {
        cached: look_up(&cache::boundaries(body), ask.prompt, world),
        no_usage: script.has(Flag::NoUsage),
        citations: script.has(Flag::Citations),
        redacted: script.has(Flag::Redacted),
        omitted: body["thinking"]["display"] == "omitted",
        ask,
    };
    let answer = compose::answer(&form.ask, &script, world.options.tokens);
    let (kind, body) = if form.ask.stream {
        let events = reply::stream(&form, &answer, world);
        if spoken == Dialect::Bedrock {
            ("application/vnd.amazon.eventstream", Body::Stream(events.map(wrapped)))
        } else {
            ("text/event-stream; charset=utf-8", Body::Stream(events))
        }
    } else {
        ("application/json", Body::Whole(reply::whole(&form, &answer, world)))
    };
    Ok(spoken.say(world, &script, kind, body, answer.tokens()))
}

/// Answers Bedrock's `POST …/model/{model}/invoke` and `/invoke-with-response-stream`: the same body but
/// for what the path says, and for the version and the betas, which stand in it.
pub(super) fn invoke(body: &[u8], model: &str, stream: bool, world: &World) -> Result<Act, Refusal> {
    let not_json = |error| Refusal::not_json(Dialect::Bedrock, &error);
    let mut body: Value = serde_json::from_slice(body).map_err(not_json)?;
    let mut betas = Vec::new();
    if let Some(fields) = body.as_object_mut() {
        if fields.remove("anthropic_version") != Some("bedrock-2023-05-31".into()) {
            return Err(Refusal::bad("anthropic_version: Field required"));
        }
        if let Some(extra) = ["model", "stream", "service_tier"].iter().find(|key| fields.contains_key(**key))
        {
            return Err(Refusal::bad(format!("{extra}: Extra inputs are not permitted")));
        }
        let named = fields.remove("anthropic_beta").unwrap_or_default();
        betas.extend(
            named.as_array().into_iter().flatten().filter_map(|beta| beta.as_str().map(str::to_owned)),
        );
        if betas.iter().any(|beta| beta.starts_with("claude-code-")) {
            return Err(Refusal::bad("invalid beta flag"));
        }
        fields.insert("model".to_owned(), model.into());
        fields.insert("stream".to_owned(), stream.into());
    }
    generate(&body, &betas.join(","), Dialect::Bedrock, world)
}

/// One event as a message of Bedrock's stream.
fn wrapped(event: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    Wrap::new(1 << 24).push(event, &mut message);
    message
}
