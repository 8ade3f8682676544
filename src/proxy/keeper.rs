//! The thread that keeps the world fresh: reloads on SIGHUP, takes over keys, looks hosts up,
//! discovers models, gets credentials.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Interval;

use crate::config::{self, Problem, Process, Sources};
use crate::proxy::discovery::{self, Discovery};
use crate::proxy::issuers::KeyFetchers;
use crate::proxy::key_watch::KeyWatch;
use crate::proxy::minting::Minters;
use crate::proxy::probing::Prober;
use crate::proxy::reloads::{Loaded, Reloads, Wish};
use crate::proxy::shared::Shared;

/// The signal to whoever writes more into a file than it may have.
const SIGXFSZ: i32 = 25;

/// How often it is looked whether the store's keys have changed.
const LOOK_AT_KEYS: Duration = Duration::from_millis(500);

/// How often what limits and budgets count is written down.
const WRITE_DOWN: Duration = Duration::from_secs(1);

/// How often hosts are looked up again.
const LOOK_UP: Duration = Duration::from_secs(30);

/// How often it is looked whether hosts that were left alone are back, at most.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Whom to tell of a reload: which world is served, or what is wrong with the new one.
type Asker = oneshot::Sender<Result<u64, Arc<Vec<Problem>>>>;

/// What the keeper works with.
#[derive(Debug)]
pub struct Keeper {
    /// The state it refreshes.
    pub shared: Arc<Shared>,
    /// Where the configuration comes from.
    pub sources: Sources,
    /// What the process was started with.
    pub process: Process,
    /// Where keys come from.
    pub keys: KeyWatch,
    /// What became of the configuration.
    pub reloads: Arc<Reloads>,
    /// What it is asked to do at once.
    pub wishes: mpsc::Receiver<Wish>,
}

