//! Prices run again, and what is exported.

use super::*;
use crate::account::settled::Aside;
use crate::catalog::PriceTable;
use crate::ir::Usage;
use crate::store::ledger::export::{self, Format, Sheet, of_requests, of_usage};
use crate::units::Price;

/// What one token of input costs at this price, and its name.
fn price(input: u64) -> (Arc<PriceTable>, Arc<str>) {
    let table = PriceTable::flat(Price(input), Price(0));
    let name = format!("openai/gpt-4o@{}", table.version());
    (Arc::new(table), name.into())
}

fn run(folder: &Folder, run: Run, input: u64) -> Repriced {
    let price_of = |_: &str, model: &str| (model != "free").then(|| price(input));
    reprice(folder.path(), (0, u64::MAX), run, &price_of).unwrap()
}

/// What they all came to first, after the rows and the sums by the hour, which must be the same.
fn first_costs(reader: &Reader) -> u128 {
    let sum = |groups| {
        let rows = reader.usage(&Query { groups, ..Query::default() }).unwrap().rows;
        rows.iter().map(|row| row.sums.first_cost().0).sum::<u128>()
    };
    let (hours, requests) = (sum(vec![Grouping::Key]), sum(vec![Grouping::Status]));
    assert_eq!(hours, requests);
    hours
}

/// What the rows and the sums by the hour come to, which must be the same.
fn costs(reader: &Reader) -> (u128, u64) {
    let query = |groups| Query { groups, ..Query::default() };
    let sum = |groups| {
        let rows = reader.usage(&query(groups)).unwrap().rows;
        let cost = rows.iter().map(|row| row.sums.cost().0).sum::<u128>();
        (cost, rows.iter().map(|row| row.sums.unpriced()).sum::<u64>())
    };
    let (hours, requests) = (sum(vec![Grouping::Key]), sum(vec![Grouping::Status]));
    assert_eq!(hours, requests);
    hours
}

#[test]
fn another_price_is_run_over_history_and_the_first_figure_stays() {
    let folder = Folder::new();
    let rows = (0..1200).map(|number| {
        let row = of_key("web", "acme", &["prod"], record(number * HOUR / 100));
        whole(row, if number % 4 == 0 { Used { cost: None, ..used(2) } } else { used(2) })
    });
    let reader = moved(&folder, rows);
    assert_eq!(costs(&reader), (900 * 2000, 300));
    let dry = run(&folder, Run::Dry, 5);
    assert_eq!((dry.requests, dry.changed), (1200, 1200));
    assert_eq!((dry.before, dry.after), (PicoUsd(900 * 2000), PicoUsd(1200 * 10)));
    assert_eq!(costs(&reader), (900 * 2000, 300), "nothing is changed");

    assert_eq!(run(&folder, Run::Real(77), 5), dry);
    assert_eq!(costs(&reader), (1200 * 10, 0));
    let page = reader.list(&Filter::default(), None, 2000).unwrap();
    for row in &page.rows {
        let (at, first) = row.repriced.unwrap();
        assert!(at == 77 && (first == Some(PicoUsd(2000)) || first.is_none()));
        assert_eq!(row.entry.price.clone().unwrap().1, price(5).0.version());
    }
    // The same once more changes nothing, and a third price keeps what was first.
    assert_eq!(run(&folder, Run::Real(78), 5).changed, 0);
    assert_eq!(run(&folder, Run::Real(79), 7).changed, 1200);
    assert_eq!(costs(&reader), (1200 * 14, 0));
    let firsts = reader.list(&Filter::default(), None, 2000).unwrap().rows.into_iter();
    assert_eq!(firsts.filter(|row| row.repriced.unwrap().1 == Some(PicoUsd(2000))).count(), 900);
    assert_eq!(first_costs(&reader), 900 * 2000);
}

#[test]
fn an_estimate_that_was_priced_again_is_amended_like_any_other() {
    let folder = Folder::new();
    let (estimate, mut amended) = (record(HOUR), record(HOUR));
    amended.id = estimate.id;
    let reader = moved(&folder, [(estimate, used(500), Kind::Estimate), whole(record(HOUR), used(1))]);
    assert_eq!(run(&folder, Run::Real(77), 5).changed, 2);
    assert_eq!((costs(&reader).0, first_costs(&reader)), (501 * 5, 501 * 1000));
    moved(&folder, [(amended, used(7), Kind::Amendment)]);
    assert_eq!((costs(&reader).0, first_costs(&reader)), (7000 + 5, 8000));
}

