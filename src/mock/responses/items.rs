//! The refusals of OpenAI's Responses that concern the items of the input: their types, parts and ids,
//! and what belongs together.

use std::collections::HashSet;

use serde_json::Value;

use super::reply::is_sealed;
use crate::mock::errors::Refusal;
use crate::mock::openai::check::{missing, too_long, wrong_type};
use crate::mock::openai::tools::tool_name;

/// The types of items, each with how its ids begin.
const TYPES: [(&str, &str); 22] = [
    ("apply_patch_call", "apc"),
    ("apply_patch_call_output", "apco"),
    ("code_interpreter_call", "ci"),
    ("compaction", "cmp"),
    ("computer_call", "cu"),
    ("computer_call_output", "cuo"),
    ("custom_tool_call", "ctc"),
    ("custom_tool_call_output", "ctco"),
    ("file_search_call", "fs"),
    ("function_call", "fc"),
    ("function_call_output", "fco"),
    ("image_generation_call", "ig"),
    ("item_reference", ""),
    ("local_shell_call", "lsh"),
    ("local_shell_call_output", "lsho"),
    ("mcp_approval_request", "mcpr"),
    ("mcp_approval_response", "mcprr"),
    ("mcp_call", "mcp"),
    ("mcp_list_tools", "mcpl"),
    ("message", "msg"),
    ("reasoning", "rs"),
    ("web_search_call", "ws"),
];

/// Checks `input`; ids, limits and seals only if `strict`.
pub(super) fn check(body: &Value, strict: bool) -> Result<(), Refusal> {
    let items = match &body["input"] {
        Value::String(_) => return Ok(()),
        Value::Array(items) => items,
        Value::Null => return Err(missing("input")),
        other => return Err(wrong_type("input", "one of a string or an array of input items", other)),
    };
    let mut ids = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let at = format!("input[{index}]");
        let kind = item["type"].as_str().unwrap_or("message");
        let Some((_, prefix)) = TYPES.iter().find(|(known, _)| *known == kind) else {
            let known: Vec<_> = TYPES.iter().map(|(kind, _)| format!("'{kind}'")).collect();
            return Err(Refusal::bad(format!(
                "Invalid value: '{kind}'. Supported values are: {}.",
                known.join(", ")
            ))
            .at(at)
            .coded("invalid_value"));
        };
        if let (true, Some(id)) = (strict, item["id"].as_str()) {
            if !id.starts_with(prefix) {
                return Err(Refusal::bad(format!(
                    "Invalid '{at}.id': '{id}'. Expected an ID that begins with '{prefix}'."
                ))
                .at(format!("{at}.id"))
                .coded("invalid_value"));
            }
            if !ids.insert(id) {
                return Err(Refusal::bad(format!(
                    "Duplicate item found with id {id}. Remove duplicate items from your input and try again."
                ))
                .at("input"));
            }
        }
        match kind {
            "message" => message(item, &at)?,
            "reasoning" => reasoning(item, &at, body, strict)?,
            "function_call" | "custom_tool_call" => call(item, &at, strict)?,
            "function_call_output" | "custom_tool_call_output" if item["call_id"].is_null() => {
                return Err(missing(&format!("{at}.call_id")));
            }
            "function_call_output" => output(&item["output"], &at)?,
            _ => {}
        }
    }
    calls(items)?;
    if strict { followed(items) } else { Ok(()) }
}

fn message(item: &Value, at: &str) -> Result<(), Refusal> {
    let role = item["role"].as_str().unwrap_or_default();
    let parts: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        "user" | "system" | "developer" => &["input_text", "input_image", "input_file", "input_audio"],
        other => {
            return Err(Refusal::bad(format!(
                "Invalid value: '{other}'. Supported values are: 'assistant', 'system', 'developer', and \
                 'user'."
            ))
            .at(format!("{at}.role"))
            .coded("invalid_value"));
        }
    };
    content(&item["content"], parts, &format!("{at}.content"))
}

fn output(output: &Value, at: &str) -> Result<(), Refusal> {
    content(output, &["input_text", "input_image", "input_file"], &format!("{at}.output"))
}

