//! A request arrives: recognised, let in and read, after which `dispatch` finds its targets.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, header};
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use crate::clock;
use crate::dialect::ollama;
use crate::ir::Dialect;
use crate::proxy::answer::{self, Connection};
use crate::proxy::arrival::asked::{Asked, Machine};
use crate::proxy::arrival::body::{Taken, Untaken};
use crate::proxy::arrival::dispatch::{Sent, dispatch};
use crate::proxy::bytes_held::Share;
use crate::proxy::caching;
use crate::proxy::dressing;
use crate::proxy::exchange::Exchange;
use crate::proxy::external;
use crate::proxy::guarding;
use crate::proxy::keeping::recall::{self, recall};
use crate::proxy::keeping::serve::serve;
use crate::proxy::phases::refuse;
use crate::proxy::rewriting;
use crate::proxy::shared::Shared;
use crate::proxy::threshold::Threshold;
use crate::proxy::threshold::vigil::{Phase, Vigil};
use crate::proxy::tracing;
use crate::refusal::{Kind, Refusal};
use crate::route::pressure::Priority;

pub mod address;
pub mod admission;
pub mod ask;
pub mod asked;
pub mod body;
pub mod credentials;
mod dispatch;
pub mod envelope;
mod form;
mod live;
pub mod local;
mod opening;
mod paused;
pub mod recognise;
mod rollout;
mod routing;
pub(in crate::proxy) mod through;
mod tokens;

