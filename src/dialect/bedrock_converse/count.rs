//! `POST /model/{modelId}/count-tokens`: the question, and our own answer to it.

use super::request::check::within;
use super::request::{model_of, parse_body};
use crate::dialect::{Head, Malformed};
use crate::ir::Request;
use crate::wire::json;

/// Reads a request whose tokens are to be counted: what `converse` would be asked.
///
/// # Errors
/// Names the first field that is not as the dialect prescribes.
pub fn parse_request(head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
    let json = json::parse(body)?;
    let Some(asked) = json.at(&["input", "converse"]).filter(|asked| asked.is_object()) else {
        return Err(Malformed::new(
            "input.converse",
            "expected the conversation whose tokens are to be counted",
        ));
    };
    let mut request = parse_body(asked).map_err(within("input.converse"))?;
    match model_of(head.path) {
        Some((model, _)) => request.model = model,
        None => return Err(Malformed::new("modelId", "the path must name a model")),
    }
    Ok(request)
}

/// Says how many input tokens a request has.
#[must_use]
pub fn render_reply(tokens: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    json::object(&mut out, |o| o.number("inputTokens", tokens));
    out
}
