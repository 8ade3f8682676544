use super::*;
use crate::ir::ServiceTier;
use crate::units::{PicoUsd, Price};

fn found(provider: &str, model: &str) -> &'static Model {
    Catalog::builtin().find(provider, model).unwrap_or_else(|| panic!("no row for {provider}/{model}"))
}

#[test]
fn every_row_of_the_data_file_is_read() {
    let texts = || [data::TEXT.as_str(), data::FLAT, data::RETIRED].into_iter().flat_map(str::lines);
    let rows = texts().filter(|line| !line.starts_with(['#', '@'])).count();
    assert_eq!(Catalog::builtin().iter().count(), rows);
    assert_eq!(rows, 817);
    assert!(data::TEXT.len() < 120 * 1024);
    for model in Catalog::builtin().iter() {
        assert!(model.prices.standard.input.is_some(), "{} has no price", model.name);
    }
}

#[test]
fn prices_and_limits_are_those_of_the_facts() {
    let model = found("openai", "gpt-4o");
    let rates = model.prices.standard;
    assert_eq!(rates.input, Some(Price(2_500_000)));
    assert_eq!(rates.output, Some(Price(10_000_000)));
    assert_eq!(rates.cache_read, Some(Price(1_250_000)));
    assert_eq!((model.max_input, model.max_output), (Some(128_000), Some(16_384)));

    let model = found("gemini", "gemini-2.5-pro");
    let tier = &model.prices.tiers[0];
    assert_eq!(tier.from, 200_001);
    assert_eq!(tier.rates.output, Some(Price(15_000_000)));
    assert_eq!(tier.services[0].tier, ServiceTier::Priority);
    assert_eq!(tier.services[0].rates.input, Some(Price(4_500_000)));
    assert_eq!(model.prices.web_search, Some(PicoUsd(35_000_000_000)));

    let model = found("anthropic", "claude-sonnet-4-5");
    assert_eq!(model.prices.standard.cache_write_1h, Some(Price(6_000_000)));
    assert_eq!(model.retires, Some("2026-11-30"));
    assert_eq!(model.has(Flag::Prefill), Some(true));
    assert_eq!(model.has(Flag::MidSystem), None);

    let model = found("gemini", "gemini-2.5-flash");
    assert_eq!(model.prices.standard.audio_input, Some(Price(1_000_000)));
    assert_eq!(model.prices.standard.reasoning, None, "thoughts cost what output does");

    assert_eq!(found("xai", "grok-4.3").prices.tiers[0].from, 200_000, "xAI's mark is reached");
    assert_eq!(found("openai", "text-embedding-3-small").mode, Mode::Embedding);
    assert_eq!(found("openai", "gpt-5-codex").mode, Mode::Responses);
}

#[test]
fn longer_prompts_and_the_hour_never_cost_less() {
    for model in Catalog::builtin().iter() {
        let base = model.prices.rates(0, None);
        for tier in &model.prices.tiers {
            let long = model.prices.rates(tier.from, None);
            assert!(long.input >= base.input && long.output >= base.output, "{}", model.name);
            assert!(long.cache_read >= base.cache_read, "{}", model.name);
        }
    }
}

