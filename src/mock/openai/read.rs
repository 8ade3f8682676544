//! A checked chat request as an [`Ask`].

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::{Form, Vendor, check};
use crate::mock::say::media::{Media, Source};
use crate::mock::say::{Ask, Choice, Format, Outcome, Tool, plan, tokens_of};

/// Reads what the answer depends on; `body` has passed the checks.
pub(super) fn read(body: &Value, vendor: Vendor) -> Form {
    let model = body["model"].as_str().unwrap_or_default();
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last_user = messages.iter().rev().find(|message| message["role"] == "user");
    let last_turn = messages
        .iter()
        .rev()
        .take_while(|message| matches!(message["role"].as_str(), Some("tool" | "function")));
    let mut results: Vec<_> = last_turn.map(outcome).collect();
    results.reverse();
    let last_is_user = messages.last().is_some_and(|message| message["role"] == "user");
    let (bytes, print) = measure(body, messages);
    let older = body["tools"].is_null() && body["functions"].is_array();
    let limit = ["max_completion_tokens", "max_tokens"].iter().find_map(|key| body[*key].as_u64());
    Form {
        ask: Ask {
            model: model.to_owned(),
            stream: body["stream"].as_bool().unwrap_or(false),
            text: last_user.map(|message| text(&message["content"])).unwrap_or_default(),
            prompt: tokens_of(bytes),
            print,
            media: last_user
                .filter(|_| last_is_user)
                .map(|message| media(&message["content"]))
                .unwrap_or_default(),
            results,
            tools: tools(body),
            planned: plan::next(messages),
            choice: choice(body),
            single: older || body["parallel_tool_calls"] == false,
            format: format(&body["response_format"]),
            reasoning: reasoning(body, model, vendor),
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            stop: match &body["stop"] {
                Value::String(stop) => vec![stop.clone()],
                Value::Array(stops) => stops.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            },
        },
        vendor,
        choices: body["n"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
        include_usage: body["stream_options"]["include_usage"] == true,
        logprobs: body["logprobs"] == true,
        older,
        ..Form::default()
    }
}

/// The text of a content string or of its text parts.
pub(super) fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<_> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

fn media(content: &Value) -> Vec<Media> {
    content.as_array().into_iter().flatten().filter_map(medium).collect()
}

fn medium(part: &Value) -> Option<Media> {
    match part["type"].as_str()? {
        "image_url" => {
            let url = part["image_url"]["url"].as_str().or_else(|| part["image_url"].as_str())?;
            Some(Media::of_url("image", url))
        }
        "input_audio" => {
            let data = part["input_audio"]["data"].as_str()?;
            let kind = format!("audio/{}", part["input_audio"]["format"].as_str()?);
            Some(Media::of_type(&kind, Source::Inline(data.trim_end_matches('=').len() * 3 / 4)))
        }
        "file" => {
            let file = &part["file"];
            Some(match file["file_data"].as_str() {
                Some(data) => Media::of_url("document", data),
                None => Media {
                    what: "document",
                    kind: String::new(),
                    source: Source::Remote(file["file_id"].as_str()?.to_owned()),
                },
            })
        }
        _ => None,
    }
}

fn outcome(message: &Value) -> Outcome {
    Outcome {
        text: text(&message["content"]),
        failed: message["is_error"] == true,
        media: media(&message["content"]),
    }
}

fn tools(body: &Value) -> Vec<Tool> {
    let tools = body["tools"].as_array().into_iter().flatten().map(|tool| &tool["function"]);
    let functions = body["functions"].as_array().into_iter().flatten();
    tools
        .chain(functions)
        .filter_map(|function| {
            Some(Tool { name: function["name"].as_str()?.to_owned(), schema: function["parameters"].clone() })
        })
        .collect()
}

fn choice(body: &Value) -> Choice {
    if let Some(name) = body["function_call"]["name"].as_str() {
        return Choice::Named(name.to_owned());
    }
    match &body["tool_choice"] {
        _ if body["function_call"] == "none" => Choice::None,
        Value::String(word) if word == "none" => Choice::None,
        Value::String(word) if word == "required" => Choice::Any,
        Value::Object(named) => {
            let name = named.get("function").and_then(|function| function["name"].as_str());
            name.map_or(Choice::Auto, |name| Choice::Named(name.to_owned()))
        }
        _ => Choice::Auto,
    }
}

fn format(format: &Value) -> Option<Format> {
    match format["type"].as_str()? {
        "json_object" => Some(Format::Json),
        "json_schema" => Some(Format::Schema(format["json_schema"]["schema"].clone())),
        _ => None,
    }
}

/// Reasoning tokens by effort. Kept small, so that a paced answer does not take minutes.
fn reasoning(body: &Value, model: &str, vendor: Vendor) -> usize {
    let silent = match vendor {
        Vendor::Other => !shows_reasoning(model),
        _ => !check::is_reasoning_model(model) || check::may_not_reason(model),
    };
    match body["reasoning_effort"].as_str() {
        None if silent => 0,
        Some("none" | "minimal") => 0,
        Some("low") => 16,
        Some("high") => 64,
        Some("xhigh" | "max") => 128,
        None | Some(_) => 32,
    }
}

/// Whether this is another vendor's model that always reasons, and shows it.
pub(super) fn shows_reasoning(model: &str) -> bool {
    ["reasoner", "-r1", "thinking", "qwq"].iter().any(|part| model.contains(part))
}

/// Bytes of the prompt, and a fingerprint of it.
fn measure(body: &Value, messages: &[Value]) -> (usize, u64) {
    /// A picture or a page costs about as much as this many bytes of text.
    const MEDIA_BYTES: usize = 1024;
    let mut hasher = DefaultHasher::new();
    body["model"].as_str().hash(&mut hasher);
    let mut bytes = 0;
    for message in messages {
        let text = text(&message["content"]);
        bytes += text.len();
        text.hash(&mut hasher);
        for part in media(&message["content"]) {
            bytes += MEDIA_BYTES;
            format!("{part:?}").hash(&mut hasher);
        }
        if let Some(calls) = message.get("tool_calls") {
            bytes += calls.to_string().len();
        }
    }
    if let Some(tools) = body.get("tools") {
        let tools = tools.to_string();
        bytes += tools.len();
        tools.hash(&mut hasher);
    }
    (bytes, hasher.finish())
}
