//! The body of an answer is spoken: piece by piece, or whole once it is gathered. What is left to say where
//! all attempts failed.

use std::time::Duration;

use bytes::Bytes;
use http::header;
use pingora::Result;
use pingora::http::Version;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::clock;
use crate::dialect::{bedrock_converse, codec};
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::proxy::answer::{self, Connection};
use crate::proxy::departure::judging;
use crate::proxy::exchange::{Exchange, Stage};
use crate::proxy::external::{self, Spoke, late};
use crate::proxy::guarding;
use crate::proxy::relay::{self, Outcome, Relay};
use crate::proxy::{departure, dressing, holding, names};
use crate::refusal::{Kind, Refusal};

/// Turns a piece of the answer into what the client gets.
///
/// # Errors
/// A retryable error when a gathered answer came to nothing and another attempt is prepared; a
/// final one when it is larger than what may be held, or the client is gone.
pub fn speak(
    session: &mut Session,
    exchange: &mut Exchange,
    body: &mut Option<Bytes>,
    end: bool,
) -> Result<()> {
    let Some(call) = exchange.call() else { return Ok(()) };
    let gathers = call.relay.gathers();
    if !gathers {
        call.relay.speak(body, end);
        match guarding::speak(exchange, body, end) {
            Spoke::On => {}
            Spoke::Ended => return Error::e_explain(ErrorType::InternalError, "a guard ends the answer"),
            Spoke::Waits => return late::begin(),
        }
    }
    let Exchange { world, stage, refusal, vigil, .. } = exchange;
    let Stage::Away(call) = stage else { return Ok(()) };
    if !gathers {
        if let Some(saving) = &mut call.saving {
            saving.hear(&mut call.relay, body.as_ref(), end);
        }
        call.wrap(body);
        if call.holding.is_some() {
            return holding::hold(session, exchange, body, end);
        }
        if call.awaits {
            return holding::first(session, exchange, body.as_ref(), end);
        }
        let sends = call.windowed && (body.is_some() || end);
        if let (Some(vigil), Relay::Transcode(_), Dialect::AnthropicMessages, true) =
            (vigil, &call.relay, call.ask.dialect, body.is_some())
            && call.wrap.is_none()
            && session.req_header().version == Version::HTTP_11
        {
            vigil.beat();
        }
        // Pingora may have filtered the head together with this piece.
        return if sends { holding::send_head(session, exchange) } else { Ok(()) };
    }
    if let Some(chunk) = body.take() {
        if !call.share.grow(chunk.len(), world.downstream.held.as_usize()) {
            *refusal = Some(Refusal::new(Kind::Unavailable, "there is no room to gather the answer"));
            return Error::e_explain(ErrorType::InternalError, "no room to gather the answer");
        }
        call.relay.gather(&chunk);
    }
    if end {
        *body = Some(conclude(session, exchange, Chance::Open)?);
    }
    Ok(())
}

/// Whether another attempt can still be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chance {
    /// Pingora would make it.
    Open,
    /// Pingora is done with the request.
    Gone,
}

/// A gathered answer is complete: sends its head, and gives its body.
fn conclude(session: &mut Session, exchange: &mut Exchange, chance: Chance) -> Result<Bytes> {
    let begun = clock::now();
    let outcome = exchange.call().and_then(|call| call.relay.conclude());
    let (fault, undecided, own) = match outcome {
        None => return Ok(Bytes::new()),
        Some(Outcome::Said(body)) => {
            if chance == Chance::Open
                && let Some(fault) = holding::hollow(exchange, &body)
                && departure::again(exchange, fault)
            {
                let mut error = Error::explain(ErrorType::HTTPStatus(502), "an empty answer").into_up();
                error.set_retry(true);
                return Err(error);
            }
            if let Exchange { world, stage: Stage::Away(call), .. } = exchange {
                judging::answered(call, world, begun);
            }
            let body = guarding::gathered(exchange, body).map(Bytes::from);
            let body = match body.and_then(|body| external::hold(exchange, &body).map(|held| (body, held))) {
                Ok((_, true)) => return late::begin(),
                Ok((body, false)) => body,
                Err(refusal) => return late::refuse(session, exchange, refusal),
            };
            let body = late::told(exchange, body);
            exchange.overhead += clock::now().saturating_duration_since(begun);
            release(session, exchange, None, body.len())?;
            return Ok(body);
        }
        Some(Outcome::Failed { fault, undecided, own }) => (fault, undecided, own),
    };
    if undecided && chance == Chance::Open && departure::again(exchange, fault.clone()) {
        let mut error =
            Error::explain(ErrorType::HTTPStatus(fault.status), "what an upstream said").into_up();
        error.set_retry(true);
        return Err(error);
    }
    let refusal = fault.into_refusal();
    let (status, said) =
        own.unwrap_or_else(|| (refusal.status, codec(exchange.client()).render_error(&refusal)));
    let body = masked(exchange, said);
    let retry_after = refusal.retry_after;
    exchange.fail(refusal);
    release(session, exchange, Some((status, retry_after)), body.len())?;
    Ok(body.into())
}

