//! Rows are read as they were written.

use std::sync::Arc;

use super::*;
use crate::account::settled::{Aside, Outcome, Record, Timings, Used};
use crate::account::{Attribution, Metered};
use crate::cache::Tier;
use crate::clock::RequestId;
use crate::fault::Fault;
use crate::ir::{Dialect, FinishReason, Losses, ServiceTier};
use crate::policy::Key;
use crate::policy::guard::{Action, Direction, Verdict};
use crate::refusal::Kind;

fn record() -> Record {
    let key = Key {
        id: "k1".into(),
        counted: Some("k0|ann".into()),
        name: "web".into(),
        owner: "acme/search".into(),
        labels: vec!["prod".into(), "eu".into()],
        ..Key::default()
    };
    let mut said = Attribution::default();
    said.by("ann");
    said.within("s-1");
    said.tagged("x, y");
    let mut losses = Losses::new();
    losses.dropped("logit_bias", "not known there");
    Record {
        id: RequestId::fresh(),
        at: 1_709_210_096_789,
        key: Some(Arc::new(key)),
        address: None,
        attribution: Some(Box::new(said)),
        reserved: None,
        operation: "chat",
        client: Some(Dialect::OpenaiChat),
        provider: Some("vertex".into()),
        asked_model: "claude".to_owned(),
        model: Some("claude-3@20240229".into()),
        asked_tier: Some(ServiceTier::Flex),
        verbatim: true,
        stream: true,
        status: 529,
        outcome: Outcome::Refused(Kind::Overloaded),
        attempts: 3,
        departed: true,
        faults: vec![("vertex".into(), Fault::from_status(529))],
        losses,
        timings: Timings {
            total: Duration::from_micros(1_234_056),
            overhead: Duration::from_micros(57),
            upstream: None,
            first_token: Some(Duration::ZERO),
        },
        bytes: (512, u64::MAX),
        metered: Metered {
            dialect: Some(Dialect::AnthropicMessages),
            model: Some("claude-3-opus".to_owned()),
            tier: Some(ServiceTier::Other("fast".to_owned())),
            finish: Some(FinishReason::ToolCalls),
            ..Metered::default()
        },
        source: None,
        prices: None,
        price: Some("vertex/claude-3@20240229@0a1b2c3d".into()),
        asides: vec![Aside {
            model: "whisper".to_owned(),
            usage: Usage { input: 4, ..Usage::default() },
            prices: None,
        }],
        states_cost: false,
        background: true,
        staged: true,
        cache: Some(Tier::Miss),
        agreement: None,
        saved: None,
        guards: vec![Verdict {
            guard: "pii".into(),
            rule: "email".into(),
            action: Action::Mask,
            direction: Direction::Request,
            count: 2,
        }],
        is_estimated: false,
        known: None,
        trace: None,
    }
}

fn used() -> Used {
    let mut usage = Usage::default();
    for (number, place) in (1..).zip(usage.places()) {
        *place = number * 1000;
    }
    Used {
        usage,
        source: Some(UsageSource::Counted),
        cost: Some(PicoUsd(u128::MAX)),
        is_stated: false,
        saved: Some(PicoUsd(7)),
    }
}

fn there_and_back(record: &Record, used: &Used) -> Entry {
    let mut bytes = Vec::new();
    write(record, used, &mut bytes);
    read(VERSION, &bytes).unwrap()
}

