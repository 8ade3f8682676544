//! One row in a segment: what it is, how long, a checksum, and the row itself.
//!
//! ```text
//! F7 54  version  kind  length (4)  crc-32 of all the rest (4)  row
//! ```
//!
//! The first two bytes begin no text in UTF-8, so that the next frame is found again behind bytes that
//! are none.

use crate::account::entry::VERSION;

/// What a frame begins with.
const MARK: [u8; 2] = [0xf7, b'T'];

/// How long it is without its row.
const HEAD: usize = 12;

/// No row is longer; what says so is no frame.
const LONGEST: usize = 1 << 20;

/// What a row says of the rows before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is the request's only one.
    Whole,
    /// It holds an estimate, which is to be amended.
    Estimate,
    /// It stands in the place of the request's estimate.
    Amendment,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Whole => 1,
            Self::Estimate => 2,
            Self::Amendment => 3,
        }
    }

    const fn of(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Whole),
            2 => Some(Self::Estimate),
            3 => Some(Self::Amendment),
            _ => None,
        }
    }
}

/// Adds a frame around the row that `write` adds.
pub(super) fn put(out: &mut Vec<u8>, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[MARK[0], MARK[1], VERSION, kind.code(), 0, 0, 0, 0, 0, 0, 0, 0]);
    write(out);
    let length = u32::try_from(out.len() - start - HEAD).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&length);
    }
    let sum = out.get(start..).and_then(checksum).unwrap_or_default().to_le_bytes();
    if let Some(place) = out.get_mut(start + 8..start + HEAD) {
        place.copy_from_slice(&sum);
    }
}

/// The checksum of a whole frame, which covers all but itself.
fn checksum(frame: &[u8]) -> Option<u32> {
    let mut hash = crc32fast::Hasher::new();
    hash.update(frame.get(2..8)?);
    hash.update(frame.get(HEAD..)?);
    Some(hash.finalize())
}

/// What stands next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A row.
    Row {
        /// The version of its form.
        version: u8,
        /// What it says of those before it.
        kind: Kind,
        /// The row.
        row: &'a [u8],
        /// How long its frame is.
        length: usize,
    },
    /// So many bytes that are no frame, before one that is or the end.
    Broken(usize),
    /// The beginning of a frame, or nothing: more may come.
    Open,
}

/// What these bytes of a segment begin with.
#[must_use]
pub fn next(bytes: &[u8]) -> Next<'_> {
    match frame(bytes) {
        Found::Whole(next) => next,
        Found::Part => Next::Open,
        Found::None => Next::Broken(resync(bytes)),
    }
}

/// How many bytes at the beginning of `bytes` come before the next frame; before what may be the
/// beginning of one, where none is whole.
#[must_use]
pub fn resync(bytes: &[u8]) -> usize {
    let mut part = bytes.len();
    for at in memchr::memchr_iter(MARK[0], bytes).filter(|at| *at > 0) {
        match frame(bytes.get(at..).unwrap_or_default()) {
            Found::Whole(_) => return at,
            Found::Part => part = part.min(at),
            Found::None => {}
        }
    }
    part
}

enum Found<'a> {
    Whole(Next<'a>),
    Part,
    None,
}

fn frame(bytes: &[u8]) -> Found<'_> {
    let part = bytes.len().min(MARK.len());
    if bytes.get(..part) != MARK.get(..part) {
        return Found::None;
    }
    let Some((&[_, _, version, kind], rest)) = bytes.split_first_chunk() else { return Found::Part };
    let Some((length, rest)) = rest.split_first_chunk() else { return Found::Part };
    let Some(sum) = rest.first_chunk() else { return Found::Part };
    let length = u32::from_le_bytes(*length) as usize;
    let Some(kind) = Kind::of(kind).filter(|_| length <= LONGEST) else { return Found::None };
    let Some(whole) = bytes.get(..HEAD + length) else { return Found::Part };
    if checksum(whole) != Some(u32::from_le_bytes(*sum)) {
        return Found::None;
    }
    let row = whole.get(HEAD..).unwrap_or_default();
    Found::Whole(Next::Row { version, kind, row, length: whole.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(rows: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for row in rows {
            put(&mut out, Kind::Whole, |out| out.extend_from_slice(row.as_bytes()));
        }
        out
    }

    fn rows(mut bytes: &[u8]) -> (Vec<String>, usize, bool) {
        let (mut rows, mut broken) = (Vec::new(), 0);
        loop {
            match next(bytes) {
                Next::Row { row, length, version, .. } => {
                    assert_eq!(version, VERSION);
                    rows.push(String::from_utf8(row.to_vec()).unwrap());
                    bytes = &bytes[length..];
                }
                Next::Broken(length) => {
                    broken += length;
                    bytes = &bytes[length..];
                }
                Next::Open => return (rows, broken, bytes.is_empty()),
            }
        }
    }

    #[test]
    fn rows_are_found_one_after_the_other() {
        let bytes = framed(&["one", "", "three"]);
        assert_eq!(rows(&bytes), (vec!["one".into(), String::new(), "three".into()], 0, true));
    }

    #[test]
    fn a_torn_tail_stays_open() {
        let bytes = framed(&["one", "two"]);
        let first = framed(&["one"]).len();
        for length in first..bytes.len() {
            let (found, broken, ended) = rows(&bytes[..length]);
            assert_eq!((found.len(), broken, ended), (1, 0, length == first), "{length} bytes");
        }
    }

    #[test]
    fn any_flipped_bit_spoils_its_own_row_alone() {
        let bytes = framed(&["first row", "second row", "third row"]);
        let length = bytes.len() / 3;
        for bit in 0..length * 8 {
            let mut spoilt = bytes.clone();
            spoilt[length + bit / 8] ^= 1 << (bit % 8);
            // A length that reaches past the end looks like a row that is still being written.
            let mut rest = &spoilt[..];
            let mut found = Vec::new();
            loop {
                match next(rest) {
                    Next::Row { row, length, .. } => {
                        found.push(row.to_vec());
                        rest = &rest[length..];
                    }
                    Next::Broken(length) => rest = &rest[length..],
                    Next::Open if rest.is_empty() => break,
                    Next::Open => rest = &rest[resync(rest)..],
                }
            }
            let expected = [b"first row".to_vec(), b"third row".to_vec()];
            assert!(found == expected || found.contains(&b"second row".to_vec()), "bit {bit}: {found:?}");
            assert!(found.starts_with(&expected[..1]) && found.ends_with(&expected[1..]), "bit {bit}");
        }
    }
}
