//! An answer that was given before, or is being given, is told as if its provider had just said it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};
use tokio::time::{Instant, sleep_until};

use crate::account::trace::Deed;
use crate::cache::{Answer, Entry, Found, Listener, News, Origin, Replay, Tier};
use crate::clock;
use crate::dialect::{Restore, StreamShape};
use crate::ir::Dialect;
use crate::proxy::answer::{self, Connection};
use crate::proxy::caching::look::{Query, mark, uncached};
use crate::proxy::caching::tape::Tape;
use crate::proxy::caching::{asking, behind};
use crate::proxy::departure::attempt::Mode;
use crate::proxy::departure::targets;
use crate::proxy::exchange::{Call, Exchange};
use crate::proxy::external::{self, Spoke};
use crate::proxy::keeping::saving;
use crate::proxy::phases::{ending, refuse};
use crate::proxy::relay::{Into, Outcome, Relay};
use crate::proxy::shared::Shared;
use crate::proxy::waiting::beside;
use crate::proxy::{allowance, departure, dressing, guarding, returning, tracing};
use crate::refusal::{Kind, Refusal};

/// Answers a request with what was found. `false` when its provider must be asked after all.
///
/// # Errors
/// When the client is gone.
pub async fn serve(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    mut query: Box<Query>,
    mut found: Found,
) -> Result<bool> {
    let mut tiers = shared.tiers.as_deref().filter(|_| !query.wish.fresh);
    let (mut from, mut asks, mut said_by) = (None, true, None);
    loop {
        if let Found::Nothing(flight) = found {
            found = match tiers.take() {
                Some(tiers) => {
                    // What few requests need has no room in the future of each.
                    let (looking, begun) = (tracing::since(exchange), clock::now());
                    let (behind, tier) = Box::pin(behind::look(tiers, &shared.cache, &query, flight)).await;
                    tracing::took(exchange, looking, Deed::Cache);
                    exchange.overhead += begun.elapsed();
                    from = tier;
                    behind
                }
                None => Found::Nothing(flight),
            };
        }
        if let Found::Nothing(flight) = found {
            let asking = query.waits_for().filter(|_| std::mem::take(&mut asks));
            found = match asking {
                Some(asking) => {
                    let (looking, begun) = (tracing::since(exchange), clock::now());
                    let key = exchange.key.clone();
                    let told = Box::pin(asking::look(shared, asking, &query, key, flight)).await;
                    tracing::took(exchange, looking, Deed::Cache);
                    exchange.overhead += begun.elapsed();
                    said_by = Some(asking.tier());
                    told
                }
                None => Found::Nothing(flight),
            };
        }
        let told = match found {
            Found::Entry(entry, age) => match &*entry {
                Entry::Answer(answer) => {
                    exchange.cache = Some(from.unwrap_or(Tier::Exact));
                    let told = repeat(shared, session, exchange, &query, answer, age).await?;
                    if let (Told::Answered, Some(verbatim)) = (&told, query.verbatim.take()) {
                        verbatim.note(
                            &shared.cache,
                            query.fingerprint,
                            answer,
                            clock::unix_millis(),
                            query.rules.ttl,
                        );
                    }
                    told
                }
                Entry::Vector(_) | Entry::Reworded(_) => Told::Nothing,
            },
            Found::Reworded(ref entry, age) | Found::Near(ref entry, age) => {
                let near = matches!(found, Found::Near(..));
                let told = match &**entry {
                    Entry::Answer(answer) => {
                        let tier = said_by.take().unwrap_or(Tier::Balanced);
                        exchange.cache = Some(if near { tier } else { Tier::Semantic });
                        repeat(shared, session, exchange, &query, answer, age).await?
                    }
                    Entry::Vector(_) | Entry::Reworded(_) => Told::Nothing,
                };
                if matches!(told, Told::Answered) {
                    return Ok(true);
                }
                // It is the answer to somebody else, and stays; this one is asked in its own words.
                query.reworded.clear();
                query.places.clear();
                query.asking = None;
                Told::Nothing
            }
            Found::Flight(flight) => follow(shared, session, exchange, Listener::new(flight)).await?,
            Found::Nothing(_) if query.wish.only => {
                return no(session, exchange, uncached()).await.map(|_| true);
            }
            Found::Nothing(flight) => {
                exchange.cache = Some(Tier::Miss);
                if let Some(reserved) = exchange.reserved.take() {
                    reserved.undo();
                }
                let (key, vigil) = (exchange.key.clone(), exchange.vigil.clone());
                asking::aside(shared, &query, key.clone());
                if let Some(call) = exchange.call() {
                    (call.attempts, call.relay, call.saving) = (1, Relay::Waiting, None);
                    let mark = mark(key.as_deref(), &call.ask);
                    let kept = (&shared.cache, shared.tiers.as_ref());
                    let tape = Box::new(Tape::new(kept, query, flight, mark));
                    call.tape = Some(tape.outliving(vigil.as_ref()));
                }
                if let Err(refusal) = departure::prepare_anew(exchange) {
                    return no(session, exchange, refusal).await.map(|_| true);
                }
                return Ok(false);
            }
        };
        match told {
            Told::Answered => return Ok(true),
            Told::Nothing => {}
            Told::Unusable => shared.cache.forget(query.fingerprint),
        }
        from = None;
        found = query.look(&shared.cache);
    }
}

