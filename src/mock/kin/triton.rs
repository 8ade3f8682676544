//! NVIDIA's Triton: its `generate` extension
//! (<https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_generate.html>,
//! seen 2026-11).

use serde_json::{Map, Value, json};

use crate::mock::World;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::play::{Act, Body, Fault, Pace, Say};

pub(super) fn is_own(path: &str) -> bool {
    path.contains("/v2/models/") && (path.ends_with("/generate") || path.ends_with("/generate_stream"))
}

pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Act {
    let named = path.split_once("/v2/models/").map_or("", |(_, rest)| rest);
    let model = named.split('/').next().unwrap_or_default();
    let answered =
        super::object(request).and_then(|body| generate(&body, model, path.ends_with("_stream"), world));
    answered.unwrap_or_else(|refusal| {
        Act::Say(Box::new(Say {
            status: refusal.status,
            kind: "application/json",
            headers: String::new(),
            body: Body::Whole(json!({"error": refusal.message}).to_string().into_bytes()),
            pace: Pace::default(),
            fault: Fault::default(),
        }))
    })
}

fn generate(body: &Map<String, Value>, model: &str, stream: bool, world: &World) -> Result<Act, Refusal> {
    let inputs = ["text_input", "exclude_input_in_output", "parameters", "id"];
    if let Some(key) = body.keys().find(|key| !inputs.contains(&key.as_str())) {
        return Err(Refusal::bad(format!("unexpected inference input '{key}' for model '{model}'")));
    }
    let Some(text) = body.get("text_input").and_then(Value::as_str) else {
        return Err(Refusal::bad(format!("expected 1 inputs but got 0 inputs for model '{model}'")));
    };
    let parameters = body.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some((key, _)) = parameters.iter().find(|(_, value)| value.is_array() || value.is_object()) {
        return Err(Refusal::bad(format!("parameter '{key}' has invalid type")));
    }
    let mut asked = parameters;
    asked.insert("model".to_owned(), model.into());
    asked.insert("stream".to_owned(), stream.into());
    asked.insert("messages".to_owned(), json!([{"role": "user", "content": text}]));
    let say = |value: &mut Value| {
        let choice = &value["choices"][0];
        let said = choice["message"]["content"].as_str().or_else(|| choice["delta"]["content"].as_str());
        *value = json!({"model_name": model, "model_version": "1", "text_output": said.unwrap_or_default()});
    };
    let frame =
        |value: Option<&Value>, _| value.map_or_else(String::new, |value| format!("data: {value}\n\n"));
    super::chat(asked, world, say, frame)
}
