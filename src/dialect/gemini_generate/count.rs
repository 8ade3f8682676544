//! `countTokens`: the question, and our own answer to it.

use super::case;
use super::request::{model_of, parse_body};
use crate::dialect::{Head, Malformed};
use crate::ir::Request;
use crate::wire::json;

/// Reads a client's question: `contents` alone, or a whole `generateContentRequest`.
///
/// # Errors
/// Names the first field that is not as the dialect prescribes.
pub fn parse_request(head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
    let json = json::parse(body)?;
    let mut request = match case::field(&json, "generateContentRequest") {
        Some(inner) => parse_body(inner).map_err(case::within("generateContentRequest"))?,
        None => parse_body(&json)?,
    };
    if let Some((model, _)) = model_of(head.path) {
        request.model = model;
    }
    if request.model.is_empty() {
        return Err(Malformed::new("model", "the path must name a model"));
    }
    Ok(request)
}

/// Says how many tokens a request has.
#[must_use]
pub fn render_reply(tokens: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    json::object(&mut out, |o| {
        o.number("totalTokens", tokens);
        o.array("promptTokensDetails", |a| {
            a.object(|o| {
                o.string("modality", "TEXT");
                o.number("tokenCount", tokens);
            });
        });
    });
    out
}

/// Reads a provider's answer.
///
/// # Errors
/// When the body tells no number.
pub fn parse_reply(body: &[u8]) -> Result<u64, Malformed> {
    let json = json::parse(body)?;
    let tokens = case::field(&json, "totalTokens").and_then(json::Json::as_u64);
    tokens.ok_or_else(|| Malformed::new("totalTokens", "expected a number of tokens"))
}
