//! Errors.

use std::time::Duration;

use super::*;
use crate::refusal::Kind;

const KINDS: [(&str, Kind); 27] = [
    ("200-minimax-balance.json", Kind::Billing),
    ("400-azure-content-filter.json", Kind::ContentPolicy),
    ("400-bad-parameter.json", Kind::InvalidRequest),
    ("400-context-length.json", Kind::ContextWindow),
    ("400-gemini-list.json", Kind::Authentication),
    ("400-mistral-object.json", Kind::InvalidRequest),
    ("400-mistral-too-long.json", Kind::ContextWindow),
    ("400-xai-key.json", Kind::Authentication),
    ("401-cloudflare-list.json", Kind::Authentication),
    ("401-invalid-key.json", Kind::Authentication),
    ("402-deepseek-balance.json", Kind::Billing),
    ("403-plain.json", Kind::Permission),
    ("404-azure-deployment.json", Kind::NotFound),
    ("404-detail.json", Kind::NotFound),
    ("404-model-not-found.json", Kind::NotFound),
    ("413-groq-too-large.json", Kind::RateLimited),
    ("422-mistral-detail.json", Kind::InvalidRequest),
    ("429-insufficient-quota.json", Kind::Billing),
    ("429-moonshot-overloaded.json", Kind::Overloaded),
    ("429-rate-limit.json", Kind::RateLimited),
    ("500-fireworks-fault.json", Kind::Internal),
    ("500-server-error.json", Kind::Internal),
    ("502-nginx.html", Kind::BadGateway),
    ("502-openrouter-raw.json", Kind::BadGateway),
    ("503-cloudflare.html", Kind::Overloaded),
    ("503-overloaded.json", Kind::Overloaded),
    ("503-text.txt", Kind::Overloaded),
];

fn fault(name: &str) -> Fault {
    let (_, body) = corpus("errors").into_iter().find(|(file, _)| file == name).unwrap();
    OpenaiChat.parse_error(name[..3].parse().unwrap(), &HeaderMap::new(), &body)
}

#[test]
fn vendors_errors_are_told_apart() {
    let names: Vec<String> = corpus("errors").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, KINDS.map(|(name, _)| name));
    for (name, kind) in KINDS {
        let fault = fault(name);
        assert_eq!(fault.kind, kind, "{name}: {}", fault.message);
        assert_eq!(fault.status, name[..3].parse::<u16>().unwrap());
        assert!(!fault.message.is_empty() && !fault.message.contains(['<', '{', '\n']), "{}", fault.message);
    }
}

#[test]
fn an_answer_that_holds_an_error_is_none() {
    let failed = br#"{"id":"gen-1","object":"chat.completion","choices":[{"index":0,"finish_reason":"error",
        "native_finish_reason":null,"error":{"code":429,"message":"Provider is busy"},
        "message":{"role":"assistant","content":""}}],"error":null}"#;
    assert_eq!(OpenaiChat.parse_reply(failed).unwrap_err().message, "Provider is busy");
    let fault = OpenaiChat.parse_error(502, &HeaderMap::new(), failed);
    assert_eq!((fault.kind, fault.status), (Kind::RateLimited, 429));
    let (_, refused) = corpus("errors").into_iter().find(|(name, _)| name.contains("minimax")).unwrap();
    assert!(OpenaiChat.parse_reply(&refused).is_err());
    let mut events = Vec::new();
    OpenaiChat.stream_parser().push(None, &refused, &mut events);
    assert!(matches!(&events[..], [Event::Fault(fault)] if fault.kind == Kind::Billing), "{events:?}");
}

#[test]
fn a_member_for_errors_that_says_nothing_is_none() {
    for nothing in ["null", "false", "\"\"", "{}", "[]", "0"] {
        let fine = format!(
            r#"{{"choices":[{{"index":0,"message":{{"content":"a"}},"finish_reason":"stop","error":{nothing}}}],"error":{nothing}}}"#
        );
        assert!(OpenaiChat.parse_reply(fine.as_bytes()).is_ok(), "{nothing}");
    }
}

#[test]
fn an_error_keeps_the_vendors_words() {
    let long = fault("400-context-length.json");
    assert_eq!(
        (long.param.as_deref(), long.code.as_deref()),
        (Some("messages"), Some("context_length_exceeded"))
    );
    assert_eq!(fault("422-mistral-detail.json").param.as_deref(), Some("messages[0].role"));
    assert_eq!(fault("422-mistral-detail.json").message, "Field required");
    assert_eq!(fault("502-openrouter-raw.json").message, "The model is busy");
    assert_eq!(fault("500-fireworks-fault.json").message, "Unexpected EOF at target");
    assert!(fault("502-nginx.html").message.ends_with("502 Bad Gateway"));
}

#[test]
fn a_key_is_not_repeated() {
    let shown = fault("401-invalid-key.json").message;
    assert!(!shown.contains("sk-") && shown.contains("platform.openai.com"), "{shown}");
}

#[test]
fn the_time_to_come_back_is_in_the_header_or_the_message() {
    assert_eq!(fault("429-rate-limit.json").retry_after, Some(Duration::from_millis(62_500)));
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "7".parse().unwrap());
    assert_eq!(OpenaiChat.parse_error(429, &headers, b"").retry_after, Some(Duration::from_secs(7)));
    headers.insert("retry-after-ms", "1500".parse().unwrap());
    assert_eq!(OpenaiChat.parse_error(503, &headers, b"").retry_after, Some(Duration::from_millis(1500)));
    headers.clear();
    headers.insert("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
    assert_eq!(OpenaiChat.parse_error(503, &headers, b"").retry_after, None);
}

#[test]
fn refusals_are_said_in_openais_words() {
    let refusal = Refusal::new(Kind::ContextWindow, "too \"long\"").with_param("messages");
    let body: Value = serde_json::from_slice(&OpenaiChat.render_error(&refusal)).unwrap();
    let error = json!({"message": "too \"long\"", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"});
    assert_eq!(body, json!({"error": error}));
    for (kind, code) in [
        (Kind::Authentication, "invalid_api_key"),
        (Kind::RateLimited, "rate_limit_exceeded"),
        (Kind::Billing, "insufficient_quota"),
    ] {
        let body: Value =
            serde_json::from_slice(&OpenaiChat.render_error(&Refusal::new(kind, "no"))).unwrap();
        assert_eq!(body["error"]["code"], code);
        let fault = OpenaiChat.parse_error(kind.status(), &HeaderMap::new(), body.to_string().as_bytes());
        assert_eq!(fault.kind, kind);
    }
}

#[test]
fn no_bytes_are_too_odd_for_an_error() {
    for body in [&b""[..], b"\xff\xfe", b"null", b"[]", b"{\"error\":[[[[]]]]}", b"<html><title>", b"\"x\""] {
        for status in [200, 400, 500, 999] {
            assert!(!OpenaiChat.parse_error(status, &HeaderMap::new(), body).message.is_empty());
        }
    }
}
