//! Which requests are meant, and by what they are told apart.

use crate::account::Entry;
use crate::units::PicoUsd;

/// Which requests are meant. Of a list that names nothing, all are; of several names, each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// From when on, in milliseconds since 1970.
    pub from: u64,
    /// Until when, that moment not included; 0 for ever.
    pub to: u64,
    /// Owners, and all below them.
    pub owners: Vec<String>,
    /// Keys by name or id.
    pub keys: Vec<String>,
    /// Labels of keys.
    pub labels: Vec<String>,
    /// Models, as providers know them or as clients name them.
    pub models: Vec<String>,
    /// Providers.
    pub providers: Vec<String>,
    /// Sessions.
    pub sessions: Vec<String>,
    /// Users.
    pub users: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Operations: `chat`, `embeddings` …
    pub operations: Vec<String>,
    /// Dialects of clients.
    pub clients: Vec<String>,
    /// A number, `ok` or `error`.
    pub statuses: Vec<String>,
    /// What the gateway's own cache did.
    pub caches: Vec<String>,
    /// The least cost.
    pub min_cost: Option<PicoUsd>,
    /// A part of an id, a name, a model, an outcome …
    pub search: Option<String>,
}

impl Filter {
    /// Whether a request is meant.
    #[must_use]
    pub fn admits(&self, entry: &Entry) -> bool {
        self.admits_time(entry.at)
            && (self.owners.is_empty() || self.owners.iter().any(|owner| is_within(&entry.owner, owner)))
            && (self.keys.is_empty()
                || entry
                    .key
                    .as_ref()
                    .is_some_and(|(id, name)| among(&self.keys, id) || among(&self.keys, name)))
            && (self.labels.is_empty() || entry.labels.iter().any(|label| among(&self.labels, label)))
            && (self.models.is_empty()
                || among(&self.models, &entry.model)
                || among(&self.models, &entry.asked_model))
            && is_among(&self.providers, &entry.provider)
            && is_among(&self.sessions, &entry.session)
            && is_among(&self.users, &entry.user)
            && (self.tags.is_empty() || entry.tags.iter().any(|tag| among(&self.tags, tag)))
            && is_among(&self.operations, &entry.operation)
            && is_among(&self.clients, &entry.client)
            && (self.statuses.is_empty() || self.statuses.iter().any(|status| has_status(entry, status)))
            && is_among(&self.caches, &entry.cache)
            && self.min_cost.is_none_or(|least| entry.cost.is_some_and(|cost| cost >= least))
            && self.search.as_deref().is_none_or(|text| holds(entry, text))
    }

    /// Whether a moment is within its time.
    #[must_use]
    pub const fn admits_time(&self, at: u64) -> bool {
        at >= self.from && (self.to == 0 || at < self.to)
    }

    /// Whether the sums by the hour know all that it asks for.
    #[must_use]
    pub fn is_of_hours(&self) -> bool {
        // A request with two labels stands in the sums of both.
        self.labels.len() <= 1
            && self.sessions.is_empty()
            && self.users.is_empty()
            && self.tags.is_empty()
            && self.statuses.is_empty()
            && self.min_cost.is_none()
            && self.search.is_none()
    }
}

fn among(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

fn is_among(names: &[String], name: &str) -> bool {
    names.is_empty() || among(names, name)
}

/// Whether a path is another, or below it.
pub(super) fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn has_status(entry: &Entry, status: &str) -> bool {
    match status {
        "ok" => !entry.is_error(),
        "error" => entry.is_error(),
        number => number.parse() == Ok(entry.status),
    }
}

fn holds(entry: &Entry, text: &str) -> bool {
    let text = text.to_lowercase();
    let key = entry.key.as_ref();
    let mut fields = [
        entry.id.as_str(),
        key.map_or("", |(id, _)| id),
        key.map_or("", |(_, name)| name),
        &entry.owner,
        &entry.user,
        &entry.session,
        &entry.provider,
        &entry.asked_model,
        &entry.model,
        &entry.operation,
        &entry.client,
        &entry.outcome,
        &entry.stop,
    ]
    .into_iter();
    fields.any(|field| field.to_lowercase().contains(&text))
        || entry.labels.iter().chain(&entry.tags).any(|word| word.to_lowercase().contains(&text))
        || entry
            .faults
            .iter()
            .any(|met| met.kind.contains(&text) || met.provider.to_lowercase().contains(&text))
}

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
}

impl Grouping {
    /// Every one.
    pub const ALL: [Self; 15] = [
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
        !matches!(self, Self::Session | Self::User | Self::Tag | Self::Status | Self::Stop)
    }

    /// In which of these groups a request is: in one, but for labels and tags, of which it may have
    /// several or none.
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
            Self::Cache => one(&entry.cache),
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
        use crate::policy::{Period, Shape, Span};
        let period = match self {
            Self::None => return 0,
            Self::Minute => Period::Minute,
            Self::Hour => Period::Hour,
            Self::Day => Period::Day,
            Self::Week => Period::Week,
            Self::Month => Period::Month,
        };
        let span = Span { period, shape: Shape::Calendar };
        span.begin_of(span.slice(at / 1000)) * 1000
    }
}
