//! What clients of Anthropic Messages take for granted in a stream.

use serde_json::Value;

use crate::vendor::{Arguments, Frame, anthropic_block, anthropic_stop, must};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Before,
    Blocks,
    Closing,
    Ended,
    Failed,
}

/// Checks the order and shape of a stream's events.
pub fn stream(frames: &[Frame], arguments: Arguments) -> Result<(), String> {
    let mut phase = Phase::Before;
    let mut next = 0;
    let mut open: Option<(String, String)> = None;
    for (name, data) in frames {
        let json: Value = serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?;
        let kind = json["type"].as_str().ok_or("an event without type")?;
        must(name.as_deref() == Some(kind), || format!("event {name:?} holds {data}"))?;
        let wrong = || format!("{kind} in {phase:?}: {data}");
        must(phase != Phase::Ended && phase != Phase::Failed, wrong)?;
        let here = |holds: bool| must(holds && json["index"] == next, wrong);
        phase = match kind {
            "ping" => phase,
            "error" => {
                must(json["error"]["type"].is_string() && json["error"]["message"].is_string(), wrong)?;
                Phase::Failed
            }
            "message_start" => {
                must(phase == Phase::Before, wrong)?;
                let message = &json["message"];
                must(
                    message["content"] == Value::Array(Vec::new()) && message["stop_reason"].is_null(),
                    wrong,
                )?;
                must(message["id"].as_str().is_some_and(|id| id.starts_with("msg_")), wrong)?;
                must(
                    message["usage"]["input_tokens"].is_u64() && message["usage"]["output_tokens"].is_u64(),
                    wrong,
                )?;
                Phase::Blocks
            }
            "content_block_start" => {
                here(phase == Phase::Blocks && open.is_none())?;
                anthropic_block(&json["content_block"])?;
                let input = json["content_block"].get("input");
                must(input.is_none_or(|input| *input == Value::Object(serde_json::Map::new())), wrong)?;
                open = Some((
                    json["content_block"]["type"].as_str().unwrap_or_default().to_owned(),
                    String::new(),
                ));
                Phase::Blocks
            }
            "content_block_delta" => {
                here(open.is_some())?;
                let (block, input) = open.as_mut().ok_or_else(wrong)?;
                grow(block, input, &json["delta"]).map_err(|flaw| format!("{flaw}: {data}"))?;
                Phase::Blocks
            }
            "content_block_stop" => {
                here(open.is_some())?;
                let (_, input) = open.take().ok_or_else(wrong)?;
                let whole = serde_json::from_str::<Value>(&input).is_ok_and(|json| json.is_object());
                must(input.is_empty() || whole || arguments == Arguments::Garbled, || {
                    format!("input that is no object: {input}")
                })?;
                next += 1;
                Phase::Blocks
            }
            "message_delta" => {
                must(phase == Phase::Blocks && open.is_none(), wrong)?;
                anthropic_stop(&json["delta"])?;
                must(json["usage"]["output_tokens"].is_u64(), wrong)?;
                Phase::Closing
            }
            "message_stop" => {
                must(phase == Phase::Closing, wrong)?;
                Phase::Ended
            }
            _ => return Err(wrong()),
        };
    }
    must(phase == Phase::Ended || phase == Phase::Failed, || format!("it ends in {phase:?}"))
}

fn grow(block: &str, input: &mut String, delta: &Value) -> Result<(), String> {
    let (fits, text) = match delta["type"].as_str().unwrap_or_default() {
        "text_delta" => (block == "text", &delta["text"]),
        "citations_delta" => {
            return must(block == "text" && delta["citation"].is_object(), || "a citation elsewhere".into());
        }
        "thinking_delta" => (block == "thinking", &delta["thinking"]),
        "signature_delta" => (block == "thinking", &delta["signature"]),
        "input_json_delta" => (block.ends_with("tool_use"), &delta["partial_json"]),
        other => return Err(format!("an unknown delta {other}")),
    };
    must(fits && text.is_string(), || format!("a delta that does not fit a {block}"))?;
    if delta["type"] == "input_json_delta" {
        input.push_str(text.as_str().unwrap_or_default());
    }
    Ok(())
}
