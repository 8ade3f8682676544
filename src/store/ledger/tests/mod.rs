//! The ledger on a real file.

mod bodies;
mod prices;

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::*;
use crate::account::entry;
use crate::account::settled::{Record, Used};
use crate::config::WhenFull;
use crate::ir::UsageSource;
use crate::policy::Key;
use crate::store::journal::Kind;
use crate::store::journal::tests::{record, used};
use crate::store::tests::Folder;
use crate::units::PicoUsd;

const HOUR: u64 = hours::HOUR;

fn journal(folder: &Folder) -> Journal {
    Journal::open(folder.path(), 1, WhenFull::Refuse, Sync::Never)
}

/// A process that ended: what it left is moved by the next one.
fn left(folder: &Folder, rows: impl IntoIterator<Item = (Record, Used, Kind)>) -> Journal {
    let journal = journal(folder);
    for (record, used, kind) in rows {
        journal.append(&record, &used, kind);
    }
    journal
}

fn moved(folder: &Folder, rows: impl IntoIterator<Item = (Record, Used, Kind)>) -> Reader {
    drop(left(folder, rows));
    move_left(folder.path()).unwrap();
    Reader::open(folder.path()).unwrap()
}

fn whole(record: Record, used: Used) -> (Record, Used, Kind) {
    (record, used, Kind::Whole)
}

fn of_key(name: &str, owner: &str, labels: &[&str], record: Record) -> Record {
    let key = Key {
        id: format!("id-{name}").into(),
        name: name.into(),
        owner: owner.into(),
        labels: labels.iter().map(|&label| label.into()).collect(),
        ..Key::default()
    };
    Record { key: Some(Arc::new(key)), ..record }
}

fn sums(reader: &Reader, query: &Query) -> Vec<(Vec<String>, u64, u128)> {
    let rows = reader.usage(query).unwrap().rows;
    rows.into_iter().map(|row| (row.group, row.sums.requests(), row.sums.cost().0)).collect()
}

fn segments(folder: &Folder) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for home in std::fs::read_dir(folder.path().join("journal")).unwrap() {
        for file in std::fs::read_dir(home.unwrap().path()).unwrap() {
            found.push(file.unwrap().path());
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "segment"));
    found
}

#[test]
fn rows_are_moved_once_and_what_held_them_goes() {
    let folder = Folder::new();
    let reader = moved(&folder, (0..100).map(|at| whole(record(at), used(at))));
    let page = reader.list(&Filter::default(), None, 1000).unwrap();
    assert_eq!((page.rows.len(), page.next), (100, None));
    assert!(page.rows.iter().rev().map(|row| row.entry.at).eq(0..100));
    assert!(segments(&folder).is_empty());
    move_left(folder.path()).unwrap();
    assert_eq!(sums(&reader, &Query::default()), [(vec![], 100, 4_950_000)]);
}

#[test]
fn a_kill_between_moving_and_removing_counts_nothing_twice() {
    let folder = Folder::new();
    let journal = left(&folder, (0..50).map(|at| whole(record(at), used(1))));
    let path = segments(&folder).remove(0);
    let bytes = std::fs::read(&path).unwrap();
    drop(journal);
    move_left(folder.path()).unwrap();
    // The segment is there again, as after a loss of power that its removal did not outlive.
    let home = path.parent().unwrap();
    std::fs::create_dir_all(home).unwrap();
    std::fs::write(home.join("lock"), []).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    move_left(folder.path()).unwrap();
    assert!(!path.exists());
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(sums(&reader, &Query::default()), [(vec![], 50, 50_000)]);
}

#[test]
fn any_torn_tail_loses_only_what_was_not_written() {
    let folder = Folder::new();
    let journal = left(&folder, (0..3).map(|at| whole(record(at), used(1))));
    let bytes = std::fs::read(segments(&folder).remove(0)).unwrap();
    drop(journal);
    for cut in bytes.len() - 60..bytes.len() {
        let folder = Folder::new();
        let home = Home::make(folder.path()).unwrap();
        std::fs::write(home.segment(0, 1), &bytes[..cut]).unwrap();
        drop(home);
        move_left(folder.path()).unwrap();
        let reader = Reader::open(folder.path()).unwrap();
        assert_eq!(reader.list(&Filter::default(), None, 10).unwrap().rows.len(), 2, "{cut} bytes");
        // Nothing of it is tried again.
        assert_eq!(std::fs::read_dir(folder.path().join("journal")).unwrap().count(), 0);
    }
}

