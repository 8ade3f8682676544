//! Reading a client's body whole, within bounds.
//!
//! Pingora replays a body to its upstream only if its own retry buffer holds it, and that buffer
//! takes 64 KiB once. So the buffer is armed only for the last 64 KiB of a body whose length is
//! known; where it is not and the body is larger, the empty body of a second request head is put
//! in its place. Either way `request_body_filter` then runs once an attempt and hands over the
//! stored bytes.

use std::io::Read as _;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header;
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};
use tokio::time::timeout;

use crate::clock;
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
    /// We say no to what was read to its end; the connection may stay.
    Unusable(Refusal),
    /// The client broke off.
    Gone(Box<Error>),
}

impl From<Box<Error>> for Untaken {
    fn from(error: Box<Error>) -> Self {
        match error.etype() {
            ErrorType::ReadTimedout => Self::Refused(late()),
            // Pingora keeps the name of this kind to itself.
            kind if kind.as_str() == "InvalidChunk" => Self::Refused(Refusal::new(
                Kind::InvalidRequest,
                "the request's body is not chunked as HTTP has it",
            )),
            _ => Self::Gone(error.into_down()),
        }
    }
}

/// A body that was taken.
#[derive(Debug)]
pub struct Taken {
    /// What was read.
    pub body: Bytes,
    /// How many bytes are still to come.
    pub rest: usize,
}

/// A body up to this size is always read whole, so that it may be tried elsewhere too.
const SMALL: usize = 1 << 20;

/// Up to such a part, in percent, of all bytes that may be held requests of low priority come in; what is
/// above is for the others.
pub const FOR_ALL: usize = 75;

/// Reads the whole body, or of a large one as much as is enough to know what to do with the rest.
///
/// # Errors
/// When it is over a limit, comes too slowly to be there at the deadline, or the client breaks off.
pub async fn read(
    session: &mut Session,
    coding: Coding,
    limits: &Downstream,
    deadline: Instant,
    share: &mut Share,
    mut enough: impl FnMut(&[u8]) -> bool,
) -> Result<Taken, Untaken> {
    let length = content_length(session)?;
    let limit = limits.body.as_usize();
    if length.is_some_and(|length| length > limit) {
        return Err(Untaken::Refused(too_large(limits)));
    }
    invite(session).await?;
    if length.is_none() {
        session.as_downstream_mut().enable_retry_buffering();
    }
    let mut body = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let read = joined.len().max(body.len());
        if length.is_some_and(|length| length.saturating_sub(read) <= RETRY_BUFFER) {
            session.as_downstream_mut().enable_retry_buffering();
        }
        let Some(chunk) = piece(session, limits).await? else { break };
        if read > 0 && clock::now() > deadline {
            return Err(Untaken::Refused(late()));
        }
        if read + chunk.len() > limit {
            return Err(Untaken::Refused(too_large(limits)));
        }
        if !share.grow(chunk.len(), limits.held.as_usize()) {
            return Err(Untaken::Refused(full()));
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
        let read = joined.len().max(body.len());
        let rest = length.map_or(0, |length| length.saturating_sub(read));
        // The retry buffer has nothing of what was read: it is not armed yet.
        if rest > RETRY_BUFFER
            && length > Some(SMALL)
            && coding == Coding::Plain
            && enough(if joined.is_empty() { &body } else { &joined })
        {
            let body = if joined.is_empty() { body } else { joined.freeze() };
            return Ok(Taken { body, rest });
        }
    }
    let body = if joined.is_empty() { body } else { joined.freeze() };
    if length.is_none() && body.len() > RETRY_BUFFER {
        forget(session).await?;
    }
    unpack(coding, body, limits, share).map(|body| Taken { body, rest: 0 })
}

/// Tells a client that waits for it to send its body.
///
/// # Errors
/// When the client is gone.
pub async fn invite(session: &mut Session) -> Result<()> {
    if session.req_header().headers.contains_key(header::EXPECT) {
        // Else Pingora takes the interim answer for one that came before the body, and closes.
        session.as_downstream_mut().set_close_on_response_before_downstream_finish(false);
        session.as_downstream_mut().write_continue_response().await?;
        session.as_downstream_mut().set_close_on_response_before_downstream_finish(true);
        session.req_header_mut().remove_header("expect");
    }
    Ok(())
}

/// Reads a body away.
///
/// # Errors
/// When it does not come to its end.
pub async fn skip(session: &mut Session, limits: &Downstream) -> Result<(), Untaken> {
    while piece(session, limits).await?.is_some() {}
    Ok(())
}

