//! Thinking: reasoning items, both ways, and the seals of all providers in their one sealed field.
//!
//! `encrypted_content` is what a client brings back whatever else it drops. The seal of a thought is
//! that of its item. Other blocks have no such field here, so that a seal on a call comes in an
//! empty item before it, and one on words in an empty item behind them; a mark says so.

use crate::ir::{Block, Content, Losses, Reasoning, Signature};
use crate::wire::json::{Array, Json, Object};

use super::extras;
use super::types::{OWN, text};

/// What a sealed field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sealed {
    /// No seal: the thought is one that another dialect's provider did not seal. Without a mark OpenAI
    /// would look for the item among those it keeps, should the conversation go on there.
    Nothing,
    /// The seal of the item's own thought.
    Own(Signature),
    /// A thought that only its issuer can read.
    Redacted(Signature),
    /// The seal of the block behind the item.
    Next(Signature),
    /// The seal of the block before the item.
    Last(Signature),
}

/// Stand before what a field holds; [`crate::route::WORDS`] watches for them.
const REDACTED: &str = "~rr~";
const NEXT: &str = "~rn~";
const LAST: &str = "~rl~";
const NOTHING: &str = "~r-~";

/// Reads a sealed field.
pub(super) fn sealed(value: &str) -> Sealed {
    let read = |value| Signature::read(OWN, value);
    if let Some(value) = value.strip_prefix(REDACTED) {
        Sealed::Redacted(read(value))
    } else if let Some(value) = value.strip_prefix(NEXT) {
        Sealed::Next(read(value))
    } else if let Some(value) = value.strip_prefix(LAST) {
        Sealed::Last(read(value))
    } else if value == NOTHING {
        Sealed::Nothing
    } else {
        Sealed::Own(read(value))
    }
}

/// The text of a sealed field.
pub(super) fn spell(sealed: &Sealed) -> String {
    let carried = |mark: &str, seal: &Signature| format!("{mark}{}", seal.carried_by(OWN));
    match sealed {
        Sealed::Nothing => NOTHING.to_owned(),
        Sealed::Own(seal) => carried("", seal),
        Sealed::Redacted(seal) => carried(REDACTED, seal),
        Sealed::Next(seal) => carried(NEXT, seal),
        Sealed::Last(seal) => carried(LAST, seal),
    }
}

/// What a reasoning item comes to.
#[derive(Debug)]
pub(super) enum Thought {
    /// A block.
    Block(Block),
    /// The seal of the block behind it.
    Next(Signature),
    /// The seal of the block before it.
    Last(Signature),
}

/// Stands between the parts of a summary, of which each is a paragraph with a title.
pub(super) const BETWEEN: &str = "\n\n";

/// Reads a reasoning item. `content` is the thought itself, which open models show; a summary
/// stands for it elsewhere.
pub(super) fn parse(item: &Json<'_>) -> Thought {
    let parts = |key: &str| item.get(key).map(Json::elements).unwrap_or_default();
    let content: String = parts("content").iter().map(|part| text(part, "text")).collect();
    let said = |part: &Json<'_>| !text(part, "text").is_empty();
    let summary: Vec<&str> =
        parts("summary").iter().filter(|part| said(part)).map(|part| text(part, "text")).collect();
    let shown = if content.is_empty() { summary.join(BETWEEN) } else { content };
    let seal = item.field("encrypted_content").and_then(Json::as_str).filter(|seal| !seal.is_empty());
    let (seal, redacted) = match seal.map(sealed) {
        Some(Sealed::Next(seal)) => return Thought::Next(seal),
        Some(Sealed::Last(seal)) => return Thought::Last(seal),
        Some(Sealed::Redacted(seal)) => (None, Some(seal)),
        Some(Sealed::Own(seal)) => (Some(seal), None),
        Some(Sealed::Nothing) | None => (None, None),
    };
    let mut block = Block::new(Content::Reasoning(Reasoning { text: shown, redacted }));
    block.signature = seal;
    Thought::Block(block)
}

/// The members of a reasoning item that [`parse`] understands.
const KNOWN: [&str; 4] = ["type", "summary", "content", "encrypted_content"];

/// Reads a reasoning item of the history, and keeps how it was said.
pub(super) fn parse_history(item: &Json<'_>) -> Thought {
    let mut thought = parse(item);
    if let Thought::Block(block) = &mut thought {
        let parts = |key: &str| item.get(key).map(Json::elements).unwrap_or_default();
        if parts("summary").len() > 1 || !parts("content").is_empty() {
            for key in ["summary", "content"] {
                if let Some(value) = item.field(key) {
                    extras::keep_moot(key, value.raw(), &mut block.extras);
                }
            }
        }
        // An item that was made up for another provider's thought is none that OpenAI knows.
        if item.field("encrypted_content").and_then(Json::as_str) != Some(NOTHING) {
            extras::keep_item(item, &KNOWN, &mut block.extras);
        }
    }
    thought
}

/// Writes the members of an item for a client, but for its type and id.
pub(super) fn write(item: &mut Object<'_>, shown: &str, sealed: Option<&Sealed>) {
    item.array("summary", |parts| {
        if !shown.is_empty() {
            parts.object(|part| write_part(part, shown));
        }
    });
    if let Some(sealed) = sealed {
        item.string("encrypted_content", &spell(sealed));
    }
}

/// Writes the members of a part of a summary.
pub(super) fn write_part(part: &mut Object<'_>, shown: &str) {
    part.string("type", "summary_text");
    part.string("text", shown);
}

/// What the sealed field of a thought's own item holds.
pub(super) fn own_seal(thought: &Reasoning, seal: Option<&Signature>) -> Sealed {
    match (&thought.redacted, seal) {
        (Some(redacted), _) => Sealed::Redacted(redacted.clone()),
        (None, Some(seal)) => Sealed::Own(seal.clone()),
        (None, None) => Sealed::Nothing,
    }
}

/// Writes a thought of an earlier turn for a target, as far as it takes it back: OpenAI does nothing
/// with one that it can neither check nor find among those it keeps.
pub(super) fn write_history(items: &mut Array<'_>, block: &Block, losses: &mut Losses) {
    let Content::Reasoning(thought) = &block.content else { return };
    if thought.redacted.is_some() {
        losses.dropped("messages.redacted_thinking", "only its issuer can read it");
        return;
    }
    let kept = extras::begins_item(&block.extras);
    match &block.signature {
        Some(seal) if seal.dialect == OWN => {}
        Some(_) => return losses.dropped("messages.thinking.signature", "another provider issued the seal"),
        None if kept => {}
        None if thought.text.is_empty() => return,
        None => return losses.dropped("messages.reasoning", "the target takes no thinking without its seal"),
    }
    items.object(|item| {
        item.string("type", "reasoning");
        extras::restore_item(&block.extras, item);
        let own = |key: &str| extras::moot(&block.extras, key);
        match (own("summary"), own("content")) {
            (None, None) => write(item, &thought.text, None),
            (summary, content) => {
                item.raw("summary", summary.unwrap_or("[]"));
                item.opt_raw("content", content);
            }
        }
        if let Some(seal) = &block.signature {
            item.string("encrypted_content", &seal.value);
        }
    });
}

/// Whether a thought neither says nor seals anything: OpenAI tells only that there was one.
pub(super) fn is_empty(block: &Block) -> bool {
    let empty = |thought: &Reasoning| thought.text.is_empty() && thought.redacted.is_none();
    block.signature.is_none() && matches!(&block.content, Content::Reasoning(thought) if empty(thought))
}
