//! One block of a client's stream, from its first delta to its stop.

use crate::dialect::Seed;
use crate::dialect::bedrock_converse::content::media::Kind;
use crate::dialect::bedrock_converse::content::send::redacted_text;
use crate::dialect::bedrock_converse::reply;
use crate::dialect::bedrock_converse::types::{DIALECT, seal_text};
use crate::ir::{Block, Content, Delta, Losses, Media, Opening, Signature, Source, ToolCall};
use crate::wire::event_stream;
use crate::wire::json::{self, Json, Object};

/// A block that is being said or waits for its turn.
#[derive(Debug)]
pub(super) struct Slot {
    /// The hub's number of it.
    pub(super) index: u32,
    kind: Told,
    /// Whether anything of it was said.
    begun: bool,
    /// Whether nothing more will come.
    pub(super) stopped: bool,
    /// The seal that has no place inside the block.
    pub(super) seal: Option<Signature>,
    /// What came before its turn.
    pub(super) waiting: Vec<Delta>,
}

#[derive(Debug)]
enum Told {
    Text,
    Thinking,
    /// A call; its arguments so far, as long as its start is held back.
    Call(ToolCall),
    Whole(Box<Block>),
}

impl Slot {
    /// What is to be said of a block that opens; `None` when nothing can be.
    pub(super) fn new(index: u32, opening: &Opening, losses: &mut Losses) -> Option<Self> {
        let (kind, waiting) = match opening {
            Opening::Text => (Told::Text, Vec::new()),
            Opening::Refusal => {
                losses.bent("refusal", "said as text");
                (Told::Text, Vec::new())
            }
            Opening::Reasoning => (Told::Thinking, Vec::new()),
            Opening::ToolCall { id, name, kind } => {
                let (id, name, kind) = (id.clone(), name.clone(), kind.clone());
                (Told::Call(ToolCall { id, name, arguments: String::new(), kind }), Vec::new())
            }
            Opening::Whole(block) => {
                let told = whole(block);
                if told.is_none() {
                    reply::note_unsaid(&block.content, losses);
                }
                told?
            }
        };
        Some(Self { index, kind, begun: false, stopped: false, seal: None, waiting })
    }

    /// Says the start of a call. It waits for the first arguments: a seal that comes with them
    /// belongs into the start.
    fn begin_call(&mut self, at: u32, seed: &Seed, out: &mut Vec<u8>) {
        self.begun = true;
        let Told::Call(call) = &mut self.kind else { return };
        let held = std::mem::take(&mut call.arguments);
        let (seal, index) = (self.seal.take(), usize::try_from(self.index).unwrap_or_default());
        frame(out, "contentBlockStart", |o| {
            o.object("start", |o| {
                o.object("toolUse", |o| reply::write_call_head(call, seal.as_ref(), index, seed, o));
            });
            o.number("contentBlockIndex", at);
        });
        say_arguments(at, &held, out);
    }

    /// Says what the block grows by.
    pub(super) fn grow(
        &mut self,
        delta: &Delta,
        at: u32,
        seed: &Seed,
        out: &mut Vec<u8>,
        losses: &mut Losses,
    ) {
        match (&mut self.kind, delta) {
            (Told::Text, Delta::Text(text) | Delta::Refusal(text)) => {
                if !text.is_empty() {
                    self.begun = true;
                    say_text(at, text, out);
                }
            }
            (Told::Text, Delta::Citation(citation)) => {
                self.begun = true;
                delta_frame(at, out, |o| o.raw("citation", &reply::citation_json(citation)));
            }
            (Told::Thinking, Delta::Reasoning(text)) => {
                self.begun = true;
                delta_frame(at, out, |o| {
                    o.object("reasoningContent", |o| o.string("text", text));
                });
            }
            (Told::Thinking, Delta::Signature(seal)) => {
                self.begun = true;
                say_signature(at, seal, out);
            }
            (Told::Text, Delta::Signature(seal)) => self.seal = Some(seal.clone()),
            (Told::Call(call), Delta::Signature(seal)) => {
                self.seal = Some(seal.clone());
                if !self.begun && !reply::is_free_text(&call.kind) {
                    self.begin_call(at, seed, out);
                }
            }
            (Told::Call(_), Delta::Arguments(text)) if self.begun => say_arguments(at, text, out),
            (Told::Call(call), Delta::Arguments(text)) => {
                let first = call.arguments.is_empty();
                call.arguments.push_str(text);
                let held = reply::is_free_text(&call.kind) || (first && is_whole(text));
                if !held && !call.arguments.is_empty() {
                    self.begin_call(at, seed, out);
                }
            }
            (_, Delta::Text(_) | Delta::Reasoning(_) | Delta::Refusal(_) | Delta::Arguments(_)) => {
                losses.dropped("message.content", "a block grows by its own kind only");
            }
            (_, Delta::Signature(_) | Delta::Citation(_)) => {}
        }
    }

    /// Says what is left of the block; whether there is one.
    pub(super) fn finish(&mut self, at: u32, seed: &Seed, out: &mut Vec<u8>, losses: &mut Losses) -> bool {
        match &mut self.kind {
            Told::Text if !self.begun => return false,
            Told::Thinking if !self.begun => {
                delta_frame(at, out, |o| o.object("reasoningContent", |o| o.string("text", "")));
            }
            Told::Text | Told::Thinking => {}
            Told::Call(call) => {
                if reply::is_free_text(&call.kind) {
                    losses.bent("tools.custom", "free text is said as one argument");
                    let mut input = Vec::new();
                    json::object(&mut input, |o| o.string("input", &call.arguments));
                    call.arguments = String::from_utf8(input).unwrap_or_default();
                }
                if !self.begun {
                    if call.arguments.is_empty() {
                        // Clients read the input of a call without asking whether any came.
                        "{}".clone_into(&mut call.arguments);
                    }
                    self.begin_call(at, seed, out);
                }
            }
            Told::Whole(block) => say_whole(block, at, out),
        }
        frame(out, "contentBlockStop", |o| o.number("contentBlockIndex", at));
        true
    }
}

