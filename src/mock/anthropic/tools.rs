//! The refusals of the Messages API that concern tools and structured output.

use serde_json::Value;

use super::check::{is_name, known, required};
use crate::mock::errors::Refusal;

/// Checks `tools` and `tool_choice`.
pub(super) fn check(body: &Value) -> Result<(), Refusal> {
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let Some(name) = tool["name"].as_str() else {
            if tool["type"] == "mcp_toolset" {
                continue;
            }
            return Err(required(&format!("tools.{index}.custom.name")));
        };
        if names.contains(&name) {
            return Err(Refusal::bad("tools: Tool names must be unique."));
        }
        names.push(name);
        if tool["type"].as_str().is_some_and(|kind| kind != "custom") {
            continue;
        }
        let at = format!("tools.{index}.custom.");
        let keys = [
            "type",
            "name",
            "description",
            "input_schema",
            "cache_control",
            "strict",
            "defer_loading",
            "input_examples",
            "allowed_callers",
            "eager_input_streaming",
        ];
        known(tool, &keys, &at)?;
        if !is_name(name, 128) {
            return Err(Refusal::bad(format!(
                "{at}name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        if ["oneOf", "allOf", "anyOf"].iter().any(|key| tool["input_schema"].get(key).is_some()) {
            return Err(Refusal::bad(format!(
                "{at}input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
            )));
        }
        match &tool["input_schema"] {
            Value::Object(schema) => match schema.get("type").and_then(Value::as_str) {
                Some("object") => {}
                Some(_) => {
                    return Err(Refusal::bad(format!("{at}input_schema.type: Input should be 'object'")));
                }
                None => return Err(required(&format!("{at}input_schema.type"))),
            },
            Value::Null => return Err(required(&format!("{at}input_schema"))),
            _ => {
                return Err(Refusal::bad(format!("{at}input_schema: Input should be a valid dictionary")));
            }
        }
    }
    let choice = &body["tool_choice"];
    let at = match choice["type"].as_str() {
        None if choice.is_null() => return Ok(()),
        Some(kind @ ("auto" | "any" | "tool" | "none")) => format!("tool_choice.{kind}."),
        _ => {
            return Err(Refusal::bad(
                "tool_choice: Input tag found using 'type' does not match any of the expected \
                 tags: 'auto', 'any', 'tool', 'none'",
            ));
        }
    };
    let keys: &[&str] = match choice["type"].as_str() {
        Some("none") => &["type"],
        Some("tool") => &["type", "name", "disable_parallel_tool_use"],
        _ => &["type", "disable_parallel_tool_use"],
    };
    known(choice, keys, &at)?;
    if tools.is_empty() && choice["type"] != "none" {
        return Err(Refusal::bad("tool_choice: Tool choice may only be specified while providing tools."));
    }
    match choice["name"].as_str() {
        None if choice["type"] == "tool" => Err(required("tool_choice.tool.name")),
        Some(name) if !names.contains(&name) => {
            Err(Refusal::bad(format!("Tool '{name}' not found in provided tools")))
        }
        _ => Ok(()),
    }
}

/// Checks `output_config` and `output_format`.
pub(super) fn output(body: &Value) -> Result<(), Refusal> {
    known(&body["output_config"], &["effort", "format", "task_budget"], "output_config.")?;
    let efforts = ["low", "medium", "high", "xhigh", "max"];
    let effort = body["output_config"]["effort"].as_str();
    if effort.is_some_and(|effort| !efforts.contains(&effort)) {
        return Err(Refusal::bad(
            "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
        ));
    }
    for (format, at) in [
        (&body["output_config"]["format"], "output_config.format"),
        (&body["output_format"], "output_format"),
    ] {
        if format.is_null() {
            continue;
        }
        known(format, &["type", "schema"], &format!("{at}."))?;
        if format["type"] != "json_schema" {
            return Err(Refusal::bad(format!("{at}.type: Input should be 'json_schema'")));
        }
        if !format["schema"].is_object() {
            return Err(required(&format!("{at}.schema")));
        }
        closed(&format["schema"]).map_err(|why| Refusal::bad(format!("{at}.schema: {why}")))?;
    }
    Ok(())
}

/// The limits of structured output: closed objects, and none of the keywords the grammar lacks.
fn closed(schema: &Value) -> Result<(), String> {
    let kind = schema["type"].as_str().unwrap_or_default();
    if kind == "object" && schema["additionalProperties"] != false {
        return Err("For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned());
    }
    let refused: &[&str] = match kind {
        "integer" | "number" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
        "string" => &["minLength", "maxLength"],
        "array" => &["maxItems", "uniqueItems"],
        _ => &[],
    };
    let found: Vec<_> = refused.iter().filter(|key| schema.get(**key).is_some()).copied().collect();
    if !found.is_empty() {
        let plural = if found.len() == 1 { "property" } else { "properties" };
        let verb = if found.len() == 1 { "is" } else { "are" };
        return Err(format!("For '{kind}' type, {plural} {} {verb} not supported", found.join(", ")));
    }
    for group in ["properties", "$defs", "definitions"] {
        for inner in schema[group].as_object().into_iter().flatten() {
            closed(inner.1)?;
        }
    }
    for group in ["anyOf", "allOf"] {
        schema[group].as_array().into_iter().flatten().try_for_each(closed)?;
    }
    if schema.get("oneOf").is_some() {
        return Err("Schema type 'oneOf' is not supported".to_owned());
    }
    schema.get("items").map_or(Ok(()), closed)
}
