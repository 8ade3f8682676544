//! The names that the file adds: aliases and routes, followed to the targets behind them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::file::{self, Fallbacks, File};
use crate::config::read::did_you_mean;
use crate::route::way::{Cause, Leg, Strategy, Times, Way};
use crate::route::{Names, Offer, Route, Table, Target};

use super::{Check, legs};

/// How many names may stand behind each other.
const DEEPEST: usize = 8;

/// The table of all names. `offers` stand in the order of the snapshot's providers.
pub(super) fn compile(file: &File, offers: &[Offer], check: &mut Check<'_>) -> Table {
    let default = default_provider(file, offers, check);
    let mut names: BTreeMap<&str, Name<'_>> = BTreeMap::new();
    for (name, route) in &file.routes {
        check_name("routes", name, check);
        if route.targets.is_empty() {
            check.error(&["routes", name], format!("the route \"{name}\" has no targets"), None);
        }
        names.insert(name, Name::of_route(name, route, check));
    }
    for (name, target) in &file.aliases {
        check_name("aliases", name, check);
        if names.contains_key(name.as_str()) {
            let message = format!("\"{name}\" is a route already");
            check.error(&["aliases", name], message, "give one of the two another name".to_owned());
            continue;
        }
        names.insert(name, Name::of_alias(target));
    }
    let plain = Table::new(offers, Vec::new(), default);
    let mut routes = Vec::with_capacity(names.len());
    let mut resolver = Resolver { names: &names, plain: &plain, offers, check };
    for (name, entry) in &names {
        let mut strict = false;
        let behind = resolver.follow(name, entry, &mut vec![name], &mut strict);
        if !behind.is_empty() {
            let strategy = resolver.strategy(entry);
            let fallbacks = resolver.fallbacks(name, entry, &mut strict);
            let times = resolver.meant(entry).times;
            routes.push(((*name).to_owned(), route(behind, strategy, strict, fallbacks, times)));
        }
    }
    Table::new(offers, routes, default)
}

fn default_provider(file: &File, offers: &[Offer], check: &mut Check<'_>) -> Option<usize> {
    let name = file.default_provider.as_deref().map(str::trim).filter(|name| !name.is_empty())?;
    if !check.is_declared("providers", name) {
        let hint = did_you_mean(name, check.declared("providers"));
        check.error(&["default_provider"], format!("no provider is named \"{name}\""), hint);
    }
    offers.iter().position(|offer| offer.name == name)
}

fn check_name(map: &str, name: &str, check: &mut Check<'_>) {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        check.error(&[map, name], "expected a name", None);
    }
}

/// The route of these targets; what is said of them besides is left out where it says nothing.
fn route(
    mut behind: Vec<(Target, Leg)>,
    strategy: Strategy,
    strict: bool,
    further: Vec<(Cause, Vec<(Target, Leg)>)>,
    times: Option<Times>,
) -> Route {
    let mut fallbacks = Vec::with_capacity(further.len());
    for (cause, targets) in further {
        let first = behind.len();
        behind.extend(targets);
        fallbacks.push((cause, first..behind.len()));
    }
    let conditions = behind.iter().any(|(_, leg)| !leg.when.is_empty() || leg.keys.is_some());
    let said = strategy != Strategy::Fallback || conditions || !fallbacks.is_empty() || times.is_some();
    let (targets, legs) = behind.into_iter().unzip();
    Route { targets, strict, way: said.then(|| Arc::new(Way { strategy, legs, fallbacks, times })) }
}

/// An alias or a route as written.
struct Name<'a> {
    /// Which map of the file it stands in.
    map: &'static str,
    targets: Vec<(Cow<'a, str>, Leg)>,
    strategy: Strategy,
    strict: bool,
    fallbacks: Option<&'a Fallbacks>,
    times: Option<Times>,
}

impl<'a> Name<'a> {
    fn of_alias(target: &'a str) -> Self {
        let targets = vec![(target.into(), Leg::USUAL)];
        Self {
            map: "aliases",
            targets,
            strategy: Strategy::Fallback,
            strict: false,
            fallbacks: None,
            times: None,
        }
    }

    fn of_route(name: &str, written: &'a file::Route, check: &mut Check<'_>) -> Self {
        let legs = written.targets.iter().enumerate();
        let legs = legs.map(|(place, target)| {
            (legs::named(name, place, target, check), legs::leg(name, place, target, check))
        });
        let targets = legs.collect();
        let strategy = legs::strategy(name, written, check);
        let (fallbacks, times) = (Some(&written.fallbacks), legs::times(name, &written.timeouts, check));
        Self { map: "routes", targets, strategy, strict: written.strict, fallbacks, times }
    }
}

struct Resolver<'a, 'c> {
    names: &'a BTreeMap<&'a str, Name<'a>>,
    /// The names that need no configuration.
    plain: &'a Table,
    offers: &'a [Offer],
    check: &'a mut Check<'c>,
}