#[test]
fn a_spoilt_row_is_told_of_and_harms_no_other() {
    let folder = Folder::new();
    let journal = left(&folder, (0..3).map(|at| whole(record(at), used(1))));
    let path = segments(&folder).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    drop(journal);
    move_left(folder.path()).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.list(&Filter::default(), None, 10).unwrap().rows.len(), 2);
    let aside = std::fs::read_dir(folder.path().join("journal")).unwrap();
    let aside: Vec<_> = aside.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(std::fs::read(&aside[0]).unwrap(), bytes);
}

#[test]
fn what_was_no_row_is_put_aside_though_it_was_noticed_while_more_could_come() {
    let folder = Folder::new();
    let journal = left(&folder, (0..3).map(|at| whole(record(at), used(1))));
    let path = segments(&folder).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let mut connection = schema::open(folder.path()).unwrap();
    journal.with_home(|home| Ok(Mover::default().run(&mut connection, home, true))).unwrap().unwrap();
    assert!(path.exists());
    drop(journal);
    move_left(folder.path()).unwrap();
    let aside = std::fs::read_dir(folder.path().join("journal")).unwrap();
    let aside: Vec<_> = aside.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(std::fs::read(&aside[0]).unwrap(), bytes);
}

#[test]
fn a_segment_of_a_newer_gateway_stays_and_holds_nothing_else_up() {
    let folder = Folder::new();
    drop(left(&folder, [whole(record(1), used(1))]));
    let path = segments(&folder).remove(0);
    let next = path.with_file_name(path.file_name().unwrap().to_str().unwrap().replace("-1.", "-2."));
    let mut bytes = std::fs::read(&path).unwrap();
    std::fs::write(next, &bytes).unwrap();
    bytes[2] = entry::VERSION + 1;
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes[2..8]);
    sum.update(&bytes[12..]);
    bytes[8..12].copy_from_slice(&sum.finalize().to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();

    let [why] = &move_left(folder.path()).unwrap()[..] else { panic!("it cannot be read") };
    assert!(why.contains("the segment is left for such a gateway"), "{why}");
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(sums(&reader, &Query::default()), [(vec![], 1, 1000)]);
    assert_eq!(segments(&folder), [path]);
    let mut keeper = Keeper::new(folder.path(), Arc::new(journal(&folder)), Keep::default());
    for _ in 0..2 {
        keeper.journal.append(&record(2), &used(1), Kind::Whole);
        keeper.turn();
        assert_eq!(keeper.state.stuck.lock().unwrap().as_ref(), Some(why), "between two looks as well");
    }
    assert_eq!(sums(&reader, &Query::default()), [(vec![], 3, 3000)]);
}

#[test]
fn a_command_that_reads_meanwhile_is_no_other_process() {
    let folder = Folder::new();
    let held = Home::make(folder.path()).unwrap();
    let is_alone = std::thread::scope(|scope| {
        let (began, has_begun) = std::sync::mpsc::channel();
        let folder = &folder;
        let starting = scope.spawn(move || {
            let ledger = Ledger::start(folder.path(), journal(folder), Keep::default());
            began.send(()).unwrap();
            ledger.is_alone()
        });
        let waits = has_begun.recv_timeout(Duration::from_millis(100)).is_err();
        drop(held);
        waits && starting.join().unwrap()
    });
    assert!(is_alone);
}

