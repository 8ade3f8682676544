//! Realtime sessions: what the provider says goes through frame by frame, while somebody listens.

use std::time::Instant;

use bytes::Bytes;

use crate::account::Metered;
use crate::dialect::Live;
use crate::dialect::live::Listener;
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::refusal::Kind;

/// A session that goes through.
#[derive(Debug)]
pub struct Overhearing {
    dialect: Dialect,
    /// Its form, where that is known.
    live: Option<Live>,
    /// The request's id, for what we say ourselves.
    id: String,
    listener: Listener,
    span: Option<(Instant, Instant)>,
    /// What broke it off: the provider's silence at the end.
    fault: Option<Fault>,
}

impl Overhearing {
    /// A session that was just opened.
    #[must_use]
    pub fn new(dialect: Dialect, live: Option<Live>, id: &str) -> Self {
        let (id, listener) = (id.to_owned(), Listener::default());
        Self { dialect, live, id, listener, span: None, fault: None }
    }

    /// Listens to a piece of what the provider says.
    pub fn listen(&mut self, chunk: Option<&Bytes>, now: Instant) {
        if let Some(chunk) = chunk.filter(|chunk| !chunk.is_empty()) {
            self.span = Some((self.span.map_or(now, |(first, _)| first), now));
            self.listener.push(chunk);
        }
    }

    /// Turns a piece into what the client gets of it: at an end without a goodbye, ours.
    pub fn speak(&mut self, body: &mut Option<Bytes>, end: bool) {
        if !end || self.listener.heard().closed.is_some() {
            return;
        }
        let fault = Fault::new(Kind::BadGateway, "the provider broke off the session");
        if let Some(frames) = self.break_off(fault.clone()) {
            let mut out = body.take().map(|chunk| chunk.to_vec()).unwrap_or_default();
            out.extend_from_slice(&frames);
            *body = Some(out.into());
        }
        self.fault = Some(fault);
    }

    /// What the client is told of a break, where there is room for it and the provider has not said
    /// goodbye by itself.
    #[must_use]
    pub fn break_off(&self, fault: Fault) -> Option<Vec<u8>> {
        let between = self.listener.is_between_frames();
        if !between || self.listener.heard().closed.is_some() || self.fault.is_some() {
            return None;
        }
        // Whoever speaks a form that we do not know gets the goodbye alone.
        let (live, whole) = match self.live {
            Some(live) => (live, self.listener.is_between_messages()),
            None => (Live::Openai, false),
        };
        Some(live.farewell(&fault.into_refusal(), &self.id, whole))
    }

    /// What broke it off, as far as its end told.
    #[must_use]
    pub const fn broken(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// The model that speaks, or where none does the one that writes down.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        let heard = self.listener.heard();
        heard.model.clone().or_else(|| heard.transcriber.clone())
    }

    /// What the session used.
    #[must_use]
    pub fn into_metered(self) -> Metered {
        let heard = self.listener.heard();
        Metered {
            dialect: Some(self.dialect),
            usage: heard.usage,
            is_final: true,
            asides: heard.transcripts.clone(),
            span: self.span,
            model: heard.model.clone(),
            ..Metered::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::websocket::{self, Piece, Reader};

    fn ended(live: Option<Live>, frames: &[u8]) -> (Vec<String>, bool) {
        let mut session = Overhearing::new(Dialect::OpenaiChat, live, "1");
        session.listen(Some(&Bytes::copy_from_slice(frames)), crate::clock::now());
        let mut body = None;
        session.speak(&mut body, true);
        let mut said = Vec::new();
        Reader::new()
            .push(&body.unwrap_or_default(), |piece| match piece {
                Piece::Begin(kind) => said.push(format!("{kind:?}")),
                Piece::Control(_, payload) => said.push(websocket::closing(payload).0.to_string()),
                Piece::Data(_) | Piece::End => {}
            })
            .unwrap();
        (said, session.broken().is_some())
    }

    #[test]
    fn an_end_without_a_goodbye_is_told_where_there_is_room() {
        let some = Some(Live::Openai);
        assert_eq!(ended(some, b"\x81\x02{}"), (vec!["Text".to_owned(), "1011".to_owned()], true));
        assert_eq!(ended(some, b"\x01\x02{}"), (vec!["1011".to_owned()], true));
        assert_eq!(ended(Some(Live::Gemini), b""), (vec!["1011".to_owned()], true));
        assert_eq!(ended(None, b""), (vec!["1011".to_owned()], true));
        assert_eq!(ended(some, b"\x81\x09{}"), (vec![], true));
        assert_eq!(ended(some, b"\x88\x02\x03\xe8"), (vec![], false));
    }
}
