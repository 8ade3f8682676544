//! Spans on their way to whoever sends them: a queue that nobody waits at, bounded in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use crate::telemetry::metrics::Metrics;

/// The spans of one request, in the form in which they are sent.
#[derive(Debug)]
pub struct Parcel {
    /// Their bytes.
    pub bytes: Vec<u8>,
    /// Their number.
    pub spans: u64,
}

/// Where spans are put.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Sender<Parcel>,
    ends: Arc<Ends>,
    metrics: Arc<Metrics>,
}

/// Where they are taken, by one.
#[derive(Debug)]
pub struct Inbox {
    queue: Receiver<Parcel>,
    ends: Arc<Ends>,
    metrics: Arc<Metrics>,
}

/// What both ends know.
#[derive(Debug)]
struct Ends {
    /// Bytes that wait or are being sent.
    held: AtomicUsize,
    most: usize,
    /// Whether the process ends, so that nothing is waited for any more.
    closing: AtomicBool,
    /// Whether all was sent since.
    closed: AtomicBool,
}

/// Both ends of a queue for so many bytes.
pub(super) fn outbox(most: usize, metrics: &Arc<Metrics>) -> (Outbox, Inbox) {
    let (sender, receiver) = channel();
    let ends = Arc::new(Ends {
        held: AtomicUsize::new(0),
        most,
        closing: AtomicBool::new(false),
        closed: AtomicBool::new(false),
    });
    let outbox = Outbox { queue: sender, ends: Arc::clone(&ends), metrics: Arc::clone(metrics) };
    (outbox, Inbox { queue: receiver, ends, metrics: Arc::clone(metrics) })
}

impl Outbox {
    /// Puts a parcel in, unless there is no room for it.
    pub(super) fn put(&self, parcel: Parcel) {
        let (length, spans) = (parcel.bytes.len(), parcel.spans);
        let before = self.ends.held.fetch_add(length, Ordering::Relaxed);
        if before.saturating_add(length) > self.ends.most || self.queue.send(parcel).is_err() {
            self.ends.held.fetch_sub(length, Ordering::Relaxed);
            self.metrics.dropped(spans);
        }
    }

    /// Asks for everything to be sent at once, and nothing to be waited for.
    pub(super) fn close(&self) {
        self.ends.closing.store(true, Ordering::Release);
    }

    /// Whether that is done.
    pub(super) fn is_closed(&self) -> bool {
        self.ends.closed.load(Ordering::Acquire)
    }
}

impl Inbox {
    /// Takes the next parcel, which counts as held until it is let go.
    ///
    /// # Errors
    /// When nothing waits, or nothing will come any more.
    pub fn take(&self) -> Result<Parcel, TryRecvError> {
        self.queue.try_recv()
    }

    /// A batch is done with: so many bytes, of whose spans so many were taken and so many not.
    pub fn let_go(&self, bytes: usize, sent: u64, dropped: u64) {
        self.ends.held.fetch_sub(bytes, Ordering::Relaxed);
        self.metrics.handed_over(sent);
        self.metrics.dropped(dropped);
    }

    /// Whether the process ends.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.ends.closing.load(Ordering::Acquire)
    }

    /// All that came before the end is sent.
    pub fn closed(&self) {
        self.ends.closed.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_room_comes_back() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let (outbox, inbox) = outbox(10, &metrics);
        let put = |length| outbox.put(Parcel { bytes: vec![0; length], spans: 2 });
        put(6);
        put(5);
        put(4);
        let said = || String::from_utf8(metrics.render(0, std::iter::empty(), &[], &[])).unwrap();
        assert!(said().contains("tollgate_spans_dropped_total 2"));
        let parcel = inbox.take().unwrap();
        put(6);
        inbox.let_go(parcel.bytes.len(), 2, 0);
        put(6);
        let text = said();
        assert!(
            text.contains("tollgate_spans_dropped_total 4") && text.contains("tollgate_spans_sent_total 2")
        );
        assert_eq!(inbox.take().unwrap().bytes.len(), 4);
        assert_eq!(inbox.take().unwrap().bytes.len(), 6);
        assert!(inbox.take().is_err());
    }
}
