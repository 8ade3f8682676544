//! Gemini: generateContent, its stream, token counts and embeddings, as AI Studio and Vertex have them.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod check;
mod embed;
mod read;
mod reply;
mod tools;
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

/// What the answer depends on besides the [`Ask`].
#[derive(Debug, Clone, Default)]
struct Form {
    ask: Ask,
    candidates: usize,
    no_usage: bool,
    citations: bool,
    /// Thought parts are shown.
    thoughts: bool,
    /// Prompt tokens that came from the cache.
    cached: usize,
}

/// Whose Gemini this is: they differ in a few fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum House {
    Studio,
    Vertex,
}

/// Answers `POST …/models/{model}:{verb}`.
pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Result<Act, Refusal> {
    let last = path.rsplit("models/").next().unwrap_or_default();
    let Some((model, verb)) = last.rsplit_once(':') else {
        return Err(Refusal::bad("Requested entity was not found.").with_status(404));
    };
    let model = percent::decode_text(model);
    let house = if path.contains("/projects/") || path.contains("/publishers/") {
        House::Vertex
    } else {
        House::Studio
    };
    let body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::Gemini, &error))?;
    match verb {
        "generateContent" => generate(&body, &model, house, None, world),
        "streamGenerateContent" => {
            let framing = match request.param("alt") {
                Some("sse") => reply::Framing::Sse,
                _ => reply::Framing::Array,
            };
            generate(&body, &model, house, Some(framing), world)
        }
        "countTokens" => {
            let inner = match &body["generateContentRequest"] {
                Value::Null => &body,
                inner => inner,
            };
            check::check_count(&body, inner, house)?;
            let ask = read::read(inner, &model);
            let script = Script::read(&ask.model, &ask.text);
            if let Some(act) = Dialect::Gemini.mishap(world, &model, &script) {
                return Ok(act);
            }
            let n = ask.prompt;
            Ok(Dialect::Gemini.json(
                world,
                format!(
                    r#"{{"totalTokens":{n},"promptTokensDetails":[{{"modality":"TEXT","tokenCount":{n}}}]}}"#
                ),
            ))
        }
        "embedContent" => embed::one(&body, &model, world),
        "predict" if house == House::Vertex => embed::predict(&body, &model, world),
        "batchEmbedContents" => embed::batch(&body, &model, world),
        _ => Err(Refusal::bad("Requested entity was not found.").with_status(404)),
    }
}

fn generate(
    body: &Value,
    model: &str,
    house: House,
    framing: Option<reply::Framing>,
    world: &World,
) -> Result<Act, Refusal> {
    check::check(body, model, house)?;
    let mut ask = read::read(body, model);
    ask.stream = framing.is_some();
    let script = Script::read(model, &ask.text);
    if let Some(act) = Dialect::Gemini.mishap(world, model, &script) {
        return Ok(act);
    }
    let config = read::field(body, "generationConfig");
    let thinking = read::field(config, "thinkingConfig");
    let mut form = Form {
        candidates: read::field(config, "candidateCount")
            .as_u64()
            .map_or(1, |count| usize::try_from(count).unwrap_or(1)),
        no_usage: script.has(Flag::NoUsage),
        citations: script.has(Flag::Citations),
        thoughts: *read::field(thinking, "includeThoughts") == true,
        cached: 0,
        ask,
    };
    let marked = !read::field(body, "cachedContent").is_null();
    if marked || (form.ask.prompt >= 1024 && world.seen_before(form.ask.print)) {
        form.cached = form.ask.prompt - form.ask.prompt / 8;
    }
    let answer = compose::answer(&form.ask, &script, world.options.tokens);
    let tokens = answer.tokens() * form.candidates;
    let (kind, body) = match framing {
        None => {
            let whole = reply::whole(&form, &answer, world);
            ("application/json; charset=UTF-8", Body::Whole(whole))
        }
        Some(framing) => {
            let frames = reply::stream(&form, &answer, framing, world);
            let kind = match framing {
                reply::Framing::Sse => "text/event-stream",
                reply::Framing::Array => "application/json; charset=UTF-8",
            };
            (kind, Body::Stream(frames))
        }
    };
    Ok(Dialect::Gemini.say(world, &script, kind, body, tokens))
}
