//! Thinking: the many members in which compatible vendors show it, and the two in which a client
//! gets it and brings it back with its seals.
//!
//! `reasoning_content` (DeepSeek, most others) and `reasoning` (OpenRouter, Groq, newer vLLM) are
//! plain text. `thinking_blocks` (LiteLLM) are Anthropic's blocks and carry seals of any issuer.
//! `reasoning_details` (OpenRouter) must come back as they were, so a sealed list of them is kept
//! as this dialect's own seal.

use crate::catalog::profile::{Profile, ReasoningHistory};
use crate::ir::{Block, Content, Dialect, Losses, Reasoning, Signature};
use crate::wire::json::{self, Array, Json, Object};

use super::types::{OWN, filled};

/// Whose signature field `thinking_blocks` imitates.
pub(super) const CARRIER: Dialect = Dialect::AnthropicMessages;

/// One of `thinking_blocks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ThinkingBlock<'j> {
    /// Readable thought, with its seal when that has come.
    Thinking(&'j str, Option<Signature>),
    /// Thought that only its issuer can read.
    Redacted(Signature),
}

/// The members of a message that this module reads.
pub(super) const MEMBERS: [&str; 4] =
    ["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"];

/// Reads the thinking of a message.
pub(super) fn parse(message: &Json<'_>, blocks: &mut Vec<Block>) {
    let before = blocks.len();
    for thinking in thinking_blocks(message) {
        let (reasoning, signature) = match thinking {
            ThinkingBlock::Thinking("", None) => continue,
            ThinkingBlock::Thinking(text, seal) => {
                (Reasoning { text: text.to_owned(), redacted: None }, seal)
            }
            ThinkingBlock::Redacted(seal) => (Reasoning { text: String::new(), redacted: Some(seal) }, None),
        };
        let mut block = Block::new(Content::Reasoning(reasoning));
        block.signature = signature;
        blocks.push(block);
    }
    if blocks.len() > before {
        return;
    }
    let mut details = Details::default();
    details.take(message);
    let text = match text(message) {
        Some(text) => text.to_owned(),
        None => details.text(),
    };
    let signature = details.seal();
    if !text.is_empty() || signature.is_some() {
        let mut block = Block::new(Content::Reasoning(Reasoning { text, redacted: None }));
        block.signature = signature;
        blocks.push(block);
    }
}

/// The plain text of a message's or delta's thinking.
pub(super) fn text<'j>(message: &'j Json<'_>) -> Option<&'j str> {
    let member = |key: &str| message.get(key).and_then(Json::as_str);
    filled(member("reasoning_content")).or_else(|| filled(member("reasoning")))
}

/// The `thinking_blocks` of a message or delta.
pub(super) fn thinking_blocks<'j>(message: &'j Json<'_>) -> impl Iterator<Item = ThinkingBlock<'j>> {
    let blocks = message.get("thinking_blocks").map(Json::elements);
    blocks.unwrap_or_default().iter().filter_map(|block| {
        let member = |key: &str| filled(block.get(key).and_then(Json::as_str));
        if member("type") == Some("redacted_thinking") {
            let data = member("data")?;
            return Some(ThinkingBlock::Redacted(Signature::read(CARRIER, data)));
        }
        let seal = member("signature").map(|seal| Signature::read(CARRIER, seal));
        Some(ThinkingBlock::Thinking(member("thinking").unwrap_or_default(), seal))
    })
}

/// OpenRouter's `reasoning_details`, gathered over a message or a stream.
#[derive(Debug, Default)]
pub(super) struct Details(Vec<Detail>);

#[derive(Debug)]
struct Detail {
    kind: String,
    index: Option<u64>,
    text: String,
    data: Option<String>,
    signature: Option<String>,
    id: Option<String>,
    format: Option<String>,
}

impl Details {
    /// Takes what a message or delta holds of them.
    pub(super) fn take(&mut self, message: &Json<'_>) {
        let details = message.get("reasoning_details").map(Json::elements);
        for detail in details.unwrap_or_default() {
            self.push(detail);
        }
    }

    fn push(&mut self, detail: &Json<'_>) {
        let member = |key: &str| filled(detail.get(key).and_then(Json::as_str));
        let Some(kind) = member("type") else { return };
        let index = detail.get("index").and_then(Json::as_u64);
        let same = |known: &Detail| known.kind == kind && known.index == index;
        let grows = kind != "reasoning.encrypted";
        let known = self.0.iter().position(same).filter(|_| grows);
        let place = known.unwrap_or_else(|| {
            self.0.push(Detail {
                kind: kind.to_owned(),
                index,
                text: String::new(),
                data: None,
                signature: None,
                id: None,
                format: None,
            });
            self.0.len() - 1
        });
        let Some(known) = self.0.get_mut(place) else {
            return;
        };
        known.text.push_str(member("text").or(member("summary")).unwrap_or_default());
        let replace = |slot: &mut Option<String>, key: &str| {
            if let Some(text) = member(key) {
                *slot = Some(text.to_owned());
            }
        };
        replace(&mut known.data, "data");
        replace(&mut known.signature, "signature");
        replace(&mut known.id, "id");
        replace(&mut known.format, "format");
    }

