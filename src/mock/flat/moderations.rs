//! `POST /v1/moderations`: what speaks of killing is flagged.

use serde_json::{Value, json};

use super::only;
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::play::Act;
use crate::mock::say::script::Script;

const CATEGORIES: [&str; 5] = ["harassment", "hate", "self-harm", "sexual", "violence"];

pub(super) fn answer(body: &Value, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    only(body, &["model", "input"])?;
    let model = body["model"].as_str().unwrap_or("omni-moderation-latest");
    let omni = !model.starts_with("text-");
    // Strings are judged each by itself; words and pictures in one list are one input.
    let inputs: Vec<String> = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Value::Array(items) if omni && !items.is_empty() => {
            vec![items.iter().map(part).collect::<Result<Vec<_>, _>>()?.join("\n")]
        }
        _ => return Err(Refusal::bad("'$.input' is invalid.").at("input")),
    };
    let script = Script::read(model, inputs.first().map_or("", String::as_str));
    if let Some(act) = spoken.mishap(world, model, &script) {
        return Ok(act);
    }
    let results: Vec<Value> = inputs.iter().map(|input| judge(input)).collect();
    let id = world.id("modr-", 24);
    Ok(spoken.json(world, json!({"id": id, "model": model, "results": results}).to_string()))
}

fn part(item: &Value) -> Result<String, Refusal> {
    let known = match item["type"].as_str() {
        Some("text") => item["text"].as_str(),
        Some("image_url") => item["image_url"]["url"].as_str(),
        _ => None,
    };
    known.map(str::to_owned).ok_or_else(|| Refusal::bad("Invalid type for 'input[0]'.").at("input"))
}

fn judge(input: &str) -> Value {
    let violent = input.to_lowercase().contains("kill");
    let of = |category: &str| violent && category == "violence";
    let categories: Value = CATEGORIES
        .iter()
        .map(|name| ((*name).to_owned(), of(name).into()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let scores: Value = CATEGORIES
        .iter()
        .map(|name| ((*name).to_owned(), if of(name) { 0.98 } else { 0.0001 }.into()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({
        "flagged": violent,
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": {"violence": ["text"]},
    })
}
