//! What OpenAI serves besides chat and embeddings, as strict as it is there.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod cohere;
mod compaction;
pub(super) mod form;
mod images;
pub(super) mod kept;
mod moderations;
mod ranks;
mod speech;
mod transcripts;

use serde_json::Value;

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::Act;
use crate::wire::percent;

/// Answers a request to one of them; `None` where the path is of none.
pub(super) fn answer(
    request: &Request<'_>,
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Option<Result<Act, Refusal>> {
    let ends = |end: &str| path.ends_with(end);
    Some(if ends("/moderations") {
        read(request, path).and_then(|body| moderations::answer(&body, spoken, world))
    } else if ends("/responses/compact") {
        read(request, path).and_then(|body| compaction::answer(&body, spoken, world))
    } else if ends("/images/generations") {
        read(request, path).and_then(|body| images::answer(&body, "image_generation", spoken, world))
    } else if ends("/images/edits") || ends("/images/variations") {
        form::read(request).and_then(|(fields, files)| images::edit(fields, &files, path, spoken, world))
    } else if ends("/audio/transcriptions") || ends("/audio/translations") {
        form::read(request).and_then(|(fields, files)| transcripts::answer(&fields, &files, spoken, world))
    } else if ends("/rerank") {
        read(request, path).and_then(|body| ranks::answer(&body, path, spoken, world))
    } else if ends("/v1/embed") || ends("/v2/embed") {
        read(request, path).and_then(|body| cohere::answer(&body, path, spoken, world))
    } else if ends("/audio/speech") {
        read(request, path).and_then(|body| speech::answer(&body, spoken, world))
    } else {
        return None;
    })
}

/// A JSON body; a deployment's name in the path is the model.
fn read(request: &Request<'_>, path: &str) -> Result<Value, Refusal> {
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(Refusal::bad(
            "Unsupported content type. This API method only accepts 'application/json' requests",
        ));
    }
    let mut body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::OpenAi, &error))?;
    let deployment = path.split_once("/deployments/").and_then(|(_, rest)| rest.split('/').next());
    if let (Some(name), Some(body)) = (deployment, body.as_object_mut()) {
        body.insert("model".to_owned(), percent::decode_text(name).into());
    }
    Ok(body)
}

/// Refuses members that the API does not know.
fn only(body: &Value, known: &[&str]) -> Result<(), Refusal> {
    let unknown = body.as_object().into_iter().flatten().find(|(key, _)| !known.contains(&key.as_str()));
    unknown.map_or(Ok(()), |(key, _)| {
        Err(Refusal::bad(format!("Unknown parameter: '{key}'.")).at(key.as_str()).coded("unknown_parameter"))
    })
}

/// A member that must be a string which is not empty.
fn text<'b>(body: &'b Value, name: &'static str) -> Result<&'b str, Refusal> {
    let text = body[name].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        Refusal::bad(format!("Missing required parameter: '{name}'."))
            .at(name)
            .coded("missing_required_parameter")
    })
}