    /// The readable text in them.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|detail| detail.text.as_str()).collect()
    }

    /// What was gathered as a seal, if anything in it needs to come back; forgets it.
    pub(super) fn seal(&mut self) -> Option<Signature> {
        let details = std::mem::take(&mut self.0);
        let sealed = |detail: &Detail| detail.signature.is_some() || detail.data.is_some();
        if !details.iter().any(sealed) {
            return None;
        }
        let mut out = Vec::new();
        json::array(&mut out, |array| {
            for detail in &details {
                array.object(|object| detail.write(object));
            }
        });
        Some(Signature::new(OWN, String::from_utf8(out).ok()?))
    }
}

impl Detail {
    fn write(&self, object: &mut Object<'_>) {
        object.string("type", &self.kind);
        match self.kind.as_str() {
            "reasoning.encrypted" => {}
            "reasoning.summary" => object.string("summary", &self.text),
            _ => object.string("text", &self.text),
        }
        object.opt_string("data", self.data.as_deref());
        object.opt_string("signature", self.signature.as_deref());
        object.opt_string("id", self.id.as_deref());
        object.opt_string("format", self.format.as_deref());
        object.opt_number("index", self.index);
    }
}

/// The elements of the `reasoning_details` that a seal of this dialect holds; a client may have
/// tampered with it, so it is read again before it is believed.
pub(super) fn write_details(array: &mut Array<'_>, seal: &Signature) {
    if let Ok(details) = json::parse(seal.value.as_bytes()) {
        for detail in details.elements().iter().filter(|item| item.is_object()) {
            array.raw(detail.raw());
        }
    }
}

fn parts(block: &Block) -> Option<(&Reasoning, Option<&Signature>)> {
    match &block.content {
        Content::Reasoning(reasoning) => Some((reasoning, block.signature.as_ref())),
        _ => None,
    }
}

/// Writes the thinking of an answer for a client, every seal in its carrier.
pub(super) fn write_reply(message: &mut Object<'_>, blocks: &[Block]) {
    let thoughts = || blocks.iter().filter_map(parts);
    let text: String = thoughts().map(|(reasoning, _)| &*reasoning.text).collect();
    if !text.is_empty() {
        message.string("reasoning_content", &text);
    }
    let own = |seal: &&Signature| seal.dialect == OWN;
    if thoughts().any(|(_, seal)| seal.as_ref().is_some_and(own)) {
        message.array("reasoning_details", |array| {
            for seal in thoughts().filter_map(|(_, seal)| seal).filter(own) {
                write_details(array, seal);
            }
        });
        return;
    }
    if thoughts().any(|(reasoning, seal)| seal.is_some() || reasoning.redacted.is_some()) {
        message.array("thinking_blocks", |array| {
            for (reasoning, seal) in thoughts() {
                array.object(|object| match &reasoning.redacted {
                    Some(redacted) => write_redacted(object, redacted),
                    None => write_thinking(object, &reasoning.text, seal),
                });
            }
        });
    }
}

/// Writes the members of a readable thinking block.
pub(super) fn write_thinking(object: &mut Object<'_>, text: &str, seal: Option<&Signature>) {
    object.string("type", "thinking");
    object.string("thinking", text);
    if let Some(seal) = seal {
        object.string("signature", &seal.carried_by(CARRIER));
    }
}

/// Writes the members of an unreadable thinking block.
pub(super) fn write_redacted(object: &mut Object<'_>, redacted: &Signature) {
    object.string("type", "redacted_thinking");
    object.string("data", &redacted.carried_by(CARRIER));
}

/// Writes the thinking of an earlier turn for a target, as far as it takes any back.
pub(super) fn write_history(
    message: &mut Object<'_>,
    blocks: &[Block],
    calls: bool,
    profile: &Profile,
    losses: &mut Losses,
) {
    let mut text = String::new();
    let mut own = Vec::new();
    let summarised = profile.reasoning_history == ReasoningHistory::Summaries;
    for (reasoning, seal) in blocks.iter().filter_map(parts) {
        if reasoning.redacted.is_some() {
            losses.dropped("messages.redacted_thinking", "only its issuer can read it");
            continue;
        }
        text.push_str(&reasoning.text);
        match seal {
            Some(seal) if seal.dialect == OWN => own.push(seal),
            Some(seal) if seal.dialect == CARRIER && summarised => {}
            Some(_) => losses.dropped("messages.thinking.signature", "another provider issued the seal"),
            None => {}
        }
    }
    match profile.reasoning_history {
        ReasoningHistory::Drop => {
            if !text.is_empty() || !own.is_empty() {
                losses.dropped("messages.reasoning", "the target takes no earlier thinking");
            }
        }
        // It was said in the content.
        ReasoningHistory::Parts | ReasoningHistory::Summaries | ReasoningHistory::Tags => {}
        ReasoningHistory::Keep | ReasoningHistory::Require if !own.is_empty() => {
            if !text.is_empty() {
                message.string("reasoning", &text);
            }
            message.array("reasoning_details", |array| {
                for seal in own {
                    write_details(array, seal);
                }
            });
        }
        ReasoningHistory::Require if text.is_empty() && calls => {
            // These targets refuse a tool call whose thought is missing; a blank satisfies them.
            message.string("reasoning_content", " ");
        }
        ReasoningHistory::Keep | ReasoningHistory::Require => {
            if !text.is_empty() {
                message.string("reasoning_content", &text);
            }
        }
    }
}
