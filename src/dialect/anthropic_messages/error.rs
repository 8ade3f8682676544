//! Errors, both ways: `{"type":"error","error":{"type","message"},"request_id"}`.
//!
//! Seen at <https://platform.claude.com/docs/en/api/errors> in November 2026. What stands in front
//! of a provider answers too, so anything may come: other vendors' shapes, HTML, nothing.

use http::HeaderMap;

use super::types::{error_type, parse_error_type};
use crate::dialect::unreadable::{plain_message, retry_after};
use crate::fault::Fault;
use crate::refusal::{Kind, Refusal};
use crate::wire::json::{self, Json};

/// Reads an upstream's error body.
pub(super) fn parse(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let mut fault = match json::parse(body) {
        Ok(json) => from_json(status, &json),
        Err(_) => Fault { message: plain_message(status, body), ..Fault::from_status(status) },
    };
    fault.retry_after = retry_after(headers);
    fault
}

/// Reads an error object, whole or from inside a stream (status 200).
pub(super) fn from_json(status: u16, json: &Json<'_>) -> Fault {
    let error = json.field("error").unwrap_or(json);
    let by_status = Fault::from_status(if status < 400 { 500 } else { status });
    let message = match error.as_str() {
        Some(text) => Some(text),
        None => ["message", "Message", "detail"]
            .iter()
            .find_map(|key| error.field(key).or_else(|| json.field(key)).and_then(Json::as_str)),
    };
    let kind = error.field("type").and_then(Json::as_str).and_then(parse_error_type);
    let mut fault = Fault {
        kind: match kind {
            // "api_error" says no more than 500 does; a gateway's 502 or 504 says more.
            Some(Kind::Internal) | None => by_status.kind,
            Some(kind) => kind,
        },
        status,
        code: error
            .field("code")
            .or_else(|| error.at(&["details", "error_code"]))
            .and_then(Json::as_str)
            .map(str::to_owned),
        ..by_status
    };
    let Some(message) = message.filter(|text| !text.is_empty()) else { return fault };
    if fault.kind == Kind::InvalidRequest {
        fault.kind = kind_of_invalid(message);
        fault.param = named_param(message).map(str::to_owned);
    }
    message.clone_into(&mut fault.message);
    fault
}

/// Anthropic has one type for everything wrong with a request; only its message tells more.
fn kind_of_invalid(message: &str) -> Kind {
    let has = |words: &str| memchr::memmem::find(message.as_bytes(), words.as_bytes()).is_some();
    if has("prompt is too long") || has("exceed context limit") || has("context window") {
        Kind::ContextWindow
    } else if has("credit balance is too low") || has("API usage limits") {
        Kind::Billing
    } else if has("content filtering policy") {
        Kind::ContentPolicy
    } else {
        Kind::InvalidRequest
    }
}

/// The field that a message such as `messages.0.content: …` begins with.
fn named_param(message: &str) -> Option<&str> {
    let (param, _) = message.split_once(": ")?;
    let is_path = param.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
    let is_word = param.starts_with(|first: char| first.is_ascii_lowercase());
    (is_path && is_word).then_some(param)
}

/// Says a refusal, as a body or as the data of an `error` event.
pub(super) fn render(refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::with_capacity(96 + refusal.message.len());
    let param = refusal.param.as_deref().filter(|param| !refusal.message.contains(param));
    json::object(&mut out, |o| {
        o.string("type", "error");
        o.object("error", |o| {
            members(o, refusal.kind, param, &refusal.message);
            // Other vendors' codes mean nothing to Anthropic's clients.
            if let Some(code) = refusal.code.as_deref().filter(|code| code.starts_with("thread_")) {
                o.object("details", |o| o.string("error_code", code));
            }
        });
    });
    out
}

/// Appends an error object.
pub(super) fn write(out: &mut Vec<u8>, kind: Kind, message: &str) {
    json::object(out, |o| {
        o.string("type", "error");
        o.object("error", |o| members(o, kind, None, message));
    });
}

/// The field at fault stands before the message, as Anthropic does it.
fn members(o: &mut json::Object<'_>, kind: Kind, param: Option<&str>, message: &str) {
    o.string("type", error_type(kind));
    match param.filter(|param| !param.is_empty()) {
        Some(param) => o.string("message", &format!("{param}: {message}")),
        None => o.string("message", message),
    }
}
