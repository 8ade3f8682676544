//! Counts the tokens of `o200k_base` exactly: gpt-4o, gpt-4.1, gpt-5, the o series, gpt-oss.
//!
//! The ranks lie in the binary compressed and are unfolded on first use (some 20 ms, 6 MB), so a
//! gateway that never needs them never pays. Special tokens are not looked for: in a prompt they
//! are text.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hasher;
use std::io::Read;
use std::sync::OnceLock;

use brotli_decompressor::Decompressor;
use rustc_hash::FxHasher;

use super::split::Pieces;

/// All tokens in rank order, 0xFF between two neighbours, as a brotli stream; made by
/// `scripts/o200k-pack.py`.
const PACKED: &[u8] = include_bytes!("o200k.bin");
const SEPARATOR: u8 = 0xFF;
/// Bytes of `PACKED` when unfolded, so that the buffer is allocated once.
const PLAIN_SIZE: usize = 1_600_000;
/// The longest token; no longer piece needs a look-up.
const LONGEST: usize = 128;
/// Pieces up to this many bytes are merged by scanning, longer ones with a heap.
const SHORT: usize = 100;
/// Pieces over this many bytes are merged in parts, which bounds the heap's memory to a few
/// megabytes. A count can then be off by a token or two at each seam; only a run of this many
/// letters, or of signs, or of blanks, without a break, is ever cut.
const WINDOW: usize = 64 * 1024;

static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();

/// How many `o200k_base` tokens `text` is; the first call unfolds the ranks.
///
/// A megabyte takes some 20 ms of prose or code, 60 ms of Chinese, and at worst, as one run of
/// random letters, 250 ms.
#[must_use]
pub fn count(text: &str) -> u64 {
    let vocabulary = VOCABULARY.get_or_init(Vocabulary::unpack);
    let mut merge = Merge::default();
    let mut tokens = 0;
    for piece in Pieces::new(text) {
        tokens += if vocabulary.rank(piece).is_some() {
            1
        } else if piece.len() <= SHORT {
            merge.scan(vocabulary, piece)
        } else {
            let parts = piece.chunks(WINDOW);
            parts.map(|part| merge.heap(vocabulary, part)).sum()
        };
    }
    tokens as u64
}

/// Whether the ranks are in memory already.
#[must_use]
pub fn is_loaded() -> bool {
    VOCABULARY.get().is_some()
}

/// Finds the rank of a byte string, by an open-addressed table over the tokens' own bytes.
///
/// A general map of slices would take three times the memory.
struct Vocabulary {
    /// The tokens in rank order, `SEPARATOR` after each.
    text: Vec<u8>,
    /// Where each token begins in `text`, and one more entry for the end.
    starts: Vec<u32>,
    /// `VACANT`, or a rank in the low `RANK_BITS` and some of the hash above it.
    slots: Vec<u32>,
    /// The ranks of the tokens of two bytes, or `NONE`: every merge begins with these look-ups.
    pairs: Vec<u32>,
}

const RANK_BITS: u32 = 18;
const RANK_MASK: u32 = (1 << RANK_BITS) - 1;
const SLOTS: usize = 1 << 19;
/// The rank in it is beyond the vocabulary's size, so no entry looks like this.
const VACANT: u32 = u32::MAX;

