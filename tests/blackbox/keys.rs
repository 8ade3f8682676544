//! Virtual keys: who may come in, and what each may ask for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{CLIENTS, Client, Gateway, PATIENCE, Reply, Request, Setup, get, mock, post, wait};

const KEYS: &str = "\
master_key: the-master-secret
aliases: {fast: openai/gpt-4o-mini}
keys:
  web: {key: the-secret-of-web, owner: acme/search/api, labels: [prod, eu], models: [\"gpt-4o*\"]}
  old: {key: the-secret-of-old, expires: 2020-01-31}
  off: {key: the-secret-of-off, enabled: false}
  far: {key: the-secret-of-far, addresses: [10.0.0.0/8]}
  near: {key: the-secret-of-near, addresses: [127.0.0.0/8]}
";

fn with(request: Request, secret: &str) -> Request {
    request.header("authorization", &format!("Bearer {secret}"))
}

fn made(gateway: &Gateway, arguments: &[&str]) -> Value {
    let (well, told) = gateway.command(&[&["keys", "--json"], arguments].concat());
    assert!(well, "{arguments:?}: {told}");
    serde_json::from_str(&told).unwrap()
}

/// Asks until the answer has this status: the gateway takes a change over within a second.
fn until(gateway: &Gateway, request: &Request, status: u16) -> Reply {
    wait(&format!("status {status}"), PATIENCE, || {
        Some(gateway.ask(request)).filter(|reply| reply.status == status)
    })
}

#[test]
fn a_key_that_does_not_open_says_why_in_each_dialect() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    for client in CLIENTS {
        for (secret, status, why) in [
            ("nobodys-secret", 401, "missing or not known"),
            ("the-secret-of-old", 401, "expired on 2020-01-31"),
            ("the-secret-of-off", 401, "\"off\" is disabled"),
            ("the-secret-of-far", 403, "may not be used from this address"),
        ] {
            let reply = gateway.ask(&with(client.whole(client.model(), "hello"), secret));
            let said = client.refusal(&reply);
            assert_eq!(reply.status, status, "{client:?} {secret}");
            assert!(said.message.contains(why), "{said:?}");
        }
        for secret in ["the-master-secret", "the-secret-of-near"] {
            gateway.ask(&with(client.whole(client.model(), "#mock tokens=2"), secret)).ok();
        }
        assert_eq!(gateway.ask(&client.whole(client.model(), "hello")).status, 401);
    }
}

#[test]
fn a_key_is_taken_wherever_an_sdk_puts_it() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let request = || Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
    for header in ["x-api-key", "api-key", "x-goog-api-key"] {
        gateway.ask(&request().header(header, "the-secret-of-web")).ok();
    }
    let mut in_query = Client::Gemini.whole("gpt-4o-mini", "#mock tokens=2");
    in_query.path.push_str("?key=the-secret-of-web");
    gateway.ask(&in_query).ok();
    // Of several credentials the one that opens counts.
    gateway.ask(&with(request(), "nobodys").header("x-api-key", "the-secret-of-web")).ok();
}

#[test]
fn a_trusted_proxy_says_where_the_client_is_and_nobody_else_does() {
    let mock = mock();
    let ask = |gateway: &Gateway, header: &str, said: &str| {
        let request = with(Client::Openai.whole("gpt-4o-mini", "#mock tokens=2"), "the-secret-of-far");
        gateway.ask(&request.header(header, said))
    };
    let believing = Setup::new(&mock).yaml(KEYS).env("TOLLGATE_TRUSTED_PROXIES", "127.0.0.0/8,::1").start();
    let reply = ask(&believing, "x-forwarded-for", "198.51.100.7, 10.1.2.3:4711").ok();
    assert_eq!(believing.line(&reply)["client.address"], "10.1.2.3");
    let reply = ask(&believing, "x-forwarded-for", "10.1.2.3, 198.51.100.7");
    assert_eq!((reply.status, &believing.line(&reply)["client.address"]), (403, &json!("198.51.100.7")));
    let reply = ask(&believing, "x-forwarded-for", "10.1.2.3, unknown");
    assert_eq!((reply.status, &believing.line(&reply)["client.address"]), (403, &Value::Null));
    // The client may have written the other headers itself.
    assert_eq!(ask(&believing, "x-real-ip", "10.1.2.3").status, 403);
    assert_eq!(ask(&believing, "forwarded", "for=10.1.2.3").status, 403);

    let own = Setup::new(&mock).yaml(KEYS).env("TOLLGATE_TRUSTED_PROXIES", "127.0.0.1");
    let own = own.env("TOLLGATE_TRUSTED_HEADER", "forwarded").start();
    ask(&own, "forwarded", "for=\"10.1.2.3:80\";proto=https").ok();
    assert_eq!(ask(&own, "x-forwarded-for", "10.1.2.3").status, 403);

    let plain = Setup::new(&mock).yaml(KEYS).start();
    let reply = ask(&plain, "x-forwarded-for", "10.1.2.3");
    assert_eq!((reply.status, &plain.line(&reply)["client.address"]), (403, &json!("127.0.0.1")));
}