impl Keeper {
    /// Starts the thread. SIGHUP is owned from the moment this returns.
    ///
    /// # Errors
    /// When no thread or runtime can be had.
    pub fn start(self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let hangup = {
            let _inside = runtime.enter();
            // A file that may not grow is an error for whoever writes it, and no end of the process.
            drop(signal(SignalKind::from_raw(SIGXFSZ))?);
            signal(SignalKind::hangup())?
        };
        std::thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || runtime.block_on(self.keep(hangup)))?;
        Ok(())
    }

    async fn keep(mut self, mut hangup: Signal) {
        let cache: PathBuf = self.process.data_dir.join("discovered-models.json");
        let mut discovery = Discovery::new(cache);
        if self.process.discovery.is_some() {
            discovery.remember(&self.shared);
        }
        let mut minters = Minters::default();
        minters.follow(&self.shared);
        let mut fetchers = KeyFetchers::default();
        fetchers.follow(&self.shared);
        let mut look_at_keys = tokio::time::interval(LOOK_AT_KEYS);
        let mut write_down = tokio::time::interval(WRITE_DOWN);
        let mut look_up = tokio::time::interval(LOOK_UP);
        let mut discover = tokio::time::interval(self.process.discovery.unwrap_or(Duration::from_secs(3600)));
        let mut look_after = tokio::time::interval(LOOK_AFTER);
        let mut prober = Prober::default();
        // Somebody who asked for a reload while something else was done.
        let mut asker: Option<Asker> = None;
        loop {
            if let Some(asker) = asker.take() {
                let outcome = self.reload();
                minters.follow(&self.shared);
                fetchers.follow(&self.shared);
                discovery.remember(&self.shared);
                discover.reset_immediately();
                // Whoever asked may have lost patience.
                drop(asker.send(outcome));
            }
            tokio::select! {
                received = hangup.recv() => {
                    if received.is_none() {
                        return;
                    }
                    asker = Some(nobody());
                }
                Some(wish) = self.wishes.recv() => asker = self.grant(wish),
                _ = look_at_keys.tick() => drop(self.take_over_keys()),
                _ = write_down.tick() => self.shared.tallying.write(),
                _ = look_up.tick() => {
                    let shared = Arc::clone(&self.shared);
                    asker = self.beside(look_up_all(&shared), &mut hangup, (&mut look_at_keys, &mut write_down)).await;
                }
                _ = look_after.tick() => {
                    if prober.is_due(&self.shared) {
                        let shared = Arc::clone(&self.shared);
                        let run = Box::pin(prober.run(&shared));
                        asker = self.beside(run, &mut hangup, (&mut look_at_keys, &mut write_down)).await;
                    }
                }
                _ = discover.tick(), if self.process.discovery.is_some() => {
                    let shared = Arc::clone(&self.shared);
                    let run = Box::pin(discovery.run(&shared));
                    asker = self.beside(run, &mut hangup, (&mut look_at_keys, &mut write_down)).await;
                }
            }
        }
    }

    /// Does what may take long, and misses no beat of the keys and the tallies over it. It is given up
    /// for somebody who wants a reload, which begins it anew.
    async fn beside(
        &mut self,
        work: impl Future<Output = ()>,
        hangup: &mut Signal,
        (look_at_keys, write_down): (&mut Interval, &mut Interval),
    ) -> Option<Asker> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                () = &mut work => return None,
                Some(()) = hangup.recv() => return Some(nobody()),
                Some(wish) = self.wishes.recv() => {
                    let asker = self.grant(wish);
                    if asker.is_some() {
                        return asker;
                    }
                }
                _ = look_at_keys.tick() => drop(self.take_over_keys()),
                _ = write_down.tick() => self.shared.tallying.write(),
            }
        }
    }

    /// Grants a wish, but for a reload, whose asker is told later.
    fn grant(&mut self, wish: Wish) -> Option<Asker> {
        match wish {
            Wish::Keys(done) => {
                // Whoever asked may have lost patience.
                drop(done.send(self.take_over_keys()));
                None
            }
            Wish::Reload(asker) => Some(asker),
        }
    }

    /// Takes over the store's keys, if they have changed; or says why it cannot.
    fn take_over_keys(&mut self) -> Result<(), String> {
        match self.keys.read() {
            Ok(true) => self.shared.admit(self.keys.keyring()),
            Ok(false) => {}
            Err(why) => {
                log::error!("{why}; those that were known hold");
                return Err(why);
            }
        }
        Ok(())
    }

    /// Compiles the new world beside the old one, and serves it if it is whole.
    fn reload(&mut self) -> Result<u64, Arc<Vec<Problem>>> {
        let generation = self.shared.world.load().generation + 1;
        match config::load(&self.sources, generation) {
            Ok(compiled) => {
                for warning in &compiled.warnings {
                    log::warn!("{warning}");
                }
                for field in self.process.differences(&compiled.process) {
                    log::warn!(
                        "{field} changed; it takes effect with a restart or an upgrade (SIGQUIT, --upgrade)"
                    );
                }
                self.reloads.refused.store(None);
                self.keys.rewrite(compiled.keys);
                if let Err(why) = self.keys.read() {
                    log::error!("{why}; those that were known hold");
                }
                self.shared.swap(Arc::new(compiled.snapshot.with_keys(self.keys.keyring())));
                self.reloads.loaded.store(Arc::new(Loaded::now(compiled.written, compiled.warnings)));
                log::info!("reloaded: serving generation {generation}");
                Ok(generation)
            }
            Err(problems) => {
                for problem in &problems {
                    log::error!("{problem}");
                }
                log::error!("the new configuration is refused; the old one keeps serving");
                self.shared.metrics().reloaded(Err(()));
                let problems = Arc::new(problems);
                self.reloads.refused.store(Some(Arc::clone(&problems)));
                Err(problems)
            }
        }
    }
}

/// Somebody who asks for a reload by a signal, and is told by the log.
fn nobody() -> Asker {
    oneshot::channel().0
}

async fn look_up_all(shared: &Shared) {
    let world = shared.world.load_full();
    let mut seen = FxHashSet::default();
    for provider in &world.providers {
        for host in discovery::hosts(provider) {
            if seen.insert(host.clone()) {
                shared.resolver.refresh(&host).await;
            }
        }
    }
}
