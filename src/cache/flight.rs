//! An answer in flight that several wait for: what came so far, and who listens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::entry::Origin;
use crate::refusal::Refusal;

/// An answer in flight.
#[derive(Debug, Default)]
pub struct Flight {
    state: Mutex<State>,
    /// Rings when something came.
    bell: Notify,
    listeners: AtomicUsize,
    /// How many bytes the cache holds, with those that are held here.
    used: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    origin: Option<Arc<Origin>>,
    pieces: VecDeque<(Duration, Bytes)>,
    /// How many pieces are not held any more.
    dropped: usize,
    /// How often it was begun anew: what came before that is forgotten.
    anew: u32,
    bytes: usize,
    end: Option<End>,
    /// The leader, should its client be gone: it ends when nobody listens.
    leader: Option<Waker>,
}

/// How a flight ended.
#[derive(Debug, Clone)]
pub enum End {
    /// The provider said all it had to say.
    Whole,
    /// There is no answer, for this reason.
    Failed(Refusal),
    /// Nobody asks any more: whoever still wants the answer must ask.
    Left,
}

/// What a listener hears next.
#[derive(Debug)]
pub enum News {
    /// Nothing yet.
    Wait,
    /// These pieces, and whether the answer is whole with them.
    Pieces(Vec<Bytes>, bool),
    /// There is no more, for this reason.
    Failed(Refusal),
    /// The leader left.
    Left,
    /// What was heard, if anything was, came to nothing: it begins anew, perhaps with somebody else.
    Anew,
    /// What was to come next is not held any more.
    Missed,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let held = self.state().bytes;
        self.used.fetch_sub(held, Ordering::Relaxed);
    }
}

impl Flight {
    /// A flight whose bytes count among these.
    #[must_use]
    pub fn new(used: Arc<AtomicUsize>) -> Self {
        Self { state: Mutex::default(), bell: Notify::new(), listeners: AtomicUsize::new(0), used }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one that comes now hears everything.
    #[must_use]
    pub fn can_be_joined(&self) -> bool {
        let state = self.state();
        state.dropped == 0 && matches!(state.end, None | Some(End::Whole))
    }

    /// The answer begins.
    pub fn begin(&self, origin: Arc<Origin>) {
        self.state().origin = Some(origin);
        self.bell.notify_waiters();
    }

    /// A piece came, for which there is room if it is `counted` already. Beyond `most` bytes the oldest are
    /// let go: whoever is that far behind is too slow. Where there is no room, or not all is held any more,
    /// nothing is held for nobody.
    pub fn push(&self, after: Duration, piece: Bytes, counted: bool, most: usize) {
        let mut state = self.state();
        if (!counted || state.dropped > 0) && self.listeners() == 0 {
            state.dropped += state.pieces.len() + 1;
            state.pieces.clear();
            let held = std::mem::take(&mut state.bytes) + if counted { piece.len() } else { 0 };
            self.used.fetch_sub(held, Ordering::Relaxed);
            return;
        }
        while state.bytes + piece.len() > most
            && let Some((_, oldest)) = state.pieces.pop_front()
        {
            state.bytes -= oldest.len();
            state.dropped += 1;
            self.used.fetch_sub(oldest.len(), Ordering::Relaxed);
        }
        if !counted {
            self.used.fetch_add(piece.len(), Ordering::Relaxed);
        }
        state.bytes += piece.len();
        state.pieces.push_back((after, piece));
        drop(state);
        self.bell.notify_waiters();
    }

    /// What came was nothing: another attempt is made, of which all who listen are told.
    pub fn begin_anew(&self) {
        let mut state = self.state();
        state.origin = None;
        state.pieces.clear();
        state.dropped = 0;
        state.anew += 1;
        self.used.fetch_sub(std::mem::take(&mut state.bytes), Ordering::Relaxed);
        drop(state);
        self.bell.notify_waiters();
    }

    /// The flight is over.
    pub fn end(&self, end: End) {
        let mut state = self.state();
        // What was told first stands.
        state.end.get_or_insert(end);
        drop(state);
        self.bell.notify_waiters();
    }

    /// Whether it is over, or begun anew, or more than so many pieces came.
    fn has_more_than(&self, heard: usize, anew: u32) -> bool {
        let state = self.state();
        state.end.is_some() || state.anew != anew || state.dropped + state.pieces.len() > heard
    }

    /// Who gives the answer, once it has begun.
    #[must_use]
    pub fn origin(&self) -> Option<Arc<Origin>> {
        self.state().origin.clone()
    }

    /// All pieces, where all of them are held.
    #[must_use]
    pub fn whole(&self) -> Option<Vec<(Duration, Bytes)>> {
        let state = self.state();
        (state.dropped == 0).then(|| state.pieces.iter().cloned().collect())
    }

    /// How many bytes are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// Whether anybody listens, besides the leader. If so, it is woken when nobody does any more.
    #[must_use]
    pub fn is_heard(&self, leader: &Waker) -> bool {
        let mut state = self.state();
        state.leader = Some(leader.clone());
        self.listeners.load(Ordering::Acquire) > 0
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.listeners.load(Ordering::Acquire)
    }
}

/// Somebody who listens.
#[derive(Debug)]
pub struct Listener {
    flight: Arc<Flight>,
    /// How many pieces were heard, since it was begun anew so often.
    heard: usize,
    anew: u32,
}

impl Listener {
    /// Listens from the beginning.
    #[must_use]
    pub fn new(flight: Arc<Flight>) -> Self {
        flight.listeners.fetch_add(1, Ordering::AcqRel);
        let anew = flight.state().anew;
        Self { flight, heard: 0, anew }
    }

