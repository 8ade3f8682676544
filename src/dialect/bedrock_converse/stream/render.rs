//! Events → a client's stream, in AWS's binary messages.
//!
//! Clients of this dialect take blocks one after another, while the hub's may overlap: a block that
//! opens while another is open waits for its turn.

use std::collections::VecDeque;

use super::slot::{Slot, frame, say_seal};
use crate::dialect::bedrock_converse::types::{DIALECT, finish_word};
use crate::dialect::bedrock_converse::{error, reply};
use crate::dialect::{Seed, StreamRenderer};
use crate::ir::{Delta, Event, Extras, Finish, FinishReason, Losses, ServiceTier, Signature, Usage};

/// Says one stream.
#[derive(Debug)]
pub(in super::super) struct Renderer {
    seed: Seed,
    stage: Stage,
    used: Option<Usage>,
    tier: Option<ServiceTier>,
    /// Members of the reply, which are told at its end.
    extras: Extras,
    /// The block in front is the one that is being said.
    open: VecDeque<Slot>,
    /// Blocks that cannot be said; what still comes of them is left out.
    unsaid: Vec<u32>,
    /// The client's number of the next block.
    next: u32,
    /// The seal of the text that was said last; it is said only before another block.
    seal: Option<Signature>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Running,
    /// Why the answer ended was said; what it used is still owed.
    Complete,
    Over,
}

impl Renderer {
    /// A renderer that has said nothing.
    pub(in super::super) fn new(seed: &Seed) -> Self {
        Self {
            seed: seed.clone(),
            stage: Stage::Before,
            used: None,
            tier: None,
            extras: Extras::NONE,
            open: VecDeque::new(),
            unsaid: Vec::new(),
            next: 0,
            seal: None,
        }
    }
}

impl StreamRenderer for Renderer {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>, losses: &mut Losses) {
        if self.stage == Stage::Over {
            return;
        }
        match event {
            Event::Start { service_tier, extras, .. } => {
                self.tier.clone_from(service_tier);
                self.extras.put(extras.clone());
                frame(out, "messageStart", |o| o.string("role", "assistant"));
                self.stage = Stage::Running;
            }
            Event::BlockStart { candidate: 1.., index, .. } => {
                losses.dropped("n", "a message holds one answer");
                self.unsaid.push(*index);
            }
            Event::BlockStart { index, opening, .. } => {
                match Slot::new(*index, opening, losses) {
                    Some(slot) => self.open.push_back(slot),
                    None => self.unsaid.push(*index),
                }
                self.advance(out, losses);
            }
            Event::Delta { index, delta } => self.delta(*index, delta, out, losses),
            Event::BlockStop { index } => {
                if let Some(slot) = self.open.iter_mut().find(|slot| slot.index == *index) {
                    slot.stopped = true;
                    self.advance(out, losses);
                }
            }
            Event::Logprobs { .. } => losses.dropped("logprobs", "messages hold none"),
            Event::Extras { extras, .. } => self.extras.put(extras.clone()),
            Event::Usage(used) => self.used.get_or_insert_default().merge(used),
            Event::Finish { candidate: 0, finish } => self.complete(finish, out, losses),
            // The format has no sign of life.
            Event::Finish { .. } | Event::Ping => {}
            Event::Fault(fault) => {
                error::write_exception(out, fault.kind, &fault.message);
                self.stage = Stage::Over;
            }
            Event::End => self.end(out, losses),
        }
    }
}

impl Renderer {
    fn delta(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>, losses: &mut Losses) {
        if self.unsaid.contains(&index) {
            return;
        }
        let front = self.open.front().is_some_and(|slot| slot.index == index);
        match self.open.iter_mut().find(|slot| slot.index == index) {
            Some(slot) if front => slot.grow(delta, self.next, &self.seed, out, losses),
            Some(slot) => slot.waiting.push(delta.clone()),
            None => {}
        }
    }

    /// Says what the blocks in front are ready for, until one is still growing.
    fn advance(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        while let Some(slot) = self.open.front_mut() {
            if let Some(seal) = self.seal.take() {
                say_seal(&seal, self.next, out);
                self.next += 1;
            }
            for delta in std::mem::take(&mut slot.waiting) {
                slot.grow(&delta, self.next, &self.seed, out, losses);
            }
            if !slot.stopped {
                return;
            }
            self.next += u32::from(slot.finish(self.next, &self.seed, out, losses));
            self.seal = slot.seal.take();
            self.open.pop_front();
        }
    }

    fn complete(&mut self, finish: &Finish, out: &mut Vec<u8>, losses: &mut Losses) {
        for slot in &mut self.open {
            slot.stopped = true;
        }
        self.advance(out, losses);
        if self.seal.take().is_some() {
            reply::note_last_seal(losses);
        }
        let word = finish_word(finish, losses);
        frame(out, "messageStop", |o| {
            o.string("stopReason", word);
            o.opt_raw(MODEL_FIELDS, self.extras.json(DIALECT, MODEL_FIELDS));
        });
        self.stage = Stage::Complete;
    }

    fn end(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        if self.stage == Stage::Running {
            self.complete(&Finish::new(FinishReason::Stop), out, losses);
        }
        if self.stage == Stage::Complete {
            let mut extras = std::mem::take(&mut self.extras);
            extras.retain(|extra| extra.name != MODEL_FIELDS);
            frame(out, "metadata", |o| {
                reply::write_metrics(&extras, o);
                reply::write_usage(self.used.as_ref(), o);
                reply::write_beside(self.tier.as_ref(), &extras, o, losses);
            });
        }
        self.stage = Stage::Over;
    }
}

/// What the client asked for of the model's own answer; it comes with the reason for the end.
const MODEL_FIELDS: &str = "additionalModelResponseFields";
