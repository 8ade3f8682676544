//! The journal on real files.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::account::{Metered, Timings};
use crate::cache::Tier;
use crate::clock::RequestId;
use crate::ir::{Dialect, Losses, Usage, UsageSource};
use crate::store::tests::Folder;
use crate::units::PicoUsd;

/// A chat that went well.
pub(in crate::store) fn record(at: u64) -> Record {
    Record {
        id: RequestId::of(at),
        at,
        key: None,
        address: None,
        attribution: None,
        reserved: None,
        operation: "chat",
        client: Some(Dialect::OpenaiChat),
        provider: Some("openai".into()),
        asked_model: "gpt-4o".to_owned(),
        model: Some("gpt-4o".into()),
        asked_tier: None,
        verbatim: true,
        stream: false,
        status: 200,
        outcome: Outcome::Answered,
        attempts: 1,
        departed: true,
        faults: Vec::new(),
        losses: Losses::new(),
        timings: Timings::default(),
        bytes: (10, 20),
        metered: Metered::default(),
        source: None,
        prices: None,
        price: Some("openai/gpt-4o@01234567".into()),
        asides: Vec::new(),
        states_cost: false,
        background: false,
        staged: false,
        cache: None,
        agreement: None,
        saved: None,
        guards: Vec::new(),
        is_estimated: false,
        known: None,
        trace: None,
    }
}

/// What it used.
pub(in crate::store) fn used(input: u64) -> Used {
    let usage = Usage { input, output: 1, ..Usage::default() };
    let cost = Some(PicoUsd(u128::from(input) * 1000));
    Used { usage, source: Some(UsageSource::Reported), cost, is_stated: false, saved: None }
}

fn rows(journal: &Journal) -> usize {
    let segments = journal.with_home(Home::segments).unwrap();
    let mut found = 0;
    for segment in segments {
        let bytes = std::fs::read(&segment.path).unwrap();
        assert_eq!(std::fs::metadata(&segment.path).unwrap().permissions().mode() & 0o077, 0);
        let mut rest = &bytes[..];
        while let Next::Row { version, row, length, .. } = next(rest) {
            entry::read::<String>(version, row).unwrap();
            found += 1;
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
    }
    found
}

#[test]
fn every_thread_writes_whole_rows() {
    let folder = Folder::new();
    let journal = Journal::open(folder.path(), 2, WhenFull::Refuse, Sync::Never);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..200).for_each(|at| journal.append(&record(at), &used(at), Kind::Whole)));
        }
    });
    assert_eq!(rows(&journal), 1600);
    assert_eq!(journal.condition(), Condition::default());
}

#[test]
fn what_cannot_be_written_waits_and_is_written_in_its_time() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path()).unwrap();
    // A file where the folder should be.
    std::fs::write(folder.path().join("journal"), "").unwrap();
    let journal = Journal::open(folder.path(), 1, WhenFull::Refuse, Sync::Always);
    assert!(journal.refuses());
    (0..10).for_each(|at| journal.append(&record(at), &used(at), Kind::Whole));
    let free = || Record { departed: false, ..record(11) };
    journal.append(&free(), &Used::default(), Kind::Whole);
    // What is refused meanwhile is not what the ledger lacks, and what a cache gave is.
    for _ in 0..100 {
        let outcome = Outcome::Refused(Refused::Unavailable);
        journal.append(&Record { outcome, ..free() }, &Used::default(), Kind::Whole);
    }
    journal.append(&Record { cache: Some(Tier::Exact), ..free() }, &used(1), Kind::Whole);
    journal.catch_up();
    let condition = journal.condition();
    assert_eq!((condition.waiting, condition.lost), (11, 1));
    assert!(condition.failing.is_some() && journal.refuses());

    std::fs::remove_file(folder.path().join("journal")).unwrap();
    journal.catch_up();
    assert!(!journal.refuses());
    assert_eq!(rows(&journal), 11);
    assert_eq!(journal.condition(), Condition { lost: 1, ..Condition::default() });
    journal.append(&record(12), &used(12), Kind::Whole);
    assert_eq!(rows(&journal), 12);
}

