//! A stream is held back until something is in it, while its request has somewhere else to go.

use bytes::Bytes;
use http::{HeaderValue, header};
use pingora::Result;
use pingora::http::{ResponseHeader, Version};
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use crate::clock;
use crate::dialect::{Framing, codec};
use crate::fault::Fault;
use crate::ir::{FinishReason, Reply};
use crate::proxy::answer;
use crate::proxy::departure::attempt::Mode;
use crate::proxy::departure::judging;
use crate::proxy::exchange::{Call, Exchange, Stage};
use crate::proxy::relay::{Beginning, Relay};
use crate::proxy::{departure, dressing};
use crate::refusal::Kind;
use crate::route::way::Cause;

/// Whether the beginning of an answer is held back: of a stream that is understood, where there are
/// other targets, or its first token has a time of its own.
pub(super) fn holds(exchange: &Exchange, relay: Option<&Relay>, framing: Option<Framing>) -> bool {
    let Stage::Away(call) = &exchange.stage else { return false };
    let waits = call.targets.len() > 1 || exchange.patience.first_token.is_some();
    waits
        && framing == Some(Framing::of(call.attempt.upstream()))
        && matches!(relay, Some(Relay::Stream(_) | Relay::Transcode(_)))
}

/// A piece of a stream that is held back: nothing of it goes to the client until there is something in it.
///
/// # Errors
/// When it has failed: a retryable error when another attempt is prepared.
pub(super) fn hold(
    session: &mut Session,
    exchange: &mut Exchange,
    body: &mut Option<Bytes>,
    end: bool,
) -> Result<()> {
    let Some(call) = exchange.call() else { return Ok(()) };
    let Some(holding) = &mut call.holding else { return Ok(()) };
    holding.0.say(body.take());
    let way = call.routing.as_ref().map(|routing| &routing.way);
    let fails = |cause| way.is_some_and(|way| way.fallback(Some(cause)).is_some());
    match holding.0.judge(end, fails) {
        Beginning::Waits => Ok(()),
        Beginning::Goes => let_go(session, exchange, body, end),
        Beginning::Failed(fault) => {
            let whole = end && matches!(Cause::of(&fault), Some(Cause::Empty | Cause::Content));
            let again = departure::again(exchange, fault);
            if !again && whole {
                // There is no better one.
                return let_go(session, exchange, body, end);
            }
            if let Some(call) = exchange.call().filter(|_| !again) {
                // Its fault is noted, and the client hears of it with a status of its own.
                (call.relay, call.holding) = (Relay::Waiting, None);
            }
            let mut error =
                Error::explain(ErrorType::HTTPStatus(502), "a stream that failed at once").into_up();
            error.set_retry(again);
            Err(error)
        }
    }
}

/// What was held back goes to the client, and all that follows as it comes.
///
/// # Errors
/// When the client is gone.
pub(super) fn let_go(
    session: &mut Session,
    exchange: &mut Exchange,
    body: &mut Option<Bytes>,
    end: bool,
) -> Result<()> {
    let now = clock::now();
    let Exchange { world, stage: Stage::Away(call), .. } = exchange else { return Ok(()) };
    let Some(holding) = call.holding.take() else { return Ok(()) };
    let (mut holding, framing) = *holding;
    holding.say(body.take());
    let (came, said) = holding.release();
    judging::spoke(call, world, now);
    call.tape = call.tape.take().and_then(|tape| tape.begun(call, Some(framing)));
    if let Some(tape) = &mut call.tape {
        let last = came.len().saturating_sub(1);
        for (place, piece) in came.iter().enumerate() {
            tape.push(Some(piece), end && place == last, now);
        }
        if came.is_empty() && end {
            tape.push(None, end, now);
        }
    }
    *body = Some(said);
    exchange.heard(end, now);
    send_head(session, exchange)
}

/// The head that waited goes to the client: into the connection's buffer, so that it leaves together with
/// the first piece.
///
/// # Errors
/// When the client is gone.
pub(super) fn send_head(session: &mut Session, exchange: &mut Exchange) -> Result<()> {
    let Some(mut head) = exchange.call().and_then(|call| call.head.take()) else { return Ok(()) };
    dressing::dress(exchange, &mut head);
    head.remove_header(&header::CONTENT_LENGTH);
    if session.req_header().version == Version::HTTP_11 {
        head.insert_header(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"))?;
    } else {
        head.remove_header(&header::TRANSFER_ENCODING);
    }
    let written = answer::at_once(session.as_downstream_mut().write_response_header(head));
    written
        .unwrap_or_else(|| Error::e_explain(ErrorType::WriteError, "the head found no room"))
        .map_err(Error::into_down)
}

/// Whether the head of a whole answer waits for the first piece of its body: nobody foretold how long that
/// is, so that nothing at all would pass for an answer.
pub(super) fn awaits(call: &Call, relay: &Relay, head: &ResponseHeader) -> bool {
    let passes = matches!(call.attempt.mode, Mode::Verbatim { .. } | Mode::Rewritten { .. } | Mode::Count);
    passes && !call.ask.stream && !relay.gathers() && !head.headers.contains_key(header::CONTENT_LENGTH)
}

/// A piece of such an answer.
///
/// # Errors
/// When there is nothing in it: a retryable error when another attempt is prepared.
pub(super) fn first(
    session: &mut Session,
    exchange: &mut Exchange,
    body: Option<&Bytes>,
    end: bool,
) -> Result<()> {
    let is_nothing = body.is_none_or(Bytes::is_empty);
    if is_nothing && !end {
        return Ok(());
    }
    let Exchange { world, stage: Stage::Away(call), .. } = &mut *exchange else { return Ok(()) };
    call.awaits = false;
    if !is_nothing {
        judging::answered(call, world, clock::now());
        return send_head(session, exchange);
    }
    let again = departure::again(exchange, Fault::new(Kind::BadGateway, "the provider's answer was empty"));
    if let Some(call) = exchange.call().filter(|_| !again) {
        (call.relay, call.head) = (Relay::Waiting, None);
    }
    let mut error = Error::explain(ErrorType::HTTPStatus(502), "an answer of nothing").into_up();
    error.set_retry(again);
    Err(error)
}

/// The fault of a whole answer with nothing in it, or that rules forbade, where the route has targets for
/// such a cause.
pub(super) fn hollow(exchange: &Exchange, body: &[u8]) -> Option<Fault> {
    let Stage::Away(call) = &exchange.stage else { return None };
    let way = &call.routing.as_ref()?.way;
    if !way.looks_into_answers() || call.ask.stream || exchange.asked.as_ref()?.operation() != "chat" {
        return None;
    }
    let reply = codec(exchange.client()).parse_reply(body).ok()?;
    let fault = judge(&reply)?;
    way.fallback(Cause::of(&fault)).map(|_| fault)
}

fn judge(reply: &Reply) -> Option<Fault> {
    let ended = |wanted: FinishReason| {
        reply.candidates.iter().any(|one| one.finish.as_ref().is_some_and(|end| end.reason == wanted))
    };
    if ended(FinishReason::ContentFilter) || ended(FinishReason::Refusal) {
        return Some(Fault::new(Kind::ContentPolicy, "the provider's rules forbid the answer"));
    }
    let mut blocks = reply.candidates.iter().flat_map(|candidate| &candidate.blocks);
    let said = blocks.any(|block| block.as_text().is_none_or(|text| !text.trim().is_empty()));
    (!said).then(Cause::empty)
}
