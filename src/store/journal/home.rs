//! Where a process keeps its segments: a folder of its own, which is its as long as it holds the lock
//! in it. Of a process that has ended the system lets go of the lock, and whoever takes it moves what
//! was left.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock;

/// The folder of all journals in the folder for data.
const JOURNALS: &str = "journal";

/// The file that is locked.
const LOCK: &str = "lock";

/// What the names of segments end with.
const SEGMENT: &str = ".segment";

/// What the name of a folder begins with that is not locked yet.
const FRESH: &str = ".fresh-";

/// A folder that was never locked is somebody's who ended while making it, once it is so old.
const STALE: Duration = Duration::from_secs(60);

/// The folder of one process, which is locked.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    name: String,
    _lock: File,
}

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// Which writer's it is.
    pub writer: u32,
    /// Which of that writer's, counted from 1.
    pub number: u64,
    /// Where it is.
    pub path: PathBuf,
}

impl Home {
    /// Makes a folder in this folder for data, and both if need be.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn make(data: &Path) -> io::Result<Self> {
        let all = data.join(JOURNALS);
        DirBuilder::new().recursive(true).mode(0o700).create(&all)?;
        let name = format!("{:016x}", clock::random());
        // Under another name until it is locked, or somebody might take it for one that was left.
        let fresh = all.join(format!("{FRESH}{name}"));
        DirBuilder::new().mode(0o700).create(&fresh)?;
        let lock =
            OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(fresh.join(LOCK))?;
        lock.lock()?;
        let folder = all.join(&name);
        std::fs::rename(fresh, &folder)?;
        Ok(Self { folder, name, _lock: lock })
    }

    /// Takes over the folders of processes that have ended; whether there are others, whose process
    /// lives.
    ///
    /// # Errors
    /// When the folder of all journals cannot be read.
    pub fn left(data: &Path, own: Option<&str>) -> io::Result<(Vec<Self>, bool)> {
        let (mut left, mut others) = (Vec::new(), false);
        let entries = match std::fs::read_dir(data.join(JOURNALS)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((left, others)),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(FRESH) {
                forget_stale(&entry);
                continue;
            }
            if own == Some(name.as_str()) || !entry.file_type()?.is_dir() {
                continue;
            }
            let folder = entry.path();
            let lock = match OpenOptions::new().write(true).open(folder.join(LOCK)) {
                Ok(lock) => lock,
                // Somebody has just moved all of it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    drop(std::fs::remove_dir(&folder));
                    continue;
                }
                Err(error) => return Err(error),
            };
            match lock.try_lock() {
                Ok(()) => left.push(Self { folder, name, _lock: lock }),
                Err(TryLockError::WouldBlock) => others = true,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok((left, others))
    }

    /// Its name, which no other process has.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of a segment.
    #[must_use]
    pub fn segment(&self, writer: u32, number: u64) -> PathBuf {
        self.folder.join(format!("{writer}-{number}{SEGMENT}"))
    }

    /// Tries whether something can be written.
    ///
    /// # Errors
    /// When not.
    pub fn probe(&self) -> io::Result<()> {
        let path = self.folder.join("probe");
        let written = std::fs::write(&path, [0; 4096]);
        let removed = std::fs::remove_file(&path);
        // Where nothing was written, there is nothing to remove either: that is not what is wrong.
        written.and(removed)
    }

    /// All its segments, each writer's in their order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn segments(&self) -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            // Somebody else has moved all of it before we had the lock.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(segments),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            let name =
                path.file_name().and_then(|name| name.to_str()?.strip_suffix(SEGMENT)?.split_once('-'));
            if let Some((writer, number)) = name
                && let (Ok(writer), Ok(number)) = (writer.parse(), number.parse())
            {
                segments.push(Segment { writer, number, path });
            }
        }
        segments.sort();
        Ok(segments)
    }

    /// Removes the folder, once it has no segments any more.
    pub fn remove(&self) {
        // What is in it still is found by the next process.
        if self.segments().is_ok_and(|left| left.is_empty()) {
            let _ = std::fs::remove_file(self.folder.join(LOCK));
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

fn forget_stale(entry: &std::fs::DirEntry) {
    let made = entry.metadata().and_then(|metadata| metadata.modified()).ok();
    if made.and_then(|made| made.elapsed().ok()).is_some_and(|age| age > STALE) {
        // Nothing was ever written into it.
        let _ = std::fs::remove_file(entry.path().join(LOCK));
        let _ = std::fs::remove_dir(entry.path());
    }
}
