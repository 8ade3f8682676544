//! What is kept of an answer and its request, and how it is given back: items apart from what is said
//! of them, histories put before a new input, pages of lists.

use std::fmt::Write as _;

use crate::dialect::Seed;
use crate::dialect::openai_responses::types::kind;
use crate::refusal::{Kind, Refusal};
use crate::wire::json::{self, Json, Object};
use crate::wire::lens::{Edit, Lens};
use crate::wire::percent;

use super::echo::Echo;
use super::error::write_failure;
use super::reply::{Place, write_head, write_tail};
use super::request::is_message;

/// One item of an input, an output or a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id; made up where whoever said it gave none.
    pub id: String,
    /// As it was said.
    pub json: String,
}

/// The items of a value that is a text or a list; those without an id get one made of `seed`.
#[must_use]
pub fn items(value: &Json<'_>, seed: &str) -> Vec<Item> {
    if let Some(text) = value.as_str() {
        let json = said_by_user(text);
        return vec![Item { id: made_id("msg", seed, 0), json }];
    }
    let mut items = Vec::with_capacity(value.elements().len());
    for (number, item) in value.elements().iter().enumerate() {
        let own = item.field("id").and_then(Json::as_str).filter(|id| !id.is_empty());
        let id = own.map_or_else(|| made_id(prefix(item), seed, number), str::to_owned);
        items.push(Item { id, json: item.raw().to_owned() });
    }
    items
}

/// The items of a request's `input`.
#[must_use]
pub fn input(body: &[u8], seed: &str) -> Vec<Item> {
    let root = json::parse(body).ok();
    root.as_ref().and_then(|root| root.field("input")).map(|input| items(input, seed)).unwrap_or_default()
}

/// A response without its output, and the items of that; `None` of what is no response.
#[must_use]
pub fn apart(response: &[u8], seed: &str) -> Option<(Vec<u8>, Vec<Item>)> {
    let lens = Lens::new(response).ok()?;
    let output = lens.raw("output").unwrap_or("[]");
    let items = items(&json::parse(output.as_bytes()).ok()?, seed);
    let rest = lens.apply(&[set("output", "[]".to_owned())]);
    Some((rest, items))
}

/// The response that [`apart`] took apart.
#[must_use]
pub fn whole(rest: &[u8], output: &[Item]) -> Vec<u8> {
    let list = list(output.iter().map(|item| item.json.as_str()));
    Lens::new(rest).map_or_else(|_| rest.to_vec(), |lens| lens.apply(&[set("output", list)]))
}

/// The same response under another status.
#[must_use]
pub fn with_status(response: &[u8], status: &str) -> Vec<u8> {
    let edits = [set("status", json::string(status)), set("error", "null".to_owned())];
    Lens::new(response).map_or_else(|_| response.to_vec(), |lens| lens.apply(&edits))
}

/// The same response under another id, and as one that was made in the background.
#[must_use]
pub fn in_background(response: &[u8], id: &str) -> Vec<u8> {
    let edits = [set("id", json::string(id)), set("background", "true".to_owned())];
    Lens::new(response).map_or_else(|_| response.to_vec(), |lens| lens.apply(&edits))
}

/// A response that waits to be made in the background.
#[must_use]
pub fn waiting(seed: &Seed) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    json::object(&mut out, |response| {
        write_head(response, Place::default(), seed, "queued", None, None);
        response.raw("output", "[]");
        write_tail(response, &Echo::of(seed), None, None);
    });
    in_background(&out, &format!("resp_{}", seed.id))
}

/// A response that waited, and failed.
#[must_use]
pub fn failed(waiting: &[u8], refusal: &Refusal) -> Vec<u8> {
    let mut error = Vec::new();
    json::object(&mut error, |error| write_failure(error, refusal));
    let error = String::from_utf8(error).unwrap_or_default();
    let edits = [set("status", json::string("failed")), set("error", error)];
    Lens::new(waiting).map_or_else(|_| waiting.to_vec(), |lens| lens.apply(&edits))
}

/// The ids that the items of an input refer to.
#[must_use]
pub fn references(input: &str) -> Vec<String> {
    let Ok(root) = json::parse(input.as_bytes()) else { return Vec::new() };
    let ids = root.elements().iter().filter_map(|item| referred(item).map(str::to_owned));
    ids.collect()
}

fn referred<'j>(item: &'j Json<'_>) -> Option<&'j str> {
    let id = item.field("id")?.as_str()?;
    // OpenAI's own SDK leaves the type of a reference out.
    let untyped = item.field("type").is_none() && item.entries().len() <= 2 && !is_message(item);
    (kind(item) == "item_reference" || untyped).then_some(id)
}

