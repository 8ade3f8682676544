//! Where the words of an answer come from: the `annotations` of a part of text, both ways.

use crate::ir::{Citation, Losses};
use crate::wire::json::{self, Json, Object};

use super::types::{OWN, compact, filled, kind};

/// Reads one annotation.
pub(super) fn parse(value: &Json<'_>) -> Citation {
    let text = |key: &str| filled(value.get(key).and_then(Json::as_str)).map(str::to_owned);
    let number = |key: &str| value.get(key).and_then(Json::as_u64);
    let end = number("end_index").filter(|end| *end > 0 && kind(value) == "url_citation");
    Citation {
        url: text("url"),
        title: text("title").or_else(|| text("filename")),
        quote: text("content"),
        start: number("start_index").filter(|_| end.is_some()),
        end,
        native: Some((OWN, compact(value))),
    }
}

/// Writes a citation; false when it has no address and so cannot be said.
pub(super) fn write(citation: &Citation, out: &mut Vec<u8>, losses: &mut Losses) -> bool {
    if let Some((OWN, native)) = &citation.native {
        out.extend_from_slice(native.as_bytes());
        return true;
    }
    let Some(url) = &citation.url else {
        losses.dropped("citations", "only sources with an address can be said");
        return false;
    };
    json::object(out, |object| write_members(object, citation, url));
    true
}

fn write_members(object: &mut Object<'_>, citation: &Citation, url: &str) {
    object.string("type", "url_citation");
    // Clients refuse a source without its places.
    object.number("start_index", citation.start.filter(|_| citation.end.is_some()).unwrap_or_default());
    object.number("end_index", citation.end.unwrap_or_default());
    object.string("url", url);
    object.string("title", citation.title.as_deref().unwrap_or(url));
}
