//! An answer whose end waited for a verdict: what is left of it is told once that came.

use bytes::Bytes;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use crate::dialect::codec;
use crate::fault::Fault;
use crate::proxy::exchange::{Exchange, Stage};
use crate::proxy::{guarding, holding, returning};
use crate::refusal::Refusal;

/// The last piece cannot be told yet: it ends as if it had failed, and the rest is told where Pingora waits
/// for what becomes of a failure.
///
/// # Errors
/// Always.
pub fn begin<T>() -> Result<T> {
    Error::e_explain(ErrorType::InternalError, "a verdict is waited for")
}

/// Waits for the verdicts; gives what is still to be said, behind a head that is sent by then.
///
/// # Errors
/// When the client is gone.
pub async fn conclude(session: &mut Session, exchange: &mut Exchange) -> Result<Bytes> {
    let resolved = Box::pin(super::resolve(exchange)).await;
    let held = exchange.call().is_some_and(|call| call.head.is_some());
    let gathers = exchange.call().is_some_and(|call| call.relay.gathers());
    match resolved {
        Ok(body) if gathers => {
            let body = told(exchange, body);
            returning::release(session, exchange, None, body.len())?;
            Ok(body)
        }
        Ok(body) => {
            let mut body = Some(body);
            if let Some(call) = exchange.call() {
                if let Some(saving) = &mut call.saving {
                    saving.hear(&mut call.relay, body.as_ref(), true);
                }
                call.wrap(&mut body);
                if call.holding.is_some() {
                    holding::let_go(session, exchange, &mut body, true)?;
                }
            }
            holding::send_head(session, exchange)?;
            Ok(body.unwrap_or_default())
        }
        Err(refusal) if held => {
            if let Some(call) = exchange.call() {
                call.holding = None;
            }
            refuse(session, exchange, refusal)
        }
        Err(refusal) => {
            let fault = Fault::new(refusal.kind, refusal.message.clone());
            exchange.refusal = Some(refusal);
            let Exchange { stage: Stage::Away(call), guarding, .. } = exchange else {
                return Ok(Bytes::new());
            };
            let frames = guarding::break_off(guarding.as_deref_mut(), call, fault).unwrap_or_default();
            if let Some(saving) = &mut call.saving {
                saving.last_event(&frames);
            }
            let mut frames = Some(Bytes::from(frames));
            call.wrap(&mut frames);
            Ok(frames.unwrap_or_default())
        }
    }
}

/// The same, told to the client. Whether that came to a proper end, after which the connection can take
/// another request.
pub async fn tell(session: &mut Session, exchange: &mut Exchange) -> bool {
    let told = match returning::catch_up(session, exchange).await {
        Ok(()) => conclude(session, exchange).await,
        Err(gone) => Err(gone),
    };
    let Ok(body) = told else {
        exchange.client_gone = true;
        return false;
    };
    exchange.note(Some(&body));
    exchange.conclude_tape();
    if let Some(reserved) = &mut exchange.reserved {
        reserved.end();
    }
    session.write_response_body(Some(body), true).await.is_ok()
}

/// What a client gets of a gathered answer that it may have.
#[must_use]
pub fn told(exchange: &mut Exchange, body: Bytes) -> Bytes {
    let Some(call) = exchange.call() else { return body };
    if let Some(saving) = &mut call.saving {
        saving.gathered(&body, call.ask.stream);
    }
    let mut body = Some(body);
    call.wrap(&mut body);
    body.unwrap_or_default()
}

/// Says no in the place of an answer whose head still waits.
///
/// # Errors
/// When the client is gone.
pub fn refuse(session: &mut Session, exchange: &mut Exchange, refusal: Refusal) -> Result<Bytes> {
    let said = codec(exchange.client()).render_error(&refusal);
    let status = refusal.status;
    exchange.refusal = Some(refusal);
    returning::release(session, exchange, Some((status, None)), said.len())?;
    Ok(said.into())
}