#[test]
fn a_key_asks_for_its_models_alone_by_all_their_names() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let ask = |client: Client, model: &str| {
        gateway.ask(&with(client.whole(model, "#mock tokens=2"), "the-secret-of-web"))
    };
    for client in CLIENTS {
        for model in ["gpt-4o-mini", "openai/gpt-4o", "fast"] {
            ask(client, model).ok();
        }
        let reply = ask(client, "claude-sonnet-4-5");
        let said = client.refusal(&reply);
        assert_eq!(reply.status, 403);
        assert!(said.message.contains("\"web\" may not ask for the model \"claude-sonnet-4-5\""), "{said:?}");
    }
    let reply = ask(Client::Openai, "claude-sonnet-4-5").json();
    assert_eq!(
        (&reply["error"]["code"], &reply["error"]["param"]),
        (&json!("model_not_allowed"), &json!("model"))
    );
    let names = |secret: &str| {
        let listed = gateway.ask(&with(get("/v1/models"), secret)).ok().json();
        let names =
            listed["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let own = names("the-secret-of-web");
    assert!(own.contains(&"fast".to_owned()) && own.contains(&"gpt-4o".to_owned()));
    assert!(own.iter().all(|name| name == "fast" || name.starts_with("gpt-4o")), "{own:?}");
    assert!(names("the-master-secret").contains(&"claude-sonnet-4-5".to_owned()));
    let one = |name: &str| gateway.ask(&with(get(&format!("/v1/models/{name}")), "the-secret-of-web")).status;
    assert_eq!((one("gpt-4o"), one("claude-sonnet-4-5"), one("no-such-model")), (200, 403, 404));
}

#[test]
fn what_goes_through_is_held_to_the_keys_models() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let ask =
        |path: &str, body: Value| gateway.ask(&with(post(path).json(&body), "the-secret-of-web")).status;
    let question = |model: &str| Client::Openai.question(model, "#mock tokens=2", false);
    assert_eq!(ask("/p/openai/v1/chat/completions", question("gpt-4o-mini")), 200);
    assert_eq!(ask("/p/openai/v1/chat/completions", question("o3")), 403);
    assert_eq!(ask("/p/openai/v1/fine_tuning/jobs", json!({"training_file": "f"})), 403);
    assert_eq!(ask("/p/gemini/v1beta/models/gemini-2.5-flash:generateContent", json!({"contents": []})), 403);
    let looked = gateway.ask(&with(get("/p/openai/v1/models"), "the-secret-of-web"));
    assert_eq!(looked.status, 200, "{}", looked.text());
}

#[test]
fn a_record_names_the_key_and_on_whose_behalf_it_was_used() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let mut question = Client::Openai.question("gpt-4o-mini", "#mock tokens=2", false);
    question["user"] = "bob".into();
    let asked = with(post("/v1/chat/completions"), "the-secret-of-web")
        .header("x-tollgate-session", "s-1")
        .header("x-tollgate-tags", "night, batch")
        .json(&question);
    let line = gateway.line(&gateway.ask(&asked).ok());
    assert_eq!((&line["key"], &line["owner"]), (&json!("web"), &json!("acme/search/api")));
    assert_eq!((&line["labels"], &line["tags"]), (&json!(["prod", "eu"]), &json!(["night", "batch"])));
    assert_eq!((&line["enduser.id"], &line["session.id"]), (&json!("bob"), &json!("s-1")));
    let line = gateway.line(&gateway.ask(&asked.header("x-tollgate-user", "ann")).ok());
    assert_eq!(line["enduser.id"], "ann");
    let heard = crate::harness::mock_page(&mock, "last").to_string();
    assert!(!heard.contains("x-tollgate"), "{heard}");
}

