//! Rewriting: what an operator has said otherwise in requests, for whom.
//!
//! All of it happens to the client's own body, in its own dialect, before anything else is made of it: so
//! what is counted, reserved, looked for in the cache, passed byte for byte and translated is one and the
//! same request. Only the members that change are said anew.

mod prompt;
mod turns;

use std::sync::Arc;

pub use prompt::{Place, SystemPrompt};

use super::guard::{Asker, Scope};
use crate::dialect::Malformed;
use crate::ir::Dialect;
use crate::wire::lens::Lens;

/// One rule: what is said otherwise, for whom.
#[derive(Debug)]
pub struct Rewrite {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Whom it is for.
    pub scope: Scope,
    /// The system prompt that it adds.
    pub system_prompt: Option<SystemPrompt>,
}

impl Rewrite {
    /// Whether it is for this request; `matches` compares a pattern with a model's name.
    #[must_use]
    pub fn is_for(&self, asker: &Asker<'_>, matches: fn(&str, &str) -> bool) -> bool {
        self.scope.covers(asker, matches)
    }
}

/// The body of a client as these rules have it, one after another; `None` where it stays as it came.
///
/// # Errors
/// When it is no JSON object, or not of the form in which a rule could say something in it.
pub fn rewrite<'r>(
    rules: impl Iterator<Item = &'r Rewrite>,
    dialect: Dialect,
    body: &[u8],
) -> Result<Option<Vec<u8>>, Malformed> {
    let mut anew: Option<Vec<u8>> = None;
    for rule in rules {
        let said = {
            let lens = Lens::new(anew.as_deref().unwrap_or(body))?;
            let edits = match &rule.system_prompt {
                Some(prompt) => prompt.edits(dialect, &lens)?,
                None => Vec::new(),
            };
            (!edits.is_empty()).then(|| lens.apply(&edits))
        };
        anew = said.or(anew);
    }
    Ok(anew)
}
