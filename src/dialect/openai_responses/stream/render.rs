//! Events → a client's stream.

use crate::dialect::openai_responses::echo::Echo;
use crate::dialect::openai_responses::extras;
use crate::dialect::openai_responses::reasoning::{self, Sealed};
use crate::dialect::openai_responses::reply::{
    Place, call_id, note_hosted, note_last_seal, prefix_of, write_call, write_head, write_tail,
};
use crate::dialect::openai_responses::types::{finish_words, item_id, note_end};
use crate::dialect::{Seed, StreamRenderer};
use crate::ir::{Delta, Event, Extras, Finish, Losses, Opening, ServiceTier, Signature, ToolCall, Usage};
use crate::refusal::{self, Refusal};
use crate::wire::json::{self, Object};

use super::slots::{Kind, Message, Slot};
use super::tell::{At, Part, Teller};

/// An answer is told once more at its end, and is held for that up to this many bytes.
const LARGEST: usize = 64 << 20;

/// Writes one stream.
#[derive(Debug)]
pub(in crate::dialect::openai_responses) struct Renderer {
    pub(super) seed: Seed,
    pub(super) echo: Echo,
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) created: Option<u64>,
    pub(super) tier: Option<ServiceTier>,
    pub(super) own: Extras,
    pub(super) teller: Teller,
    pub(super) begun: bool,
    /// The items by their places, as JSON texts; one that is not complete is empty.
    pub(super) items: Vec<Vec<u8>>,
    /// The blocks by their numbers.
    pub(super) slots: Vec<Slot>,
    /// The messages that are not complete: more than one only where their parts overlap.
    pub(super) messages: Vec<Message>,
    /// A call that waits for a moment: its seal, if it has one, goes before it.
    pub(super) held: Option<(usize, ToolCall)>,
    /// The seal of a text, which is said only if something follows.
    pub(super) seal: Option<Signature>,
    /// How many bytes of the answer are held.
    held_bytes: usize,
    pub(super) usage: Option<Usage>,
    pub(super) finish: Option<Finish>,
    pub(super) over: bool,
}

impl Renderer {
    pub(in crate::dialect::openai_responses) fn new(seed: &Seed) -> Self {
        Self {
            echo: Echo::of(seed),
            seed: Seed { asked: <_>::default(), ..seed.clone() },
            id: None,
            model: None,
            created: None,
            tier: None,
            own: Extras::NONE,
            teller: Teller::default(),
            begun: false,
            items: Vec::new(),
            slots: Vec::new(),
            messages: Vec::new(),
            held: None,
            seal: None,
            held_bytes: 0,
            usage: None,
            finish: None,
            over: false,
        }
    }
}

impl StreamRenderer for Renderer {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>, losses: &mut Losses) {
        if self.over {
            return;
        }
        if let Some((slot, call)) = self.held.take() {
            let seal = seal_of(event, slot);
            self.call(slot, &call, seal, out);
            if seal.is_some() {
                return;
            }
        }
        match event {
            Event::Start { id, model, created, service_tier, extras } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
                self.created = *created;
                self.tier.clone_from(service_tier);
                extras::note_lost(extras, losses);
                self.own.put(extras.clone());
                self.begin(out);
            }
            Event::BlockStart { candidate: 0, opening, .. } => self.open(opening, out, losses),
            Event::BlockStart { .. } => {
                losses.dropped("choices", "a response holds one answer");
                self.slots.push(Slot::said());
            }
            Event::Delta { index, delta } => self.delta(*index as usize, delta, out, losses),
            Event::BlockStop { index } => self.stop(*index as usize, out),
            Event::Logprobs { candidate: 0, json } => self.probable(json, losses),
            Event::Extras { extras, .. } => {
                extras::note_lost(extras, losses);
                self.own.put(extras.clone());
            }
            Event::Usage(usage) => self.usage.get_or_insert_default().merge(usage),
            Event::Finish { candidate: 0, finish } => self.finish = Some(finish.clone()),
            Event::Logprobs { .. } | Event::Finish { .. } => {}
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Fault(fault) => self.fail(&fault.clone().into_refusal(), out),
            Event::End => self.end(out, losses),
        }
        if self.held_bytes > LARGEST && !self.over {
            self.fail(&Refusal::new(refusal::Kind::BadGateway, "the provider's answer is too large"), out);
        }
    }
}

