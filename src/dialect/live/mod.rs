//! Realtime sessions: messages of JSON over a connection that stays, in two forms.
//!
//! They are not translated. What is understood of them is what they used, which model speaks, and
//! what ended them, found by a listener that holds next to nothing of what it hears.

mod listener;
pub mod opening;
mod setup;
mod usage;

use crate::ir::Dialect;
use crate::refusal::{Kind, Refusal};
use crate::wire::json::{self, Object};
use crate::wire::websocket;

pub use listener::{Heard, Listener};
pub use opening::Opening;
pub use setup::{Named, Setup};

/// The forms of realtime sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Live {
    /// OpenAI's, which Azure and xAI share; the address names the model
    /// (<https://platform.openai.com/docs/guides/realtime>, seen 2026-11).
    Openai,
    /// Gemini's Live API; the first message names the model
    /// (<https://ai.google.dev/api/live>, seen 2026-11).
    Gemini,
}

/// How the addresses of Gemini's form begin and end; a version stands between.
const GEMINI: (&str, &str) = ("ws/google.ai.generativelanguage.", ".GenerativeService.BidiGenerateContent");

impl Live {
    /// The form that lies at this place, which is given without a slash before it.
    #[must_use]
    pub fn at(place: &str) -> Option<Self> {
        let version =
            |rest: &str| rest.strip_suffix(GEMINI.1).is_some_and(|version| version.starts_with('v'));
        match place {
            // Translations are sessions too, at an address of their own.
            "realtime" | "realtime/translations" => Some(Self::Openai),
            place if place.strip_prefix(GEMINI.0).is_some_and(version) => Some(Self::Gemini),
            _ => None,
        }
    }

    /// The dialect in which the handshake is refused.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Openai => Dialect::OpenaiChat,
            Self::Gemini => Dialect::GeminiGenerate,
        }
    }

    /// What a client is told when its session is broken off: the frames that may be put between two
    /// messages, and at least the last of them between two frames.
    #[must_use]
    pub fn farewell(self, refusal: &Refusal, id: &str, between_messages: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if self == Self::Openai && between_messages {
            websocket::write(&mut out, websocket::Kind::Text, &error(refusal, id), None);
        }
        websocket::close(&mut out, code(refusal), &refusal.message, None);
        out
    }
}

/// OpenAI's event for what went wrong.
fn error(refusal: &Refusal, id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let ours = matches!(
        refusal.kind,
        Kind::Unavailable | Kind::Overloaded | Kind::BadGateway | Kind::Timeout | Kind::Internal
    );
    json::object(&mut out, |event: &mut Object<'_>| {
        event.string("type", "error");
        event.string("event_id", &format!("event_{id}"));
        event.object("error", |error| {
            error.string("type", if ours { "server_error" } else { "invalid_request_error" });
            match &refusal.code {
                Some(code) => error.string("code", code),
                None => error.null("code"),
            }
            error.string("message", &refusal.message);
            error.null("param");
            error.null("event_id");
        });
    });
    out
}

/// Why, as WebSocket numbers it: 1001 for an end that had to come, 1008 for what is not allowed.
const fn code(refusal: &Refusal) -> u16 {
    match refusal.status {
        503 | 504 => 1001,
        400..=499 => 1008,
        _ => 1011,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        for (place, live) in [
            ("realtime", Some(Live::Openai)),
            ("realtime/translations", Some(Live::Openai)),
            ("realtime/calls", None),
            (
                "ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
                Some(Live::Gemini),
            ),
            (
                "ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent",
                Some(Live::Gemini),
            ),
            ("ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic", None),
        ] {
            assert_eq!(Live::at(place), live, "{place}");
        }
    }

    #[test]
    fn a_farewell_says_why_where_it_may() {
        let refusal = Refusal::new(Kind::Unavailable, "the gateway is shutting down");
        let said = |live: Live, between| {
            let mut said = Vec::new();
            websocket::Reader::new()
                .push(&live.farewell(&refusal, "1", between), |piece| match piece {
                    websocket::Piece::Data(data) => said.push(String::from_utf8(data.to_vec()).unwrap()),
                    websocket::Piece::Control(_, payload) => {
                        said.push(format!("{:?}", websocket::closing(payload)));
                    }
                    websocket::Piece::Begin(_) | websocket::Piece::End => {}
                })
                .unwrap();
            said
        };
        let close = r#"(1001, "the gateway is shutting down")"#;
        assert_eq!(said(Live::Gemini, true), [close]);
        assert_eq!(said(Live::Openai, false), [close]);
        let openai = said(Live::Openai, true);
        assert!(
            openai[0].starts_with(r#"{"type":"error","event_id":"event_1","error":{"type":"server_error""#)
        );
        assert_eq!(openai[1], close);
    }
}