/// Sends the head that waited: into the connection's buffer, so that it leaves together with the
/// body. A failure has another status, and perhaps a time after which to come back.
pub(in crate::proxy) fn release(
    session: &mut Session,
    exchange: &mut Exchange,
    failure: Option<(u16, Option<Duration>)>,
    length: usize,
) -> Result<()> {
    let Some(mut head) = exchange.call().and_then(|call| call.head.take()) else { return Ok(()) };
    if let Some((status, retry_after)) = failure {
        head.set_status(status)?;
        if let Some(after) = retry_after {
            head.insert_header(header::RETRY_AFTER, answer::seconds(after))?;
        }
    }
    dressing::dress(exchange, &mut head);
    head.remove_header(&header::TRANSFER_ENCODING);
    head.insert_header(header::CONTENT_LENGTH, length)?;
    if failure.is_some() {
        head.insert_header(header::CONTENT_TYPE, "application/json")?;
        let kind = exchange.refusal.as_ref().map(|refusal| refusal.kind);
        // A provider's own type stands, as its own body does.
        if let (Some(kind), Dialect::BedrockConverse) = (kind, exchange.client())
            && !head.headers.contains_key(names::AWS_ERROR_TYPE)
        {
            head.insert_header(names::AWS_ERROR_TYPE, bedrock_converse::type_of(kind))?;
        }
    }
    let written = answer::at_once(session.as_downstream_mut().write_response_header(head));
    written
        .unwrap_or_else(|| Error::e_explain(ErrorType::WriteError, "the head found no room"))
        .map_err(Error::into_down)
}

/// Trailers ended an answer instead of its last piece: what is still to be said. Nothing that
/// trailers hold is of use to a client.
pub fn end(session: &mut Session, exchange: &mut Exchange) -> Option<Bytes> {
    let now = clock::now();
    exchange.heard(true, now);
    let call = exchange.call()?;
    call.relay.listen(None, true, now);
    if let Some(tape) = &mut call.tape {
        tape.push(None, true, now);
    }
    if call.relay.gathers() {
        // Pingora makes no other attempt once it has come to the trailers.
        return conclude(session, exchange, Chance::Gone).ok();
    }
    let mut body = None;
    call.relay.speak(&mut body, true);
    let spoke = guarding::speak(exchange, &mut body, true);
    if spoke == Spoke::Waits {
        return None;
    }
    let Exchange { stage: Stage::Away(call), guarding, refusal, .. } = exchange else { return None };
    if let (Spoke::Ended, Some(refusal)) = (spoke, refusal) {
        let fault = Fault::new(refusal.kind, refusal.message.clone());
        body = guarding::break_off(guarding.as_deref_mut(), call, fault).map(Bytes::from);
    }
    if let Some(saving) = &mut call.saving {
        saving.hear(&mut call.relay, body.as_ref(), true);
    }
    call.wrap(&mut body);
    if call.awaits {
        // As above.
        call.awaits = false;
        holding::send_head(session, exchange).ok()?;
    } else if call.holding.is_some() {
        // As above.
        holding::let_go(session, exchange, &mut body, true).ok()?;
    }
    holding::send_head(session, exchange).ok()?;
    body.or_else(|| Some(Bytes::new()))
}

/// An answer whose head came alone, and so without a last piece: says what it amounts to.
pub async fn conclude_late(session: &mut Session, exchange: &mut Exchange) {
    if session.response_written().is_some() || exchange.call().is_none_or(|call| call.head.is_none()) {
        return;
    }
    let mut said = conclude(session, exchange, Chance::Gone);
    if external::waits(exchange) {
        said = late::conclude(session, exchange).await;
    }
    if let Ok(body) = said {
        // The client may be gone by now; then nobody need be told.
        let _ = session.write_response_body(Some(body), true).await;
    }
}

/// What is said, without the key that the attempt used.
fn masked(exchange: &Exchange, said: Vec<u8>) -> Vec<u8> {
    let Stage::Away(call) = &exchange.stage else { return said };
    let said = departure::proof::masked(call, said);
    match exchange.world.providers.get(call.attempt.known.index) {
        Some(provider) => relay::mask(said, departure::secret(provider, call.attempt.key)),
        None => said,
    }
}

/// Writes what was said of a stream and not written, since Pingora took it down with the piece behind it.
///
/// # Errors
/// When the client is gone.
pub(in crate::proxy) async fn catch_up(session: &mut Session, exchange: &mut Exchange) -> Result<()> {
    let written = session.as_downstream().body_bytes_sent();
    let missed = exchange.call().map(|call| call.unwritten.take(written)).unwrap_or_default();
    if missed.is_empty() {
        return Ok(());
    }
    session.write_response_body(Some(missed), false).await
}

/// All attempts failed: tells the client so, in a whole answer or inside the stream that runs.
/// Whether that came to a proper end, after which the connection can take another request.
pub async fn give_up(session: &mut Session, exchange: &mut Exchange, connection: Connection) -> bool {
    let Some(refusal) = exchange.refusal.clone() else { return false };
    let client = exchange.client();
    let opened = exchange.call().is_some_and(|call| call.relay.is_tunnel());
    if opened || session.response_written().is_some_and(|head| !head.status.is_informational()) {
        let mut fault = Fault::new(refusal.kind, refusal.message);
        if fault.kind == Kind::Internal {
            fault.kind = Kind::BadGateway;
        }
        if catch_up(session, exchange).await.is_err() {
            return false;
        }
        let Exchange { stage: Stage::Away(call), guarding, .. } = exchange else { return false };
        let Some(frames) = guarding::break_off(guarding.as_deref_mut(), call, fault) else { return false };
        if let Some(saving) = &mut call.saving {
            saving.last_event(&frames);
        }
        let mut frames = Some(frames.into());
        call.wrap(&mut frames);
        // The client may be gone by now; then nobody need be told.
        // What was a session takes no other request.
        return session.write_response_body(frames, true).await.is_ok() && !opened;
    }
    let extra = dressing::own_headers(exchange);
    // As above.
    answer::refuse(session, client, &refusal, connection, extra).await.is_ok()
}
