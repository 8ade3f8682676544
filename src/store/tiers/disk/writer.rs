//! The thread that writes: entries behind those that are there, and nothing where somebody said so.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::super::Written;
use super::frame::{self, HEAD};
use super::index::{Index, Segment, Spot};
use super::{Job, Kept};
use crate::cache::packed::{self, LABEL, pack};
use crate::cache::{Fingerprint, Tier, Which};
use crate::clock;
use crate::telemetry::Metrics;

/// What the names of segments end with.
const SEGMENT: &str = ".segment";
/// The room is so many segments,
const SEGMENTS: u64 = 16;
/// none of which is smaller
const SMALLEST: u64 = 64 << 10;
/// or larger than this, where that makes
const LARGE: u64 = 16 << 20;
/// no more than so many: all of them stay open.
const MOST: u64 = 256;
/// No place in one is beyond this.
const LARGEST: u64 = 2 << 30;
/// How often the folder's lock is tried.
const BEAT: Duration = Duration::from_millis(200);
/// After a failure nothing is written for so long.
const PAUSE: Duration = Duration::from_secs(10);
/// How often at most somebody is told of failures.
const TELL: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    pub(super) key: [u8; 32],
    pub(super) folder: PathBuf,
    pub(super) lock: File,
    pub(super) index: Arc<Index>,
    pub(super) is_ready: Arc<AtomicBool>,
    pub(super) metrics: Arc<Metrics>,
    /// When somebody was told of failures.
    pub(super) told: Option<Instant>,
}

/// The segment that is written to.
struct Open {
    number: u32,
    file: Arc<File>,
    bytes: u64,
}

