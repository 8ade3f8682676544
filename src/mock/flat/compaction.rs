//! `POST /v1/responses/compact`: what users said stays, and all else becomes one sealed item.

use serde_json::{Value, json};

use super::{only, text};
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::play::Act;
use crate::mock::say::script::Script;
use crate::mock::say::tokens_of;
use crate::mock::{World, unix_now};

const KNOWN: [&str; 7] = [
    "model",
    "input",
    "instructions",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
];

pub(super) fn answer(body: &Value, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    only(body, &KNOWN)?;
    let model = text(body, "model")?;
    let items = match &body["input"] {
        Value::String(said) => vec![json!({"type": "message", "role": "user", "content": said})],
        Value::Array(items) => items.clone(),
        Value::Null if body["previous_response_id"].is_string() => Vec::new(),
        _ => {
            return Err(Refusal::bad("Missing required parameter: 'input'.")
                .at("input")
                .coded("missing_required_parameter"));
        }
    };
    let last = items.last().and_then(|item| item["content"].as_str()).unwrap_or_default();
    if let Some(act) = spoken.mishap(world, model, &Script::read(model, last)) {
        return Ok(act);
    }
    let mut output: Vec<Value> = items.iter().filter(|item| item["role"] == "user").cloned().collect();
    output.push(json!({"id": world.id("cmp_", 32), "type": "compaction", "encrypted_content": "Z2lzdA=="}));
    let (read, written) = (tokens_of(body["input"].to_string().len()), 8);
    let usage = json!({
        "input_tokens": read, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    });
    let said = json!({
        "id": world.id("resp_", 32), "object": "response.compaction", "created_at": unix_now(),
        "output": output, "usage": usage,
    });
    Ok(spoken.json(world, said.to_string()))
}