#[test]
fn an_amendment_stands_in_the_place_of_its_estimate_in_any_order() {
    for backwards in [false, true] {
        let folder = Folder::new();
        let guess = Used { source: Some(UsageSource::Estimated), ..used(500) };
        let (mut first, mut second) = (record(HOUR), record(HOUR));
        second.id = first.id;
        first.bytes = (1, 1);
        second.bytes = (1, 1);
        let mut rows = vec![(first, guess, Kind::Estimate), (second, used(7), Kind::Amendment)];
        if backwards {
            rows.reverse();
        }
        let reader = moved(&folder, rows);
        let page = reader.list(&Filter::default(), None, 10).unwrap();
        let [row] = &page.rows[..] else { panic!("{page:?}") };
        assert_eq!((row.entry.usage.input, row.is_estimate), (7, false));
        assert_eq!(sums(&reader, &Query::default()), [(vec![], 1, 7000)]);
    }
    let folder = Folder::new();
    let reader = moved(&folder, [(record(1), used(500), Kind::Estimate)]);
    assert!(reader.list(&Filter::default(), None, 10).unwrap().rows[0].is_estimate);
}

#[test]
fn both_requests_of_a_background_are_kept() {
    let folder = Folder::new();
    let (asked, mut done) = (record(5), record(5));
    done.id = asked.id;
    done.background = true;
    let id = asked.id.to_string();
    let reader = moved(&folder, [whole(asked, Used::default()), whole(done, used(9))]);
    assert_eq!(reader.list(&Filter::default(), None, 10).unwrap().rows.len(), 2);
    assert_eq!(reader.find(&id).unwrap().unwrap().entry.usage.input, 9);
    assert_eq!(reader.find("nobody").unwrap(), None);
}

#[test]
fn sums_by_the_hour_are_those_of_the_requests() {
    let folder = Folder::new();
    let names = ["web", "batch", "night"];
    let owners = ["acme/search/api", "acme/search", "acme", "other"];
    let rows = (0..500_u64).map(|number| {
        let pick = |of: &[&'static str]| of[usize::try_from(number * 7 / 3).unwrap() % of.len()];
        let mut row = record(number * HOUR / 10);
        row.asked_model = pick(&["gpt-4o", "claude", "x"]).to_owned();
        row.timings.total = Duration::from_millis(number);
        row.status = if number % 10 == 3 { 500 } else { 200 };
        let labels: &[&str] = if number % 2 == 0 { &["prod"] } else { &["prod", "eu"] };
        let row = if number % 5 == 0 { row } else { of_key(pick(&names), pick(&owners), labels, row) };
        whole(row, if number % 9 == 0 { Used { cost: None, ..used(number) } } else { used(number) })
    });
    let reader = moved(&folder, rows);
    let of = |groups: &[Grouping]| Query { groups: groups.to_vec(), ..Query::default() };
    for grouping in Grouping::ALL.into_iter().filter(|grouping| grouping.is_of_hours()) {
        for by in [By::None, By::Hour, By::Day, By::Week, By::Month] {
            let query = Query { by, ..of(&[grouping]) };
            let hours = reader.usage(&query).unwrap();
            assert_eq!(hours.source, Source::Hours);
            let requests = reader.usage_of_requests(&query).unwrap();
            assert_eq!(hours.rows, requests.rows, "{grouping:?} {by:?}");
        }
    }
    let filtered = Query {
        filter: Filter {
            from: 3 * HOUR,
            to: 40 * HOUR,
            owners: vec!["acme/search".to_owned()],
            labels: vec!["eu".to_owned()],
            ..Filter::default()
        },
        by: By::Day,
        groups: vec![Grouping::Team, Grouping::Label, Grouping::Key],
    };
    let hours = reader.usage(&filtered).unwrap();
    assert_eq!((hours.source, hours.rows.is_empty()), (Source::Hours, false));
    assert_eq!(hours.rows, reader.usage_of_requests(&filtered).unwrap().rows);
    assert!(hours.rows.iter().all(|row| row.group[0] == "acme/search" && row.group[1] == "eu"));
    let endless = Filter { to: u64::MAX, ..Filter::default() };
    assert_eq!(
        reader.usage(&Query { filter: endless, ..Query::default() }).unwrap().rows[0].sums.requests(),
        500
    );
    let by_status = reader.usage(&of(&[Grouping::Status])).unwrap();
    assert_eq!((by_status.source, by_status.rows.len()), (Source::Requests, 2));
}

#[test]
fn a_list_goes_on_where_it_ended_whatever_comes_meanwhile() {
    let folder = Folder::new();
    let reader = moved(&folder, (0..95).map(|at| whole(record(at / 3), used(at))));
    let filter = Filter { operations: vec!["chat".to_owned()], ..Filter::default() };
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = reader.list(&filter, before, 10).unwrap();
        seen.extend(page.rows.iter().map(|row| row.entry.id.clone()));
        let Some(next) = page.next else { break };
        before = Some(next.to_string().parse().unwrap());
        moved(&folder, [whole(record(1000), used(1))]);
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (95, 95));
    assert_eq!("12".parse::<Cursor>(), Err(NoCursor));
}

