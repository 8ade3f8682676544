//! Reading a client's body whole, within bounds.
//!
//! Pingora replays a body to its upstream only if its own retry buffer holds it, and that buffer
//! takes 64 KiB once. So the buffer is armed only for the last 64 KiB of a body whose length is
//! known; where it is not, the empty body of a second request head is put in its place. Either
//! way `request_body_filter` then runs once an attempt and hands over the stored bytes.

use bytes::{Bytes, BytesMut};
use http::header;
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use crate::proxy::bytes_held::Share;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Downstream;

/// What Pingora's retry buffer holds at most.
const RETRY_BUFFER: usize = 64 * 1024;

/// A body that was not taken.
#[derive(Debug)]
pub enum Untaken {
    /// We say no, and the connection must close, since the rest of the body was not read.
    Refused(Refusal),
    /// The client broke off.
    Gone(Box<Error>),
}

impl From<Box<Error>> for Untaken {
    fn from(error: Box<Error>) -> Self {
        match error.etype() {
            ErrorType::ReadTimedout => Self::Refused(Refusal {
                status: 408,
                ..Refusal::new(Kind::InvalidRequest, "the rest of the request's body did not come in time")
            }),
            // Pingora keeps the name of this kind to itself.
            kind if kind.as_str() == "InvalidChunk" => Self::Refused(Refusal::new(
                Kind::InvalidRequest,
                "the request's body is not chunked as HTTP has it",
            )),
            _ => Self::Gone(error.into_down()),
        }
    }
}

/// Reads the whole body.
///
/// # Errors
/// When it is over a limit, or the client breaks off.
pub async fn read(session: &mut Session, limits: &Downstream, share: &mut Share) -> Result<Bytes, Untaken> {
    let length = content_length(session)?;
    let limit = limits.body.as_usize();
    if length.is_some_and(|length| length > limit) {
        return Err(Untaken::Refused(too_large(limits)));
    }
    if session.req_header().headers.contains_key(header::EXPECT) {
        // Else Pingora takes the interim answer for one that came before the body, and closes.
        session.as_downstream_mut().set_close_on_response_before_downstream_finish(false);
        session.as_downstream_mut().write_continue_response().await?;
        session.as_downstream_mut().set_close_on_response_before_downstream_finish(true);
        session.req_header_mut().remove_header("expect");
    }
    if length.is_none() && session.is_http2() {
        session.as_downstream_mut().enable_retry_buffering();
    }
    let mut body = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let read = joined.len().max(body.len());
        if length.is_some_and(|length| length.saturating_sub(read) <= RETRY_BUFFER) {
            session.as_downstream_mut().enable_retry_buffering();
        }
        let Some(chunk) = session.read_request_body().await? else { break };
        if read + chunk.len() > limit {
            return Err(Untaken::Refused(too_large(limits)));
        }
        if !share.grow(chunk.len(), limits.held.as_usize()) {
            return Err(Untaken::Refused(Refusal::new(
                Kind::Unavailable,
                "the gateway holds as many bytes of requests as it may; try again in a moment",
            )));
        }
        if joined.is_empty() && body.is_empty() {
            body = chunk;
        } else {
            if joined.is_empty() {
                joined.reserve(length.unwrap_or(0).max(2 * (body.len() + chunk.len())));
                joined.extend_from_slice(&body);
            }
            joined.extend_from_slice(&chunk);
        }
    }
    let body = if joined.is_empty() { body } else { joined.freeze() };
    if length.is_none() && !body.is_empty() {
        forget(session, body.len()).await?;
    }
    Ok(body)
}

fn content_length(session: &Session) -> Result<Option<usize>, Untaken> {
    let Some(value) = session.req_header().headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    length.map(Some).ok_or_else(|| {
        Untaken::Refused(Refusal::new(Kind::InvalidRequest, "the content-length header is not a number"))
    })
}

fn too_large(limits: &Downstream) -> Refusal {
    Refusal::new(Kind::TooLarge, format!("the request's body is larger than the limit of {}", limits.body))
}

/// Makes Pingora believe that a body of unknown length, which was read, had been empty.
async fn forget(session: &mut Session, length: usize) -> Result<(), Untaken> {
    match session.as_downstream_mut() {
        ServerSession::H1(http1) => {
            let head = http1.req_header().clone();
            let prefix: &[u8] = if http1.will_keepalive() {
                b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"
            } else {
                b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            };
            http1.set_pipelined_prefix(BytesMut::from(prefix));
            http1.read_request().await?;
            *http1.req_header_mut() = head;
            http1.req_header_mut().remove_header("content-length");
            http1.req_header_mut().remove_header("transfer-encoding");
            Ok(())
        }
        // The retry buffer could not be armed for the end of a body whose end nobody foretold.
        _ if length > RETRY_BUFFER => Err(Untaken::Refused(Refusal {
            status: 411,
            ..Refusal::new(
                Kind::InvalidRequest,
                "an HTTP/2 request of this size needs a content-length header",
            )
        })),
        _ => Ok(()),
    }
}
