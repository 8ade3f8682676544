//! The row that a finished request leaves in the ledger.
//!
//! It is written while the request's record is at hand ([`write()`]) and read by whoever moves, shows or
//! exports it ([`read`]). Names stand in it as text, so that a row outlives the tables they are from.

mod bytes;
mod form;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::ir::{Usage, UsageSource};
use crate::units::PicoUsd;

pub use form::{Unread, VERSION, read, write};

/// The row of one finished request. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The request's id.
    pub id: String,
    /// Whether it is one of the gateway's own, made in the background for the request of the same id.
    pub background: bool,
    /// When it came, in milliseconds since 1970.
    pub at: u64,
    /// The id and the name of the virtual key that the client showed.
    pub key: Option<(String, String)>,
    /// The id under which the key's own limits counted it, where that is another.
    pub counted: String,
    /// Whose the key is: `org/team/service`.
    pub owner: String,
    /// What the key is counted under besides.
    pub labels: Vec<String>,
    /// The user behind the client, as the client says.
    pub user: String,
    /// What the request belongs to with others, as the client says.
    pub session: String,
    /// Words to find it by, as the client says.
    pub tags: Vec<String>,
    /// What was asked for: `chat`, `embeddings` …
    pub operation: String,
    /// The dialect that the client speaks.
    pub client: String,
    /// The dialect that the provider was spoken to in.
    pub target_dialect: String,
    /// The provider that answered.
    pub provider: String,
    /// The model as the client named it.
    pub asked_model: String,
    /// The model as the provider knows it.
    pub model: String,
    /// The model that the provider said answers.
    pub answered_model: String,
    /// The service tier whose rates hold.
    pub tier: String,
    /// Whether the body went through byte for byte.
    pub verbatim: bool,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// The status the client got.
    pub status: u16,
    /// How it ended.
    pub outcome: String,
    /// Why the answer ended.
    pub stop: String,
    /// How many attempts were made.
    pub attempts: u32,
    /// Whether any of them left, so that a provider may have done something for it.
    pub departed: bool,
    /// What upstreams did to us on the way, in its order.
    pub faults: Vec<Met>,
    /// What was used, by all models together.
    pub usage: Usage,
    /// Where these numbers come from; `None` when nothing was used.
    pub usage_source: Option<UsageSource>,
    /// What of it other models used, by their names: they have prices of their own.
    pub asides: Vec<(String, Usage)>,
    /// What it cost; `None` when no price is known.
    pub cost: Option<PicoUsd>,
    /// Whether that is what the provider says it charges, whatever its prices are.
    pub states_cost: bool,
    /// The price that it was reckoned with: whose it is, and which of its versions.
    pub price: Option<(String, String)>,
    /// What a cache has saved.
    pub saved: PicoUsd,
    /// What part the gateway's own cache had in it: none, `miss`, `exact` …
    pub cache: String,
    /// How long things took.
    pub timings: Took,
    /// Bytes of body from the client.
    pub bytes_in: u64,
    /// Bytes of body to the client.
    pub bytes_out: u64,
    /// What the translation lost: `logit_bias;dropped`.
    pub losses: Vec<String>,
    /// What guards found: guard, rule, action, direction and how often.
    pub guards: Vec<String>,
}

/// What an upstream did to us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Met {
    /// Which one.
    pub provider: String,
    /// What it amounts to.
    pub kind: String,
    /// Its status.
    pub status: u16,
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

impl Entry {
    /// Whether its client did not get what it asked for.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.status >= 400 || !matches!(self.outcome.as_str(), "answered")
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
