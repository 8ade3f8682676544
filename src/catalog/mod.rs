//! What is known of models: prices, limits and tolerances.
//!
//! [`Catalog`] is the data, built in and overlaid by configuration. [`profile`] is what a codec
//! needs of it: [`Profile::of`](profile::Profile::of) joins the norm of a dialect, the rules of a
//! model family and the [`quirks`] of a vendor. The data file is made by
//! `scripts/catalog-pack.py`, and its grammar stands at its head.

mod data;
mod find;
pub mod model;
pub mod names;
pub mod price;
pub mod profile;
mod profile_for;
pub mod quirks;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

pub use model::{Flag, Mode, Model};
pub use names::{family, nearest};
pub use price::{PriceTable, Rates};
pub use quirks::{House, Quirks};

/// Every model that is known, with the operator's corrections.
#[derive(Debug, Clone)]
pub struct Catalog {
    // Shared with the built-in catalogue where nothing is corrected.
    models: Arc<Vec<Model>>,
    index: Arc<find::Index>,
    patterns: Vec<Pattern>,
}

/// What an operator knows better: a price or a limit of some models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay {
    /// The provider, `*` standing for any run of characters.
    pub provider: String,
    /// The model's name there, `*` standing for any run of characters.
    pub model: String,
    /// The whole price; it replaces the built-in one with its tiers, so that the two never mix.
    pub prices: Option<PriceTable>,
    /// The most tokens a prompt may have.
    pub max_input: Option<u64>,
    /// The most tokens a reply may have.
    pub max_output: Option<u64>,
}

/// An overlay that names no single model also speaks for those that nobody knows.
#[derive(Debug, Clone)]
struct Pattern {
    provider: String,
    name: String,
    model: Model,
}

impl Overlay {
    fn matches(&self, model: &Model) -> bool {
        names::matches(&self.provider, &model.provider)
            && model.names().any(|name| names::matches(&self.model, name))
    }

    fn correct(&self, model: &mut Model) {
        if let Some(prices) = &self.prices {
            model.prices.clone_from(prices);
            // Whoever states a price means it.
            model.flags = model.flags.with(Flag::Regional, false);
        }
        model.max_input = self.max_input.or(model.max_input);
        model.max_output = self.max_output.or(model.max_output);
    }

    fn is_pattern(&self) -> bool {
        self.provider.contains('*') || self.model.contains('*')
    }
}

impl Catalog {
    /// The models that come with the program.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
            let mut models = data::read(&data::TEXT);
            models.append(&mut data::read(data::FLAT));
            models.append(&mut data::read(data::RETIRED));
            Catalog::of(models)
        });
        &BUILTIN
    }

    fn of(models: Vec<Model>) -> Self {
        let index = Arc::new(find::Index::of(&models));
        Self { models: Arc::new(models), index, patterns: Vec::new() }
    }

    /// The same models with the operator's corrections, of which a later one wins.
    ///
    /// A correction of a model that is not known adds it; one with a `*` also answers for every
    /// unknown model that it fits.
    #[must_use]
    pub fn with_overlay(&self, overlays: &[Overlay]) -> Self {
        if overlays.is_empty() {
            return self.clone();
        }
        let mut models = Vec::clone(&self.models);
        let mut patterns = self.patterns.clone();
        for overlay in overlays {
            let mut met = false;
            for model in models.iter_mut().filter(|model| overlay.matches(model)) {
                overlay.correct(model);
                met = true;
            }
            if met && !overlay.is_pattern() {
                continue;
            }
            let mut model = if overlay.is_pattern() {
                Model::unknown(overlay.provider.clone(), overlay.model.clone())
            } else {
                self.stand_in(&overlay.provider, &overlay.model)
            };
            overlay.correct(&mut model);
            if overlay.is_pattern() {
                let (provider, name) = (overlay.provider.clone(), overlay.model.clone());
                patterns.insert(0, Pattern { provider, name, model });
            } else {
                models.push(model);
            }
        }
        Self { patterns, ..Self::of(models) }
    }

    /// A new row that starts from what is known of the same model elsewhere.
    fn stand_in(&self, provider: &str, name: &str) -> Model {
        let known = self.find(provider, name).cloned();
        let mut model = known.unwrap_or_else(|| Model::unknown("", ""));
        model.provider = provider.to_owned().into();
        model.name = name.to_owned().into();
        model.aliases.clear();
        model
    }

    /// What is known of a model at a provider.
    ///
    /// The name may be an alias, carry a date, `-latest`, a region, `models/` or a vendor's path.
    /// A model of a closed family that the provider has no row for is answered from its maker's
    /// own: then [`Model::provider`] is not the one asked for.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<&Model> {
        let here = self.index.find(&self.models, provider, model);
        here.or_else(|| {
            let fits =
                |row: &&Pattern| names::matches(&row.provider, provider) && names::matches(&row.name, model);
            self.patterns.iter().find(fits).map(|row| &row.model)
        })
        .or_else(|| {
            let maker = names::maker(model).filter(|maker| *maker != provider)?;
            self.index.find(&self.models, maker, model)
        })
    }

    /// The providers that know a model by exactly this name, in alphabetical order.
    pub fn providers_of<'a>(&'a self, model: &'a str) -> impl Iterator<Item = &'a str> {
        self.index.providers_of(&self.models, model)
    }

    /// Every model.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// The models of one provider.
    pub fn of_provider<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a Model> {
        self.models.iter().filter(move |model| model.provider == provider)
    }
}
