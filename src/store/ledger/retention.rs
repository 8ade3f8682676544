//! What is too old goes, in small bites, so that nobody waits long for it.

use rusqlite::Connection;

use super::Keep;
use super::hours::HOUR;
use crate::store::file::{give_back, signed};

/// So many rows go at one time.
const ROWS: i64 = 2000;

/// So many times in a row.
const BITES: usize = 50;

/// Takes away some of what is too old.
pub(super) fn bite(connection: &Connection, keep: Keep, now: u64) -> rusqlite::Result<()> {
    let oldest =
        |time: std::time::Duration| now.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let mut gone = 0;
    if let Some(before) = keep.rows.map(oldest) {
        let delete =
            "DELETE FROM requests WHERE seq IN (SELECT seq FROM requests WHERE at < ?1 ORDER BY at LIMIT ?2)";
        for _ in 0..BITES {
            let some = connection.prepare_cached(delete)?.execute([signed(before), ROWS])?;
            gone += some;
            if some == 0 {
                break;
            }
        }
    }
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
