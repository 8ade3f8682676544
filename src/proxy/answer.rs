//! Answers that the gateway gives by itself.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pingora::Result;
use pingora::proxy::Session;

use crate::dialect::{bedrock_converse, codec};
use crate::ir::Dialect;
use crate::proxy::names;
use crate::refusal::{Kind, Refusal};

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It takes the next request.
    Keep,
    /// It closes, since the request was not read to its end.
    Close,
}

/// Answers with a JSON body, under these headers.
///
/// # Errors
/// When the client is gone.
pub async fn json(session: &mut Session, status: u16, body: Vec<u8>, mut headers: HeaderMap) -> Result<()> {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Box::pin(whole(session, status, body, headers)).await
}

/// Answers with a body, under these headers, which say what it is.
///
/// # Errors
/// When the client is gone.
pub async fn whole(
    session: &mut Session,
    status: u16,
    body: impl Into<Bytes> + Send,
    mut headers: HeaderMap,
) -> Result<()> {
    let body = body.into();
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    parts.headers = headers;
    session.write_response_header(Box::new(parts.into()), false).await?;
    session.write_response_body(Some(body), true).await
}

/// Says no in the client's own dialect, under these headers.
///
/// # Errors
/// When the client is gone.
pub async fn refuse(
    session: &mut Session,
    dialect: Dialect,
    refusal: &Refusal,
    connection: Connection,
    mut headers: HeaderMap,
) -> Result<()> {
    if let Some(after) = refusal.retry_after {
        headers.insert(header::RETRY_AFTER, seconds(after).into());
    }
    if refusal.kind == Kind::Authentication {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if connection == Connection::Close {
        session.set_keepalive(None);
    }
    if dialect == Dialect::BedrockConverse {
        headers
            .insert(names::AWS_ERROR_TYPE, HeaderValue::from_static(bedrock_converse::type_of(refusal.kind)));
    }
    let body = codec(dialect).render_error(refusal);
    json(session, refusal.status, body, headers).await
}

/// Drives a future that has no reason to wait; `None` if it would.
pub fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A time as `retry-after` has it: whole seconds, rounded up.
#[must_use]
pub fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
