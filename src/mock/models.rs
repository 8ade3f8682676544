//! Lists of models, in the shape of whoever is asked.

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::Act;
use super::say::quote;
use crate::wire::percent;

const OPENAI: [&str; 9] = [
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4.1",
    "gpt-5",
    "gpt-5-mini",
    "gpt-5-codex",
    "o3",
    "text-embedding-3-small",
    "text-embedding-3-large",
];
const ANTHROPIC: [(&str, &str); 4] = [
    ("claude-opus-4-6", "Claude Opus 4.6"),
    ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5"),
    ("claude-haiku-4-5-20251001", "Claude Haiku 4.5"),
    ("claude-3-5-haiku-20241022", "Claude Haiku 3.5"),
];
const GEMINI: [(&str, &str); 4] = [
    ("gemini-2.5-flash", "Gemini 2.5 Flash"),
    ("gemini-2.5-pro", "Gemini 2.5 Pro"),
    ("gemini-3-pro-preview", "Gemini 3 Pro Preview"),
    ("gemini-embedding-001", "Gemini Embedding 001"),
];

/// Answers `GET …/models` and `GET …/models/{id}`.
pub(super) fn answer(
    request: &Request<'_>,
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Result<Act, Refusal> {
    // A model's id may have slashes of its own, so the first `/models/` counts.
    let id = path.split_once("/models/").map(|(_, id)| percent::decode_text(id));
    if spoken == Dialect::Anthropic && request.header("anthropic-version").is_none() {
        return Err(Refusal::bad("anthropic-version: header is required"));
    }
    let body = match (&id, spoken) {
        // Its models are listed at another host.
        (_, Dialect::Bedrock) => return Err(Refusal::canned(spoken, 404, "", None)),
        (None, Dialect::OpenAi | Dialect::Azure | Dialect::Ollama | Dialect::Cohere) => {
            let list = OPENAI.map(openai).join(",");
            format!(r#"{{"object":"list","data":[{list}]}}"#)
        }
        (None, Dialect::Anthropic) => {
            let list = ANTHROPIC.map(|(id, name)| anthropic(id, name)).join(",");
            let first = ANTHROPIC.first().map_or("", |(id, _)| id);
            let end = ANTHROPIC.last().map_or("", |(id, _)| id);
            format!(r#"{{"data":[{list}],"has_more":false,"first_id":"{first}","last_id":"{end}"}}"#)
        }
        (None, Dialect::Gemini) => {
            let list = GEMINI.map(|(id, name)| gemini(id, name)).join(",");
            format!(r#"{{"models":[{list}]}}"#)
        }
        (Some(id), Dialect::OpenAi | Dialect::Azure | Dialect::Ollama | Dialect::Cohere) => {
            known(id, OPENAI.contains(&&**id), spoken)?;
            openai(id)
        }
        (Some(id), Dialect::Anthropic) => {
            let name = ANTHROPIC.iter().find(|(each, _)| each == id).map(|(_, name)| *name);
            known(id, name.is_some(), spoken)?;
            anthropic(id, name.unwrap_or("Mock"))
        }
        (Some(id), Dialect::Gemini) => {
            let name = GEMINI.iter().find(|(each, _)| each == id).map(|(_, name)| *name);
            known(id, name.is_some(), spoken)?;
            gemini(id, name.unwrap_or("Mock"))
        }
    };
    Ok(spoken.json(world, body))
}

fn known(id: &str, listed: bool, spoken: Dialect) -> Result<(), Refusal> {
    if listed || id.starts_with("mock") { Ok(()) } else { Err(Refusal::canned(spoken, 404, id, None)) }
}

fn openai(id: &str) -> String {
    let id = quote(id);
    format!(r#"{{"id":{id},"object":"model","created":1715367049,"owned_by":"system"}}"#)
}

fn anthropic(id: &str, name: &str) -> String {
    let (id, name) = (quote(id), quote(name));
    format!(r#"{{"type":"model","id":{id},"display_name":{name},"created_at":"2025-09-29T00:00:00Z"}}"#)
}

fn gemini(id: &str, name: &str) -> String {
    let methods = if id.contains("embedding") {
        r#"["embedContent","countTokens"]"#
    } else {
        r#"["generateContent","countTokens","createCachedContent","batchGenerateContent"]"#
    };
    let (id, name) = (quote(&format!("models/{id}")), quote(name));
    format!(
        r#"{{"name":{id},"version":"001","displayName":{name},"description":"A mock.","inputTokenLimit":1048576,"outputTokenLimit":65536,"supportedGenerationMethods":{methods},"temperature":1,"topP":0.95,"topK":64,"maxTemperature":2,"thinking":true}}"#
    )
}
