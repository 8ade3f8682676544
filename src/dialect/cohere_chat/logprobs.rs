//! Log probabilities: the chances of the tokens of a piece of text.

use crate::wire::json::{self, Json, Object};

/// The hub's object for a list of pieces, or for one; none where there are no pieces.
pub(super) fn parse(value: &Json<'_>) -> Option<String> {
    let pieces = if value.is_array() { value.elements() } else { std::slice::from_ref(value) };
    let pieces: Vec<_> =
        pieces.iter().filter(|piece| piece.get("text").is_some_and(Json::is_string)).collect();
    if pieces.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    json::object(&mut out, |object| {
        object.array("content", |content| {
            for piece in pieces {
                let chances = piece.get("logprobs").map(Json::elements).unwrap_or_default();
                content.object(|entry| {
                    entry.string("token", piece.get("text").and_then(Json::as_str).unwrap_or_default());
                    match chances {
                        [only] => entry.raw("logprob", only.raw()),
                        // The chance of all is the product of the chances of each.
                        several => entry.float("logprob", several.iter().filter_map(Json::as_f64).sum()),
                    }
                    entry.null("bytes");
                    entry.raw("top_logprobs", "[]");
                });
            }
        });
    });
    String::from_utf8(out).ok()
}

/// The entries of the hub's object, each as a piece of its own.
pub(super) fn each(hub: &str, mut on: impl FnMut(&dyn Fn(&mut Object<'_>))) {
    let Ok(parsed) = json::parse(hub.as_bytes()) else { return };
    for entry in parsed.get("content").map(Json::elements).unwrap_or_default() {
        on(&|piece: &mut Object<'_>| {
            piece.string("text", entry.get("token").and_then(Json::as_str).unwrap_or_default());
            piece.raw("token_ids", "[]");
            piece.array("logprobs", |list| list.raw(entry.get("logprob").map_or("0", Json::raw)));
        });
    }
}
