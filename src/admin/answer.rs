//! What the operator's listener answers: something whole, or pieces as they come.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use tokio::sync::mpsc::Receiver;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Whole(Bytes),
    /// Whoever makes the pieces sees by its own end that nobody waits for them.
    Pieces(Receiver<Piece>),
}

/// A piece of a body; after one that is cut none comes, and what went before is no whole.
pub type Piece = Result<Bytes, Cut>;

/// A body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut;

impl Answer {
    /// A body of this kind.
    #[must_use]
    pub fn new(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Self {
        Self::of(status, kind, Body::Whole(body.into()))
    }

    /// JSON, which nobody keeps.
    #[must_use]
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        Self::new(status, "application/json", body).with(CACHE_CONTROL, "no-store")
    }

    /// Pieces of a body of this kind.
    #[must_use]
    pub fn pieces(status: u16, kind: &'static str, pieces: Receiver<Piece>) -> Self {
        Self::of(status, kind, Body::Pieces(pieces)).with(CACHE_CONTROL, "no-store")
    }

    fn of(status: u16, kind: &'static str, body: Body) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body }
    }

    /// The same with a header; one that no header may hold is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The same with a header in place of what it had.
    #[must_use]
    pub fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sends it; whether the connection can take another request.
    pub async fn send(self, session: &mut ServerSession) -> bool {
        let Self { status, mut headers, body } = self;
        let is_head = session.req_header().method == Method::HEAD;
        match &body {
            Body::Whole(_) if matches!(status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT) => {}
            Body::Whole(body) => {
                headers.insert(CONTENT_LENGTH, body.len().into());
            }
            Body::Pieces(_) => {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
        let (mut parts, ()) = http::Response::new(()).into_parts();
        (parts.status, parts.headers) = (status, headers);
        if session.write_response_header(Box::new(ResponseHeader::from(parts))).await.is_err() {
            return false;
        }
        match body {
            Body::Whole(body) if is_head || body.is_empty() => true,
            Body::Whole(body) => session.write_response_body(body, true).await.is_ok(),
            Body::Pieces(_) if is_head => true,
            Body::Pieces(pieces) => pass(session, pieces).await,
        }
    }
}

/// Sends pieces as they come, until they end or the client goes.
async fn pass(session: &mut ServerSession, mut pieces: Receiver<Piece>) -> bool {
    loop {
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            _ = session.read_body_or_idle(true) => return false,
        };
        let sent = match piece {
            Some(Ok(piece)) => session.write_response_body(piece, false).await,
            // Without its last chunk whoever reads sees that it is cut.
            Some(Err(Cut)) => return false,
            None => return session.write_response_body(Bytes::new(), true).await.is_ok(),
        };
        if sent.is_err() {
            return false;
        }
    }
}
