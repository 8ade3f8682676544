//! Errors: OpenAI's shape, and the shapes that compatible vendors use instead.

use std::time::Duration;

use http::HeaderMap;

use crate::fault::Fault;
use crate::refusal::{Kind, Refusal};
use crate::wire::json::{self, Json, Object};

use super::place::filled;

/// The most characters of an upstream's message that are passed on.
const LONGEST: usize = 2000;

/// Reads an error body, whatever it is.
pub(in crate::dialect) fn parse(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let mut fault = match json::parse(body) {
        Ok(root) => of_json(status, place(&root)),
        Err(_) => of_text(status, body),
    };
    // An answer that is an error although its status is not.
    if matches!(status, 200 | 502) {
        take_status(&mut fault);
    }
    let after = retry_after(headers).or_else(|| spoken_delay(&fault.message));
    if matches!(fault.kind, Kind::RateLimited | Kind::Overloaded | Kind::Unavailable) {
        fault.retry_after = after;
    } else {
        fault.retry_after = retry_after(headers);
    }
    fault
}

/// The fault that a chunk of a stream, or a whole answer, says if it says one.
pub(in crate::dialect) fn in_stream(event: Option<&str>, chunk: &Json<'_>) -> Option<Fault> {
    let place = place(chunk);
    let is_error = told(place)
        || event == Some("error")
        || chunk.get("object").and_then(Json::as_str) == Some("error")
        || is_refused(chunk);
    if !is_error {
        return None;
    }
    let mut fault = of_json(200, place);
    take_status(&mut fault);
    Some(fault)
}

/// The object that has the error: a body, or one of its choices (OpenRouter).
fn place<'j, 'a>(root: &'j Json<'a>) -> &'j Json<'a> {
    let choices = root.get("choices").map(Json::elements).unwrap_or_default();
    let inner = choices.iter().find(|choice| told(choice));
    inner.filter(|_| !told(root)).unwrap_or(root)
}

/// Whether an object tells of an error; some vendors always have the member.
fn told(object: &Json<'_>) -> bool {
    object.field("error").is_some_and(|error| {
        filled(error.as_str()).is_some() || !error.entries().is_empty() || !error.elements().is_empty()
    })
}

/// Whether `MiniMax` says in its own way that there is no answer.
fn is_refused(root: &Json<'_>) -> bool {
    let code = root.at(&["base_resp", "status_code"]).and_then(Json::as_u64);
    let choices = root.get("choices").map(Json::elements).unwrap_or_default();
    choices.is_empty() && code.is_some_and(|code| code > 0)
}

/// A vendor may tell the status that an error inside an answer would have had.
fn take_status(fault: &mut Fault) {
    let code = fault.code.as_deref().and_then(|code| code.parse::<u16>().ok());
    if let Some(code) = code.filter(|code| (400..600).contains(code)) {
        fault.kind = kind(code, fault.code.as_deref(), None, &fault.message);
        fault.status = code;
    }
}

/// What an error body holds, wherever the vendor put it.
#[derive(Default)]
struct Told {
    message: Option<String>,
    code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
}

fn of_json(status: u16, root: &Json<'_>) -> Fault {
    // Gemini's own service in this dialect wraps the object in a list.
    let root = root.elements().first().unwrap_or(root);
    let mut told = Told::default();
    told.read(root);
    let bare = Fault::from_status(status);
    let message = told.message.map_or(bare.message, |text| clean(&text));
    let kind = kind(status, told.code.as_deref(), told.kind.as_deref(), &message);
    Fault {
        kind,
        status,
        message: if kind == Kind::Authentication { hide_keys(&message) } else { message },
        code: told.code.or(told.kind),
        param: told.param,
        retry_after: None,
    }
}

impl Told {
    fn read(&mut self, value: &Json<'_>) {
        if let Some(text) = filled(value.as_str()) {
            self.message.get_or_insert_with(|| text.to_owned());
            return;
        }
        if let Some(first) = value.elements().first() {
            self.read(first);
            return;
        }
        let word = |key: &str| {
            let member = value.field(key)?;
            let text = member.as_str().map(str::to_owned);
            text.or_else(|| member.as_u64().map(|number| number.to_string()))
        };
        // The innermost object knows best, so it is asked first.
        for key in ["error", "errors", "detail", "fault", "base_resp"] {
            if let Some(inner) = value.field(key) {
                self.read(inner);
            }
        }
        for key in ["message", "msg", "Message", "faultstring", "error_message", "status_msg", "title"] {
            if self.message.is_none()
                && let Some(inner) = value.field(key)
            {
                self.read(inner);
            }
        }
        for key in ["code", "errorcode", "status_code"] {
            self.code = self.code.take().or_else(|| word(key));
        }
        self.kind = self.kind.take().or_else(|| word("type")).filter(|kind| kind != "error");
        let refused = value.field("base_resp").and_then(|told| told.field("status_code"));
        if let Some(kind) = refused.and_then(Json::as_u64).and_then(minimax) {
            self.kind = Some(kind.to_owned());
        }
        self.param = self.param.take().or_else(|| word("param")).or_else(|| loc(value));
        self.innermost(value);
    }

