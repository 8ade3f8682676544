//! The refusals of Converse that concern the request as a whole.
//!
//! Wording as the service sends it (seen 2024-2026). Turns, blocks and tools have their own files.

use serde_json::Value;

use super::model::Model;
use super::{tools, turns};
use crate::mock::errors::Refusal;

const TOP: [&str; 13] = [
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "promptVariables",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
    "outputConfig",
    // The SDKs leave it in no body, yet the service lets it pass.
    "modelId",
];

/// Refuses what Converse refuses; members that it does not know it passes over, as coral services do.
pub(super) fn check(body: &Value, model: &str, stream: bool) -> Result<(), Refusal> {
    let model = Model(model);
    if let Some(key) = body.as_object().and_then(|body| body.keys().find(|key| !TOP.contains(&key.as_str())))
    {
        // The real service is silent. A wrong translation must not be.
        return Err(Refusal::bad(format!("The mock does not know the field {key}.")));
    }
    inference(&body["inferenceConfig"], model)?;
    tools::check(body, model, stream)?;
    system(&body["system"], model)?;
    turns::check(body, model)?;
    output(&body["outputConfig"])?;
    metadata(&body["requestMetadata"])?;
    choice(&body["serviceTier"]["type"], "serviceTier.type", &["default", "flex", "priority", "reserved"])?;
    choice(&body["performanceConfig"]["latency"], "performanceConfig.latency", &["standard", "optimized"])?;
    if model.is_claude() { claude(body, model) } else { Ok(()) }
}

fn inference(config: &Value, model: Model<'_>) -> Result<(), Refusal> {
    known(config, &["maxTokens", "temperature", "topP", "stopSequences"], "inferenceConfig")?;
    match &config["maxTokens"] {
        Value::Null => {}
        limit if limit.as_i64().is_none() => {
            return Err(coral("NUMBER_VALUE can not be converted to an Integer"));
        }
        limit if limit.as_i64().is_some_and(|limit| limit < 1) => {
            return Err(constraint("inferenceConfig.maxTokens", "have value greater than or equal to 1"));
        }
        _ => {}
    }
    for key in ["temperature", "topP"] {
        if config[key].as_f64().is_some_and(|value| value > 1.0) {
            return Err(constraint(&format!("inferenceConfig.{key}"), "have value less than or equal to 1"));
        }
        if config[key].as_f64().is_some_and(|value| value < 0.0) {
            return Err(constraint(
                &format!("inferenceConfig.{key}"),
                "have value greater than or equal to 0",
            ));
        }
    }
    let stops = config["stopSequences"].as_array().map(Vec::as_slice).unwrap_or_default();
    if stops.iter().any(|stop| stop.as_str().is_none_or(str::is_empty)) {
        return Err(constraint("inferenceConfig.stopSequences", "have length greater than or equal to 1"));
    }
    if !stops.is_empty() && !model.takes_stops() {
        return Err(unsupported("stopSequences"));
    }
    Ok(())
}

fn system(system: &Value, model: Model<'_>) -> Result<(), Refusal> {
    let blocks = match system {
        Value::Null => return Ok(()),
        Value::Array(blocks) => blocks,
        _ => return Err(coral("Expected list or null")),
    };
    if !blocks.is_empty() && !model.takes_system() {
        return Err(unsupported("system"));
    }
    for (index, block) in blocks.iter().enumerate() {
        known(block, &["text", "guardContent", "cachePoint"], &format!("system.{index}"))?;
        if block["text"].as_str().is_some_and(|text| text.trim().is_empty()) {
            return Err(Refusal::bad(format!(
                "The text field in the SystemContentBlock object at system.{index} is blank. Add text to the \
                 text field, and try again."
            )));
        }
        if block["cachePoint"].is_object() {
            cache_point(&block["cachePoint"], model)?;
        }
    }
    Ok(())
}

/// Checks a mark at which a prefix of the prompt is to be kept.
pub(super) fn cache_point(point: &Value, model: Model<'_>) -> Result<(), Refusal> {
    if point["type"] != "default" {
        return Err(constraint("cachePoint.type", "satisfy enum value set: [default]"));
    }
    choice(&point["ttl"], "cachePoint.ttl", &["5m", "1h"])?;
    if model.caches() {
        return Ok(());
    }
    Err(Refusal { kind: Some("AccessDeniedException"), ..Refusal::bad("You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information.").with_status(403) })
}