#[test]
fn what_is_served_without_a_disk_is_counted_as_lost_once_there_is_no_room() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path()).unwrap();
    std::fs::write(folder.path().join("journal"), "").unwrap();
    let journal = Journal::open(folder.path(), 0, WhenFull::Serve, Sync::Never);
    assert!(!journal.refuses());
    let long = || Record { asked_model: "x".repeat(10_000), ..record(1) };
    for _ in 0..10_000 {
        journal.append(&long(), &used(1), Kind::Whole);
    }
    let condition = journal.condition();
    assert_eq!(condition.waiting + condition.lost, 10_000);
    assert!(condition.lost > 1000 && condition.waiting > 1000, "{condition:?}");
}

#[test]
fn nobody_fills_the_disk_who_has_no_key() {
    let folder = Folder::new();
    let journal = Journal::open(folder.path(), 1, WhenFull::Refuse, Sync::Never);
    let barred = Outcome::Refused(Refused::Authentication);
    journal.append(&Record { departed: false, outcome: barred, ..record(1) }, &Used::default(), Kind::Whole);
    journal.append(
        &Record { departed: false, operation: "unknown", ..record(1) },
        &Used::default(),
        Kind::Whole,
    );
    // A provider that refuses its own key is another matter.
    journal.append(&Record { outcome: barred, ..record(1) }, &Used::default(), Kind::Whole);
    assert_eq!(rows(&journal), 1);
}

#[test]
fn a_folder_is_taken_over_when_its_process_has_ended_and_not_before() {
    let folder = Folder::new();
    let home = Home::make(folder.path()).unwrap();
    std::fs::write(home.segment(0, 1), "").unwrap();
    let (left, others) = Home::left(folder.path(), None).unwrap();
    assert!(left.is_empty() && others);
    let (left, others) = Home::left(folder.path(), Some(home.name())).unwrap();
    assert!(left.is_empty() && !others);
    let name = home.name().to_owned();
    // Its process ends: the system closes what it had open.
    drop(home);
    let (mut left, others) = Home::left(folder.path(), None).unwrap();
    assert!(left.len() == 1 && left[0].name() == name && !others);
    // Whoever has it, has it alone.
    assert!(Home::left(folder.path(), None).unwrap().1);
    let left = left.remove(0);
    std::fs::remove_file(left.segment(0, 1)).unwrap();
    left.remove();
    assert_eq!(std::fs::read_dir(folder.path().join("journal")).unwrap().count(), 0);
}

#[test]
fn no_worker_waits_while_rows_are_moved() {
    let folder = Folder::new();
    let journal = Journal::open(folder.path(), 1, WhenFull::Refuse, Sync::Never);
    std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel();
        let journal = &journal;
        let moving = |_: &Home| {
            scope.spawn(move || {
                // The first row of a thread begins a segment.
                journal.append(&record(1), &used(1), Kind::Whole);
                done.send(()).unwrap();
            });
            Ok(is_done.recv_timeout(std::time::Duration::from_secs(10)).is_ok())
        };
        assert!(journal.with_home(moving).unwrap());
    });
    assert_eq!(rows(&journal), 1);
}

#[test]
fn what_is_not_brought_to_the_disk_is_written_again_elsewhere_and_cut_off_nowhere() {
    let folder = Folder::new();
    let home = Home::make(folder.path()).unwrap();
    let mut writer = Writer::default();
    frame::put(&mut writer.frame, Kind::Whole, |out| entry::write(&record(1), &used(1), out));
    let path = |segment| Ok(home.segment(0, segment));
    writer.write_frame(Sync::Never, path).unwrap();
    writer.synced(Err(io::ErrorKind::Other.into())).unwrap_err();
    assert!(writer.keep_frame(ROOM));
    assert_eq!(writer.catch_up(Sync::Always, path).unwrap(), 1);
    let segments = home.segments().unwrap();
    let frames: Vec<_> = segments.iter().map(|segment| std::fs::read(&segment.path).unwrap()).collect();
    assert_eq!(frames, [writer.frame.clone(), writer.frame]);
}
