use super::*;
use crate::policy::guard::Action;
use crate::policy::guard::external::{OnFailure, Service, Stage, Turns};

#[test]
fn a_guard_elsewhere_is_what_was_written() {
    let yaml = "\
external_guards:
  own: {kind: webhook, url: 'https://guards.example.com/check', mode: [pre, post], turns: last}
  moderated: {kind: openai_moderation, provider: openai, thresholds: {hate: 0.2}}
  names: {kind: presidio, url: 'http://presidio:5002', action: mask, on_failure: open, threshold: 50%}
  armored: {kind: model_armor, api_key: k, template: projects/p/locations/europe-west4/templates/t}
  judged: {kind: judge, model: gpt-4o-mini}
";
    let compiled = of_yaml(yaml, KEYS).unwrap();
    let guards = &compiled.snapshot.externals;
    let names: Vec<_> = guards.iter().map(|guard| &*guard.name).collect();
    assert_eq!(names, ["armored", "judged", "moderated", "names", "own"]);
    let [armored, judged, moderated, names, own] = guards.as_slice() else { panic!() };
    let at = |guard: &crate::policy::guard::external::External| guard.at.as_ref().map(ToString::to_string);
    assert_eq!(at(armored).unwrap(), "https://modelarmor.europe-west4.rep.googleapis.com");
    assert_eq!((at(judged), judged.timeout.as_secs()), (None, 20));
    assert_eq!(at(moderated).unwrap(), "https://api.openai.com/v1");
    assert_eq!(moderated.headers[0].0, "authorization");
    assert!(matches!(&moderated.service, Service::Moderation(own) if own.model == "omni-moderation-latest"));
    assert_eq!((names.action, names.on_failure, names.timeout.as_secs()), (Action::Mask, OnFailure::Open, 2));
    assert!(matches!(&names.service, Service::Presidio(own) if own.threshold == Some(0.5)));
    assert_eq!(own.stages, [Stage::Pre, Stage::Post]);
    assert_eq!((own.action, own.turns, own.window), (Action::Block, Turns::Last, 1000));
}

#[test]
fn what_is_wrong_with_a_guard_elsewhere_is_told_with_its_place() {
    let yaml = "\
guards: {twice: {detect: [pii]}}
external_guards:
  twice: {kind: webhook, url: 'https://a.b'}
  nowhere: {kind: webhook}
  odd: {kind: webhook, url: 'ftp://a.b', mode: [], threshold: 0.5, headers: {host: x}}
  later: {kind: webhook, url: 'https://a.b', mode: during, action: mask}
  masks: {kind: openai_moderation, provider: opnai, action: mask}
  rail: {kind: bedrock, api_key: k, url: 'https://a.b'}
  armor: {kind: model_armor, template: t, api_key: k}
  judge: {kind: judge, timeout: 10m, window: 3}
";
    let told = problems(yaml, KEYS);
    for expected in [
        "\"twice\" is the name of a guard already",
        "it is not said where this guard is",
        "expected pre, during, post or a list of these",
        "a guard of this kind has no threshold",
        "expected the name of a header that says nothing of the request itself",
        "what left for the provider already cannot be masked",
        "no provider is named \"opnai\"\n  hint: did you mean \"openai\"?",
        "this guard does not tell what stands where, so that nothing can be masked",
        "a guard of this kind needs guardrail",
        "expected projects/…/locations/…/templates/…",
        "a guard of this kind needs model",
        "expected a time of at most 120s that is longer than nothing",
        "expected a number of characters from 50 to 100000",
    ] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
}
