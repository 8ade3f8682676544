//! The events of a stream as bytes: each with its name, its type and the next number.

use crate::dialect::openai_error;
use crate::refusal::Refusal;
use crate::wire::json::{self, Object};
use crate::wire::sse;

/// Writes events one after another.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// The number of the next event.
    number: u64,
}

impl Teller {
    /// Writes one event with the members that the closure adds.
    pub(super) fn tell(&mut self, name: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let start = out.len();
        json::object(out, |event| {
            event.string("type", name);
            event.number("sequence_number", self.number);
            members(event);
        });
        sse::in_one_line(out.get_mut(start..).unwrap_or_default());
        out.extend_from_slice(b"\n\n");
        self.number += 1;
    }

    /// Writes the event that tells of a failure.
    pub(super) fn error(&mut self, refusal: &Refusal, out: &mut Vec<u8>) {
        write_error(refusal, self.number, out);
        self.number += 1;
    }

    /// Writes what nearly all events are, a piece of an item's text.
    pub(super) fn delta(&mut self, name: &str, at: At<'_>, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        json::object(out, |event| {
            event.string("type", name);
            event.number("sequence_number", self.number);
            at.write(event);
            event.string("delta", text);
            if matches!(at.part, Part::Content(_)) && name == "response.output_text.delta" {
                event.raw("logprobs", "[]");
            }
        });
        out.extend_from_slice(b"\n\n");
        self.number += 1;
    }
}

/// Writes the event that tells of a failure.
pub(in crate::dialect::openai_responses) fn write_error(refusal: &Refusal, number: u64, out: &mut Vec<u8>) {
    Teller { number }.tell("error", out, |event| {
        event.string("code", refusal.code.as_deref().unwrap_or(refusal.kind.label()));
        event.string("message", &refusal.message);
        match &refusal.param {
            Some(param) if !param.is_empty() => event.string("param", param),
            Some(_) | None => event.null("param"),
        }
        // The reference has the members above, the service these; SDKs look for either.
        event.object("error", |error| openai_error::write_members(error, refusal));
    });
}

/// Of what an event speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) item: &'a str,
    pub(super) output: usize,
    pub(super) part: Part,
}

/// Of which part of an item an event speaks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Of the item itself.
    Whole,
    /// Of this part of a message.
    Content(usize),
    /// Of the summary of a thought, which has one part.
    Summary,
}

impl At<'_> {
    /// Writes the members that say so.
    pub(super) fn write(self, event: &mut Object<'_>) {
        event.string("item_id", self.item);
        event.number("output_index", self.output);
        match self.part {
            Part::Whole => {}
            Part::Content(index) => event.number("content_index", index),
            Part::Summary => event.number("summary_index", 0_u8),
        }
    }
}
