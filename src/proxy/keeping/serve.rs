//! Gives back what is kept of responses, and sends what a provider keeps there.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use pingora::Result;
use pingora::proxy::Session;

use crate::clock;
use crate::dialect::openai_responses::kept::{self, Page};
use crate::dialect::{Framing, Seed, StreamShape, codec, transcode};
use crate::ir::{Dialect, Losses};
use crate::proxy::answer::{self, Connection};
use crate::proxy::arrival::address::Address;
use crate::proxy::arrival::asked::Through;
use crate::proxy::arrival::{body, take, through};
use crate::proxy::departure::targets;
use crate::proxy::dressing;
use crate::proxy::exchange::Exchange;
use crate::proxy::keeping::asked::Shelved;
use crate::proxy::keeping::{conversations, is_own, no_conversation, no_response, seed_of, unavailable};
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::store::{Elsewhere, Found};
use crate::wire::{json, lens, sse};

/// What becomes of what is asked.
pub(super) enum Outcome {
    /// It is answered here, with this JSON.
    Said(Vec<u8>),
    /// The same as the events of a stream.
    Told(Vec<u8>),
    /// This provider keeps it.
    Elsewhere(Elsewhere),
    /// Nobody here knows it: perhaps the one provider that keeps such things does.
    Unknown(Refusal),
}

/// Answers what is asked of what is kept. `true` when it is answered already.
///
/// # Errors
/// When the client is gone.
pub async fn serve(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    asked: &Shelved,
) -> Result<bool> {
    let mut share = shared.held.share();
    let said = if asked.has_body() {
        match take(session, exchange, Dialect::OpenaiResponses, &mut share, |_| false).await? {
            Some(taken) => taken.body,
            None => return Ok(true),
        }
    } else {
        Bytes::new()
    };
    let query = session.req_header().uri.query().unwrap_or("").to_owned();
    let outcome = if asked.is_of_conversations() {
        conversations::outcome(shared, exchange, asked, &said, &query).await
    } else {
        outcome(shared, exchange, asked, &query).await
    };
    let outcome = match outcome {
        Ok(Outcome::Unknown(refusal)) => match alone(exchange, asked) {
            Some(elsewhere) if !asked.has_body() => Ok(Outcome::Elsewhere(elsewhere)),
            _ => Err(refusal),
        },
        outcome => outcome,
    };
    let begun = match outcome {
        Ok(Outcome::Elsewhere(elsewhere)) => relay(shared, session, exchange, &elsewhere),
        Ok(Outcome::Said(said)) => Ok(Some((said, "application/json"))),
        Ok(Outcome::Told(events)) => Ok(Some((events, "text/event-stream"))),
        Ok(Outcome::Unknown(refusal)) | Err(refusal) => Err(refusal),
    };
    if let Ok(None) = begun {
        return Ok(false);
    }
    // What such a request sends besides is nothing to us.
    let kept = asked.has_body() || body::skip(session, &exchange.world.downstream).await.is_ok();
    let connection = if kept { Connection::Keep } else { Connection::Close };
    match begun {
        Ok(None) => Ok(false),
        Ok(Some((said, kind))) => {
            let mut headers: HeaderMap = dressing::own_headers(exchange);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            answer::whole(session, 200, said, headers).await.map(|()| true)
        }
        Err(refusal) => {
            let headers = dressing::own_headers(exchange);
            let dialect = Dialect::OpenaiResponses;
            let written = answer::refuse(session, dialect, &refusal, connection, headers).await;
            exchange.refusal = Some(refusal);
            written.map(|()| true)
        }
    }
}

/// What becomes of what is asked of a response.
async fn outcome(
    shared: &Shared,
    exchange: &Exchange,
    asked: &Shelved,
    query: &str,
) -> Result<Outcome, Refusal> {
    let id = asked.id().to_owned();
    let store = match shared.shelf.open() {
        Ok(store) => store,
        Err(why) if is_own(&id) => return Err(why),
        Err(why) => return Ok(Outcome::Unknown(why)),
    };
    let found = store.response(exchange.owner(), id.clone()).await.map_err(unavailable)?;
    let whole = match found {
        Some(Found::Here(whole)) => whole,
        Some(Found::Elsewhere(elsewhere)) => {
            if let Shelved::Forget(_) = asked {
                // The provider forgets it, and so it need not be remembered where it was.
                store.forget(exchange.owner(), id).await.map_err(unavailable)?;
            }
            return Ok(Outcome::Elsewhere(elsewhere));
        }
        None if is_own(&id) => return Err(no_response(&id)),
        None => return Ok(Outcome::Unknown(no_response(&id))),
    };
    match asked {
        Shelved::Forget(_) => {
            store.forget(exchange.owner(), id.clone()).await.map_err(unavailable)?;
            Ok(Outcome::Said(deleted(&id, "response")))
        }
        Shelved::Cancel(_) if lens::find(&whole, "background") == Some("true") => {
            shared.background.cancel(&id);
            let given_up = kept::with_status(&whole, "cancelled");
            store.settle(exchange.owner(), id.clone(), given_up).map_err(unavailable)?;
            match store.response(exchange.owner(), id.clone()).await.map_err(unavailable)? {
                Some(Found::Here(whole)) => Ok(Outcome::Said(whole)),
                Some(Found::Elsewhere(_)) | None => Err(no_response(&id)),
            }
        }
        Shelved::Cancel(_) => {
            Err(Refusal::new(Kind::InvalidRequest, "Cannot cancel a synchronous response."))
        }
        Shelved::Inputs(_) => {
            let page = Page::of(query)?;
            let items = store.input_of(exchange.owner(), id.clone()).await.map_err(unavailable)?;
            page.list(items.ok_or_else(|| no_response(&id))?).map(Outcome::Said)
        }
        _ if is_streamed(query) => told_again(exchange, &id, whole, query).map(Outcome::Told),
        _ => Ok(Outcome::Said(whole)),
    }
}

