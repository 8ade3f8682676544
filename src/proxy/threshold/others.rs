//! Others who wait for an answer that is on its way to one client: it must neither leave with that client
//! nor wait for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, BytesMut};
use pingora::protocols::Stream;
use tokio::io::AsyncWrite as _;

use crate::cache::Flight;

/// A client that is further behind than this, while others wait, is not waited for any longer.
const MOST_BEHIND: usize = 1 << 20;

/// An answer that others may wait for.
#[derive(Debug)]
pub struct Others {
    flight: Arc<Flight>,
    /// Whether it is heard to its end although nobody waits.
    finishes: bool,
}

impl Others {
    /// Those who listen to this flight; it may be one that is finished in any case.
    #[must_use]
    pub const fn new(flight: Arc<Flight>, finishes: bool) -> Self {
        Self { flight, finishes }
    }

    /// Whether the answer goes on without its client. If not now, `waker` is rung when that changes.
    #[must_use]
    pub fn want_it(&self, waker: &Waker) -> bool {
        self.finishes || self.flight.is_heard(waker)
    }
}

/// What a slow client has still to take.
#[derive(Debug, Default)]
pub struct Backlog(BytesMut);

impl Backlog {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds bytes; whether there is room for them.
    #[must_use]
    pub fn add(&mut self, bytes: &[u8]) -> bool {
        let fits = self.0.len().saturating_add(bytes.len()) <= MOST_BEHIND;
        if fits {
            self.0.extend_from_slice(bytes);
        }
        fits
    }

    /// Writes what the client takes of it.
    pub fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.0.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, &self.0) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => self.0.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Lets go of what nobody will take.
    pub fn clear(&mut self) {
        self.0 = BytesMut::new();
    }
}
