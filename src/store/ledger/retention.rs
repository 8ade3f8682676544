//! What is too old goes, in small bites, so that nobody waits long for it.

use rusqlite::Connection;

use super::Keep;
use super::blocks;
use super::hours::HOUR;
use crate::store::file::{give_back, signed};

/// So many blocks of rows go at one time.
const BLOCKS: i64 = 40;

/// So many requests whose bodies are logged.
const BODIES: i64 = 200;

/// So many times in a row.
const BITES: usize = 50;

/// How long it is remembered how far a segment was moved that has gone since: one may be there again
/// after a loss of power.
const MARKS: u64 = 24 * HOUR;

/// Takes away some of what is too old. A row goes with the last one of its block.
pub(super) fn bite(connection: &Connection, keep: Keep, now: u64) -> rusqlite::Result<()> {
    let oldest =
        |time: std::time::Duration| now.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let mut gone = 0;
    if let Some(before) = keep.rows.map(oldest) {
        let delete = "DELETE FROM blocks WHERE block IN
                      (SELECT block FROM blocks WHERE last_at < ?1 ORDER BY last_at LIMIT ?2)";
        gone += bites(connection, delete, before, BLOCKS)?;
        if gone > 0 {
            blocks::forget_changes(connection)?;
        }
    }
    if let Some(before) = keep.bodies.map(oldest) {
        let delete = "DELETE FROM bodies WHERE rowid IN
                      (SELECT rowid FROM bodies WHERE at < ?1 ORDER BY at LIMIT ?2)";
        gone += bites(connection, delete, before, BODIES)?;
    }
    let forget = "DELETE FROM moved WHERE at < ?1";
    connection.prepare_cached(forget)?.execute([signed(now.saturating_sub(MARKS))])?;
    if let Some(before) = keep.hours.map(oldest) {
        let delete = "DELETE FROM hours WHERE hour = (SELECT min(hour) FROM hours) AND hour < ?1";
        for _ in 0..BITES {
            let some = connection.prepare_cached(delete)?.execute([signed(before / HOUR)])?;
            gone += some;
            if some == 0 {
                break;
            }
        }
    }
    if gone > 0 {
        give_back(connection, 1024)?;
    }
    Ok(())
}

/// Takes away what came before a moment, so many at a time; how many that were.
fn bites(connection: &Connection, delete: &str, before: u64, most: i64) -> rusqlite::Result<usize> {
    let mut gone = 0;
    for _ in 0..BITES {
        let some = connection.prepare_cached(delete)?.execute([signed(before), most])?;
        gone += some;
        if some == 0 {
            break;
        }
    }
    Ok(gone)
}
