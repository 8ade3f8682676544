use super::*;
use crate::policy::guard::{Action, Detector};

#[test]
fn a_guard_is_what_was_written() {
    let yaml = "\
guards:
  leaks:
    detect: [pii, secrets]
    words: [Project Bluebird]
    patterns: {ticket: 'TICKET-\\d+'}
    hosts: [.example.com]
    threshold: 80%
    languages: [en]
    action: mask_and_restore
    on: [request]
    owners: [acme]
";
    let compiled = of_yaml(yaml, KEYS).unwrap();
    let told: Vec<_> = compiled.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "tollgate.yaml:6:12: warning: this does nothing unless detect has exfiltration",
        "tollgate.yaml:7:16: warning: this does nothing unless detect has injection",
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    assert!(told.iter().zip(expected).all(|(told, expected)| told.ends_with(expected)), "{told:?}");
    let guard = &compiled.snapshot.guards[0];
    assert_eq!((&*guard.name, guard.action, guard.threshold), ("leaks", Action::MaskAndRestore, 80));
    assert_eq!((guard.requests, guard.answers, guard.languages.as_slice()), (true, false, &["en"][..]));
    for detector in [Detector::Card, Detector::Secret, Detector::Word, Detector::Pattern, Detector::Language]
    {
        assert!(guard.detect.has(detector), "{detector:?}");
    }
    assert!(!guard.detect.has(Detector::Injection) && !guard.detect.has(Detector::Length));
}

#[test]
fn what_is_wrong_with_a_guard_is_told_with_its_place() {
    let yaml = "\
guards:
  none: {action: block}
  a/b: {detect: [pii]}
  odd: {detect: [emial, words], patterns: {all: 'x*'}, languages: [tlh]}
  whole: {detect: [injection], action: mask}
  back: {detect: [email], action: mask_and_restore, on: [answer]}
  ruled: {patterns: {'a;b': x}, topics: {'c=d': [y], ' ': [z]}}
  hosted: {detect: [exfiltration, injection], hosts: [.example.com], threshold: 80%}
  long: {words: [\"\"], topics: {t: [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}
";
    let told = problems(yaml, KEYS);
    for expected in [
        "tollgate.yaml:2:3: error: the guard looks for nothing",
        "tollgate.yaml:3:3: error: expected a name without / , ; =",
        "error: nothing is known by the name \"emial\"\n  hint: did you mean \"email\"?",
        "error: this is looked for where words is written",
        "error: this cannot be looked for: it matches nothing at all, and so everywhere",
        "error: this language cannot be told\n  hint: those that can be told are en, de",
        "error: what this guard looks for has no place that could be masked",
        "error: only what was masked in a request can be restored",
        "error: expected a word or a phrase",
        "error: expected at most 128 bytes",
        "tollgate.yaml:7:29: error: expected a name without / , ; =",
        "tollgate.yaml:7:49: error: expected a name without / , ; =",
        "tollgate.yaml:7:59: error: expected a name without / , ; =",
    ] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
    assert!(!told.iter().any(|told| told.contains("does nothing")), "{told:#?}");
}

#[test]
fn classes_and_routes_of_guards_are_known_ones() {
    let yaml = "\
routes: {home: {targets: [openai/gpt-4o-mini]}}
classes: {personal: {providers: [openai]}}
guards:
  a: {detect: [pii], class: personal}
  b: {detect: [secrets], action: route, route: home}
";
    let guards = of_yaml(yaml, KEYS).unwrap().snapshot.guards;
    assert_eq!(guards[0].class.as_ref().map(|class| class.name.as_str()), Some("personal"));
    assert_eq!((guards[1].action, guards[1].route.as_deref()), (Action::Route, Some("home")));
    let yaml = "\
classes: {none: {}, whose: {providers: [opanai]}}
guards:
  a: {detect: [pii], class: nome}
  b: {detect: [pii], action: route}
  c: {detect: [pii], route: home}
  d: {detect: [pii], action: route, route: nowhere, on: [answer]}
";
    let told = problems(yaml, KEYS);
    for expected in [
        "error: nobody may have data of this class",
        "error: no provider is named \"opanai\"",
        "error: no class of data is named \"nome\"\n  hint: did you mean \"none\"?",
        "error: expected a route to send requests to",
        "error: only action: route sends requests somewhere",
        "error: no route is named \"nowhere\"",
        "error: only requests can go elsewhere, and this guard looks at none",
    ] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
}