    /// The flight.
    #[must_use]
    pub const fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// Waits until there is something to hear; of an answer that is told whole (`all`), its end.
    pub async fn wait(&self, all: bool) {
        loop {
            let rung = self.flight.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            if self.flight.has_more_than(if all { usize::MAX } else { self.heard }, self.anew) {
                return;
            }
            rung.await;
        }
    }

    /// What there is to hear. Of an answer that is told whole (`all`), nothing before its end.
    pub fn hear(&mut self, all: bool) -> News {
        let state = self.flight.state();
        let whole = match &state.end {
            Some(End::Failed(refusal)) => return News::Failed(refusal.clone()),
            Some(End::Left) => return News::Left,
            Some(End::Whole) | None if state.anew != self.anew => {
                (self.heard, self.anew) = (0, state.anew);
                return News::Anew;
            }
            Some(End::Whole) => true,
            None if all => return News::Wait,
            None => false,
        };
        let Some(next) = self.heard.checked_sub(state.dropped) else { return News::Missed };
        let pieces: Vec<_> = state.pieces.iter().skip(next).map(|(_, piece)| piece.clone()).collect();
        if pieces.is_empty() && !whole {
            return News::Wait;
        }
        self.heard += pieces.len();
        News::Pieces(pieces, whole)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.flight.listeners.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(leader) = self.flight.state().leader.take()
        {
            leader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Kind;

    fn heard(news: News) -> (String, bool) {
        match news {
            News::Pieces(pieces, whole) => (String::from_utf8(pieces.concat()).unwrap(), whole),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_comes_late_hears_what_came_before_and_then_what_comes() {
        let flight = Arc::<Flight>::default();
        flight.push(Duration::ZERO, Bytes::from_static(b"a"), true, 10);
        let mut late = Listener::new(Arc::clone(&flight));
        assert_eq!(heard(late.hear(false)), ("a".to_owned(), false));
        assert!(matches!(late.hear(false), News::Wait));
        flight.push(Duration::ZERO, Bytes::from_static(b"b"), false, 10);
        let mut last = Listener::new(Arc::clone(&flight));
        assert!(matches!(last.hear(true), News::Wait), "a whole answer is heard at its end");
        flight.end(End::Whole);
        assert_eq!(heard(late.hear(false)), ("b".to_owned(), true));
        assert_eq!(heard(last.hear(true)), ("ab".to_owned(), true));
    }

    #[test]
    fn who_is_too_slow_misses_what_is_not_held_and_nobody_joins_then() {
        let flight = Arc::<Flight>::default();
        let mut slow = Listener::new(Arc::clone(&flight));
        assert!(flight.can_be_joined());
        flight.push(Duration::ZERO, Bytes::from_static(b"abc"), false, 4);
        flight.push(Duration::ZERO, Bytes::from_static(b"def"), false, 4);
        assert!(!flight.can_be_joined() && flight.bytes() == 3 && flight.whole().is_none());
        assert!(matches!(slow.hear(false), News::Missed));
    }

    #[test]
    fn who_heard_what_came_to_nothing_hears_that_it_begins_anew() {
        let flight = Arc::<Flight>::default();
        let mut one = Listener::new(Arc::clone(&flight));
        for piece in [&b"abc"[..], b"def"] {
            flight.push(Duration::ZERO, Bytes::from_static(piece), false, 4);
        }
        assert!(!flight.can_be_joined());
        flight.begin_anew();
        assert!(flight.can_be_joined() && flight.bytes() == 0);
        flight.push(Duration::ZERO, Bytes::from_static(b"x"), false, 4);
        assert!(matches!(one.hear(false), News::Anew));
        assert_eq!(heard(one.hear(false)), ("x".to_owned(), false));
        let mut late = Listener::new(Arc::clone(&flight));
        flight.end(End::Whole);
        assert_eq!(heard(late.hear(true)), ("x".to_owned(), true));
        assert_eq!(flight.whole().map(|pieces| pieces.len()), Some(1));
    }

    #[test]
    fn where_there_is_no_room_nothing_is_held_for_nobody() {
        let used = Arc::new(AtomicUsize::new(4));
        let flight = Arc::new(Flight::new(Arc::clone(&used)));
        flight.push(Duration::ZERO, Bytes::from_static(b"room"), true, 10);
        flight.push(Duration::ZERO, Bytes::from_static(b"none"), false, 4);
        assert!(!flight.can_be_joined() && flight.whole().is_none());
        assert_eq!((flight.bytes(), used.load(Ordering::Relaxed)), (0, 0));
        used.store(4, Ordering::Relaxed);
        flight.push(Duration::ZERO, Bytes::from_static(b"more"), true, 10);
        assert_eq!(
            (flight.bytes(), used.load(Ordering::Relaxed)),
            (0, 0),
            "nor the rest of what is not whole"
        );
        // Who listens hears on, a piece at a time.
        let mut one = Listener::new(Arc::<Flight>::default());
        one.flight.push(Duration::ZERO, Bytes::from_static(b"none"), false, 0);
        assert_eq!(heard(one.hear(false)), ("none".to_owned(), false));
    }

    #[test]
    fn what_ended_it_first_is_what_all_hear() {
        let flight = Arc::<Flight>::default();
        let mut one = Listener::new(Arc::clone(&flight));
        flight.push(Duration::ZERO, Bytes::from_static(b"a"), false, 10);
        flight.end(End::Failed(Refusal::new(Kind::BadGateway, "broke off")));
        flight.end(End::Whole);
        assert!(matches!(one.hear(false), News::Failed(_)));
        assert!(!flight.can_be_joined());
    }

    #[test]
    fn the_leader_is_woken_when_the_last_listener_leaves() {
        let flight = Arc::<Flight>::default();
        let waker = Waker::noop();
        assert!(!flight.is_heard(waker));
        let one = Listener::new(Arc::clone(&flight));
        let two = Listener::new(Arc::clone(&flight));
        drop(one);
        assert!(flight.is_heard(waker) && flight.listeners() == 1);
        drop(two);
        assert!(!flight.is_heard(waker));
    }
}
