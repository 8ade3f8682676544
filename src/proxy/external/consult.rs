//! Guards elsewhere are asked, and what they say is noted.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::account::Trace;
use crate::account::trace::{Deed, Step};
use crate::clock;
use crate::policy::guard::Memory;
use crate::policy::guard::external::{External, Failure, Opinion, Patch, Question, Settled, Stage, place};
use crate::refusal::{Kind, Refusal};
use crate::route::health::BESIDE;
use crate::telemetry::otlp::fresh;

use super::Outward;

/// What one of them said, and when.
#[derive(Debug)]
pub(super) struct Judged {
    guard: Arc<External>,
    opinion: Result<Opinion, Failure>,
    began: Instant,
    ended: Instant,
}

/// Asks all of them at one time; what each said, in their order.
pub(super) async fn consult(
    outward: Arc<Outward>,
    guards: Vec<Arc<External>>,
    question: Arc<Question>,
) -> Vec<Judged> {
    let mut all = Vec::with_capacity(guards.len());
    if let [guard] = guards.as_slice() {
        all.push(one(&outward, Arc::clone(guard), &question).await);
        return all;
    }
    let mut asked = JoinSet::new();
    for (place, guard) in guards.into_iter().enumerate() {
        let (outward, question) = (Arc::clone(&outward), Arc::clone(&question));
        asked.spawn(async move { (place, one(&outward, guard, &question).await) });
    }
    let mut told: Vec<(usize, Judged)> = asked.join_all().await;
    told.sort_by_key(|(place, _)| *place);
    all.extend(told.into_iter().map(|(_, judged)| judged));
    all
}

async fn one(outward: &Arc<Outward>, guard: Arc<External>, question: &Arc<Question>) -> Judged {
    let began = clock::now();
    let opinion = opinion(outward, &guard, question, began).await;
    Judged { guard, opinion, began, ended: clock::now() }
}

async fn opinion(
    outward: &Arc<Outward>,
    guard: &Arc<External>,
    question: &Arc<Question>,
    began: Instant,
) -> Result<Opinion, Failure> {
    let calls = guard.calls(question)?;
    let begun = clock::ticks(began);
    if !guard.breaker.enter(begun) {
        return Err(Failure::of("it failed too often, and is left alone for a while"));
    }
    let mut asked = JoinSet::new();
    for call in calls {
        let (outward, guard, question) = (Arc::clone(outward), Arc::clone(guard), Arc::clone(question));
        asked.spawn(async move {
            let (status, body) = outward.ask(&guard, &question, &call).await?;
            guard.read(&question, &call, status, &body)
        });
    }
    let (mut opinion, mut failure) = (Opinion::default(), None);
    let all = async {
        while let Some(told) = asked.join_next().await {
            match told.unwrap_or_else(|_| Err(Failure::of("it could not be asked"))) {
                Ok(told) => opinion.join(told),
                Err(why) => failure = failure.take().or(Some(why)),
            }
        }
    };
    if timeout(guard.timeout, all).await.is_err() {
        failure = failure.or_else(|| Some(Failure::ill("it did not answer in time")));
    }
    let now = clock::ticks(clock::now());
    match &failure {
        None => guard.breaker.well(now, begun),
        Some(failure) if failure.is_ill => guard.breaker.ill(now, begun, &BESIDE, BESIDE.share, None),
        Some(_) => {}
    }
    guard.in_spite_of(failure, opinion)
}

/// Notes what they said: the changes that are to be made.
///
/// # Errors
/// When one of them does not let it pass.
pub(super) fn settle(
    outward: &Outward,
    told: Vec<Judged>,
    question: &Question,
    memory: &mut Memory,
    mut trace: Option<&mut Trace>,
) -> Result<Vec<Patch>, Refusal> {
    let (mut patches, mut refusal) = (Vec::new(), None);
    for Judged { guard, opinion, began, ended } in told {
        if let Some(trace) = trace.as_deref_mut().filter(|trace| trace.noted) {
            let deed = Deed::External(Arc::clone(&guard.name), question.stage.direction());
            trace.aside(Step { span: fresh(), began, ended: Some(ended), deed });
        }
        let outcome = match &opinion {
            Ok(opinion) if opinion.found.is_empty() => "passed",
            Ok(_) => "found",
            Err(_) => "failed",
        };
        if let Err(failure) = &opinion {
            log::warn!("the guard {} could not look: {}", guard.name, failure.why);
        }
        outward.metrics.asked_guard(&guard.name, outcome, ended.saturating_duration_since(began));
        match guard.settle(opinion, question.stage, memory) {
            Settled::Passes(own) => patches.extend(own),
            Settled::Blocked { rule, at, message } => {
                let place = place(&question.said, at);
                refusal.get_or_insert_with(|| blocked(&guard.name, question.stage, &rule, place, message));
            }
            Settled::Unseen(why) => {
                refusal.get_or_insert_with(|| unseen(&guard.name, question.stage, &why));
            }
        }
    }
    refusal.map_or(Ok(patches), Err)
}

/// The refusal of what a guard does not let pass.
fn blocked(guard: &str, stage: Stage, rule: &str, place: &str, message: Option<String>) -> Refusal {
    let what = stage.direction().name();
    let mut told = format!("the guard \"{guard}\" does not let this {what} pass: {rule}");
    if let Some(message) = message {
        told = format!("{told} ({message})");
    }
    let refusal = Refusal::new(Kind::ContentPolicy, told).with_code("guard_blocked");
    if place.is_empty() { refusal } else { refusal.with_param(place) }
}

/// The refusal of what a guard must look at and could not.
fn unseen(guard: &str, stage: Stage, why: &str) -> Refusal {
    let what = stage.direction().name();
    let message = format!("the guard \"{guard}\" could not look at this {what}: {why}");
    Refusal::new(Kind::Unavailable, message).with_code("guard_unavailable")
}

/// The refusal of a request about which nobody could be asked.
pub(super) fn unasked() -> Refusal {
    let message = "guards could not be asked about this request";
    Refusal::new(Kind::Unavailable, message).with_code("guard_unavailable")
}

/// The refusal of what would have to be changed and cannot.
pub(super) fn unpatchable(guards: &[Arc<External>], stage: Stage) -> Refusal {
    let guard = guards.first().map_or("", |guard| &guard.name);
    let what = stage.direction().name();
    let message = format!(
        "the guard \"{guard}\" wants something of this {what} masked that cannot be: arguments of a tool, or what \
         its provider has sealed"
    );
    Refusal::new(Kind::ContentPolicy, message).with_code("guard_blocked")
}
