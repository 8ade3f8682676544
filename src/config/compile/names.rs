//! The names that the file adds: aliases and routes, followed to the targets behind them.

use std::collections::BTreeMap;

use crate::config::file::File;
use crate::config::read::did_you_mean;
use crate::route::{Names, Offer, Route, Table, Target};

use super::Check;

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
        names.insert(name, Name { map: "routes", targets: &route.targets, strict: route.strict });
    }
    for (name, target) in &file.aliases {
        check_name("aliases", name, check);
        if names.contains_key(name.as_str()) {
            let message = format!("\"{name}\" is a route already");
            check.error(&["aliases", name], message, "give one of the two another name".to_owned());
            continue;
        }
        names.insert(name, Name { map: "aliases", targets: std::slice::from_ref(target), strict: false });
    }
    let plain = Table::new(offers, Vec::new(), default);
    let mut routes = Vec::with_capacity(names.len());
    let mut resolver = Resolver { names: &names, plain: &plain, offers, check };
    for (name, entry) in &names {
        let mut route = Route { targets: Vec::new(), strict: false };
        resolver.follow(name, entry, &mut vec![name], &mut route);
        if !route.targets.is_empty() {
            routes.push(((*name).to_owned(), route));
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

/// An alias or a route as written.
struct Name<'a> {
    /// Which map of the file it stands in.
    map: &'static str,
    targets: &'a [String],
    strict: bool,
}

struct Resolver<'a, 'c> {
    names: &'a BTreeMap<&'a str, Name<'a>>,
    /// The names that need no configuration.
    plain: &'a Table,
    offers: &'a [Offer],
    check: &'a mut Check<'c>,
}

impl<'a> Resolver<'a, '_> {
    /// Adds the targets behind a name. `way` holds the names passed, this one last.
    fn follow(&mut self, name: &str, entry: &'a Name<'a>, way: &mut Vec<&'a str>, route: &mut Route) {
        route.strict |= entry.strict;
        for (index, written) in entry.targets.iter().enumerate() {
            let written = written.as_str().trim();
            let index = index.to_string();
            let deep = ["routes", name, "targets", &index];
            let path: &[&str] = if entry.map == "routes" { &deep } else { &["aliases", name] };
            let Some((&next, further)) = self.names.get_key_value(written) else {
                self.add(written, path, route);
                continue;
            };
            if way.contains(&next) {
                // Every name of a circle finds it; the first of them tells.
                if way.iter().min() == Some(&next) && way.first() == Some(&next) {
                    let circle = format!("{} → {next}", way.join(" → "));
                    self.check.error(path, format!("the names lead in a circle: {circle}"), None);
                }
            } else if way.len() >= DEEPEST {
                let message = format!("more than {DEEPEST} names stand behind each other");
                self.check.error(path, message, None);
            } else {
                way.push(next);
                self.follow(next, further, way, route);
                way.pop();
            }
        }
    }

    fn add(&mut self, written: &str, path: &[&str], route: &mut Route) {
        for target in self.targets(written, path) {
            if !route.targets.contains(&target) {
                route.targets.push(target);
            }
        }
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
