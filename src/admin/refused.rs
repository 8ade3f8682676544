//! How the admin API says no.

use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::admin::answer::Answer;
use crate::policy::Scope;
use crate::wire::json;

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(Box<Said>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    status: u16,
    kind: &'static str,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
    allow: Option<String>,
    retry_after: Option<u64>,
    /// What is wrong, one by one: a list of JSON objects.
    problems: Option<String>,
}

impl Refused {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Said { status, kind, message: message.into(), ..Said::default() }))
    }

    fn with(mut self, change: impl FnOnce(&mut Said)) -> Self {
        change(&mut self.0);
        self
    }

    /// What was asked makes no sense; `param` names the field at fault.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message).at(param)
    }

    /// The body makes no sense as a whole.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// Nobody knows who asks.
    pub fn stranger(message: impl Into<String>, code: &'static str) -> Self {
        Self::new(401, "authentication_error", message).with(|said| said.code = Some(code))
    }

    /// Too many keys were tried that open nothing.
    #[must_use]
    pub fn too_many_tries(wait: Duration) -> Self {
        let message = "too many keys were tried from this address that open nothing";
        Self::new(429, "rate_limit_error", message).with(|said| {
            said.retry_after = Some(wait.as_secs().max(1));
            said.code = Some("too_many_tries");
        })
    }

    /// Who asks may not do this.
    #[must_use]
    pub fn scope(name: &str, scope: Scope) -> Self {
        let message = format!("the admin key \"{name}\" has not the scope \"{}\"", scope.name());
        let refused = Self::new(403, "permission_error", message).at(scope.name());
        refused.with(|said| said.code = Some("missing_scope"))
    }

    /// A page of somebody else's asks, or might.
    #[must_use]
    pub fn foreign(message: &'static str) -> Self {
        Self::new(403, "permission_error", message).with(|said| said.code = Some("cross_site"))
    }

    /// There is no such thing.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(404, "not_found_error", message)
    }

    /// The path is asked in other ways.
    #[must_use]
    pub fn method(allow: String) -> Self {
        let message = format!("this path is asked with {allow}");
        Self::new(405, "method_error", message).with(|said| said.allow = Some(allow))
    }

    /// It cannot be, as things stand.
    pub fn conflict(param: Option<&str>, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(409, "conflict_error", message).with(|said| {
            said.code = Some(code);
            said.param = param.map(str::to_owned);
        })
    }

    /// The body is too large.
    #[must_use]
    pub fn too_large(most: usize) -> Self {
        Self::new(413, "invalid_request_error", format!("expected a body of at most {most} bytes"))
    }

    /// What was sent was understood and is wrong; `problems` are JSON.
    pub fn wrong(message: impl Into<String>, problems: String) -> Self {
        Self::new(422, "unprocessable_error", message).with(|said| said.problems = Some(problems))
    }

    /// It does not work just now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "unavailable_error", message).with(|said| said.retry_after = Some(1))
    }

    /// A change of a key was made and does not hold yet.
    #[must_use]
    pub fn not_yet(why: &str) -> Self {
        let message = format!(
            "the change is kept, and not in force yet: {why}. Where it made a secret, rotate the key for another"
        );
        Self::unavailable(message).with(|said| said.code = Some("not_in_force"))
    }

    fn at(self, param: impl Into<String>) -> Self {
        self.with(|said| said.param = Some(param.into()))
    }

    /// The answer that says so.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let mut body = Vec::new();
        json::object(&mut body, |whole| {
            whole.object("error", |error| {
                error.string("type", self.0.kind);
                error.string("message", &self.0.message);
                match &self.0.param {
                    Some(param) => error.string("param", param),
                    None => error.null("param"),
                }
                match self.0.code {
                    Some(code) => error.string("code", code),
                    None => error.null("code"),
                }
                error.opt_raw("problems", self.0.problems.as_deref());
            });
        });
        let mut answer = Answer::json(self.0.status, body);
        if let Some(allow) = &self.0.allow {
            answer = answer.with(ALLOW, allow);
        }
        if let Some(after) = self.0.retry_after {
            answer = answer.with(RETRY_AFTER, &after.to_string());
        }
        if self.0.status == 401 {
            answer = answer.with(WWW_AUTHENTICATE, "Bearer realm=\"tollgate admin\"");
        }
        answer
    }
}
