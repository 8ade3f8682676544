//! What Cohere's clients take for granted in an answer, whole and streamed.

use serde_json::Value;

use crate::vendor::{Arguments, Frame, must, one_of};

const FINISHES: [&str; 8] = [
    "COMPLETE",
    "STOP_SEQUENCE",
    "MAX_TOKENS",
    "TOOL_CALL",
    "ERROR",
    "TIMEOUT",
    "ERROR_TOXIC",
    "ERROR_LIMIT",
];

/// Checks a whole answer.
pub fn reply(json: &Value) -> Result<(), String> {
    must(json["id"].as_str().is_some_and(|id| !id.is_empty()), || format!("no id in {json}"))?;
    one_of(&json["finish_reason"], &FINISHES)?;
    let message = &json["message"];
    must(message["role"] == "assistant", || format!("odd message {message}"))?;
    for part in message["content"].as_array().into_iter().flatten() {
        let kind = part["type"].as_str().unwrap_or_default();
        let known = ["text", "thinking"].contains(&kind);
        must(!known || part[kind].is_string(), || format!("odd part {part}"))?;
    }
    for made in message["tool_calls"].as_array().into_iter().flatten() {
        call(made)?;
    }
    for cited in message["citations"].as_array().into_iter().flatten() {
        citation(cited)?;
    }
    if !json["usage"].is_null() {
        usage(&json["usage"])?;
    }
    Ok(())
}

fn call(call: &Value) -> Result<(), String> {
    let function = &call["function"];
    let whole = function["name"].is_string() && function["arguments"].is_string();
    let known = call["type"] == "function" && call["id"].as_str().is_some_and(|id| !id.is_empty());
    must(whole && known, || format!("odd call {call}"))
}

fn citation(cited: &Value) -> Result<(), String> {
    let placed = cited["start"].as_u64() <= cited["end"].as_u64() && cited["start"].is_u64();
    must(placed && cited["text"].is_string(), || format!("odd citation {cited}"))?;
    for source in cited["sources"].as_array().into_iter().flatten() {
        one_of(&source["type"], &["document", "tool"])?;
    }
    Ok(())
}

fn usage(usage: &Value) -> Result<(), String> {
    for key in ["billed_units", "tokens"] {
        let units = &usage[key];
        let told = units["input_tokens"].is_number() && units["output_tokens"].is_number();
        must(told, || format!("odd usage {usage}"))?;
    }
    Ok(())
}

/// Checks a stream's order and shape.
pub fn stream(frames: &[Frame], arguments: Arguments) -> Result<(), String> {
    let mut walk = Walk::default();
    for (name, data) in frames {
        if data == "[DONE]" {
            must(walk.over && name.is_none(), || "it ends before its end".into())?;
            continue;
        }
        must(!walk.over, || format!("an event after the last: {data}"))?;
        let json: Value = serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?;
        must(json["type"].as_str() == name.as_deref(), || format!("{name:?} is not the type of {json}"))?;
        walk.event(name.as_deref().unwrap_or_default(), &json, arguments)?;
    }
    must(walk.over, || "it has no end".into())
}

#[derive(Default)]
struct Walk {
    begun: bool,
    over: bool,
    /// The open part, with its type.
    part: Option<(u64, String)>,
    /// The open call, with the arguments so far.
    call: Option<(u64, String)>,
    parts: u64,
    calls: u64,
}

impl Walk {
    fn event(&mut self, name: &str, json: &Value, arguments: Arguments) -> Result<(), String> {
        let index = json["index"].as_u64().unwrap_or(u64::MAX);
        let message = &json["delta"]["message"];
        let content = &message["content"];
        match name {
            "message-start" => {
                must(!self.begun && json["id"].is_string(), || format!("odd start {json}"))?;
                self.begun = true;
                return must(message["role"] == "assistant", || format!("odd message {message}"));
            }
            "message-end" => {
                self.over = true;
                let reason = &json["delta"]["finish_reason"];
                one_of(reason, &FINISHES)?;
                if reason == "ERROR" {
                    return must(json["delta"]["error"].is_string(), || format!("odd error {json}"));
                }
                must(self.begun && self.part.is_none() && self.call.is_none(), || "open at the end".into())?;
                return if json["delta"]["usage"].is_null() {
                    Ok(())
                } else {
                    usage(&json["delta"]["usage"])
                };
            }
            _ => must(self.begun, || format!("{name} before the start"))?,
        }
        match name {
            "content-start" => {
                let free = self.part.is_none() && self.call.is_none() && index == self.parts;
                must(free && content.is_object(), || format!("odd {json}"))?;
                self.parts += 1;
                self.part = Some((index, content["type"].as_str().unwrap_or_default().to_owned()));
            }
            "content-delta" => {
                let chances = json["logprobs"].is_object();
                let fits = self
                    .part
                    .as_ref()
                    .is_some_and(|(open, kind)| *open == index && content[kind.as_str()].is_string());
                must(fits || chances, || format!("odd {json}"))?;
            }
            "content-end" => {
                must(self.part.take().is_some_and(|(open, _)| open == index), || format!("odd {json}"))?;
            }
            "tool-plan-delta" => must(message["tool_plan"].is_string(), || format!("odd {json}"))?,
            "tool-call-start" => {
                let free = self.part.is_none() && self.call.is_none() && index == self.calls;
                must(free, || format!("odd {json}"))?;
                call(&message["tool_calls"])?;
                self.calls += 1;
                self.call = Some((index, String::new()));
            }
            "tool-call-delta" => {
                let more = message["tool_calls"]["function"]["arguments"].as_str();
                match (&mut self.call, more) {
                    (Some((open, so_far)), Some(more)) if *open == index => so_far.push_str(more),
                    _ => return Err(format!("odd {json}")),
                }
            }
            "tool-call-end" => {
                let Some((open, text)) = self.call.take() else { return Err(format!("odd {json}")) };
                let whole = arguments == Arguments::Garbled || serde_json::from_str::<Value>(&text).is_ok();
                must(open == index && whole, || format!("arguments {text:?} of {json}"))?;
            }
            "citation-start" => citation(&message["citations"])?,
            "citation-end" => {}
            other => return Err(format!("no event is called {other}")),
        }
        Ok(())
    }
}
