//! Counts of tokens as `/v1/responses/input_tokens` gives them.

use crate::wire::json;

/// The answer to a request for a count.
#[must_use]
pub fn render_count(tokens: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    json::object(&mut out, |count| {
        count.string("object", "response.input_tokens");
        count.number("input_tokens", tokens);
    });
    out
}
