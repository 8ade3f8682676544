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
    fn of(entry: &Entry) -> Self {
        let name = entry.key.as_ref().map(|(_, name)| name.clone()).unwrap_or_default();
        Self { name, counted: entry.counted.clone() }
    }
}

/// Sums that are not in the file yet.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    sums: FxHashMap<Group, (OfKey, Sums)>,
    seen: FxHashSet<Group>,
    hour: u64,
}

impl Gathering {
    /// Adds a request.
    pub(super) fn add(&mut self, entry: &Entry) {
        self.put(entry, &Sums::of(entry));
    }

    /// Takes one away again.
    pub(super) fn take(&mut self, row: &Row) {
        self.put(&row.entry, &Sums::of_request(row).negated());
    }

    fn put(&mut self, entry: &Entry, sums: &Sums) {
        for group in groups(entry) {
            let group = self.bounded(group);
            let gathered = self.sums.entry(group).or_insert_with(|| (OfKey::of(entry), Sums::default()));
            gathered.1.add(sums);
        }
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
        for (group, (key, sums)) in &self.sums {
            write(connection, group, key, sums)?;
        }
        Ok(())
    }

    /// It is in the file.
    pub(super) fn clear(&mut self) {
        self.sums.clear();
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

/// The groups in which a request counts: the one of all, and one for each of its labels.
pub(super) fn groups(entry: &Entry) -> impl Iterator<Item = Group> {
    let group = |label: &str| Group {
        hour: entry.at / HOUR,
        names: [
            label,
            entry.key.as_ref().map_or("", |(id, _)| id),
            &entry.owner,
            &entry.provider,
            &entry.asked_model,
            &entry.model,
            &entry.operation,
            &entry.client,
            &entry.cache,
        ]
        .map(str::to_owned),
    };
    std::iter::once("").chain(entry.labels.iter().map(String::as_str)).map(group)
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
