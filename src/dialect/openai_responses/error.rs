//! Errors: OpenAI's error object, a response that failed, and the error event of a stream.

use http::HeaderMap;

use crate::dialect::openai_error;
use crate::fault::Fault;
use crate::refusal::{Kind, Refusal};
use crate::wire::json::{self, Json, Object};

use super::types::kind;

/// Reads an error body, whatever it is; also the event that ends a stream early.
pub(super) fn parse(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    if let Ok(root) = json::parse(body)
        && let Some(failed) = failed(&root)
    {
        return fault(status, headers, failed);
    }
    openai_error::parse(status, headers, body)
}

/// The fault that an answer or an event tells of, if it tells of one.
pub(super) fn of(root: &Json<'_>) -> Option<Fault> {
    let headers = HeaderMap::new();
    if let Some(failed) = failed(root) {
        return Some(fault(200, &headers, failed));
    }
    let told = kind(root) == "error" || root.field("error").is_some();
    told.then(|| openai_error::parse(200, &headers, root.raw().as_bytes()))
}

/// The `error` of a response that failed, whole or in the event that says so.
fn failed<'j, 'a>(root: &'j Json<'a>) -> Option<&'j Json<'a>> {
    let response = root.field("response").unwrap_or(root);
    let is_failed = response.get("status").and_then(Json::as_str) == Some("failed");
    is_failed.then_some(response)
}

fn fault(status: u16, headers: &HeaderMap, response: &Json<'_>) -> Fault {
    match response.field("error") {
        Some(error) => {
            let body = format!("{{\"error\":{}}}", error.raw());
            openai_error::parse(status, headers, body.as_bytes())
        }
        None => Fault::new(Kind::BadGateway, "the provider says that it failed, and not why"),
    }
}

/// Writes the members of the `error` of a failed response. Its codes are few, and clients act on them:
/// Codex tries again after some and shortens the conversation after another.
pub(super) fn write_failure(error: &mut Object<'_>, refusal: &Refusal) {
    let code = match refusal.kind {
        Kind::RateLimited => "rate_limit_exceeded",
        Kind::Billing => "insufficient_quota",
        Kind::ContextWindow => "context_length_exceeded",
        Kind::InvalidRequest | Kind::ContentPolicy | Kind::TooLarge => "invalid_prompt",
        Kind::Authentication
        | Kind::Permission
        | Kind::NotFound
        | Kind::Overloaded
        | Kind::Unavailable
        | Kind::BadGateway
        | Kind::Timeout
        | Kind::Internal => "server_error",
    };
    error.string("code", code);
    error.string("message", &refusal.message);
}
