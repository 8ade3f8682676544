//! What each vendor's clients take for granted in an answer, checked without our own parsers.

use serde_json::Value;
use tollgate::ir::Dialect;

/// Checks a whole answer's shape and returns what is wrong with it.
pub fn reply(dialect: Dialect, body: &[u8]) -> Result<(), String> {
    let json: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    match dialect {
        Dialect::OpenaiChat => chat_reply(&json),
        Dialect::OpenaiResponses => super::vendor_responses::reply(&json),
        Dialect::AnthropicMessages => anthropic_reply(&json),
        Dialect::GeminiGenerate => gemini_reply(&json),
        Dialect::BedrockConverse => super::vendor_bedrock::reply(&json),
        Dialect::OpenaiCompletions => super::vendor_completions::reply(&json),
        Dialect::OllamaChat => super::vendor_ollama::reply(&json, true),
        Dialect::OllamaGenerate => super::vendor_ollama::reply(&json, false),
        Dialect::CohereChat => super::vendor_cohere::reply(&json),
    }
}

/// Whether the arguments that a model streamed are known to be whole JSON; a garbled upstream's
/// cannot be checked before they are said.
#[derive(Clone, Copy, PartialEq)]
pub enum Arguments {
    Whole,
    Garbled,
}

/// Checks a stream's order and shape and returns what is wrong with it.
pub fn stream(dialect: Dialect, body: &[u8], arguments: Arguments) -> Result<(), String> {
    if dialect == Dialect::BedrockConverse {
        return super::vendor_bedrock::stream(body, arguments);
    }
    if matches!(dialect, Dialect::OllamaChat | Dialect::OllamaGenerate) {
        return super::vendor_ollama::stream(body, dialect == Dialect::OllamaChat);
    }
    let frames = frames(body)?;
    match dialect {
        Dialect::OpenaiChat => super::vendor_chat::stream(&frames, arguments),
        Dialect::OpenaiResponses => super::vendor_responses::stream(&frames, arguments),
        Dialect::AnthropicMessages => super::vendor_anthropic::stream(&frames, arguments),
        Dialect::GeminiGenerate => gemini_stream(&frames),
        Dialect::BedrockConverse => Ok(()),
        Dialect::OpenaiCompletions => super::vendor_completions::stream(&frames),
        Dialect::OllamaChat | Dialect::OllamaGenerate => Ok(()),
        Dialect::CohereChat => super::vendor_cohere::stream(&frames, arguments),
    }
}

/// One server-sent event: its name and its data.
pub type Frame = (Option<String>, String);

/// Fails with a message unless something holds.
pub fn must(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

fn frames(body: &[u8]) -> Result<Vec<Frame>, String> {
    // Google ends its lines with CRLF.
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?.replace("\r\n", "\n");
    must(text.is_empty() || text.ends_with("\n\n"), || "the last event is not closed".into())?;
    let mut frames = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.is_empty()) {
        let (mut name, mut data) = (None, None);
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("", _)) => {}
                Some(("event", value)) if name.is_none() => name = Some(value.to_owned()),
                Some(("data", value)) if data.is_none() => data = Some(value.to_owned()),
                _ => return Err(format!("an odd line: {line}")),
            }
        }
        frames.extend(data.map(|data| (name, data)));
    }
    Ok(frames)
}

/// Fails unless a value is one of these words.
pub fn one_of(value: &Value, known: &[&str]) -> Result<(), String> {
    must(value.as_str().is_some_and(|word| known.contains(&word)), || format!("{value} is none of {known:?}"))
}

fn sum(value: &Value, keys: &[&str]) -> u64 {
    keys.iter().filter_map(|key| value[key].as_u64()).sum()
}