#[test]
fn a_model_is_found_by_any_spelling_of_its_name() {
    for (provider, spelling, name) in [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-2030-01-01", "gpt-4o"),
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("anthropic", "claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
        ("anthropic", "us.anthropic.claude-opus-4-6", "claude-opus-4-6"),
        ("gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("bedrock", "us.anthropic.claude-opus-4-6-v1", "us.anthropic.claude-opus-4-6-v1"),
        ("bedrock", "eu.anthropic.claude-opus-4-6-v1", "us.anthropic.claude-opus-4-6-v1"),
        ("bedrock", "eu.amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-2-lite-v1:0",
            "us.amazon.nova-2-lite-v1:0",
        ),
        ("mistral", "mistral-large-latest", "mistral-large-2512"),
        ("fireworks", "deepseek-v3p2", "accounts/fireworks/models/deepseek-v3p2"),
        ("openrouter", "anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4.5"),
        ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
    ] {
        let model = found(provider, spelling);
        assert_eq!((&*model.provider, &*model.name), (provider, name), "{spelling}");
    }
}

#[test]
fn a_closed_model_elsewhere_is_answered_from_its_makers_row() {
    assert_eq!(found("custom", "gpt-4o-mini").provider, "openai");
    assert_eq!(found("vercel", "anthropic/claude-haiku-4.5").provider, "anthropic");
    assert_eq!(found("litellm_proxy", "gemini/gemini-2.5-flash").provider, "gemini");
    // What open weights cost is each host's own affair.
    assert_eq!(Catalog::builtin().find("ollama", "deepseek-chat"), None);
    assert_eq!(Catalog::builtin().find("openai", "no-such-model"), None);
}

#[test]
fn the_providers_of_a_model_are_told_once_each() {
    let providers: Vec<_> = Catalog::builtin().providers_of("gpt-4o-2024-08-06").collect();
    assert_eq!(providers, ["azure", "openai"]);
    assert_eq!(Catalog::builtin().providers_of("no-such-model").count(), 0);
    assert!(Catalog::builtin().of_provider("anthropic").count() >= 30);
}

#[test]
fn an_overlay_corrects_adds_and_speaks_for_the_unknown() {
    let price = |input| Some(PriceTable::flat(Price(input), Price(input)));
    let overlay = |provider: &str, model: &str, input| Overlay {
        provider: provider.to_owned(),
        model: model.to_owned(),
        prices: price(input),
        ..Overlay::default()
    };
    let catalog = Catalog::builtin().with_overlay(&[
        overlay("vllm", "*", 1),
        overlay("vllm", "big-*", 2),
        overlay("anthropic", "claude-sonnet-4-5", 3),
        overlay("my-azure", "gpt-4o", 4),
        Overlay { max_output: Some(7), ..overlay("groq", "llama*", 5) },
    ]);
    let input = |provider, model| catalog.find(provider, model).and_then(|model| model.prices.standard.input);
    assert_eq!(input("vllm", "llama"), Some(Price(1)));
    assert_eq!(input("vllm", "big-llama"), Some(Price(2)), "the later overlay wins");
    assert_eq!(input("anthropic", "claude-sonnet-4-5"), Some(Price(3)));
    assert_eq!(input("anthropic", "claude-opus-4-5"), Some(Price(5_000_000)));
    assert_eq!(input("groq", "llama-3.3-70b-versatile"), Some(Price(5)));
    assert_eq!(input("groq", "llama-9"), Some(Price(5)));
    let added = catalog.find("my-azure", "gpt-4o").unwrap();
    assert_eq!((&*added.provider, added.prices.clone()), ("my-azure", price(4).unwrap()));
    assert_eq!(added.max_output, Some(16_384), "what is known elsewhere is kept");
    assert_eq!(added.has(Flag::Vision), Some(true));
    assert_eq!(input("openai", "gpt-4o"), Some(Price(2_500_000)));
    let groq = catalog.find("groq", "llama-3.3-70b-versatile").unwrap();
    assert_eq!(groq.max_output, Some(7));
}

#[test]
fn patterns_match_runs_of_characters() {
    for (pattern, text, fits) in [
        ("gpt-4o", "gpt-4o", true),
        ("gpt-4o", "gpt-4o-mini", false),
        ("gpt-*", "gpt-4o", true),
        ("*", "", true),
        ("*-mini", "gpt-4o-mini", true),
        ("g*4*i", "gpt-4o-mini", true),
        ("g*4*x", "gpt-4o-mini", false),
        ("ab*ba", "aba", false),
        ("a*b*b", "ab", false),
    ] {
        assert_eq!(names::matches(pattern, text), fits, "{pattern} {text}");
    }
}

#[test]
fn names_tell_their_family_and_version() {
    assert_eq!(family("gpt-4o").first(), Some(&"openai"));
    assert_eq!(family("openai/gpt-oss-20b").first(), Some(&"groq"));
    assert_eq!(family("claude-opus-4-6").first(), Some(&"anthropic"));
    assert_eq!(family("text-embedding-3-small").first(), Some(&"openai"));
    assert_eq!(family("text-embedding-004").first(), Some(&"gemini"));
    assert_eq!(family("GLM-4.6").first(), Some(&"zai"));
    assert!(family("my-own-model").is_empty());
    assert_eq!(names::version("claude-sonnet-4-20250514"), Some((4, 0)));
    assert_eq!(names::version("claude-3-5-haiku-20241022"), Some((3, 5)));
    assert_eq!(names::version("anthropic/claude-opus-4.6"), Some((4, 6)));
    assert_eq!(names::version("gemini-2.5-flash-preview-09-2025"), Some((2, 5)));
    assert_eq!(names::version("gemini-flash-latest"), None);
    assert_eq!(names::version("us.anthropic.claude-3-7-sonnet-20250219-v1:0"), Some((3, 7)));
    assert_eq!(names::version("global.anthropic.claude-opus-4-6-v1"), Some((4, 6)));
}

#[test]
fn the_nearest_names_are_suggested_nearest_first() {
    let names = ["gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-4.1", "claude-opus-4-6", "gpt-4o"];
    assert_eq!(nearest("gpt4o", names), ["gpt-4o", "gpt-4"]);
    assert_eq!(nearest("GPT-4O", names).first(), Some(&"gpt-4o"));
    assert_eq!(nearest("claude-opus-4.6", names), ["claude-opus-4-6"]);
    assert!(nearest("mistral", names).is_empty());
    assert!(nearest("gpt-4", names).len() <= 3);
}

#[test]
fn bedrocks_names_are_told_from_others_and_say_their_model() {
    for (name, plain) in [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic.claude-3-haiku-20240307-v1:0:48k", "claude-3-haiku"),
        ("global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("amazon.nova-lite-v1:0:300k", "nova-lite"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
        ("us.deepseek.r1-v1:0", "deepseek.r1"),
        (
            "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.meta.llama3-2-3b-instruct-v1:0",
            "llama3-2-3b-instruct",
        ),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-7b-instruct-v0:2",
            "mistral-7b-instruct",
        ),
    ] {
        assert_eq!(names::plain(name), plain, "{name}");
        assert_eq!(family(name), ["bedrock"], "{name}");
    }
    for (name, plain) in
        [("llama3.2:1b", "llama3.2:1b"), ("deepseek-v3", "deepseek-v3"), ("phi3:14b", "phi3:14b")]
    {
        assert_eq!(names::plain(name), plain);
        assert_ne!(family(name), ["bedrock"]);
    }
}

#[test]
fn an_address_that_keeps_to_a_region_costs_a_tenth_more() {
    let model = found("vertex", "claude-sonnet-4-5");
    assert_eq!(model.has(Flag::Regional), Some(true));
    let raised = model.prices.regional();
    assert_eq!(raised.standard.input, Some(Price(3_300_000)));
    assert_eq!(raised.standard.cache_read, Some(Price(330_000)));
    for (plain, raised) in model.prices.tiers.iter().zip(&raised.tiers) {
        assert_eq!(raised.rates.output.unwrap().0 * 10, plain.rates.output.unwrap().0 * 11);
    }
    assert_eq!(found("vertex", "gemini-2.5-pro").has(Flag::Regional), None);
    let prices = Some(PriceTable::flat(Price(1), Price(1)));
    let overlay =
        Overlay { provider: "vertex".to_owned(), model: "claude-*".to_owned(), prices, ..Overlay::default() };
    let corrected = Catalog::builtin().with_overlay(&[overlay]);
    let stated = corrected.find("vertex", "claude-sonnet-4-5").unwrap();
    assert_eq!(stated.has(Flag::Regional), Some(false), "whoever states a price means it");
}

#[test]
fn what_is_withdrawn_can_still_be_priced() {
    let early = found("gemini", "gemini-2.5-pro-preview-05-06");
    assert_eq!(early.prices.tiers[0].rates.input, Some(Price(2_500_000)));
    assert_eq!(found("gemini", "models/gemini-2.0-flash").prices.standard.input, Some(Price(100_000)));
    assert_eq!(found("openai", "o1-mini-2024-09-12").prices.standard.output, Some(Price(4_400_000)));
}
