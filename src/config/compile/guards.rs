//! Guards: what is written of them, compiled.

use std::sync::Arc;

use crate::catalog::nearest;
use crate::config::file::{File, Guard as Written, GuardAction, GuardOn};
use crate::config::read::did_you_mean;
use crate::policy::guard::{
    Action, Class, Detector, Guard, LANGUAGES, LONGEST_WORD, Pattern, Scope, THRESHOLD, Wanted, Words,
};

use super::Check;
use super::keys::{Spot, is_name, is_owner, trimmed};

/// The guards of the file, in the order of their names.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Vec<Arc<Guard>> {
    let classes = classes(file, check);
    let one = |(name, written): (&String, &Written)| {
        let path = ["guards", name.as_str()];
        let mut spot = Spot { tree: check.source.sound, path: &path, problems: check.problems };
        named(name, &[], &mut spot);
        let guard = guard(name.trim(), written, &mut spot);
        let class = written.class.as_deref().and_then(|class| class_of(class, &classes, &mut spot));
        Arc::new(Guard { class, ..guard })
    };
    let guards: Vec<_> = file.guards.iter().map(one).collect();
    for (name, written) in &file.guards {
        let is_known =
            |route: &str| check.is_declared("routes", route) || check.is_declared("aliases", route);
        if let Some(route) = written.route.as_deref().map(str::trim).filter(|route| !is_known(route)) {
            let hint = did_you_mean(route, check.declared("routes").chain(check.declared("aliases")));
            check.error(&["guards", name, "route"], format!("no route is named \"{route}\""), hint);
        }
    }
    guards
}

fn guard(name: &str, written: &Written, spot: &mut Spot<'_>) -> Guard {
    let mut detect = detected(written, spot);
    let topics: Vec<_> = std::iter::once(("words", written.words.as_slice()))
        .chain(written.topics.iter().map(|(topic, words)| (topic.as_str(), words.as_slice())))
        .collect();
    listed(&topics, spot);
    let words = Words::new(&topics);
    let patterns = patterns(written, spot);
    for (detector, wanted) in [
        (Detector::Word, words.is_some()),
        (Detector::Pattern, !patterns.is_empty()),
        (Detector::Length, written.max_length.is_some() || written.max_tokens.is_some()),
        (Detector::Language, !written.languages.is_empty()),
    ] {
        if wanted {
            detect = detect.with(detector);
        }
    }
    for (field, detector, written) in [
        ("hosts", Detector::Exfiltration, !written.hosts.is_empty()),
        ("threshold", Detector::Injection, written.threshold.is_some()),
    ] {
        if written && !detect.has(detector) {
            let name = detector.name();
            spot.warning(&[field], format!("this does nothing unless detect has {name}"), None);
        }
    }
    if detect.is_empty() {
        let hint =
            "detect: [pii, secrets], words, topics, patterns, max_length, max_tokens or languages".to_owned();
        spot.error(&[], "the guard looks for nothing", hint);
    }
    let action = action(written.action);
    let places = Detector::ALL.into_iter().any(|detector| detect.has(detector) && detector.has_place());
    if action.edits() && !detect.is_empty() && !places {
        spot.error(&["action"], "what this guard looks for has no place that could be masked", None);
    }
    if detect.has(Detector::Schema) && !looks(written, GuardOn::Answer) {
        let hint = "on: [answer]".to_owned();
        spot.error(&["on"], "only answers have a form that was asked for", hint);
    }
    if written.max_tokens.is_some() && !looks(written, GuardOn::Request) {
        let hint = "on: [request]".to_owned();
        spot.error(&["max_tokens"], "only the tokens of requests are counted", hint);
    }
    let (requests, answers) = (looks(written, GuardOn::Request), looks(written, GuardOn::Answer));
    if action == Action::MaskAndRestore && !requests {
        let hint = "it masks requests and restores answers by itself; on: [request]".to_owned();
        spot.error(&["on"], "only what was masked in a request can be restored", hint);
    }
    let route = written.route.as_deref().map(|route| Arc::from(route.trim()));
    diverts(written, requests, spot);
    Guard {
        name: name.into(),
        detect,
        words,
        patterns,
        hosts: trimmed(&written.hosts),
        threshold: written.threshold.map_or(THRESHOLD, |percent| u8::try_from(percent.0).unwrap_or(100)),
        length: written.max_length.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)),
        tokens: written.max_tokens.unwrap_or(u64::MAX),
        languages: languages(written, spot),
        action,
        route,
        class: None,
        requests,
        answers,
        scope: scope(&written.keys, &written.owners, &written.models, spot),
    }
}

/// Whom a rule is for.
pub(super) fn scope(keys: &[String], owners: &[String], models: &[String], spot: &mut Spot<'_>) -> Scope {
    for (place, key) in keys.iter().enumerate() {
        // Those that the store keeps are not known here.
        if key.trim().is_empty() {
            spot.error(&["keys", &place.to_string()], "expected the name of a key", None);
        }
    }
    for (place, owner) in owners.iter().enumerate() {
        if !is_owner(owner.trim()) {
            spot.error(&["owners", &place.to_string()], "expected an owner such as org/team/service", None);
        }
    }
    Scope { keys: trimmed(keys), owners: trimmed(owners), models: trimmed(models) }
}

