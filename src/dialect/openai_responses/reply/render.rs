//! The hub's reply → a client's whole answer.

use crate::dialect::Seed;
use crate::dialect::openai_responses::echo::Echo;
use crate::dialect::openai_responses::namespace::Called;
use crate::dialect::openai_responses::reasoning::{self, Sealed};
use crate::dialect::openai_responses::types::{OWN, finish_words, item_id, note_end};
use crate::dialect::openai_responses::{citations, extras, usage};
use crate::ir::{
    Block, Candidate, Content, Finish, Losses, Media, Reply, ServiceTier, Source, ToolCall, ToolKind, Usage,
};
use crate::refusal::Refusal;
use crate::wire::json::{self, Array, Json, Object};

/// Writes a reply.
pub(in crate::dialect::openai_responses) fn render(
    reply: &Reply,
    seed: &Seed,
    losses: &mut Losses,
) -> Vec<u8> {
    let echo = Echo::of(seed);
    let mut out = Vec::with_capacity(2048);
    if reply.candidates.len() > 1 {
        losses.dropped("choices", "a response holds one answer");
    }
    let candidate = reply.candidates.first();
    let finish = candidate.and_then(|candidate| candidate.finish.as_ref());
    json::object(&mut out, |response| {
        let head = Place { id: reply.id.as_deref(), model: reply.model.as_deref(), created: reply.created };
        let (status, _) = finish_words(finish);
        note_end(finish, losses);
        write_head(response, head, seed, status, finish, None);
        response.array("output", |items| {
            if let Some(candidate) = candidate {
                Writer { items, seed, echo: &echo, number: 0, losses }.candidate(candidate, status);
                extras::note_lost(&candidate.extras, losses);
            }
        });
        write_tail(response, &echo, reply.service_tier.as_ref(), reply.usage.as_ref());
        extras::restore(&reply.extras, response);
        extras::note_lost(&reply.extras, losses);
    });
    out
}

/// What an upstream said of its answer as a whole.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::dialect::openai_responses) struct Place<'p> {
    /// Its id.
    pub id: Option<&'p str>,
    /// Its model.
    pub model: Option<&'p str>,
    /// Its time in seconds since 1970.
    pub created: Option<u64>,
}

/// Writes the members of a response before its output.
pub(in crate::dialect::openai_responses) fn write_head(
    response: &mut Object<'_>,
    place: Place<'_>,
    seed: &Seed,
    status: &str,
    finish: Option<&Finish>,
    refusal: Option<&Refusal>,
) {
    match place.id.filter(|id| id.starts_with("resp")) {
        Some(id) => response.string("id", id),
        None => response.string("id", &format!("resp_{}", seed.id)),
    }
    response.string("object", "response");
    response.number("created_at", place.created.unwrap_or(seed.created));
    response.string("status", status);
    match refusal {
        Some(refusal) => {
            response.object("error", |error| super::super::error::write_failure(error, refusal));
        }
        None => response.null("error"),
    }
    match finish_words(finish).1.filter(|_| status == "incomplete") {
        Some(why) => response.object("incomplete_details", |details| details.string("reason", why)),
        None => response.null("incomplete_details"),
    }
    response.string("model", place.model.unwrap_or(&seed.model));
}

/// Writes the members of a response after its output.
pub(in crate::dialect::openai_responses) fn write_tail(
    response: &mut Object<'_>,
    echo: &Echo,
    tier: Option<&ServiceTier>,
    used: Option<&Usage>,
) {
    echo.write(response, tier);
    match used {
        Some(used) => response.object("usage", |object| usage::write(used, object)),
        None => response.null("usage"),
    }
}

struct Writer<'a, 'w> {
    items: &'a mut Array<'w>,
    seed: &'a Seed,
    echo: &'a Echo,
    /// The number of the next item.
    number: usize,
    losses: &'a mut Losses,
}

