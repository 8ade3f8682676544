//! Rows as the file has them: many in one block, since a row of its own for each request would cost more
//! than the request itself. A block says between which times its rows are; what is looked for is looked
//! for in the blocks of its time.
//!
//! Each row in a block: `version  estimate or not  length (4)  row`, as it stood in the journal.

use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, params};

use super::hours::HOUR;
use super::rows::{Change, Row};
use crate::account::entry;
use crate::store::file::{signed, unsigned};

/// A block that is longer has no further rows. It is read whole, whatever of it is wanted.
const FULL: usize = 32 << 10;

/// A block that is shorter takes further rows later on, so that few requests make few blocks.
const SHORT: usize = 8 << 10;

/// So many bits of a row's number are its place in its block.
const PLACE: u32 = 12;

/// How long the part before a row is.
const HEAD: usize = 6;

/// A row that is to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) version: u8,
    pub(super) is_estimate: bool,
    pub(super) bytes: &'a [u8],
    /// When the request came, in milliseconds since 1970.
    pub(super) at: u64,
}

/// The block that takes rows now.
#[derive(Debug, Default)]
pub(super) struct Filling {
    bytes: Vec<u8>,
    rows: u32,
    first_at: u64,
    last_at: u64,
    /// Its number in the file, and how much of it is there.
    known: Option<(i64, usize, u32)>,
}

impl Filling {
    /// Takes a row; it is in the file only after [`Filling::flush`].
    pub(super) fn put(&mut self, connection: &Connection, row: Written<'_>) -> rusqlite::Result<()> {
        let span = self.last_at.max(row.at) - self.first_at.min(row.at);
        let is_full = self.bytes.len() + row.bytes.len() > FULL || self.rows + 1 >= 1 << PLACE;
        if self.rows > 0 && (is_full || span > HOUR) {
            self.flush(connection)?;
            self.begin_anew();
        }
        let length = u32::try_from(row.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&[row.version, u8::from(row.is_estimate)]);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(row.bytes);
        (self.first_at, self.last_at) = match self.rows {
            0 => (row.at, row.at),
            _ => (self.first_at.min(row.at), self.last_at.max(row.at)),
        };
        self.rows += 1;
        Ok(())
    }

    /// Brings what it took into the file.
    pub(super) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some((block, bytes, rows)) = self.known {
            if rows == self.rows {
                return Ok(());
            }
            let more = "UPDATE blocks SET first_at = ?2, last_at = ?3, rows = ?4, entries = ?5
                        WHERE block = ?1 AND rows = ?6";
            let (first_at, last_at) = (signed(self.first_at), signed(self.last_at));
            let values = params![block, first_at, last_at, self.rows, self.bytes, rows];
            if connection.prepare_cached(more)?.execute(values)? == 0 {
                // It was too old and went; what came since makes another.
                self.bytes.drain(..bytes);
                self.rows -= rows;
                self.known = None;
            }
        }
        if self.rows > 0 && self.known.is_none() {
            let insert = "INSERT INTO blocks (first_at, last_at, rows, entries) VALUES (?1, ?2, ?3, ?4)";
            let values = params![signed(self.first_at), signed(self.last_at), self.rows, self.bytes];
            connection.prepare_cached(insert)?.execute(values)?;
            self.known = Some((connection.last_insert_rowid(), 0, 0));
        }
        if let Some((_, bytes, rows)) = &mut self.known {
            (*bytes, *rows) = (self.bytes.len(), self.rows);
        }
        if self.bytes.len() > SHORT {
            self.begin_anew();
        }
        Ok(())
    }

    /// What comes next makes another block, in the same memory.
    fn begin_anew(&mut self) {
        *self = Self { bytes: std::mem::take(&mut self.bytes), ..Self::default() };
        self.bytes.clear();
    }
}

/// The rows of a block, with all that was changed since.
pub(super) fn rows(connection: &Connection, block: i64, bytes: &[u8]) -> rusqlite::Result<Vec<Row>> {
    let first = block << PLACE;
    let mut changes = changes(connection, first, first + (1 << PLACE))?;
    let mut seq = first;
    each(bytes, |row| {
        let read = Row::read(seq, row, changes.remove(&seq))?;
        seq += 1;
        Ok(read)
    })
}

