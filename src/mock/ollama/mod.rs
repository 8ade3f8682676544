//! Ollama's own API: chats and prompts, a JSON object a line; models, vectors, the version.
//!
//! Lenient where Ollama is (it passes over fields it does not know) and strict where its types are:
//! content is a string, arguments are an object, pictures are base64.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod read;
mod reply;
mod vectors;

use serde_json::Value;

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::{Act, Body};
use super::say::script::{Flag, Script};
use super::say::{Ask, compose, quote};

/// Which of the two forms was asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Chat,
    Generate,
}

const MODELS: [&str; 3] = ["llama3.2:latest", "qwen3:8b", "nomic-embed-text:latest"];

/// Whether a path is one of Ollama's.
pub(super) fn is_own(path: &str) -> bool {
    let places = ["chat", "generate", "tags", "show", "ps", "version", "embed", "embeddings"];
    path.rsplit_once("/api/").is_some_and(|(_, place)| places.contains(&place))
}

/// Answers whatever is asked below `/api/`.
pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Result<Act, Refusal> {
    let place = path.rsplit('/').next().unwrap_or_default();
    let asked = match (request.method, place) {
        ("GET", "tags" | "ps" | "version") => return Ok(Dialect::Ollama.json(world, listed(place))),
        ("POST", "chat") => Form::Chat,
        ("POST", "generate") => Form::Generate,
        ("POST", "show") => return show(request, world),
        ("POST", "embed" | "embeddings") => return vectors::answer(request, place == "embeddings", world),
        _ => return Err(Refusal::bad("405 method not allowed").with_status(405)),
    };
    let body = body(request)?;
    let ask = read::read(asked, &body)?;
    let Some(ask) = ask else { return Ok(Dialect::Ollama.json(world, reply::loaded(asked, &body))) };
    said(asked, &ask, &body, world)
}

fn body(request: &Request<'_>) -> Result<Value, Refusal> {
    let body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::Ollama, &error))?;
    match body["model"].as_str() {
        Some(model) if !model.is_empty() => Ok(body),
        _ => Err(Refusal::bad("model is required")),
    }
}

fn said(form: Form, ask: &Ask, body: &Value, world: &World) -> Result<Act, Refusal> {
    let script = Script::read(&ask.model, &ask.text);
    if let Some(act) = Dialect::Ollama.mishap(world, &ask.model, &script) {
        return Ok(act);
    }
    if ask.reasoning > 0 && ask.model.contains("llama") {
        return Err(Refusal::bad(format!("{} does not support thinking", quote(&ask.model))));
    }
    let answer = compose::answer(ask, &script, world.options.tokens);
    let form = reply::Shape {
        form,
        model: &ask.model,
        // A prompt that is still in memory is not counted.
        prompt: (!script.has(Flag::NoUsage)).then_some(ask.prompt),
        logprobs: body["logprobs"] == true,
    };
    let (kind, said) = if ask.stream {
        ("application/x-ndjson", Body::Stream(reply::stream(&form, &answer)))
    } else {
        ("application/json; charset=utf-8", Body::Whole(reply::whole(&form, &answer).into_bytes()))
    };
    Ok(Dialect::Ollama.say(world, &script, kind, said, answer.tokens()))
}

fn details() -> &'static str {
    r#"{"parent_model":"","format":"gguf","family":"llama","families":["llama"],"parameter_size":"3.2B","quantization_level":"Q4_K_M"}"#
}

fn listed(place: &str) -> String {
    match place {
        "version" => r#"{"version":"0.13.0"}"#.to_owned(),
        "ps" => r#"{"models":[]}"#.to_owned(),
        _ => {
            let models = MODELS.map(|name| {
                let (name, details) = (quote(name), details());
                format!(
                    r#"{{"name":{name},"model":{name},"modified_at":"2025-05-04T17:37:44.706015396-07:00","size":2019393189,"digest":"a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72","details":{details}}}"#
                )
            });
            format!(r#"{{"models":[{}]}}"#, models.join(","))
        }
    }
}

fn show(request: &Request<'_>, world: &World) -> Result<Act, Refusal> {
    let body = body(request)?;
    let model = body["model"].as_str().unwrap_or_default();
    if !MODELS.contains(&model) && !model.starts_with("mock") {
        return Err(Refusal::canned(Dialect::Ollama, 404, model, None));
    }
    let details = details();
    Ok(Dialect::Ollama.json(
        world,
        format!(
            r#"{{"modelfile":"","parameters":"","template":"","details":{details},"model_info":{{"general.architecture":"llama","llama.context_length":131072}},"capabilities":["completion","tools"],"modified_at":"2025-05-04T17:37:44Z"}}"#
        ),
    ))
}
