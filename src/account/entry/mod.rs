//! The row that a finished request leaves in the ledger.
//!
//! It is written while the request's record is at hand ([`write()`]) and read by whoever moves, shows or
//! exports it ([`read`]). Names stand in it as text, so that a row outlives the tables they are from.

mod bytes;
mod form;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::ir::{Usage, UsageSource};
use crate::units::PicoUsd;

pub use form::{Unread, VERSION, read, write};

/// The row of one finished request, for as long as somebody wants it.
pub type Entry = Entered<String>;

/// The row of one finished request, whose texts are the row's own or those of the bytes that it was read
/// from. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entered<T> {
    /// The request's id.
    pub id: T,
    /// Whether it is one of the gateway's own, made in the background for the request of the same id.
    pub background: bool,
    /// Whether it saw a staged configuration.
    pub staged: bool,
    /// When it came, in milliseconds since 1970.
    pub at: u64,
    /// The id and the name of the virtual key that the client showed.
    pub key: Option<(T, T)>,
    /// The id under which the key's own limits counted it, where that is another.
    pub counted: T,
    /// Whose the key is: `org/team/service`.
    pub owner: T,
    /// What the key is counted under besides.
    pub labels: Vec<T>,
    /// The user behind the client, as the client says.
    pub user: T,
    /// What the request belongs to with others, as the client says.
    pub session: T,
    /// Words to find it by, as the client says.
    pub tags: Vec<T>,
    /// What was asked for: `chat`, `embeddings` …
    pub operation: T,
    /// The dialect that the client speaks.
    pub client: T,
    /// The dialect that the provider was spoken to in.
    pub target_dialect: T,
    /// The provider that answered.
    pub provider: T,
    /// The model as the client named it.
    pub asked_model: T,
    /// The model as the provider knows it.
    pub model: T,
    /// The model that the provider said answers.
    pub answered_model: T,
    /// The service tier whose rates hold.
    pub tier: T,
    /// Whether the body went through byte for byte.
    pub verbatim: bool,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// The status the client got.
    pub status: u16,
    /// How it ended.
    pub outcome: T,
    /// Why the answer ended.
    pub stop: T,
    /// How many attempts were made.
    pub attempts: u32,
    /// Whether any of them left, so that a provider may have done something for it.
    pub departed: bool,
    /// What upstreams did to us on the way, in its order.
    pub faults: Vec<Met<T>>,
    /// What was used, by all models together.
    pub usage: Usage,
    /// Where these numbers come from; `None` when nothing was used.
    pub usage_source: Option<UsageSource>,
    /// What of it other models used, by their names: they have prices of their own.
    pub asides: Vec<(T, Usage)>,
    /// What it cost; `None` when no price is known.
    pub cost: Option<PicoUsd>,
    /// Whether that is what the provider says it charges, whatever its prices are.
    pub states_cost: bool,
    /// The price that it was reckoned with: whose it is, and which of its versions.
    pub price: Option<(T, T)>,
    /// What a cache has saved.
    pub saved: PicoUsd,
    /// What part the gateway's own cache had in it: none, `miss`, `exact` …
    pub cache: T,
    /// How long things took.
    pub timings: Took,
    /// Bytes of body from the client.
    pub bytes_in: u64,
    /// Bytes of body to the client.
    pub bytes_out: u64,
    /// What the translation lost.
    pub losses: Vec<Lost<T>>,
    /// What guards found: guard, rule, action, direction and how often.
    pub guards: Vec<T>,
}

/// What an upstream did to us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Met<T> {
    /// Which one.
    pub provider: T,
    /// What it amounts to.
    pub kind: T,
    /// Its status.
    pub status: u16,
}

/// What a translation lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lost<T> {
    /// Which field: `logit_bias`.
    pub field: T,
    /// Whether it was dropped or bent.
    pub how: T,
}

impl<T: fmt::Display> fmt::Display for Lost<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.field, self.how)
    }
}

/// How long things took, to the microsecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Took {
    /// From the first byte of the request to the last of the answer.
    pub total: Duration,
    /// The part of it that the gateway itself added before the answer began.
    pub overhead: Duration,
    /// From the request's departure to the provider's first byte.
    pub upstream: Option<Duration>,
    /// From the request's arrival to the first piece of a streamed answer.
    pub first_token: Option<Duration>,
}

impl<T: AsRef<str>> Entered<T> {
    /// Whether its client did not get what it asked for.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.status >= 400 || self.outcome.as_ref() != "answered"
    }

    /// Which configuration it saw: the one that is served, or one that is staged.
    #[must_use]
    pub const fn config(&self) -> &'static str {
        if self.staged { "staged" } else { "served" }
    }

    /// Whether a model worked for it and nobody knows at which price.
    #[must_use]
    pub fn is_unpriced(&self) -> bool {
        self.cost.is_none() && self.usage_source.is_some()
    }

    /// Whether the gateway's own cache had the answer.
    #[must_use]
    pub fn is_cached(&self) -> bool {
        self.usage_source == Some(UsageSource::Cached)
    }

    /// What the model that was asked used itself.
    #[must_use]
    pub fn own_usage(&self) -> Usage {
        let mut own = self.usage;
        for (_, aside) in &self.asides {
            own.take(aside);
        }
        own
    }
}
