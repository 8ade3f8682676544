//! Events → a client's chunks.

use crate::dialect::openai_chat::extras::{self, Sent};
use crate::dialect::openai_chat::reply::{
    note_media_seal, stands_apart, write_audio, write_citation, write_end, write_image,
};
use crate::dialect::openai_chat::types::{OWN, finish_word, tier_word};
use crate::dialect::openai_chat::{reasoning, tools};
use crate::dialect::{Seed, StreamRenderer, StreamShape};
use crate::dialect::{openai_error as error, openai_usage as usage};
use crate::ir::{
    Block, Citation, Content, Delta, Dialect, Event, Extras, Finish, Losses, Opening, ServiceTier, Signature,
    ToolKind, Usage, seal_id,
};
use crate::wire::json::{self, Object};
use crate::wire::sse;

use super::members::Late;

/// Writes one stream.
#[derive(Debug)]
pub(in crate::dialect::openai_chat) struct Renderer {
    seed: Seed,
    shape: StreamShape,
    /// What every chunk begins with, up to its choices.
    head: Vec<u8>,
    /// The blocks by their numbers.
    blocks: Vec<Slot>,
    /// The candidates whose role was said, with how many calls each has made.
    candidates: Vec<(u32, u32)>,
    /// A call that waits for a moment: its seal, if it has one, rides on its id.
    held: Option<Held>,
    usage: Option<Usage>,
    late: Late,
    over: bool,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    candidate: u32,
    /// The number of the call within its candidate, for calls.
    call: u32,
    kind: Kind,
    /// Whether anything of it was said.
    grew: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Refusal,
    Function,
    Custom,
    Older,
    /// What has no place in the client's stream.
    Unsaid,
    Whole,
}

#[derive(Debug)]
struct Held {
    block: u32,
    id: String,
    name: String,
    kind: ToolKind,
}

impl Renderer {
    pub(in crate::dialect::openai_chat) fn new(seed: &Seed, shape: StreamShape) -> Self {
        Self {
            seed: seed.clone(),
            shape,
            head: Vec::new(),
            blocks: Vec::new(),
            candidates: Vec::new(),
            held: None,
            usage: None,
            late: Late::default(),
            over: false,
        }
    }
}

impl StreamRenderer for Renderer {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>, losses: &mut Losses) {
        if self.over {
            return;
        }
        if let Some(held) = self.held.take() {
            let seal = seal_of(event, held.block);
            self.call(&held, seal, out);
            if seal.is_some() {
                return;
            }
        }
        match event {
            Event::Start { id, model, created, service_tier, extras } => {
                extras::note_lost(extras, Sent::Yes, losses);
                self.head =
                    self.head_of(id.as_deref(), model.as_deref(), *created, service_tier.as_ref(), extras);
                self.role(0, out);
            }
            Event::BlockStart { candidate, opening, .. } => self.open(*candidate, opening, out, losses),
            Event::Delta { index, delta } => self.delta(*index, delta, out, losses),
            Event::BlockStop { index } => self.stop(*index, out),
            Event::Logprobs { candidate, json } => {
                self.role(*candidate, out);
                self.chunk(*candidate, Some(json), None, out, |_| {});
            }
            Event::Extras { candidate, extras } => {
                extras::note_lost(extras, Sent::Yes, losses);
                self.late.push(*candidate, extras);
            }
            Event::Usage(usage) => self.usage.get_or_insert_default().merge(usage),
            Event::Finish { candidate, finish } => {
                self.role(*candidate, out);
                self.chunk(*candidate, None, Some(finish), out, |_| {});
            }
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Fault(fault) => {
                self.over = true;
                out.extend_from_slice(b"data: ");
                error::write(out, &fault.clone().into_refusal());
                out.extend_from_slice(b"\n\n");
            }
            Event::End => self.end(out, losses),
        }
    }
}