#[test]
fn what_is_searched_is_found() {
    let folder = Folder::new();
    let mut dear = of_key("web", "acme/search", &["prod"], record(10));
    dear.asked_model = "Claude-Opus".to_owned();
    let reader = moved(&folder, [whole(dear, used(5000)), whole(record(20), used(1))]);
    let found = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        reader.list(&filter, None, 10).unwrap().rows.len()
    };
    assert_eq!(found(&|filter| filter.search = Some("opus".to_owned())), 1);
    assert_eq!(found(&|filter| filter.min_cost = Some(PicoUsd(4_000_000))), 1);
    assert_eq!(found(&|filter| filter.owners = vec!["acme".to_owned()]), 1);
    assert_eq!(found(&|filter| filter.owners = vec!["acme/sea".to_owned()]), 0);
    assert_eq!(found(&|filter| filter.keys = vec!["id-web".to_owned()]), 1);
    assert_eq!(found(&|filter| filter.statuses = vec!["ok".to_owned()]), 2);
    assert_eq!(found(&|filter| filter.statuses = vec!["error".to_owned(), "429".to_owned()]), 0);
    assert_eq!(found(&|filter| filter.from = 20), 1);
    assert_eq!(found(&|filter| filter.to = 20), 1);
}

#[test]
fn what_is_too_old_goes_and_its_sums_stay_longer() {
    let folder = Folder::new();
    let reader = moved(&folder, (0..48).map(|hour| whole(record(hour * HOUR), used(1))));
    let connection = schema::open(folder.path()).unwrap();
    let hours = |number: u64| Some(Duration::from_secs(number * 3600));
    retention::bite(&connection, Keep { rows: hours(8), hours: hours(24), ..Keep::default() }, 48 * HOUR)
        .unwrap();
    assert_eq!(reader.list(&Filter::default(), None, 100).unwrap().rows.len(), 8);
    assert_eq!(sums(&reader, &Query::default())[0].1, 24);
    retention::bite(&connection, Keep::default(), 1000 * HOUR).unwrap();
    assert_eq!(sums(&reader, &Query::default())[0].1, 24);
}

#[test]
fn the_room_of_what_went_is_given_back() {
    let folder = Folder::new();
    let long = |at| Record { asked_model: "x".repeat(4000), ..record(at) };
    drop(moved(&folder, (0..100).map(|at| whole(long(at), used(1)))));
    let connection = schema::open(folder.path()).unwrap();
    let keep = Keep { rows: Some(Duration::ZERO), hours: Some(Duration::ZERO), ..Keep::default() };
    retention::bite(&connection, keep, 48 * HOUR).unwrap();
    let pages = |what: &str| connection.pragma_query_value(None, what, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pages("freelist_count"), 0);
    assert!(pages("page_count") < 40);
}

