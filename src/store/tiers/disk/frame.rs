//! One entry in a segment: what it is, how long, under which number, until when, a checksum of that, and
//! the packed entry, which has a checksum of its own.
//!
//! ```text
//! T G F  version  length (4)  fingerprint (16)  until (8)  crc-32 of what stands before (4)  entry
//! ```

use crate::cache::Fingerprint;

/// What a frame begins with; the last byte is its version.
const MARK: [u8; 4] = *b"TGF\x01";
/// How long it is without its entry.
pub(super) const HEAD: usize = 36;
/// No entry is longer.
pub(super) const LONGEST: usize = 1 << 30;

/// What a frame says of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) fingerprint: Fingerprint,
    /// How long the entry is.
    pub(super) length: u32,
    /// When it ends, in milliseconds since 1970.
    pub(super) until: u64,
}

/// The frame around an entry; `None` where that is too long.
pub(super) fn put(fingerprint: Fingerprint, until: u64, packed: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(packed.len()).ok().filter(|_| packed.len() <= LONGEST)?;
    let mut frame = Vec::with_capacity(HEAD + packed.len());
    frame.extend_from_slice(&MARK);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&fingerprint.to_bytes());
    frame.extend_from_slice(&until.to_le_bytes());
    let sum = crc32fast::hash(&frame);
    frame.extend_from_slice(&sum.to_le_bytes());
    frame.extend_from_slice(packed);
    Some(frame)
}

/// What a frame's first bytes say; `None` where they are none's.
pub(super) fn read(head: &[u8; HEAD]) -> Option<Head> {
    let (said, sum) = head.split_at_checked(HEAD - 4)?;
    if crc32fast::hash(said).to_le_bytes() != sum {
        return None;
    }
    let rest = said.strip_prefix(&MARK)?;
    let (length, rest) = rest.split_first_chunk()?;
    let (fingerprint, rest) = rest.split_first_chunk()?;
    let until = rest.first_chunk()?;
    let length = u32::from_le_bytes(*length);
    let fits = usize::try_from(length).is_ok_and(|length| length <= LONGEST);
    let fingerprint = Fingerprint::from_bytes(*fingerprint);
    fits.then_some(Head { fingerprint, length, until: u64::from_le_bytes(*until) })
}
