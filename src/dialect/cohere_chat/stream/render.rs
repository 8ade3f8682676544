//! The hub's events → a client's. Parts and calls are said one after the other, so one that opens
//! while another is open waits for its turn.

use crate::dialect::cohere_chat::error::write_in_stream;
use crate::dialect::cohere_chat::reply::{call_id, has_place, note_unsaid, words_of};
use crate::dialect::cohere_chat::types::{OWN, finish_word};
use crate::dialect::cohere_chat::{citation, logprobs, usage};
use crate::dialect::{Seed, StreamRenderer, free_text, unknown};
use crate::ir::{
    Block, Citation, Content, Delta, Event, Extras, Finish, Losses, Opening, ToolCall, ToolKind, Usage,
};
use crate::wire::json::{self, Object};
use crate::wire::sse;

/// Writes one stream.
#[derive(Debug)]
pub(in crate::dialect::cohere_chat) struct Renderer {
    seed: Seed,
    begun: bool,
    slots: Vec<Slot>,
    /// The block that is being said, and what came of others meanwhile.
    current: Option<u32>,
    waiting: Vec<Event>,
    /// A call that waits for a moment: its seal, if it has one, rides on its id.
    held: Option<(u32, Block)>,
    /// How many parts of content, calls and citations were begun.
    contents: usize,
    calls: usize,
    citations: usize,
    usage: Option<Usage>,
    finish: Option<Finish>,
    late: Extras,
    over: bool,
}

