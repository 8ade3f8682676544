//! A configuration that is tried on past requests.

use serde_json::{Value, json};
use tollgate::store::ledger::{Filter, Reader};

use super::{MASTER, path, raw, schema, with};
use crate::harness::{Client, Gateway, PATIENCE, Request, Setup, mock, post, wait};

const KEYS: &str = "
cache: off
keys:
  web: {key: web-key-of-the-test}
  batch: {key: batch-key-of-the-test}
routes: {smart: {targets: [openai/gpt-4o]}}
";

fn of(key: &str, model: &str) -> Request {
    let request = Client::Openai.whole(model, "#mock tokens=100");
    request.header("authorization", &format!("Bearer {key}-key-of-the-test"))
}

/// A gateway that has served nine requests, all of which are in its ledger.
fn served() -> (tollgate::mock::Mock, Gateway) {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&format!("master_key: {MASTER}{KEYS}")).start();
    for (key, model, count) in [("web", "smart", 4), ("web", "gpt-4o-mini", 2), ("batch", "smart", 3)] {
        (0..count).for_each(|_| drop(gateway.ask(&of(key, model)).ok()));
    }
    wait("nine rows", PATIENCE, || {
        let reader = Reader::open(&gateway.data()).ok()?;
        let rows = reader.list(&Filter::default(), None, 100).ok()?.rows;
        (rows.len() == 9).then_some(())
    });
    (mock, gateway)
}

/// What the gateway's own file, changed so, would have made of its requests, by the API and by command.
fn tried(gateway: &Gateway, change: impl Fn(String) -> String) -> Value {
    let mut text = String::new();
    gateway.rewrite(|own| {
        text = change(own.clone());
        own
    });
    let to = "/config/try?since=1h";
    let request = Request { headers: Vec::new(), ..post(&path(to)) };
    let request = with(request, MASTER).header("content-type", "application/yaml").body(text.clone());
    let reply = raw(gateway, &request).ok().json();
    schema::check(gateway, "POST", to, 200, &reply);
    let mut before = String::new();
    gateway.rewrite(|own| {
        before = own;
        text
    });
    let (well, said) = gateway.command(&["check", "--against-ledger", "1h", "--json"]);
    gateway.rewrite(|_| before);
    assert!(well, "{said}");
    let mut said: Value = serde_json::from_str(&said).unwrap();
    said["since"] = reply["since"].clone();
    assert_eq!(said, reply, "both tell the same");
    reply
}

#[test]
fn the_same_configuration_would_have_changed_nothing() {
    let (_mock, gateway) = served();
    let told = tried(&gateway, |text| text);
    assert_eq!((&told["refused"], &told["moved"]), (&json!([]), &json!([])), "{told}");
    assert_eq!(told["before_usd"], told["after_usd"]);
    assert_eq!(told["unpriced"], 0);
}

#[test]
fn what_would_go_elsewhere_is_told_with_what_it_would_cost() {
    let (_mock, gateway) = served();
    let told =
        tried(&gateway, |text| text.replace("targets: [openai/gpt-4o]", "targets: [openai/gpt-4o-mini]"));
    let moved = told["moved"].as_array().unwrap();
    assert_eq!(moved.len(), 1, "{told}");
    let (from, to) = (&moved[0]["from"], &moved[0]["to"]);
    assert_eq!((from, to), (&json!("openai/gpt-4o"), &json!("openai/gpt-4o-mini")));
    assert_eq!((&moved[0]["model"], &moved[0]["requests"]), (&json!("smart"), &json!(7)));
    let (before, after) = (moved[0]["before_usd"].as_f64().unwrap(), moved[0]["after_usd"].as_f64().unwrap());
    assert!(after > 0.0 && after < before / 10.0, "{told}");
}

#[test]
fn whom_it_would_have_refused_is_told_by_key_model_and_reason() {
    let (_mock, gateway) = served();
    let refused = |change: &dyn Fn(String) -> String| {
        let told = tried(&gateway, change);
        let list = told["refused"].as_array().unwrap().clone();
        let one = |one: &Value| {
            let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
            (text("key"), text("model"), text("why"), one["requests"].as_u64().unwrap())
        };
        list.iter().map(one).collect::<Vec<_>>()
    };
    let line =
        |key: &str, model: &str, why: &str, count| (key.to_owned(), model.to_owned(), why.to_owned(), count);
    let limited = refused(&|text| {
        text.replace(
            "{key: web-key-of-the-test}",
            "{key: web-key-of-the-test, limits: [{requests: 4, per: hour}]}",
        )
    });
    assert_eq!(limited.iter().map(|(.., count)| count).sum::<u64>(), 2, "{limited:?}");
    assert!(
        limited.iter().all(|(key, _, why, _)| key == "web" && why == "over what its key may use of requests")
    );
    let spent = refused(&|text| {
        text.replace(
            "{key: batch-key-of-the-test}",
            "{key: batch-key-of-the-test, budgets: [{usd: 0.000001}]}",
        )
    });
    assert_eq!(spent, [line("batch", "smart", "over what its key may use of usd", 3)]);
    let gone = refused(&|text| text.replace("  batch: {key: batch-key-of-the-test}\n", ""));
    assert_eq!(gone, [line("batch", "smart", "there is no such key", 3)]);
    let closed = refused(&|text| {
        text.replace("{key: web-key-of-the-test}", "{key: web-key-of-the-test, models: [gpt-4o]}")
    });
    assert_eq!(closed, [line("web", "gpt-4o-mini", "the key may not ask for the model", 2)]);
}

#[test]
fn what_is_not_whole_cannot_be_tried() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(&format!("master_key: {MASTER}")).start();
    let ask = |to: &str, text: &str| {
        let request = Request { headers: Vec::new(), ..post(&path(to)) };
        let reply =
            raw(&gateway, &with(request, MASTER).header("content-type", "application/yaml").body(text));
        schema::check(&gateway, "POST", to, reply.status, &reply.json());
        (reply.status, reply.json())
    };
    let (status, said) = ask("/config/try", "rotes: {}");
    assert_eq!(status, 422, "{said}");
    assert!(!said["error"]["problems"].as_array().unwrap().is_empty());
    let (status, said) = ask("/config/try?since=soon", "strict: true");
    assert_eq!((status, &said["error"]["param"]), (400, &json!("since")));
    let (well, _) = gateway.command(&["check", "--against-ledger", "soon"]);
    assert!(!well);
}
