//! The messages of a stream that is written: their parts, with the sources and probabilities of each.

use crate::dialect::openai_responses::citations;
use crate::dialect::openai_responses::reply::write_message;
use crate::ir::{Citation, Losses};
use crate::wire::json::{self, Json, Object};

use super::render::Renderer;
use super::slots::{Kind, Message, Slot};
use super::tell::{At, Part};

impl Renderer {
    pub(super) fn open_part(&mut self, kind: Kind, out: &mut Vec<u8>) {
        if self.messages.last().is_none_or(|message| message.open) {
            let (output, item) = self.place("msg");
            self.added(output, out, |object| write_message(object, &item, "in_progress", |_| {}));
            self.messages.push(Message {
                output,
                item,
                parts: Vec::new(),
                open: false,
                annotations: Vec::new(),
                logprobs: Vec::new(),
            });
        }
        let Some(message) = self.messages.last_mut() else { return };
        let (output, item, part) = (message.output, message.item.clone(), message.parts.len());
        message.open = true;
        let at = At { item: &item, output, part: Part::Content(part) };
        self.teller.tell("response.content_part.added", out, |event| {
            at.write(event);
            event.object("part", |object| write_part(object, &kind, "", &[], b""));
        });
        self.slots.push(Slot { kind, output, item, part, ..Slot::said() });
    }

    pub(super) fn citation(
        &mut self,
        block: usize,
        citation: &Citation,
        out: &mut Vec<u8>,
        losses: &mut Losses,
    ) {
        let Some(slot) = self.slots.get(block) else { return };
        let mut messages = self.messages.iter_mut();
        let Some(message) = messages.find(|message| message.output == slot.output) else { return };
        let mut said = Vec::new();
        if !citations::write(citation, &mut said, losses) {
            return;
        }
        let at = At { item: &slot.item, output: slot.output, part: Part::Content(slot.part) };
        self.teller.tell("response.output_text.annotation.added", out, |event| {
            at.write(event);
            event.number("annotation_index", message.annotations.len());
            event.embed("annotation", |out| out.extend_from_slice(&said));
        });
        message.annotations.push(said);
    }

    pub(super) fn probable(&mut self, json: &str, losses: &mut Losses) {
        let Some(message) = self.messages.iter_mut().find(|message| message.open) else {
            losses.dropped("logprobs", "the text they belong to is told already");
            return;
        };
        let object = json::parse(json.as_bytes()).ok();
        let list = object.as_ref().and_then(|object| object.field("content")).map(Json::elements);
        for one in list.unwrap_or_default() {
            if !message.logprobs.is_empty() {
                message.logprobs.push(b',');
            }
            message.logprobs.extend_from_slice(one.raw().as_bytes());
        }
    }

    pub(super) fn stop_part(&mut self, slot: Slot, out: &mut Vec<u8>) {
        let mut messages = self.messages.iter_mut();
        let Some(message) = messages.find(|message| message.output == slot.output) else { return };
        let annotations = std::mem::take(&mut message.annotations);
        let logprobs = std::mem::take(&mut message.logprobs);
        let mut part = Vec::new();
        json::object(&mut part, |object| write_part(object, &slot.kind, &slot.said, &annotations, &logprobs));
        let at = At { item: &slot.item, output: slot.output, part: Part::Content(slot.part) };
        let (name, key) = match slot.kind {
            Kind::Refusal => ("response.refusal.done", "refusal"),
            _ => ("response.output_text.done", "text"),
        };
        self.teller.tell(name, out, |event| {
            at.write(event);
            event.string(key, &slot.said);
            if key == "text" {
                event.embed("logprobs", |out| write_list(&logprobs, out));
            }
        });
        self.teller.tell("response.content_part.done", out, |event| {
            at.write(event);
            event.embed("part", |out| out.extend_from_slice(&part));
        });
        message.parts.push(part);
        message.open = false;
        if slot.seal.is_some() {
            self.close_messages("completed", out);
            self.seal = slot.seal;
        }
    }

    /// Ends the messages of which no part goes on.
    pub(super) fn close_messages(&mut self, status: &str, out: &mut Vec<u8>) {
        while let Some(place) = self.messages.iter().position(|message| !message.open) {
            let message = self.messages.remove(place);
            self.done(message.output, out, |object| {
                write_message(object, &message.item, status, |parts| {
                    for part in &message.parts {
                        parts.embed(|out| out.extend_from_slice(part));
                    }
                });
            });
        }
    }
}

/// Writes the members of a part of a message.
fn write_part(part: &mut Object<'_>, kind: &Kind, said: &str, annotations: &[Vec<u8>], logprobs: &[u8]) {
    if *kind == Kind::Refusal {
        part.string("type", "refusal");
        part.string("refusal", said);
        return;
    }
    part.string("type", "output_text");
    part.array("annotations", |list| {
        for annotation in annotations {
            list.embed(|out| out.extend_from_slice(annotation));
        }
    });
    part.embed("logprobs", |out| write_list(logprobs, out));
    part.string("text", said);
}

fn write_list(elements: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    out.extend_from_slice(elements);
    out.push(b']');
}
