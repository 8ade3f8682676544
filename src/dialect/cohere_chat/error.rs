//! Errors: a sentence, and in a stream an end that says that it is one.

use http::HeaderMap;

use crate::dialect::openai_error;
use crate::fault::Fault;
use crate::refusal::{Kind, Refusal};
use crate::wire::json::{self, Json};
use crate::wire::sse;

/// Reads an error body. Two of its statuses are its own
/// (<https://docs.cohere.com/reference/errors>, seen 2026-11).
pub(super) fn parse(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let fault = openai_error::parse(status, headers, body);
    let kind = match status {
        // A word that is forbidden stands in the request or would stand in the answer.
        498 => Kind::ContentPolicy,
        // It gave up before there was an answer.
        499 => Kind::Timeout,
        _ => fault.kind,
    };
    Fault { kind, ..fault }
}

/// Says a refusal as the body of an error response.
pub(super) fn render(refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + refusal.message.len());
    json::object(&mut out, |body| body.string("message", &refusal.message));
    out
}

/// Says a refusal inside a stream.
pub fn write_in_stream(refusal: &Refusal, out: &mut Vec<u8>) {
    let mut data = Vec::with_capacity(96 + refusal.message.len());
    json::object(&mut data, |event| {
        event.string("type", "message-end");
        event.object("delta", |delta| {
            delta.string("finish_reason", "ERROR");
            delta.string("error", &refusal.message);
        });
    });
    sse::write(out, Some("message-end"), &data);
}

/// The fault of an answer that broke off; `of` is the whole answer, or the `delta` of its last event.
pub(super) fn broken(of: &Json<'_>, word: &str) -> Fault {
    let told = of.get("error").and_then(Json::as_str).unwrap_or("the provider could not finish its answer");
    let kind = if word == "TIMEOUT" { Kind::Timeout } else { Kind::Internal };
    Fault::new(kind, told.chars().take(2000).collect::<String>())
}