impl Writer<'_, '_> {
    fn candidate(&mut self, candidate: &Candidate, status: &str) {
        let mut probable = candidate.logprobs.as_deref();
        let mut blocks = candidate.blocks.as_slice();
        while let Some((block, rest)) = blocks.split_first() {
            let run = blocks.iter().take_while(|block| is_words(block)).count();
            if run == 0 {
                self.block(block);
                blocks = rest;
                continue;
            }
            // A part with a seal ends its message, so that the seal can follow it.
            let sealed = blocks.iter().take(run).position(|block| block.signature.is_some());
            let (message, after) = blocks.split_at(sealed.map_or(run, |place| place + 1));
            let cut = after.is_empty() && status == "incomplete";
            self.message(message, if cut { "incomplete" } else { "completed" }, probable.take());
            if let Some(seal) = message.last().and_then(|block| block.signature.as_ref()) {
                if after.is_empty() {
                    note_last_seal(self.losses);
                } else {
                    self.seal(&Sealed::Last(seal.clone()));
                }
            }
            blocks = after;
        }
    }

    fn id(&mut self, prefix: &str) -> String {
        self.number += 1;
        item_id(prefix, &self.seed.id, self.number - 1)
    }

    fn message(&mut self, blocks: &[Block], status: &str, probable: Option<&str>) {
        let id = self.id("msg");
        let (items, losses) = (&mut *self.items, &mut *self.losses);
        items.object(|item| {
            write_message(item, &id, status, |parts| {
                let mut probable = probable;
                for block in blocks {
                    extras::note_lost(&block.extras, losses);
                    write_words(parts, block, &mut probable, losses);
                }
            });
        });
    }

    fn seal(&mut self, sealed: &Sealed) {
        let id = self.id("rs");
        self.items.object(|item| {
            item.string("id", &id);
            item.string("type", "reasoning");
            reasoning::write(item, "", Some(sealed));
        });
    }

    fn block(&mut self, block: &Block) {
        extras::note_lost(&block.extras, self.losses);
        match &block.content {
            Content::Reasoning(thought) => {
                let id = self.id("rs");
                let sealed = reasoning::own_seal(thought, block.signature.as_ref());
                self.items.object(|item| {
                    item.string("id", &id);
                    item.string("type", "reasoning");
                    reasoning::write(item, &thought.text, Some(&sealed));
                });
            }
            Content::ToolCall(call) => {
                if let Some(seal) = &block.signature {
                    self.seal(&Sealed::Next(seal.clone()));
                }
                note_hosted(&call.kind, self.losses);
                let id = self.id(prefix_of(&call.kind));
                let call_id = call_id(call, self.seed, self.number);
                let called = self.echo.called(&call.name);
                self.items.object(|item| {
                    write_call(item, &id, &call_id, call, "completed", &called);
                });
            }
            Content::Image(Media { source: Source::Base64(data), .. }) => {
                let id = self.id("ig");
                note_media_seal(block, self.losses);
                self.items.object(|item| write_picture(item, &id, block, data));
            }
            Content::Opaque { dialect: OWN, json, .. } => self.items.raw(json),
            other => note_unsaid(other, self.losses),
        }
    }
}

/// Whether a block is a part of a message.
pub(super) fn is_words(block: &Block) -> bool {
    matches!(block.content, Content::Text { .. } | Content::Refusal(_)) || is_part(&block.content)
}

fn is_part(content: &Content) -> bool {
    matches!(content, Content::Opaque { dialect: OWN, name, .. } if name.starts_with("output_"))
}

/// The beginning of a call's item's id.
pub(in crate::dialect::openai_responses) const fn prefix_of(kind: &ToolKind) -> &'static str {
    if matches!(kind, ToolKind::Custom(_)) { "ctc" } else { "fc" }
}

/// A call's id, made up where the upstream gave none.
pub(in crate::dialect::openai_responses) fn call_id(call: &ToolCall, seed: &Seed, number: usize) -> String {
    if call.id.is_empty() { format!("call_{}_{number}", seed.id) } else { call.id.clone() }
}

