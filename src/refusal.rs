//! What we tell a client when we say no, whichever dialect it will be said in.

use std::time::Duration;

/// Why we say no; each dialect has its own name and JSON for every one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is not well formed, or asks for something that cannot be done: 400.
    InvalidRequest,
    /// The prompt does not fit the model's context window: 400.
    ContextWindow,
    /// The provider's content rules forbid the request: 400.
    ContentPolicy,
    /// The key is missing or wrong: 401.
    Authentication,
    /// The account cannot pay, or its budget is spent: 402 or 429.
    Billing,
    /// The key may not do this: 403.
    Permission,
    /// No such model, route or object: 404.
    NotFound,
    /// The body is over a limit: 413.
    TooLarge,
    /// Too many requests or tokens in the window: 429.
    RateLimited,
    /// The provider has no capacity now: 503, or Anthropic's 529.
    Overloaded,
    /// We hold too much already, or are shutting down: 503.
    Unavailable,
    /// The provider could not be reached, or broke off: 502.
    BadGateway,
    /// The provider was too slow: 504.
    Timeout,
    /// Something went wrong inside the provider or inside us: 500.
    Internal,
}

impl Kind {
    /// The status a refusal of this kind has when nobody chose another.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::ContextWindow | Self::ContentPolicy => 400,
            Self::Authentication => 401,
            Self::Billing => 402,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::BadGateway => 502,
            Self::Overloaded | Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }

    /// The name of the kind in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::ContextWindow => "context_window",
            Self::ContentPolicy => "content_policy",
            Self::Authentication => "authentication",
            Self::Billing => "billing",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::BadGateway => "bad_gateway",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }
}

/// One refusal, complete enough to be rendered in any dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub kind: Kind,
    /// The HTTP status; a provider's own (529) is kept where it had one.
    pub status: u16,
    /// One sentence for a human; never holds a secret or prompt text.
    pub message: String,
    /// The field of the request that is at fault, such as `messages[2].content`.
    pub param: Option<String>,
    /// A machine-readable code such as `model_not_found`.
    pub code: Option<String>,
    /// When it makes sense to ask again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with the usual status of its kind.
    #[must_use]
    #[cold]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: kind.status(),
            message: message.into(),
            param: None,
            code: None,
            retry_after: None,
        }
    }

    /// The same refusal, naming the field at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same refusal with a machine-readable code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same refusal, saying when to come back.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}
