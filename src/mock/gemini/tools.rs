//! The refusals of generateContent that concern tools and the OpenAPI subset of their schemas.

use serde_json::Value;

use super::check::{known, not_repeating, unknown_name};
use super::read::field;
use crate::mock::errors::Refusal;

const TOOL: [&str; 13] = [
    "functionDeclarations",
    "googleSearchRetrieval",
    "googleSearch",
    "codeExecution",
    "urlContext",
    "computerUse",
    "fileSearch",
    "googleMaps",
    "mcpServers",
    "retrieval",
    "enterpriseWebSearch",
    "parallelAiSearch",
    "exaAiSearch",
];
const FUNCTION: [&str; 7] = [
    "name",
    "description",
    "behavior",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
];
const SCHEMA: [&str; 22] = [
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
];

/// Whether an object without properties passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    Allowed,
    Refused,
}

/// Checks `tools` and `toolConfig`.
pub(super) fn check(body: &Value, model: &str) -> Result<(), Refusal> {
    let mut names = Vec::new();
    for (index, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        known(tool, &TOOL, &format!("tools[{index}]"))?;
        let functions = field(tool, "functionDeclarations").as_array();
        for (number, function) in functions.into_iter().flatten().enumerate() {
            let at = format!("tools[{index}].function_declarations[{number}]");
            known(function, &FUNCTION, &at)?;
            let name = function["name"].as_str().unwrap_or_default();
            if !is_name(name) {
                return Err(Refusal::bad(format!(
                    "* GenerateContentRequest.{at}.name: [Invalid function name. Must start with a \
                     letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores \
                     (_), dots (.), colons (:), or dashes (-), with a maximum length of 64.]\n"
                )));
            }
            if names.contains(&name) {
                return Err(Refusal::bad(format!("Duplicate function declaration found: {name}")));
            }
            names.push(name);
            let parameters = &function["parameters"];
            if !parameters.is_null() {
                if !field(function, "parametersJsonSchema").is_null() {
                    return Err(Refusal::bad(format!(
                        "* GenerateContentRequest.{at}: parameters and parameters_json_schema \
                         cannot both be set\n"
                    )));
                }
                schema(parameters, &format!("{at}.parameters"), Empty::Refused)?;
            }
        }
    }
    let config = field(body, "toolConfig");
    known(
        config,
        &["functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations"],
        "tool_config",
    )?;
    let calling = field(config, "functionCallingConfig");
    let at = "tool_config.function_calling_config";
    known(calling, &["mode", "allowedFunctionNames", "streamFunctionCallArguments"], at)?;
    let mode = calling["mode"].as_str().unwrap_or("AUTO");
    if !["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"].contains(&mode) {
        return Err(Refusal::bad(format!(
            "Invalid value at '{at}.mode' \
             (type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode), \
             \"{mode}\""
        )));
    }
    let allowed = field(calling, "allowedFunctionNames").as_array();
    if allowed.is_some_and(|names| !names.is_empty()) && !matches!(mode, "ANY" | "VALIDATED") {
        return Err(Refusal::bad(
            "Function calling config is set without function calling mode ANY: \
             allowed_function_names should only be set when the mode is ANY or VALIDATED.",
        ));
    }
    for name in allowed.into_iter().flatten().filter_map(Value::as_str) {
        if !names.contains(&name) {
            return Err(Refusal::bad(format!(
                "allowed_function_names contains a function that is not declared: {name}"
            )));
        }
    }
    let kind = field(field(body, "generationConfig"), "responseMimeType").as_str();
    if !names.is_empty() && kind == Some("application/json") && model.starts_with("gemini-2") {
        return Err(Refusal::bad(
            "Function calling with a response mime type: 'application/json' is unsupported",
        ));
    }
    Ok(())
}

/// Checks a schema of the OpenAPI subset.
pub(super) fn schema(schema: &Value, at: &str, empty: Empty) -> Result<(), Refusal> {
    let Some(fields) = schema.as_object() else {
        return Err(Refusal::bad(format!(
            "Invalid value at '{at}' (type.googleapis.com/google.ai.generativelanguage.v1beta.Schema)"
        )));
    };
    for (key, value) in fields {
        // In a schema the keys are written one way; `any_of` and the like are rare but taken.
        known(&Value::Object([(key.clone(), Value::Null)].into_iter().collect()), &SCHEMA, at)
            .map_err(|_| unknown_name(key, at))?;
        if key == "type" && value.is_array() {
            return Err(not_repeating(key, at));
        }
    }
    let kind = schema["type"].as_str().unwrap_or_default().to_ascii_uppercase();
    let kinds = ["STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", ""];
    if !kinds.contains(&kind.as_str()) {
        return Err(Refusal::bad(format!(
            "Invalid value at '{at}.type' \
             (type.googleapis.com/google.ai.generativelanguage.v1beta.Type), {}",
            schema["type"]
        )));
    }
    let complain = |what: &str| Err(Refusal::bad(format!("* GenerateContentRequest.{at}.{what}\n")));
    if let Some(values) = schema["enum"].as_array() {
        if kind != "STRING" {
            return complain("enum: only allowed for STRING type");
        }
        if values.iter().any(|value| value.as_str().is_none_or(str::is_empty)) {
            return complain("enum[0]: cannot be empty");
        }
    }
    let format = schema["format"].as_str();
    if kind == "STRING" && format.is_some_and(|format| !["enum", "date-time"].contains(&format)) {
        return complain("format: only 'enum' and 'date-time' are supported for STRING type");
    }
    if kind == "ARRAY" && schema.get("items").is_none() {
        return complain("items: missing field.");
    }
    let properties = schema["properties"].as_object();
    if kind == "OBJECT" && empty == Empty::Refused && properties.is_none_or(serde_json::Map::is_empty) {
        return complain("properties: should be non-empty for OBJECT type");
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for (index, name) in required.enumerate() {
        if properties.is_none_or(|properties| !properties.contains_key(name)) {
            return complain(&format!("required[{index}]: property is not defined"));
        }
    }
    for (index, (_, property)) in properties.into_iter().flatten().enumerate() {
        self::schema(property, &format!("{at}.properties[{index}].value"), empty)?;
    }
    for (index, branch) in field(schema, "anyOf").as_array().into_iter().flatten().enumerate() {
        self::schema(branch, &format!("{at}.any_of[{index}]"), empty)?;
    }
    schema.get("items").map_or(Ok(()), |items| self::schema(items, &format!("{at}.items"), empty))
}

fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    starts && name.len() <= 64 && name.bytes().all(fits)
}
