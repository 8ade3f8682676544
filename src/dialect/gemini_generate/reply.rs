//! Whole answers, both ways.

use super::content;
use super::grounding::{self, Segment};
use super::stream::{Parser, is_block_of_prompt, note_foreign};
use super::types::{self, DIALECT};
use super::{case, error, logprobs, media, usage};
use crate::dialect::{Malformed, Seed};
use crate::ir::extras::MOOT;
use crate::ir::fold::fold;
use crate::ir::{
    Block, Candidate, Content, Event, Extras, Finish, FinishReason, Losses, Reply, ServiceTier, Usage,
};
use crate::wire::json::{self, Json, Object};

/// Reads a whole answer, or a list of its slices.
pub(super) fn parse(body: &[u8]) -> Result<Reply, Malformed> {
    let json = json::parse(body)?;
    let mut parser = Parser::default();
    let mut events = Vec::with_capacity(16);
    let known = ["candidates", "promptFeedback", "usageMetadata"];
    for slice in case::items(&json) {
        if let Some(error) = case::field(slice, "error") {
            return Err(Malformed::new("error", error::in_stream(error).message));
        }
        if !known.iter().any(|name| case::field(slice, name).is_some()) {
            return Err(Malformed::new("candidates", "expected an answer with candidates"));
        }
        parser.json(slice, &mut events);
    }
    parser.close(&mut events);
    events.push(Event::End);
    let mut reply = fold(events).map_err(|fault| Malformed::new("", fault.message))?;
    if reply.candidates.is_empty() {
        reply.candidates.push(Candidate::default());
    }
    for slice in case::items(&json) {
        keep_extras(slice, &mut reply);
    }
    for candidate in &mut reply.candidates {
        // A whole answer is not cut, even where nobody tells why it ended (seen of Gemini 1.5).
        let reason = if candidate.blocks.is_empty() { FinishReason::Other } else { FinishReason::Stop };
        candidate.finish.get_or_insert(Finish::new(reason));
    }
    Ok(reply)
}

/// Keeps the members of candidates for which there is no event.
fn keep_extras(slice: &Json<'_>, reply: &mut Reply) {
    let candidates = case::field(slice, "candidates").map(Json::elements).unwrap_or_default();
    for (at, json) in candidates.iter().enumerate() {
        let told = case::field(json, "index").and_then(Json::as_u64);
        let number = told.and_then(|number| usize::try_from(number).ok()).unwrap_or(at);
        let Some(candidate) = reply.candidates.get_mut(number) else { continue };
        for (name, value) in case::fields(json) {
            match &*name {
                "content" | "finishReason" | "index" | "logprobsResult" => {}
                _ if candidate.extras.json(DIALECT, &name).is_some() => {}
                _ => candidate.extras.push(DIALECT, &name, &case::compact(value)),
            }
        }
    }
}

/// Says a whole answer.
pub(super) fn render(reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
    note_foreign(&reply.extras, losses);
    let silent = reply.candidates.iter().all(|candidate| candidate.blocks.is_empty());
    let first = reply.candidates.first().and_then(|candidate| candidate.finish.as_ref());
    let blocked = silent && is_block_of_prompt(first, &reply.extras);
    let mut out = Vec::with_capacity(1024);
    json::object(&mut out, |o| {
        if !blocked {
            o.array("candidates", |a| {
                for (number, candidate) in (0_u32..).zip(&reply.candidates) {
                    a.object(|o| write_candidate(o, number, candidate, losses));
                }
            });
        }
        write_tail(o, &reply.extras, reply.usage.as_ref(), reply.service_tier.as_ref());
        o.string("modelVersion", reply.model.as_deref().unwrap_or(&seed.model));
        o.string("responseId", reply.id.as_deref().unwrap_or(&seed.id));
    });
    out
}

