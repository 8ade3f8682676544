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
use crate::proxy::bytes_held::{BytesHeld, Share};

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

/// What a slow client has still to take, and its share of the bytes that may be held.
#[derive(Debug, Default)]
pub struct Backlog(BytesMut, Option<Share>);

impl Backlog {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds bytes; whether there is room for them, here and among the `most` that may be `held`.
    #[must_use]
    pub fn add(&mut self, bytes: &[u8], held: &Arc<BytesHeld>, most: usize) -> bool {
        if self.0.len().saturating_add(bytes.len()) > MOST_BEHIND {
            return false;
        }
        let fits = self.1.get_or_insert_with(|| held.share()).grow(bytes.len(), most);
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
                Poll::Ready(Ok(written)) => {
                    self.0.advance(written);
                    if let Some(share) = &mut self.1 {
                        share.shrink(written);
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Lets go of what nobody will take.
    pub fn clear(&mut self) {
        (self.0, self.1) = (BytesMut::new(), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_slow_client_has_to_take_is_held_within_the_budget() {
        let held = Arc::new(BytesHeld::default());
        let mut slow = Backlog::default();
        assert!(slow.add(&[0; 60], &held, 100) && held.now() == 60);
        assert!(!slow.add(&[0; 60], &held, 100), "no room among all");
        assert!(!Backlog::default().add(&vec![0; MOST_BEHIND + 1], &held, usize::MAX), "too far behind");
        assert_eq!(held.now(), 60);
        slow.clear();
        assert!(slow.is_empty() && held.now() == 0);
        assert!(slow.add(&[0; 60], &held, 100));
        drop(slow);
        assert_eq!(held.now(), 0);
    }
}
