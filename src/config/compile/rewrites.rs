//! Rules by which requests are said otherwise: what is written of them, compiled.

use std::sync::Arc;

use crate::config::file::{File, Rewrite as Written, SystemPrompt as WrittenPrompt};
use crate::policy::guard::Scope;
use crate::policy::rewrite::{Place, Rewrite, SystemPrompt};

use super::Check;
use super::keys::{Spot, is_name, is_owner};

/// The rules of the file, in the order of their names.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Vec<Arc<Rewrite>> {
    let one = |(name, written): (&String, &Written)| {
        let path = ["rewrites", name.as_str()];
        let mut spot = Spot { tree: check.source.sound, path: &path, problems: check.problems };
        Arc::new(rule(name.trim(), written, &mut spot))
    };
    file.rewrites.iter().map(one).collect()
}

fn rule(name: &str, written: &Written, spot: &mut Spot<'_>) -> Rewrite {
    if !is_name(name) {
        spot.error(&[], "expected a name", None);
    }
    let system_prompt = written.system_prompt.as_ref().and_then(|prompt| system_prompt(prompt, spot));
    if written.system_prompt.is_none() {
        spot.error(&[], "the rule changes nothing", "system_prompt: {prepend: …}".to_owned());
    }
    Rewrite { name: name.into(), scope: scope(written, spot), system_prompt }
}

fn system_prompt(written: &WrittenPrompt, spot: &mut Spot<'_>) -> Option<SystemPrompt> {
    let said: Vec<_> = [
        ("inject", Place::Inject, &written.inject),
        ("prepend", Place::Prepend, &written.prepend),
        ("append", Place::Append, &written.append),
        ("replace", Place::Replace, &written.replace),
    ]
    .into_iter()
    .filter_map(|(field, place, text)| Some((field, place, text.as_ref()?)))
    .collect();
    let [(field, place, text)] = said.as_slice() else {
        spot.error(&["system_prompt"], "expected one of inject, prepend, append and replace", None);
        return None;
    };
    if text.trim().is_empty() {
        spot.error(&["system_prompt", field], "expected a text", None);
        return None;
    }
    Some(SystemPrompt { place: *place, text: (*text).clone() })
}

fn scope(written: &Written, spot: &mut Spot<'_>) -> Scope {
    for (place, key) in written.keys.iter().enumerate() {
        // Those that the store keeps are not known here.
        if key.trim().is_empty() {
            spot.error(&["keys", &place.to_string()], "expected the name of a key", None);
        }
    }
    for (place, owner) in written.owners.iter().enumerate() {
        if !is_owner(owner.trim()) {
            spot.error(&["owners", &place.to_string()], "expected an owner such as org/team/service", None);
        }
    }
    let trimmed = |list: &[String]| list.iter().map(|name| name.trim().to_owned()).collect();
    Scope { keys: trimmed(&written.keys), owners: trimmed(&written.owners), models: trimmed(&written.models) }
}
