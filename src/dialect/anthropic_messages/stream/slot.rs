//! One block of a client's stream, from its start to its stop.

use crate::dialect::Seed;
use crate::dialect::anthropic_messages::reply;
use crate::dialect::anthropic_messages::types::DIALECT;
use crate::ir::{Block, Content, Delta, Losses, Opening, Signature, ToolCall};
use crate::wire::json::{self, Json, Object};
use crate::wire::lens::{Edit, Lens};
use crate::wire::sse;

/// A block that is being said or waits for its turn.
#[derive(Debug)]
pub(super) struct Slot {
    /// The hub's number of it.
    pub(super) index: u32,
    kind: Kind,
    /// Whether its start was said.
    begun: bool,
    /// Whether nothing more will come.
    pub(super) stopped: bool,
    /// The seal that has no place inside the block.
    pub(super) seal: Option<Signature>,
    /// What came before its turn.
    pub(super) waiting: Vec<Delta>,
}

#[derive(Debug)]
enum Kind {
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
            Opening::Text => (Kind::Text, Vec::new()),
            Opening::Refusal => {
                losses.bent("refusal", "said as text");
                (Kind::Text, Vec::new())
            }
            Opening::Reasoning => (Kind::Thinking, Vec::new()),
            Opening::ToolCall { id, name, kind } => {
                let call = ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    kind: kind.clone(),
                };
                (Kind::Call(call), Vec::new())
            }
            Opening::Whole(block) => {
                let said = whole(block);
                if said.is_none() {
                    reply::note_unsaid(&block.content, losses);
                }
                said?
            }
        };
        Some(Self { index, kind, begun: false, stopped: false, seal: None, waiting })
    }

    /// Says the start of the block. A call's waits for its first arguments: a seal that comes
    /// with them belongs into the start. That of a text behind other blocks waits for its first words: where
    /// none come, it is no block but the place of a seal.
    pub(super) fn begin_if_ready(&mut self, at: u32, seed: &Seed, out: &mut Vec<u8>) {
        let waits = match self.kind {
            Kind::Call(_) => true,
            Kind::Text => at > 0,
            Kind::Thinking | Kind::Whole(_) => false,
        };
        if !self.begun && !waits {
            self.begin(at, seed, out);
        }
    }

    fn begin(&mut self, at: u32, seed: &Seed, out: &mut Vec<u8>) {
        self.begun = true;
        frame(out, "content_block_start", |o| {
            o.number("index", at);
            match &self.kind {
                Kind::Text => o.raw("content_block", r#"{"type":"text","text":""}"#),
                Kind::Thinking => {
                    o.raw("content_block", r#"{"type":"thinking","thinking":"","signature":""}"#);
                }
                Kind::Call(call) => o.object("content_block", |o| {
                    let seal = self.seal.take();
                    let index = usize::try_from(self.index).unwrap_or_default();
                    reply::write_call_head(call, seal.as_ref(), index, seed, o);
                    o.raw("input", "{}");
                }),
                Kind::Whole(block) => o.embed("content_block", |out| start_whole(block, out)),
            }
        });
    }

    pub(super) fn grow(
        &mut self,
        delta: &Delta,
        at: u32,
        seed: &Seed,
        out: &mut Vec<u8>,
        losses: &mut Losses,
    ) {
        if matches!(self.kind, Kind::Text) && !self.begun && is_said(delta) {
            self.begin(at, seed, out);
        }
        match (&mut self.kind, delta) {
            (Kind::Text, Delta::Text(text) | Delta::Refusal(text)) if text.is_empty() => {}
            (Kind::Text, Delta::Text(text) | Delta::Refusal(text)) => {
                say_delta(at, "text_delta", "text", text, out);
            }
            (Kind::Text, Delta::Citation(citation)) if reply::can_cite(citation, losses) => {
                frame(out, "content_block_delta", |o| {
                    o.number("index", at);
                    o.object("delta", |o| {
                        o.string("type", "citations_delta");
                        o.embed("citation", |out| reply::write_citation(citation, out));
                    });
                });
            }
            (Kind::Thinking, Delta::Reasoning(text)) => {
                say_delta(at, "thinking_delta", "thinking", text, out);
            }
            (Kind::Thinking, Delta::Signature(seal)) => {
                let seal = seal.carried_by(DIALECT);
                say_delta(at, "signature_delta", "signature", &seal, out);
            }
            (Kind::Text, Delta::Signature(seal)) => self.seal = Some(seal.clone()),
            (Kind::Call(call), Delta::Signature(seal)) => {
                self.seal = Some(seal.clone());
                if !self.begun && !reply::is_free_text(&call.kind) {
                    let held = std::mem::take(&mut call.arguments);
                    self.begin(at, seed, out);
                    say_arguments(at, &held, out);
                }
            }
            (Kind::Call(_), Delta::Arguments(_)) if self.begun => {
                if let Delta::Arguments(text) = delta {
                    say_arguments(at, text, out);
                }
            }
            (Kind::Call(call), Delta::Arguments(text)) => {
                let first = call.arguments.is_empty();
                call.arguments.push_str(text);
                let held = reply::is_free_text(&call.kind) || (first && is_whole(text));
                if !held && !call.arguments.is_empty() {
                    let held = std::mem::take(&mut call.arguments);
                    self.begin(at, seed, out);
                    say_arguments(at, &held, out);
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
        if !self.begun && matches!(self.kind, Kind::Text) {
            return false;
        }
        if !self.begun {
            self.begin(at, seed, out);
        }
        if let Kind::Call(call) = &self.kind {
            if reply::is_free_text(&call.kind) {
                losses.bent("tools.custom", "free text is said as one argument");
                let mut input = Vec::new();
                json::object(&mut input, |o| o.string("input", &call.arguments));
                say_arguments(at, &String::from_utf8_lossy(&input), out);
            } else {
                say_arguments(at, &call.arguments, out);
            }
        }
        if let Kind::Whole(block) = &self.kind
            && let Some(input) = input_of(block)
        {
            say_arguments(at, &input, out);
        }
        frame(out, "content_block_stop", |o| o.number("index", at));
        true
    }
}

/// Whether a text that grows by this has begun.
fn is_said(delta: &Delta) -> bool {
    match delta {
        Delta::Text(text) | Delta::Refusal(text) => !text.is_empty(),
        Delta::Citation(_) => true,
        Delta::Reasoning(_) | Delta::Arguments(_) | Delta::Signature(_) => false,
    }
}

/// What a block that came whole is said as: blocks that grow are said as if they had grown.
fn whole(block: &Block) -> Option<(Kind, Vec<Delta>)> {
    let seal = block.signature.clone().map(Delta::Signature);
    Some(match &block.content {
        Content::Text { text, citations } => {
            let cited = citations.iter().cloned().map(Delta::Citation);
            (Kind::Text, std::iter::once(Delta::Text(text.clone())).chain(cited).chain(seal).collect())
        }
        Content::Refusal(text) => (Kind::Text, vec![Delta::Text(text.clone())]),
        Content::Reasoning(thought) if thought.redacted.is_none() => {
            let thought = Delta::Reasoning(thought.text.clone());
            (Kind::Thinking, std::iter::once(thought).chain(seal).collect())
        }
        Content::ToolCall(call) => {
            let arguments = Delta::Arguments(call.arguments.clone());
            let call = ToolCall { arguments: String::new(), ..call.clone() };
            (Kind::Call(call), seal.into_iter().chain([arguments]).collect())
        }
        Content::Reasoning(_) | Content::Opaque { dialect: DIALECT, .. } => {
            (Kind::Whole(Box::new(block.clone())), Vec::new())
        }
        Content::ToolResult(_)
        | Content::Image(_)
        | Content::Document(_)
        | Content::Audio(_)
        | Content::Video(_)
        | Content::Opaque { .. } => return None,
    })
}

fn start_whole(block: &Block, out: &mut Vec<u8>) {
    match &block.content {
        Content::Opaque { json, .. } if input_of(block).is_some() => {
            // Clients gather the input of a call from its deltas, whoever runs the tool.
            let bare = [Edit::Set { key: "input".into(), value: "{}".to_owned() }];
            let bare = Lens::new(json.as_bytes()).map(|lens| lens.apply(&bare));
            out.extend(bare.unwrap_or_else(|_| json.clone().into_bytes()));
        }
        Content::Opaque { json, .. } => out.extend_from_slice(json.as_bytes()),
        Content::Reasoning(thought) => json::object(out, |o| {
            if let Some(redacted) = &thought.redacted {
                reply::write_redacted(redacted, o);
            }
        }),
        _ => out.extend_from_slice(b"{}"),
    }
}

/// The input of a call of a server's tool.
fn input_of(block: &Block) -> Option<String> {
    let Content::Opaque { name, json, .. } = &block.content else { return None };
    if !name.ends_with("tool_use") {
        return None;
    }
    let json = json::parse(json.as_bytes()).ok()?;
    json.field("input").map(Json::raw).filter(|input| *input != "{}").map(str::to_owned)
}

/// Whether a piece of arguments is all of them.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('{') && text.ends_with('}')
}

fn say_arguments(at: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        say_delta(at, "input_json_delta", "partial_json", text, out);
    }
}

/// Says most events of a stream, and so is written out; kind and key need no escapes.
fn say_delta(at: u32, kind: &str, key: &str, text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 160);
    let mut number = itoa::Buffer::new();
    for piece in [
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
        number.format(at),
        ",\"delta\":{\"type\":\"",
        kind,
        "\",\"",
        key,
        "\":",
    ] {
        out.extend_from_slice(piece.as_bytes());
    }
    json::write_string(out, text);
    out.extend_from_slice(b"}}\n\n");
}

/// Says a seal that its block has no field for, as an empty thought behind it.
pub(super) fn say_seal(seal: &Signature, at: u32, out: &mut Vec<u8>) {
    frame(out, "content_block_start", |o| {
        o.number("index", at);
        o.raw("content_block", r#"{"type":"thinking","thinking":"","signature":""}"#);
    });
    say_delta(at, "signature_delta", "signature", &seal.carried_by(DIALECT), out);
    frame(out, "content_block_stop", |o| o.number("index", at));
}

pub(super) fn frame(out: &mut Vec<u8>, event: &str, f: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let start = out.len();
    json::object(out, |o| {
        o.string("type", event);
        f(o);
    });
    // What passes as it came may come in lines.
    sse::in_one_line(out.get_mut(start..).unwrap_or_default());
    out.extend_from_slice(b"\n\n");
}
