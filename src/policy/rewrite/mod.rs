//! Rewriting: what an operator has said otherwise in requests, for whom.
//!
//! All of it happens to the client's own body, in its own dialect, before anything else is made of it: so
//! what is counted, reserved, looked for in the cache, passed byte for byte and translated is one and the
//! same request. Only the members that change are said anew. What the dialect has no place for is said of
//! the request's meaning ([`Steer`]), for targets that have one.

mod change;
mod draft;
mod headers;
mod param;
mod prompt;
mod steer;
mod turns;

use std::sync::Arc;

pub use change::{Change, Deed, Subject};
pub use headers::{Headers, is_fixed};
pub use param::Param;
pub use prompt::{Place, SystemPrompt};
pub use steer::Steer;

use super::guard::{Asker, Scope};
use crate::catalog::names::without_region;
use crate::dialect::Malformed;
use crate::ir::Dialect;
use crate::wire::lens::Lens;
use draft::Draft;

/// One rule: what is said otherwise, for whom.
#[derive(Debug)]
pub struct Rewrite {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Whom it is for.
    pub scope: Scope,
    /// The dialects of clients that it is for; empty for all.
    pub dialects: Vec<Dialect>,
    /// What changes besides words, in this order.
    pub changes: Vec<Change>,
    /// The system prompt that it adds.
    pub system_prompt: Option<SystemPrompt>,
    /// The providers that its headers are for; empty for all.
    pub providers: Vec<String>,
    /// The headers of requests on their way to a provider.
    pub request: Headers,
    /// The headers of answers.
    pub response: Headers,
}

impl Rewrite {
    /// Whether it is for this request; `matches` compares a pattern with a model's name.
    #[must_use]
    pub fn is_for(&self, asker: &Asker<'_>, dialect: Dialect, matches: fn(&str, &str) -> bool) -> bool {
        (self.dialects.is_empty() || self.dialects.contains(&dialect)) && self.scope.covers(asker, matches)
    }

    /// Whether it says anything of bodies.
    #[must_use]
    pub const fn is_of_bodies(&self) -> bool {
        self.system_prompt.is_some() || !self.changes.is_empty()
    }

    /// Whether its headers are for this provider.
    #[must_use]
    pub fn is_of(&self, provider: &str) -> bool {
        let provider = without_region(provider);
        self.providers.is_empty() || self.providers.iter().any(|name| name == provider)
    }
}

/// What a body is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A completion.
    Completion,
    /// The question of how many tokens one has, in which there are no parameters.
    Count,
}

/// The body of a client as these rules have it, one after another, `None` where it stays as it came; and what
/// its dialect has no place for.
///
/// # Errors
/// When it is no JSON object, or not of the form in which a rule could say something in it.
pub fn rewrite<'r>(
    rules: impl Iterator<Item = &'r Rewrite>,
    dialect: Dialect,
    purpose: Purpose,
    body: &[u8],
) -> Result<(Option<Vec<u8>>, Steer), Malformed> {
    let (mut anew, mut steer): (Option<Vec<u8>>, _) = (None, Steer::default());
    for rule in rules {
        if purpose == Purpose::Completion && !rule.changes.is_empty() {
            let lens = Lens::new(anew.as_deref().unwrap_or(body))?;
            let mut draft = Draft::new(&lens);
            for change in &rule.changes {
                if !change.apply(dialect, &mut draft)? {
                    steer.0.push(change.clone());
                }
            }
            let edits = draft.into_edits();
            let said = (!edits.is_empty()).then(|| lens.apply(&edits));
            anew = said.or(anew);
        }
        if let Some(prompt) = &rule.system_prompt {
            let lens = Lens::new(anew.as_deref().unwrap_or(body))?;
            let edits = prompt.edits(dialect, &lens)?;
            let said = (!edits.is_empty()).then(|| lens.apply(&edits));
            anew = said.or(anew);
        }
    }
    Ok((anew, steer))
}
