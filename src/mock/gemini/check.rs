//! The refusals of generateContent that concern the request as a whole.
//!
//! Wording as the service sends it (seen 2025-2026). Turns and tools have their own files.

use serde_json::Value;

use super::House;
use super::read::{field, is_spelling, snake};
use super::{tools, turns};
use crate::mock::errors::Refusal;
use crate::mock::say::quote;

const TOP: [&str; 10] = [
    "contents",
    "tools",
    "toolConfig",
    "safetySettings",
    "systemInstruction",
    "generationConfig",
    "cachedContent",
    "model",
    "serviceTier",
    "store",
];
const VERTEX_TOP: [&str; 9] = [
    "contents",
    "tools",
    "toolConfig",
    "safetySettings",
    "systemInstruction",
    "generationConfig",
    "cachedContent",
    "labels",
    "modelArmorConfig",
];
const CONFIG: [&str; 27] = [
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "_responseJsonSchema",
    "responseJsonSchema",
    "responseModalities",
    "candidateCount",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "enableEnhancedCivicAnswers",
    "speechConfig",
    "thinkingConfig",
    "imageConfig",
    "mediaResolution",
    "responseFormat",
    "translationConfig",
    "audioTranscriptionConfig",
    // Vertex alone.
    "audioTimestamp",
    "routingConfig",
    "modelConfig",
];

/// Refuses what the service refuses.
pub(super) fn check(body: &Value, model: &str, house: House) -> Result<(), Refusal> {
    let top: &[&str] = match house {
        House::Studio => &TOP,
        House::Vertex => &VERTEX_TOP,
    };
    known(body, top, "")?;
    config(field(body, "generationConfig"), model, house)?;
    tools::check(body, model)?;
    turns::check(body, model)
}

/// Refuses what `:countTokens` refuses; `inner` is the request to count.
pub(super) fn check_count(body: &Value, inner: &Value, house: House) -> Result<(), Refusal> {
    if house == House::Studio {
        known(body, &["contents", "generateContentRequest"], "")?;
    }
    if inner["contents"].as_array().is_none_or(Vec::is_empty) {
        return Err(unspecified("contents"));
    }
    Ok(())
}

fn config(config: &Value, model: &str, house: House) -> Result<(), Refusal> {
    const AT: &str = "generation_config";
    let vertex_only = CONFIG.len() - 3;
    let keys = match house {
        House::Studio => CONFIG.get(..vertex_only).unwrap_or_default(),
        House::Vertex => &CONFIG,
    };
    known(config, keys, AT)?;
    let thinking = field(config, "thinkingConfig");
    known(
        thinking,
        &["includeThoughts", "thinkingBudget", "thinkingLevel"],
        "generation_config.thinking_config",
    )?;
    for (key, most) in [("temperature", 2.0), ("topP", 1.0)] {
        let value = &field(config, key);
        if value.as_f64().is_some_and(|value| !(0.0..=most).contains(&value)) {
            return Err(Refusal::bad(format!(
                "* GenerateContentRequest.generation_config.{}: {} must be in the range [0.0, \
                 {most:.1}].\n",
                snake(key),
                snake(key)
            )));
        }
    }
    for key in ["maxOutputTokens", "candidateCount"] {
        let value = field(config, key);
        if !value.is_null() && value.as_u64().is_none_or(|value| value == 0) {
            return Err(Refusal::bad(format!(
                "* GenerateContentRequest.generation_config.{}: must be positive\n",
                snake(key)
            )));
        }
    }
    if field(config, "candidateCount").as_u64().is_some_and(|count| count > 8) {
        return Err(Refusal::bad(
            "* GenerateContentRequest.generation_config.candidate_count: must be in the range [1, \
             8]\n",
        ));
    }
    if field(config, "stopSequences").as_array().is_some_and(|stops| stops.len() > 5) {
        return Err(Refusal::bad(
            "* GenerateContentRequest.generation_config.stop_sequences: at most 5 are allowed\n",
        ));
    }
    think(thinking, model)?;
    let schema = field(config, "responseSchema");
    if schema.is_object() {
        tools::schema(schema, "generation_config.response_schema", tools::Empty::Allowed)?;
    }
    let typed = schema.is_object() || field(config, "responseJsonSchema").is_object();
    let kind = field(config, "responseMimeType").as_str().unwrap_or("text/plain");
    if !["text/plain", "application/json", "text/x.enum"].contains(&kind) {
        return Err(Refusal::bad(format!(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are \
             `text/plain`, `application/json`, `application/xml`, `application/yaml` and \
             `text/x.enum`, got {kind}.\n"
        )));
    }
    if typed && kind == "text/plain" {
        return Err(Refusal::bad(
            "* GenerateContentRequest.generation_config.response_schema: only allowed when \
             `response_mime_type` is `application/json`.\n",
        ));
    }
    Ok(())
}

