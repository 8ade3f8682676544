//! Answers on a server of Redis or Valkey, which a fleet of gateways shares.
//!
//! One thread speaks to it, on two connections: one for look-ups, which nothing else is in the way of, and
//! one for all that is written. A look-up is never waited for beyond its bound; after a row of failures
//! nobody asks for a while.

mod breaker;
mod keeper;
mod line;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use pingora::connectors::TransportConnector;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use self::breaker::Breaker;
use self::keeper::Keeper;
use self::line::Line;
use super::{Kept, Outcome, Standing, WAITING, WRITES};
use crate::cache::packed::{Unpacked, unpack};
use crate::cache::{Fingerprint, Tier, Which};
use crate::clock;
use crate::config::RedisServer;
use crate::telemetry::Metrics;
use crate::wire::resp::{self, Reply};

/// A purge may take so long.
const PURGE: Duration = Duration::from_secs(60);

/// What is told that another gateway let go of something.
type Heed = OnceLock<Box<dyn Fn(&Which) + Send + Sync>>;

/// What the keeper is to do.
enum Job {
    /// Writes an entry, which has room among what waits.
    Keep(Kept, OwnedSemaphorePermit),
    /// Lets go of entries, and says how many; `None` where that is not known.
    Purge(Which, oneshot::Sender<Option<usize>>),
}

/// Answers on a server.
pub struct Redis {
    key: [u8; 32],
    prefix: Arc<str>,
    patience: Duration,
    /// For look-ups, and for all that is written.
    lines: [Line; 2],
    breaker: Breaker,
    writes: mpsc::Sender<Job>,
    /// Room for bytes that wait to be written.
    room: Arc<Semaphore>,
    heed: Arc<Heed>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Redis {
    /// Starts the thread that speaks to a server. It need not be there yet.
    ///
    /// # Errors
    /// When no thread or runtime can be had.
    pub(super) fn start(
        server: &RedisServer,
        key: [u8; 32],
        heard: Option<PathBuf>,
        metrics: &Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connector = Arc::new(TransportConnector::new(None));
        let (line, looking) = line::new(server, &connector);
        let (writing, written) = line::new(server, &connector);
        let lines = [line, writing.clone()];
        let (writes, jobs) = mpsc::channel(WRITES);
        let (heed, prefix) = (Arc::<Heed>::default(), Arc::from(&*server.prefix));
        let keeper = Keeper {
            key,
            prefix: Arc::clone(&prefix),
            line: writing,
            metrics: Arc::clone(metrics),
            heed: Arc::clone(&heed),
            heard,
            seen: None,
        };
        let all = async move { tokio::join!(looking.run(), written.run(), keeper.run(jobs)) };
        std::thread::Builder::new().name("cache-redis".to_owned()).spawn(move || runtime.block_on(all))?;
        let (patience, breaker) = (server.timeout, Breaker::default());
        let room = Arc::new(Semaphore::new(WAITING));
        Ok(Self { key, prefix, patience, lines, breaker, writes, room, heed })
    }

    /// Who is told that another gateway let go of something.
    pub(super) fn heed(&self, heed: Box<dyn Fn(&Which) + Send + Sync>) {
        // There is one.
        let _ = self.heed.set(heed);
    }

    /// What there is under these numbers.
    pub(super) async fn look(&self, fingerprints: &[Fingerprint]) -> (Outcome, Vec<Kept>) {
        let [line, _] = &self.lines;
        if !line.is_up() || !self.breaker.lets_pass(clock::ticks(clock::now())) {
            return (Outcome::Resting, Vec::new());
        }
        let mut commands = Vec::with_capacity(fingerprints.len() * 96);
        for fingerprint in fingerprints {
            resp::put(&mut commands, &[b"GET", name(&self.prefix, *fingerprint).as_bytes()]);
        }
        let Some(answered) = line.ask(commands, fingerprints.len()) else {
            return (Outcome::Resting, Vec::new());
        };
        let replies = match timeout(self.patience, answered).await {
            Ok(Ok(replies)) => replies,
            Ok(Err(_)) => return (self.failed(Outcome::Failed), Vec::new()),
            Err(_) => return (self.failed(Outcome::Late), Vec::new()),
        };
        if replies.iter().any(|reply| matches!(reply, Reply::Error(_))) {
            return (self.failed(Outcome::Failed), Vec::new());
        }
        self.breaker.succeeded();
        let pairs = fingerprints.iter().zip(replies);
        let found: Vec<_> = pairs.filter_map(|(fingerprint, reply)| self.kept(*fingerprint, reply)).collect();
        (if found.is_empty() { Outcome::Miss } else { Outcome::Hit }, found)
    }

    fn failed(&self, outcome: Outcome) -> Outcome {
        self.breaker.failed(clock::ticks(clock::now()));
        outcome
    }

    fn kept(&self, fingerprint: Fingerprint, reply: Reply) -> Option<Kept> {
        let Reply::Bulk(packed) = reply else { return None };
        // Of its own: a small answer would hold all that came with it.
        let packed = Bytes::copy_from_slice(&packed);
        let Unpacked { entry, made, until } = unpack(&self.key, fingerprint, &packed).ok()?;
        // Clocks of a fleet differ a little from the server's.
        let entry = (until > clock::unix_millis()).then(|| Arc::new(entry))?;
        Some(Kept { fingerprint, entry, made, until })
    }

    /// Has an entry written; whether there is room for it to wait.
    pub(super) fn keep(&self, kept: Kept) -> bool {
        let room = kept.wait_in(&self.room);
        room.is_some_and(|room| self.writes.try_send(Job::Keep(kept, room)).is_ok())
    }

    /// Lets go of the entries that are meant, those that wait to be written among them, and tells the fleet.
    pub(super) async fn purge(&self, which: Which) -> Option<usize> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.writes.send(Job::Purge(which, answer)).await.ok()?;
            answered.await.ok().flatten()
        };
        timeout(PURGE, asked).await.ok().flatten()
    }

    /// How it stands.
    pub(super) fn stand(&self) -> Standing {
        let is_up = self.lines.iter().all(Line::is_up) && !self.breaker.is_open(clock::ticks(clock::now()));
        Standing { tier: Tier::Redis, is_up, held: None }
    }
}

/// Under which name an entry lies on the server.
fn name(prefix: &str, fingerprint: Fingerprint) -> String {
    let mut name = String::with_capacity(prefix.len() + 34);
    name.push_str(prefix);
    name.push_str("e:");
    for byte in fingerprint.to_bytes() {
        // A text takes whatever is written to it.
        let _ = write!(name, "{byte:02x}");
    }
    name
}
