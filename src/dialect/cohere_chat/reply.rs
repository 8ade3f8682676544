//! Whole answers, both ways.

use crate::dialect::place::filled;
use crate::dialect::{Malformed, Seed, free_text, openai_error, unknown};
use crate::ir::{
    Block, Candidate, Citation, Content, Dialect, Losses, Reasoning, Reply, ToolCall, ToolKind, seal_id,
    unseal_id,
};
use crate::wire::json::{self, Json, Object};

use super::types::{OWN, arguments, finish_word, is_broken, parse_finish};
use super::{citation, error, logprobs, usage};

/// The members of a reply that are read.
const REPLY: [&str; 5] = ["id", "finish_reason", "message", "usage", "logprobs"];

/// Reads a reply.
pub(super) fn parse(body: &[u8]) -> Result<Reply, Malformed> {
    let root = json::parse(body)?;
    let Some(message) = root.field("message").filter(|message| message.is_object()) else {
        let told = openai_error::in_stream(None, &root).map(|fault| fault.message);
        return Err(Malformed::new("message", told.unwrap_or_else(|| "expected a message".to_owned())));
    };
    let word = filled(root.get("finish_reason").and_then(Json::as_str));
    if let Some(word) = word.filter(|word| is_broken(word)) {
        return Err(Malformed::new("finish_reason", error::broken(&root, word).message));
    }
    let mut blocks = Vec::new();
    for part in message.get("content").map(Json::elements).unwrap_or_default() {
        blocks.push(parse_part(part));
    }
    if let Some(text) = filled(message.get("content").and_then(Json::as_str)) {
        blocks.push(Block::text(text));
    }
    blocks.extend(filled(message.get("tool_plan").and_then(Json::as_str)).map(Block::text));
    for cited in message.get("citations").map(Json::elements).unwrap_or_default() {
        cite(&mut blocks, cited);
    }
    blocks
        .extend(message.get("tool_calls").map(Json::elements).unwrap_or_default().iter().filter_map(called));
    let mut reply = Reply {
        id: filled(root.get("id").and_then(Json::as_str)).map(str::to_owned),
        usage: root.field("usage").and_then(usage::parse),
        candidates: vec![Candidate {
            blocks,
            finish: word.map(parse_finish),
            logprobs: root.field("logprobs").and_then(logprobs::parse),
            ..Candidate::default()
        }],
        ..Reply::default()
    };
    unknown::keep(OWN, &root, &REPLY, &mut reply.extras);
    Ok(reply)
}

fn parse_part(part: &Json<'_>) -> Block {
    let text = |key: &str| part.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    match part.get("type").and_then(Json::as_str) {
        Some("thinking") => {
            Block::new(Content::Reasoning(Reasoning { text: text("thinking"), redacted: None }))
        }
        Some("text") | None => Block::text(text("text")),
        Some(other) => Block::new(Content::Opaque {
            dialect: OWN,
            name: other.to_owned(),
            json: unknown::compact(part),
            words: None,
        }),
    }
}

/// Puts a citation on the content that it belongs to, else on the last words.
fn cite(blocks: &mut [Block], cited: &Json<'_>) {
    let place =
        cited.get("content_index").and_then(Json::as_u64).and_then(|place| usize::try_from(place).ok());
    let named = place.filter(|place| blocks.get(*place).is_some_and(|block| block.as_text().is_some()));
    let last = || blocks.iter().rposition(|block| block.as_text().is_some());
    if let Some(block) = named.or_else(last).and_then(|place| blocks.get_mut(place))
        && let Content::Text { citations, .. } = &mut block.content
    {
        citations.push(citation::parse(cited));
    }
}

/// Reads a call.
pub(super) fn called(call: &Json<'_>) -> Option<Block> {
    let function = call.field("function")?;
    let (id, seal) = unseal_id(call.get("id").and_then(Json::as_str).unwrap_or_default());
    let said = function.field("arguments").map_or("", |said| said.as_str().unwrap_or(said.raw()));
    let mut block = Block::new(Content::ToolCall(ToolCall {
        id: id.to_owned(),
        name: filled(function.get("name")?.as_str())?.to_owned(),
        arguments: arguments(said).to_owned(),
        kind: ToolKind::Function,
    }));
    block.signature = seal;
    Some(block)
}

/// Writes a reply.
pub(super) fn render(reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
    if reply.candidates.len() > 1 {
        losses.dropped("n", "a message holds one answer");
    }
    let nothing = Candidate::default();
    let candidate = reply.candidates.first().unwrap_or(&nothing);
    let mut out = Vec::with_capacity(1024);
    json::object(&mut out, |body| {
        body.string("id", reply.id.as_deref().unwrap_or(&seed.id));
        body.string("finish_reason", finish_word(candidate.finish.as_ref()));
        body.object("message", |message| write_message(message, candidate, seed, losses));
        if let Some(used) = &reply.usage {
            body.object("usage", |object| usage::write(used, object, losses));
        }
        if let Some(hub) = &candidate.logprobs {
            body.array("logprobs", |list| logprobs::each(hub, |write| list.object(|piece| write(piece))));
        }
        for extras in [&reply.extras, &candidate.extras] {
            unknown::restore(OWN, extras, body);
            unknown::note_lost(OWN, extras, losses);
        }
    });
    out
}

