//! The operator's listener: probes, and the admin API, every answer of which is held against the
//! document that the API gives of itself.

mod bodies;
mod gate;
mod keys;
mod ledger;
mod play;
mod probes;
mod rehearsal;
mod rest;
mod schema;
mod staging;
mod world;

use serde_json::Value;

use crate::harness::{Conn, Gateway, Reply, Request, get, post};

/// The key that all gateways here have.
const MASTER: &str = "the-master-secret";

/// A path of the API.
fn path(path: &str) -> String {
    format!("/api/v1{path}")
}

fn request(method: &str, to: &str) -> Request {
    let request = if method == "GET" { get(&path(to)) } else { post(&path(to)) };
    Request { method: method.to_owned(), ..request }
}

fn with(request: Request, secret: &str) -> Request {
    request.header("authorization", &format!("Bearer {secret}"))
}

/// Asks the operator's listener, whatever comes of it.
fn raw(gateway: &Gateway, request: &Request) -> Reply {
    Conn::to(gateway.admin).ask(request)
}

/// Asks with the master key; the answer is held against the document.
fn ask(gateway: &Gateway, method: &str, to: &str, body: Option<&Value>) -> (u16, Value) {
    let mut asked = with(request(method, to), MASTER);
    if let Some(body) = body {
        asked = asked.json(body);
    }
    let reply = raw(gateway, &asked);
    let said = if reply.body.is_empty() { Value::Null } else { reply.json() };
    schema::check(gateway, method, to, reply.status, &said);
    (reply.status, said)
}

/// The same, where all is well.
fn well(gateway: &Gateway, method: &str, to: &str, body: Option<&Value>) -> Value {
    let (status, said) = ask(gateway, method, to, body);
    assert!((200..300).contains(&status), "{method} {to}: {status} {said}");
    said
}

/// The same, where it is not: status, field and message.
fn refused(gateway: &Gateway, method: &str, to: &str, body: Option<&Value>) -> (u16, Value, String) {
    let (status, said) = ask(gateway, method, to, body);
    let error = &said["error"];
    (status, error["param"].clone(), error["message"].as_str().unwrap_or_default().to_owned())
}
