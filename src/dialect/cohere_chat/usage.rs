//! Usage: what is billed, and beside it all that the model read and wrote.
//!
//! Cohere does not bill the tokens of its own templates, so what is billed counts.

use std::sync::LazyLock;

use crate::ir::{Losses, Usage};
use crate::wire::json::{self, Json, Object};
use crate::wire::needle::{Found, Needle};

/// Reads a `usage` object; `None` when it counts nothing.
pub(super) fn parse(usage: &Json<'_>) -> Option<Usage> {
    let count = |object: &str, key: &str| usage.at(&[object, key]).and_then(Json::as_u64);
    let told = |key: &str| count("billed_units", key).or_else(|| count("tokens", key));
    let (input, output) = (told("input_tokens"), told("output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let input = input.unwrap_or_default();
    // What is cached is a beginning of all that was read, and the templates, which are not billed,
    // are read first.
    let unbilled = count("tokens", "input_tokens").unwrap_or_default().saturating_sub(input);
    let cached = usage.get("cached_tokens").and_then(Json::as_u64).unwrap_or_default();
    let cached = cached.saturating_sub(unbilled).min(input);
    Some(Usage {
        input: input - cached,
        cache_read: cached,
        output: output.unwrap_or_default(),
        ..Usage::default()
    })
}

/// Finds the usage in the bytes of a reply or an event without reading the rest.
pub(super) fn find(bytes: &[u8]) -> Option<Usage> {
    static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));
    match USAGE.object(bytes) {
        Found::Nothing => None,
        Found::One(object) => parse(&json::prefix(object)?),
        Found::Several => {
            let whole = json::parse(bytes).ok()?;
            parse(whole.field("usage").or_else(|| whole.at(&["delta", "usage"]))?)
        }
    }
}

/// Writes the members of a `usage` object.
pub(super) fn write(usage: &Usage, object: &mut Object<'_>, losses: &mut Losses) {
    for key in ["billed_units", "tokens"] {
        object.object(key, |units| {
            units.number("input_tokens", usage.total_input());
            units.number("output_tokens", usage.total_output());
        });
    }
    object.number("cached_tokens", usage.cache_read);
    let told = usage.cache_write() + usage.audio_input == 0 && usage.total_output() == usage.output;
    if !told {
        losses.bent("usage", "input and output are told as one number each");
    }
}