fn changes(connection: &Connection, from: i64, to: i64) -> rusqlite::Result<BTreeMap<i64, Change>> {
    let select = "SELECT seq, version, entry, repriced, cost, price, first_cost FROM changes
                  WHERE seq >= ?1 AND seq < ?2";
    let mut statement = connection.prepare_cached(select)?;
    let found = statement.query_map([from, to], |row| Ok((row.get(0)?, Change::of(row)?)))?;
    found.collect()
}

/// The rows of a block as they were written, each through `read`.
fn each<T>(
    mut bytes: &[u8],
    mut read: impl FnMut(Written<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut rows = Vec::new();
    while let Some((&[version, is_estimate, l0, l1, l2, l3], rest)) = bytes.split_first_chunk::<HEAD>() {
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let (row, rest) = rest.split_at_checked(length).ok_or_else(|| unread(entry::Unread::Short))?;
        rows.push(read(Written { version, is_estimate: is_estimate > 0, bytes: row, at: 0 })?);
        bytes = rest;
    }
    Ok(rows)
}

/// Why a row that is in the file cannot be told.
pub(super) fn unread(why: entry::Unread) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(why))
}

/// Does something with each block that may have rows of a time, both ends of it included, in about the
/// order of that, until there is enough.
pub(super) fn within<B>(
    connection: &Connection,
    (from, to): (u64, u64),
    mut work: impl FnMut(i64, &[u8]) -> rusqlite::Result<Option<B>>,
) -> rusqlite::Result<Option<B>> {
    let select = "SELECT block, entries FROM blocks WHERE last_at >= ?1 AND first_at <= ?2 ORDER BY last_at";
    let mut statement = connection.prepare_cached(select)?;
    let mut found = statement.query([signed(from), signed(to)])?;
    while let Some(block) = found.next()? {
        if let enough @ Some(_) = work(block.get(0)?, block.get_ref(1)?.as_blob()?)? {
            return Ok(enough);
        }
    }
    Ok(None)
}

/// The rows of the first blocks of a time, block by block, from one number on, and the number behind them.
pub(super) fn from(
    connection: &Connection,
    next: i64,
    (from, to): (u64, u64),
    most: u32,
) -> rusqlite::Result<(Vec<Vec<Row>>, i64)> {
    let select = "SELECT block, entries FROM blocks
                  WHERE block >= ?1 AND +last_at >= ?2 AND +first_at <= ?3 ORDER BY block LIMIT ?4";
    let mut statement = connection.prepare_cached(select)?;
    let mut found = statement.query(params![next, signed(from), signed(to), most])?;
    let (mut blocks, mut behind) = (Vec::new(), next);
    while let Some(block) = found.next()? {
        let number = block.get(0)?;
        blocks.push(rows(connection, number, block.get_ref(1)?.as_blob()?)?);
        behind = number + 1;
    }
    Ok((blocks, behind))
}

/// The same from the latest on; it is also said when the last row of each block came.
pub(super) fn back<B>(
    connection: &Connection,
    (from, to): (u64, u64),
    mut work: impl FnMut(u64, i64, &[u8]) -> rusqlite::Result<Option<B>>,
) -> rusqlite::Result<Option<B>> {
    let select = "SELECT last_at, block, entries FROM blocks WHERE last_at >= ?1 AND first_at <= ?2
                  ORDER BY last_at DESC";
    let mut statement = connection.prepare_cached(select)?;
    let mut found = statement.query([signed(from), signed(to)])?;
    while let Some(block) = found.next()? {
        let last_at = unsigned(block.get(0)?);
        if let enough @ Some(_) = work(last_at, block.get(1)?, block.get_ref(2)?.as_blob()?)? {
            return Ok(enough);
        }
    }
    Ok(None)
}

/// The rows with this id among those of a time.
pub(super) fn find(connection: &Connection, id: &str, time: (u64, u64)) -> rusqlite::Result<Vec<Row>> {
    let finder = memchr::memmem::Finder::new(id.as_bytes());
    let mut found = Vec::new();
    let _: Option<()> = within(connection, time, |block, bytes| {
        if finder.find(bytes).is_some() {
            let rows = rows(connection, block, bytes)?;
            found.extend(rows.into_iter().filter(|row: &Row| row.entry.id == id));
        }
        Ok(None)
    })?;
    Ok(found)
}

/// Takes away what was changed of rows that are there no more.
pub(super) fn forget_changes(connection: &Connection) -> rusqlite::Result<()> {
    let forget = "DELETE FROM changes WHERE seq < (SELECT coalesce(min(block), 0) FROM blocks) << ?1";
    connection.prepare_cached(forget)?.execute([PLACE])?;
    Ok(())
}
