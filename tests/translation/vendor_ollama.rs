//! What Ollama's clients take for granted in an answer, whole and streamed.

use serde_json::Value;

use crate::vendor::must;

/// Checks a whole answer; `chat` tells which of the two forms it is in.
pub fn reply(json: &Value, chat: bool) -> Result<(), String> {
    line(json, chat)?;
    end(json)
}

fn line(json: &Value, chat: bool) -> Result<(), String> {
    must(json["model"].is_string(), || format!("no model in {json}"))?;
    let time = json["created_at"].as_str().unwrap_or_default();
    must(time.len() >= 20 && time.ends_with('Z'), || format!("odd time in {json}"))?;
    must(json["done"].is_boolean(), || format!("nobody says whether it is done: {json}"))?;
    if !chat {
        return must(json["response"].is_string(), || format!("no response in {json}"));
    }
    let message = &json["message"];
    must(message["role"] == "assistant" && message["content"].is_string(), || {
        format!("odd message {message}")
    })?;
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        let whole = function["name"].is_string() && function["arguments"].is_object();
        must(whole, || format!("odd call {call}"))?;
    }
    Ok(())
}

fn end(json: &Value) -> Result<(), String> {
    must(json["done"] == true && json["done_reason"].is_string(), || format!("no end in {json}"))?;
    for key in ["total_duration", "prompt_eval_duration", "eval_duration"] {
        must(json[key].as_u64().is_some_and(|time| time > 0), || format!("nothing to divide by in {key}"))?;
    }
    let counted = json["prompt_eval_count"].is_u64() && json["eval_count"].is_u64();
    must(counted, || format!("no counts in {json}"))
}

/// Checks a stream's lines.
pub fn stream(body: &[u8], chat: bool) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    must(text.ends_with('\n'), || "the last line has no end".into())?;
    let mut over = false;
    for one in text.lines() {
        must(!over, || format!("a line after the last: {one}"))?;
        let json: Value = serde_json::from_str(one).map_err(|error| format!("{error}: {one}"))?;
        if json.get("error").is_some() {
            must(json["error"].is_string(), || format!("odd {one}"))?;
            over = true;
            continue;
        }
        line(&json, chat)?;
        over = json["done"] == true;
        if over {
            end(&json)?;
        }
    }
    must(over, || "it has no end".into())
}
