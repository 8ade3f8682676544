//! Events → a client's lines.

use crate::dialect::ollama::reply::{Parts, write_end, write_lead, write_logprobs};
use crate::dialect::ollama::types::Form;
use crate::dialect::ollama::usage;
use crate::dialect::{Seed, StreamRenderer, unknown};
use crate::ir::{
    Block, Content, Delta, Event, Extras, Finish, FinishReason, Losses, Opening, ToolCall, Usage,
};
use crate::wire::json::{self, Object};
use crate::wire::ndjson;

/// Writes one stream.
#[derive(Debug)]
pub(in crate::dialect::ollama) struct Renderer {
    form: Form,
    model: String,
    created: u64,
    /// The blocks by their numbers: whether they belong to the answer that is told, and the call that
    /// is gathered, since calls are told whole.
    blocks: Vec<(bool, Option<Block>)>,
    called: bool,
    usage: Option<Usage>,
    finish: Option<Finish>,
    /// Members that are told with the end.
    late: Extras,
    over: bool,
}

impl Renderer {
    pub(in crate::dialect::ollama) fn new(form: Form, seed: &Seed) -> Self {
        Self {
            form,
            model: seed.model.clone(),
            created: seed.created,
            blocks: Vec::new(),
            called: false,
            usage: None,
            finish: None,
            late: Extras::NONE,
            over: false,
        }
    }
}

impl StreamRenderer for Renderer {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>, losses: &mut Losses) {
        if self.over {
            return;
        }
        match event {
            Event::Start { model, created, extras, .. } => {
                if let Some(model) = model {
                    self.model.clone_from(model);
                }
                self.created = created.unwrap_or(self.created);
                self.late.put(extras.clone());
            }
            Event::BlockStart { candidate, opening, .. } => self.open(*candidate, opening, out, losses),
            Event::Delta { index, delta } => self.delta(*index, delta, out, losses),
            Event::BlockStop { index } => self.stop(*index, out, losses),
            Event::Logprobs { candidate: 0, json } => {
                self.line(out, &Parts::default(), |line| write_logprobs(line, json));
            }
            Event::Extras { candidate: None | Some(0), extras } => self.late.put(extras.clone()),
            Event::Usage(usage) => self.usage.get_or_insert_default().merge(usage),
            Event::Finish { candidate: 0, finish } => self.finish = Some(finish.clone()),
            // Another answer was noted when it began; a sign of life has no line.
            Event::Logprobs { .. } | Event::Extras { .. } | Event::Finish { .. } | Event::Ping => {}
            Event::Fault(fault) => {
                self.over = true;
                let message = &fault.message;
                ndjson::write(out, |out| json::object(out, |line| line.string("error", message)));
            }
            Event::End => self.end(out, losses),
        }
    }
}

impl Renderer {
    fn line(&self, out: &mut Vec<u8>, parts: &Parts, rest: impl FnOnce(&mut Object<'_>)) {
        ndjson::write(out, |out| {
            json::object(out, |line| {
                write_lead(line, &self.model, self.created);
                parts.write(self.form, line);
                rest(line);
                line.bool("done", false);
            });
        });
    }

    fn say(&self, block: &Block, out: &mut Vec<u8>, losses: &mut Losses) {
        let mut parts = Parts::default();
        parts.add(self.form, block, losses);
        if !parts.is_empty() {
            self.line(out, &parts, |_| {});
        }
    }

    fn open(&mut self, candidate: u32, opening: &Opening, out: &mut Vec<u8>, losses: &mut Losses) {
        let told = candidate == 0;
        if !told {
            losses.dropped("n", "a message holds one answer");
        }
        let mut gathered = None;
        match opening {
            Opening::ToolCall { id, name, kind } if told => {
                self.called |= self.form == Form::Chat;
                gathered = Some(Block::new(Content::ToolCall(ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    kind: kind.clone(),
                })));
            }
            Opening::Whole(block) if told => self.say(block, out, losses),
            _ => {}
        }
        self.blocks.push((told, gathered));
    }

    fn delta(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>, losses: &mut Losses) {
        let place = usize::try_from(index).ok();
        let Some((true, gathered)) = place.and_then(|place| self.blocks.get_mut(place)) else { return };
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => {
                if self.called {
                    losses.bent("message.content", "text after a tool call is said before it");
                }
                self.grow(out, &Parts::words(text));
            }
            Delta::Reasoning(text) => {
                self.grow(out, &Parts::thought(text));
            }
            Delta::Arguments(text) => {
                if let Some(Block { content: Content::ToolCall(call), .. }) = gathered {
                    call.arguments.push_str(text);
                }
            }
            Delta::Signature(seal) => match gathered {
                Some(block) => block.signature = Some(seal.clone()),
                None => losses.dropped("message.signature", "a message has no place for a seal"),
            },
            Delta::Citation(_) => losses.dropped("content.citations", "a message names no sources"),
        }
    }

    fn grow(&self, out: &mut Vec<u8>, parts: &Parts) {
        if !parts.is_empty() {
            self.line(out, parts, |_| {});
        }
    }

    /// A call is complete, and so is told.
    fn stop(&mut self, index: u32, out: &mut Vec<u8>, losses: &mut Losses) {
        let place = usize::try_from(index).ok();
        let slot = place.and_then(|place| self.blocks.get_mut(place));
        if let Some(block) = slot.and_then(|(_, gathered)| gathered.take()) {
            self.say(&block, out, losses);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        self.over = true;
        let waits = self.finish.as_ref().is_some_and(|finish| finish.reason == FinishReason::ToolCalls);
        if waits && !self.called {
            losses.bent("finish_reason", "it waits for tools only where it called some");
        }
        let Self { form, model, created, usage, finish, late, .. } = self;
        ndjson::write(out, |out| {
            json::object(out, |line| {
                write_lead(line, model, *created);
                Parts::default().write(*form, line);
                write_end(line, finish.as_ref());
                usage::write(usage.as_ref(), line, losses);
                unknown::restore(form.dialect(), late, line);
                unknown::note_lost(form.dialect(), late, losses);
            });
        });
    }
}