fn think(thinking: &Value, model: &str) -> Result<(), Refusal> {
    let (budget, level) = (field(thinking, "thinkingBudget"), field(thinking, "thinkingLevel"));
    if !budget.is_null() && !level.is_null() {
        return Err(Refusal::bad("You can only set only one of thinking budget and thinking level."));
    }
    if !level.is_null() && !model.starts_with("gemini-3") && model.starts_with("gemini-") {
        return Err(Refusal::bad("Thinking level is not supported for this model."));
    }
    if let Some(level) = level.as_str() {
        let known = ["minimal", "low", "medium", "high", "thinking_level_unspecified"];
        if !known.contains(&level.to_ascii_lowercase().as_str()) {
            return Err(Refusal::bad(format!(
                "Invalid value at 'generation_config.thinking_config.thinking_level' \
                 (type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel), \
                 \"{level}\""
            )));
        }
    }
    let old = ["gemini-1", "gemini-2.0"].iter().any(|prefix| model.starts_with(prefix));
    if old && !thinking.is_null() {
        return Err(Refusal::bad("Thinking is not enabled for this model"));
    }
    match budget.as_i64() {
        Some(0) if model.starts_with("gemini-2.5-pro") => {
            Err(Refusal::bad("Budget 0 is invalid. This model only works in thinking mode."))
        }
        Some(budget) if !(-1..=32_768).contains(&budget) => Err(Refusal::bad(format!(
            "The thinking budget {budget} is invalid. Please choose a value between 128 and 32768."
        ))),
        Some(1..128) if model.starts_with("gemini-2.5-pro") => {
            Err(Refusal::bad("The thinking budget is invalid. Please choose a value between 128 and 32768."))
        }
        _ => Ok(()),
    }
}

/// Refuses keys that are not in `keys` (camel case), spelt either way.
pub(super) fn known(object: &Value, keys: &[&str], at: &str) -> Result<(), Refusal> {
    let unknown = object
        .as_object()
        .into_iter()
        .flatten()
        .find(|(found, _)| !keys.iter().any(|key| is_spelling(found, key)));
    match unknown {
        Some((key, _)) => Err(unknown_name(key, at)),
        None => Ok(()),
    }
}

/// The complaint of Google's JSON reader about a key.
pub(super) fn unknown_name(key: &str, at: &str) -> Refusal {
    complaint(key, at, "Cannot find field.")
}

/// The same about a key that must not hold a list.
pub(super) fn not_repeating(key: &str, at: &str) -> Refusal {
    complaint(key, at, "Proto field is not repeating, cannot start list.")
}

fn complaint(key: &str, at: &str, why: &str) -> Refusal {
    let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
    let message = format!("Invalid JSON payload received. Unknown name \"{key}\"{place}: {why}");
    let name = if at.is_empty() { String::new() } else { format!(r#""field":{},"#, quote(at)) };
    Refusal {
        details: format!(
            r#"{{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{{{name}"description":{}}}]}}"#,
            quote(&message)
        ),
        ..Refusal::bad(message)
    }
}

/// A field that must be there.
pub(super) fn unspecified(field: &str) -> Refusal {
    Refusal::bad(format!("* GenerateContentRequest.{field}: {field} is not specified\n"))
}
