//! Whole replies, both ways; also how one block is said to a client.

use super::content::media::{self, Kind, Texts};
use super::content::read;
use super::content::send::{redacted_text, write_input, write_text};
use super::types::{
    DIALECT, after_calls, finish_word, parse_finish, parse_tier, seal_text, tier_served_word,
};
use super::usage;
use crate::dialect::{Malformed, Seed, tool_names};
use crate::ir::extras::MOOT;
use crate::ir::{
    Block, Candidate, Citation, Content, Dialect, Extras, Losses, Reply, ServiceTier, Signature, ToolCall,
    ToolKind, Usage, seal_id,
};
use crate::wire::json::{self, Array, Json, Object};

/// The members of a reply that have a place of their own in the hub.
const KNOWN: [&str; 4] = ["output", "stopReason", "usage", "serviceTier"];

/// What the service measured; nobody asked for it, and others need not say it.
const METRICS: &str = "metrics";

/// Reads an upstream's reply.
pub(super) fn parse(body: &[u8]) -> Result<Reply, Malformed> {
    let json = json::parse(body)?;
    let content = json.at(&["output", "message", "content"]);
    let word = json.field("stopReason").and_then(Json::as_str);
    if content.is_none() && word.is_none() {
        return Err(Malformed::new("", "expected a reply with output and stopReason"));
    }
    let blocks = content.map(read::content).unwrap_or_default();
    let called = blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_)));
    let finish = word.map(|word| parse_finish(word, met(&json)));
    let tier = json.at(&["serviceTier", "type"]).and_then(Json::as_str);
    Ok(Reply {
        id: None,
        model: None,
        created: None,
        candidates: vec![Candidate {
            blocks,
            finish: if called { finish.map(after_calls) } else { finish },
            logprobs: None,
            extras: Extras::NONE,
        }],
        usage: json.field("usage").map(usage::parse),
        service_tier: tier.map(parse_tier),
        extras: extras(&json, &KNOWN),
    })
}

/// The stop string that was met, where the client asked for the model's own field of it.
pub(super) fn met<'j>(json: &'j Json<'_>) -> Option<&'j str> {
    json.at(&["additionalModelResponseFields", "stop_sequence"])?.as_str()
}

/// The members that are not `known`, nor the padding that hides how long an answer is.
pub(super) fn extras(json: &Json<'_>, known: &[&str]) -> Extras {
    let mut extras = Extras::NONE;
    for (key, value) in json.entries() {
        match &**key {
            METRICS => extras.push(DIALECT, &format!("{MOOT}{METRICS}"), value.raw()),
            "p" => {}
            key if !known.contains(&key) && !value.is_null() => extras.push(DIALECT, key, value.raw()),
            _ => {}
        }
    }
    extras
}

/// Says a reply to a client.
pub(super) fn render(reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
    if reply.candidates.len() > 1 {
        losses.dropped("n", "a reply holds one answer");
    }
    let candidate = reply.candidates.first();
    if candidate.is_some_and(|candidate| candidate.logprobs.is_some()) {
        losses.dropped("logprobs", "replies hold none");
    }
    for extra in candidate.iter().flat_map(|candidate| candidate.extras.foreign(DIALECT)) {
        losses.dropped(extra.name.clone(), "only its own dialect has it");
    }
    let blocks = candidate.map(|candidate| candidate.blocks.as_slice()).unwrap_or_default();
    let mut out = Vec::with_capacity(1024);
    json::object(&mut out, |o| {
        write_metrics(&reply.extras, o);
        o.object("output", |o| {
            o.object("message", |o| {
                o.array("content", |a| write_blocks(blocks, seed, a, losses));
                o.string("role", "assistant");
            });
        });
        let finish = candidate.and_then(|candidate| candidate.finish.as_ref());
        o.string("stopReason", finish.map_or("end_turn", |finish| finish_word(finish, losses)));
        write_usage(reply.usage.as_ref(), o);
        write_beside(reply.service_tier.as_ref(), &reply.extras, o, losses);
    });
    out
}

fn write_blocks(blocks: &[Block], seed: &Seed, a: &mut Array<'_>, losses: &mut Losses) {
    for (index, block) in blocks.iter().enumerate() {
        // An empty text is but the place of a seal.
        if block.as_text() != Some("") {
            write_block(block, index, seed, a, losses);
        }
        if !matches!(block.content, Content::Text { .. }) {
            continue;
        }
        match &block.signature {
            Some(_) if index + 1 == blocks.len() => note_last_seal(losses),
            Some(seal) => write_seal(seal, a),
            None => {}
        }
    }
}

