//! `POST /v1/images/generations`: one pixel, as often as asked, whole or in partial pictures.

use serde_json::{Value, json};

use super::{only, text};
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::play::{Act, Body, Frames};
use crate::mock::say::script::Script;
use crate::mock::say::tokens_of;
use crate::mock::unix_now;

/// A PNG of one pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const KNOWN: [&str; 16] = [
    "prompt",
    "background",
    "model",
    "moderation",
    "n",
    "output_compression",
    "output_format",
    "partial_images",
    "quality",
    "response_format",
    "size",
    "stream",
    "style",
    "user",
    "input_fidelity",
    "image",
];

/// What a low, medium or high picture of 1024 × 1024 takes.
const LOW: u64 = 272;

/// An edit or a variation, whose fields came as a form's texts.
pub(super) fn edit(
    mut fields: Value,
    files: &[(String, usize)],
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Result<Act, Refusal> {
    if !files.iter().any(|(name, _)| name == "image" || name == "image[]") {
        return Err(Refusal::bad("Missing required parameter: 'image'.").at("image"));
    }
    if let Some(fields) = fields.as_object_mut() {
        for (name, value) in fields.iter_mut() {
            let number = value.as_str().and_then(|text| text.parse::<u64>().ok());
            match (name.as_str(), number) {
                ("n" | "partial_images", Some(number)) => *value = number.into(),
                ("stream", _) => *value = (*value == "true").into(),
                _ => {}
            }
        }
        if path.ends_with("/variations") {
            fields.insert("prompt".to_owned(), "the same again".into());
        }
    }
    answer(&fields, "image_edit", spoken, world)
}

pub(super) fn answer(body: &Value, event: &str, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    only(body, &KNOWN)?;
    let prompt = text(body, "prompt")?;
    let model = body["model"].as_str().unwrap_or("dall-e-2");
    let script = Script::read(model, prompt);
    if let Some(act) = spoken.mishap(world, model, &script) {
        return Ok(act);
    }
    let count = match &body["n"] {
        Value::Null => 1,
        n => {
            n.as_u64().filter(|n| (1..=10).contains(n)).ok_or_else(|| Refusal::bad("Invalid 'n'.").at("n"))?
        }
    };
    let dall_e = model.starts_with("dall-e");
    if !dall_e && !body["response_format"].is_null() {
        return Err(Refusal::bad("Unknown parameter: 'response_format'.")
            .at("response_format")
            .coded("unknown_parameter"));
    }
    let streamed = body["stream"].as_bool().unwrap_or(false);
    if dall_e {
        if streamed {
            return Err(Refusal::bad("stream is not supported by this model").at("stream"));
        }
        let picture = match body["response_format"].as_str() {
            Some("b64_json") => json!({"b64_json": PIXEL}),
            _ => json!({"url": "https://example.com/pixel.png", "revised_prompt": prompt}),
        };
        let data = vec![picture; usize::try_from(count).unwrap_or(1)];
        return Ok(spoken.json(world, json!({"created": unix_now(), "data": data}).to_string()));
    }
    let words = tokens_of(prompt.len()) as u64;
    let usage = json!({
        "input_tokens": words,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": words},
        "output_tokens": LOW * count,
        "total_tokens": words + LOW * count,
    });
    if streamed {
        return Ok(stream(body, event, &usage, &script, spoken, world));
    }
    let data = vec![json!({"b64_json": PIXEL}); usize::try_from(count).unwrap_or(1)];
    let whole = json!({
        "created": unix_now(), "background": "opaque", "data": data, "output_format": "png",
        "quality": "low", "size": "1024x1024", "usage": usage,
    });
    Ok(spoken.json(world, whole.to_string()))
}

fn stream(body: &Value, kind: &str, usage: &Value, script: &Script, spoken: Dialect, world: &World) -> Act {
    let mut frames = Frames::default();
    let mut event = |name: &str, mut value: Value| {
        let name = format!("{kind}.{name}");
        value["type"] = name.clone().into();
        frames.push(&format!("event: {name}\ndata: {value}\n\n"));
    };
    let picture = |more: Value| {
        let mut value = json!({
            "b64_json": PIXEL, "created_at": unix_now(), "size": "1024x1024", "quality": "low",
            "background": "opaque", "output_format": "png",
        });
        if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
            value.extend(more);
        }
        value
    };
    for index in 0..body["partial_images"].as_u64().unwrap_or(0).min(3) {
        event("partial_image", picture(json!({"partial_image_index": index})));
    }
    event("completed", picture(json!({"usage": usage})));
    spoken.say(world, script, "text/event-stream; charset=utf-8", Body::Stream(frames), 1)
}
