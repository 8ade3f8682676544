use super::*;
use crate::catalog::price::{ContextTier, Rates, ServiceRates};
use crate::catalog::{Catalog, Model};

fn model(provider: &str, name: &str) -> &'static Model {
    Catalog::builtin().find(provider, name).unwrap()
}

fn usd(provider: &str, name: &str, usage: &Usage, tier: Option<&ServiceTier>) -> String {
    cost(usage, &model(provider, name).prices, tier).to_string()
}

#[test]
fn cached_input_costs_the_cache_rate_and_is_counted_once() {
    let usage = Usage { input: 600, cache_read: 400, output: 200, ..Usage::default() };
    assert_eq!(usd("openai", "gpt-4o", &usage, None), "0.004");
}

#[test]
fn cache_writes_cost_by_how_long_they_last() {
    let usage =
        Usage { input: 100, cache_write_5m: 2_000, cache_read: 10_000, output: 300, ..Usage::default() };
    assert_eq!(usd("anthropic", "claude-sonnet-4-5", &usage, None), "0.0153");
    let hour = Usage { cache_write_5m: 0, cache_write_1h: 2_000, ..usage };
    assert_eq!(usd("anthropic", "claude-sonnet-4-5", &hour, None), "0.0198");
    let unstated = Usage { cache_write_1h: 1_000_000, ..Usage::default() };
    let name = "claude-3-5-sonnet-20241022";
    assert_eq!(usd("anthropic", name, &unstated, None), "3.75", "the five-minute rate");
}

#[test]
fn a_long_prompt_makes_the_whole_request_dear() {
    let usage = Usage { input: 250_000, output: 1_000, ..Usage::default() };
    assert_eq!(usd("gemini", "gemini-2.5-pro", &usage, None), "0.64");
    let cached = Usage { input: 1, cache_read: 200_000, output: 1_000, ..Usage::default() };
    assert_eq!(usd("gemini", "gemini-2.5-pro", &cached, None), "0.0650025");
    let under = Usage { input: 200_000, output: 1_000, ..Usage::default() };
    assert_eq!(usd("gemini", "gemini-2.5-pro", &under, None), "0.26", "the mark is passed");
    let prices = &model("xai", "grok-4.3").prices;
    let (base, long) = (prices.rates(199_999, None), prices.rates(200_000, None));
    assert!(long.input > base.input, "xAI's mark is reached");
}

#[test]
fn service_tiers_cost_their_own_rates_or_else_the_standard_ones() {
    let usage = Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() };
    // Above 272,000 tokens gpt-5 has no mark, so that a million shows the rates as they are.
    let [fast, unheard] = ["fast", "unheard-of"].map(|name| ServiceTier::Other(name.to_owned()));
    let gpt5 = |tier| usd("openai", "gpt-5", &usage, tier);
    assert_eq!(gpt5(None), "11.25");
    assert_eq!(gpt5(Some(&ServiceTier::Auto)), "11.25");
    assert_eq!(gpt5(Some(&ServiceTier::Flex)), "5.625");
    assert_eq!(gpt5(Some(&ServiceTier::Priority)), "22.5");
    assert_eq!(gpt5(Some(&fast)), "22.5");
    assert_eq!(gpt5(Some(&unheard)), "11.25");
    let o1 = |tier| usd("openai", "o1", &usage, tier);
    assert_eq!((o1(None), o1(Some(&ServiceTier::Flex))), ("75".into(), "75".into()));
    let groq = |tier| usd("groq", "llama-3.3-70b-versatile", &usage, tier);
    assert_eq!(groq(None), "1.38");
    assert_eq!(groq(Some(&ServiceTier::Batch)), "0.69", "half where no row says otherwise");
    assert_eq!(usd("anthropic", "claude-opus-5", &usage, Some(&fast)), "60");
}

#[test]
fn thoughts_cost_what_output_does_unless_they_have_a_rate() {
    let usage = Usage { reasoning: 1_000_000, ..Usage::default() };
    assert_eq!(usd("openai", "o3", &usage, None), "8");
    assert_eq!(usd("perplexity", "sonar-deep-research", &usage, None), "3");
}

#[test]
fn searches_and_sound_are_paid() {
    let usage = Usage { web_searches: 3, audio_input: 1_000_000, ..Usage::default() };
    assert_eq!(usd("gemini", "gemini-2.5-flash", &usage, None), "1.105");
    let sound = Usage { audio_input: 1_000_000, ..Usage::default() };
    assert_eq!(usd("gemini", "gemini-2.5-pro", &sound, None), "2.5", "as input, and long");
}

#[test]
fn what_is_billed_by_number_costs_what_the_list_says() {
    for (provider, name, usage, cost) in [
        ("openai", "whisper-1", Usage { seconds: 60, ..Usage::default() }, "0.006"),
        ("openai", "tts-1", Usage { characters: 1000, ..Usage::default() }, "0.015"),
        ("openai", "dall-e-3", Usage { images: 2, ..Usage::default() }, "0.08"),
        ("cohere", "rerank-v3.5", Usage { searches: 3, ..Usage::default() }, "0.006"),
        (
            "openai",
            "gpt-image-1",
            Usage { input: 100, image_input: 100, image_output: 1000, ..Usage::default() },
            "0.0415",
        ),
        (
            "openai",
            "gpt-4o-transcribe",
            Usage { audio_input: 1000, output: 100, ..Usage::default() },
            "0.007",
        ),
        (
            "openai",
            "gpt-realtime-mini",
            Usage {
                input: 1000,
                cache_read: 1000,
                audio_input: 1000,
                audio_cache_read: 1000,
                image_cache_read: 1000,
                output: 100,
                audio_output: 100,
                ..Usage::default()
            },
            "0.01328",
        ),
    ] {
        assert_eq!(usd(provider, name, &usage, None), cost, "{name}");
    }
}

