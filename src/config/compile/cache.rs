//! What may be kept of answers.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cache::{Embedder, Left, Mode, OtherWords, Otherwise, Replay, Rules, Scope, Verifier, semantic};
use crate::config::file::{CacheLeft, CacheMode, CacheOtherwise, CacheReplay, CacheScope, File, Span};
use crate::config::read::did_you_mean;
use crate::route::health::Breaker;
use crate::route::{Names, Table};
use crate::snapshot::Caching;

use super::Check;
use super::keys::Spot;

/// What may be kept, for all and for routes.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Caching {
    let cache = &file.cache;
    for (name, size) in [("room", cache.room), ("entry", cache.entry)] {
        if size.0.0 == 0 {
            check.error(&["cache", name], "expected a size above 0", "mode: off keeps none".to_owned());
        }
    }
    if cache.entry.0 > cache.room.0 {
        let message = format!("one answer of {} would not fit into all that may be kept", cache.entry);
        check.error(&["cache", "entry"], message, "give room at least the size of entry".to_owned());
    }
    let rules = Rules {
        mode: mode(cache.mode),
        scope: scope(cache.scope),
        ttl: check.time(&["cache", "ttl"], cache.ttl),
        temperature: cache.temperature.0,
        without_temperature: cache.without_temperature,
        tools: cache.tools,
        in_flight: cache.in_flight,
        left: match cache.left {
            CacheLeft::Cancel => Left::Cancel,
            CacheLeft::Finish => Left::Finish,
        },
        replay: match cache.replay {
            CacheReplay::AtOnce => Replay::AtOnce,
            CacheReplay::Recorded => Replay::Recorded,
        },
        shadow: cache.shadow,
    };
    let mut routes = FxHashMap::default();
    for (name, route) in &file.routes {
        if let Some(written) = &route.cache {
            let path = ["routes", name.as_str()];
            let mut spot = Spot { tree: check.source.sound, path: &path, problems: check.problems };
            routes.insert(name.clone(), otherwise(written, &mut spot));
        }
    }
    let others = routes.values().map(|otherwise| rules.with(otherwise));
    let wanted = |rules: Rules| match (rules.other_words(), rules.mode) {
        (OtherWords::Unknown, _) => None,
        (OtherWords::Watched | OtherWords::Answered, Mode::Balanced | Mode::Verified | Mode::Custom) => {
            Some(semantic::Wanted::Vectors)
        }
        (OtherWords::Watched | OtherWords::Answered, Mode::Off | Mode::Exact | Mode::Safe) => {
            Some(semantic::Wanted::Lists)
        }
    };
    if let Some(wanted) = others.chain([rules]).filter_map(wanted).max() {
        semantic::prepare(wanted);
    }
    Caching { rules, routes, room: cache.room.0, largest: cache.entry.0, embedder: None, verifier: None }
}

/// The models that are asked about questions.
pub(super) fn ask(caching: &mut Caching, file: &File, table: &Table, check: &mut Check<'_>) {
    let (custom, verified) = (&file.cache.custom, &file.cache.verified);
    let timeout = check.time(&["cache", "custom", "timeout"], custom.timeout);
    let named = (CacheMode::Custom, "custom", custom.model.as_deref());
    if let Some(model) = model(named, file, table, check) {
        let (threshold, breaker) = (custom.threshold.0, Breaker::default());
        caching.embedder = Some(Arc::new(Embedder { model, threshold, timeout, breaker }));
    }
    let timeout = check.time(&["cache", "verified", "timeout"], verified.timeout);
    let named = (CacheMode::Verified, "verified", verified.model.as_deref());
    if let Some(model) = model(named, file, table, check) {
        caching.verifier = Some(Arc::new(Verifier { model, timeout, breaker: Breaker::default() }));
    }
}

/// The model of a mode, which must be there where the mode is said.
fn model(
    (wanted, mode, written): (CacheMode, &str, Option<&str>),
    file: &File,
    table: &Table,
    check: &mut Check<'_>,
) -> Option<String> {
    let Some(model) = written.map(str::trim).filter(|model| !model.is_empty()) else {
        let said = |cache: Option<&CacheOtherwise>| cache.and_then(|cache| cache.mode) == Some(wanted);
        let routes = file.routes.iter().filter(|(_, route)| said(route.cache.as_ref()));
        let keys = file.keys.iter().filter(|(_, key)| said(key.cache.as_ref()));
        let routes = routes.map(|(name, _)| vec!["routes", name, "cache"]);
        let keys = keys.map(|(name, _)| vec!["keys", name, "cache"]);
        let all = (file.cache.mode == wanted).then(|| vec!["cache", "mode"]);
        for place in all.into_iter().chain(routes).chain(keys) {
            let hint = format!("set cache.{mode}.model to one that this gateway serves");
            check.error(&place, format!("the mode {mode} needs a model that is asked"), hint);
        }
        return None;
    };
    if let Err(unknown) = table.choose(model, &Names::default()) {
        let hint = did_you_mean(model, unknown.nearest.iter().map(String::as_str));
        let hint = hint.or_else(|| Some("name a route, or the provider too: provider/model".to_owned()));
        check.error(&["cache", mode, "model"], format!("no provider is known to serve \"{model}\""), hint);
    }
    Some(model.to_owned())
}

/// What a route or a key has otherwise.
pub(super) fn otherwise(written: &CacheOtherwise, spot: &mut Spot<'_>) -> Otherwise {
    if written.ttl.is_some_and(|Span(ttl)| ttl.is_zero()) {
        spot.error(&["cache", "ttl"], "expected a time that is longer than nothing", None);
    }
    Otherwise {
        mode: written.mode.map(mode),
        scope: written.scope.map(scope),
        ttl: written.ttl.map(|ttl| ttl.0),
        temperature: written.temperature.map(|temperature| temperature.0),
        without_temperature: written.without_temperature,
        tools: written.tools,
        in_flight: written.in_flight,
        shadow: written.shadow,
    }
}

const fn mode(written: CacheMode) -> Mode {
    match written {
        CacheMode::Off => Mode::Off,
        CacheMode::Exact => Mode::Exact,
        CacheMode::Safe => Mode::Safe,
        CacheMode::Balanced => Mode::Balanced,
        CacheMode::Verified => Mode::Verified,
        CacheMode::Custom => Mode::Custom,
    }
}

const fn scope(written: CacheScope) -> Scope {
    match written {
        CacheScope::Key => Scope::Key,
        CacheScope::Owner => Scope::Owner,
        CacheScope::Shared => Scope::Shared,
    }
}
