//! Embeddings: the same text gives the same unit vector, and texts that share words lie close.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::play::Act;
use crate::mock::say::script::Script;
use crate::mock::say::{fingerprint, quote, tokens_of};
use crate::wire::percent;

const KNOWN: [&str; 5] = ["model", "input", "encoding_format", "dimensions", "user"];

/// What other vendors know, by how their models' names begin.
const OTHERS: [(&str, &[&str]); 4] = [
    (
        "voyage-",
        &[
            "model",
            "input",
            "input_type",
            "truncation",
            "output_dimension",
            "output_dtype",
            "encoding_format",
        ],
    ),
    ("mistral-embed", &["model", "input", "encoding_format", "output_dimension", "output_dtype", "metadata"]),
    (
        "jina-",
        &[
            "model",
            "input",
            "task",
            "dimensions",
            "embedding_type",
            "normalized",
            "late_chunking",
            "truncate",
        ],
    ),
    (
        "nvidia/",
        &["model", "input", "input_type", "encoding_format", "dimensions", "truncate", "user", "modality"],
    ),
];

/// Answers `POST …/embeddings`.
pub(in crate::mock) fn answer(
    request: &Request<'_>,
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Result<Act, Refusal> {
    let body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::OpenAi, &error))?;
    let deployment = path.split_once("/deployments/").and_then(|(_, rest)| rest.split('/').next());
    let model = match (spoken, deployment) {
        (Dialect::Azure, Some(name)) => percent::decode_text(name),
        _ => body["model"].as_str().unwrap_or_default().into(),
    };
    if model.is_empty() {
        return Err(Refusal::bad("you must provide a model parameter"));
    }
    let other = OTHERS.iter().find(|(beginning, _)| model.starts_with(beginning)).map(|(_, known)| *known);
    let known = other.or_else(|| model.starts_with("text-embedding-").then_some(&KNOWN[..]));
    let strange = |key: &str| known.is_some_and(|known| !known.contains(&key));
    if let Some(unknown) = body.as_object().into_iter().flatten().find(|(key, _)| strange(key.as_str())) {
        let message = format!("Unrecognized request argument supplied: {}", unknown.0);
        return Err(Refusal::bad(message));
    }
    if model.starts_with("nvidia/") && !matches!(body["input_type"].as_str(), Some("query" | "passage")) {
        return Err(Refusal::bad("'input_type' parameter is required").at("input_type"));
    }
    let texts = inputs(&body["input"])?;
    let first = texts.first().map_or("", String::as_str);
    let script = Script::read(&model, first);
    if let Some(act) = spoken.mishap(world, &model, &script) {
        return Ok(act);
    }
    let dimensions = match body["dimensions"].as_u64().or_else(|| body["output_dimension"].as_u64()) {
        Some(_) if model.contains("ada-002") => {
            return Err(Refusal::bad("This model does not support specifying dimensions."));
        }
        Some(0) => {
            return Err(Refusal::bad("Invalid 'dimensions': integer below minimum value.")
                .at("dimensions")
                .coded("integer_below_min_value"));
        }
        Some(wanted) => usize::try_from(wanted).unwrap_or(usize::MAX).min(8192),
        None if model.contains("3-large") => 3072,
        None => 1536,
    };
    let packed = match body["encoding_format"].as_str().or_else(|| body["embedding_type"].as_str()) {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(Refusal::bad(format!(
                "Invalid value: '{other}'. Supported values are: 'float' and 'base64'."
            ))
            .at("encoding_format")
            .coded("invalid_value"));
        }
    };
    let data: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let shown = if packed {
                let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                quote(&STANDARD.encode(bytes))
            } else {
                numbers(&vector)
            };
            format!(r#"{{"object":"embedding","index":{index},"embedding":{shown}}}"#)
        })
        .collect();
    let tokens: usize = texts.iter().map(|text| tokens_of(text.len())).sum();
    Ok(spoken.json(
        world,
        format!(
            r#"{{"object":"list","data":[{}],"model":{},"usage":{{"prompt_tokens":{tokens},"total_tokens":{tokens}}}}}"#,
            data.join(","),
            quote(&model)
        ),
    ))
}

/// The texts to embed; lists of tokens count as the text of their numbers.
fn inputs(input: &Value) -> Result<Vec<String>, Refusal> {
    let invalid = || {
        Refusal::bad(
            "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
        )
    };
    let texts = match input {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) if items.len() > 2048 => {
            return Err(Refusal::bad("'$.input' is invalid: at most 2048 inputs are allowed."));
        }
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_u64) => {
            vec![input.to_string()]
        }
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.clone()),
                Value::Array(tokens) if !tokens.is_empty() => Ok(item.to_string()),
                _ => Err(invalid()),
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(invalid()),
    };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(invalid().at("input"));
    }
    Ok(texts)
}

/// A unit vector for `text`: each word adds to some places, so that shared words mean nearness.
pub(in crate::mock) fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    const PLACES: u64 = 24;
    let mut vector = vec![0.0_f32; dimensions];
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()).chain([""]) {
        // The empty word keeps a text of punctuation from having no direction at all.
        let weight = if word.is_empty() { 0.1 } else { 1.0 };
        let mut state = fingerprint(word) | 1;
        for _ in 0..PLACES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let place = usize::try_from(state >> 8).unwrap_or(0) % dimensions.max(1);
            if let Some(value) = vector.get_mut(place) {
                *value += if state & 1 == 0 { weight } else { -weight };
            }
        }
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        for x in &mut vector {
            *x /= length;
        }
    } else if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}

/// A vector as a JSON list.
pub(in crate::mock) fn numbers(vector: &[f32]) -> String {
    let numbers: Vec<_> = vector.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_share_words_lie_closer_than_strangers() {
        let near = |a: &str, b: &str| -> f32 {
            vector(a, 1536).iter().zip(vector(b, 1536)).map(|(x, y)| x * y).sum()
        };
        let same = near("What is the capital of France?", "what is the capital of france");
        assert!((same - 1.0).abs() < 1e-4, "{same}");
        assert!(near("What is the capital of France?", "Tell me the capital of France") > 0.5);
        assert!(near("What is the capital of France?", "Write a poem about rain") < 0.3);
    }
}