fn output(config: &Value) -> Result<(), Refusal> {
    known(config, &["textFormat"], "outputConfig")?;
    let format = &config["textFormat"];
    if format.is_null() {
        return Ok(());
    }
    let schema = format["structure"]["jsonSchema"]["schema"].as_str();
    if format["type"] != "json_schema" || schema.is_none() {
        return Err(constraint("outputConfig.textFormat", "not be null"));
    }
    let parsed: Option<Value> = schema.and_then(|schema| serde_json::from_str(schema).ok());
    if parsed.is_none_or(|schema| !schema.is_object()) {
        return Err(Refusal::bad(
            "outputConfig.textFormat.structure.jsonSchema.schema is not a valid JSON schema.",
        ));
    }
    Ok(())
}

fn metadata(labels: &Value) -> Result<(), Refusal> {
    let Some(labels) = labels.as_object() else { return Ok(()) };
    let fits = |text: &str| {
        text.len() <= 256
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" :_@$#=/+,-.".contains(&byte))
    };
    if labels.len() > 16 {
        return Err(constraint("requestMetadata", "have length less than or equal to 16"));
    }
    if labels.iter().any(|(key, value)| key.is_empty() || !fits(key) || !value.as_str().is_some_and(fits)) {
        let pattern = "satisfy regular expression pattern: [a-zA-Z0-9\\s:_@$#=/+,-.]{0,256}";
        return Err(constraint("requestMetadata", pattern));
    }
    Ok(())
}

/// What Anthropic's models refuse behind Bedrock.
fn claude(body: &Value, model: Model<'_>) -> Result<(), Refusal> {
    let (config, fields) = (&body["inferenceConfig"], &body["additionalModelRequestFields"]);
    let version = model.claude();
    let since = |least| version.is_some_and(|version| version >= least);
    let said =
        |message: &str| Err(Refusal::bad(format!("The model returned the following errors: {message}")));
    if config["temperature"].is_number() && config["topP"].is_number() && since((4, 5)) {
        return said(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        );
    }
    let samples = !config["temperature"].is_null() || !config["topP"].is_null() || !fields["top_k"].is_null();
    if samples && since((4, 7)) {
        return said("`temperature` is deprecated for this model.");
    }
    let thinking = &fields["thinking"];
    match thinking["type"].as_str() {
        Some("enabled") if since((4, 7)) => {
            return said("\"thinking.type.enabled\" is not supported for this model.");
        }
        Some("enabled") => {
            let Some(budget) = thinking["budget_tokens"].as_u64().filter(|budget| *budget >= 1024) else {
                return said("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
            };
            if config["maxTokens"].as_u64().is_some_and(|limit| limit <= budget) {
                return said("`max_tokens` must be greater than `thinking.budget_tokens`.");
            }
            let choice = &body["toolConfig"]["toolChoice"];
            if choice["any"].is_object() || choice["tool"].is_object() {
                return said("Thinking may not be enabled when tool_choice forces tool use.");
            }
        }
        Some("adaptive") if !since((4, 6)) => {
            return said("adaptive thinking is not supported on this model");
        }
        Some("adaptive" | "disabled") | None => {}
        Some(_) => {
            return said("thinking: Input tag found using 'type' does not match any of the expected tags");
        }
    }
    let thinks = matches!(thinking["type"].as_str(), Some("enabled" | "adaptive"));
    let warm = config["temperature"].as_f64().is_some_and(|value| (value - 1.0).abs() > f64::EPSILON);
    if thinks && warm {
        return said("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.");
    }
    if thinks && !fields["top_k"].is_null() {
        return said("`top_k` must be unset when thinking is enabled.");
    }
    Ok(())
}

/// Refuses keys that are not in `keys`.
pub(super) fn known(object: &Value, keys: &[&str], at: &str) -> Result<(), Refusal> {
    let mut fields = object.as_object().into_iter().flatten();
    match fields.find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, _)) => Err(Refusal::bad(format!("The mock does not know the field {at}.{key}."))),
        None => Ok(()),
    }
}

/// Refuses a word that is none of these.
pub(super) fn choice(word: &Value, at: &str, words: &[&str]) -> Result<(), Refusal> {
    match word {
        Value::Null => Ok(()),
        Value::String(word) if words.contains(&word.as_str()) => Ok(()),
        _ => Err(constraint(at, &format!("satisfy enum value set: [{}]", words.join(", ")))),
    }
}

/// A member that breaks a rule of the service's model.
pub(super) fn constraint(at: &str, rule: &str) -> Refusal {
    Refusal::bad(format!(
        "1 validation error detected: Value at '{at}' failed to satisfy constraint: Member must {rule}"
    ))
}

/// A body that the service's model cannot be read from.
pub(super) fn coral(message: &str) -> Refusal {
    Refusal { kind: Some("SerializationException"), ..Refusal::bad(message) }
}

/// A member that the model has no use for.
pub(super) fn unsupported(field: &str) -> Refusal {
    Refusal::bad(format!("This model doesn't support the {field} field. Remove {field} and try again."))
}