/// Adds what an answer says beside its candidates: its own extras and its usage.
pub(super) fn write_tail(
    o: &mut Object<'_>,
    extras: &Extras,
    usage: Option<&Usage>,
    tier: Option<&ServiceTier>,
) {
    for extra in extras.of(DIALECT) {
        let name = extra.name.strip_prefix(MOOT).unwrap_or(&extra.name);
        if !name.contains('.') {
            o.raw(name, &extra.json);
        }
    }
    let tier = tier.and_then(types::tier_word);
    let mut own = usage::extras(extras).peekable();
    if usage.is_some() || tier.is_some() || own.peek().is_some() {
        o.object("usageMetadata", |o| {
            if let Some(usage) = usage {
                usage::write(usage, o);
            }
            o.opt_string("serviceTier", tier);
            for (name, json) in own {
                o.raw(name, json);
            }
        });
    }
}

fn write_candidate(o: &mut Object<'_>, number: u32, candidate: &Candidate, losses: &mut Losses) {
    o.object("content", |o| {
        let mut parts = Vec::with_capacity(256);
        for block in &candidate.blocks {
            let before = parts.len();
            if before > 0 {
                parts.push(b',');
            }
            if !write_block(&mut parts, block, losses) {
                parts.truncate(before);
            }
        }
        if !parts.is_empty() {
            o.embed("parts", |out| {
                out.push(b'[');
                out.append(&mut parts);
                out.push(b']');
            });
        }
        o.string("role", "model");
    });
    if let Some(finish) = &candidate.finish {
        o.string("finishReason", types::finish_word(finish));
    }
    o.number("index", number);
    if let Some(logprobs) = &candidate.logprobs {
        logprobs::write(o, std::slice::from_ref(logprobs));
    }
    write_sources(o, candidate, losses);
    note_foreign(&candidate.extras, losses);
    for extra in candidate.extras.of(DIALECT) {
        o.raw(&extra.name, &extra.json);
    }
}

fn write_sources(o: &mut Object<'_>, candidate: &Candidate, losses: &mut Losses) {
    if grounding::is_told(&candidate.extras) {
        return;
    }
    let mut before = 0;
    let mut cited = Vec::new();
    for block in &candidate.blocks {
        if let Content::Text { text, citations } = &block.content {
            cited.extend(citations.iter().map(|one| (one, Segment::of(one, text, before))));
            before += text.len() as u64;
        }
    }
    grounding::write(o, &cited, losses);
}

/// Appends a block as a part; `false` when there is nothing to say.
pub(super) fn write_block(out: &mut Vec<u8>, block: &Block, losses: &mut Losses) -> bool {
    note_foreign(&block.extras, losses);
    let seal = content::carried(block);
    let part = |out: &mut Vec<u8>, says: &dyn Fn(&mut Object<'_>)| {
        content::write_part(out, seal.as_deref(), &block.extras, says);
        true
    };
    match &block.content {
        Content::Text { text, .. } | Content::Refusal(text) if text.is_empty() && seal.is_none() => false,
        Content::Text { text, .. } | Content::Refusal(text) => part(out, &|o| o.string("text", text)),
        Content::Reasoning(thought) if thought.text.is_empty() && seal.is_none() => false,
        Content::Reasoning(thought) => part(out, &|o| content::write_text(o, &thought.text, true)),
        Content::ToolCall(call) => {
            if !content::are_arguments(&call.arguments) {
                losses.bent("content.arguments", content::ONLY_AN_OBJECT);
            }
            part(out, &|o| content::write_call(o, &call.id, &call.name, &call.arguments, &block.extras))
        }
        Content::Image(media) | Content::Document(media) | Content::Audio(media) | Content::Video(media) => {
            part(out, &|o| media::write_media(o, media))
        }
        Content::Opaque { dialect: DIALECT, json, .. } => {
            out.extend_from_slice(json.as_bytes());
            true
        }
        Content::Opaque { name, .. } => {
            losses.dropped(format!("content.{name}"), "only its own dialect has it");
            false
        }
        Content::ToolResult(_) => {
            losses.dropped("content.tool_result", "answers hold no results");
            false
        }
    }
}