/// The next piece of a body.
async fn piece(session: &mut Session, limits: &Downstream) -> Result<Option<Bytes>, Untaken> {
    if !session.is_http2() {
        return Ok(session.read_request_body().await?);
    }
    // Here Pingora keeps no time.
    match timeout(limits.read_timeout, session.read_request_body()).await {
        Ok(read) => Ok(read?),
        Err(_) => Err(Untaken::Refused(late())),
    }
}

fn late() -> Refusal {
    Refusal {
        status: 408,
        ..Refusal::new(Kind::InvalidRequest, "the rest of the request's body did not come in time")
    }
}

fn content_length(session: &Session) -> Result<Option<usize>, Untaken> {
    let Some(value) = session.req_header().headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    length.map(Some).ok_or_else(|| {
        Untaken::Refused(Refusal::new(Kind::InvalidRequest, "the content-length header is not a number"))
    })
}

/// The refusal of what there is no room for now.
pub(in crate::proxy) fn full() -> Refusal {
    Refusal::new(
        Kind::Unavailable,
        "the gateway holds as many bytes of requests as it may; try again in a moment",
    )
    .with_retry_after(Duration::from_secs(1))
}

fn too_large(limits: &Downstream) -> Refusal {
    Refusal::new(Kind::TooLarge, format!("the request's body is larger than the limit of {}", limits.body))
}

/// Makes Pingora believe that a body of unknown length, which was read, had been empty. What a
/// client sent after such a body in the same piece is lost with it.
async fn forget(session: &mut Session) -> Result<(), Untaken> {
    match session.as_downstream_mut() {
        ServerSession::H1(http1) => {
            let head = http1.req_header().clone();
            let keepalive = http1.get_keepalive_timeout();
            let prefix: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\n\r\n";
            http1.set_pipelined_prefix(BytesMut::from(prefix));
            http1.read_request().await?;
            *http1.req_header_mut() = head;
            http1.req_header_mut().remove_header("content-length");
            http1.req_header_mut().remove_header("transfer-encoding");
            // Reading a head has set this anew.
            http1.set_server_keepalive(keepalive);
            Ok(())
        }
        // The retry buffer could not be armed for the end of a body whose end nobody foretold.
        _ => Err(Untaken::Refused(Refusal {
            status: 411,
            ..Refusal::new(
                Kind::InvalidRequest,
                "an HTTP/2 request of this size needs a content-length header",
            )
        })),
    }
}

/// How a client packed a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Plain,
    /// With gzip.
    Gzip,
    /// With deflate, in zlib's format or without.
    Deflate,
}

/// How the body of a request with this head is packed.
///
/// # Errors
/// 415 when it could not be unpacked here.
pub fn coding(head: &RequestHeader) -> Result<Coding, Refusal> {
    let Some(coding) = head.headers.get(header::CONTENT_ENCODING) else { return Ok(Coding::Plain) };
    let coding = coding.as_bytes().trim_ascii().to_ascii_lowercase();
    match coding.as_slice() {
        b"" | b"identity" => Ok(Coding::Plain),
        b"gzip" | b"x-gzip" => Ok(Coding::Gzip),
        b"deflate" => Ok(Coding::Deflate),
        _ => {
            let message = "the body is compressed in a way that is not known here; \
                           send it with gzip, deflate or no content-encoding";
            Err(Refusal { status: 415, ..Refusal::new(Kind::InvalidRequest, message) })
        }
    }
}

/// The body as it was before the client packed it.
fn unpack(coding: Coding, body: Bytes, limits: &Downstream, share: &mut Share) -> Result<Bytes, Untaken> {
    let limit = limits.body.as_usize();
    let most = limit as u64 + 1;
    let mut plain = Vec::new();
    let read = match coding {
        Coding::Plain => return Ok(body),
        Coding::Gzip => MultiGzDecoder::new(&body[..]).take(most).read_to_end(&mut plain),
        // The name means zlib's format, and many send what is inside of it.
        Coding::Deflate if body.first().is_some_and(|first| first & 0x0f == 8) => {
            ZlibDecoder::new(&body[..]).take(most).read_to_end(&mut plain)
        }
        Coding::Deflate => DeflateDecoder::new(&body[..]).take(most).read_to_end(&mut plain),
    };
    if plain.len() > limit {
        return Err(Untaken::Unusable(too_large(limits)));
    }
    if read.is_err() {
        let message = "the body cannot be unpacked as its content-encoding says";
        return Err(Untaken::Unusable(Refusal::new(Kind::InvalidRequest, message)));
    }
    if !share.grow(plain.len(), limits.held.as_usize()) {
        return Err(Untaken::Unusable(full()));
    }
    Ok(plain.into())
}