/// Writes what was measured; clients read the time without asking whether it is there.
pub(super) fn write_metrics(extras: &Extras, o: &mut Object<'_>) {
    let own = extras.json(DIALECT, &format!("{MOOT}{METRICS}"));
    o.raw(METRICS, own.unwrap_or(r#"{"latencyMs":0}"#));
}

/// Writes `usage`, of zeros when nothing was counted.
pub(super) fn write_usage(used: Option<&Usage>, o: &mut Object<'_>) {
    o.object("usage", |o| usage::write(&used.copied().unwrap_or_default(), o));
}

/// Writes the tier that has served, and the members that only this dialect has.
pub(super) fn write_beside(
    tier: Option<&ServiceTier>,
    extras: &Extras,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    if let Some(tier) = tier {
        o.object("serviceTier", |o| o.string("type", tier_served_word(tier)));
    }
    for extra in extras.of(DIALECT).filter(|extra| !extra.name.starts_with(MOOT)) {
        o.raw(&extra.name, &extra.json);
    }
    for extra in extras.foreign(DIALECT) {
        losses.dropped(extra.name.clone(), "only its own dialect has it");
    }
}

fn write_block(block: &Block, index: usize, seed: &Seed, a: &mut Array<'_>, losses: &mut Losses) {
    match &block.content {
        Content::Text { text, citations } => {
            let citations: Vec<String> = citations.iter().map(citation_json).collect();
            a.object(|o| write_text(text, &citations, o));
        }
        Content::Refusal(text) => {
            losses.bent("refusal", "said as text");
            a.object(|o| o.string("text", text));
        }
        Content::Reasoning(thought) => a.object(|o| {
            o.object("reasoningContent", |o| match &thought.redacted {
                Some(redacted) => o.string("redactedContent", &redacted_text(redacted)),
                None => o.object("reasoningText", |o| {
                    o.string("text", &thought.text);
                    o.opt_string("signature", block.signature.as_ref().map(seal_text).as_deref());
                    write_block_extras(&block.extras, o, losses);
                }),
            });
        }),
        Content::ToolCall(call) => a.object(|o| {
            o.object("toolUse", |o| {
                write_call_head(call, block.signature.as_ref(), index, seed, o);
                write_input(call, o, losses);
                write_block_extras(&block.extras, o, losses);
            });
        }),
        Content::Image(media) if can_show(media) => a.object(|o| {
            o.object("image", |o| media::write(Kind::Image, media, None, Texts::Bytes, o));
        }),
        Content::Opaque { dialect: DIALECT, json, .. } => a.raw(json),
        other => note_unsaid(other, losses),
    }
}

/// Whether a picture of the model's can be handed on: its bytes must be here.
pub(super) fn can_show(media: &crate::ir::Media) -> bool {
    matches!(media.source, crate::ir::Source::Base64(_)) && Kind::Image.format(media).is_some()
}

/// Notes that a block cannot be said to a client at all.
pub(super) fn note_unsaid(content: &Content, losses: &mut Losses) {
    let field = match content {
        Content::Image(_) => "message.image",
        Content::Audio(_) => "message.audio",
        Content::Video(_) => "message.video",
        Content::Document(_) => "message.document",
        Content::ToolResult(_) => "message.tool_result",
        Content::Opaque { name, .. } => {
            losses.dropped(format!("message.{name}"), "only its own dialect has it");
            return;
        }
        Content::Text { .. } | Content::Refusal(_) | Content::Reasoning(_) | Content::ToolCall(_) => return,
    };
    losses.dropped(field, "messages of the model hold none");
}

/// Writes the seal of a text, which has no field for one: as an empty thought behind it.
fn write_seal(seal: &Signature, a: &mut Array<'_>) {
    a.object(|o| write_bare_seal(seal, o));
}

/// Writes an empty thought with a seal.
fn write_bare_seal(seal: &Signature, o: &mut Object<'_>) {
    o.object("reasoningContent", |o| {
        o.object("reasoningText", |o| {
            o.string("text", "");
            o.string("signature", &seal_text(seal));
        });
    });
}

/// Notes that the seal of a last text is left out: clients take the last block for the answer.
pub(super) fn note_last_seal(losses: &mut Losses) {
    losses.dropped("message.content.signature", "an answer ends with its text");
}

/// Writes a call but for its input. A Gemini seal rides behind the id, since a call has no other
/// place for it.
pub(super) fn write_call_head(
    call: &ToolCall,
    seal: Option<&Signature>,
    index: usize,
    seed: &Seed,
    o: &mut Object<'_>,
) {
    let id = if call.id.is_empty() { format!("tooluse_{}_{index}", seed.id) } else { plain_id(&call.id) };
    match seal.filter(|seal| seal.dialect == Dialect::GeminiGenerate) {
        Some(seal) => o.string("toolUseId", &seal_id(&id, seal)),
        None => o.string("toolUseId", &id),
    }
    o.string("name", &call.name);
}

/// An id in the characters that the API takes back, should the conversation go on there.
fn plain_id(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if id.bytes().all(plain) { id.to_owned() } else { tool_names::shortened(id, 64) }
}

/// Whether a call is of a tool that takes free text, which this dialect has not.
pub(super) const fn is_free_text(kind: &ToolKind) -> bool {
    matches!(kind, ToolKind::Custom(_))
}

fn write_block_extras(extras: &Extras, o: &mut Object<'_>, losses: &mut Losses) {
    for extra in extras.all() {
        if extra.dialect == DIALECT {
            o.raw(&extra.name, &extra.json);
        } else {
            losses.dropped(format!("message.{}", extra.name), "only its own dialect has it");
        }
    }
}

/// A citation in its own words, or as the web search of this dialect would cite.
pub(super) fn citation_json(citation: &Citation) -> String {
    if let Some((DIALECT, own)) = &citation.native {
        return own.clone();
    }
    let mut out = Vec::new();
    json::object(&mut out, |o| {
        o.opt_string("title", citation.title.as_deref());
        if let Some(quote) = &citation.quote {
            o.array("sourceContent", |a| a.object(|o| o.string("text", quote)));
        }
        if let Some(url) = &citation.url {
            o.object("location", |o| {
                o.object("web", |o| {
                    o.string("url", url);
                    o.opt_string("domain", domain(url));
                });
            });
        }
    });
    String::from_utf8(out).unwrap_or_default()
}

fn domain(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next().filter(|domain| !domain.is_empty())
}
