use super::*;
use crate::policy::rewrite::{Place, SystemPrompt};

#[test]
fn a_rule_is_what_was_written() {
    let yaml = "\
rewrites:
  b: {system_prompt: {append: two}, owners: [acme], models: [fast]}
  a: {system_prompt: {replace: one}, keys: [web]}
";
    let rules = of_yaml(yaml, KEYS).unwrap().snapshot.rewrites;
    let told: Vec<_> = rules.iter().map(|rule| (&*rule.name, rule.system_prompt.clone().unwrap())).collect();
    let prompt = |place, text: &str| SystemPrompt { place, text: text.to_owned() };
    assert_eq!(told, [("a", prompt(Place::Replace, "one")), ("b", prompt(Place::Append, "two"))]);
    assert_eq!(rules[0].scope.keys, ["web"]);
    assert_eq!(
        (rules[1].scope.owners.as_slice(), rules[1].scope.models.as_slice()),
        (&["acme".to_owned()][..], &["fast".to_owned()][..])
    );
}

#[test]
fn what_is_wrong_with_a_rule_is_told_with_its_place() {
    let yaml = "\
rewrites:
  none: {}
  both: {system_prompt: {inject: a, append: b}}
  empty: {system_prompt: {inject: ' '}}
  whose: {system_prompt: {inject: a}, keys: [''], owners: [a//b]}
";
    let told = problems(yaml, KEYS);
    for expected in [
        "tollgate.yaml:2:3: error: the rule changes nothing",
        "tollgate.yaml:3:10: error: expected one of inject, prepend, append and replace",
        "tollgate.yaml:4:35: error: expected a text",
        "error: expected the name of a key",
        "error: expected an owner such as org/team/service",
    ] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
}
