//! Responses: what was asked and answered, and how one leads to the next.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Owner;
use super::conversations;
use crate::dialect::openai_responses::kept::{self, Item};
use crate::refusal::{Kind, Refusal};

/// A chain is followed no further than this.
const LONGEST_CHAIN: usize = 20_000;

/// An answer that is to be kept.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Whose it is.
    pub owner: Owner,
    /// Its id.
    pub id: String,
    /// What the ids of its items are made from.
    pub seed: String,
    /// When it was asked for, in milliseconds since 1970.
    pub made: u64,
    /// The request's body, whose references are filled.
    pub asked: Bytes,
    /// The response.
    pub said: Bytes,
    /// The response that it follows.
    pub previous: Option<String>,
    /// The conversation that it belongs to.
    pub conversation: Option<String>,
}

/// A response that is not kept here but by the provider that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The provider's name.
    pub provider: String,
    /// Which of its keys was used.
    pub credential: usize,
}

/// What is known of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The response, whole.
    Here(Vec<u8>),
    /// Who keeps it.
    Elsewhere(Elsewhere),
}

/// What a request refers to.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Who asks.
    pub owner: Owner,
    /// The response that is to be followed.
    pub previous: Option<String>,
    /// The conversation that is to go on.
    pub conversation: Option<String>,
    /// Single items.
    pub items: Vec<String>,
    /// The most bytes that all of it may have.
    pub most: usize,
}

/// What was found of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recalled {
    /// Everything that was said before, and the items that were referred to, as far as known.
    Here {
        /// What was said before.
        history: Vec<Item>,
        /// The items that were referred to.
        items: Vec<Item>,
    },
    /// A provider keeps it.
    Elsewhere(Elsewhere),
    /// Nobody is known to keep a response or a conversation with this id.
    Unknown(String),
    /// It is larger than it may be.
    TooLarge,
}

/// Keeps a response that is being made in the background.
pub(super) fn begin(connection: &Connection, answered: &Answered) -> rusqlite::Result<()> {
    keep(connection, answered)?;
    connection.execute("UPDATE responses SET running = 1 WHERE id = ?1", [&answered.id])?;
    Ok(())
}

/// Keeps the answer of one, unless it was given up meanwhile.
pub(super) fn finish(connection: &Connection, answered: &Answered) -> rusqlite::Result<()> {
    let running = "SELECT 1 FROM responses WHERE id = ?1 AND running = 1";
    match connection.query_row(running, [&answered.id], |_| Ok(())).optional()? {
        Some(()) => keep(connection, answered),
        None => Ok(()),
    }
}

/// Says what became of a response in the background, unless that is known already.
pub(super) fn settle(connection: &Connection, owner: &Owner, id: &str, said: &[u8]) -> rusqlite::Result<()> {
    let Some((rest, _)) = kept::apart(said, id) else { return Ok(()) };
    connection.execute(
        "UPDATE responses SET rest = ?3, running = 0 WHERE id = ?1 AND owner = ?2 AND running = 1",
        params![id, owner.as_str(), rest],
    )?;
    Ok(())
}

