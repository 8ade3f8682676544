//! Errors, both ways: `{"message"}` under the header `x-amzn-ErrorType`, and exceptions in a stream.
//!
//! Seen at <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html> in November
//! 2026. Older front ends spell it `Message`, put the type into the body as `__type`, or both.

use http::HeaderMap;

use super::types::{error_type, parse_error_type, stream_error_type};
use crate::dialect::unreadable::{plain_message, retry_after};
use crate::fault::Fault;
use crate::refusal::{Kind, Refusal};
use crate::wire::event_stream;
use crate::wire::json::{self, Json};

/// The header that names the type of an error.
const TYPE_HEADER: &str = "x-amzn-errortype";

/// Reads an upstream's error body.
pub(super) fn parse(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let header = headers.get(TYPE_HEADER).and_then(|value| value.to_str().ok());
    let mut fault = match json::parse(body) {
        Ok(json) => from_json(status, header, &json),
        Err(_) => {
            let message = plain_message(status, body);
            Fault { message, kind: kind(status, header), ..Fault::from_status(status) }
        }
    };
    fault.retry_after = retry_after(headers);
    fault
}

/// Reads what an exception of this type says inside a stream (status 200).
#[must_use]
pub fn read_exception(exception: &str, payload: &[u8]) -> Fault {
    match json::parse(payload) {
        Ok(json) => from_json(200, Some(exception), &json),
        Err(_) => {
            let message = format!("the provider's stream failed with {exception}");
            Fault { status: 200, ..Fault::new(kind(500, Some(exception)), message) }
        }
    }
}

fn from_json(status: u16, header: Option<&str>, json: &Json<'_>) -> Fault {
    let by_status = Fault::from_status(if status < 400 { 500 } else { status });
    let text = |key: &str| json.field(key).and_then(Json::as_str).filter(|text| !text.is_empty());
    let name = header.or_else(|| text("__type")).or_else(|| text("code")).or_else(|| text("Code"));
    // What the model itself said stands behind the service's own words.
    let message = text("message").or_else(|| text("Message")).or_else(|| text("originalMessage"));
    let mut fault = Fault { kind: kind(by_status.status, name), status, ..by_status };
    let Some(message) = message else { return fault };
    if matches!(fault.kind, Kind::InvalidRequest) {
        fault.kind = kind_of_invalid(message);
    }
    message.clone_into(&mut fault.message);
    fault
}

/// The kind by the type's name, or where there is none that is known, by the status.
fn kind(status: u16, name: Option<&str>) -> Kind {
    name.and_then(parse_error_type).unwrap_or_else(|| match status {
        // A model that failed, which the service says of nothing else.
        424 => Kind::BadGateway,
        status => Fault::from_status(status).kind,
    })
}

/// There is one type for everything wrong with a request; only its message tells more.
fn kind_of_invalid(message: &str) -> Kind {
    let message = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if has(&[
        "input is too long",
        "prompt is too long",
        "too many input tokens",
        "too many tokens",
        "input tokens exceeded",
        "exceed context limit",
        "exceeds the context",
        "context window",
        "maximum context length",
        "exceeds maximum length",
    ]) {
        Kind::ContextWindow
    } else if has(&["content filter", "content policy"]) {
        Kind::ContentPolicy
    } else if has(&["model identifier is invalid", "on-demand throughput isn", "end of its life"]) {
        Kind::NotFound
    } else if has(&["operation not allowed", "credit balance"]) {
        Kind::Permission
    } else {
        Kind::InvalidRequest
    }
}

/// Says a refusal as a body. The type stands in it too, since clients look for it there where no
/// header names it.
pub(super) fn render(refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + refusal.message.len());
    let param = refusal.param.as_deref().filter(|param| !refusal.message.contains(param));
    json::object(&mut out, |o| {
        o.string("__type", error_type(refusal.kind));
        match param.filter(|param| !param.is_empty()) {
            Some(param) => o.string("message", &format!("{param}: {}", refusal.message)),
            None => o.string("message", &refusal.message),
        }
    });
    out
}

/// The type of a refusal, for the header that names it.
#[must_use]
pub const fn type_of(kind: Kind) -> &'static str {
    error_type(kind)
}

/// Says a fault as an exception inside a stream.
pub fn write_exception(out: &mut Vec<u8>, kind: Kind, message: &str) {
    event_stream::write(out, event_stream::Kind::Exception(stream_error_type(kind)), |out| {
        json::object(out, |o| o.string("message", message));
    });
}
