use super::*;

#[test]
fn a_mode_that_asks_a_model_has_one() {
    let yaml = "\
cache: {mode: custom, custom: {model: text-embedding-3-small, threshold: 90%}, verified: {model: judge, timeout: 2s}}
routes: {judge: {targets: [openai/gpt-4.1-nano]}}
";
    let compiled = of_yaml(yaml, KEYS).unwrap();
    let caching = &compiled.snapshot.caching;
    let (embedder, verifier) = (caching.embedder.as_ref().unwrap(), caching.verifier.as_ref().unwrap());
    assert_eq!((&*embedder.model, embedder.timeout.as_millis()), ("text-embedding-3-small", 100));
    assert!((embedder.threshold - 0.9).abs() < 1e-9);
    assert_eq!((&*verifier.model, verifier.timeout.as_secs()), ("judge", 2));
    assert!(!of_yaml("cache: balanced\n", KEYS).unwrap().snapshot.caching.asks());
}

#[test]
fn a_mode_whose_model_is_missing_or_unknown_is_told_with_its_place() {
    for (yaml, expected) in [
        ("cache: custom\n", "the mode custom needs a model that is asked"),
        ("routes: {faq: {targets: [gpt-4o-mini], cache: verified}}\n", "the mode verified needs a model"),
        ("keys: {web: {key: the-secret-of-web, cache: custom}}\n", "the mode custom needs a model"),
        (
            "cache: {mode: custom, custom: {model: text-embeding}}\n",
            "no provider is known to serve \"text-embeding\"",
        ),
        ("cache: {verified: {model: nobody/small}}\n", "no provider is known to serve \"nobody/small\""),
        ("cache: {custom: {threshold: 2}}\n", "expected"),
        ("cache: {verified: {timeout: 0s}}\n", "expected a time that is longer than nothing"),
    ] {
        let told = problems(yaml, KEYS).join("\n");
        assert!(told.contains(expected), "{yaml}: {told}");
    }
}