/// Says that what ran in the background when the last process ended has failed.
pub(super) fn fail_running(connection: &Connection) -> rusqlite::Result<()> {
    let mut running = connection.prepare("SELECT id, rest FROM responses WHERE running = 1")?;
    let rows = running.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let left: Vec<(String, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    let refusal = Refusal::new(Kind::Unavailable, "the gateway ended before the answer was complete");
    for (id, rest) in left {
        connection.execute(
            "UPDATE responses SET rest = ?2, running = 0 WHERE id = ?1",
            params![id, kept::failed(&rest, &refusal)],
        )?;
    }
    Ok(())
}

/// Keeps an answer, or puts it in the place of what was kept under its id.
pub(super) fn keep(connection: &Connection, answered: &Answered) -> rusqlite::Result<()> {
    let Answered { owner, id, seed, made, asked, said, previous, conversation } = answered;
    let Some((rest, output)) = kept::apart(said, seed) else { return Ok(()) };
    let input = kept::input(asked, seed);
    connection.execute("DELETE FROM items WHERE parent = ?1", [id])?;
    let mut bytes = rest.len();
    let all = input.iter().map(|item| (item, false)).chain(output.iter().map(|item| (item, true)));
    for (place, (item, is_output)) in all.enumerate() {
        bytes += item.json.len();
        add(connection, id, place, is_output, owner, item)?;
    }
    connection.execute(
        "INSERT INTO responses (id, owner, made, used, previous, conversation, rest, bytes)
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET rest = ?6, bytes = ?7, used = ?3, conversation = ?5, running = 0",
        params![id, owner.as_str(), number(*made), previous, conversation, rest, number(bytes)],
    )?;
    if let Some(previous) = previous {
        use_chain(connection, previous, *made)?;
    }
    if let Some(conversation) = conversation {
        let said: Vec<Item> = input.into_iter().chain(output).collect();
        conversations::append(connection, owner, conversation, &said, *made)?;
    }
    Ok(())
}

/// Remembers which provider keeps a response.
pub(super) fn remember(
    connection: &Connection,
    owner: &Owner,
    id: &str,
    made: u64,
    elsewhere: &Elsewhere,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR IGNORE INTO responses (id, owner, made, used, provider, credential, bytes)
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, 64)",
        params![id, owner.as_str(), number(made), elsewhere.provider, number(elsewhere.credential)],
    )?;
    Ok(())
}

/// What is known of a response.
pub(super) fn find(connection: &Connection, owner: &Owner, id: &str) -> rusqlite::Result<Option<Found>> {
    let Some(row) = row(connection, owner, id)? else { return Ok(None) };
    Ok(Some(match (row.elsewhere, row.rest) {
        (Some(elsewhere), None) => Found::Elsewhere(elsewhere),
        (_, rest) => {
            let output = items(connection, id, Some(true))?;
            Found::Here(kept::whole(&rest.unwrap_or_default(), &output))
        }
    }))
}

/// Forgets a response; whether there was one.
pub(super) fn delete(connection: &Connection, owner: &Owner, id: &str) -> rusqlite::Result<bool> {
    let gone = connection
        .execute("DELETE FROM responses WHERE id = ?1 AND owner = ?2", params![id, owner.as_str()])?;
    if gone > 0 {
        connection.execute("DELETE FROM items WHERE parent = ?1", [id])?;
    }
    Ok(gone > 0)
}

/// All items that a response was made from: what was said before it, and its own input.
pub(super) fn input_of(
    connection: &Connection,
    owner: &Owner,
    id: &str,
) -> rusqlite::Result<Option<Vec<Item>>> {
    let Some(own) = row(connection, owner, id)? else { return Ok(None) };
    let mut all = match own.previous {
        Some(previous) => match chain(connection, owner, &previous, usize::MAX)? {
            Recalled::Here { history, .. } => history,
            Recalled::Elsewhere(_) | Recalled::Unknown(_) | Recalled::TooLarge => Vec::new(),
        },
        None => match &own.conversation {
            Some(conversation) => before_in(connection, conversation, id)?,
            None => Vec::new(),
        },
    };
    all.extend(items(connection, id, Some(false))?);
    Ok(Some(all))
}

