//! Finds a row by any of the spellings that a model's name has in the wild.

use std::cmp::Reverse;

use super::model::Model;
use super::names;

/// The names of all rows, sorted, so that a look-up is a binary search.
#[derive(Debug, Clone, Default)]
pub(super) struct Index(Vec<Entry>);

/// One name of one row, as numbers: which row, which of its names, and whether its date is cut.
#[derive(Debug, Clone, Copy)]
struct Entry {
    row: u32,
    name: u16,
    spelling: Spelling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Spelling {
    Exact,
    Dateless,
}

impl Entry {
    fn row(self, models: &[Model]) -> Option<&Model> {
        models.get(usize::try_from(self.row).ok()?)
    }

    fn full(self, models: &[Model]) -> &str {
        let name = self.row(models).and_then(|model| model.names().nth(usize::from(self.name)));
        name.unwrap_or_default()
    }

    /// Name and provider.
    fn key(self, models: &[Model]) -> (&str, &str) {
        let provider = self.row(models).map(|model| &*model.provider).unwrap_or_default();
        match self.spelling {
            Spelling::Exact => (self.full(models), provider),
            Spelling::Dateless => (names::dateless(self.full(models)), provider),
        }
    }
}

impl Index {
    pub(super) fn of(models: &[Model]) -> Self {
        let mut entries = Vec::with_capacity(models.len() * 2);
        for (row, model) in (0_u32..).zip(models) {
            for (name, full) in (0_u16..).zip(model.names()) {
                entries.push(Entry { row, name, spelling: Spelling::Exact });
                if names::dateless(full).len() < full.len() {
                    entries.push(Entry { row, name, spelling: Spelling::Dateless });
                }
            }
        }
        // Among equals the newer of two dated snapshots comes first, and the later of two rows,
        // which is the operator's.
        entries.sort_by_cached_key(|entry| {
            (entry.key(models), entry.spelling, Reverse(entry.full(models)), Reverse(entry.row))
        });
        Self(entries)
    }

    fn named<'a>(&'a self, models: &'a [Model], name: &str, provider: &str) -> &'a [Entry] {
        let start = self.0.partition_point(|entry| entry.key(models) < (name, provider));
        self.0.get(start..).unwrap_or_default()
    }

    /// The row of a provider by any spelling of a name.
    pub(super) fn find<'a>(&self, models: &'a [Model], provider: &str, model: &str) -> Option<&'a Model> {
        names::spellings(model).into_iter().flatten().find_map(|name| {
            let entry = self.named(models, &name, provider).first()?;
            (entry.key(models) == (&*name, provider)).then(|| entry.row(models))?
        })
    }

    /// The providers that have a row of exactly this name or alias.
    pub(super) fn providers_of<'a>(
        &'a self,
        models: &'a [Model],
        model: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let mut last = "";
        self.named(models, model, "")
            .iter()
            .map(move |entry| (entry.key(models), entry.spelling))
            .take_while(move |((name, _), _)| *name == model)
            .filter(|(_, spelling)| *spelling == Spelling::Exact)
            .map(|((_, provider), _)| provider)
            .filter(move |provider| std::mem::replace(&mut last, provider) != *provider)
    }
}
