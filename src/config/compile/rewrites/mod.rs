//! Rules by which requests are said otherwise: what is written of them, compiled.

mod changes;

use std::sync::Arc;

use crate::catalog::nearest;
use crate::config::file::{File, HeaderChanges, Rewrite as Written, SystemPrompt as WrittenPrompt};
use crate::ir::Dialect;
use crate::policy::rewrite::{Place, Rewrite, SystemPrompt};

use super::Check;
use super::guards;
use super::keys::{Spot, is_name, trimmed};

/// The rules of the file, in the order of their names.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Vec<Arc<Rewrite>> {
    let mut rules = Vec::with_capacity(file.rewrites.len());
    for (name, written) in &file.rewrites {
        let path = ["rewrites", name.as_str()];
        let mut spot = Spot { tree: check.source.sound, path: &path, problems: check.problems };
        rules.push(Arc::new(rule(name.trim(), written, &mut spot)));
        check.providers(&["rewrites", name, "providers"], &written.providers);
    }
    rules
}

fn rule(name: &str, written: &Written, spot: &mut Spot<'_>) -> Rewrite {
    if !is_name(name) {
        spot.error(&[], "expected a name", None);
    }
    let rule = Rewrite {
        name: name.into(),
        scope: guards::scope(&written.keys, &written.owners, &written.models, spot),
        dialects: dialects(written, spot),
        changes: changes::changes(written, spot),
        system_prompt: written.system_prompt.as_ref().and_then(|prompt| system_prompt(prompt, spot)),
        providers: trimmed(&written.providers),
        request: changes::headers(&written.headers.request, "request", spot),
        response: changes::headers(&written.headers.response, "response", spot),
    };
    let of_headers = !rule.request.is_empty() || !rule.response.is_empty();
    if !says_something(written) {
        let hint = "system_prompt, rename, remove, defaults, set, caps or headers".to_owned();
        spot.error(&[], "the rule changes nothing", hint);
    } else if !rule.providers.is_empty() && (rule.is_of_bodies() || !of_headers) {
        // Who will answer is not known yet when a body is said otherwise, and may change.
        let hint = "write what is said of bodies in a rule of its own".to_owned();
        spot.error(&["providers"], "only headers can be for some providers alone", hint);
    }
    rule
}

fn says_something(written: &Written) -> bool {
    let of = |changes: &HeaderChanges| {
        !changes.set.is_empty() || !changes.add.is_empty() || !changes.remove.is_empty()
    };
    written.system_prompt.is_some()
        || !written.rename.is_empty()
        || !written.remove.is_empty()
        || !written.defaults.is_empty()
        || !written.set.is_empty()
        || !written.caps.is_empty()
        || of(&written.headers.request)
        || of(&written.headers.response)
}

fn dialects(written: &Written, spot: &mut Spot<'_>) -> Vec<Dialect> {
    let mut known = Vec::with_capacity(written.dialects.len());
    for (place, name) in written.dialects.iter().enumerate() {
        let name = name.trim();
        match Dialect::ALL.into_iter().find(|dialect| dialect.name() == name) {
            Some(dialect) => known.push(dialect),
            None => {
                let near = nearest(name, Dialect::ALL.into_iter().map(Dialect::name));
                let hint = near.first().map(|near| format!("did you mean \"{near}\"?"));
                spot.error(&["dialects", &place.to_string()], "no dialect is known by this name", hint);
            }
        }
    }
    known
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
