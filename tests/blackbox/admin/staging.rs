//! A configuration for a share of the clients: each sees one, what is counted is counted for both, and what
//! runs ends as it began.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{MASTER, ask, raw, refused, request, well, with};
use crate::harness::{Client, End, Gateway, PATIENCE, Setup, mock, wait};

const SERVED: &str = "fast: openai/gpt-4o-mini";
const STAGED: &str = "fast: anthropic/claude-sonnet-4-5";

/// A world with so many keys, and an alias that the other one has lead elsewhere.
fn world(keys: usize) -> String {
    let mut text = format!("master_key: {MASTER}\naliases: {{{SERVED}}}\nkeys:\n");
    for key in 0..keys {
        writeln!(text, "  k{key}: {{key: the-secret-of-key-{key}}}").unwrap();
    }
    text
}

/// Who answers the name that leads to different providers.
fn answers(gateway: &Gateway, secret: &str) -> String {
    let reply = gateway.ask(&with(Client::Openai.whole("fast", "#mock tokens=2"), secret)).ok();
    reply.header("x-tollgate-provider").unwrap().to_owned()
}

/// The file of this gateway, changed.
fn changed(gateway: &Gateway, change: impl FnOnce(String) -> String) -> String {
    let path = gateway.data().parent().unwrap().join("tollgate.yaml");
    change(std::fs::read_to_string(path).unwrap())
}

fn stage(gateway: &Gateway, percent: u8, change: impl FnOnce(String) -> String) -> Value {
    let body = json!({"percent": percent, "text": changed(gateway, change)});
    well(gateway, "POST", "/config/stage", Some(&body))
}

#[test]
fn each_client_sees_one_configuration_and_who_saw_the_new_one_goes_on_to() {
    const KEYS: usize = 40;
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&world(KEYS)).start();
    let seen = || -> Vec<bool> {
        let of = |key: usize| {
            let secret = format!("the-secret-of-key-{key}");
            let first = answers(&gateway, &secret);
            assert_eq!(answers(&gateway, &secret), first, "k{key} sees both");
            first == "anthropic"
        };
        (0..KEYS).map(of).collect()
    };
    let count = |seen: &[bool]| seen.iter().filter(|seen| **seen).count();
    assert_eq!(count(&seen()), 0);
    let told = stage(&gateway, 40, |text| text.replace(SERVED, STAGED));
    assert_eq!((&told["generation"], &told["staged"]["generation"]), (&json!(1), &json!(2)));
    assert_eq!((&told["staged"]["percent"], &told["staged"]["source"]), (&json!(40), &json!("text")));
    assert_eq!(told["staged"]["effective"]["aliases"], json!({"fast": "anthropic/claude-sonnet-4-5"}));
    let some = seen();
    assert!((6..=26).contains(&count(&some)), "{} of {KEYS} at 40 in 100", count(&some));
    gateway.wait_metric("tollgate_config_staged_generation", &[], 2.0);
    gateway.wait_metric("tollgate_config_staged_percent", &[], 40.0);

    well(&gateway, "PATCH", "/config/stage", Some(&json!({"percent": 70})));
    let more = seen();
    assert!(count(&more) > count(&some) && count(&more) < KEYS);
    assert!(some.iter().zip(&more).all(|(some, more)| *more || !*some), "who saw it goes on to see it");

    let told = well(&gateway, "POST", "/config/stage/promote", None);
    assert_eq!(told, json!({"generation": 2, "staged": null}));
    assert_eq!((count(&seen()), gateway.generation()), (KEYS, 2));
    assert_eq!(
        well(&gateway, "GET", "/config", None)["effective"]["aliases"],
        json!({"fast": "anthropic/claude-sonnet-4-5"})
    );
    // The file says something else, and is what a reload serves.
    gateway.reload();
    assert_eq!((count(&seen()), gateway.generation()), (0, 3));
}

#[test]
fn the_ledger_the_log_and_the_metrics_tell_who_saw_what() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&world(1)).start();
    let asked = || gateway.ask(&with(Client::Openai.whole("fast", "#mock tokens=2"), "the-secret-of-key-0"));
    let served = gateway.line(&asked().ok());
    stage(&gateway, 100, |text| text.replace(SERVED, STAGED));
    let staged = gateway.line(&asked().ok());
    assert_eq!((&served["config"], &staged["config"]), (&Value::Null, &json!("staged")));
    gateway.wait_metric("tollgate_config_staged_requests_total", &[("outcome", "answered")], 1.0);
    let rows = |query: &str| well(&gateway, "GET", &format!("/requests{query}"), None)["requests"].clone();
    wait("both rows", PATIENCE, || (rows("").as_array()?.len() == 2).then_some(()));
    for (config, provider) in [("staged", "anthropic"), ("served", "openai")] {
        let found = rows(&format!("?config={config}"));
        assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
        assert_eq!((&found[0]["config"], &found[0]["provider"]), (&json!(config), &json!(provider)));
    }
    let usage = well(&gateway, "GET", "/usage?group=config", None);
    let groups: Vec<_> =
        usage["rows"].as_array().unwrap().iter().map(|row| row["group"]["config"].clone()).collect();
    assert!(groups.contains(&json!("staged")) && groups.contains(&json!("served")), "{usage}");
    assert_eq!(gateway.admin_page("/status").json()["staged"], json!({"generation": 2, "percent": 100}));
    let deeds = well(&gateway, "GET", "/audit", None).to_string();
    assert!(deeds.contains("config.stage") && !deeds.contains("the-secret-of-key"), "{deeds}");
}

