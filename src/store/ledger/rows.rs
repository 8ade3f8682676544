//! Rows of single requests: as they came, and what was changed of them since.

use rusqlite::{Connection, Row as Columns, params};

use super::blocks::{self, Filling, Written, unread};
use super::sums::pico;
use crate::account::entry::Entered;
use crate::account::{Entry, entry};
use crate::store::file::{signed, unsigned};
use crate::store::journal::Kind;
use crate::units::PicoUsd;

/// A request as the ledger has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its place among all, by which a list goes on.
    pub seq: i64,
    /// What is known of it, with its latest cost and price.
    pub entry: Entry,
    /// Whether what it used was not counted yet.
    pub is_estimate: bool,
    /// When it was priced again, in seconds since 1970, and what it cost before that.
    pub repriced: Option<(u64, Option<PicoUsd>)>,
}

impl Row {
    /// What it cost before any price was run again.
    #[must_use]
    pub fn first_cost(&self) -> Option<PicoUsd> {
        self.repriced.map_or(self.entry.cost, |(_, first)| first)
    }

    /// Reads a row as it was written, with what was changed of it.
    pub(super) fn read(seq: i64, row: Written<'_>, change: Option<Change>) -> rusqlite::Result<Self> {
        let change = change.unwrap_or_default();
        let is_amended = change.amended.is_some();
        let mut entry = match change.amended {
            Some(entry) => *entry,
            None => entry::read(row.version, row.bytes).map_err(unread)?,
        };
        let repriced = change.repriced.map(|repriced| {
            entry.cost = repriced.cost;
            entry.price = repriced.price;
            (repriced.at, repriced.first_cost)
        });
        Ok(Self { seq, entry, is_estimate: row.is_estimate && !is_amended, repriced })
    }
}

/// What was changed of a row after it was written.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// What stands in the place of its estimate.
    amended: Option<Box<Entry>>,
    repriced: Option<Repriced>,
}

/// How a row was priced again.
#[derive(Debug)]
struct Repriced {
    at: u64,
    cost: Option<PicoUsd>,
    price: Option<(String, String)>,
    first_cost: Option<PicoUsd>,
}

impl Change {
    /// Reads one from its columns behind the row's number.
    pub(super) fn of(columns: &Columns<'_>) -> rusqlite::Result<Self> {
        let amended = match (columns.get(1)?, columns.get_ref(2)?.as_blob_or_null()?) {
            (Some(version), Some(bytes)) => Some(Box::new(entry::read(version, bytes).map_err(unread)?)),
            (_, None) | (None, _) => None,
        };
        let money = |amount: Option<i64>| amount.map(|amount| PicoUsd(unsigned(amount).into()));
        let repriced = match columns.get::<_, Option<i64>>(3)? {
            None => None,
            Some(at) => {
                let price: Option<String> = columns.get(5)?;
                // The name of a model may hold the sign as well, a version never.
                let price = price.as_deref().and_then(|price| price.rsplit_once('@'));
                Some(Repriced {
                    at: unsigned(at),
                    cost: money(columns.get(4)?),
                    price: price.map(|(id, version)| (id.to_owned(), version.to_owned())),
                    first_cost: money(columns.get(6)?),
                })
            }
        };
        Ok(Self { amended, repriced })
    }
}

/// What a row did to those that were there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It is one more.
    New,
    /// It took the place of this one.
    Instead(Box<Row>),
    /// It is there already.
    Known,
}

/// Adds a row, or puts it in the place of its estimate.
pub(super) fn add(
    connection: &Connection,
    filling: &mut Filling,
    kind: Kind,
    version: u8,
    bytes: &[u8],
    entry: &Entered<&str>,
) -> rusqlite::Result<Added> {
    if kind != Kind::Whole {
        // The other one may be of the same piece, and they come in any order.
        filling.flush(connection)?;
        let known = blocks::find(connection, entry.id, (entry.at, entry.at))?;
        if let Some(known) = known.into_iter().find(|row| row.entry.background == entry.background) {
            if kind == Kind::Estimate || !known.is_estimate {
                return Ok(Added::Known);
            }
            let amend = "INSERT INTO changes (seq, version, entry) VALUES (?1, ?2, ?3)
                         ON CONFLICT DO UPDATE SET version = excluded.version, entry = excluded.entry,
                             repriced = NULL, cost = NULL, price = NULL, first_cost = NULL";
            connection.prepare_cached(amend)?.execute(params![known.seq, version, bytes])?;
            return Ok(Added::Instead(Box::new(known)));
        }
    }
    filling.put(connection, Written { version, is_estimate: kind == Kind::Estimate, bytes, at: entry.at })?;
    Ok(Added::New)
}

/// Notes what a row costs at another price, at this time in seconds since 1970.
pub(super) fn reprice(
    connection: &Connection,
    row: &Row,
    now: PicoUsd,
    price: &str,
    at: u64,
) -> rusqlite::Result<()> {
    let change = "INSERT INTO changes (seq, repriced, cost, price, first_cost) VALUES (?1, ?2, ?3, ?4, ?5)
                  ON CONFLICT DO UPDATE SET repriced = excluded.repriced, cost = excluded.cost,
                      price = excluded.price, first_cost = excluded.first_cost";
    // Of a row that is priced a third time, what it cost first stays.
    let first = row.first_cost().map(pico);
    connection.prepare_cached(change)?.execute(params![row.seq, signed(at), pico(now), price, first])?;
    Ok(())
}
