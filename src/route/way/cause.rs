//! Why an attempt failed, as far as another target may be better for it.

use crate::fault::Fault;
use crate::refusal::Kind;

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The prompt is too long for the model.
    Context,
    /// The provider's rules forbid what is asked or answered.
    Content,
    /// There were too many requests.
    RateLimit,
    /// The provider has no capacity.
    Overload,
    /// It took too long.
    Timeout,
    /// It could not be reached, or something went wrong there.
    Error,
    /// The answer had nothing in it.
    Empty,
}

/// The code of a fault that is an answer with nothing in it.
const EMPTY: &str = "empty_answer";

impl Cause {
    /// Why this fault; `None` where another target is no better for it, or any is.
    #[must_use]
    pub fn of(fault: &Fault) -> Option<Self> {
        match fault.kind {
            Kind::ContextWindow => Some(Self::Context),
            Kind::ContentPolicy => Some(Self::Content),
            Kind::RateLimited => Some(Self::RateLimit),
            Kind::Overloaded | Kind::Unavailable => Some(Self::Overload),
            Kind::Timeout => Some(Self::Timeout),
            Kind::BadGateway if fault.code.as_deref() == Some(EMPTY) => Some(Self::Empty),
            Kind::BadGateway | Kind::Internal => Some(Self::Error),
            Kind::InvalidRequest
            | Kind::TooLarge
            | Kind::Authentication
            | Kind::Billing
            | Kind::Permission
            | Kind::NotFound => None,
        }
    }

    /// The fault of an answer with nothing in it.
    #[must_use]
    pub fn empty() -> Fault {
        let fault = Fault::new(Kind::BadGateway, "the provider's answer had nothing in it");
        Fault { code: Some(EMPTY.to_owned()), ..fault }
    }

    /// Whether only the body of an error tells of it, or the answer itself.
    #[must_use]
    pub const fn is_told_by_bodies(self) -> bool {
        match self {
            Self::Context | Self::Content | Self::Empty => true,
            Self::RateLimit | Self::Overload | Self::Timeout | Self::Error => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_told_from_a_broken_one() {
        assert_eq!(Cause::of(&Cause::empty()), Some(Cause::Empty));
        assert_eq!(Cause::of(&Fault::new(Kind::BadGateway, "broken")), Some(Cause::Error));
        assert_eq!(Cause::of(&Fault::from_status(400)), None);
        assert_eq!(Cause::of(&Fault::from_status(529)), Some(Cause::Overload));
    }
}
