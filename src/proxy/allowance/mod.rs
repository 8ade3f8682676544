//! How much a client may still ask for: reserved before its request leaves, settled after, said in
//! headers and in refusals.

mod claim;
pub mod said;

pub use claim::Bounds;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use pingora::Result;
use pingora::proxy::Session;

use crate::clock;
use crate::dialect::Relayed;
use crate::ir::Usage;
use crate::policy::{Claim, Key, Measure, Moment, Subject, reserve};
use crate::proxy::answer::Connection;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::attempt::Mode;
use crate::proxy::departure::targets::{self, Known};
use crate::proxy::exchange::{Call, Exchange};
use crate::proxy::phases::refuse;
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;
use crate::wire::lens::Lens;

/// Spoken words at 32 kbit a second, as speech is packed; music has more bytes a second.
const BYTES_A_SECOND: u64 = 4000;
/// A picture of the largest size and quality.
const PICTURE_TOKENS: u64 = 6500;

/// Whether a request may leave without more ado: no rule bounds what its key may ask for, and what it
/// uses can be written down.
#[must_use]
pub fn is_free(shared: &Shared, exchange: &Exchange) -> bool {
    exchange.key.as_ref().is_none_or(|key| key.rules.is_empty()) && !shared.telemetry.refuses()
}

/// Reserves what a request may come to before it leaves; whether it may leave. One that may not is
/// answered.
///
/// # Errors
/// When the client is gone.
pub async fn admit(shared: &Shared, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
    if shared.telemetry.refuses() {
        return say_no(session, exchange, no_ledger()).await;
    }
    let Some(key) = exchange.key.clone().filter(|key| !key.rules.is_empty()) else { return Ok(true) };
    let world = Arc::clone(&exchange.world);
    let Some(asked) = exchange.asked.clone() else { return Ok(true) };
    let Some(call) = exchange.call() else { return Ok(true) };
    let claimed = claimed(shared, &world, &key, &asked, call);
    match claimed.and_then(|(claim, known)| set_aside(shared, exchange, &key, &claim, &known)) {
        Ok(()) => Ok(true),
        Err(refusal) => say_no(session, exchange, refusal).await,
    }
}

/// Reserves this in all rules of the key, for a request that one of these targets answers.
fn set_aside(
    shared: &Shared,
    exchange: &mut Exchange,
    key: &Arc<Key>,
    claim: &Claim,
    known: &[Arc<Known>],
) -> std::result::Result<(), Refusal> {
    let Some(call) = exchange.call() else { return Ok(()) };
    let name = |known: &Arc<Known>| (Arc::clone(&known.provider), Arc::clone(&known.model));
    let targets: Vec<_> = known.iter().map(name).collect();
    let subject = Subject { asked: &call.ask.model, targets: &targets };
    match reserve(key, &subject, claim, now()) {
        Ok(reserved) => {
            exchange.reserved = Some(reserved).filter(|reserved| !reserved.is_empty());
            Ok(())
        }
        Err(full) => {
            shared.metrics().limited(&full.rule);
            let refusal = said::refusal(&full, claim);
            exchange.full = Some(full);
            Err(refusal)
        }
    }
}

/// Refuses what could not be written down.
#[cold]
fn no_ledger() -> Refusal {
    let message = "the gateway cannot write down what requests use, and serves none until it can";
    let refusal = Refusal::new(Kind::Unavailable, message).with_code("ledger_unavailable");
    refusal.with_retry_after(Duration::from_secs(5))
}

async fn say_no(session: &mut Session, exchange: &mut Exchange, refusal: Refusal) -> Result<bool> {
    let held = exchange.call().is_none_or(|call| call.upload.is_held());
    let connection = if held { Connection::Keep } else { Connection::Close };
    let client = exchange.client();
    refuse(session, exchange, client, refusal, connection).await.map(|_| false)
}

/// Admits a request that no provider is asked for: it counts as a request, and reserves nothing else.
///
/// # Errors
/// When a rule has no room for it, or it could not be written down.
pub fn admit_free(shared: &Shared, exchange: &mut Exchange) -> std::result::Result<(), Refusal> {
    if shared.telemetry.refuses() {
        return Err(no_ledger());
    }
    let Some(key) = exchange.key.clone().filter(|key| !key.rules.is_empty()) else { return Ok(()) };
    if exchange.reserved.is_some() {
        return Ok(());
    }
    let world = Arc::clone(&exchange.world);
    let Some(call) = exchange.call() else { return Ok(()) };
    let known = may_answer(&world, call, Arc::clone(&call.attempt.known));
    let claim = Claim { is_capped: true, ..Claim::default() };
    set_aside(shared, exchange, &key, &claim, &known)
}

/// This moment, on this worker.
#[must_use]
pub fn now() -> Moment {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    let shard = OWN.with(|own| match own.get() {
        Some(shard) => shard,
        None => {
            let shard = NEXT.fetch_add(1, Ordering::Relaxed);
            own.set(Some(shard));
            shard
        }
    });
    Moment { now: clock::unix_seconds(), shard }
}

/// How the answers to this body are bounded, where a rule of the key wants to know.
#[must_use]
pub fn bounds(key: Option<&Key>, body: &Lens<'_>) -> Option<Bounds> {
    key.filter(|key| counts(key)).map(|_| Bounds::of(body))
}

