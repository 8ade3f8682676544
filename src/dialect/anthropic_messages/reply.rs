//! Whole replies, both ways; also how one block is said to a client.

use std::borrow::Cow;

use super::content::read;
use super::content::send::write_input;
use super::types::{DIALECT, after_calls, finish_word, parse_finish, parse_tier_served};
use super::usage;
use crate::catalog::profile::ToolIdRule;
use crate::dialect::{Malformed, Seed, tool_names};
use crate::ir::extras::MOOT;
use crate::ir::{
    Block, Candidate, Citation, Content, Dialect, Extras, Finish, Losses, Reply, ServiceTier, Signature,
    ToolCall, ToolKind, Usage, seal_id,
};
use crate::wire::json::{self, Array, Json, Object};

/// The members of a message that have a place of their own in the hub.
const KNOWN: [&str; 8] = ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"];

/// Reads an upstream's message.
pub(super) fn parse(body: &[u8]) -> Result<Reply, Malformed> {
    let json = json::parse(body)?;
    let content = json.field("content");
    let is_message = json.field("type").and_then(Json::as_str) == Some("message");
    if content.is_none() && !is_message {
        return Err(Malformed::new("", "expected a message"));
    }
    let word = json.field("stop_reason").and_then(Json::as_str);
    let sequence = json.field("stop_sequence").and_then(Json::as_str);
    let blocks = content.map(read::content).unwrap_or_default();
    let called = blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_)));
    let finish = word.map(|word| parse_finish(word, sequence));
    let candidate = Candidate {
        blocks,
        finish: if called { finish.map(after_calls) } else { finish },
        logprobs: None,
        extras: Extras::NONE,
    };
    let head = parse_head(&json);
    Ok(Reply {
        id: head.id,
        model: head.model,
        created: None,
        candidates: vec![candidate],
        usage: json.field("usage").map(usage::parse),
        service_tier: head.service_tier,
        extras: head.extras,
    })
}

/// What is known of a message before its content.
#[derive(Debug, Default)]
pub(super) struct MessageHead {
    /// The provider's id for it.
    pub(super) id: Option<String>,
    /// The model that answers.
    pub(super) model: Option<String>,
    /// The tier that serves it.
    pub(super) service_tier: Option<ServiceTier>,
    /// Members without a place in the hub.
    pub(super) extras: Extras,
}

/// Reads the members of a message that do not depend on its content.
pub(super) fn parse_head(json: &Json<'_>) -> MessageHead {
    let text = |key: &str| json.field(key).and_then(Json::as_str).map(str::to_owned);
    let tier = json.at(&["usage", "service_tier"]).and_then(Json::as_str);
    // A fast answer of any tier is billed at rates of its own.
    let fast = json.at(&["usage", "speed"]).and_then(Json::as_str).filter(|speed| *speed == "fast");
    MessageHead {
        id: text("id"),
        model: text("model"),
        service_tier: fast.or(tier).map(parse_tier_served),
        extras: read::extras(json, &KNOWN),
    }
}

/// Says a reply to a client.
pub(super) fn render(reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
    if reply.candidates.len() > 1 {
        losses.dropped("n", "a message holds one answer");
    }
    let candidate = reply.candidates.first();
    if candidate.is_some_and(|candidate| candidate.logprobs.is_some()) {
        losses.dropped("logprobs", "messages hold none");
    }
    for extra in candidate.iter().flat_map(|candidate| candidate.extras.foreign(DIALECT)) {
        losses.dropped(extra.name.clone(), "only its own dialect has it");
    }
    let mut out = Vec::with_capacity(1024);
    json::object(&mut out, |o| {
        write_head(reply.id.as_deref(), reply.model.as_deref(), seed, o);
        o.array("content", |a| {
            let blocks = candidate.map(|candidate| candidate.blocks.as_slice()).unwrap_or_default();
            for (index, block) in blocks.iter().enumerate() {
                // Behind other blocks it is but the place of a seal.
                if index == 0 || block.as_text() != Some("") {
                    write_block(block, index, seed, a, losses);
                }
                if !matches!(block.content, Content::Text { .. }) {
                    continue;
                }
                match &block.signature {
                    Some(_) if index + 1 == blocks.len() => note_last_seal(losses),
                    seal => write_seal(seal.as_ref(), a),
                }
            }
        });
        write_finish(candidate.and_then(|candidate| candidate.finish.as_ref()), o, losses);
        write_extras(&reply.extras, o, losses);
        write_usage(reply.usage.as_ref(), reply.service_tier.as_ref(), o);
    });
    out
}

/// Writes the members that a message begins with.
pub(super) fn write_head(id: Option<&str>, model: Option<&str>, seed: &Seed, o: &mut Object<'_>) {
    o.embed("id", |out| match id.filter(|id| id.starts_with("msg_")) {
        Some(id) => json::write_string(out, id),
        None => json::write_string(out, &format!("msg_{}", seed.id)),
    });
    o.string("type", "message");
    o.string("role", "assistant");
    o.string("model", model.unwrap_or(&seed.model));
}

/// Writes why an answer ended, or nulls as long as it goes on.
pub(super) fn write_finish(finish: Option<&Finish>, o: &mut Object<'_>, losses: &mut Losses) {
    let text = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), json::string);
    let word = finish.map(|finish| finish_word(finish, losses));
    o.raw("stop_reason", &text(word));
    // vLLM names the string that it met whatever ended the answer.
    let met = finish.filter(|_| word == Some("stop_sequence"));
    let sequence = met.and_then(|finish| finish.stop_sequence.as_deref());
    o.raw("stop_sequence", &text(sequence));
}

