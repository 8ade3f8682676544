//! Citations: which words of the answer are taken from which documents or results of tools.

use crate::dialect::place::filled;
use crate::dialect::unknown;
use crate::ir::Citation;
use crate::wire::json::{Json, Object};

use super::types::OWN;

/// Reads a citation. The place is one in the content that it belongs to.
pub(super) fn parse(value: &Json<'_>) -> Citation {
    let sources = value.get("sources").map(Json::elements).unwrap_or_default();
    let inside = |source: &Json<'_>, key: &str| {
        let held = source.field("document").or_else(|| source.field("tool_output"))?;
        filled(held.get(key)?.as_str()).map(str::to_owned)
    };
    let first = |key: &str| sources.iter().find_map(|source| inside(source, key));
    let number = |key: &str| value.get(key).and_then(Json::as_u64);
    Citation {
        url: first("url").or_else(|| first("link")),
        title: first("title").or_else(|| {
            sources.iter().find_map(|source| filled(source.get("id")?.as_str()).map(str::to_owned))
        }),
        quote: first("snippet"),
        start: number("start").filter(|_| number("end").is_some()),
        end: number("end"),
        native: Some((OWN, unknown::compact(value))),
    }
}

/// Writes the members of a citation on `text`, the whole of the content that it belongs to.
pub(super) fn write(object: &mut Object<'_>, citation: &Citation, text: &str, index: usize) {
    let length = text.chars().count();
    let end = citation.end.and_then(|end| usize::try_from(end).ok()).map_or(length, |end| end.min(length));
    let start =
        citation.start.and_then(|start| usize::try_from(start).ok()).filter(|_| citation.end.is_some());
    let start = start.unwrap_or(0).min(end);
    let cited: String = text.chars().skip(start).take(end - start).collect();
    object.number("start", start);
    object.number("end", end);
    object.string("text", &cited);
    object.array("sources", |sources| {
        sources.object(|source| {
            source.string("type", "document");
            let id = citation.url.as_deref().or(citation.title.as_deref());
            source.string("id", id.unwrap_or("document"));
            source.object("document", |document| {
                document.opt_string("title", citation.title.as_deref());
                document.opt_string("url", citation.url.as_deref());
                document.opt_string("snippet", citation.quote.as_deref());
            });
        });
    });
    object.number("content_index", index);
    object.string("type", "TEXT_CONTENT");
}
