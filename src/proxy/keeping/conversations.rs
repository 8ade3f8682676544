//! Conversations: made, added to and read here, whoever will answer in them.

use bytes::Bytes;

use crate::clock;
use crate::dialect::openai_responses::kept::{self, Item, Page};
use crate::proxy::departure::attempt::malformed;
use crate::proxy::exchange::Exchange;
use crate::proxy::keeping::asked::Shelved;
use crate::proxy::keeping::serve::{Outcome, deleted, unknown_conversation};
use crate::proxy::keeping::{is_own, no_conversation, no_item, unavailable};
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::store::{Conversation, Owner, Store};
use crate::wire::json;
use crate::wire::lens::Lens;

/// So many items can be added at one time.
const MOST_ITEMS: usize = 20;

/// So many notes a conversation may have, with names and texts up to these lengths.
const MOST_NOTES: usize = 16;
const LONGEST_NAME: usize = 64;
const LONGEST_NOTE: usize = 512;

/// What becomes of what is asked of conversations.
pub(super) async fn outcome(
    shared: &Shared,
    exchange: &Exchange,
    asked: &Shelved,
    body: &Bytes,
    query: &str,
) -> Result<Outcome, Refusal> {
    let id = asked.id().to_owned();
    let store = match shared.shelf.open() {
        Ok(store) => store,
        Err(why) if asked.has_body() || is_own(&id) => return Err(why),
        Err(why) => return Ok(Outcome::Unknown(why)),
    };
    let now = clock::unix_millis();
    let seed = exchange.id.as_str();
    match asked {
        Shelved::Begin => begin(store, exchange.owner(), seed, now, body).await,
        Shelved::Note(_) => {
            let metadata = metadata(&lens(body)?)?.ok_or_else(|| missing("metadata"))?;
            match store.note(exchange.owner(), id.clone(), metadata, now).await.map_err(unavailable)? {
                Some(conversation) => Ok(Outcome::Said(shown(&conversation))),
                None => unknown_conversation(&id),
            }
        }
        Shelved::End(_) => {
            if store.end(exchange.owner(), id.clone()).await.map_err(unavailable)? {
                Ok(Outcome::Said(deleted(&id, "conversation.deleted")))
            } else {
                unknown_conversation(&id)
            }
        }
        Shelved::Add(_) => {
            let items = items(&lens(body)?, seed)?.ok_or_else(|| missing("items"))?;
            let said = kept::write_list(&items, false);
            let there = store.append(exchange.owner(), id.clone(), items, now).await.map_err(unavailable)?;
            if there { Ok(Outcome::Said(said)) } else { Err(no_conversation(&id)) }
        }
        Shelved::Items(_) => {
            let page = Page::of(query)?;
            match store.items(exchange.owner(), id.clone()).await.map_err(unavailable)? {
                Some(items) => page.list(items).map(Outcome::Said),
                None => unknown_conversation(&id),
            }
        }
        Shelved::Item(_, item) => {
            match store.items(exchange.owner(), id.clone()).await.map_err(unavailable)? {
                Some(items) => {
                    let found = items.iter().find(|known| known.id == *item);
                    found.map(|item| Outcome::Said(kept::shown(item))).ok_or_else(|| no_item(item))
                }
                None => unknown_conversation(&id),
            }
        }
        Shelved::Remove(_, item) => {
            let removed =
                store.remove(exchange.owner(), id.clone(), item.clone()).await.map_err(unavailable)?;
            match removed {
                Some((conversation, true)) => Ok(Outcome::Said(shown(&conversation))),
                Some((_, false)) => Err(no_item(item)),
                None => unknown_conversation(&id),
            }
        }
        Shelved::Conversation(_)
        | Shelved::Response(_)
        | Shelved::Forget(_)
        | Shelved::Cancel(_)
        | Shelved::Inputs(_) => {
            match store.conversation(exchange.owner(), id.clone()).await.map_err(unavailable)? {
                Some(conversation) => Ok(Outcome::Said(shown(&conversation))),
                None => unknown_conversation(&id),
            }
        }
    }
}

async fn begin(store: &Store, owner: Owner, seed: &str, now: u64, body: &Bytes) -> Result<Outcome, Refusal> {
    let empty = Bytes::from_static(b"{}");
    let lens = lens(if body.trim_ascii().is_empty() { &empty } else { body })?;
    let conversation = Conversation {
        id: format!("conv_{seed}"),
        made: now,
        metadata: metadata(&lens)?.unwrap_or_else(|| "{}".to_owned()),
    };
    let items = items(&lens, seed)?.unwrap_or_default();
    let said = shown(&conversation);
    store.converse(owner, conversation, items).await.map_err(unavailable)?;
    Ok(Outcome::Said(said))
}

fn lens(body: &Bytes) -> Result<Lens<'_>, Refusal> {
    Lens::new(body).map_err(malformed)
}

/// The items that a body adds.
fn items(lens: &Lens<'_>, seed: &str) -> Result<Option<Vec<Item>>, Refusal> {
    let Some(raw) = lens.raw("items").filter(|raw| *raw != "null") else { return Ok(None) };
    let value = json::parse(raw.as_bytes()).map_err(malformed)?;
    let wrong = |message: &str| Refusal::new(Kind::InvalidRequest, message).with_param("items");
    if !value.is_array() || value.elements().iter().any(|item| !item.is_object()) {
        return Err(wrong("'items' must be a list of items"));
    }
    if value.elements().len() > MOST_ITEMS {
        return Err(wrong("'items' may hold up to 20 items at one time"));
    }
    Ok(Some(kept::items(&value, seed)))
}

/// What a body notes on a conversation, as JSON.
fn metadata(lens: &Lens<'_>) -> Result<Option<String>, Refusal> {
    let Some(raw) = lens.raw("metadata") else { return Ok(None) };
    if raw == "null" {
        return Ok(Some("{}".to_owned()));
    }
    let value = json::parse(raw.as_bytes()).map_err(malformed)?;
    let fits = value.is_object()
        && value.entries().len() <= MOST_NOTES
        && value.entries().iter().all(|(name, note)| {
            let short = |text: &str| text.chars().count() <= LONGEST_NOTE;
            name.chars().count() <= LONGEST_NAME && note.as_str().is_some_and(short)
        });
    if !fits {
        let message = "'metadata' must be an object of up to 16 texts, with names of up to 64 \
                       characters and texts of up to 512";
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("metadata"));
    }
    Ok(Some(raw.to_owned()))
}

fn shown(conversation: &Conversation) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    json::object(&mut out, |object| {
        object.string("id", &conversation.id);
        object.string("object", "conversation");
        object.number("created_at", conversation.made / 1000);
        object.raw("metadata", &conversation.metadata);
    });
    out
}

fn missing(field: &str) -> Refusal {
    Refusal::new(Kind::InvalidRequest, format!("the field \"{field}\" is missing")).with_param(field)
}