/// Whether what is said of where requests go can be so.
fn diverts(written: &Written, requests: bool, spot: &mut Spot<'_>) {
    match (written.action == GuardAction::Route, &written.route) {
        (true, None) => {
            spot.error(&["action"], "expected a route to send requests to", "route: NAME".to_owned())
        }
        (false, Some(_)) => spot.error(&["route"], "only action: route sends requests somewhere", None),
        (true, Some(_)) | (false, None) => {}
    }
    for (field, said) in
        [("action", written.action == GuardAction::Route), ("class", written.class.is_some())]
    {
        if said && !requests {
            let hint = "on: [request]".to_owned();
            spot.error(&[field], "only requests can go elsewhere, and this guard looks at none", hint);
        }
    }
}

/// The classes of data, each with what is wrong with it told.
fn classes(file: &File, check: &mut Check<'_>) -> Vec<Arc<Class>> {
    let mut classes = Vec::with_capacity(file.classes.len());
    for (name, written) in &file.classes {
        if !is_name(name) {
            check.error(&["classes", name], "expected a name", None);
        }
        if written.models.is_empty() && written.providers.is_empty() {
            let hint = "models: […] or providers: […]".to_owned();
            check.error(&["classes", name], "nobody may have data of this class", hint);
        }
        check.providers(&["classes", name, "providers"], &written.providers);
        classes.push(Arc::new(Class {
            name: name.trim().to_owned(),
            models: trimmed(&written.models),
            providers: trimmed(&written.providers),
        }));
    }
    classes
}

fn class_of(name: &str, classes: &[Arc<Class>], spot: &mut Spot<'_>) -> Option<Arc<Class>> {
    let name = name.trim();
    let class = classes.iter().find(|class| class.name == name).cloned();
    if class.is_none() {
        let hint = did_you_mean(name, classes.iter().map(|class| class.name.as_str()));
        spot.error(&["class"], format!("no class of data is named \"{name}\""), hint);
    }
    class
}

/// Guards and their rules are named in a header of answers, with these between.
pub(super) fn named(name: &str, path: &[&str], spot: &mut Spot<'_>) {
    if !is_name(name) || name.contains(['/', ',', ';', '=']) {
        spot.error(path, "expected a name without / , ; =", None);
    }
}

fn looks(written: &Written, on: GuardOn) -> bool {
    written.on.is_empty() || written.on.contains(&on)
}

const fn action(written: GuardAction) -> Action {
    match written {
        GuardAction::Monitor => Action::Monitor,
        GuardAction::Tag => Action::Tag,
        GuardAction::Route => Action::Route,
        GuardAction::Mask => Action::Mask,
        GuardAction::MaskAndRestore => Action::MaskAndRestore,
        GuardAction::Block => Action::Block,
    }
}

fn detected(written: &Written, spot: &mut Spot<'_>) -> Wanted {
    /// What is wanted by what other fields say.
    const BY_FIELD: [(Detector, &str); 4] = [
        (Detector::Word, "words"),
        (Detector::Pattern, "patterns"),
        (Detector::Length, "max_length"),
        (Detector::Language, "languages"),
    ];
    let mut wanted = Wanted::NONE;
    for (place, name) in written.detect.iter().enumerate() {
        let name = name.trim();
        let path = ["detect", &place.to_string()];
        let known = Detector::ALL.into_iter().find(|detector| detector.name() == name);
        match known {
            _ if name == "pii" => wanted = wanted.and(Wanted::PII),
            Some(detector) => match BY_FIELD.iter().find(|(by_field, _)| *by_field == detector) {
                Some((_, field)) => {
                    spot.error(&path, format!("this is looked for where {field} is written"), None);
                }
                None => wanted = wanted.with(detector),
            },
            None => {
                let names = Detector::ALL.into_iter().map(Detector::name).chain(["pii"]);
                let hint = nearest(name, names).first().map(|near| format!("did you mean \"{near}\"?"));
                spot.error(&path, format!("nothing is known by the name \"{name}\""), hint);
            }
        }
    }
    wanted
}

fn listed(topics: &[(&str, &[String])], spot: &mut Spot<'_>) {
    for (topic, words) in topics {
        named(topic, &["topics", topic], spot);
        for (place, word) in words.iter().enumerate() {
            let place = place.to_string();
            let path: &[&str] =
                if *topic == "words" { &["words", &place] } else { &["topics", topic, &place] };
            if word.trim().is_empty() {
                spot.error(path, "expected a word or a phrase", None);
            } else if word.len() > LONGEST_WORD {
                spot.error(path, format!("expected at most {LONGEST_WORD} bytes"), None);
            }
        }
    }
}

fn patterns(written: &Written, spot: &mut Spot<'_>) -> Vec<(Arc<str>, Arc<Pattern>)> {
    let mut patterns = Vec::with_capacity(written.patterns.len());
    for (name, expression) in &written.patterns {
        named(name, &["patterns", name], spot);
        match Pattern::new(expression) {
            Ok(pattern) => patterns.push((name.as_str().into(), Arc::new(pattern))),
            Err(why) => {
                // The library's own words, of which the last line says what is wrong.
                let reason = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                spot.error(&["patterns", name], format!("this cannot be looked for: {reason}"), None);
            }
        }
    }
    patterns
}

fn languages(written: &Written, spot: &mut Spot<'_>) -> Vec<&'static str> {
    let mut known = Vec::with_capacity(written.languages.len());
    for (place, name) in written.languages.iter().enumerate() {
        match LANGUAGES.iter().find(|language| **language == name.trim()) {
            Some(language) => known.push(*language),
            None => {
                let hint = format!("those that can be told are {}", LANGUAGES.join(", "));
                spot.error(&["languages", &place.to_string()], "this language cannot be told", hint);
            }
        }
    }
    known
}