fn write_message(message: &mut Object<'_>, candidate: &Candidate, seed: &Seed, losses: &mut Losses) {
    let blocks = &candidate.blocks;
    let calls = blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_)));
    message.string("role", "assistant");
    let mut plan = String::new();
    let mut parts: Vec<&Block> = Vec::new();
    let mut called = false;
    for block in blocks {
        unknown::note_lost(OWN, &block.extras, losses);
        note_unsaid(block, losses);
        called |= matches!(block.content, Content::ToolCall(_));
        match words_of(block) {
            Some(text) if calls => {
                if called {
                    losses.bent("message.content", "text after a tool call is said before it");
                }
                plan.push_str(text);
            }
            _ if has_place(block) => parts.push(block),
            _ => {}
        }
    }
    if !parts.is_empty() || !calls {
        message.array("content", |array| {
            for block in &parts {
                match &block.content {
                    Content::Opaque { json, .. } => array.raw(json),
                    Content::Reasoning(thought) => array.object(|part| {
                        part.string("type", "thinking");
                        part.string("thinking", &thought.text);
                    }),
                    _ => array.object(|part| {
                        part.string("type", "text");
                        part.string("text", words_of(block).unwrap_or_default());
                    }),
                }
            }
        });
    }
    if !plan.is_empty() {
        message.string("tool_plan", &plan);
    }
    write_calls(message, blocks, seed);
    write_citations(message, &parts);
    if calls && blocks.iter().any(|block| !citations(block).is_empty()) {
        losses.dropped("message.citations", "a plan cites nothing");
    }
}

fn write_calls(message: &mut Object<'_>, blocks: &[Block], seed: &Seed) {
    let calls = || {
        blocks.iter().enumerate().filter_map(|(index, block)| match &block.content {
            Content::ToolCall(call) => Some((index, block, call)),
            _ => None,
        })
    };
    if calls().next().is_none() {
        return;
    }
    message.array("tool_calls", |array| {
        for (index, block, call) in calls() {
            array.object(|object| {
                object.string("id", &call_id(call, block, seed, index));
                object.string("type", "function");
                object.object("function", |function| {
                    function.string("name", &call.name);
                    match call.kind {
                        ToolKind::Custom(_) => {
                            function.string("arguments", &free_text::arguments(&call.arguments));
                        }
                        _ => function.string("arguments", arguments(&call.arguments)),
                    }
                });
            });
        }
    });
}

/// A call's id, made up where the upstream gave none, with the seal that may ride on it.
pub(super) fn call_id(call: &ToolCall, block: &Block, seed: &Seed, index: usize) -> String {
    let id = if call.id.is_empty() { format!("call_{}_{index}", seed.id) } else { call.id.clone() };
    match &block.signature {
        Some(seal) if seal.dialect == Dialect::GeminiGenerate => seal_id(&id, seal),
        Some(_) | None => id,
    }
}

fn write_citations(message: &mut Object<'_>, parts: &[&Block]) {
    if parts.iter().all(|block| citations(block).is_empty()) {
        return;
    }
    message.array("citations", |array| {
        for (index, block) in parts.iter().enumerate() {
            for cited in citations(block) {
                match &cited.native {
                    Some((OWN, native)) => array.raw(native),
                    _ => array.object(|object| {
                        citation::write(object, cited, block.as_text().unwrap_or_default(), index);
                    }),
                }
            }
        }
    });
}

fn citations(block: &Block) -> &[Citation] {
    match &block.content {
        Content::Text { citations, .. } => citations,
        _ => &[],
    }
}

/// The words of a block.
pub(super) fn words_of(block: &Block) -> Option<&str> {
    match &block.content {
        Content::Text { text, .. } | Content::Refusal(text) => Some(text),
        _ => None,
    }
}

/// Whether a block has a place in an answer's content.
pub(super) fn has_place(block: &Block) -> bool {
    match &block.content {
        Content::Text { .. } | Content::Refusal(_) | Content::Opaque { dialect: OWN, .. } => true,
        Content::Reasoning(thought) => thought.redacted.is_none(),
        _ => false,
    }
}

/// Notes what of a block cannot be said in an answer.
pub(super) fn note_unsaid(block: &Block, losses: &mut Losses) {
    match &block.content {
        Content::Reasoning(thought) if thought.redacted.is_some() => {
            losses.dropped("message.redacted_thinking", "only its issuer can read it");
        }
        Content::ToolCall(call) => {
            if matches!(call.kind, ToolKind::Hosted { .. }) {
                losses.bent("message.tool_calls", "a provider's own tool is said as a function");
            }
            if matches!(call.kind, ToolKind::Custom(_)) {
                losses.bent("message.tool_calls", "free text is said as a function's one argument");
            }
            return;
        }
        _ if !has_place(block) => losses.dropped("content", "a message has no place for it"),
        _ => {}
    }
    if block.signature.is_some() {
        losses.dropped("message.signature", "a message has no place for a seal");
    }
}