/// Whether a rule of a key counts more than requests.
fn counts(key: &Key) -> bool {
    key.rules.iter().any(|rule| !matches!(rule.bound.measure, Measure::Requests | Measure::Concurrency))
}

/// What leaves, where that is more than the client's own body.
fn body(call: &Call) -> &Bytes {
    let own = &call.ask.body;
    if own.is_empty() || call.attempt.recalled { &call.attempt.body } else { own }
}

/// All that may come to answer, the first of them in front.
fn may_answer(world: &Snapshot, call: &Call, first: Arc<Known>) -> Vec<Arc<Known>> {
    let others = call.targets.iter().enumerate().filter(|(place, _)| *place != call.place);
    let others = others.filter_map(|(_, target)| targets::known(world, target, call.ask.dialect));
    std::iter::once(first).chain(others).collect()
}

/// What a request may come to at any of its targets, and those.
fn claimed(
    shared: &Shared,
    world: &Snapshot,
    key: &Key,
    asked: &Asked,
    call: &Call,
) -> std::result::Result<(Claim, Vec<Arc<Known>>), Refusal> {
    let mut known = Arc::clone(&call.attempt.known);
    if !counts(key) {
        return Ok((Claim { is_capped: true, ..Claim::default() }, may_answer(world, call, known)));
    }
    let body = body(call);
    let lens = || if call.ask.form.is_some() { None } else { Lens::new(body).ok() };
    if let Mode::Through(_) = call.attempt.mode
        && known.model.is_empty()
        && let Some(model) = lens().as_ref().and_then(|lens| lens.string("model"))
        && let Some(provider) = world.providers.get(known.index)
    {
        known = Arc::new(known.named(world, provider, &model));
    }
    let targets = may_answer(world, call, Arc::clone(&known));
    let all = body.len().saturating_add(call.ask.rest) as u64;
    let mut units = call.ask.assumed;
    let mut claim = Claim { is_capped: true, ..Claim::default() };
    match asked.like() {
        Asked::Chat { .. } | Asked::Live(_) | Asked::Opening(_) | Asked::Relay(Relayed::Compaction) => {
            // Only where all of them are known to say no more is there such a bound.
            let longest = targets.iter().map(|known| known.longest);
            let most = longest.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
            let usual = shared.telemetry.outputs().p99(&known.model);
            let said = call.ask.bounds.filter(|_| !call.attempt.recalled);
            let bounds = said.unwrap_or_else(|| lens().as_ref().map_or(Bounds::NONE, Bounds::of));
            let length = claim::length(bounds, most, usual);
            claim.tokens_out = length.tokens;
            claim.is_capped = length.is_capped;
            claim.tokens_in = claim::input(body, &known.model, shared.telemetry.calibration());
        }
        Asked::Embed { .. } | Asked::Rerank(_) | Asked::Count { .. } => {
            claim.tokens_in = claim::input(body, &known.model, shared.telemetry.calibration());
            units.searches = u64::from(matches!(asked, Asked::Rerank(_)));
        }
        Asked::Relay(relayed) => match relayed {
            Relayed::Image | Relayed::ImageEdit | Relayed::ImageVariation => {
                claim.tokens_in = all / 40 + 100;
                claim.tokens_out = units.images.saturating_mul(PICTURE_TOKENS);
            }
            Relayed::Speech => {
                claim.tokens_in = units.characters;
                claim.tokens_out = units.characters.saturating_mul(2);
            }
            Relayed::Transcription | Relayed::Translation => {
                units = Usage { seconds: all / BYTES_A_SECOND + 1, ..units };
                claim.tokens_in = units.seconds.saturating_mul(32);
                claim.tokens_out = units.seconds.saturating_mul(8);
                claim.is_capped = false;
            }
            Relayed::Moderation | Relayed::Compaction => {}
        },
        Asked::Through(_)
        | Asked::Models(_)
        | Asked::Model(..)
        | Asked::Shelved(_)
        | Asked::Machine(_)
        | Asked::Health => {}
    }
    priced(world, key, call, &targets, &units, &mut claim)?;
    Ok((claim, targets))
}

/// Prices a claim by the dearest of all targets that may come to answer.
fn priced(
    world: &Snapshot,
    key: &Key,
    call: &Call,
    targets: &[Arc<Known>],
    units: &Usage,
    claim: &mut Claim,
) -> std::result::Result<(), Refusal> {
    let spends = key.rules.iter().any(|rule| rule.bound.measure == Measure::Usd);
    let uses = claim.tokens_in > 0 || claim.tokens_out > 0 || *units != Usage::default();
    if !spends || !uses {
        return Ok(());
    }
    let marks = memchr::memmem::find(body(call), b"cache").is_some();
    for known in targets {
        match &known.prices {
            Some(prices) => claim::price(claim, prices, call.ask.tier.as_ref(), units, marks),
            None if world.unpriced || known.is_own_server() => {}
            None => {
                let message = format!(
                    "the API key \"{}\" has a budget, and the price of the model \"{}\" is not known here; \
                     'models' in the configuration can state it",
                    key.name, known.model
                );
                return Err(Refusal::new(Kind::Permission, message)
                    .with_param("model")
                    .with_code("price_unknown"));
            }
        }
    }
    Ok(())
}