/// Writes the members of a message that only this dialect has.
pub(super) fn write_extras(extras: &Extras, o: &mut Object<'_>, losses: &mut Losses) {
    for extra in extras.all() {
        if extra.dialect == DIALECT {
            o.raw(&extra.name, &extra.json);
        } else if !extra.name.starts_with(MOOT) {
            losses.dropped(extra.name.clone(), "only its own dialect has it");
        }
    }
}

/// Writes the `usage` of a message, of zeros when nothing was counted.
pub(super) fn write_usage(used: Option<&Usage>, tier: Option<&ServiceTier>, o: &mut Object<'_>) {
    o.object("usage", |o| usage::write(&used.copied().unwrap_or_default(), tier, o));
}

fn write_block(block: &Block, index: usize, seed: &Seed, a: &mut Array<'_>, losses: &mut Losses) {
    match &block.content {
        Content::Text { text, citations } => a.object(|o| {
            o.string("type", "text");
            o.string("text", text);
            let citations: Vec<_> = citations.iter().filter(|it| can_cite(it, losses)).collect();
            if !citations.is_empty() {
                o.array("citations", |a| {
                    for citation in citations {
                        a.embed(|out| write_citation(citation, out));
                    }
                });
            }
            write_block_extras(&block.extras, o, losses);
        }),
        Content::Refusal(text) => {
            losses.bent("refusal", "said as text");
            a.object(|o| {
                o.string("type", "text");
                o.string("text", text);
            });
        }
        Content::Reasoning(thought) => a.object(|o| {
            if let Some(redacted) = &thought.redacted {
                write_redacted(redacted, o);
            } else {
                o.string("type", "thinking");
                o.string("thinking", &thought.text);
                o.string("signature", &carried(block.signature.as_ref()));
            }
            write_block_extras(&block.extras, o, losses);
        }),
        Content::ToolCall(call) => a.object(|o| {
            write_call_head(call, block.signature.as_ref(), index, seed, o);
            write_input(call, o, losses);
            write_block_extras(&block.extras, o, losses);
        }),
        Content::Opaque { dialect: DIALECT, json, .. } => a.raw(json),
        other => note_unsaid(other, losses),
    }
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

/// Writes the members of a redacted thought.
pub(super) fn write_redacted(redacted: &Signature, o: &mut Object<'_>) {
    o.string("type", "redacted_thinking");
    o.string("data", &redacted.carried_by(DIALECT));
}

/// The text for a `signature` field, empty where there is no seal.
pub(super) fn carried(seal: Option<&Signature>) -> String {
    seal.map(|seal| seal.carried_by(DIALECT)).unwrap_or_default()
}

/// Writes the seal of a block that has no field for one: as an empty thought behind it.
pub(super) fn write_seal(seal: Option<&Signature>, a: &mut Array<'_>) {
    if let Some(seal) = seal {
        a.object(|o| {
            o.string("type", "thinking");
            o.string("thinking", "");
            o.string("signature", &seal.carried_by(DIALECT));
        });
    }
}

/// Notes that the seal of a last text is left out: clients take the last block for the answer, and
/// Google does without the seal of a text.
pub(super) fn note_last_seal(losses: &mut Losses) {
    losses.dropped("message.content.signature", "an answer ends with its text");
}

/// Writes a call but for its input. A Gemini seal rides behind the id, for clients that send back
/// ids but no side fields, and in a side field, for those that cut long ids.
pub(super) fn write_call_head(
    call: &ToolCall,
    seal: Option<&Signature>,
    index: usize,
    seed: &Seed,
    o: &mut Object<'_>,
) {
    o.string("type", "tool_use");
    let id = if call.id.is_empty() {
        Cow::Owned(format!("toolu_{}_{index}", seed.id))
    } else {
        // What the provider would not take back, should the conversation go on there.
        tool_names::call_id(ToolIdRule::Word, &call.id)
    };
    let seal = seal.filter(|seal| seal.dialect == Dialect::GeminiGenerate);
    match seal {
        Some(seal) => o.string("id", &seal_id(&id, seal)),
        None => o.string("id", &id),
    }
    o.string("name", &call.name);
    if let Some(seal) = seal {
        o.object("extra_content", |o| {
            o.object("google", |o| o.string("thought_signature", &seal.value));
        });
    }
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

/// Whether a citation can be written: in its own words, or by an address; a file that another
/// vendor searched has none.
pub(super) fn can_cite(citation: &Citation, losses: &mut Losses) -> bool {
    let can = matches!(citation.native, Some((DIALECT, _))) || citation.url.is_some();
    if !can {
        losses.dropped("message.citations", "the source has no address");
    }
    can
}

/// Writes one citation: its own words, or as the web search of this dialect would cite.
pub(super) fn write_citation(citation: &Citation, out: &mut Vec<u8>) {
    if let Some((DIALECT, own)) = &citation.native {
        out.extend_from_slice(own.as_bytes());
        return;
    }
    json::object(out, |o| {
        o.string("type", "web_search_result_location");
        o.string("cited_text", citation.quote.as_deref().unwrap_or_default());
        o.string("url", citation.url.as_deref().unwrap_or_default());
        // Clients insist on a title.
        let title = citation.title.as_deref().or(citation.url.as_deref());
        o.string("title", title.unwrap_or_default());
        o.string("encrypted_index", "");
    });
}
