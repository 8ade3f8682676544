//! The thread that keeps the world fresh: reloads on SIGHUP, takes over keys, looks hosts up,
//! discovers models, gets credentials.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Interval;

use crate::config::{self, Compiled, Problem, Process, Sources};
use crate::proxy::discovery::{self, Discovery};
use crate::proxy::issuers::KeyFetchers;
use crate::proxy::key_watch::KeyWatch;
use crate::proxy::minting::Minters;
use crate::proxy::probing::Prober;
use crate::proxy::reloads::{Beside, Change, Changed, Loaded, Reloads, Unchanged, Wish};
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

/// What is to be done about the worlds, and whom to tell of it.
type Asked = (Change, oneshot::Sender<Changed>);

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
    /// The last world that was made, which need not be the one that is served.
    pub newest: u64,
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
        // What somebody asked for while something else was done.
        let mut asked: Option<Asked> = None;
        loop {
            if let Some((change, asker)) = asked.take() {
                let outcome = self.change(change);
                minters.follow(&self.shared);
                fetchers.follow(&self.shared);
                if self.process.discovery.is_some() {
                    discovery.remember(&self.shared);
                    discover.reset_immediately();
                }
                // Whoever asked may have lost patience.
                drop(asker.send(outcome));
            }
            tokio::select! {
                received = hangup.recv() => {
                    if received.is_none() {
                        return;
                    }
                    asked = Some(by_signal());
                }
                Some(wish) = self.wishes.recv() => asked = self.grant(wish),
                _ = look_at_keys.tick() => drop(self.take_over_keys()),
                _ = write_down.tick() => self.shared.tallying.write(),
                _ = look_up.tick() => {
                    let shared = Arc::clone(&self.shared);
                    asked = self.beside(look_up_all(&shared), &mut hangup, (&mut look_at_keys, &mut write_down)).await;
                }
                _ = look_after.tick() => {
                    if prober.is_due(&self.shared) {
                        let shared = Arc::clone(&self.shared);
                        let run = Box::pin(prober.run(&shared));
                        asked = self.beside(run, &mut hangup, (&mut look_at_keys, &mut write_down)).await;
                    }
                }
                _ = discover.tick(), if self.process.discovery.is_some() => {
                    let shared = Arc::clone(&self.shared);
                    let run = Box::pin(discovery.run(&shared));
                    asked = self.beside(run, &mut hangup, (&mut look_at_keys, &mut write_down)).await;
                }
            }
        }
    }

    /// Does what may take long, and misses no beat of the keys and the tallies over it. It is given up
    /// for somebody who wants other worlds, which begins it anew.
    async fn beside(
        &mut self,
        work: impl Future<Output = ()>,
        hangup: &mut Signal,
        (look_at_keys, write_down): (&mut Interval, &mut Interval),
    ) -> Option<Asked> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                () = &mut work => return None,
                Some(()) = hangup.recv() => return Some(by_signal()),
                Some(wish) = self.wishes.recv() => {
                    let asked = self.grant(wish);
                    if asked.is_some() {
                        return asked;
                    }
                }
                _ = look_at_keys.tick() => drop(self.take_over_keys()),
                _ = write_down.tick() => self.shared.tallying.write(),
            }
        }
    }

    /// Grants a wish, but for one about the worlds, whose asker is told later.
    fn grant(&mut self, wish: Wish) -> Option<Asked> {
        match wish {
            Wish::Keys(done) => {
                // Whoever asked may have lost patience.
                drop(done.send(self.take_over_keys()));
                None
            }
            Wish::Change(change, asker) => Some((change, asker)),
        }
    }

    /// Takes over the store's keys, if they have changed; or says why it cannot.
    fn take_over_keys(&mut self) -> Result<(), String> {
        match self.keys.read() {
            Ok(true) => self.shared.admit(self.keys.keyring(), self.keys.staged_keyring()),
            Ok(false) => {}
            Err(why) => {
                log::error!("{why}; those that were known hold");
                return Err(why);
            }
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> Changed {
        match change {
            Change::Reload => self.reload(),
            Change::Stage(text, percent) => self.stage(text.as_deref(), percent),
            Change::Share(percent) => self.share(percent),
            Change::Promote => self.promote(),
            Change::Drop => self.drop_staged(),
        }
    }

    /// Compiles the new world beside the old one, and serves it if it is whole. What is staged ends with that,
    /// since nobody could tell any more against which world it stands.
    fn reload(&mut self) -> Changed {
        let generation = self.newest + 1;
        match config::load(&self.sources, generation) {
            Ok(compiled) => {
                self.say_of(&compiled.process, &compiled.warnings);
                self.newest = generation;
                if self.reloads.beside.swap(None).is_some() {
                    log::warn!("what was staged is dropped: the configuration was reloaded for all clients");
                }
                self.reloads.refused.store(None);
                self.keys.rewrite(compiled.keys);
                self.read_keys();
                self.shared.metrics().reloaded(Ok(()));
                self.shared.swap(compiled.snapshot.with_keys(self.keys.keyring()));
                self.reloads.loaded.store(Arc::new(Loaded::now(compiled.written, compiled.warnings)));
                log::info!("reloaded: serving generation {generation}");
                Ok(generation)
            }
            Err(problems) => {
                let problems = told(problems);
                log::error!("the new configuration is refused; the old one keeps serving");
                self.shared.metrics().reloaded(Err(()));
                self.reloads.refused.store(Some(Arc::clone(&problems)));
                Err(Unchanged::Refused(problems))
            }
        }
    }

    /// Compiles a world, and has a share of the clients see it if it is whole.
    fn stage(&mut self, text: Option<&str>, percent: u8) -> Changed {
        let generation = self.newest + 1;
        let compiled = match text {
            Some(text) => config::compile_text(&self.sources, text, generation),
            None => config::load(&self.sources, generation),
        };
        let Compiled { snapshot, process, keys, written, warnings } =
            compiled.map_err(|problems| Unchanged::Refused(told(problems)))?;
        self.say_of(&process, &warnings);
        self.newest = generation;
        self.read_keys();
        self.keys.stage(Some(keys));
        let keyring = self.keys.staged_keyring().unwrap_or_default();
        self.shared.stage(snapshot.with_keys(keyring), percent);
        // Keys that were read meanwhile are those of the served world, too.
        self.shared.admit(self.keys.keyring(), None);
        let loaded = Arc::new(Loaded::now(written, warnings));
        let beside = Beside { generation, percent, is_the_file: text.is_none(), loaded };
        self.reloads.beside.store(Some(Arc::new(beside)));
        log::info!("staged: {percent} of 100 clients see generation {generation}");
        Ok(generation)
    }

    fn share(&self, percent: u8) -> Changed {
        let staged = self.reloads.beside.load_full().ok_or(Unchanged::NothingStaged)?;
        self.shared.share(Some(percent));
        let generation = staged.generation;
        self.reloads.beside.store(Some(Arc::new(Beside { percent, ..Beside::clone(&staged) })));
        log::info!("staged: {percent} of 100 clients see generation {generation}");
        Ok(generation)
    }

    /// Serves what is staged to all, as it was tried.
    fn promote(&mut self) -> Changed {
        let staged = self.reloads.beside.load_full().ok_or(Unchanged::NothingStaged)?;
        let generation = self.shared.promote().ok_or(Unchanged::NothingStaged)?;
        self.keys.promote();
        self.reloads.beside.store(None);
        self.reloads.refused.store(None);
        self.reloads.loaded.store(Arc::clone(&staged.loaded));
        log::info!("promoted: serving generation {generation} to all clients");
        if !staged.is_the_file {
            log::warn!("what is served now is not in the file: the next reload or start reads that");
        }
        Ok(generation)
    }

    fn drop_staged(&mut self) -> Changed {
        let staged = self.reloads.beside.swap(None).ok_or(Unchanged::NothingStaged)?;
        self.shared.share(None);
        self.keys.stage(None);
        log::info!("dropped: nobody sees generation {} any more", staged.generation);
        Ok(self.shared.world.load().generation)
    }

    /// Says what is to be said of a world that is whole.
    fn say_of(&self, process: &Process, warnings: &[Problem]) {
        for warning in warnings {
            log::warn!("{warning}");
        }
        for field in self.process.differences(process) {
            log::warn!("{field} changed; it takes effect with a restart or an upgrade (SIGQUIT, --upgrade)");
        }
    }

    fn read_keys(&mut self) {
        if let Err(why) = self.keys.read() {
            log::error!("{why}; those that were known hold");
        }
    }
}

/// Tells the log of all problems.
fn told(problems: Vec<Problem>) -> Arc<Vec<Problem>> {
    for problem in &problems {
        log::error!("{problem}");
    }
    Arc::new(problems)
}

/// A reload that a signal asks for, whose sender is told by the log.
fn by_signal() -> Asked {
    (Change::Reload, oneshot::channel().0)
}

async fn look_up_all(shared: &Shared) {
    let world = shared.world.load_full();
    let mut seen = FxHashSet::default();
    for provider in world.both().flat_map(|world| &world.providers) {
        for host in discovery::hosts(provider) {
            if seen.insert(host.clone()) {
                shared.resolver.refresh(&host).await;
            }
        }
    }
}
