//! The names a client may ask for, and the targets behind them.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::way::Way;
use crate::catalog;

/// A provider's place in the snapshot's list of providers.
pub type ProviderIndex = usize;

/// A model behind a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which provider.
    pub provider: ProviderIndex,
    /// The model's name there.
    pub model: String,
}

/// A name of the configuration and the targets behind it, first choice first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The targets; never empty.
    pub targets: Vec<Target>,
    /// Whether a loss refuses the request.
    pub strict: bool,
    /// What is said besides, with a leg for each target; none where targets are tried in their order
    /// and that is all.
    pub way: Option<Arc<Way>>,
}

/// What the table knows of one configured provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The provider's name in the configuration.
    pub name: String,
    /// Other names by which clients may call it (its vendor's id and aliases).
    pub aliases: Vec<String>,
    /// Its vendor's id, by which families prefer it.
    pub vendor: String,
    /// The models it serves by their plain names.
    pub models: Vec<String>,
}

/// Names that background discovery found: model → the providers that list it.
pub type Names = FxHashMap<String, Vec<ProviderIndex>>;

/// The compiled names.
#[derive(Debug, Clone, Default)]
pub struct Table {
    routes: FxHashMap<String, Route>,
    /// Provider names and aliases → provider; a configured name wins over an alias.
    providers: FxHashMap<String, ProviderIndex>,
    /// Plain model names → the providers that serve them, in order of preference.
    models: Names,
    /// Vendor id → its providers, in order of preference.
    vendors: FxHashMap<String, Vec<ProviderIndex>>,
    default: Option<ProviderIndex>,
}

/// The targets for one request, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The targets; never empty.
    pub targets: Vec<Target>,
    /// Whether a loss refuses the request.
    pub strict: bool,
    /// What the route says besides.
    pub way: Option<Arc<Way>>,
    /// The place of each target among those of the route, where that says something besides.
    pub legs: Vec<usize>,
}

impl Choice {
    /// Keeps some of the targets; told is the place among the route's too.
    pub fn retain(&mut self, mut keep: impl FnMut(usize, &Target) -> bool) {
        let mut legs = Vec::with_capacity(self.legs.len());
        let mut places = self.legs.iter().copied();
        self.targets.retain(|target| {
            let leg = places.next();
            let kept = keep(leg.unwrap_or(0), target);
            legs.extend(leg.filter(|_| kept));
            kept
        });
        self.legs = legs;
    }
}

/// No target has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The most similar names that exist, nearest first.
    pub nearest: Vec<String>,
}

impl Table {
    /// Compiles the names. `offers` stand in order of preference.
    #[must_use]
    pub fn new(offers: &[Offer], routes: Vec<(String, Route)>, default: Option<ProviderIndex>) -> Self {
        let mut table = Self { routes: routes.into_iter().collect(), default, ..Self::default() };
        for (index, offer) in offers.iter().enumerate() {
            table.providers.insert(offer.name.clone(), index);
            table.vendors.entry(offer.vendor.clone()).or_default().push(index);
            for model in &offer.models {
                let servers = table.models.entry(model.clone()).or_default();
                if !servers.contains(&index) {
                    servers.push(index);
                }
            }
        }
        for (index, offer) in offers.iter().enumerate() {
            for alias in &offer.aliases {
                table.providers.entry(alias.clone()).or_insert(index);
            }
        }
        table
    }

    /// The targets for a model's name: a route of the configuration, `provider/model`, a name
    /// that some provider is known to serve, the family that the name begins with, or the
    /// default provider, in this order.
    ///
    /// # Errors
    /// When nothing matches, with the nearest names.
    pub fn choose(&self, name: &str, discovered: &Names) -> Result<Choice, Unknown> {
        if let Some(route) = self.routes.get(name) {
            let legs = route.way.as_ref().map_or_else(Vec::new, |_| (0..route.targets.len()).collect());
            let (targets, way) = (route.targets.clone(), route.way.clone());
            return Ok(Choice { targets, strict: route.strict, way, legs });
        }
        let name = name.strip_prefix("models/").unwrap_or(name);
        if let Some((provider, model)) = name.split_once('/')
            && let Some(&provider) = self.providers.get(provider)
            && !model.is_empty()
        {
            return Ok(plain(vec![Target { provider, model: model.to_owned() }]));
        }
        let served = self.models.get(name).or_else(|| discovered.get(name));
        if let Some(servers) = served.filter(|servers| !servers.is_empty()) {
            return Ok(plain(targets(servers, name)));
        }
        let family = catalog::family(name).iter().find_map(|vendor| self.vendors.get(*vendor));
        if let Some(servers) = family {
            return Ok(plain(targets(servers, name)));
        }
        match self.default {
            Some(provider) if !name.is_empty() => {
                Ok(plain(vec![Target { provider, model: name.to_owned() }]))
            }
            _ => Err(Unknown { nearest: self.nearest(name, discovered) }),
        }
    }

    /// Whether the configuration has a route or an alias of this name.
    #[must_use]
    pub fn is_route(&self, name: &str) -> bool {
        self.routes.contains_key(name)
    }