#[test]
fn who_has_read_enough_is_told_of_no_more() {
    let folder = Folder::new();
    let reader = moved(&folder, (0..10).map(|at| whole(record(at), used(1))));
    let mut seen = 0;
    let enough = reader.each(&Filter::default(), |row| {
        seen += 1;
        if row.entry.at == 3 { ControlFlow::Break(row.entry.at) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((seen, enough.unwrap()), (4, ControlFlow::Break(3)));
}

#[test]
fn names_that_clients_make_up_do_not_fill_the_sums() {
    let folder = Folder::new();
    let rows = (0..6000)
        .map(|number| whole(Record { asked_model: format!("made-up-{number}"), ..record(number) }, used(1)));
    let reader = moved(&folder, rows);
    let query = Query { groups: vec![Grouping::AskedModel], ..Query::default() };
    let found = sums(&reader, &query);
    assert_eq!(found.len(), 5001);
    assert_eq!(found[0], (vec!["(other)".to_owned()], 1000, 1_000_000));
}

#[test]
fn a_running_ledger_moves_rows_within_a_moment_and_all_of_them_at_its_end() {
    let folder = Folder::new();
    let ledger = Ledger::start(folder.path(), journal(&folder), Keep::default());
    let reader = Reader::open(folder.path()).unwrap();
    assert!(reader.is_empty().unwrap());
    let begun = clock::now();
    ledger.journal.append(&record(1), &used(1), Kind::Whole);
    while reader.is_empty().unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
    (2..500).for_each(|at| ledger.journal.append(&record(at), &used(1), Kind::Whole));
    ledger.close();
    while !ledger.is_closed() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
    assert_eq!(sums(&reader, &Query::default())[0].1, 499);
    assert_eq!(std::fs::read_dir(folder.path().join("journal")).unwrap().count(), 0);
    assert_eq!(ledger.condition(), (Condition::default(), None));
}

#[test]
fn what_is_to_outlive_a_loss_of_power_is_on_the_disk_before_its_segment_goes() {
    let folder = Folder::new();
    let level = |sync| {
        let connection = open_to_move(folder.path(), sync).unwrap();
        connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap()
    };
    let (normal, full) = (1, 2);
    assert_eq!((level(Sync::Never), level(Sync::Always)), (normal, full));
}

#[test]
fn few_requests_make_few_blocks_and_many_are_found_among_all() {
    let folder = Folder::new();
    let mut reader = None;
    for at in 0..20 {
        reader = Some(moved(&folder, [whole(record(1_000 + at), used(at))]));
    }
    let blocks = |_: &Reader| -> i64 {
        let connection = schema::open(folder.path()).unwrap();
        connection.query_row("SELECT count(*) FROM blocks", [], |row| row.get(0)).unwrap()
    };
    let one_by_one = blocks(reader.as_ref().unwrap());
    assert_eq!(one_by_one, 20, "each process has its own");

    let ids: Vec<_> = (0..900_u64).map(|at| record(HOUR + at % 7 * HOUR / 2)).collect();
    let wanted: Vec<_> = ids.iter().step_by(97).map(|record| (record.id.to_string(), record.at)).collect();
    let reader = moved(&folder, ids.into_iter().map(|record| whole(record, used(1))));
    assert!(blocks(&reader) > 25, "those of other hours are apart: {}", blocks(&reader));
    for (id, at) in wanted {
        assert_eq!(reader.find(&id).unwrap().map(|row| row.entry.at), Some(at), "{id}");
    }
    let page = reader.list(&Filter::default(), None, 2000).unwrap();
    assert_eq!((page.rows.len(), page.next), (920, None));
    assert!(page.rows.is_sorted_by_key(|row| std::cmp::Reverse((row.entry.at, row.seq))));

    // One process that goes on makes one block of them, until that is long enough.
    let folder = Folder::new();
    let journal = journal(&folder);
    let (mut mover, mut connection) = (Mover::default(), schema::open(folder.path()).unwrap());
    for at in 0..40 {
        journal.append(&record(at), &used(1), Kind::Whole);
        journal.with_home(|home| Ok(mover.run(&mut connection, home, true))).unwrap().unwrap();
    }
    let reader = Reader::open(folder.path()).unwrap();
    let blocks: i64 = connection.query_row("SELECT count(*) FROM blocks", [], |row| row.get(0)).unwrap();
    assert_eq!(blocks, 1);
    assert_eq!(reader.list(&Filter::default(), None, 100).unwrap().rows.len(), 40);
    // Where it went meanwhile, what comes makes another.
    connection.execute("DELETE FROM blocks", []).unwrap();
    journal.append(&record(100), &used(1), Kind::Whole);
    journal.with_home(|home| Ok(mover.run(&mut connection, home, true))).unwrap().unwrap();
    let rows = reader.list(&Filter::default(), None, 100).unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.entry.at).collect::<Vec<_>>(), [100]);
}
