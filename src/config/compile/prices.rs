//! Corrections of the catalogue: the prices and limits that an operator knows better.

use crate::catalog::{Catalog, Overlay, PriceTable, Rates};
use crate::config::file::{Correction, File, Usd};
use crate::config::read::did_you_mean;
use crate::config::tree::Node;
use crate::provider::Vendor;
use crate::units::Price;

use super::Check;

/// The corrections in the order of the file.
pub(super) fn compile(file: &File, check: &mut Check<'_>) -> Vec<Overlay> {
    file.models.iter().enumerate().map(|(index, model)| overlay(&index.to_string(), model, check)).collect()
}

fn overlay(index: &str, written: &Correction, check: &mut Check<'_>) -> Overlay {
    if written.model.trim().is_empty() {
        check.error(&["models", index, "model"], "expected the name of a model", None);
    }
    Overlay {
        provider: provider(index, written.provider.trim(), check),
        model: written.model.trim().to_owned(),
        prices: prices(index, written, check),
        max_input: written.max_input,
        max_output: written.max_output,
    }
}

/// A configured provider keeps its own name; a vendor is called as the catalogue calls it.
fn provider(index: &str, name: &str, check: &mut Check<'_>) -> String {
    let in_catalogue = || Catalog::builtin().of_provider(name).next().is_some();
    if name.contains('*') || check.is_declared("providers", name) || in_catalogue() {
        return name.to_owned();
    }
    if let Some(vendor) = Vendor::find(name) {
        return (*vendor.catalogue_ids.first().unwrap_or(&vendor.id)).to_owned();
    }
    let vendors = Vendor::all().map(|vendor| vendor.id);
    let hint = did_you_mean(name, check.declared("providers").chain(vendors));
    check.error(&["models", index, "provider"], format!("no provider or vendor is named \"{name}\""), hint);
    name.to_owned()
}

fn prices(index: &str, written: &Correction, check: &mut Check<'_>) -> Option<PriceTable> {
    let price = |usd: Option<Usd>| usd.map(|usd| usd.0);
    let rates = Rates {
        input: price(written.input),
        output: price(written.output),
        cache_read: price(written.cache_read),
        cache_write_5m: price(written.cache_write_5m),
        cache_write_1h: price(written.cache_write_1h),
        reasoning: price(written.reasoning),
        ..Rates::NONE
    };
    if rates == Rates::NONE {
        return None;
    }
    // A class without a price would be free of charge, and nobody would notice.
    let missing = |rate: Option<Price>, field| rate.is_none() && !is_written(index, field, check);
    if missing(rates.input, "input") || missing(rates.output, "output") {
        let hint = "a model without output, such as one for embeddings, has output: 0";
        check.error(&["models", index], "expected the prices of input and output both", hint.to_owned());
    }
    Some(PriceTable { standard: rates, ..PriceTable::default() })
}

/// Whether a field of a correction was written, even if what was written is wrong.
fn is_written(index: &str, field: &str, check: &Check<'_>) -> bool {
    let place = check.place(&["models", index]);
    let items = check.source.written.get("models").map(Node::items).unwrap_or_default();
    items.iter().any(|item| item.place == place && item.get(field).is_some())
}
