//! What clients of OpenAI's Responses take for granted: the members that SDKs have in their types, and
//! the order of a stream's events, in which every item and part is opened, told and closed.

use serde_json::Value;

use crate::vendor::{Arguments, Frame, must};

/// Checks a whole answer.
pub fn reply(json: &Value) -> Result<(), String> {
    response(json)?;
    let status = json["status"].as_str().unwrap_or_default();
    must(matches!(status, "completed" | "incomplete"), || format!("status {status}"))?;
    must((status == "incomplete") == json["incomplete_details"]["reason"].is_string(), || {
        "the details do not fit the status".into()
    })?;
    ids(json)?;
    json["output"].as_array().into_iter().flatten().try_for_each(|one| item(one, Arguments::Whole))?;
    usage(&json["usage"])
}

fn response(json: &Value) -> Result<(), String> {
    must(json["object"] == "response", || "object is not response".into())?;
    must(json["id"].as_str().is_some_and(|id| id.starts_with("resp")), || format!("id {}", json["id"]))?;
    must(json["created_at"].is_u64() && json["model"].is_string(), || {
        "created_at or model is missing".into()
    })?;
    must(json["output"].is_array() && json["tools"].is_array(), || "output or tools is no list".into())?;
    must(json["parallel_tool_calls"].is_boolean(), || "parallel_tool_calls is missing".into())?;
    let present = |key: &&str| json.get(*key).is_none();
    let missing = [
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "tool_choice",
        "temperature",
        "top_p",
        "text",
        "reasoning",
        "truncation",
        "usage",
        "user",
        "previous_response_id",
    ]
    .into_iter()
    .find(|key| present(key));
    must(missing.is_none(), || format!("{} is missing", missing.unwrap_or_default()))
}

