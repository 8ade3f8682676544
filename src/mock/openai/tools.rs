//! The refusals of OpenAI's chat completions that concern tools and structured output.

use serde_json::Value;

use super::check::{known, missing, too_long};
use super::read::text;
use crate::mock::errors::Refusal;

/// Checks `tools`, `tool_choice` and `parallel_tool_calls`.
pub(super) fn check(body: &Value, strict: bool) -> Result<(), Refusal> {
    if let Some([]) = body["tools"].as_array().map(Vec::as_slice) {
        return Err(Refusal::bad(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an \
             empty array instead.",
        )
        .at("tools")
        .coded("empty_array"));
    }
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, tool) in tools.iter().enumerate() {
        let at = format!("tools[{index}]");
        if tool["type"] == "custom" {
            continue;
        }
        if tool["type"] != "function" {
            return Err(Refusal::bad(format!(
                "Invalid value: {}. Supported values are: 'function' and 'custom'.",
                tool["type"].to_string().replace('"', "'")
            ))
            .at(format!("{at}.type"))
            .coded("invalid_value"));
        }
        let function = &tool["function"];
        let Some(name) = function["name"].as_str() else {
            return Err(missing(&format!("{at}.function.name")));
        };
        tool_name(name, &format!("{at}.function.name"))?;
        let parameters = &function["parameters"];
        if parameters.is_object() && parameters["type"] != "object" {
            let found = parameters["type"].as_str().unwrap_or("None");
            return Err(invalid_schema(
                &format!("function '{name}'"),
                &format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{found}\"'."),
            )
            .at(format!("{at}.function.parameters"))
            .coded("invalid_function_parameters"));
        }
        if strict && function["strict"] == true {
            strict_schema(parameters, &format!("function '{name}'"), "()")
                .map_err(|refusal| refusal.at(format!("{at}.function.parameters")))?;
        }
        if strict {
            known(tool, &["type", "function"], &at)?;
            let keys = ["name", "description", "parameters", "strict"];
            known(function, &keys, &format!("{at}.function"))?;
        }
    }
    if !tools.is_empty() {
        if let Some(name) = body["tool_choice"]["function"]["name"].as_str()
            && !tools.iter().any(|tool| tool["function"]["name"] == name)
        {
            return Err(Refusal::bad(format!(
                "Invalid value for 'tool_choice': tool '{name}' not found in 'tools' parameter."
            ))
            .at("tool_choice"));
        }
        return Ok(());
    }
    for key in ["tool_choice", "parallel_tool_calls"] {
        let harmless = body[key].is_null() || (!strict || body[key] == "none");
        if !harmless {
            return Err(Refusal::bad(format!(
                "Invalid value for '{key}': '{key}' is only allowed when 'tools' are specified."
            ))
            .at(key));
        }
    }
    Ok(())
}

/// Refuses a name that is not a function's.
pub(in crate::mock) fn tool_name(name: &str, at: &str) -> Result<(), Refusal> {
    if name.len() > 64 {
        return Err(too_long(at, 64, name.len()));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || !name.bytes().all(fits) {
        return Err(Refusal::bad(format!(
            "Invalid '{at}': string does not match pattern. Expected a string that matches the \
             pattern '^[a-zA-Z0-9_-]+$'."
        ))
        .at(at)
        .coded("invalid_value"));
    }
    Ok(())
}

/// Checks `response_format`.
pub(super) fn response_format(body: &Value, strict: bool) -> Result<(), Refusal> {
    let format = &body["response_format"];
    match format["type"].as_str() {
        None if format.is_null() => Ok(()),
        Some("text") => Ok(()),
        Some("json_object") => {
            let messages = body["messages"].as_array().into_iter().flatten();
            let mut texts = messages.map(|message| text(&message["content"]).to_lowercase());
            if !strict || texts.any(|text| text.contains("json")) {
                return Ok(());
            }
            Err(Refusal::bad(
                "'messages' must contain the word 'json' in some form, to use 'response_format' \
                 of type 'json_object'.",
            )
            .at("messages"))
        }
        Some("json_schema") => {
            let schema = &format["json_schema"];
            let Some(name) = schema["name"].as_str() else {
                return Err(missing("response_format.json_schema.name"));
            };
            tool_name(name, "response_format.json_schema.name")?;
            if strict && schema["strict"] == true {
                let what = format!("response_format '{name}'");
                strict_schema(&schema["schema"], &what, "()")
                    .map_err(|refusal| refusal.at("response_format"))?;
            }
            Ok(())
        }
        _ => Err(Refusal::bad(format!(
            "Invalid value: {}. Supported values are: 'json_object', 'json_schema', and 'text'.",
            format["type"].to_string().replace('"', "'")
        ))
        .at("response_format.type")
        .coded("invalid_value")),
    }
}

/// The rules of strict mode: every object closed, every property required.
pub(in crate::mock) fn strict_schema(schema: &Value, what: &str, context: &str) -> Result<(), Refusal> {
    if schema["type"] == "object" || schema.get("properties").is_some() {
        if schema["additionalProperties"] != false {
            return Err(invalid_schema(
                what,
                &format!(
                    "In context={context}, 'additionalProperties' is required to be supplied and \
                     to be false."
                ),
            ));
        }
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if !required.iter().any(|each| each == name) {
                return Err(invalid_schema(
                    what,
                    &format!(
                        "In context={context}, 'required' is required to be supplied and to be an \
                         array including every key in properties. Missing '{name}'."
                    ),
                ));
            }
            strict_schema(property, what, &format!("('properties', '{name}')"))?;
        }
    }
    if schema.get("items").is_some() {
        strict_schema(&schema["items"], what, "('items',)")?;
    }
    for branch in schema["anyOf"].as_array().into_iter().flatten() {
        strict_schema(branch, what, "('anyOf',)")?;
    }
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        strict_schema(definition, what, &format!("('$defs', '{name}')"))?;
    }
    Ok(())
}

fn invalid_schema(what: &str, why: &str) -> Refusal {
    Refusal::bad(format!("Invalid schema for {what}: {why}"))
}
