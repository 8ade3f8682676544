//! `POST /v1/embed` and `/v2/embed`, as Cohere has them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{only, text};
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::openai::embeddings::{numbers, vector};
use crate::mock::play::Act;
use crate::mock::say::script::Script;
use crate::mock::say::tokens_of;

const KNOWN: [&str; 10] = [
    "model",
    "texts",
    "inputs",
    "images",
    "input_type",
    "embedding_types",
    "output_dimension",
    "truncate",
    "max_tokens",
    "priority",
];

pub(super) fn answer(body: &Value, path: &str, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    only(body, &KNOWN)?;
    let model = text(body, "model")?;
    text(body, "input_type")?;
    let texts: Vec<&str> = body["texts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if texts.is_empty() || texts.len() > 96 {
        return Err(Refusal::bad("invalid request: texts must have 1 to 96 entries").at("texts"));
    }
    let script = Script::read(model, texts.first().copied().unwrap_or_default());
    if let Some(act) = spoken.mishap(world, model, &script) {
        return Ok(act);
    }
    let dimensions = body["output_dimension"].as_u64().unwrap_or(1536);
    let vectors: Vec<Vec<f32>> =
        texts.iter().map(|text| vector(text, usize::try_from(dimensions).unwrap_or(1536))).collect();
    let version = if path.ends_with("/v2/embed") { "2" } else { "1" };
    let packed: Vec<String> = vectors
        .iter()
        .map(|vector| STANDARD.encode(vector.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()))
        .collect();
    let floats: Vec<Value> =
        vectors.iter().filter_map(|vector| serde_json::from_str(&numbers(vector)).ok()).collect();
    let floats = Value::from(floats);
    let types: Vec<&str> =
        body["embedding_types"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let by_type = version == "2" || !types.is_empty();
    let embeddings = match types.as_slice() {
        _ if !by_type => floats,
        ["base64"] => json!({"base64": packed}),
        _ => json!({"float": floats}),
    };
    let tokens: usize = texts.iter().map(|text| tokens_of(text.len())).sum();
    let body = json!({
        "id": world.id("", 32), "texts": texts, "embeddings": embeddings,
        "meta": {"api_version": {"version": version}, "billed_units": {"input_tokens": tokens}},
        "response_type": if by_type { "embeddings_by_type" } else { "embeddings_floats" },
    });
    Ok(spoken.json(world, body.to_string()))
}
