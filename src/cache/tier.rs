//! What part the cache had in a request.

/// What part the cache had in a request that it may serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tier {
    /// It had no answer, so that a provider was asked.
    Miss,
    /// It had the answer to exactly this question.
    Exact,
    /// It had that on the disk.
    Disk,
    /// It had that on the server that a fleet shares.
    Redis,
    /// It had the answer to the same question in other words.
    Semantic,
    /// It had the answer to a question that asks the same by all that is known of words.
    Balanced,
    /// It had the answer to a question that is the same to a model that was asked.
    Verified,
    /// It had the answer to a question that is the same to a model that turns questions into vectors.
    Custom,
    /// The same question was being answered, and that answer was shared.
    InFlight,
}

impl Tier {
    /// The name in headers, records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Exact => "exact",
            Self::Disk => "disk",
            Self::Redis => "redis",
            Self::Semantic => "semantic",
            Self::Balanced => "balanced",
            Self::Verified => "verified",
            Self::Custom => "custom",
            Self::InFlight => "in-flight",
        }
    }

    /// What the answer's header says of it.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Exact => "hit; tier=exact",
            Self::Disk => "hit; tier=disk",
            Self::Redis => "hit; tier=redis",
            Self::Semantic => "hit; tier=semantic",
            Self::Balanced => "hit; tier=balanced",
            Self::Verified => "hit; tier=verified",
            Self::Custom => "hit; tier=custom",
            Self::InFlight => "hit; tier=in-flight",
        }
    }

    /// Whether the answer came from it.
    #[must_use]
    pub const fn is_hit(self) -> bool {
        match self {
            Self::Miss => false,
            Self::Exact
            | Self::Disk
            | Self::Redis
            | Self::Semantic
            | Self::Balanced
            | Self::Verified
            | Self::Custom
            | Self::InFlight => true,
        }
    }
}
