//! Vendors whose form is nearly OpenAI's: what they are asked is read as OpenAI's chat, and what that
//! answers is said in their own words.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod gigachat;
mod replicate;
mod triton;
mod watsonx;

use serde_json::{Map, Value};

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::openai;
use super::play::{Act, Body};

/// Answers a request to one of them; `None` where the path is of none.
pub(super) fn answer(request: &Request<'_>, path: &str, world: &World) -> Option<Act> {
    if watsonx::is_own(path) {
        return Some(watsonx::answer(request, path, world));
    }
    if replicate::is_own(path) {
        return Some(replicate::answer(request, path, world));
    }
    if triton::is_own(path) {
        return Some(triton::answer(request, path, world));
    }
    gigachat::is_own(request, path).then(|| gigachat::answer(request, path, world))
}

/// A body that must be an object.
fn object(request: &Request<'_>) -> Result<Map<String, Value>, Refusal> {
    let body = serde_json::from_slice(request.body);
    let body: Value = body.map_err(|error| Refusal::not_json(Dialect::OpenAi, &error))?;
    match body {
        Value::Object(body) => Ok(body),
        _ => Err(Refusal::bad("expected an object")),
    }
}

/// What OpenAI's chat answers to this body, each of its objects said anew. `frame` makes a frame of
/// an object of a stream and its number, and of its end, which has no object.
fn chat(
    body: Map<String, Value>,
    world: &World,
    say: impl Fn(&mut Value),
    frame: impl Fn(Option<&Value>, usize) -> String,
) -> Result<Act, Refusal> {
    let body = Value::Object(body).to_string();
    let path = "/kin/chat/completions";
    let request = Request { method: "POST", path, query: "", headers: &[], body: body.as_bytes() };
    let mut act = openai::answer(&request, path, Dialect::OpenAi, world)?;
    if let Act::Say(said) = &mut act {
        said.headers = format!("x-request-id: {}\r\n", world.id("", 32));
        let anew = |bytes: &[u8]| {
            let mut value: Value = serde_json::from_slice(bytes).unwrap_or_default();
            say(&mut value);
            value
        };
        said.body = match std::mem::replace(&mut said.body, Body::Whole(Vec::new())) {
            Body::Whole(bytes) if said.status == 200 => Body::Whole(anew(&bytes).to_string().into_bytes()),
            Body::Whole(bytes) => Body::Whole(bytes),
            Body::Stream(frames) => {
                let number = std::cell::Cell::new(0);
                Body::Stream(frames.map(|bytes| {
                    number.set(number.get() + 1);
                    let data = bytes.strip_prefix(b"data: ").unwrap_or(bytes);
                    let value = (data.first() == Some(&b'{')).then(|| anew(data.trim_ascii()));
                    frame(value.as_ref(), number.get()).into_bytes()
                }))
            }
        };
    }
    Ok(act)
}
