//! The refusals of OpenAI's chat completions, so that a wrong translation is caught here.
//!
//! Messages and codes as the service sends them (seen 2025-2026). The order and shape of messages is
//! checked for every vendor; unknown fields and the limits only for OpenAI's own models.

use serde_json::Value;

use super::{Vendor, tools, turns};
use crate::mock::errors::Refusal;

const TOP: [&str; 39] = [
    "messages",
    "model",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
    "moderation",
    // Azure's own, taken and ignored by it alone; harmless here.
    "data_sources",
    "user_security_context",
];
/// Whether OpenAI itself serves this model.
pub(in crate::mock) fn is_own_model(model: &str) -> bool {
    let numbered = |rest: &str| rest.starts_with(|letter: char| ('1'..='9').contains(&letter));
    (model.starts_with("gpt-") && !model.starts_with("gpt-oss"))
        || model.starts_with("chatgpt-")
        || model.strip_prefix('o').is_some_and(numbered)
}

/// Whether the model is of the o-series or GPT-5, which take no sampling parameters.
pub(in crate::mock) fn is_reasoning_model(model: &str) -> bool {
    is_own_model(model) && (model.starts_with('o') || model.starts_with("gpt-5")) && !model.contains("-chat")
}

/// Whether the model reasons only when asked to: GPT-5.1 and later.
pub(in crate::mock) fn may_not_reason(model: &str) -> bool {
    model.starts_with("gpt-5.")
}

/// Refuses what the service refuses.
pub(super) fn check(body: &Value, vendor: Vendor) -> Result<(), Refusal> {
    let strict = vendor != Vendor::Other;
    let Some(fields) = body.as_object() else {
        return Err(Refusal::bad("Invalid body: expected a JSON object."));
    };
    if body["model"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::bad("you must provide a model parameter"));
    }
    if strict {
        let unknown: Vec<_> =
            fields.keys().filter(|key| !TOP.contains(&key.as_str())).map(String::as_str).collect();
        if !unknown.is_empty() {
            let plural = if unknown.len() == 1 { "" } else { "s" };
            return Err(Refusal::bad(format!(
                "Unrecognized request argument{plural} supplied: {}",
                unknown.join(", ")
            )));
        }
        only_responses(body["model"].as_str().unwrap_or_default())?;
        parameters(body)?;
        model_rules(body, body["model"].as_str().unwrap_or_default())?;
    }
    tools::check(body, strict)?;
    turns::check(body, strict)?;
    tools::response_format(body, strict)
}

fn parameters(body: &Value) -> Result<(), Refusal> {
    for (key, least, most) in [
        ("temperature", 0.0, 2.0),
        ("top_p", 0.0, 1.0),
        ("frequency_penalty", -2.0, 2.0),
        ("presence_penalty", -2.0, 2.0),
    ] {
        match &body[key] {
            Value::Null => {}
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(0.0);
                let (side, code, sign, bound) = if number > most {
                    ("above maximum", "decimal_above_max_value", "<=", most)
                } else if number < least {
                    ("below minimum", "decimal_below_min_value", ">=", least)
                } else {
                    continue;
                };
                return Err(Refusal::bad(format!(
                    "Invalid '{key}': decimal {side} value. Expected a value {sign} {bound}, but \
                     got {number} instead."
                ))
                .at(key)
                .coded(code));
            }
            other => return Err(wrong_type(key, "a decimal", other)),
        }
    }
    for key in ["max_tokens", "max_completion_tokens", "n", "top_logprobs", "seed"] {
        match &body[key] {
            Value::Null => {}
            Value::Number(number) if key == "seed" || key == "top_logprobs" => {
                if !number.is_i64() && !number.is_u64() {
                    return Err(wrong_type(key, "an integer", &body[key]));
                }
            }
            Value::Number(number) if number.as_u64().is_some_and(|number| number > 0) => {}
            Value::Number(number) => {
                return Err(Refusal::bad(format!(
                    "Invalid '{key}': integer below minimum value. Expected a value >= 1, but got \
                     {number} instead."
                ))
                .at(key)
                .coded("integer_below_min_value"));
            }
            other => return Err(wrong_type(key, "an integer", other)),
        }
    }
    if body["n"].as_u64().is_some_and(|n| n > 128) {
        return Err(Refusal::bad("Invalid 'n': integer above maximum value.")
            .at("n")
            .coded("integer_above_max_value"));
    }
    if let Some(stops) = body["stop"].as_array().filter(|stops| stops.len() > 4) {
        return Err(Refusal::bad(format!(
            "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an \
             array with length {} instead.",
            stops.len()
        ))
        .at("stop")
        .coded("array_above_max_length"));
    }
    if let Some(user) = body["user"].as_str().filter(|user| user.len() > 64) {
        return Err(too_long("user", 64, user.len()));
    }
    if !body["stream_options"].is_null() && body["stream"] != true {
        return Err(Refusal::bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
            .at("stream_options"));
    }
    if !body["top_logprobs"].is_null() && body["logprobs"] != true {
        return Err(Refusal::bad("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
            .at("top_logprobs"));
    }
    for (key, value) in body["metadata"].as_object().into_iter().flatten() {
        if !value.is_string() {
            return Err(wrong_type(&format!("metadata.{key}"), "a string", value));
        }
    }
    let tiers = ["auto", "default", "flex", "priority", "scale"];
    if let Some(tier) = body["service_tier"].as_str().filter(|tier| !tiers.contains(tier)) {
        return Err(Refusal::bad(format!(
            "Invalid value: '{tier}'. Supported values are: 'auto', 'default', 'flex', 'priority', and \
             'scale'."
        ))
        .at("service_tier")
        .coded("invalid_value"));
    }
    let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    match body["reasoning_effort"].as_str() {
        Some(effort) if !efforts.contains(&effort) => Err(Refusal::bad(format!(
            "Invalid value: '{effort}'. Supported values are: 'none', 'minimal', 'low', 'medium', \
             'high', 'xhigh', and 'max'."
        ))
        .at("reasoning_effort")
        .coded("invalid_value")),
        _ => Ok(()),
    }
}

