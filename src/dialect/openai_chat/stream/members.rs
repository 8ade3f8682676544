//! Members of choices and chunks that the codec does not know: when they are told, and where they
//! are said.

use crate::dialect::openai_chat::reply::{CHOICE, MESSAGE};
use crate::dialect::openai_chat::types::OWN;
use crate::dialect::openai_chat::{extras, reasoning};
use crate::ir::{Event, Extras, Losses};
use crate::wire::json::{self, Json};
use crate::wire::sse;

/// The unknown members of one streamed choice, as its chunks told them.
#[derive(Debug, Default)]
pub(super) struct Members {
    known: Extras,
    /// Whether an event is owed.
    untold: bool,
}

impl Members {
    /// Keeps what a choice of a chunk holds of them.
    pub(super) fn take(&mut self, choice: &Json<'_>) {
        let message = choice.field("delta").or_else(|| choice.field("message"));
        let read = |key: &str| MESSAGE.contains(&key) || reasoning::MEMBERS.contains(&key);
        for (key, value) in message.map(Json::entries).unwrap_or_default() {
            if !value.is_null() && !read(key) {
                self.keep(&format!("message.{key}"), value);
            }
        }
        for (key, value) in choice.entries() {
            if !value.is_null() && !CHOICE.contains(&&**key) {
                self.keep(key, value);
            }
        }
    }

    /// Keeps the latest value of a member; an empty one says nothing beside another.
    fn keep(&mut self, name: &str, value: &Json<'_>) {
        let known = self.known.json(OWN, name);
        if known.is_some_and(|known| known == value.raw() || value.raw() == "{}") {
            return;
        }
        let mut later = Extras::NONE;
        later.push(OWN, name, &extras::compact(value));
        self.known.put(later);
        self.untold = true;
    }

    /// Tells them, if any is new.
    pub(super) fn tell(&mut self, candidate: u32, events: &mut Vec<Event>) {
        if std::mem::take(&mut self.untold) {
            events.push(Event::Extras { candidate: Some(candidate), extras: self.known.clone() });
        }
    }
}

/// Members that wait for the chunk they belong in: a candidate's for its last one, the reply's for
/// the next one that ends something.
#[derive(Debug, Default)]
pub(super) struct Late(Vec<(Option<u32>, Extras)>);

impl Late {
    /// Members that wait from now on.
    pub(super) fn push(&mut self, candidate: Option<u32>, extras: &Extras) {
        self.0.push((candidate, extras.clone()));
    }

    /// The members that waited for this place.
    pub(super) fn take(&mut self, place: Option<u32>) -> Extras {
        let mut found = Extras::NONE;
        self.0.retain_mut(|(waiting, extras)| {
            if *waiting != place {
                return true;
            }
            found.put(std::mem::take(extras));
            false
        });
        found
    }

    /// Writes the reply's members after those that a chunk has.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        for extra in self.take(None).of(OWN) {
            out.push(b',');
            json::write_string(out, &extra.name);
            out.push(b':');
            let start = out.len();
            out.extend_from_slice(extra.json.as_bytes());
            sse::in_one_line(out.get_mut(start..).unwrap_or_default());
        }
    }

    /// Notes what came too late for any chunk.
    pub(super) fn note_lost(&self, losses: &mut Losses) {
        for extra in self.0.iter().flat_map(|(_, extras)| extras.of(OWN)) {
            losses.dropped(extra.name.clone(), "its place in the stream is past");
        }
    }
}
