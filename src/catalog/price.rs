//! What a model costs: rates by class of token, by length of prompt and by service tier.

use crate::ir::ServiceTier;
use crate::units::{PicoUsd, Price};

/// Rates by class of token, and of what is counted otherwise; what is not stated falls back as [`Rates::filled`] says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Uncached input.
    pub input: Option<Price>,
    /// Output that is neither reasoning, audio nor image.
    pub output: Option<Price>,
    /// Input read from the provider's cache.
    pub cache_read: Option<Price>,
    /// Input written to the provider's cache for five minutes.
    pub cache_write_5m: Option<Price>,
    /// Input written to the provider's cache for an hour.
    pub cache_write_1h: Option<Price>,
    /// Reasoning, where it has a rate of its own.
    pub reasoning: Option<Price>,
    /// Audio input.
    pub audio_input: Option<Price>,
    /// Audio output.
    pub audio_output: Option<Price>,
    /// Image output.
    pub image_output: Option<Price>,
    /// Image input.
    pub image_input: Option<Price>,
    /// Audio input read from the provider's cache.
    pub audio_cache_read: Option<Price>,
    /// Image input read from it.
    pub image_cache_read: Option<Price>,
    /// A million pictures.
    pub image: Option<Price>,
    /// A million characters that are spoken.
    pub character: Option<Price>,
    /// A million seconds of sound that is listened to.
    pub second: Option<Price>,
    /// A million searches of a reranker.
    pub search: Option<Price>,
}

impl Rates {
    /// No rate stated.
    pub const NONE: Self = Self {
        input: None,
        output: None,
        cache_read: None,
        cache_write_5m: None,
        cache_write_1h: None,
        reasoning: None,
        audio_input: None,
        audio_output: None,
        image_output: None,
        image_input: None,
        audio_cache_read: None,
        image_cache_read: None,
        image: None,
        character: None,
        second: None,
        search: None,
    };

    /// The rates with `change` made to each that is stated.
    #[must_use]
    pub fn map(self, change: impl Fn(Price) -> Price) -> Self {
        Self {
            input: self.input.map(&change),
            output: self.output.map(&change),
            cache_read: self.cache_read.map(&change),
            cache_write_5m: self.cache_write_5m.map(&change),
            cache_write_1h: self.cache_write_1h.map(&change),
            reasoning: self.reasoning.map(&change),
            audio_input: self.audio_input.map(&change),
            audio_output: self.audio_output.map(&change),
            image_output: self.image_output.map(&change),
            image_input: self.image_input.map(&change),
            audio_cache_read: self.audio_cache_read.map(&change),
            image_cache_read: self.image_cache_read.map(&change),
            image: self.image.map(&change),
            character: self.character.map(&change),
            second: self.second.map(&change),
            search: self.search.map(&change),
        }
    }

    /// These rates, and those of `base` where these say nothing.
    #[must_use]
    pub fn or(self, base: Self) -> Self {
        Self {
            input: self.input.or(base.input),
            output: self.output.or(base.output),
            cache_read: self.cache_read.or(base.cache_read),
            cache_write_5m: self.cache_write_5m.or(base.cache_write_5m),
            cache_write_1h: self.cache_write_1h.or(base.cache_write_1h),
            reasoning: self.reasoning.or(base.reasoning),
            audio_input: self.audio_input.or(base.audio_input),
            audio_output: self.audio_output.or(base.audio_output),
            image_output: self.image_output.or(base.image_output),
            image_input: self.image_input.or(base.image_input),
            audio_cache_read: self.audio_cache_read.or(base.audio_cache_read),
            image_cache_read: self.image_cache_read.or(base.image_cache_read),
            image: self.image.or(base.image),
            character: self.character.or(base.character),
            second: self.second.or(base.second),
            search: self.search.or(base.search),
        }
    }

    /// All rates in an order that stays; what is added comes last.
    const fn each(&self) -> [Option<Price>; 16] {
        [
            self.input,
            self.output,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.reasoning,
            self.audio_input,
            self.audio_output,
            self.image_output,
            self.image_input,
            self.audio_cache_read,
            self.image_cache_read,
            self.image,
            self.character,
            self.second,
            self.search,
        ]
    }

    /// Half of each rate, rounded up to a whole micro-USD per million tokens.
    #[must_use]
    pub fn halved(self) -> Self {
        self.map(|price| Price(price.0.div_ceil(2)))
    }

    /// Every rate stated: an unstated input class costs what plain input costs, sound and pictures
    /// from the cache what words from it do, an hour's cache write what five minutes' does, an unstated output class what plain output costs, and what is
    /// counted otherwise nothing.
    #[must_use]
    pub fn filled(self) -> Self {
        let input = self.input.or(Some(Price(0)));
        let output = self.output.or(Some(Price(0)));
        let cache_write_5m = self.cache_write_5m.or(input);
        Self {
            input,
            output,
            cache_read: self.cache_read.or(input),
            cache_write_5m,
            cache_write_1h: self.cache_write_1h.or(cache_write_5m),
            reasoning: self.reasoning.or(output),
            audio_input: self.audio_input.or(input),
            audio_output: self.audio_output.or(output),
            image_output: self.image_output.or(output),
            image_input: self.image_input.or(input),
            audio_cache_read: self.audio_cache_read.or(self.cache_read).or(self.audio_input).or(input),
            image_cache_read: self.image_cache_read.or(self.cache_read).or(self.image_input).or(input),
            image: self.image.or(Some(Price(0))),
            character: self.character.or(Some(Price(0))),
            second: self.second.or(Some(Price(0))),
            search: self.search.or(Some(Price(0))),
        }
    }
}

