//! Sums by the hour, made as rows come in: what months of requests come to is read from some thousands
//! of rows.

use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use rustc_hash::{FxHashMap, FxHashSet};

use super::histogram::Histogram;
use super::rows::Row;
use super::schema::{GROUPS, NUMBERS};
use super::sums::Sums;
use crate::account::Entry;
use crate::account::entry::Entered;
use crate::store::file::signed;
use crate::units::PicoUsd;

/// Milliseconds of an hour.
pub(super) const HOUR: u64 = 3_600_000;

/// So many different combinations of an hour have rows of their own. Clients choose names of models
/// freely where a provider takes any.
const MOST: usize = 5000;

/// What all further ones are summed up under.
pub(super) const OTHER: &str = "(other)";

/// By what requests are summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Group {
    /// Hours since 1970.
    pub(super) hour: u64,
    /// The names, in the order of [`GROUPS`].
    pub(super) names: [String; GROUPS.len()],
}

/// What is known of a group's key besides its id, as its last request says.
#[derive(Debug, Clone, Default)]
struct OfKey {
    name: String,
    /// The id under which its own limits counted, where that is another.
    counted: String,
}

impl OfKey {
    fn of<T: AsRef<str>>(entry: &Entered<T>) -> Self {
        let name = entry.key.as_ref().map(|(_, name)| name.as_ref().to_owned()).unwrap_or_default();
        Self { name, counted: entry.counted.as_ref().to_owned() }
    }
}

/// Sums that are not in the file yet.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    sums: Vec<Gathered>,
    places: FxHashMap<Group, usize>,
    /// Where the last request's groups are, the one of all first: the next one's are mostly the same.
    last: Vec<usize>,
    seen: FxHashSet<Group>,
    hour: u64,
}

/// A group that requests came for.
#[derive(Debug)]
struct Gathered {
    /// As its requests say it, whether or not there is room for it.
    group: Group,
    /// The group that they are summed up under.
    under: Group,
    key: OfKey,
    sums: Sums,
}

impl Gathering {
    /// Adds a request.
    pub(super) fn add<T: AsRef<str>>(&mut self, entry: &Entered<T>) {
        self.each(entry, |sums| sums.count(entry));
    }

    /// Takes one away again.
    pub(super) fn take(&mut self, row: &Row) {
        let less = Sums::of_request(row).negated();
        self.each(&row.entry, |sums| sums.add(&less));
    }

    fn each<T: AsRef<str>>(&mut self, entry: &Entered<T>, change: impl Fn(&mut Sums)) {
        let labels = std::iter::once("").chain(entry.labels.iter().map(AsRef::as_ref));
        for (nth, label) in labels.enumerate() {
            let place = match self.last.get(nth) {
                Some(&place) if self.sums.get(place).is_some_and(|had| had.group.is_of(entry, label)) => {
                    place
                }
                Some(_) | None => self.place(entry, label),
            };
            if let Some(gathered) = self.sums.get_mut(place) {
                change(&mut gathered.sums);
            }
            match self.last.get_mut(nth) {
                Some(last) => *last = place,
                None => self.last.push(place),
            }
        }
    }

    /// Where a group is, which is made if need be.
    fn place<T: AsRef<str>>(&mut self, entry: &Entered<T>, label: &str) -> usize {
        let group = Group::of(entry, label);
        if let Some(place) = self.places.get(&group) {
            return *place;
        }
        let place = self.sums.len();
        let under = self.bounded(group.clone());
        self.places.insert(group.clone(), place);
        self.sums.push(Gathered { group, under, key: OfKey::of(entry), sums: Sums::default() });
        place
    }

    /// The group, or the one of all that there is no room for.
    fn bounded(&mut self, group: Group) -> Group {
        if group.hour > self.hour {
            self.hour = group.hour;
            self.seen.clear();
        }
        if self.seen.contains(&group) {
            return group;
        }
        if self.seen.len() < MOST {
            self.seen.insert(group.clone());
            return group;
        }
        others(group)
    }

    /// Writes all of it, within a transaction of the caller's.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        for Gathered { under, key, sums, .. } in &self.sums {
            write(connection, under, key, sums)?;
        }
        Ok(())
    }

    /// It is in the file.
    pub(super) fn clear(&mut self) {
        self.sums.clear();
        self.places.clear();
        self.last.clear();
    }
}

/// The same group, whatever its models are called.
pub(super) fn others(mut group: Group) -> Group {
    for (name, column) in group.names.iter_mut().zip(GROUPS) {
        if matches!(column, "asked_model" | "model") && !name.is_empty() {
            OTHER.clone_into(name);
        }
    }
    group
}

