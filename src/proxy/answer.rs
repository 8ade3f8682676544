//! Answers that the gateway gives by itself.

use std::time::Duration;

use bytes::Bytes;
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use crate::dialect::codec;
use crate::ir::Dialect;
use crate::refusal::{Kind, Refusal};

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It takes the next request.
    Keep,
    /// It closes, since the request was not read to its end.
    Close,
}

/// Answers with a JSON body.
///
/// # Errors
/// When the client is gone.
pub async fn json(session: &mut Session, status: u16, body: Vec<u8>, extra: &[(&'static str, String)]) -> Result<()> {
    let mut head = ResponseHeader::build(status, Some(8))?;
    head.insert_header("content-type", "application/json")?;
    head.insert_header("content-length", body.len().to_string())?;
    for (name, value) in extra {
        head.insert_header(*name, value)?;
    }
    session.write_response_header(Box::new(head), false).await?;
    session.write_response_body(Some(Bytes::from(body)), true).await
}

/// Says no in the client's own dialect.
///
/// # Errors
/// When the client is gone.
pub async fn refuse(
    session: &mut Session,
    dialect: Dialect,
    refusal: &Refusal,
    connection: Connection,
    extra: &[(&'static str, String)],
) -> Result<()> {
    let mut extra = extra.to_vec();
    if let Some(after) = refusal.retry_after {
        extra.push(("retry-after", seconds(after)));
    }
    if refusal.kind == Kind::Authentication {
        extra.push(("www-authenticate", "Bearer".to_owned()));
    }
    if connection == Connection::Close {
        session.set_keepalive(None);
    }
    let body = codec(dialect).render_error(refusal);
    json(session, refusal.status, body, &extra).await
}

/// A time as `retry-after` has it: whole seconds, rounded up.
#[must_use]
pub fn seconds(time: Duration) -> String {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).to_string()
}
