//! One writer's segments: whole frames or nothing, by one write each.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::Sync;

/// A segment that has become so long is followed by another.
const LONG: u64 = 4 << 20;

/// So many folders lead to a segment: its process's, that of all journals, and the one for data.
const FOLDERS: usize = 3;

/// One writer.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Which segment is next.
    number: u64,
    segment: Option<(File, u64)>,
    /// The frame that is being made.
    pub(super) frame: Vec<u8>,
    /// Frames that could not be written yet.
    pub(super) waiting: Vec<u8>,
    /// How many those are.
    pub(super) rows: u64,
}

impl Writer {
    /// Writes the frame that was made.
    pub(super) fn write_frame(
        &mut self,
        sync: Sync,
        path: impl FnOnce(u64) -> io::Result<PathBuf>,
    ) -> io::Result<()> {
        let frame = std::mem::take(&mut self.frame);
        let written = self.write(&frame, sync, path);
        self.frame = frame;
        written
    }

    /// Keeps the frame that was made, if there is room for it.
    pub(super) fn keep_frame(&mut self, room: usize) -> bool {
        let fits = self.waiting.len() + self.frame.len() <= room;
        if fits {
            self.waiting.extend_from_slice(&self.frame);
            self.rows += 1;
        }
        fits
    }

    /// Writes what waits; how many rows that were.
    pub(super) fn catch_up(
        &mut self,
        sync: Sync,
        path: impl FnOnce(u64) -> io::Result<PathBuf>,
    ) -> io::Result<u64> {
        if self.waiting.is_empty() {
            return Ok(0);
        }
        let waiting = std::mem::take(&mut self.waiting);
        let written = self.write(&waiting, sync, path);
        if let Err(error) = written {
            self.waiting = waiting;
            return Err(error);
        }
        Ok(std::mem::take(&mut self.rows))
    }

    fn write(
        &mut self,
        bytes: &[u8],
        sync: Sync,
        path: impl FnOnce(u64) -> io::Result<PathBuf>,
    ) -> io::Result<()> {
        if self.segment.as_ref().is_none_or(|(_, length)| *length >= LONG) {
            self.segment = None;
            let path = path(self.number + 1)?;
            let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path)?;
            self.number += 1;
            if sync == Sync::Always {
                sync_folders(&path)?;
            }
            self.segment = Some((file, 0));
        }
        let Some((file, length)) = &mut self.segment else { return Err(io::ErrorKind::NotFound.into()) };
        if let Err(error) = file.write_all(bytes) {
            // A part of a frame must not stand before whole ones. Where it cannot be cut off, they
            // go into another segment, at whose beginning a reader begins anew.
            if file.set_len(*length).is_err() {
                self.segment = None;
            }
            return Err(error);
        }
        *length += bytes.len() as u64;
        let synced = match sync {
            Sync::Never => Ok(()),
            Sync::Always => file.sync_data(),
        };
        self.synced(synced)
    }

    /// Where what was written could not be brought to the disk, another segment begins. What is whole may
    /// have been read already and is not cut off: it is written once more, and known by its id.
    pub(super) fn synced(&mut self, outcome: io::Result<()>) -> io::Result<()> {
        if outcome.is_err() {
            self.segment = None;
        }
        outcome
    }
}

/// A file outlives a loss of power once its folder does: that of this process, and those around it, which
/// may be as new.
fn sync_folders(path: &Path) -> io::Result<()> {
    path.ancestors().skip(1).take(FOLDERS).try_for_each(|folder| File::open(folder)?.sync_all())
}