fn ids(json: &Value) -> Result<(), String> {
    let mut ids: Vec<&str> =
        json["output"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    must(ids.len() == all, || format!("an id twice in {ids:?}"))
}

fn usage(usage: &Value) -> Result<(), String> {
    let count = |path: &[&str]| path.iter().fold(usage, |value, key| &value[*key]).as_u64();
    let (input, output, total) =
        (count(&["input_tokens"]), count(&["output_tokens"]), count(&["total_tokens"]));
    must(usage.is_null() || (input.is_some() && total == input.zip(output).map(|(a, b)| a + b)), || {
        format!("the sum is wrong in {usage}")
    })?;
    let within = |part: Option<u64>, whole: Option<u64>| usage.is_null() || (part.is_some() && part <= whole);
    must(within(count(&["input_tokens_details", "cached_tokens"]), input), || {
        format!("odd details in {usage}")
    })?;
    must(within(count(&["output_tokens_details", "reasoning_tokens"]), output), || {
        format!("odd details in {usage}")
    })
}

/// Checks an item that is complete.
fn item(item: &Value, arguments: Arguments) -> Result<(), String> {
    let wrong = || format!("odd item {item}");
    let prefixed = |prefix: &str| item["id"].as_str().is_some_and(|id| id.starts_with(prefix));
    match item["type"].as_str().ok_or_else(wrong)? {
        "message" => {
            must(prefixed("msg_") && item["role"] == "assistant" && item["status"].is_string(), wrong)?;
            for part in item["content"].as_array().ok_or_else(wrong)? {
                complete(part)?;
            }
            Ok(())
        }
        "reasoning" => {
            must(prefixed("rs_") && item["summary"].is_array(), wrong)?;
            let parts = item["summary"].as_array().into_iter().flatten();
            must(parts.clone().all(|part| part["type"] == "summary_text" && part["text"].is_string()), wrong)
        }
        "function_call" => {
            must(prefixed("fc_") && item["call_id"].as_str().is_some_and(|id| !id.is_empty()), wrong)?;
            must(item["call_id"] != item["id"] && item["name"].is_string(), wrong)?;
            let text = item["arguments"].as_str().ok_or_else(wrong)?;
            let whole = serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
            must(whole || arguments == Arguments::Garbled, wrong)
        }
        "custom_tool_call" => {
            must(prefixed("ctc_") && item["input"].is_string() && item["call_id"].is_string(), wrong)
        }
        "image_generation_call" => must(item["id"].is_string() && item["result"].is_string(), wrong),
        _ => Ok(()),
    }
}

fn complete(part: &Value) -> Result<(), String> {
    let wrong = || format!("odd part {part}");
    match part["type"].as_str().ok_or_else(wrong)? {
        "output_text" => {
            must(
                part["text"].is_string() && part["annotations"].is_array() && part["logprobs"].is_array(),
                wrong,
            )?;
            for cited in part["annotations"].as_array().into_iter().flatten() {
                let whole = cited["start_index"].is_u64()
                    && cited["end_index"].is_u64()
                    && cited["url"].is_string()
                    && cited["title"].is_string();
                must(whole || cited["type"] != "url_citation", || format!("odd source {cited}"))?;
            }
            Ok(())
        }
        "refusal" => must(part["refusal"].is_string(), wrong),
        _ => Ok(()),
    }
}

/// What is known of an item of a stream that is not complete yet.
#[derive(Default)]
struct Open {
    item: Value,
    /// The part that is open: its number, and what it said.
    part: Option<(u64, String)>,
    parts: Vec<Value>,
    /// What a call said.
    said: String,
    text_done: bool,
}

/// Checks the order and shape of a stream's events.
pub fn stream(frames: &[Frame], arguments: Arguments) -> Result<(), String> {
    let mut items: Vec<Option<Open>> = Vec::new();
    let mut done: Vec<Value> = Vec::new();
    let mut failed = false;
    let mut ended = false;
    for (number, (name, data)) in frames.iter().enumerate() {
        let json: Value = serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?;
        let kind = json["type"].as_str().ok_or("an event without type")?;
        let wrong = || format!("event {number}: {data}");
        must(name.as_deref() == Some(kind), wrong)?;
        must(json["sequence_number"] == number, wrong)?;
        must(!ended, wrong)?;
        match kind {
            "response.created" => must(number == 0 && json["response"]["status"] == "in_progress", wrong)?,
            "response.in_progress" => must(number == 1, wrong)?,
            _ => must(number > 1, wrong)?,
        }
        if let Some(inner) = json.get("response") {
            response(inner)?;
        }
        if failed {
            must(kind == "response.failed", wrong)?;
        }
        match kind {
            "response.created" | "response.in_progress" => {}
            "error" => {
                must(json["message"].is_string() && json["code"].is_string(), wrong)?;
                must(json["error"]["message"] == json["message"], wrong)?;
                failed = true;
            }
            "response.failed" => {
                must(
                    json["response"]["status"] == "failed" && json["response"]["error"]["code"].is_string(),
                    wrong,
                )?;
                ended = true;
            }
            "response.completed" | "response.incomplete" => {
                must(items.iter().all(Option::is_none), || format!("an item is open at {data}"))?;
                let inner = &json["response"];
                must(inner["output"].as_array() == Some(&done), || format!("other items than told: {data}"))?;
                must(
                    Some(inner["status"].as_str().unwrap_or_default()) == kind.strip_prefix("response."),
                    wrong,
                )?;
                ids(inner)?;
                usage(&inner["usage"])?;
                ended = true;
            }
            "response.output_item.added" => {
                must(json["output_index"] == items.len(), wrong)?;
                items.push(Some(Open { item: json["item"].clone(), ..Open::default() }));
                done.push(Value::Null);
            }
            "response.output_item.done" => {
                let place = json["output_index"].as_u64().ok_or_else(wrong)? as usize;
                let open = items.get_mut(place).and_then(Option::take).ok_or_else(wrong)?;
                must(open.part.is_none(), || format!("a part is open at {data}"))?;
                must(
                    open.item["id"] == json["item"]["id"] && open.item["type"] == json["item"]["type"],
                    wrong,
                )?;
                item(&json["item"], arguments)?;
                match json["item"]["type"].as_str() {
                    Some("message") => {
                        must(json["item"]["content"].as_array() == Some(&open.parts), wrong)?;
                    }
                    Some("function_call") => must(json["item"]["arguments"] == open.said.as_str(), wrong)?,
                    Some("custom_tool_call") => must(json["item"]["input"] == open.said.as_str(), wrong)?,
                    _ => {}
                }
                done[place] = json["item"].clone();
            }
            _ => {
                let place = json["output_index"].as_u64().ok_or_else(wrong)? as usize;
                let open = items.get_mut(place).and_then(Option::as_mut).ok_or_else(wrong)?;
                must(open.item["id"] == json["item_id"], wrong)?;
                inside(kind, &json, open).map_err(|flaw| format!("{flaw}: {data}"))?;
            }
        }
    }
    must(ended, || "the stream has no end".into())
}

/// Checks an event of a part of an item.
fn inside(kind: &str, json: &Value, open: &mut Open) -> Result<(), String> {
    let index = json["content_index"].as_u64().or(json["summary_index"].as_u64());
    let same = |open: &Open| open.part.as_ref().map(|(number, _)| *number) == index && index.is_some();
    let text = |key: &str| json[key].as_str().ok_or_else(|| format!("{key} is no text"));
    match kind {
        "response.content_part.added" | "response.reasoning_summary_part.added" => {
            must(open.part.is_none() && index == Some(open.parts.len() as u64), || {
                "a part out of turn".into()
            })?;
            open.part = Some((index.unwrap_or_default(), String::new()));
            open.text_done = false;
            Ok(())
        }
        "response.output_text.delta" | "response.refusal.delta" | "response.reasoning_summary_text.delta" => {
            must(same(open), || "words outside of a part".into())?;
            let delta = text("delta")?;
            open.part.iter_mut().for_each(|(_, said)| said.push_str(delta));
            must(kind != "response.output_text.delta" || json["logprobs"].is_array(), || "no logprobs".into())
        }
        "response.output_text.annotation.added" => {
            must(same(open) && json["annotation"].is_object() && json["annotation_index"].is_u64(), || {
                "a source out of turn".into()
            })
        }
        "response.output_text.done" | "response.refusal.done" | "response.reasoning_summary_text.done" => {
            let key = if kind == "response.refusal.done" { "refusal" } else { "text" };
            let whole = text(key)?;
            open.text_done = true;
            must(same(open) && open.part.as_ref().is_some_and(|(_, said)| said == whole), || {
                "another text than told".into()
            })
        }
        "response.content_part.done" | "response.reasoning_summary_part.done" => {
            must(same(open) && open.text_done, || "a part ends out of turn".into())?;
            open.part = None;
            open.parts.push(json["part"].clone());
            if kind == "response.content_part.done" { complete(&json["part"]) } else { Ok(()) }
        }
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            open.said.push_str(text("delta")?);
            Ok(())
        }
        "response.function_call_arguments.done" => {
            must(text("arguments")? == open.said, || "other arguments".into())
        }
        "response.custom_tool_call_input.done" => {
            must(text("input")? == open.said, || "another input".into())
        }
        "response.image_generation_call.in_progress" | "response.image_generation_call.completed" => Ok(()),
        _ => Err(format!("nobody knows {kind}")),
    }
}
