//! What operators have done: who, what, to what. Nothing in it is ever changed or taken away.

use std::path::Path;

use rusqlite::{Connection, Row, params};

use super::file::{self, Unusable, signed, unsigned};

/// One thing that somebody has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Who: an admin key's name, or `cli`.
    pub who: String,
    /// What: `key.create`, `config.reload` …
    pub action: String,
    /// To what, if to something.
    pub target: Option<String>,
    /// What else there is to say, as a JSON object without secrets.
    pub detail: String,
}

/// The file of deeds.
#[derive(Debug)]
pub struct Audit {
    connection: Connection,
}

impl Audit {
    /// Opens the file in this folder, and makes both if they are not there.
    ///
    /// # Errors
    /// When the folder or the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, Unusable> {
        file::open(folder).map(|connection| Self { connection })
    }

    /// Notes a deed that changes nothing in this file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note(&self, deed: &Deed) -> rusqlite::Result<()> {
        note(&self.connection, deed)
    }

    /// So many of the latest deeds before this place, the last first, each with its place.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn latest(&self, number: u32, before: Option<u64>) -> rusqlite::Result<Vec<(u64, Deed)>> {
        let mut statement = self.connection.prepare(
            "SELECT place, at, who, action, target, detail FROM audit WHERE place < ?1
             ORDER BY place DESC LIMIT ?2",
        )?;
        statement.query_map(params![before.map_or(i64::MAX, signed), number], deed)?.collect()
    }
}

/// Notes a deed, in the transaction of what it changes.
pub(super) fn note(connection: &Connection, deed: &Deed) -> rusqlite::Result<()> {
    let Deed { at, who, action, target, detail } = deed;
    connection.execute(
        "INSERT INTO audit (at, who, action, target, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![signed(*at), who, action, target, detail],
    )?;
    Ok(())
}

fn deed(row: &Row<'_>) -> rusqlite::Result<(u64, Deed)> {
    let deed = Deed {
        at: unsigned(row.get(1)?),
        who: row.get(2)?,
        action: row.get(3)?,
        target: row.get(4)?,
        detail: row.get(5)?,
    };
    Ok((unsigned(row.get(0)?), deed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_read_from_the_last_back() {
        let folder = std::env::temp_dir().join(format!("tollgate-audit-{}", std::process::id()));
        let audit = Audit::open(&folder).unwrap();
        let deed = |at| Deed {
            at,
            who: "ann".to_owned(),
            action: "config.reload".to_owned(),
            target: None,
            detail: "{}".to_owned(),
        };
        (1..=3).for_each(|at| audit.note(&deed(at)).unwrap());
        let page = audit.latest(2, None).unwrap();
        assert_eq!(page.iter().map(|(_, deed)| deed.at).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(audit.latest(2, Some(page[1].0)).unwrap()[0].1, deed(1));
        let _ = std::fs::remove_dir_all(&folder);
    }
}
