//! Virtual keys that are made at run time: by command and, with them, by whoever else opens the file.
//!
//! Whoever changes them counts on; the running gateway looks at that number and takes them over.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::audit::{self, Deed};
use super::file::{self, Unusable, signed, unsigned};
use crate::config::Stored;
use crate::policy::Digest;

/// What is kept of one key. Its secret is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What the gateway needs of it.
    pub stored: Stored,
    /// The first letters of its secret, by which a human knows it again.
    pub hint: String,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// When it was last changed.
    pub changed: u64,
}

/// Why a key was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Another key has the name.
    #[error("there is a key of this name already")]
    Taken,
    /// No key has the name or the id.
    #[error("no key has this name or id")]
    Unknown,
    /// The file could not be read or written.
    #[error("the file of the keys failed: {0}")]
    Failed(#[from] rusqlite::Error),
}

/// The keys in the file.
#[derive(Debug)]
pub struct Keys {
    connection: Connection,
}

const COLUMNS: &str = "id, name, fields, hash, hint, made, changed, revoked, old_hash, old_until";

impl Keys {
    /// Opens the file in this folder, and makes both if they are not there.
    ///
    /// # Errors
    /// When the folder or the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, Unusable> {
        let connection = file::open(folder)?;
        // Whoever is told of a secret relies on it: a change is on the disk before it is told of.
        let full = connection.pragma_update(None, "synchronous", "FULL");
        full.map_err(|error| Unusable::new(folder, &error))?;
        Ok(Self { connection })
    }

    /// Whether there is a file in this folder, which then may hold keys.
    #[must_use]
    pub fn are_in(folder: &Path) -> bool {
        file::is_in(folder)
    }

    /// Counts the changes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn generation(&self) -> Result<u64, Failure> {
        let count = "SELECT number FROM generations WHERE name = 'keys'";
        Ok(self.connection.prepare(count)?.query_row([], |row| row.get::<_, i64>(0)).map(unsigned)?)
    }

    /// All keys, revoked ones among them, in the order in which they were made.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all(&self) -> Result<Vec<Kept>, Failure> {
        let mut statement =
            self.connection.prepare(&format!("SELECT {COLUMNS} FROM keys ORDER BY made, id"))?;
        let all = statement.query_map([], kept)?;
        Ok(all.collect::<Result<_, _>>()?)
    }

    /// The key of this id or name: an id comes first. Of keys that had the name once, the last revoked.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<Kept, Failure> {
        let query = format!(
            "SELECT {COLUMNS} FROM keys WHERE name = ?1 OR id = ?1
             ORDER BY id = ?1 DESC, revoked IS NOT NULL, revoked DESC LIMIT 1"
        );
        self.connection.query_row(&query, [name], kept).optional()?.ok_or(Failure::Unknown)
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// When a key that is in use has its name.
    pub fn create(&mut self, key: &Kept, deed: &Deed) -> Result<(), Failure> {
        let Kept { stored, hint, made, changed } = key;
        let hash = stored.secrets.iter().find(|(_, until)| until.is_none());
        let hash = hash.map(|(digest, _)| digest.to_string()).unwrap_or_default();
        self.change(deed, |connection| {
            connection.execute(
                "INSERT INTO keys (id, name, fields, hash, hint, made, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![stored.id, stored.name, stored.fields, hash, hint, signed(*made), signed(*changed)],
            )
        })
    }

    /// Gives a key another name and other fields.
    ///
    /// # Errors
    /// When another key has the name, or there is no such key in use.
    pub fn update(
        &mut self,
        id: &str,
        name: &str,
        fields: &str,
        now: u64,
        deed: &Deed,
    ) -> Result<(), Failure> {
        self.change(deed, |connection| {
            connection.execute(
                "UPDATE keys SET name = ?2, fields = ?3, changed = ?4 WHERE id = ?1 AND revoked IS NULL",
                params![id, name, fields, signed(now)],
            )
        })
    }

    /// Gives a key another secret; the one it has opens until `until`.
    ///
    /// # Errors
    /// When there is no such key in use.
    pub fn rotate(
        &mut self,
        id: &str,
        secret: Digest,
        hint: &str,
        until: u64,
        now: u64,
        deed: &Deed,
    ) -> Result<(), Failure> {
        self.change(deed, |connection| {
            connection.execute(
                "UPDATE keys SET old_hash = hash, old_until = ?4, hash = ?2, hint = ?3, changed = ?5
                 WHERE id = ?1 AND revoked IS NULL",
                params![id, secret.to_string(), hint, signed(until), signed(now)],
            )
        })
    }

    /// Takes a key out of use for ever.
    ///
    /// # Errors
    /// When there is no such key in use.
    pub fn revoke(&mut self, id: &str, now: u64, deed: &Deed) -> Result<(), Failure> {
        self.change(deed, |connection| {
            connection.execute(
                "UPDATE keys SET revoked = ?2, changed = ?2 WHERE id = ?1 AND revoked IS NULL",
                params![id, signed(now)],
            )
        })
    }

    /// Makes one change, counts it, and notes who made it.
    fn change(
        &mut self,
        deed: &Deed,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
    ) -> Result<(), Failure> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let changed = change(&transaction).map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => Failure::Taken,
            _ => Failure::Failed(error),
        })?;
        if changed == 0 {
            return Err(Failure::Unknown);
        }
        transaction.execute("UPDATE generations SET number = number + 1 WHERE name = 'keys'", [])?;
        audit::note(&transaction, deed)?;
        Ok(transaction.commit()?)
    }
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let digest = |text: String| text.parse::<Digest>().ok();
    let number = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(unsigned));
    let mut secrets = Vec::with_capacity(2);
    secrets.extend(digest(row.get(3)?).map(|hash| (hash, None)));
    let old = row.get::<_, Option<String>>(8)?.and_then(digest);
    secrets
        .extend(old.map(|hash| Ok::<_, rusqlite::Error>((hash, Some(number(9)?.unwrap_or(0))))).transpose()?);
    Ok(Kept {
        stored: Stored {
            id: row.get(0)?,
            name: row.get(1)?,
            fields: row.get(2)?,
            revoked: number(7)?,
            secrets,
        },
        hint: row.get(4)?,
        made: number(5)?.unwrap_or(0),
        changed: number(6)?.unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("tollgate-keys-{name}-{}", std::process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn fresh(id: &str, name: &str) -> Kept {
        let stored = Stored {
            id: id.to_owned(),
            name: name.to_owned(),
            secrets: vec![(Digest::of(id.as_bytes()), None)],
            revoked: None,
            fields: "{}".to_owned(),
        };
        Kept { stored, hint: "tg-1".to_owned(), made: 7, changed: 7 }
    }

    fn deed() -> Deed {
        let (who, action) = ("cli".to_owned(), "key.create".to_owned());
        Deed { at: 7, who, action, target: None, detail: "{}".to_owned() }
    }

    #[test]
    fn a_key_is_found_again_by_whoever_opens_the_file() {
        let folder = Folder::new("found");
        assert!(!Keys::are_in(&folder.0));
        let mut keys = Keys::open(&folder.0).unwrap();
        keys.create(&fresh("key_1", "web"), &deed()).unwrap();
        assert!(Keys::are_in(&folder.0));
        let other = Keys::open(&folder.0).unwrap();
        assert_eq!(other.all().unwrap(), [fresh("key_1", "web")]);
        assert_eq!(other.find("key_1").unwrap(), other.find("web").unwrap());
        assert!(matches!(other.find("nobody"), Err(Failure::Unknown)));
    }

    #[test]
    fn every_change_is_counted_and_no_failure_is() {
        let folder = Folder::new("counted");
        let mut keys = Keys::open(&folder.0).unwrap();
        keys.create(&fresh("key_1", "web"), &deed()).unwrap();
        keys.create(&fresh("key_2", "job"), &deed()).unwrap();
        assert!(matches!(keys.create(&fresh("key_3", "web"), &deed()), Err(Failure::Taken)));
        assert!(matches!(keys.update("key_2", "web", "{}", 8, &deed()), Err(Failure::Taken)));
        assert!(matches!(keys.revoke("key_9", 8, &deed()), Err(Failure::Unknown)));
        assert_eq!(keys.generation().unwrap(), 2);
        keys.update("key_2", "night", "{\"owner\":\"acme\"}", 8, &deed()).unwrap();
        keys.rotate("key_2", Digest::of(b"new"), "tg-2", 50, 9, &deed()).unwrap();
        let night = keys.find("night").unwrap();
        let secrets = [(Digest::of(b"new"), None), (Digest::of(b"key_2"), Some(50))];
        assert_eq!((night.stored.secrets.as_slice(), night.hint.as_str()), (&secrets[..], "tg-2"));
        assert_eq!((night.made, night.changed), (7, 9));
        assert_eq!(keys.generation().unwrap(), 4);
    }

    #[test]
    fn a_revoked_key_stays_known_and_leaves_its_name() {
        let folder = Folder::new("revoked");
        let mut keys = Keys::open(&folder.0).unwrap();
        keys.create(&fresh("key_1", "web"), &deed()).unwrap();
        keys.revoke("key_1", 9, &deed()).unwrap();
        assert_eq!(keys.find("web").unwrap().stored.revoked, Some(9));
        assert!(matches!(keys.rotate("key_1", Digest::of(b"x"), "", 0, 9, &deed()), Err(Failure::Unknown)));
        keys.create(&fresh("key_2", "web"), &deed()).unwrap();
        assert_eq!(keys.find("web").unwrap().stored.id, "key_2");
        // A file of before may have names that look like ids.
        keys.create(&fresh("key_3", "key_1"), &deed()).unwrap();
        assert_eq!(keys.find("key_1").unwrap().stored.name, "web");
        assert_eq!(keys.all().unwrap().len(), 3);
    }
}