/// What a block that came whole is said as: blocks that grow are said as if they had grown.
fn whole(block: &Block) -> Option<(Told, Vec<Delta>)> {
    let seal = block.signature.clone().map(Delta::Signature);
    Some(match &block.content {
        Content::Text { text, citations } => {
            let cited = citations.iter().cloned().map(Delta::Citation);
            (Told::Text, std::iter::once(Delta::Text(text.clone())).chain(cited).chain(seal).collect())
        }
        Content::Refusal(text) => (Told::Text, vec![Delta::Text(text.clone())]),
        Content::Reasoning(thought) if thought.redacted.is_none() => {
            let thought = Delta::Reasoning(thought.text.clone());
            (Told::Thinking, std::iter::once(thought).chain(seal).collect())
        }
        Content::ToolCall(call) => {
            let arguments = Delta::Arguments(call.arguments.clone());
            let call = ToolCall { arguments: String::new(), ..call.clone() };
            (Told::Call(call), seal.into_iter().chain([arguments]).collect())
        }
        Content::Image(media) if reply::can_show(media) => (Told::Whole(Box::new(block.clone())), Vec::new()),
        Content::Reasoning(_) | Content::Opaque { dialect: DIALECT, .. } => {
            (Told::Whole(Box::new(block.clone())), Vec::new())
        }
        Content::ToolResult(_)
        | Content::Image(_)
        | Content::Document(_)
        | Content::Audio(_)
        | Content::Video(_)
        | Content::Opaque { .. } => return None,
    })
}

/// Says all of a block that came whole but its stop.
fn say_whole(block: &Block, at: u32, out: &mut Vec<u8>) {
    match &block.content {
        Content::Reasoning(thought) => {
            if let Some(redacted) = &thought.redacted {
                delta_frame(at, out, |o| {
                    o.object("reasoningContent", |o| {
                        o.string("redactedContent", &redacted_text(redacted));
                    });
                });
            }
        }
        Content::Image(media) => say_image(media, at, out),
        Content::Opaque { json, .. } => {
            if let Ok(json) = json::parse(json.as_bytes()) {
                say_served(&json, at, out);
            }
        }
        _ => {}
    }
}

fn say_image(media: &Media, at: u32, out: &mut Vec<u8>) {
    let Source::Base64(data) = &media.source else { return };
    frame(out, "contentBlockStart", |o| {
        o.object("start", |o| {
            o.object("image", |o| o.opt_string("format", Kind::Image.format(media)));
        });
        o.number("contentBlockIndex", at);
    });
    delta_frame(at, out, |o| {
        o.object("image", |o| o.object("source", |o| o.string("bytes", data)));
    });
}

/// Says the call or the result of a tool that the provider runs as the provider itself streams it:
/// the start without what grows, then that. Any other block of this dialect's goes in one delta.
fn say_served(json: &Json<'_>, at: u32, out: &mut Vec<u8>) {
    let Some((name, inner)) = json.entries().first() else { return };
    let grows = match &**name {
        "toolUse" => "input",
        "toolResult" => "content",
        _ => {
            delta_frame(at, out, |o| o.raw(name, inner.raw()));
            return;
        }
    };
    frame(out, "contentBlockStart", |o| {
        o.object("start", |o| {
            o.object(name, |o| {
                let kept = inner.entries().iter().filter(|(key, _)| &**key != grows);
                kept.for_each(|(key, value)| o.raw(key, value.raw()));
            });
        });
        o.number("contentBlockIndex", at);
    });
    let Some(grown) = inner.field(grows) else { return };
    delta_frame(at, out, |o| {
        if grows == "input" {
            o.object(name, |o| o.string("input", grown.raw()));
        } else {
            o.raw(name, grown.raw());
        }
    });
}

/// Whether a piece of arguments is all of them.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('{') && text.ends_with('}')
}

fn say_arguments(at: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        delta_frame(at, out, |o| o.object("toolUse", |o| o.string("input", text)));
    }
}

fn say_signature(at: u32, seal: &Signature, out: &mut Vec<u8>) {
    delta_frame(at, out, |o| {
        o.object("reasoningContent", |o| o.string("signature", &seal_text(seal)));
    });
}

/// Says most events of a stream.
fn say_text(at: u32, text: &str, out: &mut Vec<u8>) {
    delta_frame(at, out, |o| o.string("text", text));
}

fn delta_frame(at: u32, out: &mut Vec<u8>, f: impl FnOnce(&mut Object<'_>)) {
    frame(out, "contentBlockDelta", |o| {
        o.number("contentBlockIndex", at);
        o.object("delta", f);
    });
}

/// Says a seal that its block has no field for, as an empty thought behind it.
pub(super) fn say_seal(seal: &Signature, at: u32, out: &mut Vec<u8>) {
    delta_frame(at, out, |o| o.object("reasoningContent", |o| o.string("text", "")));
    say_signature(at, seal, out);
    frame(out, "contentBlockStop", |o| o.number("contentBlockIndex", at));
}

/// Appends one message of this event type.
pub(super) fn frame(out: &mut Vec<u8>, event: &str, f: impl FnOnce(&mut Object<'_>)) {
    event_stream::write(out, event_stream::Kind::Event(event), |out| json::object(out, f));
}
