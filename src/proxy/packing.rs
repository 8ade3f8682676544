//! Answers that come packed (`content-encoding`), although every provider is asked for plain ones:
//! not every proxy in front of one listens.

use http::header;
use pingora::http::ResponseHeader;
use pingora::protocols::http::compression::ResponseCompressionCtx;
use pingora::proxy::Session;

/// What is left of an answer's packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// There is none, or its pieces will come unpacked.
    None,
    /// Nothing here can undo it.
    Stays,
}

/// Has the pieces of an answer with this head unpacked, if need be.
#[must_use]
pub fn undo(session: &mut Session, head: &mut ResponseHeader) -> Packing {
    let packed = |head: &ResponseHeader| {
        head.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity")
    };
    if !packed(head) {
        return Packing::None;
    }
    let mut pieces = ResponseCompressionCtx::new(0, true, false);
    pieces.response_header_filter(head, false);
    session.upstream_compression = pieces;
    if packed(head) { Packing::Stays } else { Packing::None }
}

/// Forgets how the answer to an earlier attempt was packed.
pub fn forget(session: &mut Session) {
    if !session.upstream_compression.is_header_phase() {
        session.upstream_compression = ResponseCompressionCtx::new(0, false, false);
    }
}
