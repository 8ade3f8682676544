//! Errors: `google.rpc.Status` as JSON (<https://google.aip.dev/193>, seen 2026-11), both ways.

use std::time::Duration;

use http::HeaderMap;

use super::case;
use crate::fault::Fault;
use crate::refusal::{Kind, Refusal};
use crate::wire::json::{self, Json};

/// The most characters that a body that is no JSON may add to a message.
const SHOWN: usize = 200;

/// Reads an upstream's error, whatever it is.
pub(super) fn parse(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let later = headers.get("retry-after").and_then(|value| value.to_str().ok());
    let later = later.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let mut fault = match json::parse(body) {
        Ok(json) => {
            let first = case::items(&json).first();
            let error = first.and_then(|first| case::field(first, "error"));
            error.map_or_else(|| Fault::from_status(status), |error| read(status, error))
        }
        Err(_) => unreadable(status, body),
    };
    fault.retry_after = fault.retry_after.or(later);
    fault
}

/// Reads an error object that came inside a stream.
pub(super) fn in_stream(error: &Json<'_>) -> Fault {
    let code = case::field(error, "code").and_then(Json::as_u64);
    let code = code.and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
    Fault { status: 200, ..read(code, error) }
}

fn read(status: u16, error: &Json<'_>) -> Fault {
    let word = case::text(error, "status").unwrap_or_default();
    let message = case::text(error, "message").or(error.as_str()).unwrap_or_default().trim();
    let plain = Fault::from_status(status);
    let mut fault = Fault {
        kind: kind(word, message).unwrap_or(plain.kind),
        message: if message.is_empty() { plain.message } else { message.to_owned() },
        // Google's status words say no more than the kind does, and no other dialect knows them.
        code: None,
        ..Fault::from_status(status)
    };
    for detail in case::field(error, "details").map(Json::elements).unwrap_or_default() {
        read_detail(detail, &mut fault);
    }
    // A wrong key comes as a bad request, which no client would take for one.
    if fault.kind == Kind::Authentication && fault.status == 400 {
        fault.status = 401;
    }
    fault
}

fn kind(word: &str, message: &str) -> Option<Kind> {
    let says = |text: &str| message.contains(text);
    Some(match word {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => {
            if says("API key not valid") || says("API key expired") || says("API Key not found") {
                Kind::Authentication
            } else if says("exceeds the maximum number of tokens") {
                Kind::ContextWindow
            } else if says("User location is not supported") {
                Kind::Permission
            } else if word == "FAILED_PRECONDITION" && says("billing") {
                Kind::Billing
            } else {
                Kind::InvalidRequest
            }
        }
        "RESOURCE_EXHAUSTED" if says("credits are depleted") || says("spending cap") => Kind::Billing,
        "RESOURCE_EXHAUSTED" => Kind::RateLimited,
        "UNAUTHENTICATED" => Kind::Authentication,
        "PERMISSION_DENIED" => Kind::Permission,
        "NOT_FOUND" => Kind::NotFound,
        "UNAVAILABLE" | "ABORTED" => Kind::Overloaded,
        "DEADLINE_EXCEEDED" => Kind::Timeout,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "CANCELLED" => Kind::Internal,
        "UNIMPLEMENTED" | "ALREADY_EXISTS" => Kind::InvalidRequest,
        _ => return None,
    })
}

fn read_detail(detail: &Json<'_>, fault: &mut Fault) {
    let kind = case::text(detail, "@type").unwrap_or_default();
    match kind.rsplit('.').next().unwrap_or_default() {
        "RetryInfo" => fault.retry_after = case::text(detail, "retryDelay").and_then(delay),
        "ErrorInfo" if case::text(detail, "reason") == Some("API_KEY_INVALID") => {
            fault.kind = Kind::Authentication;
        }
        "BadRequest" => {
            let violations = case::field(detail, "fieldViolations").map(Json::elements);
            let first = violations.and_then(<[_]>::first);
            let field = first.and_then(|first| case::text(first, "field"));
            fault.param = field.filter(|field| !field.is_empty()).map(str::to_owned);
        }
        _ => {}
    }
}

/// A duration such as `13s` or `7.526931018s`.
fn delay(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A body that is no JSON: a page's title, or the first line of plain text.
fn unreadable(status: u16, body: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or_default());
    let line = if text.trim_start().starts_with('<') {
        let after = text.split("<title>").nth(1);
        after.and_then(|after| after.split("</title>").next())
    } else {
        text.lines().find(|line| !line.trim().is_empty())
    };
    let line: String = line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    let fault = Fault::from_status(status);
    if line.is_empty() || line.contains('<') {
        return fault;
    }
    Fault { message: format!("the provider answered with status {status}: {line}"), ..fault }
}

/// Says a refusal.
pub(super) fn render(refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.object("error", |o| {
            o.number("code", refusal.status);
            o.string("message", &refusal.message);
            o.string("status", word(refusal.kind));
            if refusal.param.is_none() && refusal.retry_after.is_none() && refusal.code.is_none() {
                return;
            }
            o.array("details", |a| {
                if let Some(code) = &refusal.code {
                    a.object(|o| {
                        o.string("@type", "type.googleapis.com/google.rpc.ErrorInfo");
                        o.string("reason", code);
                    });
                }
                if let Some(param) = &refusal.param {
                    a.object(|o| {
                        o.string("@type", "type.googleapis.com/google.rpc.BadRequest");
                        o.array("fieldViolations", |a| {
                            a.object(|o| {
                                o.string("field", param);
                                o.string("description", &refusal.message);
                            });
                        });
                    });
                }
                if let Some(after) = refusal.retry_after {
                    // Whole seconds, rounded up, as one must not come too early.
                    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
                    a.object(|o| {
                        o.string("@type", "type.googleapis.com/google.rpc.RetryInfo");
                        o.string("retryDelay", &format!("{seconds}s"));
                    });
                }
            });
        });
    });
    out
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidRequest | Kind::ContextWindow | Kind::ContentPolicy | Kind::TooLarge => {
            "INVALID_ARGUMENT"
        }
        Kind::Authentication => "UNAUTHENTICATED",
        Kind::Billing | Kind::RateLimited => "RESOURCE_EXHAUSTED",
        Kind::Permission => "PERMISSION_DENIED",
        Kind::NotFound => "NOT_FOUND",
        Kind::Overloaded | Kind::Unavailable | Kind::BadGateway => "UNAVAILABLE",
        Kind::Timeout => "DEADLINE_EXCEEDED",
        Kind::Internal => "INTERNAL",
    }
}
