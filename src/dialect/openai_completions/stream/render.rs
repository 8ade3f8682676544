//! Events → a client's chunks.

use crate::dialect::openai_completions::logprobs;
use crate::dialect::openai_completions::reply::give_back;
use crate::dialect::openai_completions::types::{OWN, Unsaid, finish_word, note_unsaid, said};
use crate::dialect::{Seed, StreamRenderer, StreamShape, openai_error, openai_usage, unknown};
use crate::ir::{Delta, Event, Extras, Finish, Losses, Opening, Usage};
use crate::wire::json::{self, Object};
use crate::wire::sse;

/// Writes one stream.
#[derive(Debug)]
pub(in crate::dialect::openai_completions) struct Renderer {
    seed: Seed,
    shape: StreamShape,
    /// What every chunk begins with, up to its choices.
    head: Vec<u8>,
    /// The candidate of each block, by the blocks' numbers.
    blocks: Vec<u32>,
    /// How many characters of each candidate the log probabilities have told.
    offsets: Vec<(u32, usize)>,
    /// What stands beside a candidate and is told with its end.
    late: Vec<(u32, Extras)>,
    usage: Option<Usage>,
    over: bool,
}

impl Renderer {
    pub(in crate::dialect::openai_completions) fn new(seed: &Seed, shape: StreamShape) -> Self {
        Self {
            seed: seed.clone(),
            shape,
            head: Vec::new(),
            blocks: Vec::new(),
            offsets: Vec::new(),
            late: Vec::new(),
            usage: None,
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
            Event::Start { id, model, created, extras, .. } => {
                unknown::note_lost(OWN, extras, losses);
                self.head = self.head_of(id.as_deref(), model.as_deref(), *created, extras);
            }
            Event::BlockStart { candidate, opening, .. } => {
                self.blocks.push(*candidate);
                self.open(*candidate, opening, out, losses);
            }
            Event::Delta { index, delta } => self.delta(*index, delta, out, losses),
            Event::BlockStop { .. } => {}
            Event::Logprobs { candidate, json } => {
                let mut offset = self.offset(*candidate);
                self.chunk(*candidate, "", out, |choice| {
                    logprobs::write(choice, Some(json), &mut offset);
                    choice.null("finish_reason");
                });
                self.offsets.retain(|(known, _)| known != candidate);
                self.offsets.push((*candidate, offset));
            }
            Event::Extras { candidate: Some(candidate), extras } => {
                self.late.push((*candidate, extras.clone()));
            }
            // Nothing of the whole reply stands in a chunk of its own.
            Event::Extras { candidate: None, extras } => unknown::note_lost(OWN, extras, losses),
            Event::Usage(usage) => self.usage.get_or_insert_default().merge(usage),
            Event::Finish { candidate, finish } => self.finish(*candidate, finish, out, losses),
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Fault(fault) => {
                self.over = true;
                out.extend_from_slice(b"data: ");
                openai_error::write(out, &fault.clone().into_refusal());
                out.extend_from_slice(b"\n\n");
            }
            Event::End => self.end(out),
        }
    }
}

impl Renderer {
    fn head_of(
        &self,
        id: Option<&str>,
        model: Option<&str>,
        created: Option<u64>,
        extras: &Extras,
    ) -> Vec<u8> {
        let mut head = Vec::with_capacity(160);
        json::object(&mut head, |chunk| {
            match id {
                Some(id) => chunk.string("id", id),
                None => chunk.string("id", &format!("cmpl-{}", self.seed.id)),
            }
            chunk.string("object", "text_completion");
            chunk.number("created", created.unwrap_or(self.seed.created));
            chunk.string("model", model.unwrap_or(&self.seed.model));
            unknown::restore(OWN, extras, chunk);
        });
        head.pop();
        sse::in_one_line(&mut head);
        head
    }

    /// The beginning of a chunk; a stream whose start was never said still has a head.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.head.is_empty() {
            self.head = self.head_of(None, None, None, &Extras::NONE);
        }
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b",\"choices\":[");
    }

    fn chunk(&mut self, candidate: u32, text: &str, out: &mut Vec<u8>, rest: impl FnOnce(&mut Object<'_>)) {
        self.begin(out);
        let start = out.len();
        json::object(out, |choice| {
            choice.string("text", text);
            choice.number("index", candidate);
            rest(choice);
        });
        // What passes as it came may come in lines.
        sse::in_one_line(out.get_mut(start..).unwrap_or_default());
        out.extend_from_slice(if self.shape.usage { b"],\"usage\":null}\n\n" } else { b"]}\n\n" });
    }

    fn say(&mut self, candidate: u32, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.chunk(candidate, text, out, |choice| {
            choice.null("logprobs");
            choice.null("finish_reason");
        });
    }

    fn open(&mut self, candidate: u32, opening: &Opening, out: &mut Vec<u8>, losses: &mut Losses) {
        match opening {
            Opening::Text | Opening::Refusal => {}
            Opening::Reasoning => note_unsaid(Unsaid::Reasoning, losses),
            Opening::ToolCall { .. } => note_unsaid(Unsaid::ToolCall, losses),
            Opening::Whole(block) => {
                unknown::note_lost(OWN, &block.extras, losses);
                let text = said(block, losses).to_owned();
                self.say(candidate, &text, out);
            }
        }
    }

    fn delta(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>, losses: &mut Losses) {
        let place = usize::try_from(index).ok();
        let Some(&candidate) = place.and_then(|place| self.blocks.get(place)) else { return };
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => self.say(candidate, text, out),
            Delta::Citation(_) => note_unsaid(Unsaid::Citation, losses),
            // What grows so was noted when it opened; seals belong to it.
            Delta::Reasoning(_) | Delta::Arguments(_) | Delta::Signature(_) => {}
        }
    }

    fn offset(&self, candidate: u32) -> usize {
        let known = self.offsets.iter().find(|(known, _)| *known == candidate);
        known.map_or(0, |(_, offset)| *offset)
    }

    fn finish(&mut self, candidate: u32, finish: &Finish, out: &mut Vec<u8>, losses: &mut Losses) {
        let (own, others) = std::mem::take(&mut self.late).into_iter().partition(|(of, _)| *of == candidate);
        self.late = others;
        let own: Vec<(u32, Extras)> = own;
        let word = finish_word(finish, losses);
        self.chunk(candidate, "", out, |choice| {
            choice.null("logprobs");
            choice.string("finish_reason", word);
            choice.opt_string("stop_reason", finish.stop_sequence.as_deref());
            for (_, extras) in &own {
                give_back(extras, choice, losses);
            }
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        if self.shape.usage
            && let Some(used) = self.usage
        {
            self.begin(out);
            out.extend_from_slice(b"],\"usage\":");
            json::object(out, |object| openai_usage::write(&used, object));
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