/// What became of something that was found.
enum Told {
    /// The client has its answer, or its refusal.
    Answered,
    /// There was nothing after all.
    Nothing,
    /// It is no answer to this client.
    Unusable,
}

/// Says no to a client that has been told nothing yet.
async fn no(session: &mut Session, exchange: &mut Exchange, refusal: Refusal) -> Result<Told> {
    let client = exchange.client();
    refuse(session, exchange, client, refusal, Connection::Keep).await.map(|_| Told::Answered)
}

/// Tells an entry once more.
async fn repeat(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    query: &Query,
    answer: &Answer,
    age: Duration,
) -> Result<Told> {
    if let Err(refusal) = allowance::admit_free(shared, exchange) {
        return no(session, exchange, refusal).await;
    }
    if !relay(shared, exchange, &answer.origin) {
        return Ok(Told::Unusable);
    }
    let gathers = exchange.call().is_none_or(|call| call.relay.gathers());
    let paced = query.rules.replay == Replay::Recorded && answer.pace.len() > 1 && !gathers;
    if paced {
        begin(session, exchange, Some(age)).await?;
        if let Some(vigil) = &exchange.vigil {
            vigil.expect(exchange.deadline);
        }
        let (begun, mut from) = (Instant::now(), 0);
        for (after, to) in &answer.pace {
            let due = (begun + *after).min(exchange.deadline.into());
            let waited = beside(session, exchange, sleep_until(due)).await?;
            if let Err(refusal) =
                waited.and_then(|()| if shared.is_cutting() { Err(ending()) } else { Ok(()) })
            {
                return fail(session, exchange, refusal).await;
            }
            speak(session, exchange, Some(answer.body.slice(from..*to)), *to == answer.body.len()).await?;
            if exchange.refusal.is_some() {
                return Ok(Told::Answered);
            }
            from = *to;
        }
        return Ok(Told::Answered);
    }
    let mut told = said(exchange, &answer.body);
    if external::waits(exchange) {
        told = Box::pin(late(exchange)).await;
    }
    let Some(said) = told else {
        return match exchange.refusal.take() {
            // A guard, which its own client has.
            Some(refusal) => no(session, exchange, refusal).await,
            None => Ok(Told::Unusable),
        };
    };
    whole(session, exchange, said, Some(age)).await
}

/// Tells what is being told to somebody else.
async fn follow(
    shared: &Shared,
    session: &mut Session,
    exchange: &mut Exchange,
    mut listener: Listener,
) -> Result<Told> {
    exchange.cache = Some(Tier::InFlight);
    if let Err(refusal) = allowance::admit_free(shared, exchange) {
        return no(session, exchange, refusal).await;
    }
    exchange.sent(clock::now());
    let (mut origin, mut begun, mut all, mut gathered) = (None, false, false, 0);
    loop {
        if let Err(refusal) = beside(session, exchange, listener.wait(all)).await? {
            return fail(session, exchange, refusal).await;
        }
        if origin.is_none() {
            origin = listener.flight().origin();
            if let Some(origin) = &origin
                && !relay(shared, exchange, origin)
            {
                let refusal = Refusal::new(Kind::BadGateway, "the answer that was shared cannot be told");
                return fail(session, exchange, refusal).await;
            }
        }
        all = origin.as_ref().is_some_and(|origin| origin.framing.is_none());
        let now = clock::now();
        match listener.hear(all) {
            News::Wait => {}
            News::Anew if !begun => {
                origin = None;
                forget(exchange, std::mem::take(&mut gathered));
                exchange.sent(clock::now());
            }
            News::Pieces(pieces, end) => {
                exchange.heard(end, now);
                if shared.is_cutting() && !end {
                    return fail(session, exchange, ending()).await;
                }
                if exchange.call().is_some_and(|call| call.relay.gathers()) {
                    gathered += pieces.iter().map(Bytes::len).sum::<usize>();
                    if gather(exchange, &pieces).is_none() {
                        let refusal =
                            Refusal::new(Kind::Unavailable, "there is no room to gather the answer");
                        return fail(session, exchange, refusal).await;
                    }
                    if end {
                        let mut told = conclude(exchange);
                        if external::waits(exchange) {
                            told = Box::pin(late(exchange)).await;
                        }
                        let Some(said) = told else {
                            if let Some(refusal) = exchange.refusal.take() {
                                return no(session, exchange, refusal).await;
                            }
                            let message = "the answer that was shared came to nothing";
                            return fail(session, exchange, Refusal::new(Kind::BadGateway, message)).await;
                        };
                        return whole(session, exchange, said, None).await;
                    }
                    continue;
                }
                if !std::mem::replace(&mut begun, true) {
                    begin(session, exchange, None).await?;
                }
                for piece in pieces {
                    speak(session, exchange, Some(piece), false).await?;
                    if exchange.refusal.is_some() {
                        return Ok(Told::Answered);
                    }
                }
                if end {
                    speak(session, exchange, None, true).await?;
                    return Ok(Told::Answered);
                }
            }
            News::Failed(refusal) => return fail(session, exchange, refusal).await,
            // What is not held any more cannot be joined either.
            News::Left | News::Missed if !begun => {
                forget(exchange, gathered);
                return Ok(Told::Nothing);
            }
            News::Left | News::Anew => {
                let refusal = Refusal::new(Kind::BadGateway, "the answer that was shared broke off");
                return fail(session, exchange, refusal).await;
            }
            News::Missed => {
                let message = "the answer was taken too slowly to be shared";
                return fail(session, exchange, Refusal::new(Kind::Timeout, message)).await;
            }
        }
    }
}

