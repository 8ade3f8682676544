//! Which requests a query means.

use super::Call;
use crate::admin::ask::Ask;
use crate::admin::refused::Refused;
use crate::clock;
use crate::store::ledger::Filter;

/// What is meant where nothing is said: the last day, in milliseconds.
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
        let mut filter = filter(self.ask, now)?;
        if self.ask.param("from").is_none() {
            filter.from = now.saturating_sub(USUAL);
        }
        if filter.to > 0 && filter.to <= filter.from {
            return Err(Refused::invalid("to", "expected a moment after \"from\""));
        }
        // What is to come is not there: it ends now, as where nothing is said.
        if filter.to > now {
            filter.to = 0;
        }
        let until = if filter.to == 0 { now } else { filter.to };
        Ok(Asked { filter, until })
    }
}

/// The filters of a query; `now` is in milliseconds since 1970.
pub(super) fn filter(ask: &Ask, now: u64) -> Result<Filter, Refused> {
    let mut filter = Filter::default();
    for word in Filter::WORDS {
        for value in ask.all(word) {
            filter.set(word, &value, now).map_err(|mistaken| Refused::invalid(word, mistaken.to_string()))?;
        }
    }
    Ok(filter)
}
