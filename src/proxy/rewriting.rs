//! What the operator says otherwise in requests (`policy::rewrite`), on their way in.

use bytes::Bytes;

use crate::catalog::names::matches;
use crate::ir::Dialect;
use crate::policy::Key;
use crate::policy::rewrite::{Rewrite, rewrite};
use crate::proxy::arrival::asked::{Asked, Through};
use crate::proxy::departure::attempt::unlike;
use crate::proxy::exchange::Ask;
use crate::proxy::guarding::asker;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;
use crate::wire::lens::Lens;

/// The rules for what this key asks of this model.
fn rules<'w>(world: &'w Snapshot, key: Option<&Key>, model: &str) -> Vec<&'w Rewrite> {
    let asker = asker(key, model);
    world.rewrites.iter().map(AsRef::as_ref).filter(|rule| rule.is_for(&asker, matches)).collect()
}

/// What is rewritten: completions, and the question of how many tokens one has.
const fn spoken(asked: &Asked) -> Option<Dialect> {
    match asked {
        Asked::Chat { dialect, .. } | Asked::Count { dialect, .. } => Some(*dialect),
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
    let asker = asker(key, "");
    through.like.as_ref().and_then(spoken).is_some()
        && world.rewrites.iter().any(|rule| rule.is_for(&asker, |_, _| true))
}

/// Says a request as the rules have it, and what was said before that belongs to it. Whether anything of it is
/// said otherwise now.
///
/// # Errors
/// When it is not of the form in which a rule could say something in it.
pub fn ask(world: &Snapshot, key: Option<&Key>, asked: &Asked, ask: &mut Ask) -> Result<bool, Refusal> {
    let Some(dialect) = spoken(asked).filter(|_| !world.rewrites.is_empty()) else { return Ok(false) };
    let rules = rules(world, key, &ask.model);
    let anew = |body: &[u8]| rewrite(rules.iter().copied(), dialect, body).map_err(unlike);
    if let Some(recall) = &mut ask.recall {
        recall.look(anew)?;
    }
    let Some(body) = anew(&ask.body)? else { return Ok(false) };
    ask.body = body.into();
    Ok(true)
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
    let Some(dialect) = spoken(like).filter(|_| !body.is_empty()) else { return Ok(body) };
    let model = like.model_in_path().or_else(|| Some(Lens::new(&body).ok()?.string("model")?.into_owned()));
    let rules = rules(world, key, &model.unwrap_or_default());
    let anew = rewrite(rules.into_iter(), dialect, &body).map_err(unlike)?;
    Ok(anew.map_or(body, Bytes::from))
}