impl<'a> Resolver<'a, '_> {
    /// The targets behind a name, and what is said of each. `way` holds the names passed, this one last.
    fn follow(
        &mut self,
        name: &str,
        entry: &'a Name<'a>,
        way: &mut Vec<&'a str>,
        strict: &mut bool,
    ) -> Vec<(Target, Leg)> {
        *strict |= entry.strict;
        let mut all: Vec<(Target, Leg)> = Vec::new();
        for (index, (written, leg)) in entry.targets.iter().enumerate() {
            let written = written.trim();
            let index = index.to_string();
            let deep = ["routes", name, "targets", &index];
            let path: &[&str] = if entry.map == "routes" { &deep } else { &["aliases", name] };
            let behind = match self.names.get_key_value(written) {
                None => self.targets(written, path).into_iter().map(|target| (target, Leg::USUAL)).collect(),
                Some((&next, further)) => self.further(next, further, path, way, strict),
            };
            for (target, leg) in legs::spread(leg, behind) {
                let same = |(other, said): &(Target, Leg)| {
                    *other == target && said.when == leg.when && said.keys == leg.keys
                };
                if !all.iter().any(same) {
                    all.push((target, leg));
                }
            }
        }
        all
    }

    /// The targets behind another name that a target names.
    fn further(
        &mut self,
        next: &'a str,
        further: &'a Name<'a>,
        path: &[&str],
        way: &mut Vec<&'a str>,
        strict: &mut bool,
    ) -> Vec<(Target, Leg)> {
        if way.contains(&next) {
            // Every name of a circle finds it; the first of them tells.
            if way.iter().min() == Some(&next) && way.first() == Some(&next) {
                let circle = format!("{} → {next}", way.join(" → "));
                self.check.error(path, format!("the names lead in a circle: {circle}"), None);
            }
            return Vec::new();
        }
        if way.len() >= DEEPEST {
            let message = format!("more than {DEEPEST} names stand behind each other");
            self.check.error(path, message, None);
            return Vec::new();
        }
        way.push(next);
        let behind = self.follow(next, further, way, strict);
        way.pop();
        behind
    }

    /// How the targets behind a name are chosen among.
    fn strategy(&self, entry: &'a Name<'a>) -> Strategy {
        self.meant(entry).strategy
    }

    /// The targets for what failed of each cause.
    fn fallbacks(
        &mut self,
        name: &str,
        entry: &'a Name<'a>,
        strict: &mut bool,
    ) -> Vec<(Cause, Vec<(Target, Leg)>)> {
        let Some(written) = self.meant(entry).fallbacks else { return Vec::new() };
        let mut fallbacks = Vec::new();
        for (word, texts) in written.all() {
            let mut all: Vec<(Target, Leg)> = Vec::new();
            for (index, text) in texts.iter().enumerate() {
                let (text, index) = (text.trim(), index.to_string());
                let path = ["routes", name, "fallbacks", word, &index];
                let behind = match self.names.get_key_value(text) {
                    None => {
                        self.targets(text, &path).into_iter().map(|target| (target, Leg::USUAL)).collect()
                    }
                    Some((&next, further)) => self.further(next, further, &path, &mut vec![""], strict),
                };
                all.extend(behind);
            }
            if let Some(cause) = legs::cause(word).filter(|_| !all.is_empty()) {
                fallbacks.push((cause, all));
            }
        }
        fallbacks
    }

    /// The route that an alias stands for, or the name itself.
    fn meant(&self, entry: &'a Name<'a>) -> &'a Name<'a> {
        let mut entry = entry;
        for _ in 0..DEEPEST {
            let next = entry.targets.first().filter(|_| entry.map == "aliases");
            match next.and_then(|(written, _)| self.names.get(written.trim())) {
                Some(further) => entry = further,
                None => break,
            }
        }
        entry
    }

    /// The targets of a text that names no alias and no route.
    fn targets(&mut self, written: &str, path: &[&str]) -> Vec<Target> {
        let choice = self.plain.choose(written, &Names::default());
        let Some((provider, model)) = written.split_once('/') else {
            return match choice {
                Ok(choice) => choice.targets,
                Err(unknown) => {
                    let known = unknown.nearest.iter().map(String::as_str).chain(self.names.keys().copied());
                    let hint = did_you_mean(written, known)
                        .or_else(|| Some("name the provider too: provider/model".to_owned()));
                    let message = format!("no provider is known to serve \"{written}\"");
                    self.check.error(path, message, hint);
                    Vec::new()
                }
            };
        };
        if model.is_empty() {
            self.check.error(path, "expected a model after the provider: provider/model", None);
            return Vec::new();
        }
        let named = self
            .offers
            .iter()
            .any(|offer| offer.name == provider || offer.aliases.iter().any(|alias| alias == provider));
        let served = self.offers.iter().any(|offer| offer.models.iter().any(|model| model == written));
        if named || served {
            return choice.map(|choice| choice.targets).unwrap_or_default();
        }
        // A provider that is there but wrong has had its problem told.
        if !self.check.is_declared("providers", provider) {
            let hint = did_you_mean(provider, self.check.declared("providers")).or_else(|| {
                Some(format!("configure a provider of this name, or set {}", variable(provider)))
            });
            self.check.error(path, format!("no provider is named \"{provider}\""), hint);
        }
        Vec::new()
    }
}

/// The variable that would configure a vendor.
fn variable(provider: &str) -> String {
    let vendor = crate::provider::Vendor::find(provider);
    let known = vendor.and_then(|vendor| vendor.key_env.first());
    known.map_or_else(|| "the key of one that there is".to_owned(), |name| (*name).to_owned())
}
