//! By what requests are told apart.

use crate::account::Entry;
use crate::policy::{Period, Shape, Span};

/// By what requests are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// Whose the key is.
    Owner,
    /// The first two parts of that.
    Team,
    /// The key, by name.
    Key,
    /// Each label of the key.
    Label,
    /// The model as its provider knows it.
    Model,
    /// The model as the client named it.
    AskedModel,
    /// The provider.
    Provider,
    /// The session.
    Session,
    /// The user.
    User,
    /// Each tag.
    Tag,
    /// The operation.
    Operation,
    /// The client's dialect.
    Client,
    /// The status.
    Status,
    /// Why the answer ended.
    Stop,
    /// What the gateway's own cache did.
    Cache,
    /// The configuration that was seen.
    Config,
    /// Each verdict of guards: guard, rule, what was done, and whether to the request or to its answer.
    Guard,
}

impl Grouping {
    /// Every one.
    pub const ALL: [Self; 17] = [
        Self::Owner,
        Self::Team,
        Self::Key,
        Self::Label,
        Self::Model,
        Self::AskedModel,
        Self::Provider,
        Self::Session,
        Self::User,
        Self::Tag,
        Self::Operation,
        Self::Client,
        Self::Status,
        Self::Stop,
        Self::Cache,
        Self::Config,
        Self::Guard,
    ];

    /// The word for it in commands and the admin API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Team => "team",
            Self::Key => "key",
            Self::Label => "label",
            Self::Model => "model",
            Self::AskedModel => "asked_model",
            Self::Provider => "provider",
            Self::Session => "session",
            Self::User => "user",
            Self::Tag => "tag",
            Self::Operation => "operation",
            Self::Client => "client",
            Self::Status => "status",
            Self::Stop => "stop",
            Self::Cache => "cache",
            Self::Config => "config",
            Self::Guard => "guard",
        }
    }

    /// The one of that word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grouping| grouping.name() == name)
    }

    /// Whether the sums by the hour know it.
    #[must_use]
    pub const fn is_of_hours(self) -> bool {
        !matches!(
            self,
            Self::Session | Self::User | Self::Tag | Self::Status | Self::Stop | Self::Config | Self::Guard
        )
    }

    /// Whether a request may be in several of these groups, or in none.
    #[must_use]
    pub const fn is_of_several(self) -> bool {
        matches!(self, Self::Label | Self::Tag | Self::Guard)
    }

    /// In which of these groups a request is: in one, but for those of which it may have several or none.
    #[must_use]
    pub fn of(self, entry: &Entry) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::Owner => one(&entry.owner),
            Self::Team => {
                let end = entry.owner.match_indices('/').nth(1).map_or(entry.owner.len(), |(at, _)| at);
                one(entry.owner.get(..end).unwrap_or_default())
            }
            Self::Key => one(entry.key.as_ref().map_or("", |(_, name)| name)),
            Self::Label => entry.labels.clone(),
            Self::Model => one(&entry.model),
            Self::AskedModel => one(&entry.asked_model),
            Self::Provider => one(&entry.provider),
            Self::Session => one(&entry.session),
            Self::User => one(&entry.user),
            Self::Tag => entry.tags.clone(),
            Self::Operation => one(&entry.operation),
            Self::Client => one(&entry.client),
            Self::Status => one(&entry.status.to_string()),
            Self::Stop => one(&entry.stop),
            // How often something was found does not tell verdicts apart.
            Self::Guard => {
                let kind = |verdict: &String| {
                    verdict.rsplit_once(';').map_or(&**verdict, |(kind, _)| kind).to_owned()
                };
                entry.guards.iter().map(kind).collect()
            }
            Self::Config => one(entry.config()),
            Self::Cache => one(if entry.cache.is_empty() { "none" } else { &entry.cache }),
        }
    }
}

/// How time is told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum By {
    /// Not at all.
    #[default]
    None,
    /// By the minute.
    Minute,
    /// By the hour.
    Hour,
    /// By the day, in UTC as all of these.
    Day,
    /// By the week, from Monday.
    Week,
    /// By the month.
    Month,
}

impl By {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::None, Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The word for it in commands and the admin API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The one of that word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }

    /// When the piece of time begins that a moment is in, both in milliseconds since 1970.
    #[must_use]
    pub fn begin(self, at: u64) -> u64 {
        let Some(span) = self.span() else { return 0 };
        span.begin_of(span.slice(at / 1000)) * 1000
    }

    /// When the piece after that one begins; never where time is not told apart.
    #[must_use]
    pub fn next(self, at: u64) -> u64 {
        let Some(span) = self.span() else { return u64::MAX };
        span.begin_of(span.slice(at / 1000) + 1).saturating_mul(1000)
    }

    /// How many pieces there are from one moment to another, one more or less.
    #[must_use]
    pub const fn pieces(self, from: u64, to: u64) -> u64 {
        const MINUTE: u64 = 60_000;
        const DAY: u64 = 1440 * MINUTE;
        let piece = match self {
            Self::None => return 1,
            Self::Minute => MINUTE,
            Self::Hour => 60 * MINUTE,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 30 * DAY,
        };
        to.saturating_sub(from) / piece
    }

    const fn span(self) -> Option<Span> {
        let period = match self {
            Self::None => return None,
            Self::Minute => Period::Minute,
            Self::Hour => Period::Hour,
            Self::Day => Period::Day,
            Self::Week => Period::Week,
            Self::Month => Period::Month,
        };
        Some(Span { period, shape: Shape::Calendar })
    }
}
