use super::*;
use crate::account::count::Calibration;
use crate::account::{Used, settle};
use crate::cache::Tier;
use crate::catalog::Catalog;
use crate::fault::Fault;
use crate::ir::{Usage, UsageSource};
use crate::policy::Spent;
use crate::refusal::Kind;
use crate::telemetry::sample::settled;

fn line(settled: &Settled) -> String {
    let mut out = Vec::new();
    write(settled, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_is_one_json_object() {
    let mut settled = settled("claude-\"quoted\"\n");
    settled.record.faults.push(("openai".into(), Fault::new(Kind::RateLimited, "slow down")));
    settled.record.losses.dropped("seed", "not known there");
    settled.record.timings.upstream = Some(Duration::ZERO);
    let line = line(&settled);
    assert_eq!(line.matches('\n').count(), 1);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["time"], "2024-02-29T12:34:56.789Z");
    assert_eq!(line["gen_ai.request.model"], "claude-\"quoted\"\n");
    assert_eq!(line["verbatim"], false);
    assert_eq!(line["faults"][0]["status"], 429);
    assert_eq!(line["losses"], "seed;dropped");
    assert_eq!(line["gen_ai.usage.input_tokens"], 25);
    assert_eq!(line["duration_ms"].to_string(), "1234.056");
    assert_eq!(line["overhead_ms"].to_string(), "0.057");
    assert_eq!(line["upstream_ms"].to_string(), "0.0");
    assert_eq!(line["bytes_out"], 2048);
}

#[test]
fn dollars_are_those_that_money_shows() {
    for pico in [0, 1, 4_800_000_000, 2_000_000_000_000, 1_000_000_000_001, u128::from(u64::MAX), u128::MAX] {
        let mut settled = settled("m");
        settled.cost = Some(PicoUsd(pico));
        let expected = format!("\"cost_usd\":\"{}\"", PicoUsd(pico));
        assert!(line(&settled).contains(&expected), "{expected} not in {}", line(&settled));
    }
}

#[test]
fn a_long_model_is_cut_between_characters() {
    let line = line(&settled(&"é".repeat(300)));
    assert!(line.contains(&format!("\"{}\"", "é".repeat(128))));
}

#[test]
fn what_the_cache_gives_costs_nothing_and_says_what_it_saved() {
    let prices = Catalog::builtin().find("openai", "gpt-4o").unwrap().prices.clone();
    let mut record = settled("gpt-4o").record;
    record.metered.usage = Some(Usage { input: 600, cache_read: 400, output: 200, ..Usage::default() });
    (record.metered.dialect, record.metered.is_final) = (Some(Dialect::OpenaiChat), true);
    (record.prices, record.cache) = (Some(prices.into()), Some(Tier::Exact));
    assert_eq!(record.told().map(|used| used.spent()), Some(Spent::default()));
    let settled = settle(record, &Calibration::default());
    let line: serde_json::Value = serde_json::from_str(&line(&settled)).unwrap();
    assert_eq!((&line["cost_usd"], &line["saved_usd"]), (&"0".into(), &"0.004".into()));
    assert_eq!((&line["cache"], &line["usage_source"]), (&"exact".into(), &"cached".into()));
    assert_eq!(line["gen_ai.usage.input_tokens"], 1000);
}

#[test]
fn what_was_known_before_is_not_reckoned_again() {
    let mut record = settled("m").record;
    let used = Used { usage: Usage { input: 3, ..Usage::default() }, ..Used::default() };
    record.known = Some(Used { source: Some(UsageSource::Reported), cost: Some(PicoUsd(5)), ..used });
    let line: serde_json::Value =
        serde_json::from_str(&line(&settle(record, &Calibration::default()))).unwrap();
    assert_eq!(
        (&line["gen_ai.usage.input_tokens"], &line["cost_usd"]),
        (&3.into(), &"0.000000000005".into())
    );
}
