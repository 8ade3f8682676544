//! What all workers share: the world behind one pointer, and counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, Semaphore};

use crate::cache::{Exact, Which};
use crate::clock;
use crate::policy::Keyring;
use crate::proxy::bytes_held::BytesHeld;
use crate::proxy::caching::asking;
use crate::proxy::departure::resolve::Resolver;
use crate::proxy::external::Outward;
use crate::proxy::fetching::Fetcher;
use crate::proxy::issuers::IssuerKeys;
use crate::proxy::keeping::Shelf;
use crate::proxy::keeping::background::Background;
use crate::proxy::minting::Credentials;
use crate::proxy::tallying::Tallying;
use crate::proxy::threshold::files::Files;
use crate::route::health::Board;
use crate::snapshot::{Snapshot, Staged};
use crate::store::ledger::Ledger;
use crate::store::tiers::{Standing, Tiers};
use crate::telemetry::{Metrics, Telemetry};

/// What all workers share. Nothing in it is locked on a request's path.
#[derive(Debug)]
pub struct Shared {
    /// The world; taken once a request.
    pub world: ArcSwap<Snapshot>,
    /// Where records are left.
    pub telemetry: Arc<Telemetry>,
    /// What is kept for clients.
    pub shelf: Shelf,
    /// What runs for them in the background.
    pub background: Arc<Background>,
    /// What was answered, and is being answered.
    pub cache: Arc<Exact>,
    /// Where answers are kept behind memory.
    pub tiers: Option<Arc<Tiers>>,
    /// The bytes that bodies hold.
    pub held: Arc<BytesHeld>,
    /// How providers do.
    pub board: Board,
    /// The addresses of providers.
    pub resolver: Arc<Resolver>,
    /// What clouds lend to providers.
    pub credentials: Arc<Credentials>,
    /// The keys of issuers whose tokens open the door.
    pub issuer_keys: IssuerKeys,
    /// What limits and budgets have counted, and where it is written down.
    pub tallying: Tallying,
    /// What is kept of finished requests, where that is.
    pub ledger: Option<Ledger>,
    /// What gets pictures behind addresses.
    pub fetcher: Fetcher,
    /// What asks guards that live elsewhere.
    pub outward: Arc<Outward>,
    /// Room for the cache's questions to models.
    pub asking: Arc<Semaphore>,
    /// How many files may be open.
    pub files: Files,
    draining: AtomicBool,
    cutting: AtomicBool,
    dropping: AtomicBool,
    last_call: Notify,
    turn: AtomicUsize,
}

