//! A request of Ollama's, held to the types it must have, as an [`Ask`].

use serde_json::Value;

use super::Form;
use crate::mock::errors::Refusal;
use crate::mock::say::media::{Media, Source};
use crate::mock::say::{Ask, Format, Outcome, Tool, fingerprint, plan, tokens_of};

/// Reads what the answer depends on; none where a model is only to be loaded.
pub(super) fn read(form: Form, body: &Value) -> Result<Option<Ask>, Refusal> {
    typed(body, "stream", Value::is_boolean, "bool")?;
    typed(body, "options", Value::is_object, "map[string]interface {}")?;
    let think = match &body["think"] {
        Value::Null | Value::Bool(false) => 0,
        Value::Bool(true) => 20,
        Value::String(level) => match level.as_str() {
            "low" => 8,
            "medium" => 20,
            "high" => 40,
            other => {
                return Err(Refusal::bad(format!(
                    "invalid think value: \"{other}\" (must be \"high\", \"medium\", \"low\", true, or false)"
                )));
            }
        },
        _ => return Err(Refusal::bad("think must be a boolean or string")),
    };
    let options = &body["options"];
    let limit = options["num_predict"].as_i64().filter(|limit| *limit > 0);
    let stops = options["stop"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let ask = Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] != false,
        reasoning: think,
        format: format(&body["format"])?,
        limit: limit.and_then(|limit| usize::try_from(limit).ok()),
        stop: stops.map(str::to_owned).collect(),
        ..Ask::default()
    };
    match form {
        Form::Chat => chat(body, ask),
        Form::Generate => generate(body, ask),
    }
}

fn typed(body: &Value, key: &str, is: fn(&Value) -> bool, kind: &str) -> Result<(), Refusal> {
    match &body[key] {
        Value::Null => Ok(()),
        value if is(value) => Ok(()),
        value => Err(wrong(value, key, kind)),
    }
}

/// What Go says of a value of another type.
fn wrong(value: &Value, field: &str, kind: &str) -> Refusal {
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Refusal::bad(format!(
        "json: cannot unmarshal {is} into Go struct field ChatRequest.{field} of type {kind}"
    ))
}

fn format(format: &Value) -> Result<Option<Format>, Refusal> {
    match format {
        Value::Null => Ok(None),
        Value::String(word) if word.is_empty() => Ok(None),
        Value::String(word) if word == "json" => Ok(Some(Format::Json)),
        Value::Object(_) => Ok(Some(Format::Schema(format.clone()))),
        other => Err(Refusal::bad(format!(
            "invalid format: {other}; expected \"json\" or a valid JSON Schema object"
        ))),
    }
}

fn generate(body: &Value, ask: Ask) -> Result<Option<Ask>, Refusal> {
    for key in ["prompt", "system", "suffix", "template"] {
        typed(body, key, Value::is_string, "string")?;
    }
    let text = body["prompt"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    let media = pictures(&body["images"])?;
    let bytes = text.len() + body["system"].as_str().map_or(0, str::len);
    Ok(Some(Ask { text: text.to_owned(), prompt: tokens_of(bytes), print: fingerprint(text), media, ..ask }))
}

fn chat(body: &Value, ask: Ask) -> Result<Option<Ask>, Refusal> {
    typed(body, "messages", Value::is_array, "[]api.Message")?;
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut bytes = 0;
    for message in messages {
        bytes += check(message)?;
    }
    let Some(last) = messages.last() else { return Ok(None) };
    let user = messages.iter().rev().find(|message| message["role"] == "user");
    let text = user.and_then(|message| message["content"].as_str()).unwrap_or_default();
    let results = messages.iter().rev().take_while(|message| message["role"] == "tool");
    let mut results: Vec<_> = results
        .map(|message| Outcome {
            text: message["content"].as_str().unwrap_or_default().to_owned(),
            ..Outcome::default()
        })
        .collect();
    results.reverse();
    let media = if last["role"] == "user" { pictures(&last["images"])? } else { Vec::new() };
    Ok(Some(Ask {
        text: text.to_owned(),
        prompt: tokens_of(bytes),
        print: fingerprint(body.to_string()),
        media,
        results,
        tools: tools(&body["tools"])?,
        planned: plan::next(messages),
        ..ask
    }))
}

/// Holds a message to its types; the length of its text.
fn check(message: &Value) -> Result<usize, Refusal> {
    let role = message["role"].as_str().unwrap_or_default();
    if !["system", "user", "assistant", "tool"].contains(&role) {
        return Err(Refusal::bad("invalid role: must be one of system, user, assistant, or tool"));
    }
    for key in ["content", "thinking", "tool_name", "tool_call_id"] {
        typed(message, key, Value::is_string, "string")?;
    }
    pictures(&message["images"])?;
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        if function["name"].as_str().is_none_or(str::is_empty) {
            return Err(Refusal::bad("a tool call without a name"));
        }
        if !function["arguments"].is_object() {
            let field = "messages.tool_calls.function.arguments";
            return Err(wrong(&function["arguments"], field, "api.ToolCallFunctionArguments"));
        }
    }
    Ok(message["content"].as_str().map_or(0, str::len))
}

fn pictures(images: &Value) -> Result<Vec<Media>, Refusal> {
    let pictures = images.as_array().into_iter().flatten().map(|image| {
        let data = image.as_str().ok_or_else(|| wrong(image, "images", "api.ImageData"))?;
        let sound = data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        if !sound || data.is_empty() {
            return Err(Refusal::bad("illegal base64 data at input byte 4"));
        }
        let kind = if data.starts_with("iVBORw0K") { "image/png" } else { "image/jpeg" };
        Ok(Media::of_type(kind, Source::Inline(data.trim_end_matches('=').len() * 3 / 4)))
    });
    pictures.collect()
}

fn tools(tools: &Value) -> Result<Vec<Tool>, Refusal> {
    let tools = tools.as_array().into_iter().flatten().map(|tool| {
        let function = &tool["function"];
        let name = function["name"].as_str().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::bad("a tool without a name"))?;
        if !function["parameters"].is_object() {
            return Err(wrong(&function["parameters"], "tools.function.parameters", "struct"));
        }
        Ok(Tool { name: name.to_owned(), schema: function["parameters"].clone() })
    });
    tools.collect()
}
