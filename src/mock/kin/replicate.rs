//! Replicate: predictions of its official models, waited for
//! (<https://replicate.com/docs/reference/http#models.predictions.create>, seen 2026-11).

use serde_json::{Map, Value, json};

use crate::mock::World;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::play::{Act, Body, Fault, Pace, Say};

pub(super) fn is_own(path: &str) -> bool {
    path.contains("/models/") && path.ends_with("/predictions")
}

pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Act {
    if request.bearer().is_none() {
        return refuse(401, "Unauthenticated", "You did not pass an authentication token");
    }
    let named = path.split_once("/models/").map_or("", |(_, rest)| rest);
    let model = named.strip_suffix("/predictions").unwrap_or_default();
    let waits = request.header("prefer").is_some_and(|word| word.starts_with("wait"));
    let answered = super::object(request).and_then(|body| predict(&body, model, waits, world));
    answered.unwrap_or_else(|refusal| refuse(refusal.status, "Input validation failed", &refusal.message))
}

fn predict(body: &Map<String, Value>, model: &str, waits: bool, world: &World) -> Result<Act, Refusal> {
    if let Some(key) = body.keys().find(|key| !["input", "stream", "webhook"].contains(&key.as_str())) {
        return Err(Refusal::bad(format!("- {key} is not allowed")).with_status(422));
    }
    let input = body.get("input").and_then(Value::as_object).cloned().unwrap_or_default();
    let Some(prompt) = input.get("prompt").and_then(Value::as_str) else {
        return Err(Refusal::bad("- input: prompt is required").with_status(422));
    };
    let id = world.id("", 26).to_ascii_lowercase();
    let urls = json!({"get": format!("https://api.replicate.com/v1/predictions/{id}")});
    let shown = json!({"id": id, "model": model, "version": "hidden", "input": input, "logs": "", "error": null,
        "output": null, "status": "starting", "created_at": "2026-11-26T12:00:00.000Z", "urls": urls});
    let mut asked = Map::new();
    asked.insert("model".to_owned(), model.into());
    asked.insert("messages".to_owned(), json!([{"role": "user", "content": prompt}]));
    let say = |value: &mut Value| {
        let text = value["choices"][0]["message"]["content"].as_str().unwrap_or_default();
        let pieces: Vec<&str> = text.split_inclusive(' ').collect();
        let metrics = json!({"input_token_count": value["usage"]["prompt_tokens"],
            "output_token_count": value["usage"]["completion_tokens"], "predict_time": 0.1});
        let mut said = shown.clone();
        if waits {
            said["output"] = pieces.into();
            said["status"] = "succeeded".into();
            said["metrics"] = metrics;
        }
        *value = said;
    };
    let mut act = super::chat(asked, world, say, |_, _| String::new())?;
    if let Act::Say(said) = &mut act {
        said.status = if said.status == 200 { 201 } else { said.status };
    }
    Ok(act)
}

fn refuse(status: u16, title: &str, detail: &str) -> Act {
    let body = json!({"title": title, "detail": detail, "status": status});
    Act::Say(Box::new(Say {
        status,
        kind: "application/problem+json",
        headers: String::new(),
        body: Body::Whole(body.to_string().into_bytes()),
        pace: Pace::default(),
        fault: Fault::default(),
    }))
}
