//! An answer on its way to the client is taken along, to be kept.

use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;

use crate::dialect::openai_responses::kept;
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::targets::Keeps;
use crate::proxy::exchange::Call;
use crate::proxy::keeping::seed_of;
use crate::proxy::relay::Relay;
use crate::proxy::shared::Shared;
use crate::store::{Answered, Elsewhere, Owner, Store};
use crate::wire::lens;

/// An answer that is to be kept.
#[derive(Debug)]
pub struct Saving {
    store: Arc<Store>,
    owner: Owner,
    what: What,
    /// The id under which it is kept, where it is made in the background.
    background: Option<String>,
    /// When it was asked for, in milliseconds since 1970.
    made: u64,
    /// The pieces of a whole answer.
    pieces: Vec<Bytes>,
    share: Share,
    /// The bytes that may be held at one time.
    most: usize,
    over: bool,
}

/// What is kept of an answer.
#[derive(Debug)]
pub enum What {
    /// All of it, and its request.
    All {
        /// The request's body.
        asked: Bytes,
        /// The response that it follows.
        previous: Option<String>,
        /// The conversation that it belongs to.
        conversation: Option<String>,
    },
    /// Only who has it.
    Place(Elsewhere),
}

/// An answer that begins, if it is to be kept: by the gateway where its provider does not, or where it
/// goes on from what only the gateway knows.
#[must_use]
pub fn begin(
    shared: &Shared,
    call: &mut Call,
    owner: Owner,
    made: u64,
    most: usize,
    background: Option<String>,
) -> Option<Box<Saving>> {
    let store = Arc::clone(shared.shelf.store()?);
    let Call { attempt, ask, relay, .. } = call;
    let what = match attempt.known.keeps {
        Keeps::Alone | Keeps::AmongOthers if !attempt.recalled => match attempt.known.keeps {
            Keeps::AmongOthers => What::Place(Elsewhere {
                provider: attempt.known.provider.to_string(),
                credential: attempt.key,
            }),
            Keeps::Alone | Keeps::Nothing => return None,
        },
        Keeps::Alone | Keeps::AmongOthers | Keeps::Nothing => {
            let recall = ask.recall.as_deref();
            What::All {
                asked: recall.and_then(|recall| recall.asked.clone()).unwrap_or_else(|| ask.body.clone()),
                previous: recall.and_then(|recall| recall.previous.clone()),
                conversation: recall.and_then(|recall| recall.conversation.clone()),
            }
        }
    };
    if let Relay::Stream(passing) = relay {
        passing.want_last();
    }
    let share = shared.held.share();
    let pieces = Vec::new();
    Some(Box::new(Saving { store, owner, what, background, made, pieces, share, most, over: false }))
}

/// An answer that is told once more: the one that it repeats may be kept elsewhere, this one is not.
#[must_use]
pub fn repeat(shared: &Shared, call: &Call, owner: Owner, made: u64, most: usize) -> Option<Box<Saving>> {
    let store = Arc::clone(shared.shelf.store()?);
    let what = What::All { asked: call.ask.body.clone(), previous: None, conversation: None };
    let (share, pieces) = (shared.held.share(), Vec::new());
    Some(Box::new(Saving { store, owner, what, background: None, made, pieces, share, most, over: false }))
}

impl Saving {
    /// Takes along a piece of what an answer that is not gathered says to the client.
    pub fn hear(&mut self, relay: &mut Relay, body: Option<&Bytes>, end: bool) {
        if self.over {
            return;
        }
        match relay {
            Relay::Pass(_) => {
                if let Some(piece) = body {
                    if !self.share.grow(piece.len(), self.most) {
                        return self.give_up("there is no room to hold it");
                    }
                    self.pieces.push(piece.clone());
                }
                if end {
                    let whole = match self.pieces.as_slice() {
                        [one] => one.clone(),
                        pieces => pieces.concat().into(),
                    };
                    self.keep(whole);
                }
            }
            Relay::Stream(passing) => {
                if let Some(last) = passing.take_last() {
                    self.event(&last);
                }
            }
            Relay::Transcode(_) if relay.is_ended() => {
                if let Some(body) = body {
                    self.last_event(body);
                }
            }
            Relay::Transcode(_)
            | Relay::Waiting
            | Relay::Hear(_)
            | Relay::Tunnel(_)
            | Relay::Whole(_)
            | Relay::Error(_) => {}
        }
    }

    /// Takes along a gathered answer, whole or as the stream that it is told as.
    pub fn gathered(&mut self, said: &Bytes, streamed: bool) {
        if streamed { self.last_event(said) } else { self.keep(said.clone()) }
    }

    /// Takes along the last event of a stream, which holds the whole response, from the end of what
    /// the client is told.
    pub fn last_event(&mut self, told: &[u8]) {
        const DATA: &[u8] = b"\ndata: {\"type\":\"response.";
        let Some(at) = memmem::rfind(told, DATA) else { return };
        let data = told.get(at + b"\ndata: ".len()..).unwrap_or_default();
        let end = memchr::memchr(b'\n', data).unwrap_or(data.len());
        self.event(data.get(..end).unwrap_or_default());
    }

    /// Takes along the response that an event holds, if it is one of those that end a stream.
    fn event(&mut self, data: &[u8]) {
        let ends = ["response.completed", "response.incomplete", "response.failed"];
        let is_last = lens::find(data, "type").is_some_and(|name| ends.contains(&name.trim_matches('"')));
        if is_last && let Some(response) = lens::find(data, "response") {
            self.keep(Bytes::copy_from_slice(response.as_bytes()));
        }
    }

    /// Whether the answer is kept as far as it came, should the request end now.
    #[must_use]
    pub const fn keeps_a_part(&self, relay: &Relay) -> bool {
        // What is made in the background is settled there.
        !self.over && self.background.is_none() && matches!(relay, Relay::Transcode(_))
    }

    /// The request ends with the answer in the middle: what there is of it is kept, as far as the end that
    /// would be told has it, and that it was given up.
    pub fn abandon(&mut self, told: &[u8]) {
        let Some(at) = memmem::rfind(told, b"\"response\":{") else { return };
        let start = at + b"\"response\":".len();
        let end = memchr::memrchr(b'}', told).unwrap_or(0);
        if let Some(response) = told.get(start..end) {
            self.keep(kept::with_status(response, "cancelled").into());
        }
    }

    fn keep(&mut self, said: Bytes) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let said = match &self.background {
            Some(id) => kept::in_background(&said, id).into(),
            None => said,
        };
        let Some(id) = lens::find(&said, "id").map(|id| id.trim_matches('"').to_owned()) else { return };
        let (made, store) = (self.made, Arc::clone(&self.store));
        let left = match &mut self.what {
            What::Place(elsewhere) => store.remember(self.owner.clone(), id, made, elsewhere.clone()),
            What::All { asked, previous, conversation } => {
                let asked = std::mem::take(asked);
                if !self.share.grow(asked.len() + said.len(), self.most) {
                    return self.give_up("there is no room to hold it");
                }
                let answered = Answered {
                    owner: self.owner.clone(),
                    seed: seed_of(&id).to_owned(),
                    id,
                    made,
                    asked,
                    said,
                    previous: previous.take(),
                    conversation: conversation.take(),
                };
                match self.background {
                    Some(_) => store.finish(answered, self.share.take()),
                    None => store.keep(answered, self.share.take()),
                }
            }
        };
        if let Err(why) = left {
            self.give_up(&why.to_string());
        }
    }

    fn give_up(&mut self, why: &str) {
        self.over = true;
        self.pieces.clear();
        log::warn!("a response is not kept: {why}");
    }
}
