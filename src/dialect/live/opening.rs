//! What is posted so that a session can be had elsewhere: by a browser that gets a secret of its own, or
//! over WebRTC. All of it is OpenAI's (<https://platform.openai.com/docs/api-reference/realtime>, seen
//! 2026-11).

use crate::wire::json::{self, Error, Json};
use crate::wire::lens::{Edit, Lens};

/// The form's part that describes the session.
pub const SESSION: &str = "session";

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opening {
    /// A secret for a session, which the body describes.
    Secret(&'static str),
    /// An offer of WebRTC's: alone, or in a form beside what describes the session.
    Call(&'static str),
}

/// Where a description may name its model, the likeliest first: the one that speaks, or where none does
/// the one that writes down.
const MODELS: [&[&str]; 5] = [
    &["session", "model"],
    &["model"],
    &["session", "audio", "input", "transcription", "model"],
    &["audio", "input", "transcription", "model"],
    &["input_audio_transcription", "model"],
];

impl Opening {
    /// What is posted at this place, which is given without a slash before it.
    #[must_use]
    pub fn at(place: &str) -> Option<Self> {
        Some(match place {
            "realtime/client_secrets" => Self::Secret("realtime/client_secrets"),
            "realtime/translations/client_secrets" => Self::Secret("realtime/translations/client_secrets"),
            "realtime/sessions" => Self::Secret("realtime/sessions"),
            "realtime/transcription_sessions" => Self::Secret("realtime/transcription_sessions"),
            "realtime/calls" => Self::Call("realtime/calls"),
            "realtime/translations/calls" => Self::Call("realtime/translations/calls"),
            // Where calls were made at first.
            "realtime" => Self::Call("realtime"),
            _ => return None,
        })
    }

    /// Where it lies below a base, without a slash before it.
    #[must_use]
    pub const fn place(self) -> &'static str {
        match self {
            Self::Secret(place) | Self::Call(place) => place,
        }
    }

    /// The name in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret(_) => "realtime_secret",
            Self::Call(_) => "realtime_call",
        }
    }
}

/// The model that a description names, and where.
///
/// # Errors
/// When it is no JSON object.
pub fn model(description: &[u8]) -> Result<Option<(String, &'static [&'static str])>, Error> {
    let root = json::parse(description)?;
    let named = |path: &'static [&'static str]| {
        let name = root.at(path).and_then(Json::as_str).filter(|name| !name.is_empty())?;
        Some((name.to_owned(), path))
    };
    Ok(MODELS.into_iter().find_map(named))
}

/// The description with another model's name in that place.
///
/// # Errors
/// When it has a key twice on the way there.
pub fn renamed(description: &[u8], path: &[&'static str], model: &str) -> Result<Vec<u8>, Error> {
    let lens = Lens::new(description)?;
    let Some((key, rest)) = path.split_first() else { return Ok(description.to_vec()) };
    let value = match (rest, lens.raw(key)) {
        ([], _) => json::string(model),
        (rest, Some(inner)) => {
            let inner = renamed(inner.as_bytes(), rest, model)?;
            String::from_utf8_lossy(&inner).into_owned()
        }
        (_, None) => return Ok(description.to_vec()),
    };
    Ok(lens.apply(&[Edit::Set { key: (*key).into(), value }]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_where_it_stands_and_replaced_there() {
        for (body, name, expected) in [
            (
                r#"{"session":{"type":"realtime","model":"a"}}"#,
                "a",
                r#"{"session":{"type":"realtime","model":"b"}}"#,
            ),
            (r#"{"model":"a","voice":"x"}"#, "a", r#"{"model":"b","voice":"x"}"#),
            (
                r#"{"session":{"type":"transcription","audio":{"input":{"transcription":{"model":"w"}}}}}"#,
                "w",
                r#"{"session":{"type":"transcription","audio":{"input":{"transcription":{"model":"b"}}}}}"#,
            ),
            (
                r#"{"input_audio_transcription":{"model":"w","x":1}}"#,
                "w",
                r#"{"input_audio_transcription":{"model":"b","x":1}}"#,
            ),
        ] {
            let (model, path) = model(body.as_bytes()).unwrap().unwrap();
            assert_eq!(model, name);
            let said = renamed(body.as_bytes(), path, "b").unwrap();
            assert_eq!(String::from_utf8(said).unwrap(), expected);
        }
        assert_eq!(model(br#"{"expires_after":{"seconds":300}}"#), Ok(None));
        assert!(model(b"v=0").is_err());
    }

    #[test]
    fn each_place_says_what_it_is() {
        for place in ["realtime/client_secrets", "realtime/calls", "realtime"] {
            assert_eq!(Opening::at(place).map(Opening::place), Some(place));
        }
        assert_eq!(Opening::at("realtime/calls/rtc_1/accept"), None);
    }
}