/// Forgets what was heard of an answer that came to nothing, of which so many bytes were gathered and nothing
/// was told.
fn forget(exchange: &mut Exchange, gathered: usize) {
    if let Some(call) = exchange.call() {
        (call.relay, call.saving, call.screen) = (Relay::Waiting, None, None);
        call.share.shrink(gathered);
    }
}

/// Tells the client what went wrong, in a whole answer or inside the stream that runs.
async fn fail(session: &mut Session, exchange: &mut Exchange, refusal: Refusal) -> Result<Told> {
    let closes = refusal.kind == Kind::Unavailable && refusal.message == ending().message;
    let connection = if closes { Connection::Close } else { Connection::Keep };
    exchange.refusal = Some(refusal);
    if returning::give_up(session, exchange, connection).await {
        Ok(Told::Answered)
    } else {
        Error::e_explain(ErrorType::WriteError, "the client was not told").map_err(Error::into_down)
    }
}

/// Chooses what becomes of an answer of this origin; whether the world has it still.
fn relay(shared: &Shared, exchange: &mut Exchange, origin: &Origin) -> bool {
    let world = Arc::clone(&exchange.world);
    let (owner, made) = (exchange.owner(), exchange.at);
    let Some(call) = exchange.call() else { return false };
    let is_it = |target: &&crate::route::Target| {
        let provider = world.providers.get(target.provider);
        provider.is_some_and(|provider| provider.name == *origin.provider) && target.model == *origin.model
    };
    let found = call.targets.iter().find(is_it);
    let Some(known) = found.and_then(|target| targets::known(&world, target, call.ask.dialect)) else {
        return false;
    };
    let passes = origin.dialect == call.ask.dialect && !known.profile.retold && origin.restore.is_empty();
    call.attempt.known = known;
    call.attempt.losses.clone_from(&origin.losses);
    // Its ids and times are this client's own.
    let restore = Restore { anew: true, ..origin.restore.clone() };
    call.attempt.mode = Mode::Translate(restore.clone());
    let (upstream, client, stream) = (origin.dialect, call.ask.dialect, call.ask.stream);
    let shape = StreamShape { framing: call.ask.framing, usage: call.ask.stream_usage };
    let seed = returning::seed(shared, exchange, upstream);
    let Some(call) = exchange.call() else { return false };
    call.relay = match (origin.framing, stream) {
        (Some(_), true) => Relay::transcode(upstream, client, restore, &seed, shape),
        (Some(_), false) => Relay::whole(upstream, client, seed, Into::Folded(restore)),
        (None, true) => Relay::whole(upstream, client, seed, Into::Stream(restore, shape)),
        (None, false) if passes => Relay::whole(upstream, client, seed, Into::Again(restore)),
        (None, false) => Relay::whole(upstream, client, seed, Into::Reply(restore)),
    };
    if call.ask.keep {
        call.saving = saving::repeat(shared, call, owner, made, world.downstream.held.as_usize());
    }
    // What was masked is each client's own, and so are its guards.
    guarding::screen(exchange, origin.framing);
    true
}

/// What a whole body says to the client; `None` when it is no answer.
fn said(exchange: &mut Exchange, body: &Bytes) -> Option<Bytes> {
    if exchange.call()?.relay.gathers() {
        gather(exchange, std::slice::from_ref(body))?;
        return conclude(exchange);
    }
    let now = clock::now();
    let call = exchange.call()?;
    let mut said = Some(body.clone());
    call.relay.listen(Some(body), true, now);
    call.relay.speak(&mut said, true);
    (guarding::speak(exchange, &mut said, true) == Spoke::On).then_some(())?;
    let call = exchange.call()?;
    hear_saving(call, said.as_ref(), true);
    call.wrap(&mut said);
    call.relay.broken().is_none().then_some(said).flatten()
}