#[test]
fn the_greatest_numbers_do_not_overflow() {
    let usage = Usage { input: u64::MAX, output: u64::MAX, web_searches: u64::MAX, ..Usage::default() };
    let dear = PriceTable {
        web_search: Some(PicoUsd(u128::MAX)),
        ..PriceTable::flat(Price(u64::MAX), Price(u64::MAX))
    };
    assert_eq!(cost(&usage, &dear, None), PicoUsd(u128::MAX));
}

/// A fixed sequence of numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % bound
    }

    fn rates(&mut self) -> Rates {
        let mut rate = |needed| (needed || self.below(3) > 0).then(|| Price(self.below(1000)));
        Rates {
            input: rate(true),
            output: rate(true),
            cache_read: rate(false),
            cache_write_5m: rate(false),
            cache_write_1h: rate(false),
            reasoning: rate(false),
            audio_input: rate(false),
            audio_output: rate(false),
            image_output: rate(false),
            image_input: rate(false),
            audio_cache_read: rate(false),
            image_cache_read: rate(false),
            image: rate(false),
            character: rate(false),
            second: rate(false),
            search: rate(false),
        }
    }

    fn table(&mut self) -> PriceTable {
        let services = vec![ServiceRates { tier: ServiceTier::Flex, rates: self.rates() }];
        let long = ContextTier { from: 500, rates: self.rates(), services: services.clone() };
        PriceTable {
            standard: self.rates(),
            services,
            tiers: vec![long],
            web_search: Some(PicoUsd(u128::from(self.below(1000)))),
        }
    }

    fn usage(&mut self) -> Usage {
        Usage {
            input: self.below(200),
            cache_read: self.below(200),
            cache_write_5m: self.below(200),
            cache_write_1h: self.below(200),
            audio_input: self.below(200),
            output: self.below(200),
            reasoning: self.below(200),
            audio_output: self.below(200),
            image_output: self.below(200),
            image_input: self.below(200),
            audio_cache_read: self.below(200),
            image_cache_read: self.below(200),
            web_searches: self.below(5),
            images: self.below(5),
            characters: self.below(200),
            seconds: self.below(200),
            searches: self.below(5),
            charged: None,
        }
    }
}

const TIERS: [Option<ServiceTier>; 3] = [None, Some(ServiceTier::Flex), Some(ServiceTier::Batch)];

#[test]
fn a_cost_is_the_sum_of_its_classes_at_the_rates_of_the_whole() {
    let mut numbers = Numbers(1);
    for round in 0..2_000 {
        let (table, usage) = (numbers.table(), numbers.usage());
        let tier = TIERS[round % TIERS.len()].as_ref();
        let rates = table.rates(usage.total_input(), tier);
        let parts = [
            (rates.input, usage.input),
            (rates.cache_read, usage.cache_read),
            (rates.cache_write_5m, usage.cache_write_5m),
            (rates.cache_write_1h, usage.cache_write_1h),
            (rates.audio_input, usage.audio_input),
            (rates.output, usage.output),
            (rates.reasoning, usage.reasoning),
            (rates.audio_output, usage.audio_output),
            (rates.image_output, usage.image_output),
            (rates.image_input, usage.image_input),
            (rates.audio_cache_read, usage.audio_cache_read),
            (rates.image_cache_read, usage.image_cache_read),
        ];
        let counted = [
            (rates.image, usage.images),
            (rates.character, usage.characters),
            (rates.second, usage.seconds),
            (rates.search, usage.searches),
        ];
        let tokens: u64 = parts.iter().map(|(_, tokens)| tokens).sum();
        assert_eq!(tokens, usage.total(), "no token is in two classes or in none");
        let sum: PicoUsd = parts.iter().chain(&counted).map(|(rate, n)| rate.unwrap().times(*n)).sum();
        let searches = table.web_search.unwrap().0 * u128::from(usage.web_searches);
        assert_eq!(cost(&usage, &table, tier), sum + PicoUsd(searches));
    }
}

#[test]
fn one_more_token_never_costs_less_in_any_model_of_the_catalogue() {
    let mut numbers = Numbers(2);
    for model in Catalog::builtin().iter() {
        for tier in &TIERS {
            let usage = Usage { input: numbers.below(400_000), ..numbers.usage() };
            let more = [
                Usage { input: usage.input + 1, ..usage },
                Usage { cache_read: usage.cache_read + 1, ..usage },
                Usage { cache_write_1h: usage.cache_write_1h + 1, ..usage },
                Usage { output: usage.output + 1, ..usage },
                Usage { reasoning: usage.reasoning + 1, ..usage },
                Usage { web_searches: usage.web_searches + 1, ..usage },
            ];
            let before = cost(&usage, &model.prices, tier.as_ref());
            for more in more {
                assert!(cost(&more, &model.prices, tier.as_ref()) >= before, "{}", model.name);
            }
        }
    }
}