/// A body whose input is `history` and what it said itself, and that refers to nothing: `found` has
/// the items for its references.
#[must_use]
pub fn with_history(lens: &Lens<'_>, history: &[Item], found: &[Item]) -> Vec<u8> {
    let mut all: Vec<String> = history.iter().map(|item| item.json.clone()).collect();
    let input = lens.raw("input").and_then(|raw| json::parse(raw.as_bytes()).ok());
    if let Some(input) = &input {
        match input.as_str() {
            Some(text) => all.push(said_by_user(text)),
            None => all.extend(input.elements().iter().map(|item| {
                let found = referred(item).and_then(|id| found.iter().find(|item| item.id == id));
                found.map_or_else(|| item.raw().to_owned(), |item| item.json.clone())
            })),
        }
    }
    let mut edits = vec![set("input", list(all.iter().map(String::as_str)))];
    for key in ["previous_response_id", "conversation"] {
        if lens.raw(key).is_some() {
            edits.push(Edit::Remove { key: key.into() });
        }
    }
    lens.apply(&edits)
}

/// The conversation that a body names, by its id or by an object that holds it.
#[must_use]
pub fn conversation(lens: &Lens<'_>) -> Option<String> {
    let raw = lens.raw("conversation").filter(|raw| *raw != "null")?;
    let value = json::parse(raw.as_bytes()).ok()?;
    let id = value.as_str().or_else(|| value.get("id").and_then(Json::as_str))?;
    Some(id.to_owned())
}

/// An item as lists show it: with its id, its type and its content as a list.
#[must_use]
pub fn shown(item: &Item) -> Vec<u8> {
    let mut out = Vec::with_capacity(item.json.len() + 64);
    let Ok(value) = json::parse(item.json.as_bytes()) else { return item.json.clone().into_bytes() };
    let message = is_message(&value);
    json::object(&mut out, |object| {
        object.string("id", &item.id);
        if message {
            object.string("type", "message");
            if value.field("status").is_none() {
                object.string("status", "completed");
            }
        }
        for (key, member) in value.entries() {
            match (&**key, member.as_str()) {
                ("id", _) => {}
                ("type", _) if message => {}
                ("content", Some(text)) if message => {
                    let own = value.get("role").and_then(Json::as_str) == Some("assistant");
                    object.array("content", |parts| parts.object(|part| write_text(part, own, text)));
                }
                (key, _) => object.raw(key, member.raw()),
            }
        }
    });
    out
}

fn write_text(part: &mut Object<'_>, own: bool, text: &str) {
    part.string("type", if own { "output_text" } else { "input_text" });
    part.string("text", text);
    if own {
        part.raw("annotations", "[]");
        part.raw("logprobs", "[]");
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    limit: usize,
    descending: bool,
    after: Option<String>,
    before: Option<String>,
}

impl Page {
    /// The page that the query of an address asks for.
    ///
    /// # Errors
    /// A value that no page can have, by the name of its parameter.
    pub fn of(query: &str) -> Result<Self, Refusal> {
        let mut page = Self { limit: 20, descending: true, after: None, before: None };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent::decode_text(value);
            match name {
                "limit" => match value.parse::<usize>() {
                    Ok(limit @ 1..=100) => page.limit = limit,
                    _ => return Err(bad("limit", "'limit' must be a number from 1 to 100")),
                },
                "order" => match &*value {
                    "asc" => page.descending = false,
                    "desc" => page.descending = true,
                    _ => return Err(bad("order", "'order' must be 'asc' or 'desc'")),
                },
                "after" if !value.is_empty() => page.after = Some(value.into_owned()),
                "before" if !value.is_empty() => page.before = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(page)
    }

    /// The list of the items on this page.
    ///
    /// # Errors
    /// When the item that it begins behind is none of them.
    pub fn list(&self, mut items: Vec<Item>) -> Result<Vec<u8>, Refusal> {
        if self.descending {
            items.reverse();
        }
        let place = |id: &String| {
            items.iter().position(|item| item.id == *id).ok_or_else(|| {
                Refusal::new(Kind::NotFound, format!("Item with id '{id}' not found.")).with_param("after")
            })
        };
        let start = self.after.as_ref().map(place).transpose()?.map_or(0, |place| place + 1);
        let end = self.before.as_ref().map(place).transpose()?.unwrap_or(items.len());
        let rest = items.get(start..end).unwrap_or_default();
        let shown = rest.get(..self.limit.min(rest.len())).unwrap_or_default();
        Ok(write_list(shown, rest.len() > shown.len()))
    }
}

/// The list of all these items.
#[must_use]
pub fn write_list(items: &[Item], more: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |list| {
        list.string("object", "list");
        list.array("data", |data| {
            for item in items {
                data.embed(|out| out.extend_from_slice(&shown(item)));
            }
        });
        list.opt_string("first_id", items.first().map(|item| item.id.as_str()));
        list.opt_string("last_id", items.last().map(|item| item.id.as_str()));
        list.bool("has_more", more);
    });
    out
}

fn bad(param: &str, message: &str) -> Refusal {
    Refusal::new(Kind::InvalidRequest, message).with_param(param).with_code("invalid_value")
}

fn set(key: &'static str, value: String) -> Edit {
    Edit::Set { key: key.into(), value }
}

fn list<'i>(items: impl Iterator<Item = &'i str>) -> String {
    let mut out = String::from("[");
    for (number, item) in items.enumerate() {
        if number > 0 {
            out.push(',');
        }
        out.push_str(item);
    }
    out.push(']');
    out
}