/// Gathers pieces; `None` when there is no room for them.
fn gather(exchange: &mut Exchange, pieces: &[Bytes]) -> Option<()> {
    let (now, most) = (clock::now(), exchange.world.downstream.held.as_usize());
    let call = exchange.call()?;
    for piece in pieces {
        call.share.grow(piece.len(), most).then_some(())?;
        call.relay.listen(Some(piece), false, now);
        call.relay.gather(piece);
    }
    Some(())
}

/// What a gathered answer comes to.
fn conclude(exchange: &mut Exchange) -> Option<Bytes> {
    let call = exchange.call()?;
    match call.relay.conclude()? {
        Outcome::Said(said) => {
            let said = guarding::gathered(exchange, said).map(Bytes::from);
            let held = said.and_then(|said| external::hold(exchange, &said).map(|held| (said, held)));
            let (said, held) = held.map_err(|refusal| exchange.refusal = Some(refusal)).ok()?;
            (!held).then(|| external::late::told(exchange, said))
        }
        Outcome::Failed { .. } => None,
    }
}

/// What is left of an answer that waited for verdicts; `None` where a guard does not let it pass.
async fn late(exchange: &mut Exchange) -> Option<Bytes> {
    let told = external::resolve(exchange).await.map_err(|refusal| exchange.refusal = Some(refusal)).ok()?;
    let call = exchange.call()?;
    if call.relay.gathers() {
        return Some(external::late::told(exchange, told));
    }
    let mut told = Some(told);
    hear_saving(call, told.as_ref(), true);
    call.wrap(&mut told);
    told
}

fn hear_saving(call: &mut Call, said: Option<&Bytes>, end: bool) {
    if let Some(saving) = &mut call.saving {
        saving.hear(&mut call.relay, said, end);
    }
}

/// Sends a whole answer.
async fn whole(
    session: &mut Session,
    exchange: &mut Exchange,
    said: Bytes,
    age: Option<Duration>,
) -> Result<Told> {
    let headers = headers(exchange, age);
    if age.is_some() {
        exchange.overhead = clock::now().saturating_duration_since(exchange.started);
    }
    exchange.note(Some(&said));
    answer::whole(session, 200, said, headers).await.map(|()| Told::Answered)
}

/// Sends the head of a stream.
async fn begin(session: &mut Session, exchange: &mut Exchange, age: Option<Duration>) -> Result<()> {
    let mut headers = headers(exchange, age);
    if session.req_header().version == Version::HTTP_11 {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let (mut parts, ()) = http::Response::new(()).into_parts();
    (parts.status, parts.headers) = (StatusCode::OK, headers);
    session.write_response_header(Box::new(parts.into()), false).await
}

/// Sends what a piece of a stream says to the client.
async fn speak(
    session: &mut Session,
    exchange: &mut Exchange,
    piece: Option<Bytes>,
    end: bool,
) -> Result<()> {
    let now = clock::now();
    let Some(call) = exchange.call() else { return Ok(()) };
    let mut said = piece;
    call.relay.listen(said.as_ref(), end, now);
    call.relay.speak(&mut said, end);
    let mut spoke = guarding::speak(exchange, &mut said, end);
    if spoke == Spoke::Waits {
        match Box::pin(external::resolve(exchange)).await {
            Ok(rest) => said = Some(rest),
            Err(refusal) => (exchange.refusal, spoke) = (Some(refusal), Spoke::Ended),
        }
    }
    if spoke == Spoke::Ended {
        returning::give_up(session, exchange, Connection::Keep).await;
        return Ok(());
    }
    let Some(call) = exchange.call() else { return Ok(()) };
    hear_saving(call, said.as_ref(), end);
    call.wrap(&mut said);
    let pings = call.ask.dialect == Dialect::AnthropicMessages && call.wrap.is_none();
    if said.is_none() && !end {
        return Ok(());
    }
    exchange.note(said.as_deref());
    session.write_response_body(Some(said.unwrap_or_default()), end).await?;
    if let (Some(vigil), true) = (&exchange.vigil, pings && session.req_header().version == Version::HTTP_11)
    {
        vigil.beat();
    }
    Ok(())
}

fn headers(exchange: &mut Exchange, age: Option<Duration>) -> HeaderMap {
    let mut headers = dressing::own_headers(exchange);
    if let Some(call) = exchange.call() {
        dressing::dress_body(call, &mut headers);
    }
    if let Some(age) = age {
        headers.insert(header::AGE, age.as_secs().into());
    }
    headers
}
