//! Moves rows from segments into the file. How far a segment is moved stands in the same transaction as
//! its rows, so that no kill between two steps makes one of them count twice or not at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::blocks::Filling;
use super::hours::Gathering;
use super::rows::{self, Added};
use crate::account::entry::{self, Unread};
use crate::clock;
use crate::store::file::{signed, unsigned};
use crate::store::journal::{Home, Next, Segment, next, resync};

/// So many bytes of a segment go into one transaction, which is more than the longest row.
const PIECE: u64 = 2 << 20;

/// Whether more may be written into a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Its writer may go on with it.
    Open,
    /// Its writer has another by now, or has ended.
    Sealed,
}

/// Why rows were not moved.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stuck {
    /// A segment could not be read or removed.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] io::Error),
    /// The file could not be written.
    #[error("the ledger's file cannot be written: {0}")]
    File(#[from] rusqlite::Error),
    /// A newer gateway wrote them.
    #[error("{segment}: a row cannot be read: {why}; the segment is left for such a gateway")]
    Newer { segment: String, why: Unread },
}

/// Moves rows.
#[derive(Debug, Default)]
pub(super) struct Mover {
    gathering: Gathering,
    filling: Filling,
    /// How far each segment is moved, as far as that is known.
    marks: BTreeMap<String, u64>,
    /// What is read of a segment: memory that is made anew for each piece would be touched anew, too.
    piece: Vec<u8>,
}

impl Mover {
    /// Moves what is new in a folder; how many rows that were. Those of processes that have ended are
    /// removed. A segment that cannot be read keeps no other from being moved.
    pub(super) fn run(
        &mut self,
        connection: &mut Connection,
        home: &Home,
        is_own: bool,
    ) -> Result<u64, Stuck> {
        let segments = home.segments()?;
        let (mut rows, mut first) = (0, None);
        for (place, segment) in segments.iter().enumerate() {
            let has_next = segments.get(place + 1).is_some_and(|next| next.writer == segment.writer);
            let life = if is_own && !has_next { Life::Open } else { Life::Sealed };
            match self.segment(connection, home, segment, life) {
                Ok(more) => rows += more,
                // It is the same for all segments.
                Err(stuck @ Stuck::File(_)) => return Err(stuck),
                Err(stuck @ (Stuck::Journal(_) | Stuck::Newer { .. })) => first = first.or(Some(stuck)),
            }
        }
        first.map_or(Ok(rows), Err)
    }

    fn segment(
        &mut self,
        connection: &mut Connection,
        home: &Home,
        segment: &Segment,
        life: Life,
    ) -> Result<u64, Stuck> {
        let name = format!("{}/{}-{}", home.name(), segment.writer, segment.number);
        let mut moved = match self.marks.get(&name) {
            Some(moved) => *moved,
            None => mark(connection, &name)?,
        };
        let mut file = File::open(&segment.path)?;
        let mut rows = 0;
        loop {
            let length = file.metadata()?.len();
            if length <= moved {
                break;
            }
            file.seek(SeekFrom::Start(moved))?;
            let mut piece = std::mem::take(&mut self.piece);
            piece.clear();
            let took = match (&file).take(PIECE).read_to_end(&mut piece) {
                Ok(read) => {
                    let is_last = moved + read as u64 >= length;
                    self.piece(connection, &name, moved, &piece, is_last.then_some(life))
                }
                Err(error) => Err(error.into()),
            };
            self.piece = piece;
            let took = took?;
            rows += took.rows;
            if took.bytes == 0 {
                break;
            }
            moved += took.bytes;
        }
        self.marks.insert(name.clone(), moved);
        if life == Life::Sealed && moved >= file.metadata()?.len() {
            finish(&segment.path, &name, is_broken(connection, &name)?)?;
            self.marks.remove(&name);
            // How far it was moved stays known for a while: after a loss of power it may be there again.
            connection.execute("DELETE FROM broken WHERE segment = ?1", [&name])?;
        }
        Ok(rows)
    }

