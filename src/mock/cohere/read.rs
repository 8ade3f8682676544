//! A request of Cohere's, refused where the service refuses it, as an [`Ask`].

use serde_json::Value;

use crate::mock::errors::Refusal;
use crate::mock::say::media::Media;
use crate::mock::say::{Ask, Choice, Format, Outcome, Tool, fingerprint, plan, tokens_of};

const MEMBERS: [&str; 22] = [
    "model",
    "messages",
    "stream",
    "tools",
    "strict_tools",
    "documents",
    "citation_options",
    "response_format",
    "safety_mode",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "logprobs",
    "tool_choice",
    "thinking",
    "priority",
    "raw_prompting",
];

/// Reads what the answer depends on.
pub(super) fn read(body: &Value) -> Result<Ask, Refusal> {
    let members = body.as_object().ok_or_else(|| invalid("expected an object"))?;
    if let Some(unknown) = members.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
        return Err(invalid(&format!("unknown field: parameter '{unknown}' is not a valid field")));
    }
    let model = body["model"].as_str().filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| invalid("model is a required field"))?;
    ranges(body)?;
    let tools = tools(body)?;
    if !tools.is_empty() && body["response_format"]["type"] == "json_object" {
        return Err(invalid("response_format json_object is not supported with tools"));
    }
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| invalid("messages must not be empty"))?;
    let mut bytes = 0;
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        bytes += check(message, &mut open)?;
    }
    let user = messages.iter().rev().find(|message| message["role"] == "user");
    let text = user.map(|message| text_of(&message["content"])).unwrap_or_default();
    let mut results: Vec<_> = messages
        .iter()
        .rev()
        .take_while(|message| message["role"] == "tool")
        .map(|message| Outcome { text: text_of(&message["content"]), ..Outcome::default() })
        .collect();
    results.reverse();
    let media = user.map(|message| pictures(&message["content"])).unwrap_or_default();
    let stops = body["stop_sequences"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Ask {
        model: model.to_owned(),
        stream: body["stream"] == true,
        text,
        prompt: tokens_of(bytes),
        print: fingerprint(body["messages"].to_string()),
        media,
        results,
        tools,
        choice: choice(&body["tool_choice"])?,
        format: format(&body["response_format"])?,
        reasoning: thinking(model, &body["thinking"])?,
        planned: plan::next(messages),
        limit: body["max_tokens"].as_u64().and_then(|limit| usize::try_from(limit).ok()),
        stop: stops.map(str::to_owned).collect(),
        ..Ask::default()
    })
}

fn invalid(what: &str) -> Refusal {
    Refusal::bad(format!("invalid request: {what}"))
}

fn ranges(body: &Value) -> Result<(), Refusal> {
    for (key, least, most) in [
        ("temperature", 0.0, 2.0),
        ("p", 0.01, 0.99),
        ("k", 0.0, 500.0),
        ("frequency_penalty", 0.0, 1.0),
        ("presence_penalty", 0.0, 1.0),
        ("seed", 0.0, 18_446_744_073_709_551_615.0),
        ("max_tokens", 0.0, 128_000.0),
    ] {
        let value = &body[key];
        let fits = value.as_f64().is_some_and(|value| (least..=most).contains(&value));
        if !value.is_null() && !fits {
            return Err(invalid(&format!("{key} must be between {least} and {most} inclusive")));
        }
    }
    if body["stop_sequences"].as_array().is_some_and(|stops| stops.len() > 5) {
        return Err(invalid("too many stop sequences: at most 5"));
    }
    Ok(())
}

fn thinking(model: &str, thinking: &Value) -> Result<usize, Refusal> {
    let able = ["reasoning", "command-a-plus", "mock"].iter().any(|word| model.contains(word));
    match thinking["type"].as_str() {
        Some("enabled") if !able => Err(invalid(&format!("thinking is not supported by {model}"))),
        Some("enabled") => Ok(20),
        Some("disabled") => Ok(0),
        None if thinking.is_null() => Ok(if able && !model.contains("mock") { 12 } else { 0 }),
        _ => Err(invalid("thinking.type must be one of 'enabled' or 'disabled'")),
    }
}

