//! `POST /v1/audio/speech`: sound that is the text's own bytes, as bytes or as events.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{only, text};
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::play::{Act, Body, Frames};
use crate::mock::say::script::Script;
use crate::mock::say::tokens_of;

/// The longest text that is spoken, in characters.
const LONGEST: usize = 4096;

pub(super) fn answer(body: &Value, spoken: Dialect, world: &World) -> Result<Act, Refusal> {
    only(body, &["model", "input", "voice", "instructions", "response_format", "speed", "stream_format"])?;
    let (model, input) = (text(body, "model")?, text(body, "input")?);
    let custom = body["voice"]["id"].is_string();
    if !custom {
        text(body, "voice")?;
    }
    if input.chars().count() > LONGEST {
        return Err(Refusal::bad("Input exceeds the maximum length of 4096 characters.").at("input"));
    }
    let kind = match body["response_format"].as_str() {
        None | Some("mp3") => "audio/mpeg",
        Some("wav") => "audio/wav",
        Some("opus") => "audio/ogg",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("pcm") => "audio/pcm",
        Some(_) => return Err(Refusal::bad("Invalid 'response_format'.").at("response_format")),
    };
    let script = Script::read(model, input);
    if let Some(act) = spoken.mishap(world, model, &script) {
        return Ok(act);
    }
    let events = match body["stream_format"].as_str() {
        Some("sse") if model.starts_with("tts-1") => {
            return Err(Refusal::bad("'sse' is not supported by this model").at("stream_format"));
        }
        Some("sse") => true,
        _ => false,
    };
    let mut frames = Frames::default();
    for piece in input.as_bytes().chunks(64) {
        if events {
            let event = json!({"type": "speech.audio.delta", "audio": STANDARD.encode(piece)});
            frames.push(&format!("data: {event}\n\n"));
        } else {
            frames.bytes.extend_from_slice(piece);
            frames.mark(1);
        }
    }
    if !events {
        return Ok(spoken.say(world, &script, kind, Body::Stream(frames), 1));
    }
    let (words, sound) = (tokens_of(input.len()), 7 * tokens_of(input.len()));
    let usage = json!({"input_tokens": words, "output_tokens": sound, "total_tokens": words + sound});
    frames.push(&format!("data: {}\n\n", json!({"type": "speech.audio.done", "usage": usage})));
    Ok(spoken.say(world, &script, "text/event-stream; charset=utf-8", Body::Stream(frames), 1))
}