    /// The provider of that name, or with that alias.
    ///
    /// # Errors
    /// When there is none, with the nearest names.
    pub fn provider(&self, name: &str) -> Result<ProviderIndex, Unknown> {
        self.providers.get(name).copied().ok_or_else(|| {
            let nearest = catalog::nearest(name, self.providers.keys().map(String::as_str));
            Unknown { nearest: nearest.into_iter().map(str::to_owned).collect() }
        })
    }

    /// Every plain name that can be asked for with the first provider behind it, sorted; routes
    /// of the configuration come first.
    #[must_use]
    pub fn list(&self, discovered: &Names) -> Vec<(String, ProviderIndex)> {
        let mut routes: Vec<_> = self
            .routes
            .iter()
            .filter_map(|(name, route)| Some((name.clone(), route.targets.first()?.provider)))
            .collect();
        let mut models: Vec<_> = self
            .models
            .iter()
            .chain(discovered.iter().filter(|(name, _)| !self.models.contains_key(*name)))
            .filter(|(name, _)| !self.routes.contains_key(*name))
            .filter_map(|(name, servers)| Some((name.clone(), *servers.first()?)))
            .collect();
        routes.sort_unstable();
        models.sort_unstable();
        routes.append(&mut models);
        routes
    }

    /// How many plain names a provider serves.
    #[must_use]
    pub fn served_by(&self, provider: ProviderIndex, discovered: &Names) -> usize {
        let found = discovered.iter().filter(|(name, _)| !self.models.contains_key(*name));
        self.models.iter().chain(found).filter(|(_, servers)| servers.contains(&provider)).count()
    }

    fn nearest(&self, name: &str, discovered: &Names) -> Vec<String> {
        let known = self.routes.keys().chain(self.models.keys()).chain(discovered.keys()).map(String::as_str);
        catalog::nearest(name, known).into_iter().map(str::to_owned).collect()
    }
}

const fn plain(targets: Vec<Target>) -> Choice {
    Choice { targets, strict: false, way: None, legs: Vec::new() }
}

fn targets(servers: &[ProviderIndex], model: &str) -> Vec<Target> {
    servers.iter().map(|&provider| Target { provider, model: model.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(name: &str, vendor: &str, models: &[&str]) -> Offer {
        Offer {
            name: name.into(),
            aliases: vec![vendor.into()],
            vendor: vendor.into(),
            models: models.iter().map(|&model| model.into()).collect(),
        }
    }

    fn table(default: Option<ProviderIndex>) -> Table {
        let offers = [
            offer("azure-eu", "azure", &["gpt-4o"]),
            offer("openai", "openai", &["gpt-4o", "gpt-4o-mini"]),
            offer("openrouter", "openrouter", &["meta-llama/llama-3.3-70b-instruct"]),
        ];
        let route = Route {
            targets: vec![Target { provider: 1, model: "gpt-4o-mini".into() }],
            strict: true,
            way: None,
        };
        Table::new(&offers, vec![("fast".into(), route)], default)
    }

    fn first(table: &Table, name: &str) -> Option<(ProviderIndex, String)> {
        let choice = table.choose(name, &Names::default()).ok()?;
        choice.targets.first().map(|target| (target.provider, target.model.clone()))
    }

    #[test]
    fn a_route_wins_over_everything() {
        let choice = table(None).choose("fast", &Names::default()).unwrap();
        assert!(choice.strict);
        assert_eq!(choice.targets, [Target { provider: 1, model: "gpt-4o-mini".into() }]);
    }

    #[test]
    fn a_provider_prefix_takes_any_model_and_keeps_further_slashes() {
        assert_eq!(first(&table(None), "openai/brand-new"), Some((1, "brand-new".into())));
        assert_eq!(first(&table(None), "openrouter/qwen/qwen3-32b"), Some((2, "qwen/qwen3-32b".into())));
        assert_eq!(first(&table(None), "azure/my-deployment"), Some((0, "my-deployment".into())));
    }

    #[test]
    fn a_plain_name_goes_to_its_providers_in_order_of_preference() {
        let choice = table(None).choose("gpt-4o", &Names::default()).unwrap();
        assert_eq!(choice.targets.iter().map(|target| target.provider).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(
            first(&table(None), "meta-llama/llama-3.3-70b-instruct"),
            Some((2, "meta-llama/llama-3.3-70b-instruct".into()))
        );
    }

    #[test]
    fn an_unknown_name_goes_to_its_family_then_to_the_default_then_nowhere() {
        assert_eq!(first(&table(None), "gpt-9-ultra"), Some((1, "gpt-9-ultra".into())));
        assert_eq!(first(&table(Some(2)), "mystery"), Some((2, "mystery".into())));
        let unknown = table(None).choose("mystery-4o", &Names::default()).unwrap_err();
        assert!(!unknown.nearest.contains(&"mystery-4o".to_owned()));
        assert!(table(None).choose("", &Names::default()).is_err());
    }

    #[test]
    fn discovered_names_are_found_but_never_shadow_the_table() {
        let discovered: Names = [("in-house".to_owned(), vec![2])].into_iter().collect();
        assert_eq!(table(None).choose("in-house", &discovered).unwrap().targets.len(), 1);
        assert!(table(None).list(&discovered).iter().any(|(name, _)| name == "in-house"));
    }
}
