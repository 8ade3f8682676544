//! Who may ask: keys, scopes, sessions, and nobody's pages but our own.

use serde_json::json;

use super::{MASTER, ask, path, raw, request, well, with};
use crate::harness::{Gateway, Setup, get, mock};

const OPERATORS: &str =
    "{ann: {key: \"${env:ANNS_KEY}\"}, bob: {key: the-secret-of-bob, scopes: [keys, read]}}";

fn gateway() -> (tollgate::mock::Mock, Gateway) {
    let mock = mock();
    let setup = Setup::new(&mock).yaml("master_key: the-master-secret").operators(OPERATORS);
    let gateway = setup.env("ANNS_KEY", "the-secret-of-ann").start();
    (mock, gateway)
}

#[test]
fn a_key_does_what_its_scopes_say_and_no_more() {
    let (_mock, gateway) = gateway();
    let status = |method: &str, to: &str, secret: &str| {
        raw(&gateway, &with(request(method, to), secret).body("{\"name\": \"x\"}")).status
    };
    assert_eq!(raw(&gateway, &get(&path("/keys"))).status, 401);
    assert_eq!(status("GET", "/keys", "nobodys-secret"), 401);
    for secret in ["the-secret-of-ann", "the-secret-of-bob", MASTER] {
        assert_eq!(status("GET", "/keys", secret), 200, "{secret}");
    }
    let denied = raw(&gateway, &with(request("POST", "/keys"), "the-secret-of-ann").body("{}"));
    let error = &denied.json()["error"];
    assert_eq!(
        (denied.status, &error["param"], &error["code"]),
        (403, &json!("keys"), &json!("missing_scope"))
    );
    assert!(error["message"].as_str().unwrap().contains("\"ann\""), "{error}");
    assert_eq!(status("POST", "/keys", "the-secret-of-bob"), 201);
    assert_eq!(status("POST", "/config/reload", "the-secret-of-bob"), 403);
    assert_eq!(status("POST", "/config/reload", MASTER), 200);
    // An admin key is none for clients.
    let chat = crate::harness::Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
    assert_eq!(gateway.ask(&with(chat, "the-secret-of-bob")).status, 401);
    let session = raw(&gateway, &with(get(&path("/session")), "the-secret-of-bob")).json();
    assert_eq!((&session["name"], &session["scopes"]), (&json!("bob"), &json!(["read", "keys"])));
}

#[test]
fn without_any_key_every_path_says_how_to_set_one() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for (method, to) in [("GET", "/keys"), ("GET", "/nothing"), ("PUT", "/keys"), ("POST", "/session")] {
        let reply = raw(&gateway, &with(request(method, to), "").body("{\"key\": \"\"}"));
        assert_eq!(reply.status, 401, "{method} {to}");
        assert!(reply.text().contains("TOLLGATE_MASTER_KEY"), "{}", reply.text());
        assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"tollgate admin\""));
    }
}

#[test]
fn a_browser_has_a_session_and_changes_nothing_without_its_header() {
    let (_mock, gateway) = gateway();
    let login = |key: &str| raw(&gateway, &request("POST", "/session").json(&json!({"key": key})));
    assert_eq!(login("nobodys-secret").status, 401);
    assert_eq!(login("").json()["error"]["param"], "key");
    let begun = login(MASTER).ok();
    assert_eq!(begun.json()["name"], "master");
    let cookie = begun.header("set-cookie").unwrap().to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Max-Age=43200", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    let by_https =
        request("POST", "/session").header("x-forwarded-proto", "https").json(&json!({"key": MASTER}));
    assert!(raw(&gateway, &by_https).ok().header("set-cookie").unwrap().contains("; Secure"));
    let cookie = cookie.split(';').next().unwrap();
    let own = |method: &str, to: &str| request(method, to).header("cookie", cookie);
    raw(&gateway, &own("GET", "/keys")).ok();
    let make = || own("POST", "/keys").json(&json!({"name": "web"}));
    assert_eq!(raw(&gateway, &make()).json()["error"]["code"], "cross_site");
    let foreign = make().header("x-tollgate-csrf", "1").header("origin", "http://elsewhere");
    assert_eq!(raw(&gateway, &foreign).status, 403);
    let near = make().header("x-tollgate-csrf", "1").header("origin", "http://gateway");
    assert_eq!(raw(&gateway, &near).status, 201);
    let ended = raw(&gateway, &own("DELETE", "/session").header("x-tollgate-csrf", "1"));
    assert_eq!((ended.status, ended.body.len()), (204, 0));
    assert!(ended.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(raw(&gateway, &own("GET", "/keys")).json()["error"]["code"], "session_ended");
}

#[test]
fn a_session_ends_when_its_key_no_longer_opens() {
    let (_mock, gateway) = gateway();
    let begun = raw(&gateway, &request("POST", "/session").json(&json!({"key": "the-secret-of-bob"}))).ok();
    let cookie = begun.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let own = || raw(&gateway, &request("GET", "/keys").header("cookie", &cookie));
    own().ok();
    gateway.rewrite(|text| text.replace("the-secret-of-bob", "another-secret-of-bob"));
    well(&gateway, "POST", "/config/reload", None);
    assert_eq!(own().status, 401);
}

#[test]
fn whoever_tries_many_keys_waits() {
    let (_mock, gateway) = gateway();
    let guess = |secret: &str| raw(&gateway, &with(request("GET", "/keys"), secret));
    let mut statuses: Vec<u16> = (0..25).map(|guessed| guess(&format!("guess-{guessed}")).status).collect();
    statuses.dedup();
    assert_eq!(statuses, [401, 429]);
    let waits = guess(MASTER);
    let after: u64 = waits.header("retry-after").unwrap().parse().unwrap();
    assert!(waits.status == 429 && (1..=60).contains(&after), "{} {after}", waits.status);
}

#[test]
fn what_is_no_path_is_said_in_one_form() {
    let (mock, gateway) = gateway();
    assert_eq!(ask(&gateway, "GET", "/no-such-path", None).0, 404);
    assert_eq!(raw(&gateway, &with(get("/api"), MASTER)).status, 404);
    let wrong = raw(&gateway, &with(request("PUT", "/keys/x"), MASTER));
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, PATCH, DELETE")));
    let large = with(request("POST", "/keys"), MASTER).body(vec![b' '; 300 << 10]);
    assert_eq!(raw(&gateway, &large).status, 413);
    assert_eq!(raw(&gateway, &large.chunked(8 << 10)).status, 413);
    // Of a stranger far less is read.
    let login = request("POST", "/session").body(vec![b' '; 5 << 10]);
    assert_eq!((raw(&gateway, &login).status, raw(&gateway, &login.chunked(1 << 10)).status), (413, 413));
    let crowded =
        Setup::new(&mock).yaml("master_key: the-master-secret\nlimits: {body: 1KiB, held: 1KiB}").start();
    let body = with(request("POST", "/config/check"), MASTER).body(vec![b' '; 4 << 10]);
    assert_eq!(raw(&crowded, &body).status, 503);
    crowded.wait_metric("tollgate_held_bytes", &[], 0.0);
}
