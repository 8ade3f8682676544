//! `POST /v1/messages/count_tokens`: a request that needs no limit, answered with a number.

use super::request::{Limit, parse};
use crate::dialect::{Head, Malformed};
use crate::ir::Request;
use crate::wire::json;

/// Reads a request whose tokens are to be counted.
///
/// # Errors
/// Names the first field that is not as the dialect prescribes.
pub fn parse_count_request(head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
    parse(head, body, Limit::Optional)
}

/// Says how many input tokens a request has.
#[must_use]
pub fn render_count(input_tokens: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    json::object(&mut out, |o| o.number("input_tokens", input_tokens));
    out
}
