//! What the operator says otherwise in requests (`policy::rewrite`), on their way in, and in heads, on their
//! way out and back.

use bytes::Bytes;
use http::HeaderMap;

use crate::catalog::names::matches;
use crate::ir::Dialect;
use crate::policy::Key;
use crate::policy::rewrite::{Purpose, Rewrite, rewrite};
use crate::proxy::arrival::asked::{Asked, Through};
use crate::proxy::departure::attempt::unlike;
use crate::proxy::exchange::{Ask, Exchange, Stage};
use crate::proxy::guarding::asker;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;
use crate::wire::lens::Lens;

/// The rules for what this key asks of this model in this dialect.
fn rules<'w>(
    world: &'w Snapshot,
    key: Option<&'w Key>,
    model: &'w str,
    dialect: Dialect,
) -> impl Iterator<Item = &'w Rewrite> + Clone {
    let asker = asker(key, model);
    world.rewrites.iter().map(AsRef::as_ref).filter(move |rule| rule.is_for(&asker, dialect, matches))
}

/// What is rewritten: completions, and the question of how many tokens one has.
const fn spoken(asked: &Asked) -> Option<(Dialect, Purpose)> {
    match asked {
        Asked::Chat { dialect, .. } => Some((*dialect, Purpose::Completion)),
        Asked::Count { dialect, .. } => Some((*dialect, Purpose::Count)),
        Asked::Embed { .. }
        | Asked::Rerank(_)
        | Asked::Relay(_)
        | Asked::Machine(_)
        | Asked::Models(_)
        | Asked::Model(..)
        | Asked::Shelved(_)
        | Asked::Live(_)
        | Asked::Opening(_)
        | Asked::Through(_)
        | Asked::Health => None,
    }
}

/// Whether what goes through must be read first, since a rule may change it.
#[must_use]
pub fn must_read(world: &Snapshot, key: Option<&Key>, through: &Through) -> bool {
    if world.rewrites.is_empty() {
        return false;
    }
    let Some((dialect, _)) = through.like.as_ref().and_then(spoken) else { return false };
    let asker = asker(key, "");
    world.rewrites.iter().any(|rule| rule.is_of_bodies() && rule.is_for(&asker, dialect, |_, _| true))
}

/// Says a request as the rules have it, and what was said before that belongs to it. Whether its body is said
/// otherwise now.
///
/// # Errors
/// When it is not of the form in which a rule could say something in it.
pub fn ask(world: &Snapshot, key: Option<&Key>, asked: &Asked, ask: &mut Ask) -> Result<bool, Refusal> {
    if world.rewrites.is_empty() {
        return Ok(false);
    }
    let Some((dialect, purpose)) = spoken(asked) else { return Ok(false) };
    let Ask { model, body, recall, .. } = ask;
    let rules = rules(world, key, model, dialect);
    let anew = |body: &[u8]| rewrite(rules.clone(), dialect, purpose, body).map_err(unlike);
    if let Some(recall) = recall {
        recall.look(|body| Ok(anew(body)?.0))?;
    }
    let (body, steer) = anew(body)?;
    ask.steer = steer;
    let changed = body.is_some();
    if let Some(body) = body {
        ask.body = body.into();
    }
    Ok(changed)
}

/// The body that goes through.
///
/// # Errors
/// As for [`ask`].
pub fn through(
    world: &Snapshot,
    key: Option<&Key>,
    through: &Through,
    body: Bytes,
) -> Result<Bytes, Refusal> {
    let Some(like) = through.like.as_ref().filter(|_| !world.rewrites.is_empty()) else { return Ok(body) };
    let Some((dialect, purpose)) = spoken(like).filter(|_| !body.is_empty()) else { return Ok(body) };
    let model = like.model_in_path().or_else(|| Some(Lens::new(&body).ok()?.string("model")?.into_owned()));
    let model = model.unwrap_or_default();
    let (anew, _) = rewrite(rules(world, key, &model, dialect), dialect, purpose, &body).map_err(unlike)?;
    Ok(anew.map_or(body, Bytes::from))
}

/// Says the head of an attempt as the rules have it.
pub fn departing(world: &Snapshot, key: Option<&Key>, ask: &Ask, provider: &str, headers: &mut HeaderMap) {
    if world.rewrites.is_empty() {
        return;
    }
    for rule in rules(world, key, &ask.model, ask.dialect).filter(|rule| rule.is_of(provider)) {
        rule.request.apply(headers);
    }
}

/// Says the head of an answer as the rules have it. Where nobody was asked, rules for some models or providers
/// alone have no part in it.
pub fn returning(exchange: &Exchange, headers: &mut HeaderMap) {
    let world = &exchange.world;
    if world.rewrites.is_empty() {
        return;
    }
    let (model, provider) = match &exchange.stage {
        Stage::Away(call) => (call.ask.model.as_str(), &*call.attempt.known.provider),
        Stage::Here => ("", ""),
    };
    let rules = rules(world, exchange.key.as_deref(), model, exchange.client());
    for rule in rules.filter(|rule| rule.is_of(provider)) {
        rule.response.apply(headers);
    }
}
