//! Guards at work on one request and its answer.

use std::sync::Arc;

use bytes::Bytes;

use crate::catalog::names::matches;
use crate::policy::Key;
use crate::policy::guard::{Asker, Blocked, Direction, Memory, Spoken, Watch, pass};
use crate::proxy::arrival::asked::{Asked, Through};
use crate::proxy::exchange::{Ask, Exchange};
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;
use crate::wire::lens::Lens;

/// What guards know of one request: there is none where nobody has guards.
#[derive(Debug, Default)]
pub struct Guarding {
    /// What they found, and what they masked.
    pub memory: Memory,
}

/// Who asks, as guards see it.
fn asker<'a>(key: Option<&'a Key>, model: &'a str) -> Asker<'a> {
    Asker { key: key.map_or("", |key| &key.name), owner: key.map_or("", |key| &key.owner), model }
}

/// Those that look at what this key sends for this model.
fn over(world: &Snapshot, key: Option<&Key>, model: &str) -> Option<Watch> {
    if world.guards.is_empty() {
        return None;
    }
    Watch::over(&world.guards, Direction::Request, &asker(key, model), matches, &[])
}

/// Whether what goes through must be read first, since a guard may look at it.
#[must_use]
pub fn must_read(world: &Snapshot, key: Option<&Key>) -> bool {
    let asker = asker(key, "");
    world.guards.iter().any(|guard| guard.may_look(Direction::Request, &asker))
}

/// Looks at what a client asks, and at what was said before that belongs to it. Whether anything of it is
/// said otherwise now.
///
/// # Errors
/// When a guard refuses it.
pub fn ask(exchange: &mut Exchange, ask: &mut Ask) -> Result<bool, Refusal> {
    let world = Arc::clone(&exchange.world);
    let Some(watch) = over(&world, exchange.key.as_deref(), &ask.model) else { return Ok(false) };
    let memory = &mut exchange.guarding.get_or_insert_default().memory;
    let anew = pass(&watch, Spoken::Asked, &ask.body, memory).map_err(refused)?;
    if let Some(recall) = &mut ask.recall {
        recall.look(|whole| pass(&watch, Spoken::Asked, whole, memory).map_err(refused))?;
    }
    let changed = anew.is_some();
    if let Some(body) = anew {
        ask.body = body.into();
    }
    Ok(changed)
}

/// Looks at a body that goes through, and gives the one that does.
///
/// # Errors
/// When a guard refuses it.
pub fn through(exchange: &mut Exchange, through: &Through, body: Bytes) -> Result<Bytes, Refusal> {
    let world = Arc::clone(&exchange.world);
    if world.guards.is_empty() {
        return Ok(body);
    }
    let in_path = through.like.as_ref().and_then(Asked::model_in_path);
    let model = in_path.or_else(|| Some(Lens::new(&body).ok()?.string("model")?.into_owned()));
    let Some(watch) = over(&world, exchange.key.as_deref(), model.as_deref().unwrap_or_default()) else {
        return Ok(body);
    };
    let memory = &mut exchange.guarding.get_or_insert_default().memory;
    let anew = pass(&watch, Spoken::Asked, &body, memory).map_err(refused)?;
    Ok(anew.map_or(body, Bytes::from))
}

/// The refusal of what a guard does not let pass. It names the rule, never what was found.
fn refused(blocked: Blocked) -> Refusal {
    let Blocked { guard, rule, place } = blocked;
    let message = format!("the guard \"{guard}\" does not let this request pass: {rule}");
    let refusal = Refusal::new(Kind::ContentPolicy, message).with_code("guard_blocked");
    if place.is_empty() { refusal } else { refusal.with_param(place) }
}

/// The value of the header that tells a client what guards found; none where they tell nothing.
#[must_use]
pub fn header(guarding: Option<&Guarding>) -> Option<String> {
    let told: Vec<String> = guarding?.memory.told().take(16).map(ToString::to_string).collect();
    (!told.is_empty()).then(|| told.join(", "))
}
