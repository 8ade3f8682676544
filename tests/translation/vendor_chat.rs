//! What clients of chat completions take for granted in a stream.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::vendor::{Arguments, Frame, chat_annotations, chat_usage, must};

#[derive(Default)]
struct Choice {
    finished: bool,
    calls: Vec<(bool, String)>,
}

/// Checks the order and shape of a stream's chunks.
pub fn stream(frames: &[Frame], arguments: Arguments) -> Result<(), String> {
    let mut choices: BTreeMap<u64, Choice> = BTreeMap::new();
    let mut head: Option<[Value; 3]> = None;
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
        must(json["object"] == "chat.completion.chunk", || format!("not a chunk: {data}"))?;
        let said = ["id", "created", "model"].map(|key| json[key].clone());
        must(*head.get_or_insert_with(|| said.clone()) == said, || {
            format!("another answer's chunk: {data}")
        })?;
        must(!counted, || format!("a chunk after usage: {data}"))?;
        let here = json["choices"].as_array().ok_or("no choices")?;
        if here.is_empty() {
            must(json["usage"].is_object(), || format!("an empty chunk: {data}"))?;
            must(choices.values().all(|choice| choice.finished), || "usage before the end".into())?;
            counted = true;
        }
        chat_usage(&json["usage"])?;
        for choice in here {
            step(choice, &mut choices).map_err(|flaw| format!("{flaw} in {data}"))?;
        }
    }
    must(failed || done, || "it ends without [DONE]".into())?;
    must(failed || choices.values().all(|choice| choice.finished), || "a choice without end".into())?;
    for (function, said) in choices.values().filter(|choice| choice.finished).flat_map(|choice| &choice.calls)
    {
        let json = serde_json::from_str::<Value>(said);
        must(!function || arguments == Arguments::Garbled || json.is_ok(), || format!("no JSON: {said}"))?;
    }
    Ok(())
}

fn step(json: &Value, choices: &mut BTreeMap<u64, Choice>) -> Result<(), String> {
    let index = json["index"].as_u64().ok_or("a choice without index")?;
    let delta = &json["delta"];
    let first = !choices.contains_key(&index);
    must(first == (delta["role"] == "assistant"), || "the role stands in the first chunk alone".into())?;
    let choice = choices.entry(index).or_default();
    must(!choice.finished, || "a choice goes on after its end".into())?;
    chat_annotations(&delta["annotations"])?;
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        let at = call["index"].as_u64().ok_or("a call without index")? as usize;
        must(at <= choice.calls.len(), || format!("call {at} comes too early"))?;
        let kind = call["type"].as_str();
        if at == choice.calls.len() {
            must(call["id"].as_str().is_some_and(|id| !id.is_empty()), || "a call without id".into())?;
            let kind = kind.ok_or("a call without type")?;
            must(call[kind]["name"].is_string(), || "a call without name".into())?;
            choice.calls.push((kind == "function", String::new()));
        } else {
            must(call.get("id").is_none() && kind.is_none(), || "an id said twice".into())?;
            must(call["function"].get("name").is_none(), || "a name said twice".into())?;
        }
        if let Some(arguments) = call["function"]["arguments"].as_str() {
            choice.calls[at].1.push_str(arguments);
        }
    }
    if let Some(reason) = json["finish_reason"].as_str() {
        must(["stop", "length", "tool_calls", "content_filter"].contains(&reason), || {
            format!("reason {reason}")
        })?;
        must(reason != "tool_calls" || !choice.calls.is_empty(), || {
            "it waits for tools it did not call".into()
        })?;
        choice.finished = true;
    }
    Ok(())
}