    /// What the vendor behind the vendor said (OpenRouter), and Azure's own reason.
    fn innermost(&mut self, value: &Json<'_>) {
        let raw = value.at(&["metadata", "raw"]).and_then(Json::as_str);
        if let Some(raw) = filled(raw) {
            let mut inner = Self::default();
            match json::parse(raw.as_bytes()) {
                Ok(parsed) => inner.read(&parsed),
                Err(_) => inner.message = Some(raw.to_owned()),
            }
            self.message = inner.message.or(self.message.take());
            self.kind = self.kind.take().or(inner.kind);
        }
        let reason = value.at(&["innererror", "code"]).and_then(Json::as_str);
        self.kind = self.kind.take().or_else(|| reason.map(str::to_owned));
    }
}

/// OpenAI's word for one of the numbers in `MiniMax`'s `base_resp`
/// (<https://platform.minimax.io/docs/api-reference/errorcode>, seen 2026-11).
fn minimax(code: u64) -> Option<&'static str> {
    Some(match code {
        1001 => "timeout",
        1002 | 1041 | 2045 | 2056 => "rate_limit_error",
        1004 | 2049 => "authentication_error",
        1008 => "insufficient_balance",
        1026 | 1027 => "content_filter",
        1039 => "context_length_exceeded",
        1000 | 1013 | 1024 | 1033 => "server_error",
        _ => return None,
    })
}

/// `FastAPI`'s place of a field: `["body", "messages", 0, "role"]`.
fn loc(value: &Json<'_>) -> Option<String> {
    let steps = value.get("loc")?.elements();
    let mut path = String::new();
    for step in steps.iter().skip(usize::from(steps.first()?.as_str() == Some("body"))) {
        match step.as_str() {
            Some(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            None => path.extend(["[", step.raw(), "]"]),
        }
    }
    (!path.is_empty()).then_some(path)
}

fn of_text(status: u16, body: &[u8]) -> Fault {
    let mut fault = Fault::from_status(status);
    let text = String::from_utf8_lossy(body.get(..body.len().min(8192)).unwrap_or_default());
    let text = text.trim();
    let said = if text.starts_with('<') {
        // A page of a proxy on the way: its title is all that a client can use.
        let rest = text.split_once("<title>").map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split('<').next()).unwrap_or_default()
    } else {
        text
    };
    let said = clean(said);
    if !said.is_empty() && !said.contains(['<', '{']) {
        let short: String = said.chars().take(300).collect();
        fault.kind = kind(status, None, None, &short);
        fault.message = format!("the provider answered with status {status}: {short}");
    }
    fault
}

/// One line of bounded length.
fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for word in text.split_whitespace() {
        if line.len() + word.len() > LONGEST {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Providers repeat the key, masked or not, when they do not know it.
fn hide_keys(message: &str) -> String {
    let is_key = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '*');
        word.starts_with("sk-")
            || word.contains("***")
            || (word.len() >= 24 && word.chars().any(|c| c.is_ascii_digit()) && !word.contains("://"))
    };
    let words = message.split(' ');
    let shown: Vec<&str> = words.map(|word| if is_key(word) { "…" } else { word }).collect();
    shown.join(" ")
}

/// What an error amounts to: its code before its type, its type before its status; its words
/// where vendors have no code for it.
fn kind(status: u16, code: Option<&str>, told: Option<&str>, message: &str) -> Kind {
    let word = code.and_then(kind_of_word).or_else(|| told.and_then(kind_of_word));
    // A status of 500 and more says better than such a word what went wrong.
    let by_word = word.filter(|kind| *kind != Kind::Internal || status < 500);
    let lower = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let bad_request = matches!(status, 200 | 400 | 413 | 422 | 500);
    if bad_request && !has(PER_MINUTE) && has(TOO_LONG) {
        return Kind::ContextWindow;
    }
    if let Some(kind) = by_word {
        return kind;
    }
    let bare = Fault::from_status(status).kind;
    match bare {
        Kind::InvalidRequest if has(&["api key", "api_key", "apikey"]) && has(BAD_KEY) => {
            Kind::Authentication
        }
        Kind::InvalidRequest | Kind::Permission | Kind::RateLimited if has(NO_MONEY) => Kind::Billing,
        Kind::InvalidRequest if has(&["content management policy", "content policy", "content filter"]) => {
            Kind::ContentPolicy
        }
        Kind::InvalidRequest if has(&["model"]) && has(&["not found", "does not exist"]) => Kind::NotFound,
        Kind::TooLarge if has(PER_MINUTE) => Kind::RateLimited,
        Kind::RateLimited | Kind::Internal if has(&["overloaded", "at capacity"]) => Kind::Overloaded,
        Kind::Internal if status == 200 && has(&["rate limit", "too many requests"]) => Kind::RateLimited,
        Kind::Internal if status == 200 && has(&["timeout", "timed out"]) => Kind::Timeout,
        kind => kind,
    }
}

const PER_MINUTE: &[&str] = &["per minute", "per day", "tpm", "rate limit"];