#[test]
fn what_runs_ends_in_the_configuration_it_began_with() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&world(1)).start();
    stage(&gateway, 100, |text| text.replace(SERVED, STAGED));
    let request = with(Client::Anthropic.stream("fast", "#mock tokens=60 rate=60"), "the-secret-of-key-0");
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body].concat());
    let mut head = conn.head();
    assert_eq!(well(&gateway, "DELETE", "/config/stage", None), json!({"generation": 1, "staged": null}));
    assert_eq!(answers(&gateway, "the-secret-of-key-0"), "openai");
    let (text, end) = conn.rest(&mut head);
    assert!(end == End::Clean && Client::Anthropic.is_complete(&text), "{end:?} {text}");
    let line = gateway.line_where("config", "staged");
    assert_eq!((&line["outcome"], &line["gen_ai.provider.name"]), (&json!("answered"), &json!("anthropic")));
}

#[test]
fn limits_count_for_both() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(&format!(
            "master_key: {MASTER}\naliases: {{{SERVED}}}\nkeys: {{web: {{key: the-secret-of-web, limits: [{{requests: 3, per: hour}}]}}}}"
        ))
        .start();
    assert_eq!(answers(&gateway, "the-secret-of-web"), "openai");
    stage(&gateway, 100, |text| text.replace(SERVED, STAGED));
    assert_eq!(answers(&gateway, "the-secret-of-web"), "anthropic");
    well(&gateway, "DELETE", "/config/stage", None);
    assert_eq!(answers(&gateway, "the-secret-of-web"), "openai");
    stage(&gateway, 100, |text| text.replace(SERVED, STAGED));
    let fourth = gateway.ask(&with(Client::Openai.whole("fast", "x"), "the-secret-of-web"));
    assert_eq!(fourth.status, 429, "{}", fourth.text());
}

#[test]
fn a_key_of_the_staged_configuration_opens_that_and_strangers_stay_outside() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&world(1)).start();
    let status = |secret: &str| {
        let reply = gateway.ask(&with(Client::Openai.whole("fast", "#mock tokens=2"), secret));
        (reply.status, reply.header("x-tollgate-provider").map(str::to_owned))
    };
    let fresh = |text: String| {
        let text = text.replace(SERVED, STAGED);
        text.replace("keys:\n", "keys:\n  fresh: {key: the-secret-of-fresh}\n")
            .replace("the-secret-of-key-0", "another-secret-of-key-0")
    };
    stage(&gateway, 1, fresh);
    assert_eq!(status("the-secret-of-fresh"), (200, Some("anthropic".to_owned())));
    assert_eq!(status("another-secret-of-key-0"), (200, Some("anthropic".to_owned())));
    assert_eq!(status("the-secret-of-nobody").0, 401);
    // With everybody in it, what it does not know is no key any more.
    well(&gateway, "PATCH", "/config/stage", Some(&json!({"percent": 100})));
    assert_eq!(status("the-secret-of-key-0").0, 401);
    // A configuration without keys is open to whoever sees it, and to nobody else.
    let open = |text: String| {
        let without = text.lines().filter(|line| !line.contains("key-0") && !line.starts_with("keys:"));
        without.filter(|line| !line.starts_with("master_key")).map(|line| format!("{line}\n")).collect()
    };
    stage(&gateway, 100, open);
    assert_eq!((status("the-secret-of-key-0").0, status("the-secret-of-nobody").0), (200, 401));
    // A key that is made meanwhile opens both.
    well(&gateway, "DELETE", "/config/stage", None);
    stage(&gateway, 100, |text| text.replace(SERVED, STAGED));
    let made = well(&gateway, "POST", "/keys", Some(&json!({"name": "late"})));
    assert_eq!(status(made["secret"].as_str().unwrap()), (200, Some("anthropic".to_owned())));
    well(&gateway, "DELETE", "/config/stage", None);
    assert_eq!(status(made["secret"].as_str().unwrap()), (200, Some("openai".to_owned())));
}

#[test]
fn a_reload_drops_what_is_staged_and_a_refused_one_does_not() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&world(1)).start();
    stage(&gateway, 100, |text| text.replace(SERVED, STAGED));
    gateway.rewrite(|text| text.replace("aliases:", "alliases:"));
    let (status, _) = ask(&gateway, "POST", "/config/reload", None);
    assert_eq!((status, answers(&gateway, "the-secret-of-key-0").as_str()), (422, "anthropic"));
    gateway.rewrite(|text| text.replace("alliases:", "aliases:"));
    gateway.reload();
    assert_eq!(answers(&gateway, "the-secret-of-key-0"), "openai");
    assert!(well(&gateway, "GET", "/config", None)["staged"].is_null());
    gateway.wait_said("what was staged is dropped");
    gateway.wait_metric("tollgate_config_staged_percent", &[], 0.0);
}