impl Renderer {
    fn head_of(
        &self,
        id: Option<&str>,
        model: Option<&str>,
        created: Option<u64>,
        tier: Option<&ServiceTier>,
        extras: &Extras,
    ) -> Vec<u8> {
        let mut head = Vec::with_capacity(192);
        json::object(&mut head, |chunk| {
            match id {
                Some(id) => chunk.string("id", id),
                None => chunk.string("id", &format!("chatcmpl-{}", self.seed.id)),
            }
            chunk.string("object", "chat.completion.chunk");
            chunk.number("created", created.unwrap_or(self.seed.created));
            chunk.string("model", model.unwrap_or(&self.seed.model));
            if let Some(tier) = tier {
                chunk.string("service_tier", tier_word(tier));
            }
            extras::restore(extras, "", chunk);
        });
        head.pop();
        sse::in_one_line(&mut head);
        head
    }

    /// The beginning of a chunk; a stream whose start was never said still has a head.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.head.is_empty() {
            self.head = self.head_of(None, None, None, None, &Extras::NONE);
        }
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b",\"choices\":[");
    }

    fn chunk(
        &mut self,
        candidate: u32,
        logprobs: Option<&str>,
        finish: Option<&Finish>,
        out: &mut Vec<u8>,
        delta: impl FnOnce(&mut Object<'_>),
    ) {
        let own = finish.map(|_| self.late.take(Some(candidate))).unwrap_or_default();
        self.begin(out);
        let start = out.len();
        json::object(out, |choice| {
            choice.number("index", candidate);
            choice.object("delta", |object| {
                delta(object);
                extras::restore(&own, "message.", object);
            });
            choice.raw("logprobs", logprobs.unwrap_or("null"));
            match finish {
                Some(finish) => {
                    choice.string("finish_reason", finish_word(finish));
                    write_end(choice, finish);
                }
                None => choice.null("finish_reason"),
            }
            extras::restore(&own, "", choice);
        });
        // What passes as it came may come in lines.
        sse::in_one_line(out.get_mut(start..).unwrap_or_default());
        out.push(b']');
        if self.shape.usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        if finish.is_some() {
            self.late.write(out);
        }
        out.extend_from_slice(b"}\n\n");
    }

    /// Says once who speaks, before anything else of a candidate.
    fn role(&mut self, candidate: u32, out: &mut Vec<u8>) {
        if self.candidates.iter().any(|(known, _)| *known == candidate) {
            return;
        }
        self.candidates.push((candidate, 0));
        self.chunk(candidate, None, None, out, |delta| {
            delta.string("role", "assistant");
            delta.string("content", "");
            delta.null("refusal");
        });
    }

    fn next_call(&mut self, candidate: u32) -> u32 {
        let known = self.candidates.iter_mut().find(|(known, _)| *known == candidate);
        known.map_or(0, |(_, calls)| {
            *calls += 1;
            *calls - 1
        })
    }

    fn has_called(&self, candidate: u32) -> bool {
        self.candidates.iter().any(|(known, calls)| *known == candidate && *calls > 0)
    }

    fn open(&mut self, candidate: u32, opening: &Opening, out: &mut Vec<u8>, losses: &mut Losses) {
        self.role(candidate, out);
        let block = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        let mut call = 0;
        let kind = match opening {
            Opening::Text => Kind::Text,
            Opening::Reasoning => Kind::Reasoning,
            Opening::Refusal => Kind::Refusal,
            Opening::ToolCall { kind: ToolKind::Older, .. } if self.has_called(candidate) => {
                tools::note_second_call(losses);
                Kind::Unsaid
            }
            Opening::ToolCall { id, name, kind } => {
                call = self.next_call(candidate);
                let id = if id.is_empty() { format!("call_{}_{block}", self.seed.id) } else { id.clone() };
                self.held = Some(Held { block, id, name: name.clone(), kind: kind.clone() });
                match kind {
                    ToolKind::Custom(_) => Kind::Custom,
                    ToolKind::Older => Kind::Older,
                    ToolKind::Function | ToolKind::Hosted { .. } => Kind::Function,
                }
            }
            Opening::Whole(_) => Kind::Whole,
        };
        self.blocks.push(Slot { candidate, call, kind, grew: false });
        if let Opening::Whole(whole) = opening {
            self.whole(candidate, block, whole, out, losses);
        }
    }

    fn call(&mut self, held: &Held, seal: Option<&Signature>, out: &mut Vec<u8>) {
        let Some(slot) = self.slot(held.block) else {
            return;
        };
        self.chunk(slot.candidate, None, None, out, |delta| {
            if slot.kind == Kind::Older {
                tools::write_older_call(delta, Some(&held.name), "", seal);
                return;
            }
            delta.array("tool_calls", |calls| {
                calls.object(|call| {
                    call.number("index", slot.call);
                    match seal {
                        Some(seal) if seal.dialect == Dialect::GeminiGenerate => {
                            call.string("id", &seal_id(&held.id, seal));
                        }
                        Some(_) | None => call.string("id", &held.id),
                    }
                    tools::write_call(call, &held.name, "", &held.kind);
                    if let Some(seal) = seal {
                        tools::write_seal(call, seal);
                    }
                });
            });
        });
    }

    fn slot(&self, block: u32) -> Option<Slot> {
        self.blocks.get(usize::try_from(block).ok()?).copied()
    }

    fn grew(&mut self, block: u32) {
        let place = usize::try_from(block).ok();
        if let Some(slot) = place.and_then(|place| self.blocks.get_mut(place)) {
            slot.grew = true;
        }
    }

    fn delta(&mut self, block: u32, delta: &Delta, out: &mut Vec<u8>, losses: &mut Losses) {
        let Some(slot) = self.slot(block).filter(|slot| slot.kind != Kind::Unsaid) else { return };
        let candidate = slot.candidate;
        match delta {
            Delta::Text(text) => self.text(candidate, text, out),
            Delta::Refusal(text) => {
                self.chunk(candidate, None, None, out, |delta| delta.string("refusal", text));
            }
            Delta::Reasoning(text) => self.chunk(candidate, None, None, out, |delta| {
                delta.string("reasoning_content", text);
                delta.array("thinking_blocks", |blocks| {
                    blocks.object(|block| reasoning::write_thinking(block, text, None));
                });
            }),
            Delta::Arguments(text) => {
                self.grew(block);
                self.arguments(slot, text, out);
            }
            Delta::Signature(seal) => self.seal(slot, seal, out),
            Delta::Citation(citation) => self.citation(candidate, citation, out, losses),
        }
    }

    /// What nearly all chunks are, written without asking what else might be in one.
    fn text(&mut self, candidate: u32, text: &str, out: &mut Vec<u8>) {
        self.begin(out);
        out.extend_from_slice(b"{\"index\":");
        out.extend_from_slice(itoa::Buffer::new().format(candidate).as_bytes());
        out.extend_from_slice(b",\"delta\":{\"content\":");
        json::write_string(out, text);
        out.extend_from_slice(if self.shape.usage {
            b"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n".as_slice()
        } else {
            b"},\"logprobs\":null,\"finish_reason\":null}]}\n\n".as_slice()
        });
    }

    fn arguments(&mut self, slot: Slot, text: &str, out: &mut Vec<u8>) {
        let (body, key) = body_of(slot);
        self.chunk(slot.candidate, None, None, out, |delta| {
            if slot.kind == Kind::Older {
                tools::write_older_call(delta, None, text, None);
                return;
            }
            delta.array("tool_calls", |calls| {
                calls.object(|call| {
                    call.number("index", slot.call);
                    call.object(body, |object| object.string(key, text));
                });
            });
        });
    }

    fn seal(&mut self, slot: Slot, seal: &Signature, out: &mut Vec<u8>) {
        self.chunk(slot.candidate, None, None, out, |delta| match slot.kind {
            Kind::Reasoning if seal.dialect == OWN => {
                delta.array("reasoning_details", |array| {
                    reasoning::write_details(array, seal);
                });
            }
            Kind::Reasoning => delta.array("thinking_blocks", |blocks| {
                blocks.object(|block| reasoning::write_thinking(block, "", Some(seal)));
            }),
            Kind::Function | Kind::Custom => delta.array("tool_calls", |calls| {
                calls.object(|call| {
                    call.number("index", slot.call);
                    // OpenAI's SDK gives up on a call's delta without its body.
                    let (body, key) = body_of(slot);
                    call.object(body, |object| object.string(key, ""));
                    tools::write_seal(call, seal);
                });
            }),
            Kind::Older => tools::write_older_call(delta, None, "", Some(seal)),
            Kind::Text | Kind::Refusal | Kind::Whole | Kind::Unsaid => tools::write_seal(delta, seal),
        });
    }

    fn citation(&mut self, candidate: u32, citation: &Citation, out: &mut Vec<u8>, losses: &mut Losses) {
        if stands_apart(citation) {
            return;
        }
        let mut annotations = Vec::new();
        json::array(&mut annotations, |array| {
            write_citation(array, citation, 0, losses);
        });
        if annotations != b"[]" {
            self.chunk(candidate, None, None, out, |delta| {
                delta.embed("annotations", |out| out.extend_from_slice(&annotations));
            });
        }
    }

    fn whole(&mut self, candidate: u32, number: u32, block: &Block, out: &mut Vec<u8>, losses: &mut Losses) {
        note_media_seal(block, losses);
        match &block.content {
            Content::Text { text, .. } => {
                self.chunk(candidate, None, None, out, |delta| delta.string("content", text));
            }
            Content::Refusal(text) => {
                self.chunk(candidate, None, None, out, |delta| delta.string("refusal", text));
            }
            Content::Reasoning(thought) => self.chunk(candidate, None, None, out, |delta| {
                if !thought.text.is_empty() {
                    delta.string("reasoning_content", &thought.text);
                }
                delta.array("thinking_blocks", |blocks| {
                    blocks.object(|object| {
                        if let Some(redacted) = &thought.redacted {
                            reasoning::write_redacted(object, redacted);
                        } else {
                            reasoning::write_thinking(object, &thought.text, block.signature.as_ref());
                        }
                    });
                });
            }),
            Content::Image(media) => self.chunk(candidate, None, None, out, |delta| {
                delta.array("images", |images| write_image(images, media));
            }),
            Content::Audio(media) => {
                let id = format!("audio_{}_{number}", self.seed.id);
                let created = self.seed.created;
                self.chunk(candidate, None, None, out, |delta| {
                    delta.object("audio", |audio| write_audio(audio, block, media, &id, created));
                });
            }
            Content::Opaque { dialect: OWN, json, .. } => self.chunk(candidate, None, None, out, |delta| {
                delta.array("content", |parts| parts.raw(json));
            }),
            Content::Opaque { .. }
            | Content::Document(_)
            | Content::Video(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_) => {
                losses.dropped("content", "the block has no place in a stream of this dialect");
            }
        }
    }

    /// A call without arguments has empty ones.
    fn stop(&mut self, block: u32, out: &mut Vec<u8>) {
        if let Some(slot) = self.slot(block)
            && matches!(slot.kind, Kind::Function | Kind::Older)
            && !slot.grew
        {
            self.arguments(slot, "{}", out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        self.over = true;
        if self.shape.usage
            && let Some(used) = self.usage
        {
            self.begin(out);
            out.extend_from_slice(b"],\"usage\":");
            json::object(out, |object| usage::write(&used, object));
            self.late.write(out);
            out.extend_from_slice(b"}\n\n");
        }
        self.late.note_lost(losses);
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// The member of a call that holds what it is called with, and that one's own name.
fn body_of(slot: Slot) -> (&'static str, &'static str) {
    if slot.kind == Kind::Custom { ("custom", "input") } else { ("function", "arguments") }
}

/// The seal that the event puts on a block.
fn seal_of(event: &Event, block: u32) -> Option<&Signature> {
    match event {
        Event::Delta { index, delta: Delta::Signature(seal) } if *index == block => Some(seal),
        _ => None,
    }
}
