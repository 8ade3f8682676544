//! Admin keys, and the operator's listener in a word.

use super::*;
use crate::policy::Scope;

#[test]
fn admin_keys_are_compiled_with_their_scopes() {
    let yaml = "admin:\n  listen: 127.0.0.1:9191\n  keys:\n    ann: {key: \"${env:ANNS}\"}\n    \
                bob: {key: the-secret-of-bob, scopes: [config, keys, keys]}\n";
    let compiled = of_yaml(yaml, &[KEYS, &[("ANNS", "the-secret-of-ann")]].concat()).unwrap();
    let door = &compiled.snapshot.door;
    let who = |secret: &str| door.operator(blake3::hash(secret.as_bytes()));
    assert_eq!(who("the-secret-of-ann").unwrap().scopes, [Scope::Read]);
    assert_eq!(who("the-secret-of-bob").unwrap().scopes, [Scope::Keys, Scope::Config]);
    assert_eq!((&*who("m").unwrap().name, who("x")), ("master", None));
    assert_eq!(compiled.process.admin_listen.as_deref(), Some("127.0.0.1:9191"));
}

#[test]
fn the_listener_may_be_written_as_its_address() {
    for (yaml, variables, expected) in [
        ("admin: off", &[][..], None),
        ("admin: 127.0.0.1:9191", &[], Some("127.0.0.1:9191")),
        ("admin: off", &[("TOLLGATE_ADMIN_LISTEN", "9292")], Some("0.0.0.0:9292")),
        (
            "admin: {keys: {ann: {key: the-secret-of-ann}}}",
            &[("TOLLGATE_ADMIN_LISTEN", "127.0.0.1:9393")],
            Some("127.0.0.1:9393"),
        ),
    ] {
        let compiled = of_yaml(yaml, &[KEYS, variables].concat()).unwrap();
        assert_eq!(compiled.process.admin_listen.as_deref(), expected, "{yaml} {variables:?}");
        assert_eq!(compiled.snapshot.door.operators.len(), usize::from(yaml.contains("ann")));
    }
}

#[test]
fn mistakes_in_admin_keys_are_told() {
    let yaml = "\
admin:
  keys:
    ann: {scopes: [read]}
    bob: {key: the-same-secret-for, scopes: [write]}
    master: {key: the-same-secret-for}
";
    let told = problems(yaml, KEYS);
    let has = |text: &str| told.iter().any(|problem| problem.contains(text));
    assert!(has("tollgate.yaml:3:5: error: the admin key has no secret"), "{told:#?}");
    assert!(has("expected one of read, keys, config"), "{told:#?}");
    assert!(has("tollgate.yaml:5:5: error: expected a name"), "{told:#?}");
    assert!(has("\"master\" has the same secret as \"bob\""), "{told:#?}");
}

#[test]
fn what_is_in_force_is_told_without_what_is_secret() {
    let yaml = "providers: {openai: {base_url: https://near.example/v1, headers: {x-me: hers}}}\n\
                strict: yes\nthreads: 4\ndiscovery: off\nkeys: {web: {hash: \"${env:HASH}\"}}\n";
    let hash = format!("sha256:{}", "ab".repeat(32));
    let compiled = of_yaml(yaml, &[KEYS, &[("HASH", &hash)]].concat()).unwrap();
    let told = compiled.written.effective();
    for secret in ["hers", "abab", "sk-1"] {
        assert!(!told.values.contains(secret), "{secret}: {}", told.values);
    }
    for part in ["\"strict\":true", "\"threads\":4", "\"interval\":\"off\"", "\"h2c\":true"] {
        assert!(told.values.contains(part), "{part}: {}", told.values);
    }
    assert!(told.origins.contains("\"master_key\":\"environment TOLLGATE_MASTER_KEY\""), "{}", told.origins);
}

#[test]
fn a_mode_alone_is_told_as_the_mode_alone() {
    let yaml = "cache: safe\nkeys: {web: {key: the-secret-of-web, cache: off}}\n";
    let told = of_yaml(yaml, KEYS).unwrap().written.effective();
    let values: serde_json::Value = serde_json::from_str(&told.values).unwrap();
    let cache = &values["cache"];
    assert_eq!(
        (&cache["mode"], &cache["room"], &cache["tools"]),
        (&"safe".into(), &"64MiB".into(), &false.into())
    );
    let own = serde_json::json!({"mode": "off"});
    assert_eq!(values["keys"]["web"]["cache"], own, "{}", told.values);
    assert_eq!(told.origins.matches("\"cache.").count(), 1, "{}", told.origins);
}
