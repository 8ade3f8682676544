use super::*;
use crate::policy::Key;

fn key<'a>(compiled: &'a Compiled, name: &str) -> &'a Key {
    compiled.snapshot.door.keyring.keys().iter().find(|key| &*key.name == name).unwrap()
}

#[test]
fn a_key_of_the_file_is_what_was_written() {
    let yaml = "\
keys:
  web:
    key: ${env:WEB_KEY}
    owner: acme/search/api
    labels: [prod]
    expires: 2027-01-31
    models: [\"gpt-4o*\"]
    addresses: [10.0.0.0/8]
    metadata: {contact: ann}
  job: {hash: \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", enabled: false}
";
    let compiled = of_yaml(yaml, &[("OPENAI_API_KEY", "k"), ("WEB_KEY", "the-secret-of-the-web")]).unwrap();
    assert_eq!(compiled.warnings, []);
    let web = key(&compiled, "web");
    assert_eq!((&*web.owner, web.expires, web.enabled), ("acme/search/api", Some(1_801_353_600), true));
    assert_eq!((&*web.labels[0], web.metadata["contact"].as_str()), ("prod", "ann"));
    assert!(web.access.allows_target("openai", "gpt-4o-mini") && !web.access.allows_target("openai", "o3"));
    let door = &compiled.snapshot.door;
    assert!(!door.is_open());
    let here = || Some([10, 0, 0, 1].into());
    let name = |secret: &'static [u8]| {
        let admitted = door.admit(std::iter::once(secret.into()), 0, here());
        admitted.ok().flatten().map(|key| key.name.to_string())
    };
    assert_eq!(name(b"the-secret-of-the-web").as_deref(), Some("web"));
    assert_eq!((name(b"abc"), name(b"other")), (None, None));
    assert!(!key(&compiled, "job").enabled);
}

#[test]
fn proxies_that_are_believed_are_networks() {
    let yaml = "trusted_proxies: [10.0.0.0/8, \"::1\"]\ntrusted_header: x-real-ip\n";
    let proxies = of_yaml(yaml, KEYS).unwrap().snapshot.proxies;
    assert_eq!((proxies.networks.len(), proxies.teller.header()), (2, "x-real-ip"));
    let told = problems("trusted_proxies: [proxy.local]\ntrusted_header: via\n", KEYS).join("\n");
    assert!(told.contains("tollgate.yaml:1:19: error: expected an address or a block of them"), "{told}");
    assert!(told.contains("x-forwarded-for, forwarded, x-real-ip"), "{told}");
}

#[test]
fn what_is_wrong_with_a_key_is_told_with_its_place() {
    let yaml = "\
keys:
  none: {owner: a}
  both: {hash: x, key: secret-secret-secret}
  odd: {key: odd-secret-odd-secret, owner: \"a//b\", addresses: [10.0.0.0/40], expires: soon}
  one: {key: same-secret-same-secret}
  two: {key: same-secret-same-secret}
  miss: {key: miss-secret-miss-secret, ownr: a}
";
    let told = problems(yaml, KEYS);
    for expected in [
        "tollgate.yaml:2:3: error: the key has no secret",
        "tollgate.yaml:3:24: error: expected hash or key, not both",
        "tollgate.yaml:4:44: error: expected an owner such as org/team/service",
        "tollgate.yaml:4:64: error: expected an address or a block of them",
        "tollgate.yaml:4:87: error: expected a moment in UTC",
        "error: \"two\" has the same secret as \"one\"",
        "tollgate.yaml:7:40: error: unknown field \"ownr\"\n  hint: did you mean \"owner\"?",
    ] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
    assert!(!told.iter().any(|told| told.contains("secret-")), "{told:#?}");
}

#[test]
fn keys_close_the_door_that_no_master_key_does() {
    let compiled = of_yaml("keys: {web: {key: the-secret-of-the-web}}", &[("OPENAI_API_KEY", "k")]).unwrap();
    assert_eq!(compiled.warnings, []);
    assert!(
        !opens(&compiled.snapshot.door, None)
            && opens(&compiled.snapshot.door, Some(b"the-secret-of-the-web"))
    );
}

#[test]
fn a_key_of_the_store_that_is_not_whole_opens_nothing() {
    let stored = |name: &str, fields: &str| Stored {
        id: format!("key_{name}"),
        name: name.to_owned(),
        secrets: Vec::new(),
        revoked: None,
        fields: fields.to_owned(),
    };
    let keys = [
        stored("good", r#"{"owner":"acme","models":["gpt-4o"]}"#),
        stored("newer", r#"{"owner":"acme","whatever":1}"#),
        stored("plain", "{}"),
        stored("own", r#"{"key":"my-own-secret"}"#),
    ];
    let (drafts, problems) = super::stored(&keys);
    let names: Vec<_> = drafts.iter().map(|draft| &*draft.key.name).collect();
    assert_eq!(names, ["good", "plain"]);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems.iter().any(|problem| problem.to_string().starts_with("key newer:1:")), "{problems:#?}");
}

#[test]
fn what_stands_between_claims_is_held_to_what_owners_and_labels_are() {
    let jwt = |more: &str| {
        format!(
            "master_key: m\njwt:\n  corp: {{issuer: \"https://id.example.com\", audience: [a], {more}}}\n"
        )
    };
    for fine in ["owner: \"/acme/{org:-none}/{sub}\", labels: [\"team {team}\"]", "owner: \"{org}\""] {
        assert!(of_yaml(&jwt(fine), KEYS).is_ok(), "{fine}");
    }
    for (wrong, expected) in [
        ("owner: \"acme//{sub}\"", "expected an owner such as {org}/{groups.0}/{sub}"),
        ("owner: \"acme inc/{sub}\"", "expected an owner such as {org}"),
        ("owner: \"acme/{team:-}/{sub}\"", "expected an owner such as {org}"),
        ("labels: [\"\\t{team:-}\"]", "expected a label"),
    ] {
        let told = problems(&jwt(wrong), KEYS).join("\n");
        assert!(told.contains(expected), "{wrong}: {told}");
    }
}
