//! What limits and budgets have counted, so that it is known when the process begins again.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::file::{self, Unusable, signed, unsigned};
use crate::policy::Tally;

/// The tallies in the file.
#[derive(Debug)]
pub struct Tallies {
    connection: Connection,
}

impl Tallies {
    /// Opens the file in this folder, and makes both if they are not there.
    ///
    /// # Errors
    /// When the folder or the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, Unusable> {
        file::open(folder).map(|connection| Self { connection })
    }

    /// All that still count: id, slice, amount.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all(&self, now: u64) -> rusqlite::Result<Vec<(String, u64, u64)>> {
        let counting = "SELECT id, slice, used FROM tallies WHERE ends IS NULL OR ends > ?1";
        let mut statement = self.connection.prepare(counting)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, unsigned(row.get(1)?), unsigned(row.get(2)?)));
        statement.query_map([signed(now)], row)?.collect()
    }

    /// Adds changes to what is there: the sum that each came to. Two processes may do so at one time.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing was.
    pub fn add(&mut self, changes: &[Tally], now: u64) -> rusqlite::Result<Vec<u64>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut sums = Vec::with_capacity(changes.len());
        for Tally { id, slice, change, ends } in changes {
            let sum = transaction.query_row(
                "INSERT INTO tallies (id, slice, used, ends) VALUES (?1, ?2, max(?3, 0), ?4)
                 ON CONFLICT (id, slice) DO UPDATE SET used = max(used + ?3, 0) RETURNING used",
                params![&**id, signed(*slice), change, ends.map(signed)],
                |row| row.get(0).map(unsigned),
            )?;
            sums.push(sum);
        }
        transaction.execute("DELETE FROM tallies WHERE ends <= ?1", [signed(now)])?;
        transaction.commit()?;
        Ok(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_processes_add_is_summed_and_what_has_ended_goes() {
        let folder = std::env::temp_dir().join(format!("tollgate-tallies-{}", std::process::id()));
        let tally = |id: &str, change, ends| Tally { id: id.into(), slice: 3, change, ends };
        let (mut one, mut other) = (Tallies::open(&folder).unwrap(), Tallies::open(&folder).unwrap());
        assert_eq!(one.add(&[tally("a", 5, None), tally("b", 7, Some(100))], 10).unwrap(), [5, 7]);
        assert_eq!(other.add(&[tally("a", 30, None)], 20).unwrap(), [35]);
        assert_eq!(one.add(&[tally("a", -10, None)], 30).unwrap(), [25]);
        assert_eq!(other.all(50).unwrap().len(), 2);
        assert_eq!(other.all(100).unwrap(), [("a".to_owned(), 3, 25)]);
        let _ = std::fs::remove_dir_all(&folder);
    }
}
