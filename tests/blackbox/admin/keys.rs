//! Virtual keys by the admin API: in force on the next request, and in the audit log.

use serde_json::{Value, json};

use super::{ask, refused, well};
use crate::harness::{Client, Gateway, Request, Setup, mock};

const KEYS: &str = "\
master_key: the-master-secret
owners: {acme: {budgets: [{usd: 100}]}, other/team: {limits: [{requests: 5}]}}
keys:
  file: {key: the-secret-of-file, owner: acme/web, limits: [{requests: 7, per: hour}], metadata: {of: hers}}
";

fn chat(secret: &str) -> Request {
    Client::Openai.whole("gpt-4o-mini", "#mock tokens=2").header("authorization", &format!("Bearer {secret}"))
}

fn names(gateway: &Gateway, to: &str) -> Vec<String> {
    let listed = well(gateway, "GET", to, None);
    let names = listed["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn a_key_lives_by_the_api_alone() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let wanted = json!({
        "name": "web", "owner": "acme/search", "labels": ["prod"], "models": ["gpt-4o*"], "expires": "30d",
        "limits": [{"requests": 100, "per": "hour"}], "budgets": [{"usd": 0.5, "soft": "80%", "per": "day"}],
        "metadata": {"team": "blue"}
    });
    let made = well(&gateway, "POST", "/keys", Some(&wanted));
    let (key, secret) = (&made["key"], made["secret"].as_str().unwrap());
    assert!(secret.starts_with("tg-") && secret.starts_with(key["hint"].as_str().unwrap()));
    assert_eq!((&key["source"], &key["state"]), (&json!("store"), &json!("live")));
    assert_eq!((&key["budgets"][0]["limit"], &key["budgets"][0]["soft"]), (&json!(0.5), &json!(0.4)));
    // At once: nobody waits for the keeper.
    gateway.ask(&chat(secret)).ok();
    gateway.wait_idle();
    let id = key["id"].as_str().unwrap();
    let shown = well(&gateway, "GET", &format!("/keys/{id}"), None);
    assert_eq!((&shown["limits"][0]["used"], &shown["limits"][0]["left"]), (&json!(1), &json!(99)));
    assert_eq!(shown, well(&gateway, "GET", "/keys/web", None));

    let off = well(
        &gateway,
        "PATCH",
        "/keys/web",
        Some(&json!({"enabled": false, "name": "the web", "expires": "never"})),
    );
    assert_eq!(
        (&off["state"], &off["name"], &off["expires"]),
        (&json!("disabled"), &json!("the web"), &Value::Null)
    );
    assert_eq!(off["models"], json!(["gpt-4o*"]));
    assert_eq!(gateway.ask(&chat(secret)).status, 401);
    well(&gateway, "PATCH", "/keys/the%20web", Some(&json!({"enabled": null, "limits": null})));
    gateway.ask(&chat(secret)).ok();

    let rotated = well(&gateway, "POST", &format!("/keys/{id}/rotate"), Some(&json!({"grace": "1h"})));
    let fresh = rotated["secret"].as_str().unwrap();
    assert!(rotated["key"]["replaced_secret_ends"].is_string());
    gateway.ask(&chat(fresh)).ok();
    gateway.ask(&chat(secret)).ok();
    let last =
        well(&gateway, "POST", &format!("/keys/{id}/rotate"), None)["secret"].as_str().unwrap().to_owned();
    assert_eq!((gateway.ask(&chat(fresh)).status, gateway.ask(&chat(&last)).status), (401, 200));

    let revoked = well(&gateway, "DELETE", &format!("/keys/{id}"), None);
    assert!(revoked["state"] == "revoked" && revoked["revoked"].is_string());
    assert_eq!(gateway.ask(&chat(&last)).status, 401);
    assert_eq!(
        (names(&gateway, "/keys"), names(&gateway, "/keys?revoked=true")),
        (vec!["file".to_owned()], vec!["file".to_owned(), "the web".to_owned()])
    );
    assert_eq!(refused(&gateway, "DELETE", &format!("/keys/{id}"), None).0, 404);

    let audit = well(&gateway, "GET", "/audit", None);
    let entries = audit["entries"].as_array().unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["key.revoke", "key.rotate", "key.rotate", "key.update", "key.update", "key.create"]);
    assert!(entries.iter().all(|entry| entry["who"] == "master" && entry["detail"]["id"] == id));
    assert_eq!(entries[4]["detail"]["renamed"], "the web");
    assert!(![secret, fresh, &last].iter().any(|secret| audit.to_string().contains(secret)));
}