/// One block of the hub.
#[derive(Debug, Clone)]
enum Slot {
    /// Words or thought, at this place of the content, with the words so far.
    Content(usize, &'static str, String),
    /// A call at this place, and whether anything of its arguments was said.
    Call(usize, bool),
    /// A call of a tool that takes free text, with the text so far.
    Custom(usize, String),
    /// What is not told.
    Unsaid,
}

impl Renderer {
    pub(in crate::dialect::cohere_chat) fn new(seed: &Seed) -> Self {
        Self {
            seed: seed.clone(),
            begun: false,
            slots: Vec::new(),
            current: None,
            waiting: Vec::new(),
            held: None,
            contents: 0,
            calls: 0,
            citations: 0,
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
            Event::Start { id, extras, .. } => {
                self.late.put(extras.clone());
                self.begin(id.as_deref(), out);
            }
            Event::BlockStart { candidate: 1.., .. } => losses.dropped("n", "a message holds one answer"),
            Event::BlockStart { .. } | Event::Delta { .. } | Event::BlockStop { .. } => {
                self.begin(None, out);
                self.of_block(event, out, losses);
            }
            Event::Logprobs { candidate: 0, json } => self.chances(json, out),
            Event::Extras { candidate: None | Some(0), extras } => self.late.put(extras.clone()),
            Event::Usage(usage) => self.usage.get_or_insert_default().merge(usage),
            Event::Finish { candidate: 0, finish } => self.finish = Some(finish.clone()),
            // Another answer was noted when it began.
            Event::Logprobs { .. } | Event::Extras { .. } | Event::Finish { .. } => {}
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Fault(fault) => {
                self.over = true;
                write_in_stream(&fault.clone().into_refusal(), out);
            }
            Event::End => self.end(out, losses),
        }
    }
}

/// Writes one event.
fn event(out: &mut Vec<u8>, name: &str, f: impl FnOnce(&mut Object<'_>)) {
    let mut data = Vec::with_capacity(160);
    json::object(&mut data, |event| {
        event.string("type", name);
        f(event);
    });
    // What passes as it came may come in lines.
    sse::in_one_line(&mut data);
    sse::write(out, Some(name), &data);
}

/// Writes one event about a member of the message.
fn about(out: &mut Vec<u8>, name: &str, index: usize, f: impl FnOnce(&mut Object<'_>)) {
    event(out, name, |event| {
        event.number("index", index);
        event.object("delta", |delta| delta.object("message", f));
    });
}

impl Renderer {
    fn begin(&mut self, id: Option<&str>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let id = id.unwrap_or(&self.seed.id);
        event(out, "message-start", |event| {
            event.string("id", id);
            event.object("delta", |delta| {
                delta.object("message", |message| {
                    message.string("role", "assistant");
                    message.raw("content", "[]");
                    message.string("tool_plan", "");
                    message.raw("tool_calls", "[]");
                    message.raw("citations", "[]");
                });
            });
        });
    }

    /// Says what concerns the open block, and keeps what concerns another.
    fn of_block(&mut self, event: &Event, out: &mut Vec<u8>, losses: &mut Losses) {
        let (Event::BlockStart { index, .. } | Event::Delta { index, .. } | Event::BlockStop { index }) =
            event
        else {
            return;
        };
        let begins = matches!(event, Event::BlockStart { .. });
        if self.current.is_some_and(|current| current != *index) {
            let known = |waits: &Event| matches!(waits, Event::BlockStart { index: of, .. } if of == index);
            if begins || self.waiting.iter().any(known) {
                self.waiting.push(event.clone());
            }
            return;
        }
        if let Some((block, mut call)) = self.held.take() {
            if let Event::Delta { delta: Delta::Signature(seal), .. } = event {
                call.signature = Some(seal.clone());
                self.call(block, &call, out);
                return;
            }
            self.call(block, &call, out);
        }
        match event {
            Event::BlockStart { opening, .. } => {
                self.current = Some(*index);
                self.open(*index, opening, out, losses);
            }
            Event::Delta { delta, .. } => self.delta(*index, delta, out, losses),
            Event::BlockStop { .. } if self.current == Some(*index) => {
                self.stop(*index, out);
                self.current = None;
                for event in std::mem::take(&mut self.waiting) {
                    self.of_block(&event, out, losses);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, index: u32, opening: &Opening, out: &mut Vec<u8>, losses: &mut Losses) {
        let slot = match opening {
            Opening::Text | Opening::Refusal => self.content("text", out),
            Opening::Reasoning => self.content("thinking", out),
            Opening::ToolCall { id, name, kind } => {
                let call = Block::new(Content::ToolCall(ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    kind: kind.clone(),
                }));
                note_unsaid(&call, losses);
                self.held = Some((index, call));
                self.calls += 1;
                match kind {
                    ToolKind::Custom(_) => Slot::Custom(self.calls - 1, String::new()),
                    _ => Slot::Call(self.calls - 1, false),
                }
            }
            Opening::Whole(block) => {
                self.whole(block, out, losses);
                Slot::Unsaid
            }
        };
        let place = usize::try_from(index).unwrap_or_default();
        if self.slots.len() <= place {
            self.slots.resize(place + 1, Slot::Unsaid);
        }
        if let Some(free) = self.slots.get_mut(place) {
            *free = slot;
        }
    }

    fn content(&mut self, kind: &'static str, out: &mut Vec<u8>) -> Slot {
        let place = self.contents;
        self.contents += 1;
        about(out, "content-start", place, |message| {
            message.object("content", |content| {
                content.string("type", kind);
                content.string(kind, "");
            });
        });
        Slot::Content(place, kind, String::new())
    }

    /// A part that came whole.
    fn whole(&mut self, block: &Block, out: &mut Vec<u8>, losses: &mut Losses) {
        unknown::note_lost(OWN, &block.extras, losses);
        note_unsaid(block, losses);
        if !has_place(block) {
            return;
        }
        if let Content::Opaque { json, .. } = &block.content {
            let place = self.contents;
            self.contents += 1;
            about(out, "content-start", place, |message| message.raw("content", json));
            event(out, "content-end", |event| event.number("index", place));
            return;
        }
        let thought = match &block.content {
            Content::Reasoning(thought) => Some(thought.text.as_str()),
            _ => None,
        };
        let (kind, text) = match thought {
            Some(text) => ("thinking", text),
            None => ("text", words_of(block).unwrap_or_default()),
        };
        if let Slot::Content(place, kind, _) = self.content(kind, out) {
            grow(out, place, kind, text);
            event(out, "content-end", |event| event.number("index", place));
        }
    }

    fn call(&mut self, index: u32, block: &Block, out: &mut Vec<u8>) {
        let Content::ToolCall(call) = &block.content else { return };
        let Some(Slot::Call(place, _) | Slot::Custom(place, _)) = self.slot(index).cloned() else { return };
        let id = call_id(call, block, &self.seed, usize::try_from(index).unwrap_or_default());
        about(out, "tool-call-start", place, |message| {
            message.object("tool_calls", |object| {
                object.string("id", &id);
                object.string("type", "function");
                object.object("function", |function| {
                    function.string("name", &call.name);
                    function.string("arguments", "");
                });
            });
        });
    }

    fn slot(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(index).ok()?)
    }

    fn delta(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>, losses: &mut Losses) {
        let number = self.citations;
        let Some(slot) = self.slot(index) else { return };
        match (slot, delta) {
            (
                Slot::Content(place, kind, said),
                Delta::Text(text) | Delta::Refusal(text) | Delta::Reasoning(text),
            ) => {
                said.push_str(text);
                grow(out, *place, kind, text);
            }
            (Slot::Call(place, grew), Delta::Arguments(text)) => {
                *grew = true;
                arguments(out, *place, text);
            }
            (Slot::Custom(_, said), Delta::Arguments(text)) => said.push_str(text),
            (Slot::Content(place, _, said), Delta::Citation(cited)) => {
                cite(out, number, cited, said, *place);
                self.citations += 1;
            }
            (Slot::Content(..), Delta::Signature(_)) => {
                losses.dropped("message.signature", "a message has no place for a seal");
            }
            _ => {}
        }
    }

    fn stop(&mut self, index: u32, out: &mut Vec<u8>) {
        // Nothing comes for it any more.
        match self.slot(index).map(|slot| std::mem::replace(slot, Slot::Unsaid)) {
            Some(Slot::Content(place, ..)) => event(out, "content-end", |event| event.number("index", place)),
            Some(Slot::Call(place, grew)) => {
                if !grew {
                    arguments(out, place, "{}");
                }
                event(out, "tool-call-end", |event| event.number("index", place));
            }
            Some(Slot::Custom(place, text)) => {
                arguments(out, place, &free_text::arguments(&text));
                event(out, "tool-call-end", |event| event.number("index", place));
            }
            Some(Slot::Unsaid) | None => {}
        }
    }

    /// Chances stand beside a piece of words, here beside none.
    fn chances(&mut self, hub: &str, out: &mut Vec<u8>) {
        let place = self.contents.saturating_sub(1);
        logprobs::each(hub, |write| {
            event(out, "content-delta", |event| {
                event.number("index", place);
                event.object("delta", |delta| {
                    delta.object("message", |message| {
                        message.object("content", |content| content.string("text", ""));
                    });
                });
                event.object("logprobs", |piece| write(piece));
            });
        });
    }

    fn end(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        self.begin(None, out);
        self.over = true;
        let Self { usage, finish, late, .. } = self;
        event(out, "message-end", |event| {
            event.object("delta", |delta| {
                delta.string("finish_reason", finish_word(finish.as_ref()));
                if let Some(used) = usage {
                    delta.object("usage", |object| usage::write(used, object, losses));
                }
            });
            unknown::restore(OWN, late, event);
            unknown::note_lost(OWN, late, losses);
        });
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

fn grow(out: &mut Vec<u8>, place: usize, kind: &str, text: &str) {
    about(out, "content-delta", place, |message| {
        message.object("content", |content| content.string(kind, text));
    });
}

fn arguments(out: &mut Vec<u8>, place: usize, text: &str) {
    about(out, "tool-call-delta", place, |message| {
        message.object("tool_calls", |call| {
            call.object("function", |function| function.string("arguments", text));
        });
    });
}

fn cite(out: &mut Vec<u8>, number: usize, cited: &Citation, said: &str, place: usize) {
    about(out, "citation-start", number, |message| match &cited.native {
        Some((OWN, native)) => message.raw("citations", native),
        _ => message.object("citations", |object| citation::write(object, cited, said, place)),
    });
    event(out, "citation-end", |event| event.number("index", number));
}
