//! What a call costs: exactly, in whole pico-USD.

#[cfg(test)]
mod tests;

use crate::catalog::PriceTable;
use crate::ir::{ServiceTier, Usage};
use crate::units::{PicoUsd, Price};

/// The cost of a call: each class of token at its rate, and what is counted otherwise.
///
/// All input, cached or not, decides which of the model's context tiers holds, and that tier is
/// for the whole request. `tier` is the one the provider says it served, else the one asked for.
#[must_use]
pub fn cost(usage: &Usage, prices: &PriceTable, tier: Option<&ServiceTier>) -> PicoUsd {
    let rates = prices.rates(usage.total_input(), tier);
    let at = |rate: Option<Price>, tokens: u64| rate.unwrap_or_default().times(tokens);
    let searches = prices.web_search.unwrap_or_default().0.saturating_mul(u128::from(usage.web_searches));
    at(rates.input, usage.input)
        + at(rates.cache_read, usage.cache_read)
        + at(rates.cache_write_5m, usage.cache_write_5m)
        + at(rates.cache_write_1h, usage.cache_write_1h)
        + at(rates.audio_input, usage.audio_input)
        + at(rates.output, usage.output)
        + at(rates.reasoning, usage.reasoning)
        + at(rates.audio_output, usage.audio_output)
        + at(rates.image_output, usage.image_output)
        + at(rates.image_input, usage.image_input)
        + at(rates.audio_cache_read, usage.audio_cache_read)
        + at(rates.image_cache_read, usage.image_cache_read)
        + at(rates.image, usage.images)
        + at(rates.character, usage.characters)
        + at(rates.second, usage.seconds)
        + at(rates.search, usage.searches)
        + PicoUsd(searches)
}
