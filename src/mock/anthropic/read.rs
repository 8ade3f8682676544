//! A checked Messages request as an [`Ask`].

use serde_json::Value;

use crate::mock::say::media::{Media, Source};
use crate::mock::say::{Ask, Choice, Format, Outcome, Tool, fingerprint, plan, tokens_of};

/// Reads what the answer depends on; `body` has passed the checks.
pub(super) fn read(body: &Value) -> Ask {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    let results = last.map(|message| results(&message["content"])).unwrap_or_default();
    let spoken = messages.iter().rev().filter(|message| message["role"] == "user");
    let text = spoken.map(|message| text(&message["content"])).find(|text| !text.is_empty());
    let choice = &body["tool_choice"];
    let stops = body["stop_sequences"].as_array().into_iter().flatten();
    let prompt = prompt_bytes(body, messages);
    Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        text: text.unwrap_or_default(),
        prompt: tokens_of(prompt),
        print: fingerprint(body["messages"].to_string()),
        media: last.map(|message| media(&message["content"])).unwrap_or_default(),
        results,
        tools: tools(body),
        planned: plan::next(messages),
        choice: match choice["type"].as_str() {
            Some("none") => Choice::None,
            Some("any") => Choice::Any,
            Some("tool") => Choice::Named(choice["name"].as_str().unwrap_or_default().to_owned()),
            _ => Choice::Auto,
        },
        single: choice["disable_parallel_tool_use"] == true,
        format: format(body),
        reasoning: reasoning(body),
        limit: body["max_tokens"].as_u64().and_then(|limit| usize::try_from(limit).ok()),
        stop: stops.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// The text of a content string or of its text blocks.
pub(super) fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter(|block| block["type"] == "text");
            texts.filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn media(content: &Value) -> Vec<Media> {
    content.as_array().into_iter().flatten().filter_map(medium).collect()
}

fn medium(block: &Value) -> Option<Media> {
    let what = match block["type"].as_str()? {
        "image" => "image",
        "document" => "document",
        _ => return None,
    };
    let source = &block["source"];
    let kind = source["media_type"].as_str().unwrap_or_default().to_owned();
    let source = match source["type"].as_str()? {
        "base64" => Source::Inline(source["data"].as_str()?.trim_end_matches('=').len() * 3 / 4),
        "text" => Source::Inline(source["data"].as_str()?.len()),
        "url" => Source::Remote(source["url"].as_str()?.to_owned()),
        "file" => Source::Remote(source["file_id"].as_str()?.to_owned()),
        _ => Source::Inline(source["content"].to_string().len()),
    };
    Some(Media { what, kind, source })
}

fn results(content: &Value) -> Vec<Outcome> {
    let blocks = content.as_array().into_iter().flatten();
    blocks
        .filter(|block| block["type"] == "tool_result")
        .map(|block| Outcome {
            text: text(&block["content"]),
            failed: block["is_error"] == true,
            media: media(&block["content"]),
        })
        .collect()
}

fn tools(body: &Value) -> Vec<Tool> {
    let tools = body["tools"].as_array().into_iter().flatten();
    tools
        .filter(|tool| tool.get("input_schema").is_some())
        .filter_map(|tool| {
            Some(Tool { name: tool["name"].as_str()?.to_owned(), schema: tool["input_schema"].clone() })
        })
        .collect()
}

fn format(body: &Value) -> Option<Format> {
    let format = match &body["output_config"]["format"] {
        Value::Null => &body["output_format"],
        format => format,
    };
    (format["type"] == "json_schema").then(|| Format::Schema(format["schema"].clone()))
}

/// Thinking tokens. Kept small, so that a paced answer does not take minutes.
fn reasoning(body: &Value) -> usize {
    match body["thinking"]["type"].as_str() {
        Some("enabled") => {
            let budget = body["thinking"]["budget_tokens"].as_u64().unwrap_or(1024);
            usize::try_from(budget / 64).unwrap_or(16).clamp(16, 128)
        }
        Some("adaptive") => match body["output_config"]["effort"].as_str() {
            Some("low") => 16,
            Some("medium") => 32,
            Some("xhigh" | "max") => 128,
            _ => 64,
        },
        _ => 0,
    }
}

fn prompt_bytes(body: &Value, messages: &[Value]) -> usize {
    let tools: usize = body["tools"].as_array().into_iter().flatten().map(weight).sum();
    let each = |content: &Value| match content {
        Value::Array(blocks) => blocks.iter().map(weight).sum(),
        other => weight(other),
    };
    let turns: usize = messages.iter().map(|message| each(&message["content"])).sum();
    tools + each(&body["system"]) + turns
}

/// What a block counts for, in bytes of text. A picture or a page counts as 1024.
pub(super) fn weight(block: &Value) -> usize {
    match block {
        Value::Null => 0,
        Value::String(text) => text.len(),
        _ => match block["type"].as_str() {
            Some("text") => block["text"].as_str().map_or(0, str::len),
            Some("image" | "document") => 1024,
            Some("thinking") => block["thinking"].as_str().map_or(0, str::len),
            Some("tool_use") => block["input"].to_string().len() + 16,
            Some("tool_result") => match &block["content"] {
                Value::Array(blocks) => blocks.iter().map(weight).sum(),
                other => weight(other),
            },
            _ => block.to_string().len(),
        },
    }
}
