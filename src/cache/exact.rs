//! What is kept in memory: never more than its bytes, the least used going first, and what is in flight.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::entry::{Entry, Reworded, Which};
use super::fingerprint::Fingerprint;
use super::flight::Flight;
use super::meaning::Meaning;
use super::near::{Near, Place};

/// So many parts are locked apart.
const SHARDS: usize = 16;

/// What is kept.
#[derive(Debug)]
pub struct Exact {
    /// The key of its fingerprints, which nobody else knows.
    pub key: [u8; 32],
    shards: [Mutex<Shard>; SHARDS],
    /// How the questions go that were answered.
    near: Near,
    /// How many bytes may be held, and are: entries, and what of answers in flight is held to be shared.
    room: AtomicUsize,
    used: Arc<AtomicUsize>,
    /// The largest entry.
    largest: AtomicUsize,
    entries: AtomicUsize,
    evicted: AtomicU64,
    /// How often entries were let go because somebody said so.
    purges: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    entries: FxHashMap<Fingerprint, Kept>,
    /// The entries by when they were last used.
    order: BTreeMap<u64, Fingerprint>,
    /// Counts uses.
    tick: u64,
    flights: FxHashMap<Fingerprint, Arc<Flight>>,
}

#[derive(Debug)]
struct Kept {
    entry: Arc<Entry>,
    bytes: usize,
    /// When it was kept and when it ends, in milliseconds since 1970.
    made: u64,
    until: u64,
    used: u64,
}

/// What there is under a fingerprint.
#[derive(Debug)]
pub enum Found {
    /// An entry, and its age.
    Entry(Arc<Entry>, Duration),
    /// The entry for the same question in other words, and its age.
    Reworded(Arc<Entry>, Duration),
    /// The entry for a question that asks the same by all that is known of words, and its age.
    Near(Arc<Entry>, Duration),
    /// The same is being answered.
    Flight(Arc<Flight>),
    /// Nothing: whoever looked is the first, and leads this flight, if it asked for one.
    Nothing(Option<Arc<Flight>>),
}

/// How to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The time in milliseconds since 1970.
    pub now: u64,
    /// The oldest entry that will do; `None` for any that has not ended.
    pub max_age: Option<Duration>,
    /// Whether entries will do at all.
    pub entries: bool,
    /// What becomes of the same in flight.
    pub flights: Flights,
}

/// What becomes of a question that may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flights {
    /// It is asked all the same.
    Apart,
    /// It is shared, if it is; others do not share this one.
    Join,
    /// It is shared, and where it is not, others may share this one.
    Lead,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stand {
    /// Bytes held.
    pub bytes: usize,
    /// Bytes that may be held.
    pub room: usize,
    /// Entries.
    pub entries: usize,
    /// Entries that made room for others.
    pub evicted: u64,
}

impl Exact {
    /// An empty cache of so many bytes, and entries of at most so many.
    #[must_use]
    pub fn new(key: [u8; 32], room: usize, largest: usize) -> Self {
        Self {
            key,
            shards: std::array::from_fn(|_| Mutex::default()),
            near: Near::default(),
            room: AtomicUsize::new(room),
            used: Arc::default(),
            largest: AtomicUsize::new(largest),
            entries: AtomicUsize::new(0),
            evicted: AtomicU64::new(0),
            purges: AtomicU64::new(0),
        }
    }

    /// How often entries were let go because somebody said so: what was asked for before is not kept after.
    #[must_use]
    pub fn purges(&self) -> u64 {
        self.purges.load(Ordering::Relaxed)
    }

    /// Gives it another size; what no longer fits goes.
    pub fn resize(&self, room: usize, largest: usize) {
        self.room.store(room, Ordering::Relaxed);
        self.largest.store(largest, Ordering::Relaxed);
        while self.used.load(Ordering::Relaxed) > room && self.evict(0) {}
    }

