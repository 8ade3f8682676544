//! Tokens of another issuer in the place of keys.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use tollgate::clock::unix_seconds;

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, PATIENCE, Provider, Reply, Request, Setup, Then, get, json_reply, mock,
    post, wait,
};

/// An issuer on loopback, with a key of each kind; which of them it publishes changes.
struct Issuer {
    published: Arc<Mutex<Vec<Value>>>,
    away: Arc<AtomicBool>,
    provider: Provider,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

fn packed(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    fn start() -> Self {
        let random = SystemRandom::new();
        let pem = include_str!("../../src/provider/auth/testdata/service-account.pem");
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let rsa = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
        let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
        let ec = EcdsaKeyPair::from_pkcs8(curve, pkcs8.as_ref(), &random).unwrap();
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ed = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let (published, away) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (telling, gone) = (Arc::clone(&published), Arc::clone(&away));
        let provider = Provider::start(move |heard, stream| {
            let host = heard.head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
            let answer = if gone.load(Ordering::Acquire) {
                json_reply(503, "{}")
            } else if heard.path().starts_with("/.well-known/openid-configuration") {
                let about =
                    json!({"issuer": format!("http://{host}"), "jwks_uri": format!("http://{host}/keys")});
                json_reply(200, &about.to_string())
            } else {
                json_reply(200, &json!({"keys": *telling.lock().unwrap()}).to_string())
            };
            Heard::answer(stream, &answer);
            Then::Keep
        });
        let issuer = Self { published, away, provider, rsa, ec, ed };
        issuer.publish(&["rsa", "ec", "ed"]);
        issuer
    }

    fn name(&self) -> String {
        format!("http://{}", self.provider.addr)
    }

    fn publish(&self, kids: &[&str]) {
        let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        let all = [
            json!({"kid": "rsa", "kty": "RSA", "use": "sig", "n": packed(rsa.n), "e": packed(rsa.e)}),
            json!({"kid": "ec", "kty": "EC", "crv": "P-256", "x": packed(&point[1..33]), "y": packed(&point[33..])}),
            json!({"kid": "ed", "kty": "OKP", "crv": "Ed25519", "x": packed(self.ed.public_key())}),
        ];
        let wanted = all.into_iter().filter(|key| kids.contains(&key["kid"].as_str().unwrap()));
        *self.published.lock().unwrap() = wanted.collect();
    }

    fn sign(&self, kid: &str, claims: &Value) -> String {
        let alg = match kid {
            "ec" => "ES256",
            "ed" => "EdDSA",
            _ => "RS256",
        };
        let header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
        let message = format!("{}.{}", packed(header.to_string()), packed(claims.to_string()));
        let signature = match kid {
            "ec" => self.ec.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            "ed" => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            _ => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                let random = SystemRandom::new();
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{message}.{}", packed(signature))
    }

    fn claims(&self, subject: &str) -> Value {
        let now = unix_seconds();
        json!({"iss": self.name(), "aud": ["tollgate"], "sub": subject, "iat": now, "exp": now + 300,
            "groups": ["search"], "email": format!("{subject}@acme.example")})
    }

    fn token(&self, subject: &str) -> String {
        self.sign("rsa", &self.claims(subject))
    }

    fn fetches(&self) -> usize {
        self.provider.heard().iter().filter(|heard| heard.path().starts_with("/keys")).count()
    }
}

fn with(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Bearer {token}"))
}

fn small(token: &str) -> Request {
    with(Client::Openai.whole("gpt-4o-mini", "#mock tokens=2"), token)
}

fn setup(issuer: &Issuer, more: &str) -> (tollgate::mock::Mock, Gateway) {
    let mock = mock();
    let name = issuer.name();
    // A key without a secret is for tokens alone.
    let staff = "keys: {staff: {models: [\"gpt-4o*\"], limits: [{requests: 2, per: hour}]}}\n";
    let keys = if more.contains("as_key") { staff } else { "" };
    let yaml = format!(
        "master_key: the-master-secret\n{keys}\
         jwt:\n  corp: {{issuer: \"{name}\", audience: [tollgate], owner: \"acme/{{groups.0}}/{{sub}}\", \
         labels: [sso], user: \"{{email:-nobody}}\"{more}}}"
    );
    let gateway = Setup::new(&mock).yaml(&yaml).start();
    (mock, gateway)
}

fn why(reply: &Reply) -> (u16, String, String) {
    let error = &reply.json()["error"];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (reply.status, text("code"), text("message"))
}

#[test]
fn tokens_of_every_kind_open_wherever_a_key_does() {
    let issuer = Issuer::start();
    let (_mock, gateway) = setup(&issuer, "");
    for kid in ["rsa", "ec", "ed"] {
        let token = issuer.sign(kid, &issuer.claims("ann"));
        for client in CLIENTS {
            gateway.ask(&with(client.whole(client.model(), "#mock tokens=2"), &token)).ok();
        }
        for header in ["x-api-key", "api-key", "x-goog-api-key"] {
            let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=2").header(header, &token);
            let line = gateway.line(&gateway.ask(&request).ok());
            assert_eq!((&line["key"], &line["owner"]), (&json!("corp"), &json!("acme/search/ann")));
            assert_eq!((&line["labels"], &line["enduser.id"]), (&json!(["sso"]), &json!("ann@acme.example")));
            assert!(!line.to_string().contains("eyJ"), "{line}");
        }
    }
    gateway.ask(&small("the-master-secret")).ok();
    assert_eq!(gateway.ask(&Client::Openai.whole("gpt-4o-mini", "x")).status, 401);
    assert_eq!(issuer.fetches(), 1);
}

#[test]
fn a_token_that_is_wrong_hears_what_is_and_does_not_see_itself() {
    let issuer = Issuer::start();
    let (mock, gateway) = setup(&issuer, "");
    gateway.ask(&small(&issuer.token("ann"))).ok();
    let now = unix_seconds();
    let changed = |name: &str, value: Value| {
        let mut claims = issuer.claims("ann");
        claims[name] = value;
        issuer.sign("rsa", &claims)
    };
    let good = issuer.token("ann");
    let parts: Vec<&str> = good.split('.').collect();
    let admin = packed(issuer.claims("root").to_string());
    let published = issuer.published.lock().unwrap()[0].to_string();
    let forged = {
        let head = packed(json!({"alg": "HS256", "kid": "rsa"}).to_string());
        let message = format!("{head}.{}", parts[1]);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, published.as_bytes()), message.as_bytes());
        format!("{message}.{}", packed(tag))
    };
    let bare = format!("{}.{}.", packed(json!({"alg": "none"}).to_string()), parts[1]);
    for (token, code, expected) in [
        (changed("exp", json!(now - 100)), "token_expired", "has expired"),
        (changed("nbf", json!(now + 900)), "invalid_token", "not valid yet (nbf"),
        (changed("aud", json!("other")), "invalid_token", "for another audience"),
        (changed("iss", json!("https://elsewhere")), "invalid_token", "issuer is not known here"),
        (changed("groups", json!([])), "invalid_token", "no claim \"groups.0\""),
        (format!("{}.{admin}.{}", parts[0], parts[2]), "invalid_token", "signature is wrong"),
        (forged, "invalid_token", "signed with HS256, which is not allowed"),
        (bare, "invalid_token", "signed with none, which is not allowed"),
        (format!("{}.{}.{}", parts[0], "x".repeat(20_000), parts[2]), "invalid_token", "larger than 16 KiB"),
        (format!("eyJ.{}.{}", parts[1], parts[2]), "invalid_token", "malformed"),
    ] {
        let reply = gateway.ask(&small(&token));
        let (status, said, message) = why(&reply);
        assert_eq!((status, said.as_str()), (401, code), "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(!reply.text().contains(token.get(..12).unwrap()), "{}", reply.text());
    }
    assert_eq!(crate::harness::mock_page(&mock, "stats")["requests"], 1);
}

#[test]
fn what_is_kept_belongs_to_one_person_whatever_a_subject_is() {
    let issuer = Issuer::start();
    let mock = mock();
    let name = issuer.name();
    let yaml =
        format!("jwt:\n  corp: {{issuer: \"{name}\", audience: [tollgate], owner: \"acme/{{groups.0}}\"}}");
    let gateway = Setup::new(&mock).yaml(&yaml).start();
    let of = |subject: Value| {
        let mut claims = issuer.claims("");
        claims["sub"] = subject;
        issuer.sign("rsa", &claims)
    };
    let (ann, bob) = (of(json!(7)), of(json!(8)));
    let body = json!({"model": "claude-sonnet-4-5", "input": "#mock tokens=2"}).to_string();
    let asked = gateway.ask(&with(post("/v1/responses").body(body), &ann)).ok();
    let path = format!("/v1/responses/{}", asked.json()["id"].as_str().unwrap());
    assert_eq!(gateway.ask(&with(get(&path), &bob)).status, 404);
    gateway.ask(&with(get(&path), &ann)).ok();
    let (status, _, message) = why(&gateway.ask(&small(&of(Value::Null))));
    assert!(status == 401 && message.contains("no claim \"sub\""), "{message}");
}

#[test]
fn the_limits_and_models_of_a_key_hold_for_each_subject() {
    let issuer = Issuer::start();
    let (_mock, gateway) = setup(&issuer, ", as_key: staff, each: \"{sub}\"");
    for subject in ["ann", "bob"] {
        let token = issuer.token(subject);
        assert_eq!(gateway.ask(&with(Client::Openai.whole("o3", "x"), &token)).status, 403);
        for left in ["1", "0"] {
            let reply = gateway.ask(&small(&token)).ok();
            assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some(left));
        }
        // Another token of the same person finds no more.
        let again = issuer.sign("ec", &issuer.claims(subject));
        let (status, _, message) = why(&gateway.ask(&small(&again)));
        assert!(status == 429 && message.contains(&format!("key \"staff: {subject}\"")), "{message}");
    }
    // Metrics tell of the key, and of whoever has used most, but of nobody by name.
    let rule = [("node", "key"), ("name", "staff"), ("measure", "requests")];
    let told = |labels: &[(&str, &str)]| {
        ["tollgate_rule_used", "tollgate_limited_total"].map(|name| gateway.metric(name, labels))
    };
    assert_eq!((told(&rule), told(&[("name", "staff: ann")])), ([2.0, 2.0], [0.0, 0.0]));
    let shared = Issuer::start();
    let (_mock, gateway) = setup(&shared, ", as_key: staff");
    gateway.ask(&small(&shared.token("ann"))).ok();
    gateway.ask(&small(&shared.token("bob"))).ok();
    assert_eq!(gateway.ask(&small(&shared.token("eve"))).status, 429);
}

