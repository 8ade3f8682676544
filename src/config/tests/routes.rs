use super::*;
use crate::route::way::{Bond, Cause, Strategy};

fn routes(yaml: &str) -> Result<Compiled, Vec<Problem>> {
    of_yaml(
        &format!("providers: {{openai: {{api_key: k}}, anthropic: {{api_key: k}}}}\nroutes:\n{yaml}"),
        &[],
    )
}

fn way(yaml: &str, name: &str) -> (Vec<String>, Arc<crate::route::Way>) {
    let compiled = routes(yaml).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let choice = compiled.snapshot.table.choose(name, &Names::default()).unwrap();
    (choice.targets.into_iter().map(|target| target.model).collect(), choice.way.unwrap())
}

#[test]
fn a_plain_list_is_what_it_always_was() {
    let compiled = routes("  r: {targets: [openai/gpt-4o, anthropic/claude-sonnet-4-5]}").unwrap();
    let choice = compiled.snapshot.table.choose("r", &Names::default()).unwrap();
    assert_eq!((choice.targets.len(), choice.way, choice.legs.len()), (2, None, 0));
}

#[test]
fn weights_are_spread_over_what_stands_behind_a_name() {
    let (models, way) = way(
        "  inner: {strategy: weighted, targets: [{target: openai/a, weight: 3}, openai/b]}\n  \
         r: {strategy: sticky, sticky_by: prompt, targets: [{target: inner, weight: 2}, openai/c]}",
        "r",
    );
    assert_eq!(models, ["a", "b", "c"]);
    assert_eq!(way.strategy, Strategy::Sticky(Bond::Prompt));
    assert_eq!(way.legs.iter().map(|leg| leg.weight).collect::<Vec<_>>(), [1500, 500, 1000]);
}

#[test]
fn fallbacks_stand_behind_the_targets_and_are_no_targets() {
    let (models, way) = way(
        "  r: {targets: [openai/a], fallbacks: {context: [openai/b, anthropic/c], rate_limit: [openai/d]}, \
         timeouts: {first_token: 5s}}",
        "r",
    );
    assert_eq!(models, ["a", "b", "c", "d"]);
    assert_eq!((way.own(), way.fallback(Some(Cause::Context))), (0..1, Some(1..3)));
    assert_eq!((way.fallback(Some(Cause::RateLimit)), way.fallback(Some(Cause::Empty))), (Some(3..4), None));
    assert_eq!(way.times.unwrap().first_token, Some(Duration::from_secs(5)));
}

#[test]
fn what_a_strategy_does_not_know_is_told() {
    for (route, wrong) in [
        ("targets: [{target: openai/a, weight: 2}]", "the route's strategy knows no weights"),
        ("targets: [{target: openai/a, share: 5%}]", "the route's strategy knows no shares"),
        ("strategy: canary, targets: [openai/a]", "no target has a share, so there is no canary"),
        ("sticky_by: user, targets: [openai/a]", "requests do not stick to targets here"),
        ("targets: [{target: openai/a, when: {owners: ['a b!']}}]", "expected an owner such as org/team"),
        ("strategy: quickest, targets: [openai/a]", "expected one of fallback, weighted"),
    ] {
        let problems = routes(&format!("  r: {{{route}}}")).unwrap_err();
        assert!(problems.iter().any(|problem| problem.to_string().contains(wrong)), "{route}: {problems:#?}");
    }
}

const CLOUDS: &str = "master_key: m
providers:
  bedrock: {region: us-east-1, auth: {access_key_id: a, secret_access_key: s}}
  vertex: {project: p}
  azure: {base_url: 'https://me-{region}.openai.azure.com', region: eastus, api_key: k}
  openai: {api_key: k}
";

#[test]
fn a_target_is_asked_in_the_region_that_it_says() {
    let targets = "{target: bedrock/claude, region: eu-west-1}, {target: vertex/gemini, region: europe-west4}, \
                   {target: azure/gpt-4o, region: westeurope}, azure/gpt-4o, bedrock/claude";
    let compiled = of_yaml(&format!("{CLOUDS}routes: {{r: {{targets: [{targets}]}}}}"), &[]).unwrap();
    let choice = compiled.snapshot.table.choose("r", &Names::default()).unwrap();
    let asked: Vec<_> = choice
        .targets
        .iter()
        .map(|target| &compiled.snapshot.providers[target.provider])
        .map(|provider| (provider.name.as_str(), provider.base.host.as_str()))
        .collect();
    assert_eq!(
        asked,
        [
            ("bedrock@eu-west-1", "bedrock-runtime.eu-west-1.amazonaws.com"),
            ("vertex@europe-west4", "europe-west4-aiplatform.googleapis.com"),
            ("azure@westeurope", "me-westeurope.openai.azure.com"),
            ("azure", "me-eastus.openai.azure.com"),
            ("bedrock", "bedrock-runtime.us-east-1.amazonaws.com"),
        ]
    );
    let signed = |name| provider(&compiled, name).cloud.as_ref().unwrap().region.clone();
    assert_eq!((signed("bedrock@eu-west-1"), signed("bedrock")), ("eu-west-1".into(), "us-east-1".into()));
    // Elsewhere than in the route, everything is as it was.
    let choice = compiled.snapshot.table.choose("gemini-2.5-pro", &Names::default()).unwrap();
    assert!(choice.targets.iter().all(|target| target.provider < 4));
}

#[test]
fn a_region_that_leads_nowhere_is_told() {
    for (target, wrong) in [
        ("{target: openai/gpt-4o, region: eu}", "is at one address, whatever the region"),
        ("{target: gpt-4o, region: eu-west-1}", "of a provider that is named"),
        ("{target: bedrock/claude, region: 'a/b'}", "expected a region such as eu-west-1"),
        ("{target: nobody/x, region: eu-west-1}", "names no provider whose region"),
    ] {
        let problems = of_yaml(&format!("{CLOUDS}routes: {{r: {{targets: [{target}]}}}}"), &[]).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.to_string().contains(wrong)),
            "{target}: {problems:#?}"
        );
    }
    let without = CLOUDS.replace("region: eastus, ", "");
    let problems = of_yaml(&without, &[]).unwrap_err();
    assert!(problems[0].to_string().contains("the region is not said"), "{problems:#?}");
}

#[test]
fn a_key_that_is_written_twice_is_one_key_of_a_target() {
    let yaml = "master_key: m
providers: {openai: {api_key: a, api_keys: [a, b, c]}}
routes: {r: {targets: [{target: openai/gpt-4o, keys: [3]}, {target: openai/gpt-4o, keys: [1, 2]}]}}
";
    let compiled = of_yaml(yaml, &[]).unwrap();
    assert_eq!(keys(&compiled, "openai"), ["a", "b", "c"]);
    let way = compiled.snapshot.table.choose("r", &Names::default()).unwrap().way.unwrap();
    let sets: Vec<_> = way.legs.iter().map(|leg| leg.keys).collect();
    assert_eq!(sets, [Some(0b010), Some(0b001)]);
}
