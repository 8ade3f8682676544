//! A response as the events of its stream.

use serde_json::{Value, json};

use crate::mock::play::Frames;
use crate::mock::say::prose::Pieces;
use crate::mock::say::{Answer, Block};

/// The events of a response, its words in the pieces of the answer.
pub(super) fn frames(response: &Value, answer: &Answer) -> Frames {
    let mut events = Events::default();
    let mut begun = response.clone();
    begun["status"] = "in_progress".into();
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    begun["incomplete_details"] = Value::Null;
    events.tell("response.created", json!({"response": begun}), 0);
    events.tell("response.in_progress", json!({"response": begun}), 0);
    let mut blocks = answer.blocks.iter();
    for (place, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        let pieces = if item["type"] == "reasoning" {
            answer.reasoning.as_ref()
        } else {
            blocks.next().map(|block| match block {
                Block::Text(pieces) => pieces,
                Block::Call(call) => &call.arguments,
            })
        };
        events.item(place, item, pieces);
    }
    let name = format!("response.{}", response["status"].as_str().unwrap_or("completed"));
    events.tell(&name, json!({"response": response}), 0);
    events.frames
}

/// The events that break a stream off.
pub(super) fn failure(response: &Value) -> Vec<u8> {
    const SAID: &str = "The server had an error while processing your request. Sorry about that!";
    let mut failed = response.clone();
    failed["status"] = "failed".into();
    failed["output"] = json!([]);
    failed["usage"] = Value::Null;
    failed["error"] = json!({"code": "server_error", "message": SAID});
    let mut events = Events::default();
    let error = json!({"type": "server_error", "code": "server_error", "message": SAID, "param": null});
    events.tell("error", json!({"error": error}), 0);
    events.tell("response.failed", json!({"response": failed}), 0);
    events.frames.bytes
}

#[derive(Default)]
struct Events {
    frames: Frames,
    number: u64,
}

impl Events {
    fn tell(&mut self, name: &str, mut members: Value, tokens: usize) {
        members["type"] = name.into();
        members["sequence_number"] = self.number.into();
        self.number += 1;
        self.frames.bytes.extend_from_slice(format!("event: {name}\ndata: {members}\n\n").as_bytes());
        self.frames.mark(tokens);
    }

    fn item(&mut self, place: usize, item: &Value, pieces: Option<&Pieces>) {
        let mut begun = item.clone();
        for (key, value) in [
            ("status", "in_progress".into()),
            ("content", json!([])),
            ("summary", json!([])),
            ("arguments", "".into()),
            ("input", "".into()),
        ] {
            if begun.get(key).is_some() {
                begun[key] = value;
            }
        }
        self.tell("response.output_item.added", json!({"output_index": place, "item": begun}), 0);
        let id = &item["id"];
        let at = json!({"item_id": id, "output_index": place});
        match item["type"].as_str() {
            Some("message") => {
                self.part(&with(&at, json!({"content_index": 0})), &item["content"][0], pieces)
            }
            Some("reasoning") => {
                self.thought(&with(&at, json!({"summary_index": 0})), &item["summary"][0], pieces)
            }
            Some("custom_tool_call") => {
                let input = &item["input"];
                for word in input.as_str().unwrap_or_default().split_inclusive(' ') {
                    self.tell("response.custom_tool_call_input.delta", with(&at, json!({"delta": word})), 1);
                }
                self.tell("response.custom_tool_call_input.done", with(&at, json!({"input": input})), 0);
            }
            _ => {
                for token in pieces.into_iter().flat_map(Pieces::iter) {
                    let delta = with(&at, json!({"delta": token, "obfuscation": "x"}));
                    self.tell("response.function_call_arguments.delta", delta, 1);
                }
                let whole = json!({"arguments": item["arguments"], "name": item["name"]});
                self.tell("response.function_call_arguments.done", with(&at, whole), 0);
            }
        }
        self.tell("response.output_item.done", json!({"output_index": place, "item": item}), 0);
    }

    fn part(&mut self, at: &Value, part: &Value, pieces: Option<&Pieces>) {
        if part["type"] == "refusal" {
            let opened = with(at, json!({"part": {"type": "refusal", "refusal": ""}}));
            self.tell("response.content_part.added", opened, 0);
            for word in part["refusal"].as_str().unwrap_or_default().split_inclusive(' ') {
                self.tell("response.refusal.delta", with(at, json!({"delta": word})), 1);
            }
            self.tell("response.refusal.done", with(at, json!({"refusal": part["refusal"]})), 0);
        } else {
            let empty = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": ""});
            self.tell("response.content_part.added", with(at, json!({"part": empty})), 0);
            let mut logprobs = part["logprobs"].clone();
            for (text, tokens) in pieces.into_iter().flat_map(Pieces::strides) {
                let told = std::mem::replace(&mut logprobs, json!([]));
                let delta = with(at, json!({"delta": text, "logprobs": told, "obfuscation": "xyz"}));
                self.tell("response.output_text.delta", delta, tokens);
            }
            for (index, annotation) in part["annotations"].as_array().into_iter().flatten().enumerate() {
                let added = with(at, json!({"annotation_index": index, "annotation": annotation}));
                self.tell("response.output_text.annotation.added", added, 0);
            }
            let whole = json!({"text": part["text"], "logprobs": part["logprobs"]});
            self.tell("response.output_text.done", with(at, whole), 0);
        }
        self.tell("response.content_part.done", with(at, json!({"part": part})), 0);
    }

    fn thought(&mut self, at: &Value, part: &Value, pieces: Option<&Pieces>) {
        if part.is_null() {
            // A thought that is not shown takes its time all the same.
            self.frames.mark(pieces.map_or(0, Pieces::len));
            return;
        }
        let empty = json!({"type": "summary_text", "text": ""});
        self.tell("response.reasoning_summary_part.added", with(at, json!({"part": empty})), 0);
        for (text, tokens) in pieces.into_iter().flat_map(Pieces::strides) {
            self.tell("response.reasoning_summary_text.delta", with(at, json!({"delta": text})), tokens);
        }
        self.tell("response.reasoning_summary_text.done", with(at, json!({"text": part["text"]})), 0);
        self.tell("response.reasoning_summary_part.done", with(at, json!({"part": part})), 0);
    }
}

fn with(at: &Value, members: Value) -> Value {
    let mut whole = at.clone();
    if let (Some(whole), Value::Object(members)) = (whole.as_object_mut(), members) {
        whole.extend(members);
    }
    whole
}
