//! What was said in requests and answers, where a route or a key wants that logged: it waits in memory
//! for a moment, and is kept for a time of its own.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::store::file::signed;
use crate::wire::json;

/// So many requests may wait to be written.
const QUEUE: usize = 256;

/// The beginning of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Said {
    /// Adds a piece, as far as there is room for it in so many bytes.
    pub fn push(&mut self, piece: &[u8], most: usize) {
        let room = most.saturating_sub(self.bytes.len());
        let part = piece.get(..room).unwrap_or(piece);
        self.is_cut |= part.len() < piece.len();
        self.bytes.extend_from_slice(part);
    }

    /// Nothing more is added, although there was more.
    pub const fn cut(&mut self) {
        self.is_cut = true;
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether there was more.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// It as text, the last letter whole; none where it is something else.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(wrong) if self.is_cut && wrong.error_len().is_none() => {
                std::str::from_utf8(self.bytes.get(..wrong.valid_up_to())?).ok()
            }
            Err(_) => None,
        }
    }

    /// The same with names in the place of what guards masked and restored for the client.
    fn masked(mut self, masked: &[(String, String)]) -> Self {
        for (name, hidden) in masked {
            for hidden in forms(hidden) {
                self.bytes = replaced(&self.bytes, &hidden, name.as_bytes());
                if self.is_cut {
                    // Its beginning may be the last that is left.
                    let whole = self.bytes.len() - begun(&self.bytes, &hidden);
                    self.bytes.truncate(whole);
                }
            }
        }
        self
    }
}

/// How a text stands in JSON, in a string of it, and in JSON that is a string itself.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![text.as_bytes().to_vec()];
    for _ in 0..2 {
        let Some(Ok(last)) = forms.last().map(|last| std::str::from_utf8(last)) else { break };
        let mut quoted = Vec::new();
        json::write_string(&mut quoted, last);
        let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_vec();
        if forms.contains(&inner) {
            break;
        }
        forms.push(inner);
    }
    // What is quoted more often holds what is quoted less.
    forms.reverse();
    forms
}

fn replaced(bytes: &[u8], hidden: &[u8], name: &[u8]) -> Vec<u8> {
    let (mut out, mut from) = (Vec::with_capacity(bytes.len()), 0);
    if !hidden.is_empty() {
        for at in memchr::memmem::find_iter(bytes, hidden) {
            out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
            out.extend_from_slice(name);
            from = at + hidden.len();
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out
}

/// How many bytes of this stand at the end, without the rest of it.
fn begun(bytes: &[u8], hidden: &[u8]) -> usize {
    (1..hidden.len())
        .rev()
        .find(|&length| bytes.ends_with(hidden.get(..length).unwrap_or_default()))
        .unwrap_or(0)
}

/// What was said in one request.
pub struct Bodies {
    /// The request's id, and whether it is one of the gateway's own.
    pub id: (String, bool),
    /// When it came, in milliseconds since 1970.
    pub at: u64,
    /// What the client asked, as far as guards let it pass.
    pub request: Said,
    /// What it was answered.
    pub response: Said,
    /// What guards masked and restored for the client: names, and what they stand for.
    pub masked: Vec<(String, String)>,
    /// What is given back once it is written.
    pub held: Box<dyn Send + Sync>,
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never what was said.
        f.debug_struct("Bodies").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Bodies that are not written yet.
#[derive(Debug, Default)]
pub struct Waiting {
    list: Mutex<Vec<Bodies>>,
    lost: AtomicU64,
}

impl Waiting {
    /// Leaves what was said to whoever writes it. Where too much waits, it is not logged.
    pub fn leave(&self, bodies: Bodies) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < QUEUE {
            return list.push(bodies);
        }
        drop(list);
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        if lost.is_power_of_two() {
            log::warn!("the bodies of {lost} requests are not logged: too many wait to be written");
        }
    }

    /// Writes all that waits. What cannot be written is not logged.
    pub(super) fn write(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let waiting = std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let transaction = connection.transaction()?;
        let insert = "INSERT INTO bodies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        for Bodies { id: (id, background), at, request, response, masked, held } in waiting {
            let (request, response) = (request.masked(&masked), response.masked(&masked));
            transaction.prepare_cached(insert)?.execute(params![
                id,
                background,
                signed(at),
                request.bytes,
                request.is_cut,
                response.bytes,
                response.is_cut
            ])?;
            drop(held);
        }
        transaction.commit()
    }
}

/// What was logged of a request and of its answer.
pub(super) fn find(
    connection: &Connection,
    id: &str,
    background: bool,
) -> rusqlite::Result<Option<(Said, Said)>> {
    let find =
        "SELECT request, request_cut, response, response_cut FROM bodies WHERE id = ?1 AND background = ?2";
    let said = |row: &Row<'_>, first: usize| -> rusqlite::Result<Said> {
        Ok(Said { bytes: row.get(first)?, is_cut: row.get(first + 1)? })
    };
    let both = |row: &Row<'_>| Ok((said(row, 0)?, said(row, 2)?));
    connection.prepare_cached(find)?.query_row(params![id, background], both).optional()
}
