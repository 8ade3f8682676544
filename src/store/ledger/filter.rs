//! Which requests are meant.

use crate::account::Entry;
use crate::units::PicoUsd;
use crate::units::civil::parse_rfc3339;

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
    /// Configurations: `served` or `staged`.
    pub configs: Vec<String>,
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
            && is_among(&self.configs, entry.config())
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
            && self.configs.is_empty()
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
        || entry
            .labels
            .iter()
            .chain(&entry.tags)
            .chain(&entry.guards)
            .any(|word| word.to_lowercase().contains(&text))
        || entry
            .faults
            .iter()
            .any(|met| met.kind.contains(&text) || met.provider.to_lowercase().contains(&text))
}

/// What a word in a filter should have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: expected {expected}, found \"{found}\"")]
pub struct Mistaken {
    /// Which word.
    pub name: String,
    expected: &'static str,
    found: String,
}

impl Filter {
    /// The words that [`Filter::set`] knows.
    pub const WORDS: [&'static str; 17] = [
        "from",
        "to",
        "owner",
        "key",
        "label",
        "model",
        "provider",
        "session",
        "user",
        "tag",
        "operation",
        "client",
        "status",
        "cache",
        "config",
        "min_cost",
        "search",
    ];

    /// Narrows it by one word of a command or of the admin API; most may be said several times, for any
    /// of the values. Whether there is such a word. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// When the value is none.
    pub fn set(&mut self, name: &str, value: &str, now: u64) -> Result<bool, Mistaken> {
        let mistaken = |expected| Mistaken { name: name.to_owned(), expected, found: value.to_owned() };
        let list = match name {
            "from" => {
                self.from = moment(value, now).ok_or_else(|| mistaken(MOMENT))?;
                return Ok(true);
            }
            "to" => {
                self.to = moment(value, now).ok_or_else(|| mistaken(MOMENT))?;
                return Ok(true);
            }
            "min_cost" => {
                let dollars = PicoUsd::from_dollars(value.trim());
                self.min_cost = Some(dollars.ok_or_else(|| mistaken("US dollars such as 0.25"))?);
                return Ok(true);
            }
            "search" => {
                self.search = Some(value.trim().to_owned()).filter(|text| !text.is_empty());
                return Ok(true);
            }
            "status" => {
                let known = matches!(value, "ok" | "error") || value.parse::<u16>().is_ok();
                if !known {
                    return Err(mistaken("a number, ok or error"));
                }
                &mut self.statuses
            }
            "config" => {
                if !matches!(value, "served" | "staged") {
                    return Err(mistaken("served or staged"));
                }
                &mut self.configs
            }
            "owner" => &mut self.owners,
            "key" => &mut self.keys,
            "label" => &mut self.labels,
            "model" => &mut self.models,
            "provider" => &mut self.providers,
            "session" => &mut self.sessions,
            "user" => &mut self.users,
            "tag" => &mut self.tags,
            "operation" => &mut self.operations,
            "client" => &mut self.clients,
            "cache" => &mut self.caches,
            _ => return Ok(false),
        };
        // In the ledger, nothing is nothing.
        list.push(if name == "cache" && value == "none" { String::new() } else { value.to_owned() });
        Ok(true)
    }
}

const MOMENT: &str =
    "a moment (2026-11-26T14:00:00Z), a day, seconds since 1970, or a time back from now (24h, 7d)";

/// The first moment that has no year of four digits, in milliseconds since 1970.
const YEAR_10000: u64 = 253_402_300_800_000;

/// The moment that a text means, in milliseconds since 1970: itself, a day, seconds since 1970, or so
/// long before now.
#[must_use]
pub fn moment(text: &str, now: u64) -> Option<u64> {
    let text = text.trim();
    if text == "now" {
        return Some(now);
    }
    let day = (text.len() == 10).then(|| parse_rfc3339(&format!("{text}T00:00:00Z"))).flatten();
    if let Some(seconds) = text.parse().ok().or(day).or_else(|| parse_rfc3339(text)) {
        // Who counts in milliseconds means no year that late.
        return u64::checked_mul(seconds, 1000).filter(|at| *at < YEAR_10000);
    }
    let back = crate::units::parse_duration(text).ok()?;
    Some(now.saturating_sub(u64::try_from(back.as_millis()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_what_people_write() {
        let now = 1_764_165_600_000;
        for (text, expected) in [
            ("2025-11-26", Some(1_764_115_200_000)),
            ("2025-11-26T14:00:00Z", Some(now)),
            ("1764165600", Some(now)),
            ("24h", Some(now - 86_400_000)),
            ("7d", Some(now - 7 * 86_400_000)),
            ("now", Some(now)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("253402300800", None),
            ("1764165600000", None),
            ("18446744073709551615", None),
            ("yesterday", None),
            ("2025-13-26", None),
        ] {
            assert_eq!(moment(text, now), expected, "{text}");
        }
    }

    #[test]
    fn every_word_narrows_and_no_other_is_known() {
        for word in Filter::WORDS {
            let mut filter = Filter::default();
            assert_eq!(
                filter.set(word, if word == "config" { "staged" } else { "500" }, 0),
                Ok(true),
                "{word}"
            );
            assert_ne!(filter, Filter::default(), "{word}");
        }
        let mut filter = Filter::default();
        assert_eq!(filter.set("modle", "x", 0), Ok(false));
        let wrong = filter.set("status", "bad", 0).unwrap_err().to_string();
        assert_eq!(wrong, "status: expected a number, ok or error, found \"bad\"");
        assert!(filter.set("from", "soon", 0).is_err() && filter.set("min_cost", "-1", 0).is_err());
    }

    #[test]
    fn an_owner_means_all_below_and_no_namesake() {
        assert!(is_within("acme/search/api", "acme/search"));
        assert!(is_within("acme", "acme"));
        assert!(!is_within("acme-two", "acme"));
        assert!(!is_within("acme", "acme/search"));
    }
}
