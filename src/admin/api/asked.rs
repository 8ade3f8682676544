//! Which requests a query means.

use super::Call;
use crate::admin::ask::Ask;
use crate::admin::refused::Refused;
use crate::admin::when;
use crate::clock;
use crate::store::ledger::Filter;
use crate::units::PicoUsd;

/// What is meant where nothing is said: the last day.
const USUAL: u64 = 86_400_000;

/// Which requests a query means, and until when that is.
pub(super) struct Asked {
    pub(super) filter: Filter,
    /// Where it ends, in milliseconds since 1970: now, if nothing is said.
    pub(super) until: u64,
}

impl Call<'_> {
    /// Which requests the query means.
    pub(super) fn asked(&self) -> Result<Asked, Refused> {
        let now = clock::unix_millis();
        let from = moment(self.ask, "from", now)?.unwrap_or(now.saturating_sub(USUAL));
        let to = moment(self.ask, "to", now)?;
        if to.is_some_and(|to| to <= from) {
            return Err(Refused::invalid("to", "expected a moment after \"from\""));
        }
        let filter = Filter { from, to: to.unwrap_or(0), ..filter(self.ask)? };
        Ok(Asked { filter, until: to.unwrap_or(now) })
    }
}

/// The filters of a query, for whatever time.
pub(super) fn filter(ask: &Ask) -> Result<Filter, Refused> {
    let list = |name: &str| ask.all(name).map(std::borrow::Cow::into_owned).collect::<Vec<_>>();
    let statuses = list("status");
    let is_status = |text: &String| matches!(text.as_str(), "ok" | "error") || text.parse::<u16>().is_ok();
    if !statuses.iter().all(is_status) {
        return Err(Refused::invalid("status", "expected a number, ok or error"));
    }
    let min_cost = match ask.param("min_cost") {
        None => None,
        Some(text) => {
            let amount = PicoUsd::from_dollars(&text);
            Some(amount.ok_or_else(|| Refused::invalid("min_cost", "expected US dollars such as 0.25"))?)
        }
    };
    Ok(Filter {
        owners: list("owner"),
        keys: list("key"),
        labels: list("label"),
        models: list("model"),
        providers: list("provider"),
        sessions: list("session"),
        users: list("user"),
        tags: list("tag"),
        operations: list("operation"),
        clients: list("client"),
        statuses,
        caches: list("cache"),
        min_cost,
        search: ask.param("search").map(std::borrow::Cow::into_owned),
        ..Filter::default()
    })
}

/// A moment that a query names, in milliseconds since 1970.
pub(super) fn moment(ask: &Ask, name: &str, now: u64) -> Result<Option<u64>, Refused> {
    let Some(text) = ask.param(name) else { return Ok(None) };
    when::parse(&text, now).map(Some).ok_or_else(|| Refused::invalid(name, when::EXPECTED))
}