fn content(content: &Value, kinds: &[&str], at: &str) -> Result<(), Refusal> {
    let parts = match content {
        Value::String(_) => return Ok(()),
        Value::Array(parts) => parts,
        Value::Null => return Err(missing(at)),
        other => return Err(wrong_type(at, "one of a string or an array of content parts", other)),
    };
    for (number, part) in parts.iter().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !kinds.contains(&kind) {
            return Err(Refusal::bad(format!(
                "Invalid value: '{kind}'. Supported values are: '{}'.",
                kinds.join("', '")
            ))
            .at(format!("{at}[{number}]"))
            .coded("invalid_value"));
        }
        let needs: &[&str] = match kind {
            "input_text" | "output_text" => &["text"],
            "refusal" => &["refusal"],
            "input_image" => &["image_url", "file_id"],
            "input_file" => &["file_data", "file_id", "file_url"],
            _ => &["input_audio"],
        };
        if needs.iter().all(|key| part[*key].is_null()) {
            let key = needs.first().copied().unwrap_or_default();
            return Err(missing(&format!("{at}[{number}].{key}")));
        }
        if kind == "input_image" && part["image_url"].is_object() {
            let at = format!("{at}[{number}].image_url");
            return Err(wrong_type(&at, "an image URL", &part["image_url"]));
        }
    }
    Ok(())
}

fn reasoning(item: &Value, at: &str, body: &Value, strict: bool) -> Result<(), Refusal> {
    if !item["summary"].is_array() {
        return Err(missing(&format!("{at}.summary")));
    }
    if !strict {
        return Ok(());
    }
    match (item["encrypted_content"].as_str(), item["id"].as_str()) {
        (Some(seal), _) if is_sealed(seal) => Ok(()),
        (Some(seal), _) => {
            let shown: String = seal.chars().take(4).collect();
            Err(Refusal::bad(format!(
                "The encrypted content {shown}... could not be verified. Reason: Encrypted content could not \
                 be decrypted or parsed."
            ))
            .coded("invalid_encrypted_content"))
        }
        (None, Some(id)) => {
            let kept = if body["store"] == false {
                " Items are not persisted when `store` is set to false. Try again with `store` set to true, \
                 or remove this item from your input."
            } else {
                ""
            };
            Err(Refusal::bad(format!("Item with id '{id}' not found.{kept}")).at("input").with_status(404))
        }
        (None, None) => Err(missing(&format!("{at}.id"))),
    }
}

fn call(item: &Value, at: &str, strict: bool) -> Result<(), Refusal> {
    let Some(id) = item["call_id"].as_str() else { return Err(missing(&format!("{at}.call_id"))) };
    if strict && id.len() > 64 {
        return Err(too_long(&format!("{at}.call_id"), 64, id.len()));
    }
    let Some(name) = item["name"].as_str() else { return Err(missing(&format!("{at}.name"))) };
    tool_name(name, &format!("{at}.name"))?;
    let key = if item["type"] == "function_call" { "arguments" } else { "input" };
    if item[key].is_string() {
        Ok(())
    } else {
        Err(wrong_type(&format!("{at}.{key}"), "a string", &item[key]))
    }
}

/// Every call has its output, of its own kind, and every output its call.
fn calls(items: &[Value]) -> Result<(), Refusal> {
    for (call, output, said) in [
        ("function_call", "function_call_output", "function"),
        ("custom_tool_call", "custom_tool_call_output", "custom tool"),
    ] {
        let of = |kind: &str| {
            let kind = kind.to_owned();
            items.iter().filter(move |item| item["type"] == *kind).filter_map(|item| item["call_id"].as_str())
        };
        if let Some(id) = of(output).find(|id| !of(call).any(|called| called == *id)) {
            return Err(Refusal::bad(format!(
                "No tool call found for {said} call output with call_id {id}."
            ))
            .at("input"));
        }
        if let Some(id) = of(call).find(|id| !of(output).any(|answered| answered == *id)) {
            return Err(Refusal::bad(format!("No tool output found for {said} call {id}.")).at("input"));
        }
    }
    Ok(())
}

/// A thought that names itself is followed by what came of it.
fn followed(items: &[Value]) -> Result<(), Refusal> {
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item["type"] == "reasoning") {
        let next = items.get(index + 1);
        let goes_on = next.is_some_and(|next| {
            next["role"] == "assistant"
                || next["type"] == "reasoning"
                || next["type"].as_str().is_some_and(|kind| kind.ends_with("_call"))
        });
        if let (false, Some(id)) = (goes_on, item["id"].as_str()) {
            return Err(Refusal::bad(format!(
                "Item '{id}' of type 'reasoning' was provided without its required following item."
            ))
            .at("input"));
        }
    }
    Ok(())
}
