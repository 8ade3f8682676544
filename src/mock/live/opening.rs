//! Secrets for browsers, and calls over WebRTC, which nobody answers: what is said of them is all there is.

use serde_json::{Value, json};

use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::flat::form;
use crate::mock::http::Request;
use crate::mock::play::{Act, Body, Say};
use crate::mock::say::script::Script;
use crate::mock::unix_now;

/// Answers what is posted about sessions; `None` where the path is of none.
pub(in crate::mock) fn answer(
    request: &Request<'_>,
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Option<Result<Act, Refusal>> {
    let place = path.rsplit_once("/realtime").map(|(_, place)| place.trim_matches('/'))?;
    let parts: Vec<&str> = place.split('/').collect();
    Some(match parts.as_slice() {
        ["client_secrets"] | ["translations", "client_secrets"] => secret(request, spoken, world),
        ["sessions" | "transcription_sessions"] => session(request, spoken, world),
        ["calls" | ""] => call(request, spoken, world),
        ["calls", id, "accept" | "reject" | "hangup" | "refer"] if id.starts_with("rtc_") => {
            Ok(spoken.say(world, &Script::default(), "application/json", Body::Whole(Vec::new()), 0))
        }
        _ => return None,
    })
}

fn read(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|error| Refusal::not_json(Dialect::OpenAi, &error))
}

/// Only what it knows by this name can be had.
fn known(model: &str) -> Result<(), Refusal> {
    if model.contains("realtime") || model.contains("transcribe") || model == "whisper-1" {
        return Ok(());
    }
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    Err(Refusal::bad(message).with_status(404).coded("model_not_found"))
}

fn secret(request: &Request<'_>, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    let body = read(request.body)?;
    let mut session = body["session"].clone();
    if session.is_null() {
        session = json!({"type": "realtime"});
    }
    if !matches!(session["type"].as_str(), Some("realtime" | "transcription")) {
        let message = "Missing required parameter: 'session.type'.";
        return Err(Refusal::bad(message).at("session.type").coded("missing_required_parameter"));
    }
    if session["type"] == "realtime" {
        if session["model"].is_null() {
            session["model"] = "gpt-realtime".into();
        }
        known(session["model"].as_str().unwrap_or_default())?;
    }
    session["object"] = "realtime.session".into();
    session["id"] = world.id("sess_", 21).into();
    let answer = json!({"value": world.id("ek_", 32), "expires_at": unix_now() + 600, "session": session});
    Ok(spoken.json(world, answer.to_string()))
}

fn session(request: &Request<'_>, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    let mut session = read(request.body)?;
    let model = session["model"].as_str().or_else(|| session["input_audio_transcription"]["model"].as_str());
    known(model.unwrap_or_default())?;
    session["id"] = world.id("sess_", 21).into();
    session["object"] = "realtime.session".into();
    session["client_secret"] = json!({"value": world.id("ek_", 32), "expires_at": unix_now() + 60});
    Ok(spoken.json(world, session.to_string()))
}

fn call(request: &Request<'_>, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    let kind = request.header("content-type").unwrap_or_default();
    let (offer, model) = if kind.starts_with("multipart/form-data") {
        let (fields, _) = form::read(request)?;
        let session = read(fields["session"].as_str().unwrap_or("{}").as_bytes())?;
        let model = session["model"].as_str().unwrap_or("gpt-realtime").to_owned();
        (fields["sdp"].as_str().unwrap_or_default().to_owned(), model)
    } else if kind.starts_with("application/sdp") {
        let model = request.param("model").unwrap_or("gpt-realtime").to_owned();
        (String::from_utf8_lossy(request.body).into_owned(), model)
    } else {
        return Err(Refusal::bad("Unsupported content type."));
    };
    if !offer.starts_with("v=0") {
        return Err(Refusal::bad("Invalid SDP offer.").at("sdp").coded("invalid_offer"));
    }
    known(&model)?;
    let answer = format!("v=0\r\ns=answered by {model}\r\n");
    let said = spoken.say(world, &Script::default(), "application/sdp", Body::Whole(answer.into_bytes()), 0);
    let Act::Say(said) = said else { return Ok(said) };
    let id = world.id("rtc_", 24);
    let headers = format!("{}location: /v1/realtime/calls/{id}\r\n", said.headers);
    Ok(Act::Say(Box::new(Say { status: 201, headers, ..*said })))
}
