//! The budget of bytes that bodies may hold at one time, over all requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::units::Apart;

/// How many bytes are held now.
#[derive(Debug, Default)]
pub struct BytesHeld(Apart<AtomicUsize>);

/// A share of the budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    held: Arc<BytesHeld>,
    bytes: usize,
}

impl BytesHeld {
    /// How many bytes are held now.
    #[must_use]
    pub fn now(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    /// A share of nothing, to be grown.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> Share {
        Share { held: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Takes so many bytes more, unless that would pass `limit` over all requests.
    #[must_use]
    pub fn grow(&mut self, bytes: usize, limit: usize) -> bool {
        let before = self.held.0.0.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > limit {
            self.held.0.0.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }

    /// Whether more than such a part of `limit`, in percent, is held over all requests.
    #[must_use]
    pub fn is_scarce(&self, percent: usize, limit: usize) -> bool {
        self.held.now() > limit / 100 * percent
    }

    /// Gives so many of its bytes back.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.held.0.0.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }

    /// All of this share, for somebody who holds its bytes from here on.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self { held: Arc::clone(&self.held), bytes: std::mem::take(&mut self.bytes) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.0.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_bounded_and_given_back() {
        let held = Arc::new(BytesHeld::default());
        let mut share = held.share();
        assert!(share.grow(60, 100));
        assert!(!held.share().grow(60, 100));
        assert!(held.share().grow(40, 100));
        assert_eq!(held.now(), 60);
        assert!(share.is_scarce(50, 100) && !share.is_scarce(60, 100));
        share.shrink(20);
        assert_eq!(held.now(), 40);
        share.shrink(100);
        assert_eq!(held.now(), 0);
        drop(share);
        assert_eq!(held.now(), 0);
    }
}