fn chat_reply(json: &Value) -> Result<(), String> {
    must(json["object"] == "chat.completion", || "object is not chat.completion".into())?;
    for key in ["id", "model"] {
        must(json[key].is_string(), || format!("{key} is missing"))?;
    }
    must(json["created"].is_u64(), || "created is missing".into())?;
    for (index, choice) in json["choices"].as_array().ok_or("no choices")?.iter().enumerate() {
        must(choice["index"] == index, || "choices are not numbered in order".into())?;
        let message = &choice["message"];
        chat_annotations(&message["annotations"])?;
        must(message["role"] == "assistant", || "the role is not assistant".into())?;
        must(message.get("content").is_some_and(|text| text.is_string() || text.is_null()), || {
            "content is neither text nor null".into()
        })?;
        one_of(&choice["finish_reason"], &["stop", "length", "tool_calls", "content_filter"])?;
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        must(choice["finish_reason"] != "tool_calls" || !calls.is_empty(), || {
            "it waits for tools that it did not call".into()
        })?;
        must(
            message.get("tool_calls").is_none_or(|calls| calls.as_array().is_some_and(|c| !c.is_empty())),
            || "tool_calls is empty".into(),
        )?;
        for call in calls.iter().filter(|call| call["type"] == "function") {
            must(call["id"].as_str().is_some_and(|id| !id.is_empty()), || "a call without id".into())?;
            let arguments = call["function"]["arguments"].as_str().ok_or("arguments are no string")?;
            let arguments: Value = serde_json::from_str(arguments).map_err(|error| error.to_string())?;
            must(arguments.is_object(), || "arguments are no object".into())?;
        }
    }
    chat_usage(&json["usage"])
}

/// Checks a message's or delta's sources: some SDKs refuse an answer whose sources lack a member.
pub fn chat_annotations(annotations: &Value) -> Result<(), String> {
    for annotation in annotations.as_array().into_iter().flatten() {
        let cited = &annotation["url_citation"];
        let numbers = cited["start_index"].is_u64() && cited["end_index"].is_u64();
        let texts = cited["url"].is_string() && cited["title"].is_string();
        let whole = annotation["type"] == "url_citation" && numbers && texts;
        must(whole || annotation["type"] != "url_citation", || format!("odd source {annotation}"))?;
    }
    Ok(())
}

/// Checks a chat usage object, if it is one.
pub fn chat_usage(usage: &Value) -> Result<(), String> {
    let total = usage["total_tokens"].as_u64();
    must(usage.is_null() || total == Some(sum(usage, &["prompt_tokens", "completion_tokens"])), || {
        format!("the sum is wrong in {usage}")
    })?;
    let within = |part: u64, whole: &str| part <= usage[whole].as_u64().unwrap_or_default();
    must(
        within(sum(&usage["prompt_tokens_details"], &["cached_tokens", "audio_tokens"]), "prompt_tokens"),
        || format!("more details than prompt in {usage}"),
    )?;
    let spent = sum(&usage["completion_tokens_details"], &["reasoning_tokens", "audio_tokens"]);
    must(within(spent, "completion_tokens"), || format!("more details than completion in {usage}"))
}

const STOP_REASONS: &[&str] = &[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
];

fn anthropic_reply(json: &Value) -> Result<(), String> {
    must(json["type"] == "message" && json["role"] == "assistant", || "not an assistant's message".into())?;
    must(json["id"].as_str().is_some_and(|id| id.starts_with("msg_")), || format!("id {}", json["id"]))?;
    for block in json["content"].as_array().ok_or("no content")? {
        anthropic_block(block)?;
        must(block["type"] != "tool_use" || block["input"].is_object(), || "input is no object".into())?;
    }
    anthropic_stop(json)?;
    for key in ["input_tokens", "output_tokens"] {
        must(json["usage"][key].is_u64(), || format!("usage has no {key}"))?;
    }
    Ok(())
}

/// Checks `stop_reason` and `stop_sequence` of a finished message.
pub fn anthropic_stop(of: &Value) -> Result<(), String> {
    one_of(&of["stop_reason"], STOP_REASONS)?;
    let met = of["stop_sequence"].is_string();
    must(!met || of["stop_reason"] == "stop_sequence", || "a stop sequence that was not the reason".into())
}

