//! The file: where it is, who may read it, and how it came to its present shape.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// The file's name in the folder for data.
const NAME: &str = "tollgate.db";

/// How long another process may hold the file: during an upgrade two write to it.
const PATIENCE: Duration = Duration::from_secs(4);

/// What brings a file from each version to the next. Steps are added and never changed.
const MIGRATIONS: [&str; 5] = [
    "
    CREATE TABLE responses (
        id TEXT PRIMARY KEY NOT NULL,
        owner TEXT NOT NULL,
        made INTEGER NOT NULL,
        used INTEGER NOT NULL,
        previous TEXT,
        conversation TEXT,
        provider TEXT,
        credential INTEGER NOT NULL DEFAULT 0,
        rest BLOB,
        bytes INTEGER NOT NULL
    );
    CREATE INDEX responses_used ON responses (used, bytes);
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY NOT NULL,
        owner TEXT NOT NULL,
        made INTEGER NOT NULL,
        used INTEGER NOT NULL,
        metadata TEXT NOT NULL,
        bytes INTEGER NOT NULL
    );
    CREATE INDEX conversations_used ON conversations (used, bytes);
    CREATE TABLE items (
        parent TEXT NOT NULL,
        place INTEGER NOT NULL,
        output INTEGER NOT NULL,
        owner TEXT NOT NULL,
        id TEXT NOT NULL,
        json BLOB NOT NULL,
        PRIMARY KEY (parent, place)
    );
    CREATE INDEX items_id ON items (id);
",
    "
    ALTER TABLE responses ADD COLUMN running INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX responses_running ON responses (id) WHERE running = 1;
",
    "
    CREATE TABLE keys (
        id TEXT PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        fields TEXT NOT NULL,
        hash TEXT NOT NULL,
        hint TEXT NOT NULL,
        made INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        revoked INTEGER,
        old_hash TEXT,
        old_until INTEGER
    );
    CREATE UNIQUE INDEX keys_name ON keys (name) WHERE revoked IS NULL;
    CREATE TABLE generations (name TEXT PRIMARY KEY NOT NULL, number INTEGER NOT NULL);
    INSERT INTO generations VALUES ('keys', 0);
",
    "
    CREATE TABLE tallies (
        id TEXT NOT NULL,
        slice INTEGER NOT NULL,
        used INTEGER NOT NULL,
        ends INTEGER,
        PRIMARY KEY (id, slice)
    );
    CREATE INDEX tallies_ends ON tallies (ends);
",
    "
    CREATE TABLE audit (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        who TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT,
        detail TEXT NOT NULL
    );
",
];

/// The folder or the file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct Unusable {
    path: String,
    why: String,
}

impl Unusable {
    pub(super) fn new(path: &Path, why: &dyn std::error::Error) -> Self {
        Self { path: path.display().to_string(), why: why.to_string() }
    }
}

/// A number as SQL has it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as SQL had it.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Gives the room of so many pages back that hold nothing any more.
pub(super) fn give_back(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    // Each row is one of the pages.
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Whether there is a file in this folder.
pub(super) fn is_in(folder: &Path) -> bool {
    folder.join(NAME).is_file()
}

/// Opens the file, and makes it and its folder if they are not there.
pub(super) fn open(folder: &Path) -> Result<Connection, Unusable> {
    open_as(folder, NAME, &MIGRATIONS)
}

/// Opens the file of this name, which these steps bring to its present shape.
pub(super) fn open_as(
    folder: &Path,
    name: &str,
    migrations: &'static [&'static str],
) -> Result<Connection, Unusable> {
    if !folder.is_dir() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| Unusable::new(folder, &error))?;
    }
    let path = folder.join(name);
    // SQLite gives its other files the permissions of this one.
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let private = std::fs::Permissions::from_mode(0o600);
    file.and_then(|file| file.set_permissions(private)).map_err(|error| Unusable::new(&path, &error))?;
    connect(&path, migrations).map_err(|error| Unusable::new(&path, &error))
}

fn connect(path: &PathBuf, migrations: &[&str]) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // The first counts for a file that is empty, and gives the room of what is deleted back.
    connection.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA secure_delete = FAST;
         PRAGMA cache_size = -1024;
         PRAGMA journal_size_limit = 8388608;",
    )?;
    migrate(&connection, migrations)?;
    Ok(connection)
}

fn migrate(connection: &Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let steps = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    for step in migrations.iter().skip(version as usize) {
        connection.execute_batch(step)?;
    }
    // A file of a newer process is left as it is: steps only ever add.
    if version < steps {
        connection.pragma_update(None, "user_version", steps)?;
    }
    connection.execute_batch("COMMIT")
}
