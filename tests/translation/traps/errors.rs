//! T40: what upstream errors amount to, and how clients are told.

use std::time::Duration;

use tollgate::fault::Retry;
use tollgate::refusal::Kind;

use super::*;

#[test]
fn t40_a_wrong_gemini_key_is_an_authentication_error() {
    let body = json!({"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}});
    let fault = fault(Gemini, 400, &[], &body.to_string());
    assert_eq!((fault.kind, fault.into_refusal().status), (Kind::Authentication, 401));
}

#[test]
fn t40_an_overloaded_claude_keeps_its_status() {
    let body = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let fault = fault(Claude, 529, &[], &body.to_string());
    assert_eq!((fault.kind, fault.retry()), (Kind::Overloaded, Retry::Here));
    assert_eq!(fault.into_refusal().status, 529);
}

#[test]
fn t40_a_full_context_is_known_whoever_says_it() {
    let said = [
        (
            Chat,
            json!({"error": {"message": "This model's maximum context length is 128000 tokens.", "code": "context_length_exceeded"}}),
        ),
        (
            Claude,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 208310 tokens > 200000 maximum"}}),
        ),
        (
            Gemini,
            json!({"error": {"code": 400, "message": "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT"}}),
        ),
    ];
    for (from, body) in said {
        let refusal = fault(from, 400, &[], &body.to_string()).into_refusal();
        assert_eq!(refusal.kind, Kind::ContextWindow, "{from:?}");
        let told: Value = serde_json::from_slice(&codec(Chat).render_error(&refusal)).unwrap();
        if from != Gemini {
            assert_eq!(told["error"]["code"], "context_length_exceeded", "{from:?}");
        }
        let told: Value = serde_json::from_slice(&codec(Claude).render_error(&refusal)).unwrap();
        assert_eq!(told["error"]["type"], "invalid_request_error");
    }
}

#[test]
fn t40_a_context_that_is_full_at_gemini_has_the_code_that_chat_clients_know() {
    let body = json!({"error": {"code": 400, "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).", "status": "INVALID_ARGUMENT"}});
    let refusal = fault(Gemini, 400, &[], &body.to_string()).into_refusal();
    let told: Value = serde_json::from_slice(&codec(Chat).render_error(&refusal)).unwrap();
    assert_eq!(told["error"]["code"], "context_length_exceeded");
}

#[test]
fn t40_when_to_come_back_is_kept() {
    let limited = json!({"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}});
    for from in Dialect::ALL {
        let fault = fault(from, 429, &[("retry-after", "7")], &limited.to_string());
        assert_eq!(
            (fault.kind, fault.retry_after),
            (Kind::RateLimited, Some(Duration::from_secs(7))),
            "{from:?}"
        );
    }
    let body = json!({"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13s"}]}});
    assert_eq!(fault(Gemini, 429, &[], &body.to_string()).retry_after, Some(Duration::from_secs(13)));
    let date = fault(Claude, 429, &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], "{}");
    assert_eq!(date.retry_after, None);
}

#[test]
fn t40_markup_does_not_reach_the_client() {
    for from in Dialect::ALL {
        let page = "<html><head><title>502 Bad Gateway</title><style>a{}</style></head><body><script>x()</script></body></html>";
        let fault = fault(from, 502, &[("content-type", "text/html")], page);
        assert_eq!(fault.kind, Kind::BadGateway);
        assert!(!fault.message.contains('<') && !fault.message.contains("x()"), "{}", fault.message);
        let long = "a ".repeat(20_000);
        assert!(super::fault(from, 500, &[], &long).message.len() < 2_000);
        assert_eq!(super::fault(from, 503, &[], "").kind, Kind::Overloaded);
    }
}

#[test]
fn t40_every_kind_is_said_in_every_dialect() {
    let statuses = [400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529];
    for from in Dialect::ALL {
        for status in statuses {
            let refusal = fault(from, status, &[], r#"{"error":{"message":"no"}}"#).into_refusal();
            for to in Dialect::ALL {
                let told: Value = serde_json::from_slice(&codec(to).render_error(&refusal)).unwrap();
                let message = match to {
                    Bedrock => &told["message"],
                    Dialect::OllamaChat | Dialect::OllamaGenerate => &told["error"],
                    Dialect::CohereChat => &told["message"],
                    _ => &told["error"]["message"],
                };
                assert!(from == Bedrock || message == "no", "{from:?} {status} to {to:?}");
                match to {
                    Bedrock => assert!(told["__type"].as_str().unwrap().ends_with("Exception")),
                    Chat | Responses | Dialect::OpenaiCompletions => {
                        assert!(told["error"]["type"].is_string())
                    }
                    Claude => assert_eq!(told["type"], "error"),
                    Dialect::OllamaChat | Dialect::OllamaGenerate | Dialect::CohereChat => {}
                    Gemini => assert!(told["error"]["status"].is_string() && told["error"]["code"].is_u64()),
                }
            }
        }
    }
}

#[test]
fn a_quota_that_is_spent_is_no_reason_to_try_again_here() {
    let body = json!({"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}});
    let fault = fault(Chat, 429, &[], &body.to_string());
    assert_eq!((fault.kind, fault.retry()), (Kind::Billing, Retry::Elsewhere));
}