fn said_by_user(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 96);
    json::object(&mut out, |item| {
        item.string("type", "message");
        item.string("role", "user");
        item.array("content", |parts| parts.object(|part| write_text(part, false, text)));
    });
    String::from_utf8(out).unwrap_or_default()
}

/// An id that no item of an answer has, whose numbers follow the seed directly.
fn made_id(prefix: &str, seed: &str, number: usize) -> String {
    let mut id = format!("{prefix}_{seed}");
    // Writing to a string cannot fail.
    let _ = write!(id, "i{number:02x}");
    id
}

/// How the ids of such items begin.
fn prefix(item: &Json<'_>) -> &'static str {
    match kind(item) {
        "" | "message" => "msg",
        "reasoning" => "rs",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "custom_tool_call_output" => "ctco",
        _ => "item",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[Item]) -> Vec<&str> {
        items.iter().map(|item| item.id.as_str()).collect()
    }

    #[test]
    fn an_input_is_a_list_of_items_with_ids() {
        let body = br#"{"input":[{"role":"user","content":"hi"},{"type":"reasoning","id":"rs_1"},
            {"type":"function_call_output","call_id":"c","output":"4"}]}"#;
        let items = input(body, "s");
        assert_eq!(texts(&items), ["msg_si00", "rs_1", "fco_si02"]);
        let told = String::from_utf8(shown(&items[0])).unwrap();
        assert_eq!(
            told,
            r#"{"id":"msg_si00","type":"message","status":"completed","role":"user","content":[{"type":"input_text","text":"hi"}]}"#
        );
    }

    #[test]
    fn a_response_taken_apart_is_put_together_again() {
        let response = br#"{"id":"resp_1","output":[{"id":"msg_1","type":"message"}],"usage":null}"#;
        let (rest, output) = apart(response, "s").unwrap();
        assert_eq!(rest, br#"{"id":"resp_1","output":[],"usage":null}"#);
        assert_eq!(whole(&rest, &output), response);
    }

    #[test]
    fn a_history_stands_before_the_input_and_references_are_filled() {
        let body = br#"{"model":"m","previous_response_id":"resp_1","input":[{"id":"rs_1"},{"role":"user","content":"b"}]}"#;
        let lens = Lens::new(body).unwrap();
        assert_eq!(references(lens.raw("input").unwrap()), ["rs_1"]);
        let history = [Item { id: "x".into(), json: "{\"a\":1}".into() }];
        let found = [Item { id: "rs_1".into(), json: "{\"b\":2}".into() }];
        let merged = String::from_utf8(with_history(&lens, &history, &found)).unwrap();
        assert_eq!(merged, r#"{"model":"m","input":[{"a":1},{"b":2},{"role":"user","content":"b"}]}"#);
    }

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let items: Vec<_> =
            (0..5).map(|n| Item { id: format!("i{n}"), json: format!("{{\"n\":{n}}}") }).collect();
        let page = |query: &str| {
            let list = Page::of(query).and_then(|page| page.list(items.clone()));
            list.map(|list| String::from_utf8(list).unwrap())
        };
        let first = page("limit=2&order=asc").unwrap();
        assert!(first.contains(r#""first_id":"i0","last_id":"i1","has_more":true"#), "{first}");
        let last = page("limit=2&order=asc&after=i3").unwrap();
        assert!(last.contains(r#""first_id":"i4","last_id":"i4","has_more":false"#), "{last}");
        let newest = page("limit=1").unwrap();
        assert!(newest.contains(r#""first_id":"i4""#), "{newest}");
        for bad in ["limit=0", "limit=101", "limit=x", "order=up", "after=nobody"] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }
}