/// The names of a request's group, in the order of [`GROUPS`].
fn names<'e, T: AsRef<str>>(entry: &'e Entered<T>, label: &'e str) -> [&'e str; GROUPS.len()] {
    [
        label,
        entry.key.as_ref().map_or("", |(id, _)| id.as_ref()),
        entry.owner.as_ref(),
        entry.provider.as_ref(),
        entry.asked_model.as_ref(),
        entry.model.as_ref(),
        entry.operation.as_ref(),
        entry.client.as_ref(),
        entry.cache.as_ref(),
    ]
}

impl Group {
    /// The group of a request under one of its labels, or under none.
    fn of<T: AsRef<str>>(entry: &Entered<T>, label: &str) -> Self {
        Self { hour: entry.at / HOUR, names: names(entry, label).map(str::to_owned) }
    }

    fn is_of<T: AsRef<str>>(&self, entry: &Entered<T>, label: &str) -> bool {
        self.hour == entry.at / HOUR
            && self.names.iter().zip(names(entry, label)).all(|(own, other)| own == other)
    }
}

/// The groups in which a request counts: the one of all, and one for each of its labels.
pub(super) fn groups(entry: &Entry) -> impl Iterator<Item = Group> {
    std::iter::once("").chain(entry.labels.iter().map(String::as_str)).map(|label| Group::of(entry, label))
}

/// The condition that finds a group.
fn is_group() -> String {
    let names: Vec<_> =
        GROUPS.iter().zip(2..).map(|(column, place)| format!("{column} = ?{place}")).collect();
    format!("hour = ?1 AND {}", names.join(" AND "))
}

/// Adds sums to those of a group.
fn write(connection: &Connection, group: &Group, key: &OfKey, sums: &Sums) -> rusqlite::Result<()> {
    let find = format!("SELECT latency, first_token FROM hours WHERE {}", is_group());
    let hour = signed(group.hour);
    let mut of_group: Vec<&dyn ToSql> = vec![&hour];
    of_group.extend(group.names.iter().map(|name| name as &dyn ToSql));
    let histogram = |row: &rusqlite::Row<'_>, column| -> rusqlite::Result<Histogram> {
        Ok(Histogram::from_bytes(row.get_ref(column)?.as_blob()?))
    };
    let known = connection
        .prepare_cached(&find)?
        .query_row(of_group.as_slice(), |row| Ok((histogram(row, 0)?, histogram(row, 1)?)))
        .optional()?;
    let (mut latency, mut first_token) = known.unwrap_or_default();
    latency.merge(&sums.latency);
    first_token.merge(&sums.first_token);
    let mut columns = vec!["hour"];
    columns.extend(GROUPS);
    columns.extend(["key_name", "counted"]);
    columns.extend(NUMBERS);
    columns.extend(["latency", "first_token"]);
    let places: Vec<_> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
    // The least of both keeps a sum that is too large for the file a number.
    let added: Vec<_> = NUMBERS
        .iter()
        .map(|name| format!("{name} = min({name} + excluded.{name}, 9000000000000000000)"))
        .collect();
    let upsert = format!(
        "INSERT INTO hours ({}) VALUES ({}) ON CONFLICT DO UPDATE SET key_name = excluded.key_name,
         counted = excluded.counted, {}, latency = excluded.latency, first_token = excluded.first_token",
        columns.join(", "),
        places.join(", "),
        added.join(", ")
    );
    let (latency, first_token) = (latency.to_bytes(), first_token.to_bytes());
    let numbers = sums.numbers();
    let mut values = of_group;
    values.extend([&key.name as &dyn ToSql, &key.counted]);
    values.extend(numbers.iter().map(|number| number as &dyn ToSql));
    values.extend([&latency as &dyn ToSql, &first_token]);
    connection.prepare_cached(&upsert)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Corrects what a request cost in all its groups: to what it costs now from what it did before. What it
/// cost first stays.
pub(super) fn correct(connection: &Connection, row: &Row, now: PicoUsd) -> rusqlite::Result<()> {
    let before = &row.entry;
    let mut change = Sums::of_request(row).negated();
    let after = Sums::of(&Entry { cost: Some(now), ..before.clone() });
    change.add(&after.costing_first(row.first_cost()));
    for group in groups(before) {
        let find = format!("SELECT key_name, counted FROM hours WHERE {}", is_group());
        let hour = signed(group.hour);
        let mut values: Vec<&dyn ToSql> = vec![&hour];
        values.extend(group.names.iter().map(|name| name as &dyn ToSql));
        let known = connection
            .prepare_cached(&find)?
            .query_row(values.as_slice(), |row| Ok(OfKey { name: row.get(0)?, counted: row.get(1)? }))
            .optional()?;
        match known {
            Some(key) => write(connection, &group, &key, &change)?,
            None => write(connection, &others(group), &OfKey::of(before), &change)?,
        }
    }
    Ok(())
}
