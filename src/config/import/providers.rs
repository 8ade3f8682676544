//! The providers that are being made: one for each vendor, address and credential.

use super::written::Written;

/// Providers by name, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Providers(Vec<(String, Written)>);

impl Providers {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the provider of a vendor with these fields, which is made where it is not there. It
    /// is called `wanted` where that is free.
    pub(super) fn name(&mut self, vendor: &str, wanted: &str, fields: &[(String, Written)]) -> String {
        let of = |name: &str| {
            let mut all = fields.to_vec();
            if name != vendor {
                all.insert(0, ("vendor".to_owned(), Written::text(vendor)));
            }
            Written::Map(all)
        };
        if let Some((name, _)) = self.0.iter().find(|(name, written)| *written == of(name)) {
            return name.clone();
        }
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        let free = names.find(|name| self.0.iter().all(|(known, _)| known != name));
        let name = free.unwrap_or_else(|| wanted.to_owned());
        self.0.push((name.clone(), of(&name)));
        name
    }

    pub(super) fn into_written(self) -> Written {
        Written::Map(self.0)
    }
}
