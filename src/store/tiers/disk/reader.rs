//! A thread that reads entries for those who ask.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::index::{Index, Spot};
use super::{Job, Kept, Wanted};
use crate::cache::Fingerprint;
use crate::cache::packed::{Unpacked, unpack};

pub(super) struct Reader {
    pub(super) key: [u8; 32],
    pub(super) index: Arc<Index>,
    pub(super) writes: mpsc::WeakSender<Job>,
}

impl Reader {
    /// Reads until nobody can ask any more.
    pub(super) fn run(&self, wanted: &Mutex<mpsc::Receiver<Wanted>>) {
        loop {
            let next = wanted.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
            let Some(Wanted { spots, answer }) = next else { return };
            if answer.is_closed() {
                continue;
            }
            let read = |(fingerprint, spot): (Fingerprint, Spot)| self.read(fingerprint, spot);
            // Whoever asked may have lost patience.
            let _ = answer.send(spots.into_iter().filter_map(read).collect());
        }
    }

    fn read(&self, fingerprint: Fingerprint, spot: Spot) -> Option<Kept> {
        let packed = spot.read(usize::MAX).map(Bytes::from);
        let unpacked = packed.ok().and_then(|packed| unpack(&self.key, fingerprint, &packed).ok());
        let Some(Unpacked { entry, made, until }) = unpacked else {
            self.index.remove(fingerprint, &spot);
            return None;
        };
        if spot.is_old
            && let Some(writes) = self.writes.upgrade()
        {
            // Where too much waits already, it goes a little earlier.
            let _ = writes.try_send(Job::Again(fingerprint, spot));
        }
        Some(Kept { fingerprint, entry: Arc::new(entry), made, until })
    }
}