/// The rates of one service tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRates {
    /// The tier.
    pub tier: ServiceTier,
    /// Its rates; what they leave out is said by [`PriceTable::rates`].
    pub rates: Rates,
}

/// Rates that hold for the whole request once its prompt is long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextTier {
    /// The least number of prompt tokens, cached ones counted, for which it holds. A vendor that
    /// says "above 200,000" starts at 200,001.
    pub from: u64,
    /// The rates; what they leave out stays as below the mark.
    pub rates: Rates,
    /// The service tiers at this length.
    pub services: Vec<ServiceRates>,
}

/// All that one model's tokens and searches cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceTable {
    /// The standard tier, for prompts under every mark.
    pub standard: Rates,
    /// The other service tiers, for prompts under every mark.
    pub services: Vec<ServiceRates>,
    /// Longer prompts, shortest first.
    pub tiers: Vec<ContextTier>,
    /// One web search that the provider makes.
    pub web_search: Option<PicoUsd>,
}

impl PriceTable {
    /// A table of two rates.
    #[must_use]
    pub fn flat(input: Price, output: Price) -> Self {
        Self {
            standard: Rates { input: Some(input), output: Some(output), ..Rates::NONE },
            ..Self::default()
        }
    }

    /// The table of an address that keeps to a region: a tenth more for every token, rounded up to a
    /// whole micro-USD per million.
    #[must_use]
    pub fn regional(&self) -> Self {
        let raise = |rates: Rates| rates.map(|price| Price((price.0 * 11).div_ceil(10)));
        let services = |rows: &[ServiceRates]| {
            rows.iter().map(|row| ServiceRates { tier: row.tier.clone(), rates: raise(row.rates) }).collect()
        };
        let tier = |tier: &ContextTier| ContextTier {
            from: tier.from,
            rates: raise(tier.rates),
            services: services(&tier.services),
        };
        Self {
            standard: raise(self.standard),
            services: services(&self.services),
            tiers: self.tiers.iter().map(tier).collect(),
            web_search: self.web_search,
        }
    }

    /// Eight digits that are others for any other price, by which a record can tell with which of them
    /// it was reckoned.
    #[must_use]
    pub fn version(&self) -> String {
        let mut hash = crc32fast::Hasher::new();
        let mut add = |kind: &str, from: u64, rates: &Rates| {
            hash.update(kind.as_bytes());
            hash.update(&from.to_le_bytes());
            for (place, price) in (0_u8..).zip(rates.each()) {
                if let Some(Price(price)) = price {
                    hash.update(&[place]);
                    hash.update(&price.to_le_bytes());
                }
            }
        };
        add("standard", 0, &self.standard);
        self.services.iter().for_each(|row| add(row.tier.name(), 0, &row.rates));
        for tier in &self.tiers {
            add("standard", tier.from, &tier.rates);
            tier.services.iter().for_each(|row| add(row.tier.name(), tier.from, &row.rates));
        }
        if let Some(PicoUsd(search)) = self.web_search {
            hash.update(&search.to_le_bytes());
        }
        format!("{:08x}", hash.finalize())
    }

    /// The rates for a prompt of `prompt` tokens (cached ones counted) at a service tier, every
    /// class stated.
    ///
    /// A tier that is not in the table, or leaves a class out, costs the standard rate; a batch
    /// costs half of it.
    #[must_use]
    pub fn rates(&self, prompt: u64, tier: Option<&ServiceTier>) -> Rates {
        let reached = self.tiers.iter().rev().find(|mark| mark.from <= prompt);
        let (standard, services) = match reached {
            Some(mark) => (mark.rates.or(self.standard), &mark.services),
            None => (self.standard, &self.services),
        };
        let stated = tier.and_then(|tier| service(services, tier)).unwrap_or(Rates::NONE);
        let rest = if tier == Some(&ServiceTier::Batch) { standard.halved() } else { standard };
        stated.or(rest).filled()
    }
}

/// Anthropic's `fast` has a row of its own; elsewhere the word means priority.
const FAST: &str = "fast";

fn service(services: &[ServiceRates], tier: &ServiceTier) -> Option<Rates> {
    let find = |tier: &ServiceTier| services.iter().find(|row| row.tier == *tier).map(|row| row.rates);
    match tier {
        ServiceTier::Auto | ServiceTier::Standard => None,
        ServiceTier::Other(name) if name == FAST => find(tier).or_else(|| find(&ServiceTier::Priority)),
        ServiceTier::Flex | ServiceTier::Priority | ServiceTier::Batch | ServiceTier::Other(_) => find(tier),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_price_is_another_version() {
        let table = PriceTable::flat(Price(3), Price(15));
        let mut seen = vec![table.version()];
        assert_eq!(table.clone().version(), table.version());
        let rates = Rates { cache_read: Some(Price(3)), ..Rates::NONE };
        for other in [
            PriceTable::flat(Price(15), Price(3)),
            PriceTable { standard: rates.or(table.standard), ..table.clone() },
            PriceTable { services: vec![ServiceRates { tier: ServiceTier::Flex, rates }], ..table.clone() },
            PriceTable {
                tiers: vec![ContextTier { from: 200_001, rates, services: Vec::new() }],
                ..table.clone()
            },
            PriceTable { web_search: Some(PicoUsd(1)), ..table },
        ] {
            assert!(!seen.contains(&other.version()), "{other:?}");
            seen.push(other.version());
        }
    }
}
