//! A settled request for tests.

use std::time::Duration;

use crate::account::{Metered, Outcome, Record, Settled, Timings};
use crate::clock::RequestId;
use crate::ir::{Dialect, Losses, Usage, UsageSource};
use crate::units::PicoUsd;

/// A chat with this model that went well.
pub(super) fn settled(model: &str) -> Settled {
    let record = Record {
        id: RequestId::fresh(),
        at: 1_709_210_096_789,
        address: None,
        key: None,
        attribution: None,
        reserved: None,
        operation: "chat",
        client: Some(Dialect::OpenaiChat),
        provider: Some("anthropic".into()),
        asked_model: model.to_owned(),
        model: Some(model.into()),
        asked_tier: None,
        verbatim: false,
        stream: true,
        status: 200,
        outcome: Outcome::Answered,
        attempts: 1,
        departed: true,
        faults: Vec::new(),
        losses: Losses::new(),
        timings: Timings {
            total: Duration::from_micros(1_234_056),
            overhead: Duration::from_micros(57),
            upstream: None,
            first_token: Some(Duration::from_millis(3)),
        },
        bytes: (512, 2048),
        metered: Metered::default(),
        source: None,
        prices: None,
        price: None,
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
    };
    let usage = Usage { input: 20, cache_read: 5, output: 7, ..Usage::default() };
    Settled {
        record: Box::new(record),
        usage,
        usage_source: Some(UsageSource::Reported),
        cost: Some(PicoUsd(500_000_000_000)),
        states_cost: false,
    }
}
