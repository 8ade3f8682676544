//! What clients of text completions take for granted in an answer, whole and streamed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::vendor::{Frame, chat_usage, must, one_of};

const ENDS: &[&str] = &["stop", "length", "content_filter"];

/// Checks a whole answer.
pub fn reply(json: &Value) -> Result<(), String> {
    head(json)?;
    for (index, choice) in json["choices"].as_array().ok_or("no choices")?.iter().enumerate() {
        must(choice["index"] == index, || "choices are not numbered in order".into())?;
        one_of(&choice["finish_reason"], ENDS)?;
        text_and_chances(choice)?;
    }
    chat_usage(&json["usage"])
}

fn head(json: &Value) -> Result<(), String> {
    must(json["object"] == "text_completion", || format!("not a text completion: {json}"))?;
    must(json["id"].is_string() && json["model"].is_string(), || format!("no id or model in {json}"))?;
    must(json["created"].is_u64(), || "created is missing".into())
}

fn text_and_chances(choice: &Value) -> Result<(), String> {
    must(choice["text"].is_string(), || format!("no text in {choice}"))?;
    let chances = choice.get("logprobs").ok_or("logprobs are missing")?;
    if chances.is_null() {
        return Ok(());
    }
    let long = |key: &str| chances[key].as_array().map(Vec::len);
    let lengths = ["tokens", "token_logprobs", "top_logprobs", "text_offset"].map(long);
    must(lengths[0].is_some() && lengths.iter().all(|length| *length == lengths[0]), || {
        format!("lists of different lengths in {chances}")
    })
}

/// Checks the order and shape of a stream's chunks.
pub fn stream(frames: &[Frame]) -> Result<(), String> {
    let mut finished: BTreeMap<u64, bool> = BTreeMap::new();
    let (mut counted, mut failed, mut done) = (false, false, false);
    for (name, data) in frames {
        must(name.is_none() && !done && !failed, || format!("{name:?} after the end: {data}"))?;
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let json: Value = serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?;
        if let Some(error) = json.get("error") {
            must(error["message"].is_string() && error["type"].is_string(), || format!("odd {data}"))?;
            failed = true;
            continue;
        }
        must(!counted, || format!("a chunk after usage: {data}"))?;
        head(&json)?;
        let here = json["choices"].as_array().ok_or("no choices")?;
        counted = here.is_empty();
        must(!counted || json["usage"].is_object(), || format!("an empty chunk: {data}"))?;
        chat_usage(&json["usage"])?;
        for choice in here {
            let index = choice["index"].as_u64().ok_or("a choice without index")?;
            let over = finished.entry(index).or_default();
            must(!*over, || format!("a choice goes on after its end: {data}"))?;
            text_and_chances(choice)?;
            if choice["finish_reason"].is_string() {
                one_of(&choice["finish_reason"], ENDS)?;
                *over = true;
            }
        }
    }
    must(failed || done, || "it ends without [DONE]".into())?;
    must(failed || finished.values().all(|over| *over), || "a choice without end".into())
}
