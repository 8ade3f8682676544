//! The refusals of Converse that concern the tools offered.

use serde_json::Value;

use super::check::{cache_point, constraint, known, unsupported};
use super::model::Model;
use crate::mock::errors::Refusal;

/// Checks `toolConfig`.
pub(super) fn check(body: &Value, model: Model<'_>, stream: bool) -> Result<(), Refusal> {
    let config = &body["toolConfig"];
    if config.is_null() {
        return Ok(());
    }
    known(config, &["tools", "toolChoice"], "toolConfig")?;
    let tools = config["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    if tools.is_empty() {
        return Err(constraint("toolConfig.tools", "have length greater than or equal to 1"));
    }
    if !model.takes_tools() {
        return Err(Refusal::bad("This model doesn't support tool use."));
    }
    if stream && !model.takes_tools_in_streams() {
        return Err(Refusal::bad("This model doesn't support tool use in streaming mode."));
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let at = format!("toolConfig.tools.{index}.member");
        known(tool, &["toolSpec", "systemTool", "cachePoint"], &at)?;
        if tool["cachePoint"].is_object() {
            cache_point(&tool["cachePoint"], model)?;
            continue;
        }
        if tool["systemTool"].is_object() {
            continue;
        }
        let name = spec(&tool["toolSpec"], &at)?;
        if names.contains(&name) {
            return Err(Refusal::bad(format!(
                "The toolConfig field contains duplicate tool names. Tool name: {name}"
            )));
        }
        names.push(name);
    }
    let choice = &config["toolChoice"];
    known(choice, &["auto", "any", "tool"], "toolConfig.toolChoice")?;
    if choice.as_object().is_some_and(|choice| choice.len() != 1) {
        return Err(Refusal::bad("Exactly one member of the union toolConfig.toolChoice must be set."));
    }
    for kind in ["any", "tool"] {
        if choice[kind].is_object() && !model.can_be_forced() {
            return Err(unsupported(&format!("toolConfig.toolChoice.{kind}")));
        }
    }
    match choice["tool"]["name"].as_str() {
        Some(name) if !names.contains(&name) => Err(Refusal::bad(format!(
            "The toolChoice names the tool {name}, which toolConfig.tools does not define."
        ))),
        _ => Ok(()),
    }
}

fn spec<'a>(spec: &'a Value, at: &str) -> Result<&'a str, Refusal> {
    let at = format!("{at}.toolSpec");
    known(spec, &["name", "description", "inputSchema", "strict"], &at)?;
    let name = spec["name"].as_str().unwrap_or_default();
    if !is_name(name, 64) {
        return Err(constraint(&format!("{at}.name"), "satisfy regular expression pattern: [a-zA-Z0-9_-]+"));
    }
    if spec["description"].as_str().is_some_and(str::is_empty) {
        return Err(constraint(&format!("{at}.description"), "have length greater than or equal to 1"));
    }
    let schema = &spec["inputSchema"]["json"];
    if !schema.is_object() {
        return Err(constraint(&format!("{at}.inputSchema.json"), "not be null"));
    }
    if schema["type"] != "object" {
        return Err(Refusal::bad(format!(
            "The value at {at}.inputSchema.json.type must be one of the following: object."
        )));
    }
    Ok(name)
}

/// Whether `name` has only letters, digits, `_` and `-`, and at most `most` of them.
pub(super) fn is_name(name: &str, most: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= most && name.bytes().all(fits)
}