    /// The most bytes that one answer may have.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.largest.load(Ordering::Relaxed)
    }

    fn shard(&self, place: usize) -> Option<MutexGuard<'_, Shard>> {
        let shard = self.shards.get(place % SHARDS)?;
        // What a panic left is whole: each change is one call.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn of(&self, fingerprint: Fingerprint) -> Option<MutexGuard<'_, Shard>> {
        self.shard(place_of(fingerprint))
    }

    /// What there is under a fingerprint.
    #[must_use]
    pub fn find(&self, fingerprint: Fingerprint, look: &Look) -> Found {
        let Some(mut shard) = self.of(fingerprint) else { return Found::Nothing(None) };
        if look.entries {
            match shard.touch(fingerprint, look) {
                Touched::Good(entry, age) => return Found::Entry(entry, age),
                Touched::Ended(kept) => {
                    self.used.fetch_sub(kept.bytes, Ordering::Relaxed);
                    self.entries.fetch_sub(kept.entry.count(), Ordering::Relaxed);
                    self.unplace(fingerprint, &kept);
                }
                Touched::Nothing => {}
            }
        }
        if look.flights == Flights::Apart {
            return Found::Nothing(None);
        }
        match shard.flights.get(&fingerprint).filter(|flight| flight.can_be_joined()) {
            Some(flight) => Found::Flight(Arc::clone(flight)),
            None if look.flights == Flights::Join => Found::Nothing(None),
            None => {
                let flight = Arc::new(self.flight());
                shard.flights.insert(fingerprint, Arc::clone(&flight));
                Found::Nothing(Some(flight))
            }
        }
    }

    /// The answer to a question that has one of these fingerprints in other words.
    #[must_use]
    pub fn find_reworded(&self, fingerprints: &[Fingerprint], look: &Look) -> Option<(Arc<Entry>, Duration)> {
        self.find_answered(fingerprints, look).map(|(_, entry, age)| (entry, age))
    }

    /// The same, with the fingerprint of the question that was answered.
    #[must_use]
    pub fn find_answered(
        &self,
        fingerprints: &[Fingerprint],
        look: &Look,
    ) -> Option<(Fingerprint, Arc<Entry>, Duration)> {
        let look = Look { flights: Flights::Apart, ..*look };
        let entry = |fingerprint: Fingerprint| match self.find(fingerprint, &look) {
            Found::Entry(entry, age) => Some((entry, age)),
            Found::Reworded(..) | Found::Near(..) | Found::Flight(_) | Found::Nothing(_) => None,
        };
        fingerprints.iter().find_map(|fingerprint| match &*entry(*fingerprint)?.0 {
            Entry::Reworded(reworded) => {
                let (entry, age) = entry(reworded.answered)?;
                Some((reworded.answered, entry, age))
            }
            Entry::Answer(_) | Entry::Vector(_) => None,
        })
    }

    /// The answer to a question that asks the same as one at these places.
    #[must_use]
    pub fn find_near(&self, places: &[Place], look: &Look) -> Option<(Arc<Entry>, Duration)> {
        places.iter().find_map(|place| self.find_reworded(&self.near.like(place), look))
    }

    /// The fingerprint of the question that was asked in these very bytes, of which this number is a glance; what
    /// it was answered may be gone.
    #[must_use]
    pub fn find_told(&self, number: Fingerprint, told: &[u8], now: u64) -> Option<Fingerprint> {
        let look = Look { now, max_age: None, entries: true, flights: Flights::Apart };
        let Found::Entry(entry, _) = self.find(number, &look) else { return None };
        match &*entry {
            Entry::Reworded(Reworded { answered, told: Some(own), .. }) if **own == *told => Some(*answered),
            Entry::Answer(_) | Entry::Vector(_) | Entry::Reworded(_) => None,
        }
    }

    /// The answer to a question that is about the same to a model as one at these places, at least so much.
    #[must_use]
    pub fn find_about_the_same(
        &self,
        places: &[Place],
        (meaning, threshold): (&Meaning, f64),
        look: &Look,
    ) -> Option<(Fingerprint, Arc<Entry>, Duration)> {
        let known = |place: &Place| self.near.about_the_same(place, meaning, threshold);
        places.iter().find_map(|place| self.find_answered(&known(place), look))
    }

    /// Whether a question at these places could be compared with another by what it is about.
    #[must_use]
    pub fn has_meanings(&self, places: &[Place]) -> bool {
        places.iter().any(|place| self.near.has_meanings(place))
    }

    /// A question that may be the same as one at these places, in its own words, and under what it is known.
    #[must_use]
    pub fn in_doubt(&self, places: &[Place]) -> Option<(Fingerprint, Arc<str>)> {
        places.iter().find_map(|place| self.near.in_doubt(place))
    }

    /// What stood under a fingerprint is found by its words no more.
    fn unplace(&self, fingerprint: Fingerprint, kept: &Kept) {
        if let Entry::Reworded(Reworded { place: Some(place), .. }) = &*kept.entry {
            self.near.forget(place.box_of, fingerprint);
        }
    }

    /// A flight that nobody else can join.
    #[must_use]
    pub fn flight(&self) -> Flight {
        Flight::new(Arc::clone(&self.used))
    }

    /// A flight is over, and nobody may join it any more.
    pub fn land(&self, fingerprint: Fingerprint, flight: &Arc<Flight>) {
        if let Some(mut shard) = self.of(fingerprint)
            && shard.flights.get(&fingerprint).is_some_and(|known| Arc::ptr_eq(known, flight))
        {
            shard.flights.remove(&fingerprint);
        }
    }

    /// Keeps an entry for a time, in place of what was kept under its fingerprint, unless there was a purge
    /// after so many `purges`; whether it is kept, for which there must be room.
    pub fn keep(
        &self,
        fingerprint: Fingerprint,
        entry: impl Into<Arc<Entry>>,
        now: u64,
        ttl: Duration,
        purges: u64,
    ) -> bool {
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        self.adopt(fingerprint, &entry.into(), now, now.saturating_add(ttl), purges)
    }

    /// The same for an entry that was kept and ends at these times, in milliseconds since 1970.
    pub fn adopt(
        &self,
        fingerprint: Fingerprint,
        entry: &Arc<Entry>,
        made: u64,
        until: u64,
        purges: u64,
    ) -> bool {
        let (bytes, count) = (entry.weight(), entry.count());
        if bytes > self.largest() || !self.take(bytes, place_of(fingerprint)) {
            return false;
        }
        let Some(mut shard) = self.of(fingerprint) else { return false };
        // A purge that is not counted yet comes to this part after us.
        if self.purges() != purges {
            drop(shard);
            self.give(bytes);
            return false;
        }
        let before = shard.remove(fingerprint);
        shard.tick += 1;
        let used = shard.tick;
        shard.order.insert(used, fingerprint);
        shard.entries.insert(fingerprint, Kept { entry: Arc::clone(entry), bytes, made, until, used });
        drop(shard);
        match before {
            Some(kept) => {
                self.unplace(fingerprint, &kept);
                self.give(kept.bytes);
            }
            None => {
                self.entries.fetch_add(count, Ordering::Relaxed);
            }
        }
        if let Entry::Reworded(Reworded { place: Some(place), .. }) = &**entry {
            self.near.add(place, fingerprint);
            // It may have gone before it stood there.
            if self.of(fingerprint).is_some_and(|shard| !shard.entries.contains_key(&fingerprint)) {
                self.near.forget(place.box_of, fingerprint);
            }
        }
        true
    }

    /// Lets go of one entry.
    pub fn forget(&self, fingerprint: Fingerprint) {
        let kept = self.of(fingerprint).and_then(|mut shard| shard.remove(fingerprint));
        if let Some(kept) = kept {
            self.entries.fetch_sub(kept.entry.count(), Ordering::Relaxed);
            self.give(kept.bytes);
            self.unplace(fingerprint, &kept);
        }
    }

    /// Lets go of the entries that are meant; how many those were, and their bytes. What is in flight is
    /// told to those who wait for it, and to nobody else.
    pub fn purge(&self, which: &Which) -> (usize, usize) {
        let (mut entries, mut bytes) = (0, 0);
        self.purges.fetch_add(1, Ordering::Relaxed);
        for place in 0..SHARDS {
            let Some(mut shard) = self.shard(place) else { continue };
            let meant = shard.entries.iter().filter(|(_, kept)| which.fits(&kept.entry));
            let meant: Vec<_> = meant.map(|(fingerprint, _)| *fingerprint).collect();
            let gone: Vec<_> = meant.into_iter().filter_map(|one| Some((one, shard.remove(one)?))).collect();
            let flights = std::mem::take(&mut shard.flights);
            drop((shard, flights));
            for (fingerprint, kept) in &gone {
                self.unplace(*fingerprint, kept);
                (entries, bytes) = (entries + kept.entry.count(), bytes + kept.bytes);
            }
        }
        self.entries.fetch_sub(entries, Ordering::Relaxed);
        self.give(bytes);
        (entries, bytes)
    }

    /// How much is kept.
    #[must_use]
    pub fn stand(&self) -> Stand {
        Stand {
            bytes: self.used.load(Ordering::Relaxed),
            room: self.room.load(Ordering::Relaxed),
            entries: self.entries.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    /// Takes bytes of the room, for which others go if need be; whether there are so many.
    #[must_use]
    pub fn take(&self, bytes: usize, near: usize) -> bool {
        loop {
            let room = self.room.load(Ordering::Relaxed);
            let fits = |used: usize| used.checked_add(bytes).filter(|used| *used <= room);
            if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok() {
                return true;
            }
            if bytes > room || !self.evict(near) {
                return false;
            }
        }
    }

    /// Gives bytes back.
    pub fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Lets the least used entry of some part go; whether there was one.
    fn evict(&self, near: usize) -> bool {
        for place in 0..SHARDS {
            let Some(mut shard) = self.shard(near + place) else { continue };
            let Some(oldest) = shard.order.first_key_value().map(|(_, oldest)| *oldest) else { continue };
            if let Some(kept) = shard.remove(oldest) {
                drop(shard);
                self.unplace(oldest, &kept);
                self.entries.fetch_sub(kept.entry.count(), Ordering::Relaxed);
                self.evicted.fetch_add(kept.entry.count() as u64, Ordering::Relaxed);
                self.give(kept.bytes);
                return true;
            }
        }
        false
    }
}

/// Which part a fingerprint belongs to.
#[must_use]
pub fn place_of(fingerprint: Fingerprint) -> usize {
    usize::try_from(fingerprint.part() % SHARDS as u64).unwrap_or(0)
}

enum Touched {
    Good(Arc<Entry>, Duration),
    Ended(Kept),
    Nothing,
}

impl Shard {
    fn touch(&mut self, fingerprint: Fingerprint, look: &Look) -> Touched {
        let Self { entries, order, tick, .. } = self;
        let Some(kept) = entries.get_mut(&fingerprint) else { return Touched::Nothing };
        if kept.until <= look.now {
            return self.remove(fingerprint).map_or(Touched::Nothing, Touched::Ended);
        }
        let age = Duration::from_millis(look.now.saturating_sub(kept.made));
        if look.max_age.is_some_and(|most| age > most) {
            return Touched::Nothing;
        }
        *tick += 1;
        order.remove(&kept.used);
        order.insert(*tick, fingerprint);
        kept.used = *tick;
        Touched::Good(Arc::clone(&kept.entry), age)
    }

    fn remove(&mut self, fingerprint: Fingerprint) -> Option<Kept> {
        let kept = self.entries.remove(&fingerprint)?;
        self.order.remove(&kept.used);
        Some(kept)
    }
}

#[cfg(test)]
mod tests;
