//! What requests come to together.

use rusqlite::Row;

use super::histogram::Histogram;
use super::rows::Row as Request;
use crate::account::Entry;
use crate::account::entry::Entered;
use crate::ir::Usage;
use crate::store::file::signed;
use crate::units::PicoUsd;

/// No number of one request that counts in sums is larger: some providers say anything, and what
/// thousands of those come to must still be a number.
const MOST: u64 = 1_000_000_000_000_000;

/// What requests come to together. What is taken back again is less than nothing for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    numbers: [i128; 25],
    /// How long they took.
    pub latency: Histogram,
    /// How long it was to the first piece of those that were streamed.
    pub first_token: Histogram,
}

impl Sums {
    /// What one request comes to.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        let mut sums = Self::default();
        sums.count(entry);
        sums
    }

    /// Adds one request.
    pub fn count<T: AsRef<str>>(&mut self, entry: &Entered<T>) {
        let first = [
            1,
            i128::from(entry.is_error()),
            i128::from(entry.is_unpriced()),
            i128::from(entry.is_cached()),
            money(entry.cost.unwrap_or_default()),
            money(entry.saved),
        ];
        let mut usage = entry.usage;
        let rest = usage.places().map(|number| i128::from((*number).min(MOST)));
        let last = [i128::from(entry.departed), money(entry.cost.unwrap_or_default())];
        for (place, number) in self.numbers.iter_mut().zip(first.into_iter().chain(rest).chain(last)) {
            // Most are 0.
            if number != 0 {
                *place = place.saturating_add(number);
            }
        }
        // Of what was refused here nobody asks how long it took.
        if entry.departed || entry.is_cached() {
            self.latency.add(entry.timings.total);
            if let Some(time) = entry.timings.first_token {
                self.first_token.add(time);
            }
        }
    }

    /// What one request of the ledger comes to.
    #[must_use]
    pub fn of_request(row: &Request) -> Self {
        Self::of(&row.entry).costing_first(row.first_cost())
    }

    /// The same of a request that cost so much first.
    pub(super) fn costing_first(mut self, cost: Option<PicoUsd>) -> Self {
        if let Some(place) = self.numbers.last_mut() {
            *place = money(cost.unwrap_or_default());
        }
        self
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        for (place, number) in self.numbers.iter_mut().zip(other.numbers) {
            *place = place.saturating_add(number);
        }
        self.latency.merge(&other.latency);
        self.first_token.merge(&other.first_token);
    }

    /// The same with less instead of more.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self {
            numbers: self.numbers.map(|number| -number),
            latency: self.latency.negated(),
            first_token: self.first_token.negated(),
        }
    }

    /// The sums in a row of the file, whose numbers begin at this column, with both histograms behind.
    pub(super) fn of_row(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let mut sums = Self::default();
        for (column, place) in (first..).zip(&mut sums.numbers) {
            *place = i128::from(row.get::<_, i64>(column)?);
        }
        let behind = first + sums.numbers.len();
        sums.latency = Histogram::from_bytes(row.get_ref(behind)?.as_blob()?);
        sums.first_token = Histogram::from_bytes(row.get_ref(behind + 1)?.as_blob()?);
        Ok(sums)
    }

    /// The numbers as the file has them.
    pub(super) fn numbers(&self) -> [i64; 25] {
        let bound =
            |number: i128| i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX });
        self.numbers.map(bound)
    }

    fn number(&self, place: usize) -> u64 {
        self.numbers.get(place).map_or(0, |number| u64::try_from(*number).unwrap_or(0))
    }

    fn money(&self, place: usize) -> PicoUsd {
        PicoUsd(self.numbers.get(place).map_or(0, |number| u128::try_from(*number).unwrap_or(0)))
    }

    /// How many they are.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.number(0)
    }

    /// How many clients did not get what they asked for.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.number(1)
    }

    /// Of how many nobody knows the price.
    #[must_use]
    pub fn unpriced(&self) -> u64 {
        self.number(2)
    }

    /// How many the gateway's own cache has answered.
    #[must_use]
    pub fn cache_hits(&self) -> u64 {
        self.number(3)
    }

    /// What they cost, as far as prices are known.
    #[must_use]
    pub fn cost(&self) -> PicoUsd {
        self.money(4)
    }

    /// What they cost before any price was run again: what budgets have counted.
    #[must_use]
    pub fn first_cost(&self) -> PicoUsd {
        self.money(24)
    }

    /// What the cache has saved.
    #[must_use]
    pub fn saved(&self) -> PicoUsd {
        self.money(5)
    }

    /// For how many of them a provider may have done something.
    #[must_use]
    pub fn departed(&self) -> u64 {
        self.number(23)
    }

    /// What they used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for (place, number) in usage.places().into_iter().zip(self.numbers.iter().skip(6)) {
            *place = u64::try_from(*number).unwrap_or(0);
        }
        usage
    }
}

/// An amount as it counts in sums.
fn money(amount: PicoUsd) -> i128 {
    i128::try_from(amount.0.min(u128::from(MOST) * 1000)).unwrap_or(0)
}

/// An amount as the file has it: whoever pays ten million for one request has other worries.
pub(super) fn pico(amount: PicoUsd) -> i64 {
    u64::try_from(amount.0).map_or(i64::MAX, signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::UsageSource;

    #[test]
    fn absurd_numbers_of_one_request_leave_room_for_those_of_others() {
        let mut usage = Usage::default();
        usage.places().into_iter().for_each(|place| *place = u64::MAX);
        let entry = Entry {
            usage,
            usage_source: Some(UsageSource::Reported),
            cost: Some(PicoUsd(u128::MAX)),
            ..Entry::default()
        };
        let mut sums = Sums::default();
        for _ in 0..9 {
            sums.add(&Sums::of(&entry));
        }
        assert!(sums.numbers().iter().all(|number| *number < i64::MAX));
        sums.add(&Sums::of(&entry).negated());
        assert_eq!(sums.requests(), 8);
    }
}
