//! Conversations: lists of items that responses add to.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Owner;
use super::responses::{self, number};
use crate::dialect::openai_responses::kept::Item;

/// What is known of a conversation besides its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// When it was made, in milliseconds since 1970.
    pub made: u64,
    /// What its maker noted on it, as JSON.
    pub metadata: String,
}

/// Makes a conversation.
pub(super) fn make(
    connection: &Connection,
    owner: &Owner,
    conversation: &Conversation,
    items: &[Item],
) -> rusqlite::Result<()> {
    let Conversation { id, made, metadata } = conversation;
    connection.execute(
        "INSERT INTO conversations (id, owner, made, used, metadata, bytes) VALUES (?1, ?2, ?3, ?3, ?4, ?5)",
        params![id, owner.as_str(), number(*made), metadata, number(64 + metadata.len())],
    )?;
    append(connection, owner, id, items, *made).map(|_| ())
}

/// What is known of a conversation.
pub(super) fn find(
    connection: &Connection,
    owner: &Owner,
    id: &str,
) -> rusqlite::Result<Option<Conversation>> {
    let found = connection.query_row(
        "SELECT made, metadata FROM conversations WHERE id = ?1 AND owner = ?2",
        params![id, owner.as_str()],
        |row| {
            let made: i64 = row.get(0)?;
            let made = u64::try_from(made).unwrap_or(0);
            Ok(Conversation { id: id.to_owned(), made, metadata: row.get(1)? })
        },
    );
    found.optional()
}

/// Notes something else on a conversation; whether there is one.
pub(super) fn note(
    connection: &Connection,
    owner: &Owner,
    id: &str,
    metadata: &str,
    now: u64,
) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE conversations SET metadata = ?3, used = ?4 WHERE id = ?1 AND owner = ?2",
        params![id, owner.as_str(), metadata, number(now)],
    )?;
    Ok(changed > 0)
}

/// Adds items to the end; whether there is such a conversation.
pub(super) fn append(
    connection: &Connection,
    owner: &Owner,
    id: &str,
    items: &[Item],
    now: u64,
) -> rusqlite::Result<bool> {
    let bytes: usize = items.iter().map(|item| item.json.len()).sum();
    let changed = connection.execute(
        "UPDATE conversations SET used = max(used, ?3), bytes = bytes + ?4 WHERE id = ?1 AND owner = ?2",
        params![id, owner.as_str(), number(now), number(bytes)],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    let last: Option<i64> =
        connection.query_row("SELECT max(place) FROM items WHERE parent = ?1", [id], |row| row.get(0))?;
    let first = last.map_or(0, |last| usize::try_from(last).unwrap_or(0) + 1);
    for (place, item) in items.iter().enumerate() {
        responses::add(connection, id, first + place, false, owner, item)?;
    }
    Ok(true)
}

/// All its items in their order; `None` where there is no such conversation.
pub(super) fn items(connection: &Connection, owner: &Owner, id: &str) -> rusqlite::Result<Option<Vec<Item>>> {
    match find(connection, owner, id)? {
        Some(_) => responses::items(connection, id, None).map(Some),
        None => Ok(None),
    }
}

/// Takes an item out; whether it was there.
pub(super) fn remove(connection: &Connection, owner: &Owner, id: &str, item: &str) -> rusqlite::Result<bool> {
    let gone = connection.execute(
        "DELETE FROM items WHERE parent = ?1 AND id = ?2 AND owner = ?3",
        params![id, item, owner.as_str()],
    )?;
    Ok(gone > 0)
}

/// Forgets a conversation and its items; whether there was one. Responses that were made in it stay.
pub(super) fn delete(connection: &Connection, owner: &Owner, id: &str) -> rusqlite::Result<bool> {
    let gone = connection
        .execute("DELETE FROM conversations WHERE id = ?1 AND owner = ?2", params![id, owner.as_str()])?;
    if gone > 0 {
        connection.execute("DELETE FROM items WHERE parent = ?1", [id])?;
    }
    Ok(gone > 0)
}