#[test]
fn keys_that_change_are_followed_and_those_known_hold_while_the_issuer_is_away() {
    let issuer = Issuer::start();
    issuer.publish(&["rsa"]);
    let (_mock, gateway) = setup(&issuer, "");
    wait("the first keys", PATIENCE, || {
        (gateway.ask(&small(&issuer.token("ann"))).status == 200).then_some(())
    });
    issuer.away.store(true, Ordering::Release);
    gateway.ask(&small(&issuer.token("bob"))).ok();
    issuer.away.store(false, Ordering::Release);
    // Another key: a token that names it has the issuer asked, some seconds after it was last.
    issuer.publish(&["ec"]);
    let fresh = issuer.sign("ec", &issuer.claims("ann"));
    wait("the new key", Duration::from_secs(30), || {
        (gateway.ask(&small(&fresh)).status == 200).then_some(())
    });
    // What the old key signed opens no more, though it was remembered.
    let (status, _, message) = why(&gateway.ask(&small(&issuer.token("ann"))));
    assert!(status == 401 && message.contains("a key that its issuer does not have"), "{message}");
}

#[test]
fn an_issuer_that_never_came_is_told_as_such() {
    let issuer = Issuer::start();
    issuer.away.store(true, Ordering::Release);
    let (_mock, gateway) = setup(&issuer, "");
    let (status, code, message) = why(&gateway.ask(&small(&issuer.token("ann"))));
    assert_eq!((status, code.as_str()), (503, "issuer_unavailable"), "{message}");
    issuer.away.store(false, Ordering::Release);
    wait("the keys", Duration::from_secs(30), || {
        (gateway.ask(&small(&issuer.token("ann"))).status == 200).then_some(())
    });
}

#[test]
fn many_unknown_keys_ask_the_issuer_no_more_than_now_and_then() {
    let issuer = Issuer::start();
    let (_mock, gateway) = setup(&issuer, "");
    gateway.ask(&small(&issuer.token("ann"))).ok();
    let good = issuer.token("ann");
    let rest = good.split_once('.').unwrap().1;
    let begun = Instant::now();
    let mut conn = gateway.conn();
    for number in 0..10_000 {
        let head = packed(json!({"alg": "RS256", "kid": format!("k{number}")}).to_string());
        assert_eq!(conn.ask(&small(&format!("{head}.{rest}"))).status, 401);
    }
    let most = 2 + usize::try_from(begun.elapsed().as_secs() / 10).unwrap();
    assert!(issuer.fetches() <= most, "{} fetches", issuer.fetches());
    gateway.ask(&small(&good)).ok();
}