impl Vocabulary {
    fn unpack() -> Self {
        let mut text = Vec::with_capacity(PLAIN_SIZE);
        // The input is part of the binary and a test unfolds it; were it broken, what could be
        // read of it still gives a count, only too high a one.
        let _ = Decompressor::new(PACKED, 1 << 16).read_to_end(&mut text);
        text.push(SEPARATOR);
        let mut starts = Vec::with_capacity(RANK_MASK as usize);
        starts.push(0);
        let mut at = 0;
        while let Some(rest) = text.get(at..) {
            let Some(length) = rest.iter().position(|&byte| byte == SEPARATOR) else {
                break;
            };
            at += length + 1;
            starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        let mut vocabulary = Self { text, starts, slots: vec![VACANT; SLOTS], pairs: vec![NONE; 1 << 16] };
        for rank in 0..vocabulary.len() {
            vocabulary.insert(rank);
        }
        vocabulary
    }

    fn len(&self) -> u32 {
        let tokens = self.starts.len().saturating_sub(1);
        u32::try_from(tokens).map_or(0, |tokens| tokens.min(RANK_MASK))
    }

    fn token(&self, rank: u32) -> Option<&[u8]> {
        let rank = rank as usize;
        let start = *self.starts.get(rank)? as usize;
        let next = *self.starts.get(rank + 1)? as usize;
        // An empty token stands for the separator's own byte, which follows it.
        self.text.get(start..(next - 1).max(start + 1))
    }

    fn insert(&mut self, rank: u32) {
        let Some(token) = self.token(rank) else {
            return;
        };
        if let Some(pair) = pair(token) {
            if let Some(entry) = self.pairs.get_mut(pair) {
                *entry = rank;
            }
            return;
        }
        let (mut slot, tag) = place(token);
        while let Some(entry) = self.slots.get_mut(slot) {
            if *entry == VACANT {
                *entry = tag | rank;
                return;
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    #[inline]
    fn rank(&self, bytes: &[u8]) -> Option<u32> {
        if let Some(pair) = pair(bytes) {
            return self.pairs.get(pair).copied().filter(|rank| *rank != NONE);
        }
        if bytes.len() > LONGEST {
            return None;
        }
        let (mut slot, tag) = place(bytes);
        loop {
            let entry = *self.slots.get(slot)?;
            if entry == VACANT {
                return None;
            }
            let rank = entry & RANK_MASK;
            if entry & !RANK_MASK == tag && self.token(rank) == Some(bytes) {
                return Some(rank);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// The index of a two-byte string in `Vocabulary::pairs`.
#[inline]
fn pair(bytes: &[u8]) -> Option<usize> {
    let pair = <[u8; 2]>::try_from(bytes).ok()?;
    Some(usize::from(u16::from_be_bytes(pair)))
}

/// The first slot to look in, and the bits that mark an entry as likely the right one.
#[inline]
fn place(bytes: &[u8]) -> (usize, u32) {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    let hash = hasher.finish();
    // Both casts cut the hash down on purpose.
    #[expect(clippy::cast_possible_truncation)]
    let (slot, tag) = (hash as usize % SLOTS, (hash >> 32) as u32 & !RANK_MASK);
    (slot, tag)
}

/// No merge is possible here; more than any rank.
const NONE: u32 = u32::MAX;

/// Byte-pair merging, with buffers kept from piece to piece.
#[derive(Default)]
struct Merge {
    parts: Vec<Part>,
    links: Vec<Link>,
    /// Possible merges, lowest rank first and leftmost among equals: rank above position.
    queue: BinaryHeap<Reverse<u64>>,
}

/// A token in the making, in `Merge::scan`: it ends where the next part begins.
struct Part {
    start: u32,
    /// The rank of this part and the next one as one token.
    rank: u32,
}

/// A token in the making, in `Merge::heap`, kept at the index of its first byte.
struct Link {
    /// First byte of the token to the left.
    previous: u32,
    /// First byte of the token to the right.
    next: u32,
    /// The rank of this token and the next one as one token; `NONE` for swallowed bytes.
    rank: u32,
}

impl Merge {
    /// Finds each merge by looking at all of them: quadratic, and the fastest for short pieces.
    fn scan(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> usize {
        self.parts.clear();
        let part = |start| Part { start, rank: NONE };
        // `SHORT` bounds the piece, so positions fit.
        let size = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        self.parts.extend((0..=size).map(part));
        for index in 0..piece.len() {
            self.rank_pair(vocabulary, piece, index);
        }
        while let Some((best, part)) = self.parts.iter().enumerate().min_by_key(|(_, p)| p.rank) {
            if part.rank == NONE {
                break;
            }
            self.parts.remove(best + 1);
            self.rank_pair(vocabulary, piece, best);
            if let Some(left) = best.checked_sub(1) {
                self.rank_pair(vocabulary, piece, left);
            }
        }
        self.parts.len() - 1
    }

    fn rank_pair(&mut self, vocabulary: &Vocabulary, piece: &[u8], index: usize) {
        let end = self.parts.get(index + 2).map(|part| part.start);
        if let Some(part) = self.parts.get_mut(index) {
            let pair = end.and_then(|end| piece.get(part.start as usize..end as usize));
            part.rank = pair.and_then(|pair| vocabulary.rank(pair)).unwrap_or(NONE);
        }
    }

    /// Finds each merge in a queue, so that a hostile run of one letter costs n log n.
    fn heap(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> usize {
        // `WINDOW` bounds the piece, so positions fit.
        let size = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        self.links.clear();
        self.links.extend((0..size).map(|at| Link {
            previous: at.wrapping_sub(1),
            next: at + 1,
            rank: NONE,
        }));
        self.queue.clear();
        for at in 0..size {
            self.offer(vocabulary, piece, at);
        }
        let mut tokens = piece.len();
        while let Some(Reverse(key)) = self.queue.pop() {
            #[expect(clippy::cast_possible_truncation, reason = "the two halves of the key")]
            let (rank, at) = ((key >> 32) as u32, key as u32);
            // Either neighbour may have been merged away since; such entries stay in the queue.
            let Some(link) = self.link(at).filter(|link| link.rank == rank) else {
                continue;
            };
            let (previous, swallowed) = (link.previous, link.next);
            let Some(right) = self.links.get_mut(swallowed as usize) else {
                continue;
            };
            right.rank = NONE;
            let next = right.next;
            if let Some(link) = self.links.get_mut(at as usize) {
                link.next = next;
            }
            if let Some(link) = self.links.get_mut(next as usize) {
                link.previous = at;
            }
            tokens -= 1;
            self.offer(vocabulary, piece, at);
            self.offer(vocabulary, piece, previous);
        }
        tokens
    }

    /// Queues the merge of the token at `at` with its right neighbour, if there is one.
    fn offer(&mut self, vocabulary: &Vocabulary, piece: &[u8], at: u32) {
        let Some(link) = self.link(at) else {
            return;
        };
        let pair = self.link(link.next).and_then(|right| {
            let pair = piece.get(at as usize..right.next as usize)?;
            vocabulary.rank(pair)
        });
        if let Some(link) = self.links.get_mut(at as usize) {
            link.rank = pair.unwrap_or(NONE);
        }
        if let Some(rank) = pair {
            self.queue.push(Reverse(u64::from(rank) << 32 | u64::from(at)));
        }
    }

    fn link(&self, at: u32) -> Option<&Link> {
        self.links.get(at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_found_under_its_own_rank() {
        let vocabulary = Vocabulary::unpack();
        assert_eq!(vocabulary.len(), 199_998);
        for rank in 0..vocabulary.len() {
            let token = vocabulary.token(rank).unwrap();
            assert_eq!(vocabulary.rank(token), Some(rank), "{token:?}");
        }
        let longest = (0..vocabulary.len()).filter_map(|rank| vocabulary.token(rank));
        assert_eq!(longest.map(<[u8]>::len).max(), Some(LONGEST));
    }

    #[test]
    fn both_ways_of_merging_agree() {
        let vocabulary = Vocabulary::unpack();
        let mut merge = Merge::default();
        let text = "antidisestablishmentarianismеждународныйไม่มีปัญหา======abcabcabcaaaaaaaaa漢字仮名";
        let bytes = text.as_bytes();
        for piece in (2..SHORT).flat_map(|size| bytes.windows(size)) {
            let scanned = merge.scan(&vocabulary, piece);
            assert_eq!(scanned, merge.heap(&vocabulary, piece), "{piece:?}");
        }
    }
}
