//! Maintenance: what an operator takes out gets no request until it is taken back in.

use serde_json::{Value, json};

use super::{MASTER, refused, well, with};
use crate::harness::{
    Client, Gateway, Heard, PATIENCE, Provider, Reply, Setup, Then, get, json_reply, mock, wait,
};

const REPLY: &str = "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\
    \"message\":{\"role\":\"assistant\",\"content\":\"well\"},\"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}";

fn house() -> Provider {
    Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, REPLY));
        Then::Keep
    })
}

fn gateway(mock: &tollgate::mock::Mock, house: &Provider) -> Gateway {
    let at = house.addr;
    Setup::new(mock)
        .provider(&format!(
            "house: {{vendor: custom, base_url: \"http://{at}/v1\", models: [m, n], api_keys: [key-one, key-two]}}"
        ))
        .yaml(&format!(
            "master_key: {MASTER}\nroutes: {{both: {{targets: [house/m, openai/gpt-4o-mini]}}}}\ncache: off"
        ))
        .start()
}

fn asks(gateway: &Gateway, model: &str) -> Reply {
    gateway.ask(&with(Client::Openai.whole(model, "#mock tokens=2"), MASTER))
}

fn served_by(gateway: &Gateway, model: &str) -> String {
    asks(gateway, model).ok().header("x-tollgate-provider").unwrap_or_default().to_owned()
}

/// What `/status` tells of as resting.
fn rests(gateway: &Gateway) -> Vec<Value> {
    let status = gateway.admin_page("/status").ok().json();
    let all = status["breakers"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|one| one["state"] == "resting").collect()
}

#[test]
fn a_provider_that_is_taken_out_gets_nothing_until_it_is_taken_back_in() {
    let (mock, house) = (mock(), house());
    let gateway = gateway(&mock, &house);
    assert_eq!(served_by(&gateway, "both"), "house");
    let told = well(&gateway, "POST", "/providers/house/rest", Some(&json!({"reason": "new disks"})));
    assert_eq!(told["resting"], json!([{"part": "provider", "name": null, "until": null}]));
    assert_eq!(served_by(&gateway, "both"), "openai");
    for client in crate::harness::CLIENTS {
        for request in [client.whole("house/m", "hello"), client.stream("house/m", "hello")] {
            let reply = gateway.ask(&with(request, MASTER));
            assert_eq!(reply.status, 503, "{}", reply.text());
            assert!(client.refusal(&reply).message.contains("maintenance"), "{}", reply.text());
        }
    }
    let through = gateway.ask(&with(get("/p/house/models"), MASTER));
    assert_eq!(through.status, 503, "{}", through.text());
    gateway.reload();
    assert_eq!(served_by(&gateway, "both"), "openai", "a reload keeps it");
    assert_eq!(house.heard().len(), 1);
    assert_eq!(rests(&gateway)[0]["provider"], "house");
    let told = well(&gateway, "DELETE", "/providers/house/rest", None);
    assert_eq!(told["resting"], json!([]));
    assert_eq!(served_by(&gateway, "both"), "house");
    let audit = well(&gateway, "GET", "/audit", None);
    let deeds: Vec<_> =
        audit["entries"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
    assert_eq!(deeds, ["provider.serve", "provider.rest"]);
    assert_eq!(audit["entries"][1]["detail"]["reason"], "new disks");
}

#[test]
fn one_model_or_one_key_is_taken_out_alone() {
    let (mock, house) = (mock(), house());
    let gateway = gateway(&mock, &house);
    let told = well(&gateway, "POST", "/providers/house/rest", Some(&json!({"model": "m"})));
    assert_eq!(told["resting"], json!([{"part": "model", "name": "m", "until": null}]));
    assert_eq!(
        (served_by(&gateway, "both"), served_by(&gateway, "house/n")),
        ("openai".into(), "house".into())
    );
    well(&gateway, "DELETE", "/providers/house/rest?model=m", None);
    well(&gateway, "POST", "/providers/house/rest", Some(&json!({"key": 1})));
    let before = house.heard().len();
    (0..6).for_each(|_| assert_eq!(served_by(&gateway, "both"), "house"));
    gateway.ask(&with(get("/p/house/models"), MASTER)).ok();
    let heard = house.heard().split_off(before);
    assert_eq!(heard.len(), 7);
    assert!(heard.iter().all(|heard| heard.head.contains("key-two")), "{heard:?}");
    well(&gateway, "POST", "/providers/house/rest", Some(&json!({"key": 2})));
    assert_eq!(served_by(&gateway, "both"), "openai", "there is no key left");
    let told = well(&gateway, "GET", "/providers", None);
    let own =
        told["providers"].as_array().unwrap().iter().find(|one| one["name"] == "house").unwrap().clone();
    assert_eq!(own["resting"].as_array().unwrap().len(), 2);
}

#[test]
fn a_rest_with_an_end_ends_by_itself_and_tells_clients_when() {
    let (mock, house) = (mock(), house());
    let gateway = gateway(&mock, &house);
    let told = well(&gateway, "POST", "/providers/house/rest", Some(&json!({"for": "2s"})));
    assert!(told["resting"][0]["until"].is_string(), "{told}");
    let reply = asks(&gateway, "house/m");
    assert_eq!((reply.status, reply.header("retry-after").is_some()), (503, true), "{}", reply.text());
    wait("its end", PATIENCE, || (asks(&gateway, "house/m").status == 200).then_some(()));
    assert_eq!(rests(&gateway), Vec::<Value>::new());
}

#[test]
fn what_makes_no_sense_takes_nothing_out() {
    let (mock, house) = (mock(), house());
    let gateway = gateway(&mock, &house);
    let no = |body: Value| {
        let (status, field, _) = refused(&gateway, "POST", "/providers/house/rest", Some(&body));
        (status, field)
    };
    assert_eq!(no(json!({"for": "soon"})), (400, json!("for")));
    assert_eq!(no(json!({"until": "2020-01-01T00:00:00Z"})), (400, json!("until")));
    assert_eq!(no(json!({"key": 3})), (400, json!("key")));
    assert_eq!(no(json!({"key": 1, "model": "m"})), (400, json!("key")));
    assert_eq!(no(json!({"modle": "m"})), (400, json!("modle")));
    let (status, _, message) = refused(&gateway, "POST", "/providers/hause/rest", None);
    assert_eq!((status, message.contains("house")), (404, true), "{message}");
    assert_eq!(refused(&gateway, "DELETE", "/providers/house/rest?key=x", None).0, 400);
    assert_eq!(served_by(&gateway, "both"), "house");
}

#[test]
fn an_operator_closes_the_breakers_of_a_provider() {
    let mock = mock();
    let house = Provider::start(|heard, stream| {
        let answer = if heard.number < 1 {
            json_reply(500, "{\"error\":{\"message\":\"no\"}}")
        } else {
            json_reply(200, REPLY)
        };
        Heard::answer(stream, &answer);
        Then::Keep
    });
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "house: {{vendor: custom, base_url: \"http://{}/v1\", models: [m], api_keys: [key-one]}}",
            house.addr
        ))
        .yaml(&format!(
            "master_key: {MASTER}\nroutes: {{both: {{targets: [house/m, openai/gpt-4o-mini]}}}}\n\
             breakers: {{failures: 1, cool_down: 5m}}\ncache: off"
        ))
        .start();
    assert_eq!(served_by(&gateway, "both"), "openai");
    assert_eq!(served_by(&gateway, "both"), "openai", "its breaker is open");
    well(&gateway, "POST", "/providers/house/recover", None);
    assert_eq!(served_by(&gateway, "both"), "house");
}
