//! The Pingora server: one service and one thread a core, each with a listener of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::HttpServerOptions;
use pingora::listeners::{L4BufferSettings, ListenerConfig, TcpSocketOptions};
use pingora::server::configuration::{Opt, ServerConf};
use pingora::server::{RunArgs, Server, ShutdownSignal, ShutdownSignalWatch, ShutdownWatch};
use pingora::services::background::{BackgroundService, background_service};
use tokio::signal::unix::{SignalKind, signal};

use crate::clock;
use crate::config::Process;
use crate::proxy::Shared;
use crate::proxy::threshold::entrance;

/// How many idle connections to providers each worker keeps.
const POOL: usize = 512;

/// Whether a process takes over the listeners of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It binds its own.
    Fresh,
    /// It asks the running process for its listeners.
    Upgrade,
}

/// Builds the server with all workers; other services may be added before it runs.
#[must_use]
pub fn server(process: &Process, shared: &Arc<Shared>, start: Start) -> Server {
    let longest = process.drain.max(process.upgrade_drain);
    let conf = ServerConf {
        threads: 1,
        work_stealing: false,
        upgrade_sock: process.upgrade_sock.to_string_lossy().into_owned(),
        // The drain service ends the process as soon as nothing runs; this is only the bound.
        grace_period_seconds: Some(longest.as_secs() + 5),
        graceful_shutdown_timeout_seconds: Some(1),
        upstream_keepalive_pool_size: POOL,
        ..ServerConf::default()
    };
    if let (Start::Upgrade, Some(folder)) = (start, process.upgrade_sock.parent())
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        log::error!("the folder of the upgrade socket cannot be made: {error}");
    }
    let options = Opt { upgrade: start == Start::Upgrade, ..Opt::default() };
    let mut server = Server::new_with_opt_and_conf(options, conf);
    server.bootstrap();
    for worker in 0..process.threads {
        let mut options = HttpServerOptions::default();
        options.h2c = process.h2c;
        options.h2_idle_timeout = Some(shared.world.load().downstream.keepalive);
        let name = format!("worker {worker}");
        let mut service = entrance::service(&name, &server.configuration, shared, options);
        service.threads = Some(1);
        service.add_listener(listener(&spelling(&process.listen, worker)));
        server.add_service(service);
    }
    server
}

/// The address as this worker spells it. Pingora keeps one listener an address by its text, so
/// each worker writes the same port with one more leading zero.
fn spelling(address: &str, worker: usize) -> String {
    match address.rsplit_once(':') {
        Some((host, port)) => format!("{host}:{}{port}", "0".repeat(worker)),
        None => address.to_owned(),
    }
}

fn listener(address: &str) -> ListenerConfig {
    let mut options = TcpSocketOptions::default();
    options.so_reuseport = Some(true);
    // Pingora reads with 64 KiB unless told otherwise, which ten thousand idle clients feel.
    ListenerConfig::tcp(address)
        .tcp_socket_options(options)
        .l4_buffer(L4BufferSettings::new(16 << 10, 8 << 10))
}

/// Runs until the last request is done after a signal, then ends the process.
pub fn run(mut server: Server, process: &Process, shared: &Arc<Shared>) {
    let upgrading = Arc::new(AtomicBool::new(false));
    let drain = Drain {
        shared: Arc::clone(shared),
        upgrading: Arc::clone(&upgrading),
        after_term: process.drain,
        after_upgrade: process.upgrade_drain,
    };
    let mut service = background_service("drain", drain);
    service.threads = Some(1);
    server.add_service(service);
    server.run(RunArgs { shutdown_signal: Box::new(Signals { shared: Arc::clone(shared), upgrading }) });
}

/// Tells Pingora which way to end, and the drain service how patient to be.
struct Signals {
    shared: Arc<Shared>,
    upgrading: Arc<AtomicBool>,
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        let streams =
            (signal(SignalKind::quit()), signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(mut quit), Ok(mut terminate), Ok(mut interrupt)) = streams else {
            log::error!("signals cannot be listened to; only SIGKILL ends this process");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = quit.recv() => {
                log::info!("SIGQUIT: handing the listeners to a new process");
                self.upgrading.store(true, Ordering::Release);
                ShutdownSignal::GracefulUpgrade
            }
            // Nobody may be told that we are ready once we refuse connections.
            _ = terminate.recv() => {
                self.shared.drain();
                ShutdownSignal::GracefulTerminate
            }
            _ = interrupt.recv() => {
                self.shared.drain();
                ShutdownSignal::FastShutdown
            }
        }
    }
}

/// Ends the process as soon as the last request is done and told of, or at the limit.
struct Drain {
    shared: Arc<Shared>,
    upgrading: Arc<AtomicBool>,
    after_term: Duration,
    after_upgrade: Duration,
}

/// How long answers that are cut off have to say so and to be recorded.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a collector has to take the last spans.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// How often the drain looks.
const LOOK: Duration = Duration::from_millis(25);

#[async_trait]
impl BackgroundService for Drain {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        while !*shutdown.borrow() {
            if shutdown.changed().await.is_err() {
                return;
            }
        }
        let limit = if self.upgrading.load(Ordering::Acquire) { self.after_upgrade } else { self.after_term };
        self.shared.drain();
        let running = self.shared.metrics().in_flight();
        log::info!("draining: {running} requests in flight, at most {} s", limit.as_secs());
        let begun = clock::now();
        // Requests that were accepted but not yet read show up within a moment.
        tokio::time::sleep(LOOK * 2).await;
        while self.shared.metrics().in_flight() > 0 && begun.elapsed() < limit {
            tokio::time::sleep(LOOK).await;
        }
        let cut = self.shared.metrics().in_flight();
        self.shared.cut();
        let told = clock::now();
        while self.shared.metrics().in_flight() > 0 && told.elapsed() < LAST_WORDS {
            tokio::time::sleep(LOOK).await;
        }
        self.shared.drop_all();
        while self.shared.metrics().in_flight() > 0 && told.elapsed() < 2 * LAST_WORDS {
            tokio::time::sleep(LOOK).await;
        }
        // A request is done when its last frame is handed to its HTTP/2 connection, which sends it later.
        tokio::time::sleep(LOOK * 2).await;
        while !(self.shared.telemetry.is_idle() && self.shared.shelf.is_idle())
            && told.elapsed() < Duration::from_secs(5)
        {
            tokio::time::sleep(LOOK).await;
        }
        let tracing = self.shared.telemetry.tracing.as_ref();
        if let Some(tracing) = tracing {
            // Their records are told of, so that all spans are made; they go while the rest is written.
            tracing.close();
        }
        let closed = clock::now();
        self.shared.tallying.write();
        if let Some(ledger) = &self.shared.ledger {
            ledger.close();
            while !ledger.is_closed() && told.elapsed() < Duration::from_secs(10) {
                tokio::time::sleep(LOOK).await;
            }
        }
        while tracing.is_some_and(|tracing| !tracing.is_closed()) && closed.elapsed() < LAST_SPANS {
            tokio::time::sleep(LOOK).await;
        }
        if cut > 0 {
            log::warn!("drained for {} s; {cut} requests are cut off", begun.elapsed().as_secs());
        } else {
            log::info!("drained");
        }
        std::process::exit(0);
    }
}
