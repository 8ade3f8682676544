//! Gemini's embeddings, one or many at once.

use serde_json::Value;

use super::check::known;
use super::read::field;
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::openai::embeddings::{numbers, vector};
use crate::mock::play::Act;
use crate::mock::say::script::Script;
use crate::mock::say::tokens_of;

const FIELDS: [&str; 5] = ["model", "content", "taskType", "title", "outputDimensionality"];

/// Answers `:embedContent`.
pub(super) fn one(body: &Value, model: &str, world: &World) -> Result<Act, Refusal> {
    let embedding = embedding(body, "")?;
    let script = Script::read(model, &text(body));
    if let Some(act) = Dialect::Gemini.mishap(world, model, &script) {
        return Ok(act);
    }
    let usage = usage(tokens_of(text(body).len()));
    Ok(Dialect::Gemini.json(world, format!(r#"{{"embedding":{embedding},{usage}}}"#)))
}

/// Answers `:batchEmbedContents`.
pub(super) fn batch(body: &Value, model: &str, world: &World) -> Result<Act, Refusal> {
    known(body, &["requests"], "")?;
    let requests = body["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
    if requests.is_empty() {
        return Err(Refusal::bad("* BatchEmbedContentsRequest.requests: requests is not specified\n"));
    }
    if requests.len() > 100 {
        let most = "at most 100 requests can be in one batch";
        return Err(Refusal::bad(format!("* BatchEmbedContentsRequest.requests: {most}\n")));
    }
    let first = requests.first().map(text).unwrap_or_default();
    if let Some(act) = Dialect::Gemini.mishap(world, model, &Script::read(model, &first)) {
        return Ok(act);
    }
    let mut embeddings = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        let at = format!("requests[{index}]");
        let named = request["model"].as_str().unwrap_or_default();
        if named != format!("models/{model}") {
            return Err(Refusal::bad(format!(
                "* BatchEmbedContentsRequest.{at}.model: model must match the batch's model, got \
                 '{named}'\n"
            )));
        }
        embeddings.push(embedding(request, &at)?);
    }
    let usage = usage(requests.iter().map(|request| tokens_of(text(request).len())).sum());
    let body = format!(r#"{{"embeddings":[{}],{usage}}}"#, embeddings.join(","));
    Ok(Dialect::Gemini.json(world, body))
}

/// Answers Vertex's `:predict`.
pub(super) fn predict(body: &Value, model: &str, world: &World) -> Result<Act, Refusal> {
    known(body, &["instances", "parameters"], "")?;
    let instances = body["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
    let most = if model.starts_with("gemini-embedding") { 1 } else { 250 };
    if instances.is_empty() || instances.len() > most {
        return Err(Refusal::bad(format!("{most} instance(s) is allowed per prediction.")));
    }
    let wanted = field(&body["parameters"], "outputDimensionality").as_u64().unwrap_or(768);
    let dimensions = usize::try_from(wanted).unwrap_or(768).clamp(1, 3072);
    let mut predictions = Vec::with_capacity(instances.len());
    for (index, instance) in instances.iter().enumerate() {
        known(instance, &["content", "task_type", "title"], &format!("instances[{index}]"))?;
        let text = instance["content"].as_str().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| Refusal::bad("The text content is empty."))?;
        if let Some(act) = Dialect::Gemini.mishap(world, model, &Script::read(model, text)) {
            return Ok(act);
        }
        let (count, values) = (tokens_of(text.len()), numbers(&vector(text, dimensions)));
        predictions.push(format!(
            r#"{{"embeddings":{{"statistics":{{"truncated":false,"token_count":{count}}},"values":{values}}}}}"#
        ));
    }
    let body = format!(
        r#"{{"predictions":[{}],"metadata":{{"billableCharacterCount":11}}}}"#,
        predictions.join(",")
    );
    Ok(Dialect::Gemini.json(world, body))
}

/// What the newest version of the service counts (ai.google.dev/api/embeddings, seen 2026-11).
fn usage(tokens: usize) -> String {
    format!(
        r#""usageMetadata":{{"promptTokenCount":{tokens},"promptTokensDetails":[{{"modality":"TEXT","tokenCount":{tokens}}}],"totalTokenCount":{tokens}}}"#
    )
}

fn text(request: &Value) -> String {
    let parts = request["content"]["parts"].as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn embedding(request: &Value, at: &str) -> Result<String, Refusal> {
    known(request, &FIELDS, at)?;
    let text = text(request);
    if text.is_empty() {
        return Err(Refusal::bad("* EmbedContentRequest.content: contains an empty Part.\n"));
    }
    let wanted = field(request, "outputDimensionality").as_u64().unwrap_or(3072);
    let dimensions = usize::try_from(wanted).unwrap_or(3072).clamp(1, 3072);
    Ok(format!(r#"{{"values":{}}}"#, numbers(&vector(&text, dimensions))))
}
