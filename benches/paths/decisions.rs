//! Where a request goes, what it costs, and how many tokens it has.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use tollgate::account::count::{Calibration, estimate, o200k};
use tollgate::account::{cost, tally};
use tollgate::catalog::Catalog;
use tollgate::ir::{Dialect, Losses, Usage};
use tollgate::route::{self, Names, Offer, Route, Table, Target};
use tollgate::wire::lens::Lens;

use crate::material::{SIZES, conversation, parse, profile};

fn table() -> Table {
    let offers: Vec<Offer> = (0..8)
        .map(|number| Offer {
            name: format!("provider-{number}"),
            aliases: vec![format!("alias-{number}")],
            vendor: "openai".to_owned(),
            models: (0..50).map(|model| format!("model-{number}-{model}")).collect(),
        })
        .collect();
    let targets = vec![
        Target { provider: 1, model: "model-1-1".to_owned() },
        Target { provider: 2, model: "model-2-1".to_owned() },
    ];
    Table::new(&offers, vec![("fast".to_owned(), Route { targets, strict: false, way: None })], Some(0))
}

#[divan::bench(args = ["fast", "provider-3/model-3-7", "model-7-49", "gpt-4.1", "unheard-of"])]
fn choose(bencher: Bencher, name: &str) {
    let (table, discovered) = (table(), Names::default());
    bencher.bench(|| table.choose(black_box(name), &discovered));
}

#[divan::bench(args = SIZES)]
fn lens_and_plan(bencher: Bencher, size: usize) {
    let body = conversation(Dialect::OpenaiChat, size);
    let profile = profile(Dialect::OpenaiChat);
    bencher.bench(|| {
        let lens = Lens::new(black_box(&body)).unwrap();
        route::plan(Dialect::OpenaiChat, Dialect::OpenaiChat, &lens, "gpt-4.1", &profile, &mut Losses::new())
    });
}

#[divan::bench]
fn price(bencher: Bencher) {
    let model = Catalog::builtin().find("openai", "gpt-4.1").unwrap();
    let usage = Usage { input: 1000, cache_read: 5000, output: 300, reasoning: 100, ..Usage::default() };
    bencher.bench(|| cost::cost(black_box(&usage), &model.prices, None));
}

#[divan::bench]
fn find_model(bencher: Bencher) {
    bencher.bench(|| Catalog::builtin().find(black_box("openai"), black_box("gpt-4.1-2025-04-14")).is_some());
}

#[divan::bench(args = SIZES)]
fn estimate_request(bencher: Bencher, size: usize) {
    let request = parse(Dialect::OpenaiChat, &conversation(Dialect::OpenaiChat, size));
    let calibration = Calibration::default();
    bencher.bench(|| tally::estimate("claude-sonnet-4-5", black_box(&request), &calibration));
}

fn words(size: usize) -> String {
    "It rains in Paris today, so take a coat; tomorrow 11 °C and sun. ".repeat(size / 64)
}

#[divan::bench(args = SIZES)]
fn estimate_text(bencher: Bencher, size: usize) {
    let text = words(size);
    bencher.counter(BytesCount::new(text.len())).bench(|| estimate::tokens(black_box(&text)));
}

#[divan::bench(args = SIZES)]
fn count_o200k(bencher: Bencher, size: usize) {
    let text = words(size);
    let _ = o200k::count("the vocabulary is read once");
    bencher.counter(BytesCount::new(text.len())).bench(|| o200k::count(black_box(&text)));
}