fn choice(choice: &Value) -> Result<Choice, Refusal> {
    match choice.as_str() {
        None if choice.is_null() => Ok(Choice::Auto),
        Some("REQUIRED") => Ok(Choice::Any),
        Some("NONE") => Ok(Choice::None),
        _ => Err(invalid("tool_choice must be one of 'REQUIRED' or 'NONE'")),
    }
}

fn format(format: &Value) -> Result<Option<Format>, Refusal> {
    match format["type"].as_str() {
        None if format.is_null() => Ok(None),
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(match &format["json_schema"] {
            Value::Null => Format::Json,
            schema if schema["type"] == "object" => Format::Schema(schema.clone()),
            _ => return Err(invalid("schema must be of the type object")),
        })),
        _ => Err(invalid("response_format.type must be one of 'text' or 'json_object'")),
    }
}

fn tools(body: &Value) -> Result<Vec<Tool>, Refusal> {
    let tools = body["tools"].as_array().into_iter().flatten().map(|tool| {
        let function = &tool["function"];
        let fits = |name: &&str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            !name.is_empty() && name.bytes().all(known)
        };
        let name = function["name"].as_str().filter(fits).filter(|_| tool["type"] == "function");
        let name = name.ok_or_else(|| invalid("tool.function.name: invalid name"))?;
        if !function["parameters"].is_object() {
            return Err(invalid("tool.function.parameters is a required field"));
        }
        Ok(Tool { name: name.to_owned(), schema: function["parameters"].clone() })
    });
    tools.collect()
}

/// Holds a message to its shape; the length of its text.
fn check<'a>(message: &'a Value, open: &mut Vec<&'a str>) -> Result<usize, Refusal> {
    let content = &message["content"];
    let parts: &[&str] = match message["role"].as_str().unwrap_or_default() {
        "user" => &["text", "image_url"],
        "system" => &["text"],
        "assistant" => &["text", "thinking"],
        "tool" => {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            if !open.contains(&id) {
                return Err(invalid(&format!("tool call id {id} not found in previous tool calls")));
            }
            &["text", "document"]
        }
        other => return Err(invalid(&format!("unknown role '{other}'"))),
    };
    if message["role"] == "assistant" {
        open.clear();
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str();
            let sound = arguments.is_some_and(|text| serde_json::from_str::<Value>(text).is_ok());
            let id = call["id"].as_str().filter(|id| !id.is_empty() && sound);
            open.push(id.ok_or_else(|| invalid("a tool call needs an id and arguments that are JSON"))?);
        }
        if open.is_empty() && content.is_null() {
            return Err(invalid("an assistant message needs content or tool calls"));
        }
        return Ok(text_of(content).len() + message["tool_plan"].as_str().map_or(0, str::len));
    }
    for part in content.as_array().into_iter().flatten() {
        if !part["type"].as_str().is_some_and(|kind| parts.contains(&kind)) {
            return Err(invalid(&format!("content of the type {} has no place here", part["type"])));
        }
        if part["type"] == "image_url" && !part["image_url"]["url"].is_string() {
            return Err(invalid("image_url.url is a required field"));
        }
    }
    match content {
        Value::String(_) => {}
        Value::Array(parts) if !parts.is_empty() => {}
        _ => return Err(invalid("a message must have content")),
    }
    Ok(text_of(content).len())
}

fn text_of(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    let held = parts.map(|part| match part["type"].as_str() {
        Some("text") => part["text"].as_str().unwrap_or_default().to_owned(),
        Some("document") => match &part["document"]["data"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
        _ => String::new(),
    });
    let held: String = held.collect();
    content.as_str().map_or(held, str::to_owned)
}

fn pictures(content: &Value) -> Vec<Media> {
    let parts = content.as_array().into_iter().flatten();
    let pictures = parts.filter(|part| part["type"] == "image_url");
    pictures
        .map(|part| Media::of_url("image", part["image_url"]["url"].as_str().unwrap_or_default()))
        .collect()
}