#[test]
fn what_a_provider_says_it_charges_and_what_the_cache_gave_stays() {
    let folder = Folder::new();
    let mut aside = record(1);
    aside.asides = vec![Aside {
        model: "whisper".to_owned(),
        usage: Usage { input: 3, ..Usage::default() },
        prices: None,
    }];
    let free = Record { model: Some("free".into()), ..record(1) };
    let reader = moved(
        &folder,
        [
            whole(record(1), Used { is_stated: true, ..used(10) }),
            whole(record(2), Used { source: Some(UsageSource::Cached), cost: Some(PicoUsd(0)), ..used(10) }),
            whole(record(3), Used::default()),
            whole(free, used(10)),
            whole(aside, used(10)),
        ],
    );
    let repriced = run(&folder, Run::Real(1), 100);
    // Ten tokens together: three of them another model's, at the same price here.
    assert_eq!((repriced.requests, repriced.changed, repriced.after), (1, 1, PicoUsd(1000)));
    assert_eq!(costs(&reader), (10_000 + 10_000 + 1000, 0));
}

#[test]
fn an_export_has_a_row_for_each_request() {
    let folder = Folder::new();
    let mut named = of_key("web", "acme/search", &["prod", "eu"], record(1_709_210_096_789));
    named.asked_model = "a \"model\", so called".to_owned();
    let reader =
        moved(&folder, [whole(named, used(1500)), whole(record(1_709_210_096_790), Used::default())]);
    let rows = reader.list(&Filter::default(), None, 10).unwrap().rows;
    let export = |format| {
        let mut sheet = Sheet::begin(format, of_requests(), Vec::new()).unwrap();
        rows.iter().rev().for_each(|row| sheet.add(row).unwrap());
        sheet.end().unwrap()
    };
    let csv = String::from_utf8(export(Format::Csv)).unwrap();
    let lines: Vec<_> = csv.split("\r\n").collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("id,at,key_id,key,owner,labels,"), "{csv}");
    assert!(lines[1].contains(",2024-02-29T12:34:56.789Z,id-web,web,acme/search,prod;eu,"), "{csv}");
    assert!(lines[1].contains(",\"a \"\"model\"\", so called\","), "{csv}");
    assert!(lines[1].contains(",reported,false,0.0000015,,0,"), "{csv}");
    let of = |name: &str, line: &str| {
        let column = lines[0].split(',').position(|column| column == name).unwrap();
        line.split(',').nth(column).unwrap().to_owned()
    };
    assert_eq!(["background", "cache", "repriced"].map(|name| of(name, lines[2])), ["false", "none", ""]);
    let jsonl = String::from_utf8(export(Format::Jsonl)).unwrap();
    let first: serde_json::Value = serde_json::from_str(jsonl.lines().next().unwrap()).unwrap();
    assert_eq!((&first["input_tokens"], &first["cost_usd"]), (&1500.into(), &0.000_001_5.into()));
    assert!(first["upstream_ms"].is_null());
    let parquet = export(Format::Parquet);
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));

    let line = String::from_utf8(export::line(&rows[1])).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(shown["key"]["name"], "web");
    assert_eq!(shown["tokens"], serde_json::json!({"input": 1500, "output": 1}));
    assert_eq!(
        (&shown["cache"], &shown["stop"], shown["timing"]["total_ms"].as_f64()),
        (&"none".into(), &serde_json::Value::Null, Some(0.0))
    );

    let query = Query { by: By::Day, groups: vec![Grouping::Owner], ..Query::default() };
    let mut sheet = Sheet::begin(Format::Csv, of_usage(&query), Vec::new()).unwrap();
    reader.usage(&query).unwrap().rows.iter().for_each(|row| sheet.add(row).unwrap());
    let csv = String::from_utf8(sheet.end().unwrap()).unwrap();
    assert!(csv.starts_with("at,owner,requests,errors,"), "{csv}");
    assert!(csv.contains("\r\n2024-02-29T00:00:00.000Z,acme/search,1,0,1500,"), "{csv}");
}
