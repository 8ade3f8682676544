//! The ledger's own file: it grows by every request, and what waits for keys or tallies shall not wait
//! for that.

use std::path::Path;

use rusqlite::Connection;

use crate::store::file::{self, Unusable};

/// The file's name in the folder for data.
const NAME: &str = "ledger.db";

/// What brings a file from each version to the next. Steps are added and never changed.
const MIGRATIONS: [&str; 2] = [
    "
    CREATE TABLE blocks (
        block INTEGER PRIMARY KEY AUTOINCREMENT,
        first_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        entries BLOB NOT NULL
    ) STRICT;
    CREATE INDEX blocks_time ON blocks (last_at, first_at);
    CREATE TABLE changes (
        seq INTEGER PRIMARY KEY,
        version INTEGER,
        entry BLOB,
        repriced INTEGER,
        cost INTEGER,
        price TEXT,
        first_cost INTEGER
    ) STRICT;
    CREATE TABLE hours (
        hour INTEGER NOT NULL,
        label TEXT NOT NULL,
        key TEXT NOT NULL,
        owner TEXT NOT NULL,
        provider TEXT NOT NULL,
        asked_model TEXT NOT NULL,
        model TEXT NOT NULL,
        operation TEXT NOT NULL,
        client TEXT NOT NULL,
        cache TEXT NOT NULL,
        key_name TEXT NOT NULL,
        counted TEXT NOT NULL,
        requests INTEGER NOT NULL,
        errors INTEGER NOT NULL,
        unpriced INTEGER NOT NULL,
        hits INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        saved INTEGER NOT NULL,
        input INTEGER NOT NULL,
        cache_read INTEGER NOT NULL,
        cache_write_5m INTEGER NOT NULL,
        cache_write_1h INTEGER NOT NULL,
        audio_input INTEGER NOT NULL,
        image_input INTEGER NOT NULL,
        audio_cache_read INTEGER NOT NULL,
        image_cache_read INTEGER NOT NULL,
        output INTEGER NOT NULL,
        reasoning INTEGER NOT NULL,
        audio_output INTEGER NOT NULL,
        image_output INTEGER NOT NULL,
        web_searches INTEGER NOT NULL,
        images INTEGER NOT NULL,
        characters INTEGER NOT NULL,
        seconds INTEGER NOT NULL,
        searches INTEGER NOT NULL,
        departed INTEGER NOT NULL,
        first_cost INTEGER NOT NULL,
        latency BLOB NOT NULL,
        first_token BLOB NOT NULL,
        PRIMARY KEY (hour, label, key, owner, provider, asked_model, model, operation, client, cache)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE moved (
        segment TEXT PRIMARY KEY NOT NULL,
        bytes INTEGER NOT NULL,
        at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE broken (segment TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE bodies (
        id TEXT NOT NULL,
        background INTEGER NOT NULL,
        at INTEGER NOT NULL,
        request BLOB NOT NULL,
        request_cut INTEGER NOT NULL,
        response BLOB NOT NULL,
        response_cut INTEGER NOT NULL,
        PRIMARY KEY (id, background)
    ) STRICT;
    CREATE INDEX bodies_at ON bodies (at);
",
];

/// By what requests are summed up each hour; the label is empty where they are summed up whatever
/// labels they have.
pub(super) const GROUPS: [&str; 9] =
    ["label", "key", "owner", "provider", "asked_model", "model", "operation", "client", "cache"];

/// What is summed up, in the order of [`Sums`](super::sums::Sums).
pub(super) const NUMBERS: [&str; 25] = [
    "requests",
    "errors",
    "unpriced",
    "hits",
    "cost",
    "saved",
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "image_input",
    "audio_cache_read",
    "image_cache_read",
    "output",
    "reasoning",
    "audio_output",
    "image_output",
    "web_searches",
    "images",
    "characters",
    "seconds",
    "searches",
    "departed",
    "first_cost",
];

/// Opens the file in this folder, and makes both if they are not there.
pub(super) fn open(folder: &Path) -> Result<Connection, Unusable> {
    file::open_as(folder, NAME, &MIGRATIONS)
}

/// Whether there is such a file in this folder.
pub(super) fn is_in(folder: &Path) -> bool {
    folder.join(NAME).is_file()
}