#[test]
fn a_key_made_beside_the_running_gateway_works_until_it_is_revoked() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let plain = Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
    gateway.ask(&plain).ok();
    let web = made(&gateway, &["create", "web", "--owner", "acme/search", "--model", "gpt-4o*"]);
    let secret = web["key"].as_str().unwrap();
    assert!(secret.starts_with("tg-") && secret.len() == 55, "{secret}");
    // The first key closes the door.
    until(&gateway, &plain, 401);
    let own = with(plain.clone(), secret);
    let reply = until(&gateway, &own, 200);
    assert_eq!(gateway.line(&reply)["owner"], "acme/search");
    assert_eq!(gateway.ask(&with(Client::Openai.whole("o3", "x"), secret)).status, 403);

    made(&gateway, &["update", "web", "--model", "o3", "--disabled"]);
    assert!(Client::Openai.refusal(&until(&gateway, &own, 401)).message.contains("is disabled"));
    made(&gateway, &["update", "web", "--enabled", "--set", "models=null"]);
    until(&gateway, &own, 200);

    let again = made(&gateway, &["rotate", "web", "--grace", "1h"]);
    let fresh = with(plain.clone(), again["key"].as_str().unwrap());
    until(&gateway, &fresh, 200);
    gateway.ask(&own).ok();
    let last = made(&gateway, &["rotate", "web"]);
    let last = with(plain.clone(), last["key"].as_str().unwrap());
    until(&gateway, &last, 200);
    let reply = until(&gateway, &fresh, 401);
    assert!(Client::Openai.refusal(&reply).message.contains("was replaced"), "{}", reply.text());
    assert_eq!(gateway.ask(&own).status, 401);

    made(&gateway, &["revoke", "web"]);
    let reply = until(&gateway, &last, 401);
    assert!(Client::Openai.refusal(&reply).message.contains("was revoked"), "{}", reply.text());
    let (_, listed) = gateway.command(&["keys", "list", "--all", "--json"]);
    assert!(!listed.contains(secret) && listed.contains("\"state\":\"revoked\""), "{listed}");
    // What is revoked still keeps the door closed.
    assert_eq!(gateway.ask(&plain).status, 401);
}

#[test]
fn a_key_that_is_wrong_is_not_made() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    for wrong in [
        &["create", "web"][..],
        &["create", "a", "--owner", "a//b"],
        &["create", "a", "--address", "10.0.0.0/99"],
        &["create", "a", "--expires", "soon"],
        &["create", "a", "--set", "modles=[]"],
        &["create", "a", "--set", "models=["],
        &["revoke", "nobody"],
    ] {
        let (well, told) = gateway.command(&[&["keys"], wrong].concat());
        assert!(!well && told.is_empty(), "{wrong:?}: {told}");
    }
    assert_eq!(gateway.command(&["keys", "list", "--json"]), (true, "[]\n".to_owned()));
}

#[test]
fn a_key_survives_reload_and_restart() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("master_key: the-master-secret").start();
    let secret = made(&gateway, &["create", "web"])["key"].as_str().unwrap().to_owned();
    let own = with(Client::Openai.whole("gpt-4o-mini", "#mock tokens=2"), &secret);
    until(&gateway, &own, 200);
    gateway.reload();
    gateway.ask(&own).ok();
    let next = gateway.upgrade();
    gateway.signal("QUIT");
    std::thread::sleep(Duration::from_millis(1));
    next.ask(&own).ok();
}

#[test]
fn what_one_key_keeps_no_other_key_finds() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let body = json!({"model": "claude-sonnet-4-5", "input": "#mock tokens=2"});
    let ask = |request: Request, secret: &str| gateway.ask(&with(request, secret));
    let made = ask(post("/v1/responses").json(&body), "the-secret-of-near").ok().json();
    let own = get(&format!("/v1/responses/{}", made["id"].as_str().unwrap()));
    ask(own.clone(), "the-secret-of-near").ok();
    for other in ["the-secret-of-web", "the-master-secret"] {
        assert_eq!(ask(own.clone(), other).status, 404, "{other}");
    }
    let going_on = json!({"model": "claude-sonnet-4-5", "input": "x", "previous_response_id": made["id"]});
    let reply = ask(post("/v1/responses").json(&going_on), "the-master-secret");
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!("previous_response_not_found")));
}

#[test]
fn a_response_in_the_background_belongs_to_its_key() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let body = json!({"model": "claude-sonnet-4-5", "input": "#mock tokens=2", "background": true});
    let made = gateway.ask(&with(post("/v1/responses").json(&body), "the-secret-of-near")).ok().json();
    let own = with(get(&format!("/v1/responses/{}", made["id"].as_str().unwrap())), "the-secret-of-near");
    wait("the response", PATIENCE, || (gateway.ask(&own).ok().json()["status"] == "completed").then_some(()));
    let line = wait("the background's line", PATIENCE, || {
        gateway
            .lines()
            .into_iter()
            .find(|line| line["gen_ai.operation.name"] == "chat" && line["cost_usd"].is_string())
    });
    assert_eq!(line["key"], "near");
}
