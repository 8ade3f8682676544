//! Sessions of browsers: who has shown a key once shows a cookie from then on.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::policy::Operator;
use crate::snapshot::Door;

/// How long one lasts, in seconds.
pub const LASTS: u64 = 12 * 3600;

/// So many there may be; the oldest goes for a further one.
const MOST: usize = 1024;

/// The sessions of this process.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<FxHashMap<blake3::Hash, Session>>);

#[derive(Debug, Clone)]
struct Session {
    /// The hash of the key that was shown: as long as it opens, so does this.
    secret: blake3::Hash,
    ends: u64,
}

impl Sessions {
    /// Begins one for whoever has shown the key with this hash, under an id that nobody can guess.
    pub fn begin(&self, id: &str, secret: blake3::Hash, now: u64) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST {
            sessions.retain(|_, session| now < session.ends);
        }
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.ends).map(|(id, _)| *id);
            oldest.and_then(|oldest| sessions.remove(&oldest));
        }
        sessions.insert(blake3::hash(id.as_bytes()), Session { secret, ends: now + LASTS });
    }

    /// Whose it is, if it has not ended and its key still opens.
    #[must_use]
    pub fn find(&self, id: &str, door: &Door, now: u64) -> Option<Operator> {
        let id = blake3::hash(id.as_bytes());
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(&id)?;
        let whose = door.operator(session.secret).filter(|_| now < session.ends);
        if whose.is_none() {
            sessions.remove(&id);
        }
        whose
    }

    /// Ends one.
    pub fn end(&self, id: &str) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&blake3::hash(id.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Secret;

    #[test]
    fn a_session_ends_with_its_time_its_key_or_its_owners_word() {
        let door = Door::new(Some(&Secret::new("the-master-secret")), false);
        let (sessions, secret) = (Sessions::default(), blake3::hash(b"the-master-secret"));
        for id in ["a", "b", "c"] {
            sessions.begin(id, secret, 100);
        }
        assert_eq!(sessions.find("a", &door, 100).unwrap().name, Operator::MASTER.into());
        sessions.end("a");
        assert!(sessions.find("a", &door, 100).is_none() && sessions.find("x", &door, 100).is_none());
        assert!(sessions.find("b", &door, 100 + LASTS).is_none());
        assert!(sessions.find("c", &Door::default(), 101).is_none());
        assert!(sessions.find("c", &door, 101).is_none(), "it does not come back with the key");
    }

    #[test]
    fn the_oldest_goes_for_one_too_many() {
        let door = Door::new(Some(&Secret::new("the-master-secret")), false);
        let sessions = Sessions::default();
        for number in 0..=MOST {
            sessions.begin(&number.to_string(), blake3::hash(b"the-master-secret"), number as u64);
        }
        assert!(sessions.find("0", &door, 0).is_none() && sessions.find("1", &door, 0).is_some());
    }
}