/// What a request refers to.
pub(super) fn recall(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Recalled> {
    let Wanted { owner, previous, conversation, items: ids, most } = wanted;
    let before = match (previous, conversation) {
        (Some(previous), _) => chain(connection, owner, previous, *most)?,
        (None, Some(id)) => match conversations::items(connection, owner, id)? {
            Some(history) if size(&history) > *most => Recalled::TooLarge,
            Some(history) => Recalled::Here { history, items: Vec::new() },
            None => Recalled::Unknown(id.clone()),
        },
        (None, None) => Recalled::Here { history: Vec::new(), items: Vec::new() },
    };
    let Recalled::Here { history, mut items } = before else { return Ok(before) };
    for id in ids {
        let found = connection.query_row(
            "SELECT json FROM items WHERE id = ?1 AND owner = ?2 LIMIT 1",
            params![id, owner.as_str()],
            |row| text(row, 0),
        );
        if let Some(json) = found.optional()? {
            items.push(Item { id: id.clone(), json });
        }
    }
    Ok(Recalled::Here { history, items })
}

/// Everything that was said up to the end of a response.
fn chain(connection: &Connection, owner: &Owner, last: &str, most: usize) -> rusqlite::Result<Recalled> {
    let mut links = Vec::new();
    let mut next = Some(last.to_owned());
    let mut bytes = 0;
    while let Some(id) = next {
        let Some(row) = row(connection, owner, &id)? else { return Ok(Recalled::Unknown(id)) };
        if let (Some(elsewhere), None) = (row.elsewhere, row.rest) {
            return Ok(Recalled::Elsewhere(elsewhere));
        }
        let said = items(connection, &id, None)?;
        bytes += size(&said);
        if bytes > most || links.len() >= LONGEST_CHAIN {
            return Ok(Recalled::TooLarge);
        }
        links.push(said);
        if let Some(conversation) = &row.conversation {
            links.push(before_in(connection, conversation, &id)?);
        }
        next = row.previous;
    }
    let history = links.into_iter().rev().flatten().collect();
    Ok(Recalled::Here { history, items: Vec::new() })
}

fn size(items: &[Item]) -> usize {
    items.iter().map(|item| item.json.len()).sum()
}

/// Notes that a response and those before it are of use still.
fn use_chain(connection: &Connection, last: &str, now: u64) -> rusqlite::Result<()> {
    connection.execute(
        "WITH RECURSIVE chain (id) AS (
             SELECT ?1 UNION
             SELECT previous FROM responses JOIN chain USING (id) WHERE previous IS NOT NULL)
         UPDATE responses SET used = max(used, ?2) WHERE id IN chain",
        params![last, number(now)],
    )?;
    Ok(())
}

/// What a conversation still holds of what was said in it before a response.
fn before_in(connection: &Connection, conversation: &str, response: &str) -> rusqlite::Result<Vec<Item>> {
    let mut found = connection.prepare(
        "SELECT id, json FROM items WHERE parent = ?1 AND place < (
             SELECT min(place) FROM items
             WHERE parent = ?1 AND id IN (SELECT id FROM items WHERE parent = ?2))
         ORDER BY place",
    )?;
    let rows = found.query_map(params![conversation, response], item)?;
    rows.collect()
}

struct Row {
    previous: Option<String>,
    conversation: Option<String>,
    elsewhere: Option<Elsewhere>,
    rest: Option<Vec<u8>>,
}

fn row(connection: &Connection, owner: &Owner, id: &str) -> rusqlite::Result<Option<Row>> {
    let found = connection.query_row(
        "SELECT previous, conversation, provider, credential, rest FROM responses WHERE id = ?1 AND owner = ?2",
        params![id, owner.as_str()],
        |row| {
            let provider: Option<String> = row.get(2)?;
            let credential: i64 = row.get(3)?;
            let credential = usize::try_from(credential).unwrap_or(0);
            Ok(Row {
                previous: row.get(0)?,
                conversation: row.get(1)?,
                elsewhere: provider.map(|provider| Elsewhere { provider, credential }),
                rest: row.get(4)?,
            })
        },
    );
    found.optional()
}

/// The items of a response or a conversation in their order; only those that came out, or went in.
pub(super) fn items(
    connection: &Connection,
    parent: &str,
    output: Option<bool>,
) -> rusqlite::Result<Vec<Item>> {
    let mut found = connection.prepare(
        "SELECT id, json FROM items WHERE parent = ?1 AND (?2 IS NULL OR output = ?2) ORDER BY place",
    )?;
    let rows = found.query_map(params![parent, output], item)?;
    rows.collect()
}

fn item(row: &rusqlite::Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item { id: row.get(0)?, json: text(row, 1)? })
}

/// Adds an item at a place.
pub(super) fn add(
    connection: &Connection,
    parent: &str,
    place: usize,
    output: bool,
    owner: &Owner,
    item: &Item,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO items (parent, place, output, owner, id, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![parent, number(place), output, owner.as_str(), item.id, item.json.as_bytes()],
    )?;
    Ok(())
}

fn text(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<String> {
    let bytes: Vec<u8> = row.get(column)?;
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// A number as the file has it.
pub(super) fn number(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
