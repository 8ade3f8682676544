//! Where answers are kept behind memory: on the disk, so that they outlive the process, and on a server of
//! Redis or Valkey, which a fleet shares.
//!
//! Nothing here is waited for beyond a bound, and what fails is a miss. Answers are written behind the
//! requests that brought them.

pub mod disk;
pub mod redis;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cache::{Entry, Fingerprint, Tier, Which};
use crate::clock;
use crate::config::{RedisServer, SecondTiers};
use crate::telemetry::Metrics;

use disk::Disk;
use redis::Redis;

/// So many entries may wait to be written to a tier,
const WRITES: usize = 1024;
/// with so many bytes.
const WAITING: usize = 16 << 20;

/// An entry, and when it was kept and ends, in milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Under which number.
    pub fingerprint: Fingerprint,
    /// The entry.
    pub entry: Arc<Entry>,
    /// When it was kept.
    pub made: u64,
    /// When it ends.
    pub until: u64,
}

impl Kept {
    /// Takes room for its bytes among those that wait, for as long as this lives; `None` where there is none.
    fn wait_in(&self, room: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        Arc::clone(room).try_acquire_many_owned(self.entry.weight().try_into().ok()?).ok()
    }
}

/// What became of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Something was there.
    Hit,
    /// Nothing was.
    Miss,
    /// It was not answered in time.
    Late,
    /// It could not be answered.
    Failed,
    /// It was not even asked: after a row of failures, or since too much waits already.
    Resting,
}

impl Outcome {
    /// The name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Resting => "resting",
        }
    }
}

/// What became of an entry that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    Kept,
    /// There was no room for it to wait.
    Dropped,
    /// It could not be written.
    Failed,
}

impl Written {
    /// The name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

/// How a tier stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which one: [`Tier::Disk`] or [`Tier::Redis`].
    pub tier: Tier,
    /// Whether it is asked now.
    pub is_up: bool,
    /// Entries, bytes and the most bytes, where these are known here.
    pub held: Option<(u64, u64, u64)>,
}

/// What lies behind memory.
#[derive(Debug)]
pub struct Tiers {
    /// The key of fingerprints and checksums: the same for all that share what is kept.
    pub key: [u8; 32],
    disk: Option<Disk>,
    redis: Option<Redis>,
    metrics: Arc<Metrics>,
}

impl Tiers {
    /// Opens what is configured; `None` where that is nothing, or none of it can be used.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn open(written: &SecondTiers, data: &Path, metrics: &Arc<Metrics>) -> std::io::Result<Option<Self>> {
        let folder =
            written.disk.as_ref().map(|disk| disk.path.clone().unwrap_or_else(|| data.join("cache")));
        let own = || folder.as_deref().and_then(disk::key);
        let shared = |redis: &RedisServer| {
            // A word that is used for something else, too, makes a key that tells nothing of it.
            blake3::derive_key(
                "tollgate 2026-11-26 fingerprints of a fleet",
                redis.secret.expose().as_bytes(),
            )
        };
        let key = written.redis.as_ref().map(shared).or_else(own);
        let Some(key) = key.or_else(clock::secret_bits) else { return Ok(None) };
        // What was let go of while nobody was here goes from the disk, too.
        let heard = folder.as_ref().map(|folder| folder.join("heard"));
        let disk = match written.disk.as_ref().zip(folder) {
            Some((disk, folder)) => Disk::open(folder, disk.bytes, key, metrics)?,
            None => None,
        };
        let redis = match &written.redis {
            Some(server) => Some(Redis::start(server, key, heard, metrics)?),
            None => None,
        };
        let is_any = disk.is_some() || redis.is_some();
        let metrics = Arc::clone(metrics);
        Ok(is_any.then_some(Self { key, disk, redis, metrics }))
    }

    /// What there is under these numbers, each with where it was found.
    pub async fn look(&self, fingerprints: &[Fingerprint]) -> Vec<Option<(Kept, Tier)>> {
        let mut found: Vec<Option<(Kept, Tier)>> = fingerprints.iter().map(|_| None).collect();
        if let Some(disk) = &self.disk {
            let begun = clock::now();
            let (outcome, kept) = disk.look(fingerprints).await;
            self.looked(Tier::Disk, outcome, begun.elapsed());
            place(&mut found, fingerprints, kept, Tier::Disk);
        }
        if let Some(redis) = &self.redis {
            let missing = fingerprints.iter().zip(&found).filter(|(_, found)| found.is_none());
            let missing: Vec<_> = missing.map(|(fingerprint, _)| *fingerprint).collect();
            if !missing.is_empty() {
                let begun = clock::now();
                let (outcome, kept) = redis.look(&missing).await;
                self.looked(Tier::Redis, outcome, begun.elapsed());
                place(&mut found, fingerprints, kept, Tier::Redis);
            }
        }
        found
    }

    fn looked(&self, tier: Tier, outcome: Outcome, time: Duration) {
        self.metrics.looked_up(tier.name(), outcome.name(), time);
    }

    /// Writes an entry, behind whoever brought it.
    pub fn keep(&self, kept: &Kept) {
        if let Some(disk) = &self.disk
            && !disk.keep(kept.clone())
        {
            self.metrics.wrote(Tier::Disk.name(), Written::Dropped.name(), 1);
        }
        if let Some(redis) = &self.redis
            && !redis.keep(kept.clone())
        {
            self.metrics.wrote(Tier::Redis.name(), Written::Dropped.name(), 1);
        }
    }

    /// Lets go of the entries that are meant; how many those were in each tier, or `None` of one that could
    /// not be asked.
    pub async fn purge(&self, which: &Which) -> Vec<(Tier, Option<usize>)> {
        let mut purged = Vec::new();
        if let Some(disk) = &self.disk {
            purged.push((Tier::Disk, disk.purge(which.clone()).await));
        }
        if let Some(redis) = &self.redis {
            purged.push((Tier::Redis, redis.purge(which.clone()).await));
        }
        purged
    }

    /// Who is told that another gateway of the fleet let go of something.
    pub fn heed(&self, heed: impl Fn(&Which) + Send + Sync + 'static) {
        if let Some(redis) = &self.redis {
            redis.heed(Box::new(heed));
        }
    }

    /// Lets go on the disk of what another gateway of the fleet let go of, and does this then.
    pub fn follow(&self, which: &Which, done: impl FnOnce() + Send + 'static) {
        if let Some(disk) = &self.disk {
            disk.follow(which.clone(), done);
        }
    }

    /// How they stand.
    #[must_use]
    pub fn stand(&self) -> Vec<Standing> {
        let disk = self.disk.as_ref().map(Disk::stand);
        let redis = self.redis.as_ref().map(Redis::stand);
        disk.into_iter().chain(redis).collect()
    }
}

fn place(found: &mut [Option<(Kept, Tier)>], fingerprints: &[Fingerprint], kept: Vec<Kept>, tier: Tier) {
    for kept in kept {
        let places = fingerprints.iter().zip(found.iter_mut());
        for (_, place) in places.filter(|(fingerprint, _)| **fingerprint == kept.fingerprint) {
            *place = Some((kept.clone(), tier));
        }
    }
}
