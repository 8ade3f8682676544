//! What lies behind memory: asked once a request where memory had nothing, and told of what is new.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{End, Entry, Exact, Fingerprint, Flight, Found, OtherWords, Tier};
use crate::clock;
use crate::proxy::caching::look::Query;
use crate::store::tiers::{Kept, Tiers};

/// Looks for what a query asks, on behalf of those who wait for this flight. What is found is in memory from
/// here on, and they find it there. Otherwise the flight goes on.
pub async fn look(
    tiers: &Tiers,
    cache: &Exact,
    query: &Query,
    flight: Option<Arc<Flight>>,
) -> (Found, Option<Tier>) {
    // A client that leaves meanwhile leaves nobody waiting.
    let led = Led::new(cache, query, flight);
    let purges = cache.purges();
    let in_other_words = query.rules.other_words() == OtherWords::Answered;
    let reworded: &[Fingerprint] = if in_other_words { &query.reworded } else { &[] };
    let numbers = [&[query.fingerprint], reworded].concat();
    let mut found = tiers.look(&numbers).await.into_iter().flatten();
    let Some((kept, tier)) = found.next() else { return (Found::Nothing(led.on()), None) };
    let adopt = |kept: &Kept| {
        cache.adopt(kept.fingerprint, &kept.entry, kept.made, kept.until, purges);
    };
    let Entry::Reworded(reworded) = &*kept.entry else {
        let Some(age) = age(&kept, query) else { return (Found::Nothing(led.on()), None) };
        adopt(&kept);
        return (Found::Entry(kept.entry, age), Some(tier));
    };
    let answered = tiers.look(&[reworded.answered]).await.into_iter().flatten().next();
    if let Some((answer, tier)) = answered
        && let Some(age) = age(&answer, query)
    {
        adopt(&answer);
        adopt(&kept);
        return (Found::Reworded(answer.entry, age), Some(tier));
    }
    (Found::Nothing(led.on()), None)
}

/// How old something is, if it is not too old.
fn age(kept: &Kept, query: &Query) -> Option<Duration> {
    let age = Duration::from_millis(clock::unix_millis().saturating_sub(kept.made));
    query.wish.max_age.is_none_or(|most| age <= most).then_some(age)
}

/// Keeps an entry in memory and behind it; whether there was room for it.
pub fn keep(
    (cache, tiers): (&Exact, Option<&Tiers>),
    fingerprint: Fingerprint,
    entry: Entry,
    (now, ttl): (u64, Duration),
    purges: u64,
) -> bool {
    let entry = Arc::new(entry);
    let is_kept = cache.keep(fingerprint, Arc::clone(&entry), now, ttl, purges);
    if is_kept && let Some(tiers) = tiers {
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        tiers.keep(&Kept { fingerprint, entry, made: now, until: now.saturating_add(ttl) });
    }
    is_kept
}

/// A flight whose leader looks elsewhere. Where that is all it did, those who wait look again themselves.
pub(super) struct Led<'c> {
    cache: &'c Exact,
    fingerprint: Fingerprint,
    flight: Option<Arc<Flight>>,
}

impl<'c> Led<'c> {
    /// The flight of those who wait for the answer to a query.
    pub(super) const fn new(cache: &'c Exact, query: &Query, flight: Option<Arc<Flight>>) -> Self {
        Self { cache, fingerprint: query.fingerprint, flight }
    }

    /// The flight goes on.
    pub(super) fn on(mut self) -> Option<Arc<Flight>> {
        self.flight.take()
    }
}

impl Drop for Led<'_> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.cache.land(self.fingerprint, &flight);
            flight.end(End::Left);
        }
    }
}
