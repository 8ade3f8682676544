//! `POST /v1/audio/transcriptions` and `/translations`: what was heard is how long it was.

use serde_json::{Value, json};

use super::{only, text};
use crate::mock::World;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::play::{Act, Body, Frames};
use crate::mock::say::script::Script;
use crate::mock::say::tokens_of;

const KNOWN: [&str; 12] = [
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "timestamp_granularities[]",
    "stream",
    "chunking_strategy",
    "include[]",
    "known_speaker_names[]",
    "known_speaker_references[]",
    "user",
];

pub(super) fn answer(
    fields: &Value,
    files: &[(String, usize)],
    spoken: Dialect,
    world: &World,
) -> Result<Act, Refusal> {
    only(fields, &KNOWN)?;
    let model = text(fields, "model")?;
    let [(name, size)] = files else { return Err(Refusal::bad("you must provide one file").at("file")) };
    if name != "file" {
        return Err(Refusal::bad("Missing required parameter: 'file'.").at("file"));
    }
    let script = Script::read(model, fields["prompt"].as_str().unwrap_or_default());
    if let Some(act) = spoken.mishap(world, model, &script) {
        return Ok(act);
    }
    let heard = format!("Heard {size} bytes.");
    let whisper = model.starts_with("whisper");
    let seconds = size / 16_000 + 1;
    let tokens = tokens_of(*size);
    let usage = if whisper {
        json!({"type": "duration", "seconds": seconds})
    } else {
        json!({
            "type": "tokens", "input_tokens": tokens,
            "input_token_details": {"text_tokens": 0, "audio_tokens": tokens},
            "output_tokens": 5, "total_tokens": tokens + 5,
        })
    };
    if fields["stream"] == "true" && !whisper {
        let mut frames = Frames::default();
        for word in heard.split_inclusive(' ') {
            let event = json!({"type": "transcript.text.delta", "delta": word});
            frames.push(&format!("data: {event}\n\n"));
        }
        let done = json!({"type": "transcript.text.done", "text": heard, "usage": usage});
        frames.push(&format!("data: {done}\n\n"));
        let kind = "text/event-stream; charset=utf-8";
        return Ok(spoken.say(world, &script, kind, Body::Stream(frames), 1));
    }
    let body = match fields["response_format"].as_str() {
        Some("verbose_json") if whisper => {
            json!({"task": "transcribe", "language": "english", "duration": seconds, "text": heard, "segments": [], "usage": usage})
        }
        Some("text") => {
            let body = Body::Whole(format!("{heard}\n").into_bytes());
            return Ok(spoken.say(world, &script, "text/plain; charset=utf-8", body, 1));
        }
        None | Some("json") => json!({"text": heard, "usage": usage}),
        Some(_) => {
            return Err(Refusal::bad("response_format is not compatible with model").at("response_format"));
        }
    };
    Ok(spoken.json(world, body.to_string()))
}
