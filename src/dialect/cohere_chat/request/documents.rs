//! Documents, which stand beside the messages here and in a turn in the hub.

use crate::dialect::Malformed;
use crate::dialect::cohere_chat::types::OWN;
use crate::dialect::place::{Place, filled};
use crate::dialect::unknown;
use crate::ir::{Block, Content, Media, Source};
use crate::wire::json::{self, Json};

/// The name of the member in which a document that came is kept as it was.
const WHOLE: &str = "document";

/// Reads `documents`.
pub(super) fn parse(value: &Json<'_>, at: Place<'_>) -> Result<Vec<Block>, Malformed> {
    at.list(value)?.iter().map(|document| Ok(block(document))).collect()
}

/// A document as a block: its name and its words, and where it has more than those, all of it for
/// whoever speaks this dialect.
pub(super) fn block(document: &Json<'_>) -> Block {
    let plain = plain(document);
    let (name, text) = match &plain {
        Some((name, text)) => (*name, (*text).to_owned()),
        None => (filled(document.get("id").and_then(Json::as_str)), words(document)),
    };
    let mut media = Media::new(Source::Text(text), Some("text/plain".to_owned()));
    media.name = name.map(str::to_owned);
    let mut block = Block::new(Content::Document(media));
    if plain.is_none() {
        block.extras.push(OWN, WHOLE, &unknown::compact(document));
    }
    block
}

/// The name and the text of a document that has nothing else.
fn plain<'j>(document: &'j Json<'_>) -> Option<(Option<&'j str>, &'j str)> {
    if let Some(text) = document.as_str() {
        return Some((None, text));
    }
    let id = filled(document.get("id").and_then(Json::as_str));
    let known = |object: &Json<'_>, keys: &[&str]| {
        object.entries().iter().all(|(key, value)| keys.contains(&&**key) || value.is_null())
    };
    let data = document.field("data").filter(|_| known(document, &["id", "data"]))?;
    if let Some(text) = data.as_str() {
        return Some((id, text));
    }
    let title = filled(data.get("title").and_then(Json::as_str));
    let text = data.get("text").or_else(|| data.get("snippet")).and_then(Json::as_str)?;
    let one = data.get("text").is_none() || data.get("snippet").is_none();
    let named = id.is_none() || title.is_none() || id == title;
    (one && named && known(data, &["title", "text", "snippet"])).then_some((id.or(title), text))
}

/// A document that a tool gave back: what it says, as the tool said it.
pub(super) fn told(document: &Json<'_>) -> Block {
    let data = document.field("data").unwrap_or(document);
    let mut block = Block::text(data.as_str().unwrap_or_else(|| data.raw()));
    if document.get("id").is_some() {
        block.extras.push(OWN, WHOLE, &unknown::compact(document));
    }
    block
}

/// What a document says: a text, or the members of its data.
fn words(document: &Json<'_>) -> String {
    let data = document.field("data").unwrap_or(document);
    if let Some(text) = data.as_str() {
        return text.to_owned();
    }
    let member = |(key, value): &(std::borrow::Cow<'_, str>, Json<'_>)| {
        let said = value.as_str().map_or_else(|| value.raw().to_owned(), str::to_owned);
        (key.as_ref() != "id").then(|| format!("{key}: {said}"))
    };
    data.entries().iter().filter_map(member).collect::<Vec<_>>().join("\n")
}

/// Whether a block came as a document, or is one that can be said here.
pub(super) fn is_document(block: &Block) -> bool {
    block.extras.json(OWN, WHOLE).is_some() || is_sayable(block)
}

/// Whether a block is a document that can be said here.
pub(super) fn is_sayable(block: &Block) -> bool {
    matches!(&block.content, Content::Document(Media { source: Source::Text(_), .. }))
}

/// Writes a document as an element of `documents`, or of a tool's result.
pub(super) fn write(out: &mut Vec<u8>, block: &Block) {
    if let Some(whole) = block.extras.json(OWN, WHOLE) {
        out.extend_from_slice(whole.as_bytes());
    } else if let Content::Document(Media { source: Source::Text(text), name, .. }) = &block.content {
        json::object(out, |document| {
            document.opt_string("id", name.as_deref());
            document.object("data", |data| {
                data.opt_string("title", name.as_deref());
                data.string("text", text);
            });
        });
    }
}
