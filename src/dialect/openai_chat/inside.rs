//! Thinking that stands inside an assistant's content: as a part of its own (Mistral, Databricks) or
//! between tags before the words (`MiniMax`).

use crate::catalog::profile::{Profile, ReasoningHistory};
use crate::ir::{Block, Content, Losses, Reasoning, Signature};
use crate::wire::json::{Array, Json, Object};

use super::reasoning::CARRIER;
use super::types::filled;
use super::{content, tags};

/// Reads a part of the type `thinking` (Mistral's) or `reasoning` (Databricks'): the thought and its
/// seal; `None` for another.
pub(super) fn read(part: &Json<'_>) -> Option<(String, Option<Signature>)> {
    match part.get("type").and_then(Json::as_str)? {
        "thinking" => Some((text_of(part.field("thinking")), None)),
        "reasoning" => {
            let summaries = part.field("summary").map(Json::elements).unwrap_or_default();
            let text = summaries.iter().filter_map(|summary| summary.get("text")?.as_str()).collect();
            let seal = summaries.iter().find_map(|summary| filled(summary.get("signature")?.as_str()));
            Some((text, seal.map(|seal| Signature::read(CARRIER, seal))))
        }
        _ => None,
    }
}

/// The same as a block.
pub(super) fn block(part: &Json<'_>) -> Option<Block> {
    let (text, signature) = read(part)?;
    let mut block = Block::new(Content::Reasoning(Reasoning { text, redacted: None }));
    block.signature = signature;
    Some(block)
}

/// The text of Mistral's part: a string, or a list of parts of text.
fn text_of(thinking: Option<&Json<'_>>) -> String {
    let Some(thinking) = thinking else { return String::new() };
    if let Some(text) = thinking.as_str() {
        return text.to_owned();
    }
    let texts = thinking.elements().iter();
    texts.filter_map(|part| part.get("text").and_then(Json::as_str)).collect()
}

/// Writes an assistant's content with its thought in it, as the target has it. Whether there was any
/// to write: else the content is as ever.
pub(super) fn write(
    object: &mut Object<'_>,
    turn: &[Block],
    said: &[&Block],
    profile: &Profile,
    losses: &mut Losses,
) -> bool {
    let thoughts = || turn.iter().filter_map(|block| thought_of(block).map(|text| (block, text)));
    if !profile.reasoning_history.is_content() || thoughts().next().is_none() {
        return false;
    }
    let said = said.iter().copied().filter(|block| content::sayable(block, profile, losses));
    let said: Vec<&Block> = said.collect();
    match profile.reasoning_history {
        ReasoningHistory::Parts => object.array("content", |parts| {
            thoughts().for_each(|(_, text)| write_thinking(parts, text));
            write_said(parts, &said, profile);
        }),
        ReasoningHistory::Summaries => object.array("content", |parts| {
            thoughts().for_each(|(block, text)| write_summary(parts, text, block.signature.as_ref()));
            write_said(parts, &said, profile);
        }),
        ReasoningHistory::Tags
        | ReasoningHistory::Keep
        | ReasoningHistory::Drop
        | ReasoningHistory::Require => {
            let thought: Vec<&str> = thoughts().map(|(_, text)| text).collect();
            let words = content::join(&said, "");
            object.string("content", &tags::before(&thought.join("\n"), &words));
        }
    }
    true
}

fn write_said(parts: &mut Array<'_>, said: &[&Block], profile: &Profile) {
    for block in said {
        content::write_part(parts, block, profile);
    }
}

fn thought_of(block: &Block) -> Option<&str> {
    match &block.content {
        Content::Reasoning(reasoning) => filled(Some(&reasoning.text)),
        _ => None,
    }
}

fn write_thinking(parts: &mut Array<'_>, text: &str) {
    parts.object(|part| {
        part.string("type", "thinking");
        part.array("thinking", |inner| {
            inner.object(|piece| {
                piece.string("type", "text");
                piece.string("text", text);
            });
        });
    });
}

fn write_summary(parts: &mut Array<'_>, text: &str, seal: Option<&Signature>) {
    parts.object(|part| {
        part.string("type", "reasoning");
        part.array("summary", |inner| {
            inner.object(|summary| {
                summary.string("type", "summary_text");
                summary.string("text", text);
                if let Some(seal) = seal.filter(|seal| seal.dialect == CARRIER) {
                    summary.string("signature", &seal.value);
                }
            });
        });
    });
}
