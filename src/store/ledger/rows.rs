//! Rows of single requests: the few columns by which they are found, and all the rest as it came.

use rusqlite::{Connection, OptionalExtension as _, Row as Columns, params};

use super::sums::pico;
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
}

/// The columns that [`row`] reads.
pub(super) const COLUMNS: &str = "seq, version, entry, estimate, cost, price, repriced, first_cost";

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
    kind: Kind,
    version: u8,
    bytes: &[u8],
    entry: &Entry,
) -> rusqlite::Result<Added> {
    if kind == Kind::Amendment {
        let find = "SELECT seq, version, entry, estimate, cost, price, repriced, first_cost FROM requests
                    WHERE id = ?1 AND background = ?2";
        let known = connection
            .prepare_cached(find)?
            .query_row(params![entry.id, entry.background], row)
            .optional()?;
        if let Some(known) = known {
            if !known.is_estimate {
                return Ok(Added::Known);
            }
            let amend =
                "UPDATE requests SET cost = ?2, price = ?3, tokens_in = ?4, tokens_out = ?5, estimate = 0,
                         version = ?6, entry = ?7, repriced = NULL, first_cost = NULL WHERE seq = ?1";
            connection.prepare_cached(amend)?.execute(params![
                known.seq,
                entry.cost.map(pico),
                price(entry),
                signed(entry.usage.total_input()),
                signed(entry.usage.total_output()),
                version,
                bytes
            ])?;
            return Ok(Added::Instead(Box::new(known)));
        }
    }
    let insert = "INSERT INTO requests (id, background, at, key, owner, provider, asked_model, model, operation,
                  client, user, session, status, tokens_in, tokens_out, cost, price, estimate, version, entry)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
                  ON CONFLICT (id, background) DO NOTHING";
    let added = connection.prepare_cached(insert)?.execute(params![
        entry.id,
        entry.background,
        signed(entry.at),
        entry.key.as_ref().map_or("", |(id, _)| id),
        entry.owner,
        entry.provider,
        entry.asked_model,
        entry.model,
        entry.operation,
        entry.client,
        entry.user,
        entry.session,
        entry.status,
        signed(entry.usage.total_input()),
        signed(entry.usage.total_output()),
        entry.cost.map(pico),
        price(entry),
        kind == Kind::Estimate,
        version,
        bytes
    ])?;
    Ok(if added > 0 { Added::New } else { Added::Known })
}

/// A price's name in one piece.
fn price(entry: &Entry) -> String {
    entry.price.as_ref().map_or_else(String::new, |(id, version)| format!("{id}@{version}"))
}

/// Reads a row.
pub(super) fn row(columns: &Columns<'_>) -> rusqlite::Result<Row> {
    let bytes = columns.get_ref(2)?.as_blob()?;
    let mut entry = entry::read(columns.get(1)?, bytes).map_err(|unread| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Blob, Box::new(unread))
    })?;
    let money = |amount: Option<i64>| amount.map(|amount| PicoUsd(unsigned(amount).into()));
    let repriced: Option<i64> = columns.get(6)?;
    let repriced = match repriced {
        None => None,
        Some(at) => {
            entry.cost = money(columns.get(4)?);
            let price: String = columns.get(5)?;
            entry.price = price.rsplit_once('@').map(|(id, version)| (id.to_owned(), version.to_owned()));
            Some((unsigned(at), money(columns.get(7)?)))
        }
    };
    Ok(Row { seq: columns.get(0)?, entry, is_estimate: columns.get(3)?, repriced })
}