const TOO_LONG: &[&str] = &[
    "context length",
    "context_length",
    "context window",
    "context size",
    "prompt is too long",
    "input is too long",
    "prompt too long",
    "maximum prompt length",
    "exceeds the maximum number of tokens",
    "exceed the maximum number of tokens",
    "reduce the length of the messages",
    "reduce the length of your prompt",
    "input length",
    "input token count",
    "too many input tokens",
    // Cohere's, whose other texts of too many tokens go on with a time.
    "too many tokens:",
    "must be <= ",
    "tokens exceed",
];

const BAD_KEY: &[&str] = &["incorrect", "invalid", "not valid", "missing", "no api key", "expired"];

const NO_MONEY: &[&str] = &[
    "insufficient balance",
    "insufficient_quota",
    "insufficient quota",
    "insufficient credit",
    "credit balance",
    "out of credits",
    "exceeded your current quota",
    "used all available credits",
    "billing",
    "payment required",
    "account balance",
];

fn kind_of_word(word: &str) -> Option<Kind> {
    Some(match word {
        "context_length_exceeded" | "model_context_window_exceeded" => Kind::ContextWindow,
        "content_filter" | "content_policy_violation" | "ResponsibleAIPolicyViolation" => Kind::ContentPolicy,
        "invalid_api_key"
        | "authentication_error"
        | "invalid_authentication_error"
        | "AuthenticationError"
        | "account_deactivated"
        | "InvalidApiKey"
        | "UNAUTHENTICATED" => Kind::Authentication,
        "insufficient_quota"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "insufficient_balance"
        | "exceeded_current_quota_error"
        | "Arrearage" => Kind::Billing,
        "permission_error"
        | "permission_denied"
        | "PERMISSION_DENIED"
        | "unsupported_country_region_territory" => Kind::Permission,
        "model_not_found"
        | "not_found_error"
        | "NotFoundError"
        | "DeploymentNotFound"
        | "resource_not_found_error"
        | "NOT_FOUND" => Kind::NotFound,
        "rate_limit_exceeded"
        | "rate_limit_error"
        | "rate_limit_reached_error"
        | "RateLimitError"
        | "Throttling"
        | "RESOURCE_EXHAUSTED"
        | "rate_limited" => Kind::RateLimited,
        "overloaded_error"
        | "engine_overloaded_error"
        | "server_overloaded"
        | "overloaded"
        | "service_unavailable"
        | "UNAVAILABLE" => Kind::Overloaded,
        "timeout" | "timeout_error" | "request_timeout" => Kind::Timeout,
        "server_error" | "api_error" | "internal_error" | "internal_server_error" => Kind::Internal,
        _ => return None,
    })
}

/// Reads when to come back from the headers, in seconds; a date there needs a clock and is left.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Reads "Please try again in 1m12.5s" or "in 898ms" out of a message.
fn spoken_delay(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again in ")?;
    let end = rest.find(' ').unwrap_or(rest.len());
    let text = rest.get(..end)?.trim_end_matches(['.', ',']);
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at(digits);
        let number: f64 = number.parse().ok()?;
        let letters = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(letters);
        seconds += number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// Writes a refusal as OpenAI's error object.
pub(in crate::dialect) fn write(out: &mut Vec<u8>, refusal: &Refusal) {
    json::object(out, |body| body.object("error", |error| write_members(error, refusal)));
}

/// Writes the members of OpenAI's error object.
pub(in crate::dialect) fn write_members(error: &mut Object<'_>, refusal: &Refusal) {
    let (kind, code) = words(refusal.kind);
    error.string("message", &refusal.message);
    error.string("type", kind);
    match &refusal.param {
        Some(param) if !param.is_empty() => error.string("param", param),
        Some(_) | None => error.null("param"),
    }
    match refusal.code.as_deref().or(code) {
        Some(code) => error.string("code", code),
        None => error.null("code"),
    }
}

/// OpenAI's `type` for a refusal, and the `code` that goes with it.
fn words(kind: Kind) -> (&'static str, Option<&'static str>) {
    const INVALID: &str = "invalid_request_error";
    match kind {
        Kind::InvalidRequest => (INVALID, None),
        Kind::ContextWindow => (INVALID, Some("context_length_exceeded")),
        Kind::ContentPolicy => (INVALID, Some("content_policy_violation")),
        Kind::Authentication => (INVALID, Some("invalid_api_key")),
        Kind::Permission => (INVALID, Some("permission_denied")),
        Kind::NotFound => (INVALID, Some("model_not_found")),
        Kind::TooLarge => (INVALID, Some("request_too_large")),
        Kind::Billing => ("insufficient_quota", Some("insufficient_quota")),
        Kind::RateLimited => ("requests", Some("rate_limit_exceeded")),
        Kind::Overloaded | Kind::Unavailable => ("server_error", Some("overloaded")),
        Kind::Timeout => ("server_error", Some("timeout")),
        Kind::BadGateway => ("server_error", Some("bad_gateway")),
        Kind::Internal => ("server_error", None),
    }
}
