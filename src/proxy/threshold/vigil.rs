//! What is waited for on one client's connection, and until when.
//!
//! Pingora has one time-out for each read from a provider and none for a whole head of a client.
//! But while it waits for either, it also watches the client's connection. So the stream below that
//! connection ([`crate::proxy::threshold`]) keeps the times, and what a request waits for is said
//! here: a store for each piece of an answer, and no timer that is set anew.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use pingora::protocols::http::ServerSession;

use crate::clock;
use crate::proxy::threshold::others::Others;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The next thing to come is a head of which nothing was read yet.
    Next,
    /// A head is being read.
    Head,
    /// A request is being served, or the connection is none of HTTP/1.
    Served,
}

/// Why the stream broke a wait off, although the client did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The provider took longer than it may.
    Late,
    /// The drain's time is up.
    Cut,
}

/// The waits of one connection.
#[derive(Debug)]
pub struct Vigil {
    begun: Instant,
    phase: AtomicU8,
    broken: AtomicU8,
    /// Microseconds after `begun`; [`NEVER`] while nothing is waited for.
    due: AtomicU64,
    beats: AtomicBool,
    lingers: AtomicBool,
    /// Whether others may wait for the answer too; the client may be gone.
    shared: AtomicBool,
    gone: AtomicBool,
    /// Whether the answer is heard to its end although its client left.
    heard_out: AtomicBool,
    others: Mutex<Option<Others>>,
    kept: Shelved,
}

/// A session that Pingora would close.
#[derive(Default)]
struct Shelved(Mutex<Option<Box<ServerSession>>>);

impl fmt::Debug for Shelved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelved")
    }
}

const NEVER: u64 = u64::MAX;

impl Default for Vigil {
    fn default() -> Self {
        Self {
            begun: clock::now(),
            phase: AtomicU8::new(0),
            broken: AtomicU8::new(0),
            due: AtomicU64::new(NEVER),
            beats: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            shared: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            heard_out: AtomicBool::new(false),
            others: Mutex::default(),
            kept: Shelved::default(),
        }
    }
}

// One task uses all of this; the atomics are for the types, and their order is of no matter.
impl Vigil {
    /// Where the connection stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Next,
            1 => Phase::Head,
            _ => Phase::Served,
        }
    }

    /// The connection stands elsewhere now, and nothing is waited for.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.beats.store(false, Ordering::Relaxed);
        self.relax();
    }

    /// The provider has to say something until then.
    pub fn expect(&self, until: Instant) {
        let micros = until.saturating_duration_since(self.begun).as_micros();
        self.due.store(u64::try_from(micros).unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// Nothing is waited for.
    pub fn relax(&self) {
        self.due.store(NEVER, Ordering::Relaxed);
        self.broken.store(0, Ordering::Relaxed);
    }

    /// Until when the provider has to say something.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        match self.due.load(Ordering::Relaxed) {
            NEVER => None,
            micros => self.begun.checked_add(Duration::from_micros(micros)),
        }
    }

    /// Breaks the wait off.
    pub fn break_off(&self, why: Broken) {
        self.due.store(NEVER, Ordering::Relaxed);
        self.broken.store(1 + why as u8, Ordering::Relaxed);
    }

    /// Why the wait was broken off, if it was; told once.
    #[must_use]
    pub fn take_broken(&self) -> Option<Broken> {
        match self.broken.swap(0, Ordering::Relaxed) {
            0 => None,
            1 => Some(Broken::Late),
            _ => Some(Broken::Cut),
        }
    }

    /// The client's stream runs, and takes pings between its events.
    pub fn beat(&self) {
        self.beats.store(true, Ordering::Relaxed);
    }

    /// Whether a long silence is broken by pings.
    #[must_use]
    pub fn beats(&self) -> bool {
        self.beats.load(Ordering::Relaxed)
    }

    /// The client was refused before all that it sends was read.
    pub fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    /// Whether what the client still sends must be read away before the connection is closed.
    #[must_use]
    pub fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    /// Others may wait for the answer that is on its way to this client.
    pub fn share(&self, others: Others) {
        *self.others.lock().unwrap_or_else(PoisonError::into_inner) = Some(others);
        self.shared.store(true, Ordering::Relaxed);
    }

    /// The answer goes on although its client leaves: its provider bills all of it anyway, and says at its end
    /// how much that is.
    pub fn hear_out(&self) {
        self.heard_out.store(true, Ordering::Relaxed);
        self.shared.store(true, Ordering::Relaxed);
    }

    /// It need not go on any more.
    pub fn let_be(&self) {
        if self.heard_out.load(Ordering::Relaxed) {
            self.heard_out.store(false, Ordering::Relaxed);
            let is_shared = self.others.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            self.shared.store(is_shared, Ordering::Relaxed);
        }
    }

    /// The answer is all there: what is left of it is this client's alone.
    pub fn keep_to_itself(&self) {
        let heard_out = self.heard_out.load(Ordering::Relaxed);
        if self.shared.swap(heard_out, Ordering::Relaxed) {
            *self.others.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Whether others may wait for the answer.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    /// The client left, or cannot be waited for: whether the answer goes on without it.
    #[must_use]
    pub fn goes_on(&self, waker: &Waker) -> bool {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let heard_out = self.heard_out.load(Ordering::Relaxed);
        let wanted = heard_out || others.as_ref().is_some_and(|others| others.want_it(waker));
        drop(others);
        if wanted {
            self.gone.store(true, Ordering::Relaxed);
        }
        wanted
    }

    /// Whether others wait for the answer now.
    #[must_use]
    pub fn is_waited_for(&self, waker: &Waker) -> bool {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.as_ref().is_some_and(|others| others.want_it(waker))
    }

    /// Whether the client is gone, although its request goes on.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Keeps a session whose request failed and yet was answered whole. It holds the stream that
    /// holds this, so it must be taken out again at once.
    pub fn keep(&self, session: ServerSession) {
        *self.kept.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(session));
    }

    /// The session that was kept, if one was.
    #[must_use]
    pub fn take_kept(&self) -> Option<Box<ServerSession>> {
        self.kept.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