#[test]
fn a_row_is_read_as_it_was_written() {
    let record = record();
    let entry = there_and_back(&record, &used());
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let expected = Entry {
        id: record.id.to_string(),
        background: true,
        staged: true,
        at: 1_709_210_096_789,
        key: Some(("k1".into(), "web".into())),
        counted: "k0|ann".into(),
        owner: "acme/search".into(),
        labels: words(&["prod", "eu"]),
        user: "ann".into(),
        session: "s-1".into(),
        tags: words(&["x", "y"]),
        operation: "chat".into(),
        client: "openai_chat".into(),
        target_dialect: "anthropic_messages".into(),
        provider: "vertex".into(),
        asked_model: "claude".into(),
        model: "claude-3@20240229".into(),
        answered_model: "claude-3-opus".into(),
        tier: "fast".into(),
        verbatim: true,
        stream: true,
        status: 529,
        outcome: "overloaded".into(),
        stop: "tool_calls".into(),
        attempts: 3,
        departed: true,
        faults: vec![Met { provider: "vertex".into(), kind: "overloaded".into(), status: 529 }],
        usage: used().usage,
        usage_source: Some(UsageSource::Counted),
        asides: vec![("whisper".into(), Usage { input: 4, ..Usage::default() })],
        cost: Some(PicoUsd(u128::MAX)),
        states_cost: false,
        price: Some(("vertex/claude-3@20240229".into(), "0a1b2c3d".into())),
        saved: PicoUsd(7),
        cache: "miss".into(),
        timings: Took {
            total: Duration::from_micros(1_234_056),
            overhead: Duration::from_micros(57),
            upstream: None,
            first_token: Some(Duration::ZERO),
        },
        bytes_in: 512,
        bytes_out: u64::MAX,
        losses: vec![Lost { field: "logit_bias".into(), how: "dropped".into() }],
        guards: words(&["pii/email=mask;request;2"]),
    };
    assert_eq!(entry, expected);
    assert_eq!(entry.own_usage().input, 996);
}

#[test]
fn a_row_of_nothing_is_small() {
    let record = Record {
        key: None,
        attribution: None,
        provider: None,
        model: None,
        faults: Vec::new(),
        losses: Losses::new(),
        metered: Metered::default(),
        price: None,
        asides: Vec::new(),
        guards: Vec::new(),
        ..record()
    };
    let mut bytes = Vec::new();
    write(&record, &Used::default(), &mut bytes);
    assert!(bytes.len() < 140, "{} bytes", bytes.len());
    let entry = read::<String>(VERSION, &bytes).unwrap();
    assert_eq!((entry.cost, entry.usage_source, entry.price), (None, None, None));
}

#[test]
fn rows_of_older_versions_are_read() {
    let key = Key { id: "k1".into(), name: "web".into(), ..Key::default() };
    let record = Record { key: Some(Arc::new(key)), ..record() };
    let mut bytes = Vec::new();
    write(&record, &used(), &mut bytes);
    // They have no second byte of marks.
    bytes.remove(1);
    for version in [1, 2] {
        let entry = read::<String>(version, &bytes).unwrap();
        assert_eq!((entry.key.unwrap().0.as_str(), entry.counted.as_str()), ("k1", ""));
        assert!(!entry.staged);
    }
}

#[test]
fn what_a_client_says_is_cut_between_letters() {
    let long = Record { asked_model: "ü".repeat(10_000), ..record() };
    let entry = there_and_back(&long, &used());
    assert_eq!(entry.asked_model, "ü".repeat(256));
}

#[test]
fn what_is_no_row_is_told_and_never_guessed() {
    let mut bytes = Vec::new();
    write(&record(), &used(), &mut bytes);
    for length in 0..bytes.len() {
        assert!(read::<String>(VERSION, &bytes[..length]).is_err(), "{length} bytes of it");
    }
    for place in 0..bytes.len() {
        // It may be another row; it must be no panic.
        let mut other = bytes.clone();
        other[place] ^= 0xff;
        let _ = read::<String>(VERSION, &other);
    }
    assert_eq!(read::<String>(9, &bytes), Err(Unread::Newer(9)));
    assert_eq!(read::<String>(0, &bytes), Err(Unread::Broken));
    bytes.push(0);
    assert_eq!(read::<String>(VERSION, &bytes), Err(Unread::Broken));
}

#[test]
fn a_row_says_the_same_whoever_has_its_texts() {
    let mut bytes = Vec::new();
    write(&record(), &used(), &mut bytes);
    let (own, lent) = (read::<String>(VERSION, &bytes).unwrap(), read::<&str>(VERSION, &bytes).unwrap());
    assert_eq!(format!("{own:?}"), format!("{lent:?}"));
    assert_eq!((own.is_error(), own.own_usage()), (lent.is_error(), lent.own_usage()));
}
