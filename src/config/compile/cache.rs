//! What may be kept of answers.

use rustc_hash::FxHashMap;

use crate::cache::{Left, Mode, OtherWords, Otherwise, Replay, Rules, Scope, semantic};
use crate::config::file::{CacheLeft, CacheMode, CacheOtherwise, CacheReplay, CacheScope, File, Span};
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
        (OtherWords::Watched | OtherWords::Answered, Mode::Balanced) => Some(semantic::Wanted::Vectors),
        (OtherWords::Watched | OtherWords::Answered, Mode::Off | Mode::Exact | Mode::Safe) => {
            Some(semantic::Wanted::Lists)
        }
    };
    if let Some(wanted) = others.chain([rules]).filter_map(wanted).max() {
        semantic::prepare(wanted);
    }
    Caching { rules, routes, room: cache.room.0, largest: cache.entry.0 }
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
    }
}

const fn scope(written: CacheScope) -> Scope {
    match written {
        CacheScope::Key => Scope::Key,
        CacheScope::Owner => Scope::Owner,
        CacheScope::Shared => Scope::Shared,
    }
}
