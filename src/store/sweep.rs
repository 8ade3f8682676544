//! What goes: what nobody used for long, and what there is no room for.

use rusqlite::{Connection, params};

use super::Retention;
use super::file::give_back;

/// So many responses or conversations go at one time, so that nobody waits long for it.
const SLICE: u32 = 500;

/// Deletes what is too old or too much.
pub(super) fn sweep(connection: &Connection, retention: Retention, now: u64) -> rusqlite::Result<()> {
    let keep = u64::try_from(retention.keep.as_millis()).unwrap_or(u64::MAX);
    let oldest = i64::try_from(now.saturating_sub(keep)).unwrap_or(i64::MAX);
    while forget(connection, Some(oldest))? > 0 {}
    let room = i64::try_from(retention.room.0).unwrap_or(i64::MAX);
    while held(connection)? > room && forget(connection, None)? > 0 {}
    give_back(connection, 4096)
}

fn held(connection: &Connection) -> rusqlite::Result<i64> {
    let sum = "SELECT (SELECT ifnull(sum(bytes), 0) FROM responses)
                    + (SELECT ifnull(sum(bytes), 0) FROM conversations)";
    connection.query_row(sum, [], |row| row.get(0))
}

/// Forgets some of what was used longest ago, or only of what was last used before `before`.
fn forget(connection: &Connection, before: Option<i64>) -> rusqlite::Result<usize> {
    let before = before.unwrap_or(i64::MAX);
    // Where there is no room, a few make some; what is too old all goes.
    let slice = if before == i64::MAX { SLICE / 20 } else { SLICE };
    connection.execute_batch("BEGIN IMMEDIATE; CREATE TEMP TABLE IF NOT EXISTS going (id TEXT)")?;
    let outcome = (|| {
        let chosen = connection.execute(
            "INSERT INTO going SELECT id FROM (
                 SELECT id, used, made FROM responses WHERE used < ?1
                 UNION ALL SELECT id, used, made FROM conversations WHERE used < ?1
                 ORDER BY used, made DESC LIMIT ?2)",
            params![before, slice],
        )?;
        connection.execute_batch(
            "DELETE FROM items WHERE parent IN (SELECT id FROM going);
             DELETE FROM responses WHERE id IN (SELECT id FROM going);
             DELETE FROM conversations WHERE id IN (SELECT id FROM going);
             DELETE FROM going;",
        )?;
        Ok(chosen)
    })();
    connection.execute_batch(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    outcome
}
