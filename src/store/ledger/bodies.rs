//! What was said in requests and answers, where a route or a key wants that logged: it waits in memory
//! for a moment, and is kept for a time of its own.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::account::Said;
use crate::store::file::signed;

/// So many requests may wait to be written.
const QUEUE: usize = 256;

/// What was said in one request.
pub struct Bodies {
    /// The request's id, and whether it is one of the gateway's own.
    pub id: (String, bool),
    /// When it came, in milliseconds since 1970.
    pub at: u64,
    /// What the client asked, as far as guards let it pass.
    pub request: Said,
    /// What it was answered.
    pub response: Said,
    /// What guards masked and restored for the client: names, and what they stand for.
    pub masked: Vec<(String, String)>,
    /// What is given back once it is written.
    pub held: Box<dyn Send + Sync>,
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never what was said.
        f.debug_struct("Bodies").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Bodies that are not written yet.
#[derive(Debug, Default)]
pub struct Waiting {
    list: Mutex<Vec<Bodies>>,
    lost: AtomicU64,
}

impl Waiting {
    /// Leaves what was said to whoever writes it. Where too much waits, it is not logged.
    pub fn leave(&self, bodies: Bodies) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < QUEUE {
            return list.push(bodies);
        }
        drop(list);
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        if lost.is_power_of_two() {
            log::warn!("the bodies of {lost} requests are not logged: too many wait to be written");
        }
    }

    /// Writes all that waits. What cannot be written is not logged.
    pub(super) fn write(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let waiting = std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let transaction = connection.transaction()?;
        let insert = "INSERT INTO bodies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        for Bodies { id: (id, background), at, request, response, masked, held } in waiting {
            let (request, response) = (request.masked(&masked), response.masked(&masked));
            transaction.prepare_cached(insert)?.execute(params![
                id,
                background,
                signed(at),
                request.bytes(),
                request.is_cut(),
                response.bytes(),
                response.is_cut()
            ])?;
            drop(held);
        }
        transaction.commit()
    }
}

/// What was logged of a request and of its answer.
pub(super) fn find(
    connection: &Connection,
    id: &str,
    background: bool,
) -> rusqlite::Result<Option<(Said, Said)>> {
    let find =
        "SELECT request, request_cut, response, response_cut FROM bodies WHERE id = ?1 AND background = ?2";
    let said = |row: &Row<'_>, first: usize| -> rusqlite::Result<Said> {
        Ok(Said::new(row.get(first)?, row.get(first + 1)?))
    };
    let both = |row: &Row<'_>| Ok((said(row, 0)?, said(row, 2)?));
    connection.prepare_cached(find)?.query_row(params![id, background], both).optional()
}