/// Some models are served elsewhere alone.
fn only_responses(model: &str) -> Result<(), Refusal> {
    if model.contains("-codex") || model.contains("-pro") || model.contains("-deep-research") {
        let message = "This model is only supported in v1/responses and not in v1/chat/completions.";
        return Err(Refusal::bad(message).at("model").with_status(404));
    }
    Ok(())
}

/// Whether the model thinks beside tools in Responses alone: GPT-5.4 where it is told to, and from
/// GPT-5.6 on where it is not told not to.
fn thinks_elsewhere(model: &str, effort: Option<&str>) -> bool {
    let minor = model.strip_prefix("gpt-5.").and_then(|rest| rest.split(['-', '.']).next()?.parse().ok());
    match minor {
        Some(4 | 5) => effort.is_some_and(|effort| effort != "none"),
        Some(6_u32..) => effort != Some("none"),
        Some(_) | None => false,
    }
}

fn model_rules(body: &Value, model: &str) -> Result<(), Refusal> {
    if !is_reasoning_model(model) {
        return match &body["reasoning_effort"] {
            Value::Null => Ok(()),
            _ => Err(Refusal::bad("Unrecognized request argument supplied: reasoning_effort")),
        };
    }
    if !body["max_tokens"].is_null() {
        return Err(Refusal::bad(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
             'max_completion_tokens' instead.",
        )
        .at("max_tokens")
        .coded("unsupported_parameter"));
    }
    let effort = body["reasoning_effort"].as_str();
    let tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    if tools && thinks_elsewhere(model, effort) {
        return Err(Refusal::bad(format!(
            "Function tools with reasoning_effort are not supported for {model} in /v1/chat/completions. \
             Please use /v1/responses instead."
        ))
        .at("reasoning_effort"));
    }
    if may_not_reason(model) && matches!(effort, None | Some("none")) {
        return Ok(());
    }
    for (key, default) in
        [("temperature", 1.0), ("top_p", 1.0), ("presence_penalty", 0.0), ("frequency_penalty", 0.0)]
    {
        let given = body[key].as_f64();
        if given.is_some_and(|given| (given - default).abs() > f64::EPSILON) {
            return Err(Refusal::bad(format!(
                "Unsupported value: '{key}' does not support {} with this model. Only the default \
                 ({default}) value is supported.",
                body[key]
            ))
            .at(key)
            .coded("unsupported_value"));
        }
    }
    for key in ["stop", "logit_bias", "logprobs", "top_logprobs"] {
        // The first reasoning models did take stop strings.
        let taken = key == "stop" && model.starts_with("o1");
        if !body[key].is_null() && body[key] != false && !taken {
            return Err(Refusal::bad(format!(
                "Unsupported parameter: '{key}' is not supported with this model."
            ))
            .at(key)
            .coded("unsupported_parameter"));
        }
    }
    Ok(())
}

/// Refuses keys that are not in `keys`.
pub(in crate::mock) fn known(object: &Value, keys: &[&str], at: &str) -> Result<(), Refusal> {
    let mut fields = object.as_object().into_iter().flatten();
    match fields.find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, _)) => Err(Refusal::bad(format!("Unknown parameter: '{at}.{key}'."))
            .at(format!("{at}.{key}"))
            .coded("unknown_parameter")),
        None => Ok(()),
    }
}

/// A parameter that must be there.
pub(in crate::mock) fn missing(at: &str) -> Refusal {
    Refusal::bad(format!("Missing required parameter: '{at}'.")).at(at).coded("missing_required_parameter")
}

/// A string over its limit.
pub(in crate::mock) fn too_long(at: &str, most: usize, found: usize) -> Refusal {
    Refusal::bad(format!(
        "Invalid '{at}': string too long. Expected a string with maximum length {most}, but got a \
         string with length {found} instead."
    ))
    .at(at)
    .coded("string_above_max_length")
}

/// A value of the wrong type.
pub(in crate::mock) fn wrong_type(at: &str, wanted: &str, found: &Value) -> Refusal {
    Refusal::bad(format!("Invalid type for '{at}': expected {wanted}, but got {} instead.", type_of(found)))
        .at(at)
        .coded("invalid_type")
}

/// A value's type, as the service words it.
pub(in crate::mock) fn type_of(value: &Value) -> String {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
    .to_owned()
}
