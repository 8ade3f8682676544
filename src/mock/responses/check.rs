//! The refusals of OpenAI's Responses, so that a wrong translation is caught here.
//!
//! Messages and codes as the service sends them (seen 2025-2026). The shape of the input is checked for
//! every vendor; unknown fields and what a model takes only for OpenAI's own models.

use serde_json::Value;

use super::items;
use crate::mock::errors::Refusal;
use crate::mock::openai::check::{is_reasoning_model, may_not_reason, missing, wrong_type};
use crate::mock::openai::tools::{strict_schema, tool_name};

const TOP: [&str; 32] = [
    "model",
    "input",
    "instructions",
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// The tools that the service runs itself or knows without being told, and groups of tools.
const HOSTED: [&str; 14] = [
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "computer_use_preview",
    "computer",
    "image_generation",
    "mcp",
    "local_shell",
    "shell",
    "apply_patch",
    "tool_search",
    "namespace",
];

/// Refuses what the service refuses.
pub(super) fn check(body: &Value, strict: bool) -> Result<(), Refusal> {
    let Some(fields) = body.as_object() else {
        return Err(Refusal::bad("Invalid body: expected a JSON object."));
    };
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(missing("model"));
    };
    if strict && let Some(unknown) = fields.keys().find(|key| !TOP.contains(&key.as_str())) {
        return Err(Refusal::bad(format!("Unknown parameter: '{unknown}'."))
            .at(unknown.as_str())
            .coded("unknown_parameter"));
    }
    if let Some(id) = body["previous_response_id"].as_str() {
        return Err(Refusal::bad(format!("Previous response with id '{id}' not found."))
            .at("previous_response_id")
            .coded("previous_response_not_found"));
    }
    if strict {
        parameters(body, model)?;
    }
    tools(body, strict)?;
    items::check(body, strict)?;
    format(body, strict)
}

fn parameters(body: &Value, model: &str) -> Result<(), Refusal> {
    let thinks = is_reasoning_model(model);
    for (key, most) in [("temperature", 2.0), ("top_p", 1.0)] {
        match body[key].as_f64() {
            None if body[key].is_null() => {}
            None => return Err(wrong_type(key, "a decimal", &body[key])),
            Some(_) if thinks && !may_not_reason(model) => return Err(unsupported(key)),
            Some(number) if number > most => {
                return Err(Refusal::bad(format!(
                    "Invalid '{key}': decimal above maximum value. Expected a value <= {most}, but got \
                     {number} instead."
                ))
                .at(key)
                .coded("decimal_above_max_value"));
            }
            Some(_) => {}
        }
    }
    if let Some(limit) = body["max_output_tokens"].as_u64().filter(|limit| *limit < 16) {
        return Err(Refusal::bad(format!(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got \
             {limit} instead."
        ))
        .at("max_output_tokens")
        .coded("integer_below_min_value"));
    }
    if !thinks && !body["reasoning"]["effort"].is_null() {
        return Err(unsupported("reasoning.effort"));
    }
    let includes = |wanted: &str| body["include"].as_array().into_iter().flatten().any(|it| it == wanted);
    if !thinks && includes("reasoning.encrypted_content") {
        return Err(Refusal::bad("Encrypted content is not supported with this model.").at("include"));
    }
    if !body["top_logprobs"].is_null() && thinks {
        return Err(Refusal::bad("logprobs are not supported with reasoning models.").at("top_logprobs"));
    }
    if !body["stream_options"].is_null() && body["stream"] != true {
        return Err(Refusal::bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
            .at("stream_options"));
    }
    match body["tool_choice"]["name"].as_str() {
        Some(name) if !body["tools"].as_array().into_iter().flatten().any(|tool| tool["name"] == name) => {
            Err(Refusal::bad("Tool choice 'function' not found in 'tools' parameter.").at("tool_choice"))
        }
        _ => Ok(()),
    }
}

fn unsupported(key: &str) -> Refusal {
    Refusal::bad(format!("Unsupported parameter: '{key}' is not supported with this model."))
        .at(key)
        .coded("unsupported_parameter")
}

fn tools(body: &Value, strict: bool) -> Result<(), Refusal> {
    for (index, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        let at = format!("tools[{index}]");
        let kind = tool["type"].as_str().unwrap_or_default();
        if HOSTED.contains(&kind) {
            continue;
        }
        if !matches!(kind, "function" | "custom") {
            return Err(Refusal::bad(format!(
                "Invalid value: '{kind}'. Supported values are: 'function', 'custom', '{}'.",
                HOSTED.join("', '")
            ))
            .at(at)
            .coded("invalid_value"));
        }
        let Some(name) = tool["name"].as_str() else { return Err(missing(&format!("{at}.name"))) };
        tool_name(name, &format!("{at}.name"))?;
        let parameters = &tool["parameters"];
        if kind == "function" && parameters.is_object() && parameters["type"] != "object" {
            return Err(Refusal::bad(format!(
                "Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"'."
            ))
            .at(format!("{at}.parameters"))
            .coded("invalid_function_parameters"));
        }
        if strict && tool["strict"] == true {
            strict_schema(parameters, &format!("function '{name}'"), "()")
                .map_err(|refusal| refusal.at(format!("{at}.parameters")))?;
        }
    }
    Ok(())
}

fn format(body: &Value, strict: bool) -> Result<(), Refusal> {
    let format = &body["text"]["format"];
    match format["type"].as_str() {
        None | Some("text") => Ok(()),
        Some("json_object") => {
            // Instructions do not count.
            let mentioned = body["input"].to_string().to_lowercase().contains("json");
            if !strict || mentioned {
                return Ok(());
            }
            Err(Refusal::bad(
                "Response input messages must contain the word 'json' in some form to use 'text.format' \
                 of type 'json_object'.",
            )
            .at("input"))
        }
        Some("json_schema") => {
            let Some(name) = format["name"].as_str() else { return Err(missing("text.format.name")) };
            tool_name(name, "text.format.name")?;
            if strict && format["strict"] == true {
                let what = format!("response_format '{name}'");
                strict_schema(&format["schema"], &what, "()")
                    .map_err(|refusal| refusal.at("text.format.schema"))?;
            }
            Ok(())
        }
        Some(other) => Err(Refusal::bad(format!(
            "Invalid value: '{other}'. Supported values are: 'json_object', 'json_schema', and 'text'."
        ))
        .at("text.format.type")
        .coded("invalid_value")),
    }
}