/// Checks the members that a content block of an answer must have.
pub fn anthropic_block(block: &Value) -> Result<(), String> {
    let text = |key: &str| must(block[key].is_string(), || format!("no {key} in {block}"));
    match block["type"].as_str() {
        Some("text") => text("text"),
        Some("thinking") => text("thinking").and(text("signature")),
        Some("redacted_thinking") => text("data"),
        Some("tool_use" | "server_tool_use") => {
            must(block["id"].as_str().is_some_and(|id| !id.is_empty()), || format!("id {}", block["id"]))?;
            text("name")
        }
        // Blocks that only Anthropic knows pass as they are.
        _ => Ok(()),
    }
}

fn gemini_reply(json: &Value) -> Result<(), String> {
    for (index, candidate) in json["candidates"].as_array().into_iter().flatten().enumerate() {
        must(candidate["index"] == index, || "candidates are not numbered in order".into())?;
        gemini_candidate(candidate)?;
        must(candidate["finishReason"].is_string(), || "no finishReason".into())?;
    }
    gemini_usage(&json["usageMetadata"])
}

fn gemini_candidate(candidate: &Value) -> Result<(), String> {
    let parts = candidate["content"]["parts"].as_array();
    must(candidate.get("content").is_none_or(|content| content["role"] == "model"), || {
        "not the model".into()
    })?;
    for part in parts.into_iter().flatten() {
        let data =
            ["text", "functionCall", "inlineData", "executableCode", "codeExecutionResult", "fileData"];
        let held = data.iter().filter(|key| part.get(**key).is_some()).count();
        // Parts that only Gemini knows pass as they are.
        must(held <= 1, || format!("a part holds {held} kinds of data: {part}"))?;
        if let Some(call) = part.get("functionCall") {
            // One that Gemini itself garbled passes as it came.
            let garbled = call.get("name").is_none();
            let whole = call["name"].is_string() && call["args"].is_object();
            must(whole || garbled, || format!("odd call {call}"))?;
        }
    }
    Ok(())
}

fn gemini_usage(usage: &Value) -> Result<(), String> {
    let parts = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount"];
    must(usage["totalTokenCount"].is_null() || usage["totalTokenCount"] == sum(usage, &parts), || {
        format!("the sum is wrong in {usage}")
    })?;
    let cached = usage["cachedContentTokenCount"].as_u64().unwrap_or_default();
    must(cached <= usage["promptTokenCount"].as_u64().unwrap_or_default(), || {
        format!("too much cached: {usage}")
    })
}

fn gemini_stream(frames: &[Frame]) -> Result<(), String> {
    let mut finished = Vec::new();
    let (mut failed, mut blocked) = (false, false);
    for (name, data) in frames {
        must(name.is_none() && !failed, || format!("{name:?} after the end: {data}"))?;
        let json: Value = serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?;
        if json.get("error").is_some() {
            must(json["error"]["code"].is_u64() && json["error"]["status"].is_string(), || {
                format!("odd {data}")
            })?;
            failed = true;
            continue;
        }
        must(
            ["candidates", "usageMetadata", "promptFeedback"].iter().any(|key| json.get(key).is_some()),
            || format!("an empty slice {data}"),
        )?;
        for candidate in json["candidates"].as_array().into_iter().flatten() {
            gemini_candidate(candidate)?;
            let index = candidate["index"].as_u64().ok_or("a candidate without index")?;
            must(!finished.contains(&index), || format!("candidate {index} goes on after its end"))?;
            // The chats of Google's SDKs forget a turn of which a slice says nothing; Google itself
            // ends words so.
            let parts = candidate["content"]["parts"].as_array().ok_or("a slice without parts")?;
            let silent = |part: &Value| part["text"] == "" && part.get("thoughtSignature").is_none();
            let last = candidate["finishReason"].is_string();
            must(last || !parts.iter().any(silent), || format!("a slice that says nothing: {data}"))?;
            if candidate["finishReason"].is_string() {
                finished.push(index);
            }
        }
        gemini_usage(&json["usageMetadata"])?;
        blocked |= json["promptFeedback"]["blockReason"].is_string();
    }
    must(failed || blocked || !finished.is_empty(), || "it ends without a finish reason".into())
}
