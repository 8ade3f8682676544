//! What is served and by whom, the configuration in force, and another in its place.

use serde_json::{Value, json};

use super::{MASTER, raw, refused, request, well, with};
use crate::harness::{Client, Gateway, Setup, mock};

const WORLD: &str = "\
master_key: the-master-secret
aliases: {fast: openai/gpt-4o-mini}
routes: {smart: {targets: [openai/gpt-4o, anthropic/claude-sonnet-4-5]}}
upstream: {attempts: 1}
";

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

fn check(gateway: &Gateway, text: &str) -> Value {
    let asked = with(request("POST", "/config/check"), MASTER).body(text);
    let said = raw(gateway, &asked).ok().json();
    super::schema::check(gateway, "POST", "/config/check", 200, &said);
    said
}

#[test]
fn models_tell_where_they_go_and_what_they_cost() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(WORLD).start();
    let models = &well(&gateway, "GET", "/models", None)["models"];
    let fast = named(models, "fast");
    assert_eq!(fast["kind"], "alias");
    assert_eq!(
        fast["targets"],
        json!([{"provider": "openai", "model": "gpt-4o-mini", "dialect": "openai_chat"}])
    );
    assert_eq!((&fast["price"]["input"], &fast["price"]["output"]), (&json!(0.15), &json!(0.6)));
    assert_eq!(fast["max_input"], 128_000);
    let smart = named(models, "smart");
    assert_eq!((&smart["kind"], smart["targets"].as_array().unwrap().len()), (&json!("route"), 2));
    assert_eq!(smart["targets"][1]["dialect"], "anthropic_messages");
    assert_eq!(named(models, "gpt-4o")["kind"], "model");
}

#[test]
fn providers_tell_how_they_do() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(WORLD).start();
    let own = |name: &str| named(&well(&gateway, "GET", "/providers", None)["providers"], name).clone();
    let fresh = own("openai");
    assert_eq!((&fresh["requests"], &fresh["errors"]), (&json!(0), &json!(0)));
    assert_eq!((&fresh["last_fault"], &fresh["latency_ms"]["p50"]), (&Value::Null, &Value::Null));
    assert_eq!((&fresh["vendor"], &fresh["credentials"]), (&json!("openai"), &json!(1)));
    assert!(fresh["dialects"].as_array().unwrap().contains(&json!("openai_responses")));
    let asked = |text: &str| {
        let reply = gateway.ask(&with(Client::Openai.whole("gpt-4o-mini", text), MASTER));
        gateway.line(&reply);
        reply.status
    };
    assert_eq!((asked("#mock tokens=2"), asked("#mock error=500")), (200, 500));
    let used = own("openai");
    assert_eq!((&used["requests"], &used["errors"]), (&json!(2), &json!(1)));
    assert_eq!(used["last_fault"]["status"], 500);
    assert!(used["latency_ms"]["p50"].is_u64());
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(WORLD)
        .yaml("keys: {web: {key: the-secret-of-web, owner: acme}}")
        .env("TOLLGATE_KEEPALIVE", "90s")
        .start();
    let shown = well(&gateway, "GET", "/config", None);
    let effective = &shown["effective"];
    for secret in ["the-master-secret", "openai-secret", "anthropic-secret", "the-secret-of-web"] {
        assert!(!shown.to_string().contains(secret), "{secret} is told");
    }
    assert_eq!(
        (&effective["master_key"], &effective["providers"]["openai"]["api_key"]),
        (&json!("***"), &json!("***"))
    );
    assert_eq!(
        (&effective["upstream"]["attempts"], &effective["upstream"]["total_timeout"]),
        (&json!(1), &json!("1h"))
    );
    assert_eq!((&effective["strict"], &effective["keys"]["web"]["owner"]), (&json!(false), &json!("acme")));
    let origins = &shown["origins"];
    assert_eq!(origins["limits.keepalive"], "environment TOLLGATE_KEEPALIVE");
    assert!(origins["upstream.attempts"].as_str().unwrap().contains("tollgate.yaml:"), "{origins}");
    assert!(origins["admin.listen"].is_string() && shown["refused_reload"].is_null());
}

#[test]
fn a_reload_is_done_when_it_is_answered() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(WORLD).start();
    gateway.rewrite(|text| text.replace("fast: openai/gpt-4o-mini", "quick: openai/gpt-4o-mini"));
    assert_eq!(well(&gateway, "POST", "/config/reload", None), json!({"generation": 2}));
    assert_eq!(
        well(&gateway, "GET", "/config", None)["effective"]["aliases"],
        json!({"quick": "openai/gpt-4o-mini"})
    );
    let chat = with(Client::Openai.whole("quick", "#mock tokens=2"), MASTER);
    gateway.ask(&chat).ok();

    gateway.rewrite(|text| text.replace("attempts: 1", "attempts: 1000"));
    let (status, said) = super::ask(&gateway, "POST", "/config/reload", None);
    let problem = &said["error"]["problems"][0];
    assert_eq!((status, &problem["field"]), (422, &json!("upstream.attempts")), "{said}");
    let shown = well(&gateway, "GET", "/config", None);
    assert_eq!((&shown["generation"], &shown["refused_reload"][0]), (&json!(2), problem));
    gateway.ask(&chat).ok();
    let audit = well(&gateway, "GET", "/audit", None);
    let details: Vec<_> =
        audit["entries"].as_array().unwrap().iter().map(|entry| entry["detail"].clone()).collect();
    assert_eq!(details, [json!({"problems": 1}), json!({"generation": 2})]);
}

#[test]
fn a_text_is_checked_as_the_file_would_be() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(WORLD).start();
    let whole = check(&gateway, "master_key: x\nproviders: {openai: {api_key: sk-1}}");
    assert_eq!((&whole["ok"], &whole["problems"]), (&json!(true), &json!([])));
    let wrong = check(
        &gateway,
        "upsteam: {}\nmaster_key: x\nproviders: {openai: {api_key: sk-1}}\nlimits: {body: 10 elephants}\n",
    );
    assert_eq!(wrong["ok"], false);
    let fields: Vec<_> =
        wrong["problems"].as_array().unwrap().iter().map(|one| one["field"].clone()).collect();
    assert_eq!(fields, [json!("upsteam"), json!("limits.body")], "{wrong}");
    assert_eq!(check(&gateway, "a: [")["ok"], false);
    // What is checked is not served.
    assert_eq!(gateway.generation(), 1);
    assert_eq!(refused(&gateway, "GET", "/config/check", None).0, 405);
}
