//! What Bedrock's clients take for granted in an answer, checked without our own parsers.

use serde_json::Value;

use super::vendor::{Arguments, must};

const STOP_REASONS: &[&str] = &[
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "guardrail_intervened",
    "content_filtered",
    "malformed_model_output",
    "malformed_tool_use",
    "model_context_window_exceeded",
];

const EXCEPTIONS: &[&str] = &[
    "internalServerException",
    "modelStreamErrorException",
    "validationException",
    "throttlingException",
    "serviceUnavailableException",
];

/// Checks a whole reply.
pub fn reply(json: &Value) -> Result<(), String> {
    let message = &json["output"]["message"];
    must(message["role"] == "assistant", || "the role is not assistant".into())?;
    for block in message["content"].as_array().ok_or("no content")? {
        let members = block.as_object().ok_or("a block is no object")?;
        must(members.len() == 1, || format!("a block of {} members: {block}", members.len()))?;
        if let Some(call) = block.get("toolUse") {
            must(call["toolUseId"].as_str().is_some_and(|id| !id.is_empty()), || format!("odd call {call}"))?;
            must(call["name"].is_string() && call["input"].is_object(), || format!("odd call {call}"))?;
        }
        if let Some(thought) = block.get("reasoningContent") {
            let told = thought["reasoningText"]["text"].is_string() || thought["redactedContent"].is_string();
            must(told, || format!("odd thought {thought}"))?;
        }
        if let Some(cited) = block.get("citationsContent") {
            must(cited["content"][0]["text"].is_string(), || format!("odd citation {cited}"))?;
        }
    }
    stop(&json["stopReason"])?;
    must(json["metrics"]["latencyMs"].is_u64(), || "no latency".into())?;
    usage(&json["usage"])
}

fn stop(reason: &Value) -> Result<(), String> {
    let known = reason.as_str().is_some_and(|word| STOP_REASONS.contains(&word));
    must(known, || format!("no stop reason: {reason}"))
}

fn usage(usage: &Value) -> Result<(), String> {
    let count = |key: &str| usage[key].as_u64().unwrap_or_default();
    for key in ["inputTokens", "outputTokens", "totalTokens"] {
        must(usage[key].is_u64(), || format!("usage has no {key}"))?;
    }
    let parts = ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"];
    let sum: u64 = parts.into_iter().map(count).sum();
    must(count("totalTokens") == sum, || format!("the sum is wrong in {usage}"))
}

/// Takes a stream's messages apart, by the lengths alone: what stands in them is checked elsewhere.
fn messages(mut bytes: &[u8]) -> Result<Vec<(String, Value)>, String> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let number = |at: usize| -> Option<usize> {
            let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(four)).ok()
        };
        let (length, headers) = number(0).zip(number(4)).ok_or("a cut message")?;
        let message = bytes.get(..length).ok_or("a cut message")?;
        let mut head = &message[12..12 + headers];
        let mut name = String::new();
        while let [length, rest @ ..] = head {
            let (key, rest) = rest.split_at(usize::from(*length));
            must(rest[0] == 7, || "a header that is no text".into())?;
            let size = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
            let (value, rest) = rest[3..].split_at(size);
            if key == b":event-type" || key == b":exception-type" {
                name = String::from_utf8(value.to_vec()).map_err(|error| error.to_string())?;
            }
            head = rest;
        }
        let payload = &message[12 + headers..length - 4];
        messages.push((name, serde_json::from_slice(payload).map_err(|error| error.to_string())?));
        bytes = &bytes[length..];
    }
    Ok(messages)
}

/// Checks a stream: its order, and that its blocks come one after another.
pub fn stream(body: &[u8], arguments: Arguments) -> Result<(), String> {
    let mut open: Option<(u64, Option<String>)> = None;
    let (mut next, mut started, mut stopped, mut over) = (0, false, false, false);
    for (name, json) in messages(body)? {
        must(!over, || format!("{name} after the end"))?;
        let place = || json["contentBlockIndex"].as_u64().ok_or(format!("no index in {json}"));
        match name.as_str() {
            "messageStart" => {
                must(!started && json["role"] == "assistant", || format!("odd start {json}"))?;
                started = true;
            }
            "contentBlockStart" => {
                must(started && !stopped && open.is_none(), || format!("a block inside another: {json}"))?;
                must(place()? == next, || format!("block {next} is {json}"))?;
                let start = json["start"].as_object().ok_or("no start")?;
                must(start.len() == 1 && !start.contains_key("text"), || format!("odd start {json}"))?;
                open = Some((next, start.contains_key("toolUse").then(String::new)));
            }
            "contentBlockDelta" => {
                must(started && !stopped, || format!("a delta before or after all: {json}"))?;
                let (at, input) = open.get_or_insert((next, None));
                must(place()? == *at, || format!("a delta for another block than {at}: {json}"))?;
                let delta = json["delta"].as_object().ok_or("no delta")?;
                must(delta.len() == 1, || format!("a delta of several kinds: {json}"))?;
                if let (Some(input), Some(call)) = (input, delta.get("toolUse")) {
                    input.push_str(call["input"].as_str().ok_or("input is no text")?);
                }
            }
            "contentBlockStop" => {
                let (at, input) = open.take().ok_or(format!("nothing to stop: {json}"))?;
                must(place()? == at, || format!("another block than {at} stops"))?;
                if let Some(input) = input.filter(|_| arguments == Arguments::Whole) {
                    let input: Value = serde_json::from_str(&input).map_err(|error| error.to_string())?;
                    must(input.is_object(), || "the input is no object".into())?;
                }
                next += 1;
            }
            "messageStop" => {
                must(started && open.is_none() && !stopped, || format!("odd end {json}"))?;
                stop(&json["stopReason"])?;
                stopped = true;
            }
            "metadata" => {
                must(stopped, || "metadata before the end".into())?;
                let garbled = arguments == Arguments::Garbled;
                must(garbled || json["metrics"]["latencyMs"].is_u64(), || "no latency".into())?;
                usage(&json["usage"])?;
                over = true;
            }
            exception => {
                must(EXCEPTIONS.contains(&exception), || format!("no such event: {exception}"))?;
                must(json["message"].is_string(), || format!("no message in {json}"))?;
                over = true;
            }
        }
    }
    must(over, || "it does not end".into())
}