fn is_streamed(query: &str) -> bool {
    query.split('&').any(|pair| pair == "stream=true" || pair == "stream=True")
}

/// A response that is kept as the stream that would have told it, from behind an event on.
fn told_again(exchange: &Exchange, id: &str, whole: Vec<u8>, query: &str) -> Result<Vec<u8>, Refusal> {
    let after = query.split('&').find_map(|pair| pair.strip_prefix("starting_after="));
    let first = match after.map(str::parse::<usize>) {
        None => 0,
        Some(Ok(after)) => after.saturating_add(1),
        Some(Err(_)) => {
            let message = "'starting_after' must be the number of an event";
            return Err(Refusal::new(Kind::InvalidRequest, message).with_param("starting_after"));
        }
    };
    let reply = codec(Dialect::OpenaiResponses).parse_reply(&whole).map_err(|wrong| {
        // One that failed or was given up holds no answer that could be told.
        Refusal::new(Kind::InvalidRequest, format!("this response cannot be streamed: {}", wrong.message))
    })?;
    let seed = Seed {
        id: seed_of(id).to_owned(),
        created: exchange.at / 1000,
        model: String::new(),
        input_tokens: 0,
        // It has the members that repeat its request.
        asked: whole.into(),
        kept: true,
    };
    let shape = StreamShape { framing: Framing::Sse, usage: true };
    let told = transcode::stream(reply, Dialect::OpenaiResponses, &seed, shape, &mut Losses::new());
    let mut rest = Vec::with_capacity(told.len());
    let (mut frames, mut number) = (sse::Parser::new(told.len() + 1), 0);
    let framed = frames.push(&told, |frame| {
        if number >= first {
            rest.extend_from_slice(frame.raw);
        }
        number += 1;
    });
    // What we wrote ourselves can be read.
    Ok(if framed.is_ok() { rest } else { told })
}

/// The answer to something that is forgotten now.
pub(super) fn deleted(id: &str, what: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    json::object(&mut out, |object| {
        object.string("id", id);
        object.string("object", what);
        object.bool("deleted", true);
    });
    out
}

/// The one provider that keeps what is asked for, if there is but one.
fn alone(exchange: &Exchange, asked: &Shelved) -> Option<Elsewhere> {
    if is_own(asked.id()) {
        return None;
    }
    let mut keepers = exchange.world.providers.iter().filter(|provider| targets::keeps_responses(provider));
    let keeper = keepers.next().filter(|_| keepers.next().is_none())?;
    Some(Elsewhere { provider: keeper.name.clone(), credential: 0 })
}

/// Sends the request to the provider that keeps what it asks for.
fn relay(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    elsewhere: &Elsewhere,
) -> Result<Option<(Vec<u8>, &'static str)>, Refusal> {
    let path = session.req_header().uri.path();
    let place = format!("/v1/{}", Address::of(path).place);
    let through = Through {
        provider: elsewhere.provider.clone(),
        place,
        like: None,
        kept: None,
        dialect: Dialect::OpenaiResponses,
    };
    let share = shared.held.share();
    through::dispatch(shared, session, exchange, &through, share)?;
    let world = std::sync::Arc::clone(&exchange.world);
    if let Some(call) = exchange.call() {
        let keys = world.providers.get(call.attempt.known.index).map_or(0, |provider| provider.keys.len());
        call.attempt.key = elsewhere.credential.checked_rem(keys).unwrap_or(0);
    }
    exchange.overhead += clock::now().saturating_duration_since(exchange.started);
    Ok(None)
}

/// The refusal of a conversation that nobody here knows.
pub(super) fn unknown_conversation(id: &str) -> Result<Outcome, Refusal> {
    if is_own(id) { Err(no_conversation(id)) } else { Ok(Outcome::Unknown(no_conversation(id))) }
}