impl Writer {
    /// Writes until nobody can ask for it any more.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        if !self.own(&mut jobs) {
            return;
        }
        let mut next = self.load();
        self.is_ready.store(true, Ordering::Relaxed);
        let (mut open, mut resting) = (None, None::<Instant>);
        while let Some(job) = jobs.blocking_recv() {
            let now = clock::unix_millis();
            let rests = resting.is_some_and(|until| clock::now() < until);
            let written = match job {
                Job::Keep(kept, _room) => {
                    let Kept { fingerprint, entry, made, until } = &kept;
                    if *until <= now || rests {
                        continue;
                    }
                    let packed = pack(&self.key, *fingerprint, entry, *made, *until);
                    self.write(&mut open, &mut next, *fingerprint, *until, &packed)
                }
                // Since it was read, somebody may have said that it goes.
                Job::Again(fingerprint, spot)
                    if spot.until > now && !rests && self.index.lies_at(fingerprint, &spot) =>
                {
                    // It is read once more, so that none of what waits holds bytes.
                    let Ok(packed) = spot.read(usize::MAX) else { continue };
                    self.write(&mut open, &mut next, fingerprint, spot.until, &packed)
                }
                Job::Again(..) => continue,
                Job::Purge(which, done) => {
                    done(self.purge(&which));
                    continue;
                }
            };
            let outcome = match written {
                Ok(true) => Written::Kept,
                Ok(false) => Written::Dropped,
                Err(_) => Written::Failed,
            };
            self.metrics.wrote(Tier::Disk.name(), outcome.name(), 1);
            if let Err(error) = written {
                resting = Some(clock::now() + PAUSE);
                self.complain(&error);
                if let Some(open) = open.take() {
                    self.end(&open);
                }
            }
        }
    }

    /// Waits until the folder is nobody else's; whether that still matters.
    fn own(&self, jobs: &mut mpsc::Receiver<Job>) -> bool {
        while self.lock.try_lock().is_err() {
            loop {
                match jobs.try_recv() {
                    // Nothing is done meanwhile; whoever waits for an answer is told so by dropping it.
                    Ok(Job::Keep(..) | Job::Again(..) | Job::Purge(..)) => {}
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return false,
                }
            }
            std::thread::sleep(BEAT);
        }
        true
    }

    /// Reads what the segments hold that are there already; the number of the next one.
    fn load(&mut self) -> u32 {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SEGMENT)?.parse::<u32>().ok());
            segments.extend(number.map(|number| (number, entry.path())));
        }
        segments.sort_unstable();
        let now = clock::unix_millis();
        let last = segments.last().map_or(0, |(number, _)| *number);
        for (number, path) in segments {
            if self.load_one(number, &path, now).is_none() {
                // Nothing in it can be read, or will ever be.
                let _ = std::fs::remove_file(&path);
            }
        }
        while self.index.is_full(0) && self.drop_oldest() {}
        last.saturating_add(1)
    }

    fn load_one(&self, number: u32, path: &Path, now: u64) -> Option<()> {
        let file = Arc::new(OpenOptions::new().read(true).write(true).open(path).ok()?);
        let (length, mut offset, mut found) = (file.metadata().ok()?.len(), 0_u32, Vec::new());
        let mut head = [0; HEAD + 4];
        while file.read_exact_at(&mut head, offset.into()).is_ok() {
            let Some((head, first)) = head.split_first_chunk::<HEAD>() else { break };
            let Some(read) = frame::read(head) else { break };
            let end = u64::from(offset) + HEAD as u64 + u64::from(read.length);
            if end > length {
                break;
            }
            // What was let go of is blank.
            if read.until > now && first != [0; 4] {
                found.push((read, offset));
            }
            let Ok(next) = u32::try_from(end) else { break };
            offset = next;
        }
        if found.is_empty() {
            return None;
        }
        let (path, entries) = (path.to_owned(), Vec::with_capacity(found.len()));
        self.index.begin(Segment { number, path, file, bytes: length, entries, latest: 0 });
        for (head, offset) in found {
            self.index.put(number, head.fingerprint, offset, head.length, head.until);
        }
        Some(())
    }

    /// Writes an entry behind all others; whether there can be room for it.
    fn write(
        &mut self,
        open: &mut Option<Open>,
        next: &mut u32,
        fingerprint: Fingerprint,
        until: u64,
        packed: &[u8],
    ) -> std::io::Result<bool> {
        let Some(frame) = frame::put(fingerprint, until, packed) else { return Ok(false) };
        let bytes = frame.len() as u64;
        if bytes > self.index.room() {
            return Ok(false);
        }
        let size = size(self.index.room());
        if open.as_ref().is_some_and(|open| open.bytes > 0 && open.bytes + bytes > size) {
            *open = None;
            while self.index.is_oldest_over(clock::unix_millis()) && self.drop_oldest() {}
        }
        while self.index.is_full(bytes) && self.drop_oldest() {}
        // What went may have been the one that is written to.
        if open.as_ref().is_some_and(|open| self.index.last() != Some(open.number)) {
            *open = None;
        }
        let segment = match open {
            Some(open) => open,
            None => {
                let begun = self.begin(*next)?;
                *next = next.saturating_add(1);
                open.insert(begun)
            }
        };
        segment.file.write_all_at(&frame, segment.bytes)?;
        let (offset, length) = (u32::try_from(segment.bytes), u32::try_from(packed.len()));
        segment.bytes += bytes;
        if let (Ok(offset), Ok(length)) = (offset, length) {
            self.index.put(segment.number, fingerprint, offset, length, until);
        }
        Ok(true)
    }

    fn begin(&self, number: u32) -> std::io::Result<Open> {
        let path = self.folder.join(format!("{number:010}{SEGMENT}"));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let file = Arc::new(file);
        let kept = Arc::clone(&file);
        self.index.begin(Segment { number, path, file: kept, bytes: 0, entries: Vec::new(), latest: 0 });
        Ok(Open { number, file, bytes: 0 })
    }

    /// Lets go of the oldest segment; whether there was one.
    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.index.pop() else { return false };
        self.delete(&oldest);
        true
    }

    /// Ends a segment that could not be written to: without what is torn at its end, and not at all where that
    /// is all there is, or each try would leave an open file behind.
    fn end(&mut self, open: &Open) {
        if open.bytes > 0 {
            // What stays of it is no frame, and is passed over.
            let _ = open.file.set_len(open.bytes);
        } else if let Some(empty) = self.index.pop_empty() {
            self.delete(&empty);
        }
    }

    fn delete(&mut self, segment: &Segment) {
        if let Err(error) = std::fs::remove_file(&segment.path) {
            self.complain(&error);
        }
    }

    /// Lets go of the entries that are meant; how many answers those were.
    fn purge(&mut self, which: &Which) -> usize {
        let mut purged = 0;
        let all = *which == Which::default();
        for (number, entries) in self.index.written() {
            for (fingerprint, spot) in self.index.in_segment(number, &entries) {
                let Some(label) = label(&spot) else { continue };
                if !which.means(&label.mark, &label.provider, &label.model) {
                    continue;
                }
                // Not found any more first, and then not there.
                if self.index.remove(fingerprint, &spot) {
                    purged += label.count;
                }
                if !all && let Err(error) = spot.blank() {
                    self.complain(&error);
                }
            }
        }
        while all && self.drop_oldest() {}
        purged
    }

    fn complain(&mut self, error: &std::io::Error) {
        let now = clock::now();
        if self.told.is_none_or(|told| now.saturating_duration_since(told) >= TELL) {
            self.told = Some(now);
            log::warn!("answers cannot be kept in {}: {error}", self.folder.display());
        }
    }
}

/// How large segments are in so much room.
fn size(room: u64) -> u64 {
    (room / SEGMENTS).clamp(SMALLEST, LARGE).max(room / MOST).min(LARGEST)
}

/// Whose an entry is.
fn label(spot: &Spot) -> Option<packed::Label> {
    let first = spot.read(LABEL).ok()?;
    packed::label(&first).or_else(|| packed::label(&spot.read(usize::MAX).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_few_however_much_room_there_is() {
        assert_eq!(size(512 << 10), SMALLEST);
        assert_eq!(size(128 << 20), 8 << 20);
        assert_eq!(size(4 << 30), LARGE);
        assert_eq!(size(100 << 30), (100 << 30) / MOST);
        assert_eq!(size(16 << 40), LARGEST);
    }
}
