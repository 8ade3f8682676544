//! What lies where: the only part of the disk that workers look at.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::frame::HEAD;
use crate::cache::Fingerprint;

/// There is one entry for so many bytes of room at most, so that the index stays small beside them.
const BYTES_AN_ENTRY: u64 = 2048;
/// A small room has so many all the same.
const FEWEST: u64 = 4096;
/// So many numbers are let go of without looking up, so that nobody waits for long.
const AT_ONCE: usize = 1024;
/// Where one segment in so many is left before it goes, what is used is written once more.
const OLDEST: usize = 4;

/// What lies where.
#[derive(Debug)]
pub(super) struct Index {
    room: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    places: FxHashMap<Fingerprint, Place>,
    /// The oldest first.
    segments: VecDeque<Segment>,
    bytes: u64,
}

/// Where an entry lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    segment: u32,
    /// Where its frame begins, and how long its entry is.
    offset: u32,
    length: u32,
    until: u64,
}

/// A file of frames.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) bytes: u64,
    /// What was written to it, in order.
    pub(super) entries: Vec<Fingerprint>,
    /// When the last of them ends, in milliseconds since 1970.
    pub(super) latest: u64,
}

/// An entry in a file that stays open.
#[derive(Debug)]
pub(super) struct Spot {
    file: Arc<File>,
    segment: u32,
    offset: u32,
    length: u32,
    pub(super) until: u64,
    /// Whether its segment is about to go.
    pub(super) is_old: bool,
}

impl Spot {
    /// The packed entry, or as much of its beginning.
    pub(super) fn read(&self, most: usize) -> std::io::Result<Vec<u8>> {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX).min(most);
        let mut packed = vec![0; length];
        self.file.read_exact_at(&mut packed, u64::from(self.offset) + HEAD as u64)?;
        Ok(packed)
    }

    /// Writes nothings in its place.
    pub(super) fn blank(&self) -> std::io::Result<()> {
        let nothings = vec![0; usize::try_from(self.length).unwrap_or(0)];
        self.file.write_all_at(&nothings, u64::from(self.offset) + HEAD as u64)
    }
}

impl Index {
    /// Nothing, in so much room.
    pub(super) fn new(room: u64) -> Self {
        Self { room, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All bytes that there may be.
    pub(super) const fn room(&self) -> u64 {
        self.room
    }

    /// Where these lie, of those that there are and have not ended.
    pub(super) fn find(&self, fingerprints: &[Fingerprint], now: u64) -> Vec<(Fingerprint, Spot)> {
        let state = self.state();
        let spot = |fingerprint: &Fingerprint| {
            let place = state.places.get(fingerprint).filter(|place| place.until > now)?;
            Some((*fingerprint, state.spot(place)?))
        };
        fingerprints.iter().filter_map(spot).collect()
    }

    /// Where what was written to a segment still lies in it.
    pub(super) fn in_segment(&self, number: u32, entries: &[Fingerprint]) -> Vec<(Fingerprint, Spot)> {
        let state = self.state();
        let spot = |fingerprint: &Fingerprint| {
            let place = state.places.get(fingerprint).filter(|place| place.segment == number)?;
            Some((*fingerprint, state.spot(place)?))
        };
        entries.iter().filter_map(spot).collect()
    }

    /// The segments, and what was written to each; the oldest first.
    pub(super) fn written(&self) -> Vec<(u32, Vec<Fingerprint>)> {
        self.state().segments.iter().map(|segment| (segment.number, segment.entries.clone())).collect()
    }

    /// Adds a segment behind all others.
    pub(super) fn begin(&self, segment: Segment) {
        let mut state = self.state();
        state.bytes += segment.bytes;
        state.segments.push_back(segment);
    }

    /// An entry was written to the last segment. `false` where that has gone meanwhile.
    pub(super) fn put(
        &self,
        number: u32,
        fingerprint: Fingerprint,
        offset: u32,
        length: u32,
        until: u64,
    ) -> bool {
        let mut state = self.state();
        let bytes = u64::from(length) + HEAD as u64;
        let Some(last) = state.segments.back_mut().filter(|last| last.number == number) else { return false };
        let grown = (u64::from(offset) + bytes).saturating_sub(last.bytes);
        last.bytes += grown;
        last.latest = last.latest.max(until);
        last.entries.push(fingerprint);
        state.bytes += grown;
        state.places.insert(fingerprint, Place { segment: number, offset, length, until });
        true
    }

    /// Whether so many bytes more are too many, or there are too many entries already.
    pub(super) fn is_full(&self, more: u64) -> bool {
        let state = self.state();
        let most = (self.room / BYTES_AN_ENTRY).max(FEWEST);
        state.bytes + more > self.room || state.places.len() as u64 >= most
    }

    /// Lets go of an entry that lies there; whether it was there still.
    pub(super) fn remove(&self, fingerprint: Fingerprint, spot: &Spot) -> bool {
        let mut state = self.state();
        let known = state.lies_at(fingerprint, spot);
        if known {
            state.places.remove(&fingerprint);
        }
        known
    }

    /// Whether an entry lies there still.
    pub(super) fn lies_at(&self, fingerprint: Fingerprint, spot: &Spot) -> bool {
        self.state().lies_at(fingerprint, spot)
    }

    /// The number of the last segment.
    pub(super) fn last(&self) -> Option<u32> {
        self.state().segments.back().map(|segment| segment.number)
    }

    /// Whether all that the oldest segment holds has ended; not of the last one, which is written to.
    pub(super) fn is_oldest_over(&self, now: u64) -> bool {
        let state = self.state();
        state.segments.len() > 1 && state.segments.front().is_some_and(|oldest| oldest.latest <= now)
    }

    /// Lets go of the oldest segment and of what is in it.
    pub(super) fn pop(&self) -> Option<Segment> {
        let segment = {
            let mut state = self.state();
            let segment = state.segments.pop_front()?;
            state.bytes -= segment.bytes;
            segment
        };
        for some in segment.entries.chunks(AT_ONCE) {
            let mut state = self.state();
            for fingerprint in some {
                if state.places.get(fingerprint).is_some_and(|place| place.segment == segment.number) {
                    state.places.remove(fingerprint);
                }
            }
        }
        Some(segment)
    }

    /// Lets go of the last segment, if nothing was written to it.
    pub(super) fn pop_empty(&self) -> Option<Segment> {
        let mut state = self.state();
        if state.segments.back()?.entries.is_empty() { state.segments.pop_back() } else { None }
    }

    /// Entries, bytes, and the most bytes.
    pub(super) fn held(&self) -> (u64, u64, u64) {
        let state = self.state();
        (state.places.len() as u64, state.bytes, self.room)
    }
}

impl State {
    fn lies_at(&self, fingerprint: Fingerprint, spot: &Spot) -> bool {
        let place = self.places.get(&fingerprint);
        place.is_some_and(|place| place.segment == spot.segment && place.offset == spot.offset)
    }

    fn spot(&self, place: &Place) -> Option<Spot> {
        // Numbers rise from one segment to the next, with gaps where one could not be read.
        let at = self.segments.binary_search_by_key(&place.segment, |segment| segment.number).ok()?;
        let is_full = self.segments.len() >= OLDEST;
        Some(Spot {
            file: Arc::clone(&self.segments.get(at)?.file),
            segment: place.segment,
            offset: place.offset,
            length: place.length,
            until: place.until,
            is_old: is_full && at < self.segments.len() / OLDEST,
        })
    }
}