#[test]
fn what_is_wrong_with_a_key_is_said_with_its_field() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    for (body, status, field, word) in [
        (json!({}), 400, json!("name"), "expected a name"),
        (json!({"name": "a", "owner": "a//b"}), 400, json!("owner"), "org/team/service"),
        (
            json!({"name": "a", "limits": [{"requests": "x"}]}),
            400,
            json!("limits.0.requests"),
            "whole number",
        ),
        (
            json!({"name": "a", "budgets": [{"usd": 1, "soft": 300}]}),
            400,
            json!("budgets.0.soft"),
            "1% to 100%",
        ),
        (json!({"name": "a", "addresses": ["10.0.0.0/99"]}), 400, json!("addresses.0"), "10.0.0.0"),
        (json!({"name": "a", "modles": []}), 400, json!("modles"), "models"),
        (json!({"name": "a", "hash": "sha256:00"}), 400, json!("hash"), "the store makes the secrets"),
        (json!({"name": "a", "expires": "soon"}), 400, json!("expires"), "expected a moment"),
        (json!({"name": "key_web"}), 400, json!("name"), "does not begin with key_"),
        (json!({"name": "file"}), 409, json!("name"), "the configuration has a key"),
        (json!([]), 400, json!(null), "a JSON object"),
    ] {
        let (found, param, message) = refused(&gateway, "POST", "/keys", Some(&body));
        assert_eq!((found, &param), (status, &field), "{body}: {message}");
        assert!(message.contains(word), "{message}");
    }
    well(&gateway, "POST", "/keys", Some(&json!({"name": "a"})));
    assert_eq!(refused(&gateway, "POST", "/keys", Some(&json!({"name": "a"}))).0, 409);
    assert_eq!(refused(&gateway, "PATCH", "/keys/nobody", Some(&json!({}))).0, 404);
    let grace = refused(&gateway, "POST", "/keys/a/rotate", Some(&json!({"grace": "long"})));
    assert_eq!((grace.0, grace.1), (400, json!("grace")));
    assert_eq!(refused(&gateway, "GET", "/keys?revoked=perhaps", None).1, json!("revoked"));
}

#[test]
fn a_key_of_the_configuration_is_only_shown() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let shown = well(&gateway, "GET", "/keys/file", None);
    assert_eq!((&shown["source"], &shown["hint"]), (&json!("configuration"), &Value::Null));
    assert_eq!((&shown["limits"][0]["limit"], &shown["metadata"]["of"]), (&json!(7), &json!("hers")));
    for (method, to) in [("PATCH", "/keys/file"), ("DELETE", "/keys/file"), ("POST", "/keys/file/rotate")] {
        let (status, _, message) = refused(&gateway, method, to, Some(&json!({})));
        assert_eq!(status, 409, "{method} {to}");
        assert!(message.contains("written in the configuration"), "{message}");
    }
    gateway.ask(&chat("the-secret-of-file")).ok();
}

#[test]
fn the_tree_has_every_owner_with_what_binds_it() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    well(
        &gateway,
        "POST",
        "/keys",
        Some(&json!({"name": "job", "owner": "acme/night/batch", "labels": ["slow"]})),
    );
    let tree = well(&gateway, "GET", "/owners", None);
    let nodes: Vec<(&str, &str, Option<&str>, usize)> = tree["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let text = |name: &str| node[name].as_str();
            (
                text("kind").unwrap(),
                text("name").unwrap(),
                text("parent"),
                node["rules"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(
        nodes,
        [
            ("owner", "acme", None, 1),
            ("owner", "acme/night", Some("acme"), 0),
            ("owner", "acme/night/batch", Some("acme/night"), 0),
            ("owner", "acme/web", Some("acme"), 0),
            ("owner", "other", None, 0),
            ("owner", "other/team", Some("other"), 1),
            ("label", "slow", None, 0),
            ("key", "file", Some("acme/web"), 1),
            ("key", "job", Some("acme/night/batch"), 0),
        ]
    );
}

#[test]
fn what_the_command_does_is_in_the_audit_log_page_by_page() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    for name in ["one", "two", "three"] {
        assert!(gateway.command(&["keys", "create", name]).0);
    }
    let first = well(&gateway, "GET", "/audit?limit=2", None);
    let rest =
        well(&gateway, "GET", &format!("/audit?limit=2&before={}", first["next"].as_str().unwrap()), None);
    let targets = |page: &Value| -> Vec<String> {
        let entries = page["entries"].as_array().unwrap().iter();
        entries
            .map(|entry| format!("{} {}", entry["who"].as_str().unwrap(), entry["target"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(
        (targets(&first), targets(&rest)),
        (vec!["cli three".to_owned(), "cli two".to_owned()], vec!["cli one".to_owned()])
    );
    assert!(rest["next"].is_null());
    assert_eq!(ask(&gateway, "GET", "/audit?limit=0", None).0, 400);
    assert_eq!(ask(&gateway, "GET", "/audit?before=x", None).0, 400);
}

#[test]
fn a_change_that_does_not_hold_yet_is_no_success() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let store = rusqlite::Connection::open(gateway.data().join("tollgate.db")).unwrap();
    // Without the count of its changes the gateway cannot know which keys hold.
    store.execute_batch("CREATE TABLE aside AS SELECT * FROM generations; DELETE FROM generations").unwrap();
    let (status, said) = ask(&gateway, "POST", "/keys", Some(&json!({"name": "web"})));
    assert_eq!((status, &said["error"]["code"]), (503, &json!("not_in_force")), "{said}");
    assert_eq!(names(&gateway, "/keys"), ["file", "web"]);
    store.execute_batch("INSERT INTO generations SELECT name, number + 1 FROM aside").unwrap();
    let secret = well(&gateway, "POST", "/keys/web/rotate", None)["secret"].as_str().unwrap().to_owned();
    gateway.ask(&chat(&secret)).ok();
}
