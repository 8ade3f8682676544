use super::*;
use crate::policy::rewrite::{Change, Deed, Param, Place, Subject, SystemPrompt};

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

#[test]
fn changes_are_in_the_order_in_which_they_hold() {
    let yaml = "\
rewrites:
  all:
    caps: {max_tokens: 10, reasoning_effort: low}
    set: {/metadata/team: a, /n~1m: 5, stop: END}
    defaults: {temperature: 0.50}
    remove: [seed]
    rename: {/a/b: /c}
    headers: {request: {set: {X-Team: a}, remove: [openai-beta]}, response: {add: {x-tag: b}}}
    dialects: [openai_chat]
";
    let rules = of_yaml(yaml, KEYS).unwrap().snapshot.rewrites;
    let path = |keys: &[&str]| Subject::Path(keys.iter().map(|key| (*key).to_owned()).collect());
    let text = str::to_owned;
    let expected = [
        (path(&["a", "b"]), Deed::Rename(vec![text("c")])),
        (Subject::Param(Param::Seed), Deed::Remove),
        (Subject::Param(Param::Temperature), Deed::Default(text("0.50"))),
        (path(&["metadata", "team"]), Deed::Set(text("\"a\""))),
        (path(&["n/m"]), Deed::Set(text("5"))),
        (Subject::Param(Param::Stop), Deed::Set(text("[\"END\"]"))),
        (Subject::Param(Param::MaxTokens), Deed::Cap(text("10"))),
        (Subject::Param(Param::ReasoningEffort), Deed::Cap(text("\"low\""))),
    ];
    let expected = expected.map(|(subject, deed)| Change { subject, deed });
    assert_eq!(rules[0].changes, expected);
    assert_eq!(rules[0].dialects, [crate::ir::Dialect::OpenaiChat]);
    assert_eq!((rules[0].request.set[0].0.as_str(), rules[0].request.remove.len()), ("x-team", 1));
    assert_eq!(rules[0].response.add.len(), 1);
}

#[test]
fn a_change_that_cannot_be_made_is_told_with_its_place() {
    let yaml = "\
rewrites:
  odd:
    defaults: {temprature: 1, user: me, temperature: 3, max_tokens: 0}
    set: {/model: other, '/': 1, /stream: true, stop: '[1]', reasoning_effort: lots}
    caps: {/metadata/x: many, seed: 5}
    rename: {/a: b}
    headers: {request: {set: {authorization: x}, add: {'a b': c}}, response: {remove: [content-length, x-tollgate-model]}}
    dialects: [openai]
  both: {system_prompt: {inject: a}, providers: [openai], headers: {request: {remove: [a]}}}
  whose: {providers: [opanai], headers: {request: {remove: [a]}}}
";
    let told = problems(yaml, KEYS);
    for expected in [
        "error: no parameter is known by the name \"temprature\"\n  hint: did you mean \"temperature\"?",
        "error: no parameter is known by the name \"user\"\n  hint: an exact place begins with a slash: /user",
        "error: expected a number from 0 to 2",
        "error: expected a number from 1",
        "error: \"model\" is what the gateway goes by",
        "error: \"stream\" is what the gateway goes by",
        "error: expected an exact place such as /metadata/team",
        "error: expected a text, or a list of texts as JSON",
        "error: expected none, minimal, low, medium, high, xhigh or max",
        "error: expected a number",
        "error: this has no most",
        "error: the header authorization is nobody's to change",
        "error: the header content-length is nobody's to change",
        "error: the header x-tollgate-model is nobody's to change",
        "error: expected the name of a header",
        "error: no dialect is known by this name",
        "error: only headers can be for some providers alone",
        "error: no provider is named \"opanai\"",
    ] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
}