    /// Moves the rows of a piece. At the end of a segment it is said whether more may come.
    fn piece(
        &mut self,
        connection: &mut Connection,
        name: &str,
        moved: u64,
        piece: &[u8],
        end: Option<Life>,
    ) -> Result<Took, Stuck> {
        let took = self.piece_within(connection, name, moved, piece, end);
        if took.is_err() {
            // What it holds may not be in the file.
            self.filling = Filling::default();
        }
        took
    }

    fn piece_within(
        &mut self,
        connection: &mut Connection,
        name: &str,
        moved: u64,
        piece: &[u8],
        end: Option<Life>,
    ) -> Result<Took, Stuck> {
        self.gathering.clear();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have moved it meanwhile, where the lock is no lock.
        if mark(&transaction, name)? > moved {
            return Ok(Took::default());
        }
        let mut took = Took::default();
        let mut rest = piece;
        loop {
            let length = match next(rest) {
                Next::Row { version, kind, row, length } => {
                    match entry::read::<&str>(version, row) {
                        Ok(read) => {
                            let filling = &mut self.filling;
                            match rows::add(&transaction, filling, kind, version, row, &read)? {
                                Added::New => self.gathering.add(&read),
                                Added::Instead(old) => {
                                    self.gathering.take(&old);
                                    self.gathering.add(&read);
                                }
                                Added::Known => {}
                            }
                            took.rows += 1;
                        }
                        Err(why @ Unread::Newer(_)) => {
                            return Err(Stuck::Newer { segment: name.to_owned(), why });
                        }
                        Err(why) => {
                            log::error!("{name}: a row at byte {} is lost: {why}", moved + took.bytes);
                            took.broken = true;
                        }
                    }
                    length
                }
                Next::Broken(length) => {
                    log::error!("{name}: {length} bytes at byte {} are no rows", moved + took.bytes);
                    took.broken = true;
                    length
                }
                Next::Open if rest.is_empty() || end != Some(Life::Sealed) => break,
                Next::Open => {
                    // What was being written when its process ended; only what is whole was told of.
                    let torn = resync(rest);
                    log::warn!("{name}: {torn} bytes at byte {} are half a row", moved + took.bytes);
                    torn
                }
            };
            took.bytes += length as u64;
            rest = rest.get(length..).unwrap_or_default();
        }
        self.filling.flush(&transaction)?;
        self.gathering.write(&transaction)?;
        let mark = "INSERT INTO moved VALUES (?1, ?2, ?3)
                    ON CONFLICT DO UPDATE SET bytes = excluded.bytes, at = excluded.at";
        let values = params![name, signed(moved + took.bytes), signed(clock::unix_millis())];
        transaction.prepare_cached(mark)?.execute(values)?;
        if took.broken {
            transaction.execute("INSERT INTO broken VALUES (?1) ON CONFLICT DO NOTHING", [name])?;
        }
        transaction.commit()?;
        Ok(took)
    }
}

/// What came of a piece.
#[derive(Debug, Default)]
struct Took {
    bytes: u64,
    rows: u64,
    broken: bool,
}

fn mark(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let find = "SELECT bytes FROM moved WHERE segment = ?1";
    let found = connection.prepare_cached(find)?.query_row([name], |row| row.get(0)).optional()?;
    Ok(found.map_or(0, unsigned))
}

/// Whether something in a segment was no row, whoever has seen that.
fn is_broken(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let find = "SELECT EXISTS (SELECT 1 FROM broken WHERE segment = ?1)";
    connection.query_row(find, [name], |row| row.get(0))
}

/// Removes a segment; one in which something was no row is put aside for whoever wants to look.
fn finish(path: &Path, name: &str, broken: bool) -> io::Result<()> {
    if broken && let Some(journals) = path.parent().and_then(Path::parent) {
        let aside = journals.join(format!("broken-{}", name.replace('/', "-")));
        log::error!("{name}: put aside as {}", aside.display());
        return std::fs::rename(path, aside);
    }
    std::fs::remove_file(path)
}