impl Renderer {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        for name in ["response.created", "response.in_progress"] {
            self.response(name, "in_progress", None, out);
        }
    }

    /// Tells the response as it stands.
    fn response(&mut self, name: &str, status: &str, refusal: Option<&Refusal>, out: &mut Vec<u8>) {
        let Self { teller, seed, echo, id, model, created, tier, own, items, usage, finish, .. } = self;
        let place = Place { id: id.as_deref(), model: model.as_deref(), created: *created };
        teller.tell(name, out, |event| {
            event.object("response", |response| {
                let finish = finish.as_ref().filter(|_| status == "incomplete");
                write_head(response, place, seed, status, finish, refusal);
                response.array("output", |list| {
                    for item in items.iter().filter(|item| !item.is_empty()) {
                        list.embed(|out| out.extend_from_slice(item));
                    }
                });
                let used = usage.as_ref().filter(|_| status != "in_progress");
                write_tail(response, echo, tier.as_ref(), used);
                extras::restore(own, response);
            });
        });
    }

    fn open(&mut self, opening: &Opening, out: &mut Vec<u8>, losses: &mut Losses) {
        self.begin(out);
        if !matches!(opening, Opening::Text | Opening::Refusal) {
            self.close_messages("completed", out);
        }
        self.tell_seal(out);
        match opening {
            Opening::Text => self.open_part(Kind::Text, out),
            Opening::Refusal => self.open_part(Kind::Refusal, out),
            Opening::Reasoning => {
                let (output, item) = self.place("rs");
                self.added(output, out, |object| {
                    object.string("id", &item);
                    object.string("type", "reasoning");
                    object.raw("summary", "[]");
                });
                self.slots.push(Slot { kind: Kind::Reasoning, output, item, ..Slot::said() });
            }
            Opening::ToolCall { id, name, kind } => {
                note_hosted(kind, losses);
                let call = ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    kind: kind.clone(),
                };
                self.held = Some((self.slots.len(), call));
                self.slots.push(Slot::said());
            }
            Opening::Whole(block) => {
                self.whole(block, out, losses);
                self.slots.push(Slot::said());
            }
        }
    }

    /// A place in the output for an item, and an id for it.
    pub(super) fn place(&mut self, prefix: &str) -> (usize, String) {
        let output = self.items.len();
        self.items.push(Vec::new());
        (output, item_id(prefix, &self.seed.id, output))
    }

    pub(super) fn added(&mut self, output: usize, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        self.teller.tell("response.output_item.added", out, |event| {
            event.number("output_index", output);
            event.object("item", members);
        });
    }

    pub(super) fn done(&mut self, output: usize, out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        let mut item = Vec::new();
        json::object(&mut item, members);
        self.teller.tell("response.output_item.done", out, |event| {
            event.number("output_index", output);
            event.embed("item", |out| out.extend_from_slice(&item));
        });
        self.held_bytes += item.len();
        if let Some(place) = self.items.get_mut(output) {
            *place = item;
        }
    }

    fn delta(&mut self, block: usize, delta: &Delta, out: &mut Vec<u8>, losses: &mut Losses) {
        let Some(slot) = self.slots.get_mut(block).filter(|slot| slot.kind != Kind::Said) else {
            return;
        };
        match delta {
            Delta::Text(text) | Delta::Reasoning(text) | Delta::Refusal(text) | Delta::Arguments(text) => {
                let (name, part) = match &slot.kind {
                    Kind::Text => ("response.output_text.delta", Part::Content(slot.part)),
                    Kind::Refusal => ("response.refusal.delta", Part::Content(slot.part)),
                    Kind::Reasoning => ("response.reasoning_summary_text.delta", Part::Summary),
                    Kind::Call { kind, .. } if prefix_of(kind) == "ctc" => {
                        ("response.custom_tool_call_input.delta", Part::Whole)
                    }
                    Kind::Call { .. } | Kind::Said => ("response.function_call_arguments.delta", Part::Whole),
                };
                let at = At { item: &slot.item, output: slot.output, part };
                if slot.kind == Kind::Reasoning && slot.said.is_empty() {
                    self.teller.tell("response.reasoning_summary_part.added", out, |event| {
                        at.write(event);
                        event.object("part", |part| reasoning::write_part(part, ""));
                    });
                }
                self.teller.delta(name, at, text, out);
                slot.said.push_str(text);
                self.held_bytes += text.len();
            }
            Delta::Signature(seal) => slot.seal = Some(seal.clone()),
            Delta::Citation(citation) => self.citation(block, citation, out, losses),
        }
    }

    fn stop(&mut self, block: usize, out: &mut Vec<u8>) {
        let Some(slot) = self.slots.get_mut(block) else { return };
        let slot = std::mem::replace(slot, Slot::said());
        match &slot.kind {
            Kind::Text | Kind::Refusal => self.stop_part(slot, out),
            Kind::Reasoning => self.stop_thought(&slot, out),
            Kind::Call { .. } => self.stop_call(slot, out),
            Kind::Said => {}
        }
    }

    fn stop_thought(&mut self, slot: &Slot, out: &mut Vec<u8>) {
        let at = At { item: &slot.item, output: slot.output, part: Part::Summary };
        if !slot.said.is_empty() {
            self.teller.tell("response.reasoning_summary_text.done", out, |event| {
                at.write(event);
                event.string("text", &slot.said);
            });
            self.teller.tell("response.reasoning_summary_part.done", out, |event| {
                at.write(event);
                event.object("part", |part| reasoning::write_part(part, &slot.said));
            });
        }
        let sealed = slot.seal.clone().map_or(Sealed::Nothing, Sealed::Own);
        self.done(slot.output, out, |object| {
            object.string("id", &slot.item);
            object.string("type", "reasoning");
            reasoning::write(object, &slot.said, Some(&sealed));
        });
    }

    /// Opens the item of a call that was held.
    fn call(&mut self, slot: usize, call: &ToolCall, seal: Option<&Signature>, out: &mut Vec<u8>) {
        if let Some(seal) = seal {
            self.seal_item(&Sealed::Next(seal.clone()), out);
        }
        let (output, item) = self.place(prefix_of(&call.kind));
        let id = call_id(call, &self.seed, output);
        let called = self.echo.called(&call.name);
        self.added(output, out, |object| write_call(object, &item, &id, call, "in_progress", &called));
        if let Some(slot) = self.slots.get_mut(slot) {
            let kind = Kind::Call { id, name: call.name.clone(), kind: call.kind.clone() };
            *slot = Slot { kind, output, item, ..Slot::said() };
        }
    }

    fn stop_call(&mut self, mut slot: Slot, out: &mut Vec<u8>) {
        let Kind::Call { id, name, kind } = slot.kind else { return };
        let at = At { item: &slot.item, output: slot.output, part: Part::Whole };
        let custom = prefix_of(&kind) == "ctc";
        let called = self.echo.called(&name);
        if !custom && slot.said.is_empty() {
            // A call without arguments has empty ones.
            self.teller.delta("response.function_call_arguments.delta", at, "{}", out);
            slot.said.push_str("{}");
        }
        let (event_name, key) = if custom {
            ("response.custom_tool_call_input.done", "input")
        } else {
            ("response.function_call_arguments.done", "arguments")
        };
        self.teller.tell(event_name, out, |event| {
            at.write(event);
            if !custom {
                event.string("name", &called.name);
            }
            event.string(key, &slot.said);
        });
        let call = ToolCall { id: String::new(), name, arguments: slot.said, kind };
        self.done(slot.output, out, |object| {
            write_call(object, &slot.item, &id, &call, "completed", &called)
        });
        if let Some(seal) = slot.seal {
            // It came too late to go before its call.
            self.seal_item(&Sealed::Last(seal), out);
        }
    }

    fn fail(&mut self, refusal: &Refusal, out: &mut Vec<u8>) {
        self.begin(out);
        self.teller.error(refusal, out);
        self.response("response.failed", "failed", Some(refusal), out);
        self.over = true;
    }

    fn end(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        self.begin(out);
        (0..self.slots.len()).for_each(|block| self.stop(block, out));
        let (status, _) = finish_words(self.finish.as_ref());
        note_end(self.finish.as_ref(), losses);
        self.close_messages(status, out);
        if self.seal.take().is_some() {
            note_last_seal(losses);
        }
        let name = if status == "completed" { "response.completed" } else { "response.incomplete" };
        self.response(name, status, None, out);
        self.over = true;
    }
}

/// The seal that the event puts on a block.
fn seal_of(event: &Event, block: usize) -> Option<&Signature> {
    match event {
        Event::Delta { index, delta: Delta::Signature(seal) } if *index as usize == block => Some(seal),
        _ => None,
    }
}
