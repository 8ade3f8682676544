//! A checked request as an [`Ask`].

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::Form;
use crate::mock::openai::check::{is_reasoning_model, may_not_reason};
use crate::mock::say::media::{Media, Source};
use crate::mock::say::{Ask, Choice, Format, Outcome, Tool, plan, tokens_of};

/// Reads what the answer depends on; `body` has passed the checks.
pub(super) fn read(body: Value) -> Form {
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let items = items(&body);
    let last_user = items.iter().rev().find(|item| item["role"] == "user");
    let trailing = items.iter().rev().take_while(|item| is_output(item));
    let mut results: Vec<_> = trailing.map(outcome).collect();
    results.reverse();
    let last_is_user = items.last().is_some_and(|item| item["role"] == "user");
    let (bytes, print) = measure(&body, &items);
    let includes = |wanted: &str| body["include"].as_array().into_iter().flatten().any(|it| it == wanted);
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let custom = tools.iter().filter(|tool| tool["type"] == "custom");
    Form {
        ask: Ask {
            stream: body["stream"].as_bool().unwrap_or(false),
            text: last_user.map(|item| text(&item["content"])).unwrap_or_default(),
            prompt: tokens_of(bytes),
            print,
            media: last_user.filter(|_| last_is_user).map(|item| media(&item["content"])).unwrap_or_default(),
            results,
            tools: tools.iter().filter_map(tool).collect(),
            planned: plan::next(&items),
            choice: choice(&body["tool_choice"]),
            single: body["parallel_tool_calls"] == false,
            format: format(&body["text"]["format"]),
            reasoning: reasoning(&body, &model),
            limit: body["max_output_tokens"].as_u64().and_then(|limit| usize::try_from(limit).ok()),
            stop: Vec::new(),
            model,
        },
        custom: custom.filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect(),
        summary: body["reasoning"]["summary"].is_string(),
        sealed: includes("reasoning.encrypted_content"),
        logprobs: includes("message.output_text.logprobs"),
        body,
        ..Form::default()
    }
}

fn items(body: &Value) -> Vec<Value> {
    match &body["input"] {
        Value::String(text) => vec![serde_json::json!({"role": "user", "content": text})],
        Value::Array(items) => items.clone(),
        _ => Vec::new(),
    }
}

fn is_output(item: &Value) -> bool {
    matches!(item["type"].as_str(), Some("function_call_output" | "custom_tool_call_output"))
}

fn text(content: &Value) -> String {
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
    let known = |what, id: &str| Media { what, kind: String::new(), source: Source::Remote(id.to_owned()) };
    match part["type"].as_str()? {
        "input_image" => Some(match part["image_url"].as_str() {
            Some(url) => Media::of_url("image", url),
            None => known("image", part["file_id"].as_str()?),
        }),
        "input_file" => Some(match part["file_data"].as_str().or(part["file_url"].as_str()) {
            Some(data) => Media::of_url("document", data),
            None => known("document", part["file_id"].as_str()?),
        }),
        _ => None,
    }
}

fn outcome(item: &Value) -> Outcome {
    Outcome { text: text(&item["output"]), failed: false, media: media(&item["output"]) }
}

fn tool(tool: &Value) -> Option<Tool> {
    let own = matches!(tool["type"].as_str(), Some("function" | "custom"));
    let name = tool["name"].as_str().filter(|_| own)?;
    Some(Tool { name: name.to_owned(), schema: tool["parameters"].clone() })
}

fn choice(choice: &Value) -> Choice {
    match choice {
        Value::String(word) if word == "none" => Choice::None,
        Value::String(word) if word == "required" => Choice::Any,
        Value::Object(_) => match choice["type"].as_str() {
            Some("function" | "custom") => {
                Choice::Named(choice["name"].as_str().unwrap_or_default().to_owned())
            }
            Some("allowed_tools") if choice["mode"] == "required" => Choice::Any,
            _ => Choice::Auto,
        },
        _ => Choice::Auto,
    }
}

fn format(format: &Value) -> Option<Format> {
    match format["type"].as_str()? {
        "json_object" => Some(Format::Json),
        "json_schema" => Some(Format::Schema(format["schema"].clone())),
        _ => None,
    }
}

/// Reasoning tokens by effort. Kept small, so that a paced answer does not take minutes.
fn reasoning(body: &Value, model: &str) -> usize {
    let silent = !is_reasoning_model(model) || may_not_reason(model);
    match body["reasoning"]["effort"].as_str() {
        None if silent => 0,
        Some("none" | "minimal") => 0,
        Some("low") => 16,
        Some("high") => 64,
        Some("xhigh" | "max") => 128,
        None | Some(_) => 32,
    }
}

/// Bytes of the prompt, and a fingerprint of it.
fn measure(body: &Value, items: &[Value]) -> (usize, u64) {
    /// A picture or a page costs about as much as this many bytes of text.
    const MEDIA_BYTES: usize = 1024;
    let mut hasher = DefaultHasher::new();
    body["model"].as_str().hash(&mut hasher);
    let mut bytes = 0;
    let mut add = |text: &str| {
        bytes += text.len();
        text.hash(&mut hasher);
    };
    add(body["instructions"].as_str().unwrap_or_default());
    for item in items {
        for key in ["content", "output"] {
            add(&text(&item[key]));
            for part in media(&item[key]) {
                add(&format!("{part:?}{}", " ".repeat(MEDIA_BYTES)));
            }
        }
        for key in ["arguments", "input"] {
            add(item[key].as_str().unwrap_or_default());
        }
    }
    if let Some(tools) = body.get("tools") {
        add(&tools.to_string());
    }
    (bytes, hasher.finish())
}