/// Takes a request in. `true` when it is answered already.
///
/// # Errors
/// When the client is gone.
pub async fn arrive(shared: &Shared, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
    if exchange.world.staged.is_some() {
        // What few requests need has no room in the future of each.
        Box::pin(rollout::choose(shared, session, exchange)).await;
    }
    let world = Arc::clone(&exchange.world);
    exchange.vigil = vigil(session);
    if let Some(vigil) = &exchange.vigil {
        vigil.enter(Phase::Served);
    }
    let downstream = session.as_downstream_mut();
    // Where the connection is to end with this request, that stays so: the client said it, the
    // process ends, or two lengths that disagree may hide a second request.
    if downstream.get_keepalive().is_some() {
        // For as long as its stream lets it (`threshold`), which sets no timer for each request.
        downstream.set_keepalive(Some(0));
    }
    // Whatever follows a request waits for its turn; else it would end the request before it.
    downstream.set_pipelining_enabled(true);
    // A provider's interim answers are between it and us.
    downstream.set_ignore_info_resp(true);
    session.set_read_timeout(Some(world.downstream.read_timeout));
    if exchange.vigil.is_none() {
        session.set_write_timeout(Some(world.downstream.write_timeout));
    }
    if shared.telemetry.tells_addresses() || !world.door.is_open() {
        exchange.address = admission::address(&world, &shared.background, session);
    }
    tracing::begin(exchange, session.req_header());
    if head_size(session) > world.downstream.head.as_usize() {
        let message = format!("the request's head is larger than the limit of {}", world.downstream.head);
        let refusal = Refusal { status: 431, ..Refusal::new(Kind::TooLarge, message) };
        return refuse(session, exchange, Dialect::OpenaiChat, refusal, Connection::Close).await;
    }
    let asked = match recognise::recognise(session.req_header()) {
        Ok(asked) => asked,
        Err(unknown) => {
            return turn_away(session, exchange, unknown.dialect, unknown.refusal, unknown.allow).await;
        }
    };
    let asked = through::settle(&world, asked, session.req_header());
    let client = asked.dialect();
    exchange.asked = Some(asked.clone());
    if let Asked::Chat { dialect: Dialect::OpenaiResponses, .. } = asked
        && let Some((id, key)) = shared.background.of(session.req_header())
    {
        exchange.id = id;
        exchange.key = key;
        exchange.in_background = true;
    }
    // Who is judged may see the other one of two worlds.
    let judges = !world.externals.is_empty() || world.caching.asks();
    let may_judge = judges || world.is_staged || world.staged.is_some();
    if may_judge && let Some(key) = shared.background.judged(session.req_header()) {
        exchange.judges = true;
        exchange.key = key;
    }
    // A judge with a key of its own is let in as whoever else has it.
    let is_own = exchange.in_background
        || exchange.judges && !session.req_header().headers.contains_key(header::AUTHORIZATION);
    if !asked.is_public() && !is_own {
        let head = session.req_header();
        match tokens::let_in(shared, &world, head, exchange.address, exchange.at / 1000).await {
            Ok(key) => exchange.key = key,
            Err(refusal) => return turn_away(session, exchange, client, refusal, None).await,
        }
    }
    let key = exchange.key.clone();
    let key = key.as_deref();
    let listed = match &asked {
        Asked::Health => Some(Ok(b"{\"status\":\"ok\"}".to_vec())),
        Asked::Models(dialect) => Some(Ok(local::models(&world, key, *dialect))),
        Asked::Model(dialect, name) => Some(local::model(&world, key, *dialect, name)),
        Asked::Machine(Machine::Running) => Some(Ok(ollama::models::render_running())),
        Asked::Machine(Machine::Version) => Some(Ok(ollama::models::render_version())),
        Asked::Chat { .. }
        | Asked::Embed { .. }
        | Asked::Rerank(_)
        | Asked::Relay(_)
        | Asked::Count { .. }
        | Asked::Shelved(_)
        | Asked::Machine(Machine::Show)
        | Asked::Live(_)
        | Asked::Opening(_)
        | Asked::Through(_) => None,
    };
    match listed {
        Some(Ok(body)) => {
            let extra = dressing::own_headers(exchange);
            return answer::json(session, 200, body, extra).await.map(|()| true);
        }
        Some(Err(refusal)) => {
            return refuse(session, exchange, client, refusal, Connection::Keep).await;
        }
        None => {}
    }
    if let Asked::Live(form) = &asked {
        let dispatched = live::dispatch(shared, session, exchange, *form);
        exchange.overhead += clock::now().saturating_duration_since(exchange.started);
        return match dispatched {
            Ok(()) => Ok(false),
            Err(refusal) => turn_away(session, exchange, client, refusal, None).await,
        };
    }
    if let Asked::Through(through) = &asked
        && !through::is_held(&world, through, session.req_header())
        && !admission::must_be_read(key, through, session.req_header())
        && !(guarding::must_read(&world, key) && through::may_be_json(through, session.req_header()))
        && !rewriting::must_read(&world, key, through)
    {
        body::invite(session).await?;
        let share = shared.held.share();
        if !world.externals.is_empty() {
            // What is not read may still have an answer to be looked at.
            let model = through.like.as_ref().and_then(Asked::model_in_path).unwrap_or_default();
            let _ = external::begin(shared, exchange, &model);
        }
        let allowed = admission::go_through(&world, key, through, session.req_header(), &Bytes::new());
        let begun = allowed.and_then(|()| through::dispatch(shared, session, exchange, through, share));
        return match begun {
            Ok(()) => {
                exchange.overhead += clock::now().saturating_duration_since(exchange.started);
                Ok(false)
            }
            Err(refusal) => turn_away(session, exchange, client, refusal, None).await,
        };
    }
    if let Asked::Shelved(kept) = &asked {
        return Box::pin(serve(shared, session, exchange, kept)).await;
    }
    let mut share = shared.held.share();
    let mut form = form::reader(&asked, session.req_header());
    let enough = |came: &[u8]| form.as_mut().is_some_and(|form| form::is_enough(form, came));
    let Some(taken) = take(session, exchange, client, &mut share, enough).await? else { return Ok(true) };
    let begun = clock::now();
    let whole = taken.rest == 0;
    let sent_on = match (&asked, form) {
        (Asked::Opening(opened), _) => {
            opening::dispatch(shared, session, exchange, *opened, taken.body, share).map(|()| Sent::Away)
        }
        (Asked::Relay(relayed), Some(form)) => {
            form::dispatch(shared, session, exchange, *relayed, form, taken, share).map(|()| Sent::Away)
        }
        _ => {
            let recalled = if recall::may_refer(&asked, &taken.body) {
                // What few requests need has no room in the future of each.
                Box::pin(recall(shared, &world, exchange.owner(), &taken.body, &mut share)).await
            } else {
                Ok(None)
            };
            let sent = recalled
                .and_then(|recall| dispatch(shared, session, exchange, &asked, taken.body, recall, share));
            match sent {
                Ok(Sent::Waits(paused)) => {
                    // As above.
                    Box::pin(paused.ask(shared, session, exchange, &asked)).await
                }
                sent => sent,
            }
        }
    };
    exchange.overhead += clock::now().saturating_duration_since(begun);
    match sent_on {
        Ok(Sent::Away) => Ok(false),
        Ok(Sent::Waits(_)) => Error::e_explain(ErrorType::InternalError, "a request that was asked about"),
        Ok(Sent::Found(query, found)) => caching::serve(shared, session, exchange, query, found).await,
        Ok(Sent::Vectors(form, items)) if !items.is_whole() => {
            // What few requests need has no room in the future of each.
            Box::pin(caching::items::look_behind(shared, session, exchange, form, &items)).await
        }
        Ok(Sent::Vectors(form, items)) => {
            caching::items::serve(shared, session, exchange, form, &items).await
        }
        Ok(Sent::Here(body)) => {
            let extra = dressing::own_headers(exchange);
            answer::json(session, 200, body, extra).await.map(|()| true)
        }
        Err(refusal) => {
            let connection = if whole { Connection::Keep } else { Connection::Close };
            refuse(session, exchange, client, refusal, connection).await
        }
    }
}