impl Shared {
    /// The shared state of a process that begins to serve `world`.
    #[must_use]
    pub fn new(
        mut world: Arc<Snapshot>,
        telemetry: Arc<Telemetry>,
        shelf: Shelf,
        (tallying, ledger): (Tallying, Option<Ledger>),
        tiers: Option<Tiers>,
        listen: &str,
    ) -> Self {
        telemetry.metrics.serves(world.generation);
        let board = Board::default();
        Arc::make_mut(&mut world).look_up_health(&board);
        let (resolver, credentials) = (Arc::<Resolver>::default(), Arc::<Credentials>::default());
        credentials.adopt(&world);
        let issuer_keys = IssuerKeys::default();
        issuer_keys.adopt(&world);
        let (room, largest) = (world.caching.room.as_usize(), world.caching.largest.as_usize());
        // Without a key of its own, fingerprints could only be foretold: they are never shown.
        let own = || clock::secret_bits().unwrap_or_default();
        let key = tiers.as_ref().map_or_else(own, |tiers| tiers.key);
        let cache = Arc::new(Exact::new(key, room, largest));
        let background = Arc::new(Background::new(listen));
        let outward = Outward::new(&resolver, &credentials, &background, &telemetry.metrics);
        let outward = Arc::new(outward);
        Self {
            cache,
            tiers: tiers.map(Arc::new),
            world: ArcSwap::new(world),
            shelf,
            background,
            held: Arc::default(),
            board,
            outward,
            asking: asking::room(),
            resolver,
            credentials,
            issuer_keys,
            tallying,
            ledger,
            fetcher: Fetcher::default(),
            telemetry,
            files: Files::new(rlimit::Resource::NOFILE.get().map_or(u64::MAX, |(soft, _)| soft)),
            draining: AtomicBool::new(false),
            cutting: AtomicBool::new(false),
            dropping: AtomicBool::new(false),
            last_call: Notify::new(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.telemetry.metrics
    }

    /// Serves another world from the next request on, and none beside it.
    pub fn swap(&self, mut world: Snapshot) {
        world.look_up_health(&self.board);
        self.metrics().serves(world.generation);
        self.cache.resize(world.caching.room.as_usize(), world.caching.largest.as_usize());
        self.serve(world);
    }

    /// Has a share of the clients see another world from the next request on, in the place of one that was
    /// staged before.
    pub fn stage(&self, mut world: Snapshot, percent: u8) {
        world.look_up_health(&self.board);
        world.is_staged = true;
        self.serve_beside(Some(Staged { world: Arc::new(world), percent }));
    }

    /// Has another share of the clients see the world that is staged, or none; nothing is staged then.
    pub fn share(&self, percent: Option<u8>) {
        let staged = self.world.load().staged.clone();
        let world = staged.map(|staged| staged.world);
        self.serve_beside(world.zip(percent).map(|(world, percent)| Staged { world, percent }));
    }

    /// Serves the world that is staged to all clients; which one that is, where there is one.
    pub fn promote(&self) -> Option<u64> {
        let staged = self.world.load().staged.clone()?;
        let generation = staged.world.generation;
        self.swap(Snapshot { is_staged: false, ..Snapshot::clone(&staged.world) });
        Some(generation)
    }

    /// Serves the same world, with this one beside it.
    fn serve_beside(&self, staged: Option<Staged>) {
        self.serve(Snapshot { staged, ..Snapshot::clone(&self.world.load()) });
    }

    fn serve(&self, world: Snapshot) {
        let staged = world.staged.as_ref();
        self.metrics().stages(staged.map(|staged| (staged.world.generation, staged.percent)));
        self.credentials.adopt(&world);
        self.issuer_keys.adopt(&world);
        self.world.store(Arc::new(world));
        self.board.tidy();
    }

    /// Serves the same worlds with other keys from the next request on: those of the one that is served, and
    /// those of the one that is staged, where one is.
    pub fn admit(&self, keyring: Keyring, staged: Option<Keyring>) {
        let mut world = self.world.load().with_keys(keyring);
        if let Some((beside, keyring)) = world.staged.as_mut().zip(staged) {
            beside.world = Arc::new(beside.world.with_keys(keyring));
        }
        self.world.store(Arc::new(world));
    }

    /// How what lies behind memory stands.
    #[must_use]
    pub fn behind(&self) -> Vec<Standing> {
        self.tiers.as_ref().map(|tiers| tiers.stand()).unwrap_or_default()
    }

    /// Lets go of what another gateway of the fleet let go of.
    pub fn heed(&self, which: &Which) {
        self.cache.purge(which);
        if let Some(tiers) = &self.tiers {
            let (cache, again) = (Arc::clone(&self.cache), which.clone());
            // Who looked there meanwhile has it in memory again.
            tiers.follow(which, move || {
                cache.purge(&again);
            });
        }
    }

    /// No new connections are taken; the readiness probe says so.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the process is about to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The drain's time is up: requests that still run break off at their next piece or in their
    /// wait for it, so that their clients are told and what they used is recorded.
    pub fn cut(&self) {
        self.cutting.store(true, Ordering::Release);
        self.last_call.notify_waiters();
    }

    /// Whatever still runs is dropped, which leaves its record.
    pub fn drop_all(&self) {
        self.dropping.store(true, Ordering::Release);
        self.last_call.notify_waiters();
    }

    /// Whether whatever runs is to be dropped.
    #[must_use]
    pub fn is_dropping(&self) -> bool {
        self.dropping.load(Ordering::Acquire)
    }

    /// Rings when answers must break off, and again when they are dropped.
    pub fn last_call(&self) -> Notified<'_> {
        self.last_call.notified()
    }

    /// Whether answers must break off.
    #[must_use]
    pub fn is_cutting(&self) -> bool {
        self.cutting.load(Ordering::Acquire)
    }

    /// The next number in a row, by which a provider's keys take turns.
    pub fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }
}
