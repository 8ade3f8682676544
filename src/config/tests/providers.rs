use super::*;
use crate::units::Price;

#[test]
fn providers_stand_in_order_of_preference_makers_first() {
    let yaml = "\
master_key: m
prefer: [openrouter, house]
providers:
  openrouter: { api_key: k, models: [gpt-4o] }
  azure: { api_key: k, base_url: https://x.openai.azure.com }
  openai-two: { vendor: openai, api_key: k }
  openai: { api_key: k }
  house: { vendor: custom, base_url: http://a/v1, models: [gpt-4o] }
";
    let compiled = of_yaml(yaml, &[]).unwrap();
    assert_eq!(names(&compiled), ["openrouter", "house", "openai", "openai-two", "azure"]);
    let served = targets(&compiled, "gpt-4o");
    assert_eq!(
        served,
        ["openrouter/gpt-4o", "house/gpt-4o", "openai/gpt-4o", "openai-two/gpt-4o", "azure/gpt-4o"]
    );
    assert!(!provider(&compiled, "house").discover && provider(&compiled, "openai").discover);
}

#[test]
fn aliases_and_routes_lead_to_their_targets() {
    let yaml = "\
master_key: m
providers:
  openai: { api_key: k }
  anthropic: { api_key: k }
  router: { vendor: openrouter, api_key: k, models: [meta/llama] }
aliases:
  fast: openai/gpt-4o-mini
  quick: fast
  plain: gpt-4o
  by-vendor: openrouter/qwen/qwen3-32b
  served: meta/llama
  gpt-4.1: openai/gpt-4.1-mini
routes:
  smart: { targets: [anthropic/claude-sonnet-4-5, quick, fast], strict: true }
  wide: { targets: [smart, plain] }
";
    let compiled = of_yaml(yaml, &[]).unwrap();
    assert_eq!(targets(&compiled, "quick"), ["openai/gpt-4o-mini"]);
    assert_eq!(targets(&compiled, "plain"), ["openai/gpt-4o"]);
    assert_eq!(targets(&compiled, "by-vendor"), ["router/qwen/qwen3-32b"]);
    assert_eq!(targets(&compiled, "served"), ["router/meta/llama"]);
    assert_eq!(targets(&compiled, "gpt-4.1"), ["openai/gpt-4.1-mini"]);
    assert_eq!(targets(&compiled, "smart"), ["anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini"]);
    assert_eq!(targets(&compiled, "wide").len(), 3);
    let strict = |name| compiled.snapshot.table.choose(name, &Names::default()).unwrap().strict;
    assert!(strict("smart") && strict("wide") && !strict("fast"));
}

#[test]
fn names_that_lead_nowhere_are_told() {
    let yaml = "\
master_key: m
default_provider: opena
prefer: [opnai]
providers: { openai: { api_key: k }, broken: { vendor: nobody-at-all } }
aliases:
  a0: a1
  a1: a2
  a2: a3
  a3: a4
  a4: a5
  a5: a6
  a6: a7
  a7: a8
  a8: openai/gpt-4o
  loop: loop
  empty: openai/
  told: broken/model
  missing: anthropic/claude-sonnet-4-5
  typo: flast
  both: openai/x
routes:
  both: { targets: [openai/y] }
  fast: { targets: [openai/z], strickt: true }
";
    let told = problems(yaml, &[]);
    let expected = [
        "tollgate.yaml:2:19: error: no provider is named \"opena\"\n  hint: did you mean \"openai\"?",
        "tollgate.yaml:3:10: error: no provider is named \"opnai\"\n  hint: did you mean \"openai\"?",
        "tollgate.yaml:4:56: error: no vendor is named \"nobody-at-all\"",
        "tollgate.yaml:13:7: error: more than 8 names stand behind each other",
        "tollgate.yaml:15:9: error: the names lead in a circle: loop → loop",
        "tollgate.yaml:16:10: error: expected a model after the provider",
        "tollgate.yaml:18:12: error: no provider is named \"anthropic\"\n  hint: configure a provider of this name, or \
         set ANTHROPIC_API_KEY",
        "tollgate.yaml:19:9: error: no provider is known to serve \"flast\"\n  hint: did you mean \"fast\"?",
        "tollgate.yaml:20:9: error: \"both\" is a route already",
        "tollgate.yaml:23:32: error: unknown field \"strickt\"\n  hint: did you mean \"strict\"?",
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "expected {expected}\n   found {told}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn what_a_provider_lacks_is_told() {
    let yaml = "\
master_key: m
admin: 0.0.0.0:8080
limits: { held: 1MiB }
providers:
  openai:
  openai-eu: { vendor: openai, base_url: 'https://me:secret-word@eu.example' }
  azure: { api_key: k }
  azure_ai: { api_key: k, base_url: 'https://{resource}.services.ai.azure.com/models' }
  groq: { api_key: 'with a secret-word', dialect: openai_chat }
  xai: { api_keys: [''], headers: { host: x, 'a b': x, ok: \"a\\nb\" } }
  custom: {}
  'a/b': { vendor: ollama }
  mistral: { api_key: k, models: [''] }
  other: { vendor: custom, base_url: http://a, dialect: bedrock }
";
    let told = problems(yaml, &[]);
    let expected = [
        "tollgate.yaml:2:8: error: the operator's address must differ",
        "tollgate.yaml:3:17: error: one body of 32MiB would not fit",
        "tollgate.yaml:5:3: error: OpenAI needs a key\n  hint: set OPENAI_API_KEY, or api_key: ${file:PATH}",
        "tollgate.yaml:6:3: error: OpenAI needs a key\n  hint: set OPENAI_EU_API_KEY, or api_key: ${file:PATH}",
        "tollgate.yaml:6:42: error: expected an address without a user or password",
        "tollgate.yaml:7:3: error: Azure OpenAI needs a base_url\n  hint: set AZURE_BASE_URL, or base_url: \
         https://{resource}.openai.azure.com with your own names",
        "tollgate.yaml:8:37: error: expected an address without braces",
        "tollgate.yaml:9:20: error: the key holds spaces",
        "tollgate.yaml:9:51: error: the dialects of Groq are known",
        "tollgate.yaml:10:20: error: the key is empty",
        "tollgate.yaml:10:43: error: the header host is Tollgate's own",
        "tollgate.yaml:10:53: error: expected the name of a header",
        "tollgate.yaml:10:60: error: the value holds letters that no header can carry",
        "tollgate.yaml:11:3: error: Any OpenAI-compatible server needs a base_url",
        "tollgate.yaml:12:3: error: expected a provider's name of letters",
        "tollgate.yaml:13:35: error: expected the name of a model",
        "tollgate.yaml:14:57: error: expected one of openai_chat, openai_responses, anthropic_messages, gemini_generate, bedrock_converse, openai_completions, ollama_chat, ollama_generate, cohere_chat, found \"bedrock\"",
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "expected {expected}\n   found {told}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    assert!(!told.concat().contains("secret-word"));
}

#[test]
fn prices_are_exact_and_replace_the_built_in_ones() {
    let yaml = "\
master_key: m
providers:
  house: { vendor: custom, base_url: http://a/v1, models: [m] }
models:
  - { provider: house, model: m, input: 0.20, output: '0.600001', cache_read: 0.05, max_input: 131072 }
  - { provider: google, model: gemini-2.5-pro, max_output: 7 }
";
    let compiled = of_yaml(yaml, &[]).unwrap();
    let catalog = &compiled.snapshot.catalog;
    let model = catalog.find("house", "m").unwrap();
    let rates = model.prices.rates(1, None);
    assert_eq!(rates.input, Some(Price(200_000)));
    assert_eq!(rates.output, Some(Price(600_001)));
    assert_eq!(rates.cache_read, Some(Price(50_000)));
    assert_eq!(model.max_input, Some(131_072));
    let gemini = catalog.find("gemini", "gemini-2.5-pro").unwrap();
    assert_eq!(gemini.max_output, Some(7));
    assert!(gemini.prices.standard.input.is_some());

    let told = problems(&yaml.replace(", output: '0.600001'", ""), &[]);
    assert!(told[0].starts_with("tollgate.yaml:5:5: error: expected the prices of input and output both"));
}

#[test]
fn a_custom_server_may_speak_responses() {
    let yaml = "\
master_key: m
providers:
  house: { vendor: custom, dialect: openai_responses, base_url: http://a/v1, models: [big] }
";
    let compiled = of_yaml(yaml, &[]).unwrap();
    let provider = &compiled.snapshot.providers[0];
    assert_eq!(provider.vendor.id, "custom_responses");
    assert_eq!(provider.spoken()[0].0, crate::ir::Dialect::OpenaiResponses);
}