/// Writes the members of a message.
pub(in crate::dialect::openai_responses) fn write_message(
    item: &mut Object<'_>,
    id: &str,
    status: &str,
    parts: impl FnOnce(&mut Array<'_>),
) {
    item.string("id", id);
    item.string("type", "message");
    item.string("status", status);
    item.array("content", parts);
    item.string("role", "assistant");
}

fn write_words(parts: &mut Array<'_>, block: &Block, probable: &mut Option<&str>, losses: &mut Losses) {
    match &block.content {
        Content::Text { text, citations } => parts.object(|part| {
            part.string("type", "output_text");
            part.array("annotations", |list| {
                for citation in citations {
                    let mut said = Vec::new();
                    if citations::write(citation, &mut said, losses) {
                        list.embed(|out| out.extend_from_slice(&said));
                    }
                }
            });
            part.embed("logprobs", |out| write_logprobs(probable.take(), out));
            part.string("text", text);
        }),
        Content::Refusal(text) => parts.object(|part| {
            part.string("type", "refusal");
            part.string("refusal", text);
        }),
        Content::Opaque { json, .. } => parts.raw(json),
        _ => {}
    }
}

/// Writes the list of log probabilities that a candidate's object holds.
pub(in crate::dialect::openai_responses) fn write_logprobs(json: Option<&str>, out: &mut Vec<u8>) {
    let object = json.and_then(|json| json::parse(json.as_bytes()).ok());
    let list = object.as_ref().and_then(|object| object.field("content")).map(Json::raw);
    out.extend_from_slice(list.unwrap_or("[]").as_bytes());
}

/// Writes the members of a call.
pub(in crate::dialect::openai_responses) fn write_call(
    item: &mut Object<'_>,
    id: &str,
    call_id: &str,
    call: &ToolCall,
    status: &str,
    called: &Called,
) {
    item.string("id", id);
    let custom = matches!(call.kind, ToolKind::Custom(_));
    item.string("type", if custom { "custom_tool_call" } else { "function_call" });
    item.string("status", status);
    item.string(if custom { "input" } else { "arguments" }, &call.arguments);
    item.string("call_id", call_id);
    item.string("name", &called.name);
    item.opt_string("namespace", called.space.as_deref());
}

/// Writes the members of a picture's item.
pub(in crate::dialect::openai_responses) fn write_picture(
    item: &mut Object<'_>,
    id: &str,
    block: &Block,
    data: &str,
) {
    let own = |key: &str| extras::moot(&block.extras, &format!("{}{key}", extras::ITEM)).is_some();
    if !own("id") {
        item.string("id", id);
    }
    item.string("type", "image_generation_call");
    if !own("status") {
        item.string("status", "completed");
    }
    extras::restore_item(&block.extras, item);
    if let Content::Image(Media { media_type: Some(media_type), .. }) = &block.content
        && !own("output_format")
        && let Some(format) = media_type.strip_prefix("image/")
    {
        item.string("output_format", format);
    }
    item.string("result", data);
}

/// Notes that a provider's own tool is told as a function.
pub(in crate::dialect::openai_responses) fn note_hosted(kind: &ToolKind, losses: &mut Losses) {
    if matches!(kind, ToolKind::Hosted { dialect, .. } if *dialect != OWN) {
        losses.bent("tool_calls", "a provider's own tool is said as a function");
    }
}

/// Notes the seal of a picture: no client sends it back.
pub(in crate::dialect::openai_responses) fn note_media_seal(block: &Block, losses: &mut Losses) {
    if block.signature.is_some() {
        losses.dropped("content.signature", "pictures have no place for a seal here");
    }
}

/// Notes that the seal of a last text is left out: clients take the last item for the answer, and
/// Google does without the seal of a text.
pub(in crate::dialect::openai_responses) fn note_last_seal(losses: &mut Losses) {
    losses.dropped("content.signature", "an answer ends with its text");
}

/// Notes that a block cannot be said to a client at all.
pub(in crate::dialect::openai_responses) fn note_unsaid(content: &Content, losses: &mut Losses) {
    let field = match content {
        Content::Image(_) => "content.image",
        Content::Audio(_) => "content.audio",
        Content::Video(_) => "content.video",
        Content::Document(_) => "content.document",
        Content::ToolResult(_) => "content.tool_result",
        Content::Opaque { .. } => "content",
        Content::Text { .. } | Content::Refusal(_) | Content::Reasoning(_) | Content::ToolCall(_) => return,
    };
    losses.dropped(field, "a response has no place for it");
}