/// Reads the body whole, or as much as is enough; `None` when it was refused, and its client told so.
///
/// # Errors
/// When the client is gone.
pub(in crate::proxy) async fn take(
    session: &mut Session,
    exchange: &mut Exchange,
    client: Dialect,
    share: &mut Share,
    enough: impl FnMut(&[u8]) -> bool,
) -> Result<Option<Taken>> {
    let world = Arc::clone(&exchange.world);
    let coding = match body::coding(session.req_header()) {
        Ok(coding) => coding,
        Err(refusal) => return turn_away(session, exchange, client, refusal, None).await.map(|_| None),
    };
    let is_low = exchange.key.as_ref().is_some_and(|key| key.priority == Priority::Low);
    if is_low && share.is_scarce(body::FOR_ALL, world.downstream.held.as_usize()) {
        return turn_away(session, exchange, client, body::full(), None).await.map(|_| None);
    }
    let read = clock::now();
    exchange.overhead += read.saturating_duration_since(exchange.started);
    let (refusal, connection) =
        match body::read(session, coding, &world.downstream, exchange.deadline, share, enough).await {
            Ok(taken) => return Ok(Some(taken)),
            Err(Untaken::Refused(refusal)) => (refusal, Connection::Close),
            Err(Untaken::Unusable(refusal)) => (refusal, Connection::Keep),
            Err(Untaken::Gone(error)) => {
                exchange.client_gone = true;
                return Err(error);
            }
        };
    refuse(session, exchange, client, refusal, connection).await.map(|_| None)
}

fn vigil(session: &Session) -> Option<Arc<Vigil>> {
    let threshold = session.as_downstream().as_http1()?.stream().as_any().downcast_ref::<Threshold>()?;
    Some(Arc::clone(threshold.vigil()))
}

fn head_size(session: &Session) -> usize {
    let head = session.req_header();
    let lines = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    head.raw_path().len() + lines.sum::<usize>()
}

/// Refuses a request whose body was not read: a small one is read away, so that the connection
/// can be kept; a large one closes it.
async fn turn_away(
    session: &mut Session,
    exchange: &mut Exchange,
    dialect: Dialect,
    refusal: Refusal,
    allow: Option<&'static str>,
) -> Result<bool> {
    const SMALL: u64 = 64 << 10;
    let head = session.req_header();
    let length =
        head.headers.get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let chunked = head.headers.contains_key("transfer-encoding");
    let small = !chunked && length.unwrap_or(0) <= SMALL;
    // A client that does not send what it promised hears the same, and then the end.
    let connection = if small && Box::pin(body::skip(session, &exchange.world.downstream)).await.is_ok() {
        Connection::Keep
    } else {
        Connection::Close
    };
    if let (Connection::Close, Some(vigil)) = (connection, &exchange.vigil) {
        vigil.linger();
    }
    let mut headers = dressing::own_headers(exchange);
    headers.extend(allow.map(|method| (header::ALLOW, HeaderValue::from_static(method))));
    let written = Box::pin(answer::refuse(session, dialect, &refusal, connection, headers)).await;
    exchange.refusal = Some(refusal);
    written.map(|()| true)
}