#[test]
fn an_open_gateway_tells_its_clients_apart_by_address() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .operators("{deploy: {key: the-master-secret, scopes: [read, keys, config]}}")
        .yaml(&format!("aliases: {{{SERVED}}}\ntrusted_proxies: [127.0.0.1]"))
        .start();
    stage(&gateway, 50, |text| text.replace(SERVED, STAGED));
    let of = |client: usize| {
        let asked = Client::Openai.whole("fast", "#mock tokens=2");
        let reply = gateway.ask(&asked.header("x-forwarded-for", &format!("192.0.2.{client}"))).ok();
        reply.header("x-tollgate-provider").unwrap().to_owned()
    };
    let seen: Vec<_> = (1..30).map(|client| (of(client), of(client))).collect();
    assert!(seen.iter().all(|(first, second)| first == second));
    let staged = seen.iter().filter(|(first, _)| first == "anthropic").count();
    assert!((5..=24).contains(&staged), "{staged} of 29");
}

#[test]
fn what_cannot_be_staged_is_said_and_leaves_all_as_it_was() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&world(1)).start();
    let no = |method: &str, to: &str, body: Value| {
        let (status, param, _) = refused(&gateway, method, to, Some(&body).filter(|body| !body.is_null()));
        (status, param)
    };
    for wrong in [json!(0), json!(101), json!(2.5), json!("10"), Value::Null] {
        assert_eq!(
            no("POST", "/config/stage", json!({"percent": wrong})),
            (400, json!("percent")),
            "{wrong}"
        );
    }
    assert_eq!(no("POST", "/config/stage", json!({})), (400, json!("percent")));
    assert_eq!(no("POST", "/config/stage", json!({"percent": 5, "file": "x"})), (400, json!("file")));
    assert_eq!(no("PATCH", "/config/stage", json!({"percent": 5, "text": "x"})), (400, json!("text")));
    for (method, to, body) in [
        ("PATCH", "/config/stage", json!({"percent": 5})),
        ("DELETE", "/config/stage", Value::Null),
        ("POST", "/config/stage/promote", Value::Null),
    ] {
        assert_eq!(no(method, to, body), (409, Value::Null), "{method} {to}");
    }
    let text = changed(&gateway, |text| text.replace("aliases:", "alliases:"));
    let (status, said) = ask(&gateway, "POST", "/config/stage", Some(&json!({"percent": 5, "text": text})));
    assert_eq!(status, 422);
    assert!(said["error"]["problems"].to_string().contains("alliases"), "{said}");
    assert!(well(&gateway, "GET", "/config", None)["staged"].is_null());
    let reader =
        raw(&gateway, &with(request("POST", "/config/stage"), "nobody").json(&json!({"percent": 5})));
    assert_eq!(reader.status, 401);
}

#[test]
fn the_command_stages_the_file_as_it_is() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&world(1)).env("TOLLGATE_ADMIN_KEY", MASTER).start();
    let said = |arguments: &[&str]| gateway.command(&[&["config"], arguments].concat());
    assert_eq!(said(&["show"]), (true, "generation 1 is served; nothing is staged\n".to_owned()));
    assert!(!said(&["promote"]).0 && !said(&["stage", "--percent", "0"]).0);
    gateway.rewrite(|text| text.replace(SERVED, STAGED));
    let (well_done, told) = said(&["stage", "--percent", "100"]);
    let expected = "generation 1 is served; 100 of 100 clients see generation 2, from a file, since ";
    assert!(well_done && told.starts_with(expected), "{told}");
    assert_eq!(answers(&gateway, "the-secret-of-key-0"), "anthropic");
    assert!(said(&["share", "--percent", "1"]).1.contains("; 1 of 100 clients see generation 2"));
    // What is tried is what is served, whatever the file says by then.
    gateway.rewrite(|text| text.replace(STAGED, "fast: gemini/gemini-2.5-flash"));
    assert_eq!(said(&["promote"]), (true, "generation 2 is served; nothing is staged\n".to_owned()));
    assert_eq!(answers(&gateway, "the-secret-of-key-0"), "anthropic");
    let text = changed(&gateway, |text| text.replace("fast: gemini/gemini-2.5-flash", SERVED));
    let path = gateway.data().parent().unwrap().join("other.yaml");
    std::fs::write(&path, text).unwrap();
    assert!(said(&["stage", "--percent", "100", "--text", path.to_str().unwrap()]).1.contains("from a text"));
    assert_eq!(answers(&gateway, "the-secret-of-key-0"), "openai");
    assert_eq!(said(&["drop"]), (true, "generation 2 is served; nothing is staged\n".to_owned()));
    assert_eq!(answers(&gateway, "the-secret-of-key-0"), "anthropic");
}
