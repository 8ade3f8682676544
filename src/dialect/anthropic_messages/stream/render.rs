//! Events → a client's stream.
//!
//! Clients of this dialect take blocks strictly one after another, while the hub's may overlap: a
//! block that opens while another is open waits for its turn.

use std::collections::VecDeque;

use super::slot::{Slot, frame, say_seal};
use crate::dialect::anthropic_messages::{error, reply};
use crate::dialect::{Seed, StreamRenderer};
use crate::ir::{Delta, Dialect, Event, Extras, Finish, FinishReason, Losses, ServiceTier, Signature, Usage};

/// Says one stream.
#[derive(Debug)]
pub(in super::super) struct Renderer {
    seed: Seed,
    stage: Stage,
    used: Option<Usage>,
    /// The block in front is the one that is being said.
    open: VecDeque<Slot>,
    /// Blocks that cannot be said; what still comes of them is left out.
    unsaid: Vec<u32>,
    /// The client's number of the next block.
    next: u32,
    /// The seal of the text that was said last; it is said only before another block.
    seal: Option<Signature>,
}

#[derive(Debug)]
enum Stage {
    Before,
    Running,
    /// The answer is complete; its last event waits for the usage that belongs in it.
    Complete(Finish),
    /// The last event but `message_stop` was said.
    Closed,
    Over,
}

impl Renderer {
    /// A renderer that has said nothing.
    pub(in super::super) fn new(seed: &Seed) -> Self {
        Self {
            seed: seed.clone(),
            stage: Stage::Before,
            used: None,
            open: VecDeque::new(),
            unsaid: Vec::new(),
            next: 0,
            seal: None,
        }
    }
}

impl StreamRenderer for Renderer {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>, losses: &mut Losses) {
        if matches!(self.stage, Stage::Over) {
            return;
        }
        match event {
            Event::Start { id, model, service_tier, extras, .. } => {
                self.start(id.as_deref(), model.as_deref(), service_tier.as_ref(), extras, out, losses);
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
            Event::Extras { extras, .. } => {
                let dialect = Dialect::AnthropicMessages;
                for extra in extras.foreign(dialect) {
                    losses.dropped(extra.name.clone(), "only its own dialect has it");
                }
                for extra in extras.of(dialect) {
                    losses.dropped(extra.name.clone(), "its place in the stream is past");
                }
            }
            Event::Usage(used) => {
                self.used.get_or_insert_default().merge(used);
                self.close(out, losses);
            }
            Event::Finish { candidate: 0, finish } => {
                self.stop_all(out, losses);
                self.stage = Stage::Complete(finish.clone());
            }
            Event::Finish { .. } => {}
            // Clients take no event before the first.
            Event::Ping if matches!(self.stage, Stage::Before) => out.extend_from_slice(b": ping\n\n"),
            Event::Ping => frame(out, "ping", |_| {}),
            Event::Fault(fault) => {
                out.extend_from_slice(b"event: error\ndata: ");
                error::write(out, fault.kind, &fault.message);
                out.extend_from_slice(b"\n\n");
                self.stage = Stage::Over;
            }
            Event::End => self.end(out, losses),
        }
    }
}

impl Renderer {
    fn start(
        &mut self,
        id: Option<&str>,
        model: Option<&str>,
        tier: Option<&ServiceTier>,
        extras: &Extras,
        out: &mut Vec<u8>,
        losses: &mut Losses,
    ) {
        // The final event corrects what is only estimated here; clients show a meter meanwhile.
        let used = self.used.or_else(|| self.estimated());
        frame(out, "message_start", |o| {
            o.object("message", |o| {
                reply::write_head(id, model, &self.seed, o);
                o.array("content", |_| {});
                reply::write_finish(None, o, losses);
                reply::write_extras(extras, o, losses);
                reply::write_usage(used.as_ref(), tier, o);
            });
        });
        self.stage = Stage::Running;
    }

    /// What the provider has not said yet, or never says.
    fn estimated(&self) -> Option<Usage> {
        let input = self.seed.input_tokens;
        (input > 0).then(|| Usage { input, ..Usage::default() })
    }

    fn delta(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>, losses: &mut Losses) {
        if self.unsaid.contains(&index) {
            return;
        }
        let front = self.open.front().is_some_and(|slot| slot.index == index);
        let slot = self.open.iter_mut().find(|slot| slot.index == index);
        match slot {
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
            slot.begin_if_ready(self.next, &self.seed, out);
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

    fn stop_all(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        for slot in &mut self.open {
            slot.stopped = true;
        }
        self.advance(out, losses);
    }

    /// Says the last event but one, if the answer is complete.
    fn close(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        let Stage::Complete(finish) = &self.stage else { return };
        if self.seal.take().is_some() {
            reply::note_last_seal(losses);
        }
        let used = self.used.or_else(|| self.estimated());
        frame(out, "message_delta", |o| {
            o.object("delta", |o| reply::write_finish(Some(finish), o, losses));
            reply::write_usage(used.as_ref(), None, o);
        });
        self.stage = Stage::Closed;
    }

    fn end(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        if matches!(self.stage, Stage::Running) {
            self.stop_all(out, losses);
            self.stage = Stage::Complete(Finish::new(FinishReason::Stop));
        }
        self.close(out, losses);
        if matches!(self.stage, Stage::Closed) {
            frame(out, "message_stop", |_| {});
        }
        self.stage = Stage::Over;
    }
}
