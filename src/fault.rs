//! What an upstream did to us, and whether it is worth asking again, here or elsewhere.

use std::time::Duration;

use crate::refusal::{Kind, Refusal};

/// One failure of an upstream, read from its status and error body in whatever dialect it spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it amounts to.
    pub kind: Kind,
    /// The upstream's own status; 200 for an error that came inside a stream.
    pub status: u16,
    /// The upstream's own message, or ours when its body made no sense.
    pub message: String,
    /// The upstream's own `code`, if it gave one.
    pub code: Option<String>,
    /// The field the upstream named, if it did.
    pub param: Option<String>,
    /// When the upstream asked us to come back.
    pub retry_after: Option<Duration>,
}

/// Where a failed attempt may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nowhere: every provider would say the same.
    Never,
    /// Not here, but another target may do.
    Elsewhere,
    /// Here too, after a pause.
    Here,
}

impl Fault {
    /// A fault of this kind with its usual status.
    #[must_use]
    #[cold]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: kind.status(),
            message: message.into(),
            code: None,
            param: None,
            retry_after: None,
        }
    }

    /// A fault of which nothing is known but its HTTP status.
    #[must_use]
    #[cold]
    pub fn from_status(status: u16) -> Self {
        let kind = match status {
            401 => Kind::Authentication,
            402 => Kind::Billing,
            403 => Kind::Permission,
            404 => Kind::NotFound,
            408 | 504 | 524 => Kind::Timeout,
            413 => Kind::TooLarge,
            429 => Kind::RateLimited,
            400..=499 => Kind::InvalidRequest,
            502 | 520..=523 => Kind::BadGateway,
            503 | 529 => Kind::Overloaded,
            _ => Kind::Internal,
        };
        Self {
            status,
            ..Self::new(kind, format!("the provider answered with status {status} and no readable error"))
        }
    }

    /// Whether and where the same request may be tried again.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self.kind {
            Kind::InvalidRequest | Kind::ContextWindow | Kind::ContentPolicy | Kind::TooLarge => Retry::Never,
            Kind::Authentication | Kind::Billing | Kind::Permission | Kind::NotFound => Retry::Elsewhere,
            Kind::RateLimited
            | Kind::Overloaded
            | Kind::Unavailable
            | Kind::BadGateway
            | Kind::Timeout
            | Kind::Internal => Retry::Here,
        }
    }

    /// What the client is told of it: the provider's own status is kept, also 529.
    #[must_use]
    pub fn into_refusal(self) -> Refusal {
        let status = if self.status < 400 { self.kind.status() } else { self.status };
        Refusal {
            kind: self.kind,
            status,
            message: self.message,
            param: self.param,
            code: self.code,
            retry_after: self.retry_after,
        }
    }
}
