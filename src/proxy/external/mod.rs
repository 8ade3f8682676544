//! Guards that live elsewhere, at work on one request and its answer.
//!
//! About a request they are asked between the local guards and all else ([`before`]); what is asked beside
//! its provider is waited for when the head of the answer comes ([`verdict`]). Of an answer pieces wait
//! until their window has its verdict (`after`). No hook of Pingora's waits for anything in the middle of a
//! body: what is decided by the time the next piece comes goes on with it, and what is left at the end is
//! told by [`late`], for which the last piece ends as if it had failed.

mod after;
mod consult;
pub mod late;
mod outward;

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::account::Trace;
use crate::catalog::names::matches;
use crate::dialect::Framing;
use crate::ir::Dialect;
use crate::policy::Key;
use crate::policy::guard::external::{External, Question, Stage, gather, put_back};
use crate::policy::guard::{Asker, Memory, Spoken};
use crate::proxy::bytes_held::Share;
use crate::proxy::exchange::Exchange;
use crate::proxy::guarding::{self, asker};
use crate::proxy::shared::Shared;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;

use consult::{Judged, consult, settle, unasked, unpatchable};

pub use after::{Post, Spoke, hold, looks_at_answer, resolve, stream, waits};
pub use outward::Outward;

/// What is asked of guards elsewhere for one request.
#[derive(Debug, Default)]
pub struct Watching {
    /// What asks them; none where there are none.
    outward: Option<Arc<Outward>>,
    /// The model that is asked for.
    model: String,
    /// What is asked beside the provider.
    during: Option<(JoinSet<Vec<Judged>>, Arc<Question>)>,
    /// The answer as far as it waits.
    post: Option<Box<Post>>,
}

impl Watching {
    /// A piece of a stream goes to the client: what of it does by now.
    ///
    /// # Errors
    /// When a guard ends the answer, or what waits has no room.
    pub fn pass(
        &mut self,
        body: &mut Option<Bytes>,
        end: bool,
        memory: &mut Memory,
        trace: Option<&mut Trace>,
        room: (&mut Share, usize),
    ) -> Result<Spoke, Refusal> {
        let Some(post) = &mut self.post else { return Ok(Spoke::On) };
        let all = post.pass(body, end, memory, trace, room)?;
        Ok(if all { Spoke::On } else { Spoke::Waits })
    }

    /// A stream that waits ends here: what of it may still be told, what its client speaks and how that is
    /// framed, and how many events went on.
    pub fn stop(&mut self) -> Option<(Vec<u8>, (Dialect, Framing), u64)> {
        self.post.as_mut()?.stop()
    }
}

/// When guards are asked.
const STAGES: [Stage; 3] = [Stage::Pre, Stage::During, Stage::Post];

/// Those who are asked at this stage about what this asker sends or gets.
fn those(world: &Snapshot, stage: Stage, asker: &Asker<'_>) -> Vec<Arc<External>> {
    world.externals.iter().filter(|guard| guard.looks(stage, asker, matches)).cloned().collect()
}

/// Whether a request with this key may have to be read, whatever its model: also for who looks at its answer,
/// since its model stands in it.
#[must_use]
pub fn must_read(world: &Snapshot, key: Option<&Key>) -> bool {
    let asker = asker(key, "");
    let looks = |guard: &Arc<External>| STAGES.iter().any(|stage| guard.looks(*stage, &asker, |_, _| true));
    world.externals.iter().any(looks)
}

/// Whether anybody is to be asked about a request for this model, or its answer. From here on the request
/// can ask.
#[must_use]
pub fn begin(shared: &Shared, exchange: &mut Exchange, model: &str) -> bool {
    if exchange.judges {
        // Who judges is not judged.
        return false;
    }
    let asker = asker(exchange.key.as_deref(), model);
    let looks = |guard: &Arc<External>| STAGES.iter().any(|stage| guard.looks(*stage, &asker, matches));
    let any = exchange.world.externals.iter().any(looks);
    if any {
        let watching = &mut exchange.guarding.get_or_insert_default().watching;
        (watching.outward, watching.model) = (Some(Arc::clone(&shared.outward)), model.to_owned());
    }
    any
}

/// What is asked about a text that this exchange's client sends or gets.
fn question(exchange: &Exchange, model: &str, stage: Stage) -> Question {
    Question {
        id: exchange.id.as_str().to_owned(),
        stage,
        key: exchange.key.clone(),
        model: model.to_owned(),
        said: Vec::new(),
        part: None,
    }
}

/// Asks about a request: gives the body that goes on, where that differs. Those who are asked beside the
/// provider are asked from now on.
///
/// # Errors
/// When one of them does not let it pass.
pub async fn before(exchange: &mut Exchange, body: &Bytes) -> Result<Option<Bytes>, Refusal> {
    let Some(watching) = exchange.guarding.as_ref().map(|guarding| &guarding.watching) else {
        return Ok(None);
    };
    let Some(outward) = watching.outward.clone() else { return Ok(None) };
    let model = watching.model.clone();
    let asker = asker(exchange.key.as_deref(), &model);
    let pre = those(&exchange.world, Stage::Pre, &asker);
    let during = those(&exchange.world, Stage::During, &asker);
    if pre.is_empty() && during.is_empty() {
        return Ok(None);
    }
    let Some(mut said) = gather(Spoken::Asked, body) else {
        let binding = pre.iter().chain(&during).find(|guard| guard.binds());
        return binding.map_or(Ok(None), |guard| Err(guarding::unread(&guard.name)));
    };
    let mut anew = None;
    if !pre.is_empty() && !said.is_empty() {
        let asked = Arc::new(Question { said, ..question(exchange, &model, Stage::Pre) });
        let told = consult(Arc::clone(&outward), pre.clone(), Arc::clone(&asked)).await;
        let memory = &mut exchange.guarding.get_or_insert_default().memory;
        let patches = settle(&outward, told, &asked, memory, exchange.trace.as_deref_mut())?;
        let changed = put_back(Spoken::Asked, body, &asked.said, &patches);
        anew = changed.map_err(|_| unpatchable(&pre, Stage::Pre))?.map(Bytes::from);
        if during.is_empty() {
            return Ok(anew);
        }
        said = gather(Spoken::Asked, anew.as_ref().unwrap_or(body)).unwrap_or_default();
    }
    if !during.is_empty() && !said.is_empty() {
        let asked = Arc::new(Question { said, ..question(exchange, &model, Stage::During) });
        let mut tasks = JoinSet::new();
        tasks.spawn(consult(outward, during, Arc::clone(&asked)));
        exchange.guarding.get_or_insert_default().watching.during = Some((tasks, asked));
    }
    Ok(anew)
}

/// Whether somebody is asked beside the provider whose verdict did not come yet.
#[must_use]
pub fn is_asked(exchange: &Exchange) -> bool {
    exchange.guarding.as_ref().is_some_and(|guarding| guarding.watching.during.is_some())
}

/// Waits for the verdict of those who are asked beside the provider.
///
/// # Errors
/// When one of them does not let the request pass.
pub async fn verdict(exchange: &mut Exchange) -> Result<(), Refusal> {
    let Some(guarding) = &mut exchange.guarding else { return Ok(()) };
    let Some((mut tasks, asked)) = guarding.watching.during.take() else { return Ok(()) };
    let Some(outward) = guarding.watching.outward.clone() else { return Ok(()) };
    let Some(Ok(told)) = tasks.join_next().await else { return Err(unasked()) };
    settle(&outward, told, &asked, &mut guarding.memory, exchange.trace.as_deref_mut()).map(drop)
}
