use std::fs;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;

use super::*;
use crate::cache::{Answer, Entry, Mark, Origin};
use crate::dialect::Restore;
use crate::ir::{Dialect, Losses};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("tollgate-tiers-{}-{count}", std::process::id())))
    }

    fn open(&self, room: u64) -> Disk {
        let metrics = Arc::new(Metrics::new().unwrap());
        let key = key(&self.0).unwrap();
        let disk = Disk::open(self.0.clone(), ByteSize(room), key, &metrics).unwrap().unwrap();
        let begun = clock::now();
        // The one before lets go of the folder when its writer has done what was left to do.
        while !disk.stand().is_up {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is never ready");
            std::thread::yield_now();
        }
        disk
    }

    fn segments(&self) -> Vec<PathBuf> {
        let all = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> =
            all.filter(|path| path.extension().is_some_and(|extension| extension == "segment")).collect();
        segments.sort();
        segments
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn number(index: usize) -> Fingerprint {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&index.to_le_bytes());
    Fingerprint::from_bytes(bytes)
}

fn kept(index: usize, size: usize, tag: &str) -> Kept {
    let origin = Origin {
        dialect: Dialect::OpenaiChat,
        framing: None,
        restore: Restore::NONE,
        provider: "openai".into(),
        model: "m".into(),
        losses: Losses::new(),
    };
    let mark = Mark { tags: vec![tag.into()], ..Mark::default() };
    let body = Bytes::from(vec![b'x'; size]);
    let entry = Arc::new(Entry::Answer(Answer { origin, body, pace: Vec::new(), mark }));
    let made = clock::unix_millis();
    Kept { fingerprint: number(index), entry, made, until: made + 3_600_000 }
}

fn tagged(tag: &str) -> Which {
    Which { tag: Some(tag.into()), ..Which::default() }
}

/// Runs what waits for the disk's threads.
fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(what)
}

impl Disk {
    /// Waits until all that was asked for is written; a purge of nothing waits its turn.
    fn settle(&self) {
        assert_eq!(run(self.purge(tagged("nobody's"))), Some(0));
    }

    fn has(&self, index: usize) -> bool {
        run(self.look(&[number(index)])).1.len() == 1
    }
}

#[test]
fn what_is_kept_outlives_the_process_until_it_ends() {
    let folder = Folder::new();
    let disk = folder.open(1 << 20);
    let first = kept(1, 100, "a");
    assert!(disk.keep(first.clone()));
    assert!(disk.keep(Kept { until: first.made + 1, ..kept(2, 100, "a") }));
    disk.settle();
    assert!(disk.has(1) && !disk.has(3));
    drop(disk);
    let disk = folder.open(1 << 20);
    let (outcome, found) = run(disk.look(&[number(1), number(2), number(3)]));
    assert_eq!((outcome, found.len()), (Outcome::Hit, 1), "the second has ended");
    assert_eq!((found[0].made, found[0].until), (first.made, first.until));
    assert_eq!(format!("{:?}", found[0].entry), format!("{:?}", first.entry));
}

#[test]
fn bytes_never_pass_the_room_and_what_is_used_stays_longer() {
    let (folder, room) = (Folder::new(), 512 << 10);
    let disk = folder.open(room);
    for index in 0..200 {
        assert!(disk.keep(kept(index, 8 << 10, "a")));
        if index % 8 == 0 {
            disk.settle();
            assert!(disk.stand().held.unwrap().1 <= room);
            // Once more and again, so that it is written anew before it goes.
            assert!(disk.has(0), "{index}");
            disk.settle();
        }
    }
    disk.settle();
    let on_disk: u64 = folder.segments().iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(on_disk <= room && on_disk > room / 2, "{on_disk}");
    assert!(disk.has(199) && disk.has(0) && !disk.has(1));
    let (entries, bytes, most) = disk.stand().held.unwrap();
    assert!(entries > 30 && bytes == on_disk && most == room, "{entries} {bytes}");
    assert!(disk.keep(kept(1000, 1 << 20, "a")), "it is taken,");
    disk.settle();
    assert!(!disk.has(1000) && disk.has(199), "but has no room, and nothing goes for it");
}

#[test]
fn what_is_torn_or_bent_is_a_miss_and_the_rest_is_read() {
    let folder = Folder::new();
    let disk = folder.open(1 << 20);
    for index in 0..3 {
        assert!(disk.keep(kept(index, 1000, "a")));
    }
    disk.settle();
    drop(disk);
    let path = folder.segments().remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let frame = bytes.len() / 3;
    bytes[frame + frame / 2] ^= 1;
    bytes.truncate(3 * frame - 10);
    fs::write(&path, bytes).unwrap();
    fs::write(folder.0.join("0000000099.segment"), b"nothing of ours").unwrap();
    let disk = folder.open(1 << 20);
    assert!(disk.has(0));
    assert_eq!(run(disk.look(&[number(1)])).0, Outcome::Failed);
    assert_eq!(run(disk.look(&[number(1)])).0, Outcome::Miss, "and is not looked for again");
    assert!(!disk.has(2));
    assert_eq!(folder.segments().len(), 1);
}

#[test]
fn what_is_let_go_of_is_gone_from_the_disk() {
    let folder = Folder::new();
    let disk = folder.open(1 << 20);
    for (index, tag) in ["secret", "public", "secret"].into_iter().enumerate() {
        assert!(disk.keep(kept(index, 3000, tag)));
    }
    assert_eq!(run(disk.purge(tagged("secret"))), Some(2), "also what was to be written");
    let text = fs::read(folder.segments().remove(0)).unwrap();
    assert_eq!(text.windows(6).filter(|word| word == b"secret").count(), 0);
    assert!(!disk.has(0) && disk.has(1));
    drop(disk);
    let disk = folder.open(1 << 20);
    assert!(!disk.has(0) && disk.has(1) && !disk.has(2));
    assert_eq!(run(disk.purge(Which::default())), Some(1));
    assert_eq!(folder.segments().len(), 0);
    assert!(disk.keep(kept(5, 100, "a")));
    disk.settle();
    assert!(disk.has(5));
}

#[test]
fn the_second_of_two_processes_waits_for_the_first() {
    let folder = Folder::new();
    let first = folder.open(1 << 20);
    assert!(first.keep(kept(1, 100, "a")));
    first.settle();
    let metrics = Arc::new(Metrics::new().unwrap());
    let own = key(&folder.0).unwrap();
    let second = Disk::open(folder.0.clone(), ByteSize(1 << 20), own, &metrics).unwrap().unwrap();
    assert!(!second.stand().is_up && !second.has(1));
    drop(first);
    let begun = clock::now();
    while !second.has(1) {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}

#[test]
fn what_cannot_be_written_leaves_no_segment_behind() {
    let folder = Folder::new();
    let disk = folder.open(1 << 20);
    let full = folder.0.join("0000000001.segment");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    assert!(disk.keep(kept(1, 100, "a")));
    disk.settle();
    assert!(!disk.has(1) && !full.is_symlink());
    assert_eq!(disk.index.last(), None);
}
