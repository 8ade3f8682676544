//! Vectors: for one prompt in the older form, for any inputs in the newer.

use serde_json::Value;

use super::body;
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::play::Act;
use crate::mock::say::script::Script;
use crate::mock::say::{fingerprint, quote, tokens_of};

/// Answers `POST /api/embed`, or the older `/api/embeddings`.
pub(super) fn answer(request: &Request<'_>, older: bool, world: &World) -> Result<Act, Refusal> {
    let body = body(request)?;
    let model = body["model"].as_str().unwrap_or_default();
    let inputs: Vec<&str> = match &body[if older { "prompt" } else { "input" }] {
        Value::String(text) => vec![text],
        Value::Array(list) if !older => {
            let texts: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
            texts.ok_or_else(|| Refusal::bad("invalid input type"))?
        }
        _ => return Err(Refusal::bad("invalid input type")),
    };
    let script = Script::read(model, inputs.first().copied().unwrap_or_default());
    if let Some(act) = Dialect::Ollama.mishap(world, model, &script) {
        return Ok(act);
    }
    let length = body["dimensions"].as_u64().map_or(8, |wanted| wanted.clamp(1, 4096));
    let vectors: Vec<_> = inputs.iter().map(|text| vector(text, length)).collect();
    let said = if older {
        format!(r#"{{"embedding":{}}}"#, vectors.concat())
    } else {
        let tokens: usize = inputs.iter().map(|text| tokens_of(text.len())).sum();
        format!(
            r#"{{"model":{},"embeddings":[{}],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":{tokens}}}"#,
            quote(model),
            vectors.join(",")
        )
    };
    Ok(Dialect::Ollama.json(world, said))
}

fn vector(text: &str, length: u64) -> String {
    let seed = fingerprint(text);
    let numbers = (0..length).map(|place| {
        let digits = (seed.rotate_left(u32::try_from(place % 64).unwrap_or(0)) >> 40) % 10_000;
        format!("0.{digits:04}")
    });
    format!("[{}]", numbers.collect::<Vec<_>>().join(","))
}
