//! What of a request decides which of a route's targets it may go to, and with what it belongs.

use std::sync::Arc;

use http::HeaderMap;

use crate::policy::Key;
use crate::proxy::departure::onward::{BYTES_A_TOKEN, Routing};
use crate::proxy::exchange::Ask;
use crate::refusal::{Kind, Refusal};
use crate::route::Choice;
use crate::route::way::{Bond, Facts, Strategy};
use crate::wire::json;
use crate::wire::lens::Lens;

/// Of the beginning of a prompt this much counts.
const BEGINNING: usize = 16 << 10;

/// Leaves those targets that are for this request, and tells how they are chosen among; nothing where the
/// route says nothing of it.
///
/// # Errors
/// When none is left.
pub(super) fn settle(
    choice: &mut Choice,
    key: Option<&Key>,
    headers: &HeaderMap,
    ask: &Ask,
) -> Result<Option<Box<Routing>>, Refusal> {
    let Some(way) = choice.way.clone() else { return Ok(None) };
    let size = (ask.body.len() + ask.rest) as u64;
    if way.legs.iter().any(|leg| !leg.when.is_empty()) {
        let labels: Vec<&str> = key.iter().flat_map(|key| &key.labels).map(AsRef::as_ref).collect();
        let facts = Facts {
            owner: key.map_or("", |key| &key.owner),
            labels: &labels,
            header: &|name| headers.get(name)?.to_str().ok().map(str::trim),
            size,
            has: &|modality| modality.is_in(&ask.body),
            stream: ask.stream,
        };
        choice.retain(|leg, _| {
            way.legs.get(leg).is_none_or(|leg| leg.when.iter().all(|when| when.holds(&facts)))
        });
        if !choice.legs.iter().any(|leg| way.own().contains(leg)) {
            let message = format!("no target of the route \"{}\" is for such a request", ask.model);
            return Err(Refusal::new(Kind::InvalidRequest, message)
                .with_param("model")
                .with_code("no_target_for_request"));
        }
    }
    let bond = match way.strategy {
        Strategy::Sticky(bond) | Strategy::Canary(bond) => bound(bond, key, ask),
        Strategy::Fallback
        | Strategy::Weighted
        | Strategy::LeastLatency
        | Strategy::LeastBusy
        | Strategy::Cheapest => None,
    };
    let (legs, stream) = (choice.legs.clone(), ask.stream);
    Ok(Some(Box::new(Routing { way: Arc::clone(&way), legs, bond, tokens: size / BYTES_A_TOKEN, stream })))
}

/// What is the same for all requests that belong with this one.
fn bound(bond: Bond, key: Option<&Key>, ask: &Ask) -> Option<u64> {
    let said = ask.attribution.as_deref();
    let session = || said.and_then(|said| said.session.as_deref()).map(|name| digest(&[name.as_bytes()]));
    let user = || said.and_then(|said| said.user.as_deref()).map(|name| digest(&[name.as_bytes()]));
    match bond {
        Bond::Session => session(),
        Bond::User => user().or_else(|| key.map(|key| digest(&[key.id.as_bytes()]))),
        Bond::Prompt => beginning(&ask.body),
        Bond::Any => session().or_else(user).or_else(|| beginning(&ask.body)),
    }
}

fn digest(parts: &[&[u8]]) -> u64 {
    let mut hash = blake3::Hasher::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hash.finalize().as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// How a prompt begins, in whatever dialect: its instructions, and all up to the first turn of the user. A
/// conversation keeps that, however long it becomes.
fn beginning(body: &[u8]) -> Option<u64> {
    let lens = Lens::new(body).ok()?;
    let cut = |text: &str| {
        let bytes = text.as_bytes();
        bytes.get(..bytes.len().min(BEGINNING)).unwrap_or_default().to_vec()
    };
    let mut parts = Vec::new();
    for name in ["system", "instructions", "systemInstruction", "system_instruction"] {
        parts.extend(lens.raw(name).map(cut));
    }
    let turns = ["messages", "contents", "input", "prompt"].iter().find_map(|name| lens.raw(name))?;
    match turns.strip_prefix('[') {
        None => parts.push(cut(turns)),
        Some(rest) => parts.extend(first_turns(rest).into_iter().map(cut)),
    }
    (!parts.is_empty()).then(|| digest(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// The turns of a list up to the first of the user's, at most four.
fn first_turns(mut rest: &str) -> Vec<&str> {
    const MOST: usize = 4;
    let mut turns = Vec::new();
    while turns.len() < MOST {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_ascii_whitespace());
        let Some(turn) = json::prefix(rest.as_bytes()) else { break };
        let raw = turn.raw();
        let Some(after) = rest.get(raw.len()..).filter(|_| !raw.is_empty()) else { break };
        let role = turn.field("role").and_then(json::Json::as_str);
        turns.push(rest.get(..raw.len()).unwrap_or_default());
        rest = after;
        if role.is_none_or(|role| role == "user") {
            break;
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_begins_the_same_however_long_it_becomes() {
        let chat = |more: &str| {
            beginning(
                format!(
                    r#"{{"model":"m","messages":[{{"role":"system","content":"be kind"}}, {{"role":"user","content":"hello"}}{more}]}}"#
                )
                .as_bytes(),
            )
        };
        let grown = chat(r#",{"role":"assistant","content":"hi"},{"role":"user","content":"more"}"#);
        assert!(chat("").is_some());
        assert_eq!(chat(""), grown);
        let messages = |system: &str, first: &str, more: &str| {
            beginning(
                format!(
                    r#"{{"system":"{system}","messages":[{{"role":"user","content":"{first}"}}{more}]}}"#
                )
                .as_bytes(),
            )
        };
        let turns = r#",{"role":"assistant","content":"x"}"#;
        assert_eq!(messages("a", "b", ""), messages("a", "b", turns));
        assert_ne!(messages("a", "b", ""), messages("c", "b", ""));
        assert_ne!(messages("a", "b", ""), messages("a", "d", ""));
        let gemini = |more: &str| {
            beginning(
                format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"a"}}]}}{more}]}}"#).as_bytes(),
            )
        };
        assert_eq!(gemini(""), gemini(r#",{"role":"model","parts":[{"text":"b"}]}"#));
        assert!(beginning(br#"{"input":"hello"}"#).is_some());
        assert_eq!(beginning(br#"{"file":"x"}"#), None);
    }
}
