//! Builds the compiled world out of the file: the only place that knows both.
//!
//! What cannot be built is noted and left out, so that one mistake does not hide the next.

mod breakers;
mod cache;
mod clouds;
mod external;
mod guards;
mod jwt;
mod keys;
mod legs;
mod log;
mod names;
mod operators;
mod pressure;
mod prices;
mod providers;
mod rewrites;
mod rules;
mod telemetry;
mod tiers;

pub use keys::{Stored, stored};

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::policy::{Network, Proxies, Teller};
use crate::snapshot::{Bodies, Door, Downstream, FetchImages, Snapshot, Upstream};
use crate::units::ByteSize;

use super::environment::Variables;
use super::file::{File, MasterKeyFor, Span, TrustedHeader, Unpriced};
use super::problem::{Place, Problems};
use super::read::did_you_mean;
use super::tree::Node;
use super::{Keys, Ledger, Process};

/// More threads than any machine this runs on has cores.
const MOST_THREADS: u32 = 1024;
/// More attempts than this help nobody.
const MOST_ATTEMPTS: u32 = 20;

/// The file, and the trees that know its places.
pub(super) struct Source<'a> {
    pub(super) file: &'a File,
    /// What the file was read from: without what did not fit the types.
    pub(super) sound: &'a Node,
    /// All that was written. What is wrong here has had its problem told.
    pub(super) written: &'a Node,
    /// The variables that clouds' own tools read.
    pub(super) variables: &'a Variables,
    /// The folder that paths in the file start from.
    pub(super) folder: &'a Path,
}

/// The world as the file describes it; sound only if no error was noted.
pub(super) fn compile(
    source: &Source<'_>,
    generation: u64,
    problems: &mut Problems,
) -> (Snapshot, Process, Keys) {
    let file = source.file;
    let mut check = Check { source, problems };
    let process = process(file, &mut check);
    let downstream = downstream(file, &mut check);
    let upstream = upstream(file, &mut check);
    let fetch_images = fetch_images(file, &mut check);
    let mut caching = cache::compile(file, &mut check);
    let for_admin = file.master_key_for == MasterKeyFor::Admin;
    let operators = operators::compile(file, &mut check);
    let mut door = Door::new(file.master_key.as_ref().map(|key| &key.0), for_admin).with_operators(operators);
    let (drafts, bounds) = keys::compile(file, &mut check);
    let keys = Keys { drafts, bounds };
    door.issuers = jwt::compile(file, &mut check);
    let no_key = check.source.written.get("master_key").is_none_or(Node::is_blank);
    if no_key && keys.drafts.is_empty() && door.issuers.is_empty() && !is_loopback(&process.listen) {
        check.problems.warning(
            &check.place(&["master_key"]),
            format!("there is no master key, so whoever reaches {} may use the providers", process.listen),
            "set TOLLGATE_MASTER_KEY".to_owned(),
        );
    }
    let guards = guards::compile(file, &mut check);
    let (providers, offers) = providers::compile(file, &mut check);
    let externals = external::compile(file, &providers, &mut check);
    let table = names::compile(file, &offers, &mut check);
    cache::ask(&mut caching, file, &table, &mut check);
    let overlays = prices::compile(file, &mut check);
    let catalog = Arc::new(Catalog::builtin().with_overlay(&overlays));
    let proxies = proxies(file, &mut check);
    let snapshot = Snapshot {
        generation,
        door,
        proxies,
        providers,
        table,
        discovered: Arc::default(),
        catalog,
        downstream,
        upstream,
        breakers: breakers::compile(file, &mut check),
        pressure: pressure::compile(file, &mut check),
        fetch_images,
        caching,
        bodies: bodies(file, &mut check),
        guards,
        rewrites: rewrites::compile(file, &mut check),
        externals,
        strict: file.strict,
        unpriced: file.unpriced == Unpriced::Allow,
        is_staged: false,
        staged: None,
    };
    (snapshot, process, keys)
}

/// Where things are written, and the problems found so far.
struct Check<'a> {
    source: &'a Source<'a>,
    problems: &'a mut Problems,
}

impl Check<'_> {
    fn place(&self, path: &[&str]) -> Place {
        self.source.sound.place_of(path)
    }

    fn error(&mut self, path: &[&str], message: impl Into<String>, hint: impl Into<Option<String>>) {
        let place = self.place(path);
        self.problems.error(&place, message, hint);
    }

    fn warning(&mut self, path: &[&str], message: impl Into<String>, hint: impl Into<Option<String>>) {
        let place = self.place(path);
        self.problems.warning(&place, message, hint);
    }

    /// Whether a name stands in one of the file's maps, even if what stands there is wrong.
    fn is_declared(&self, map: &str, name: &str) -> bool {
        self.source.written.get(map).is_some_and(|node| node.get(name).is_some())
    }

    /// Notes those of a list's providers that the file does not have; `path` leads to the list.
    fn providers(&mut self, path: &[&str], names: &[String]) {
        for (place, name) in names.iter().enumerate() {
            if !self.is_declared("providers", name.trim()) {
                let hint = did_you_mean(name, self.declared("providers"));
                let place = place.to_string();
                self.error(
                    &[path, &[place.as_str()]].concat(),
                    format!("no provider is named \"{name}\""),
                    hint,
                );
            }
        }
    }

    fn declared(&self, map: &str) -> impl Iterator<Item = &str> {
        let entries = self.source.written.get(map).map(Node::entries).unwrap_or_default();
        entries.iter().map(|entry| entry.key.as_str())
    }

    fn time(&mut self, path: &[&str], span: Span) -> Duration {
        if span.0.is_zero() {
            self.error(path, "expected a time that is longer than nothing", None);
        }
        span.0
    }

    fn number(&mut self, path: &[&str], number: u32, most: u32) -> u32 {
        if !(1..=most).contains(&number) {
            self.error(path, format!("expected a number from 1 to {most}"), None);
        }
        number
    }
}

fn process(file: &File, check: &mut Check<'_>) -> Process {
    let listen = address(&file.listen, &["listen"], check);
    let admin_listen = match file.admin.listen.trim() {
        "" | "off" | "false" | "no" => None,
        text => Some(address(text, &["admin", "listen"], check)),
    };
    if admin_listen.as_ref() == Some(&listen) && !listen.ends_with(":0") {
        check.error(&["admin", "listen"], "the operator's address must differ from the clients'", None);
    }
    let threads = match file.threads {
        Some(threads) => check.number(&["threads"], threads, MOST_THREADS) as usize,
        None => std::thread::available_parallelism().map_or(1, NonZero::get),
    };
    if file.data_dir.trim().is_empty() {
        check.error(&["data_dir"], "expected a folder", None);
    }
    let data_dir = PathBuf::from(file.data_dir.trim());
    let (keep, room) = (file.responses.keep.0, file.responses.room.0);
    if room.0 == 0 {
        check.error(&["responses", "room"], "expected a size above 0", "keep: off keeps none".to_owned());
    }
    let own_socket = file.shutdown.socket.as_deref().map(str::trim).filter(|path| !path.is_empty());
    Process {
        listen,
        admin_listen,
        threads,
        upgrade_sock: own_socket.map_or_else(|| data_dir.join("upgrade.sock"), PathBuf::from),
        data_dir,
        responses: keep.map(|keep| (keep, room)),
        metrics_series: series(file, check),
        ledger: ledger(file, check),
        log: file.log.level,
        access_log: file.log.access,
        lines: log::compile(file, check),
        otlp: telemetry::compile(file, check),
        tiers: tiers::compile(file, check),
        drain: file.shutdown.drain.0,
        upgrade_drain: file.shutdown.upgrade_drain.0,
        discovery: file.discovery.interval.0,
        h2c: file.h2c,
    }
}

fn series(file: &File, check: &mut Check<'_>) -> usize {
    const MOST: u32 = 100_000;
    if file.metrics.series > MOST {
        check.error(&["metrics", "series"], format!("expected a number from 0 to {MOST}"), None);
    }
    file.metrics.series as usize
}

fn ledger(file: &File, check: &mut Check<'_>) -> Option<Ledger> {
    const HOUR: Duration = Duration::from_secs(3600);
    let written = &file.ledger;
    for (name, keep) in [
        ("keep", written.keep.0),
        ("keep_rollups", written.keep_rollups.0),
        ("keep_bodies", written.keep_bodies.0),
    ] {
        if keep.is_some_and(|keep| keep < HOUR) {
            let hint = "off keeps all of it; enabled: false keeps nothing".to_owned();
            check.error(&["ledger", name], "expected at least an hour", hint);
        }
    }
    let ledger = Ledger {
        keep: written.keep.0,
        keep_rollups: written.keep_rollups.0,
        keep_bodies: written.keep_bodies.0,
        when_full: written.when_full,
        sync: written.sync,
    };
    written.enabled.then_some(ledger)
}

/// Of which requests the bodies are logged.
fn bodies(file: &File, check: &mut Check<'_>) -> Bodies {
    const MOST: ByteSize = ByteSize(4 << 20);
    let most = file.ledger.body_size.0;
    if !(1..=MOST.0).contains(&most.0) {
        check.error(&["ledger", "body_size"], format!("expected a size of at most {MOST}"), None);
    }
    let mut routes = FxHashMap::default();
    for (name, route) in &file.routes {
        let Some(portion) = route.log_bodies else { continue };
        if portion.0 > 0 && !file.ledger.enabled {
            let path = ["routes", name, "log_bodies"];
            check.warning(&path, "there is no ledger, so that no body is logged", None);
        }
        routes.insert(name.clone(), portion.0);
    }
    Bodies { most: most.as_usize(), routes }
}

/// An address and a port; a port alone listens on every address.
fn address(text: &str, path: &[&str], check: &mut Check<'_>) -> String {
    let text = text.trim();
    let full = match text.split_once(':') {
        None => format!("0.0.0.0:{text}"),
        Some(("", port)) => format!("0.0.0.0:{port}"),
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        Some(_) => text.to_owned(),
    };
    if full.parse::<SocketAddr>().is_err() {
        let hint = "names of hosts are not looked up; 0.0.0.0 is every IPv4 address, [::] every address";
        check.error(path, "expected an address and a port such as 0.0.0.0:8080", hint.to_owned());
    }
    full
}

fn is_loopback(listen: &str) -> bool {
    listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

fn downstream(file: &File, check: &mut Check<'_>) -> Downstream {
    let limits = &file.limits;
    for (name, size) in [("body", limits.body), ("head", limits.head), ("held", limits.held)] {
        if size.0.0 == 0 {
            check.error(&["limits", name], "expected a size above 0", None);
        }
    }
    if limits.held.0 < limits.body.0 {
        let message = format!("one body of {} would not fit into all that may be held", limits.body);
        check.error(&["limits", "held"], message, "give held at least the size of body".to_owned());
    }
    Downstream {
        body: limits.body.0,
        head: limits.head.0,
        held: limits.held.0,
        read_timeout: check.time(&["limits", "read_timeout"], limits.read_timeout),
        write_timeout: check.time(&["limits", "write_timeout"], limits.write_timeout),
        keepalive: check.time(&["limits", "keepalive"], limits.keepalive),
        ping: check.time(&["limits", "ping"], limits.ping),
    }
}

fn proxies(file: &File, check: &mut Check<'_>) -> Proxies {
    let mut networks = Vec::with_capacity(file.trusted_proxies.len());
    for (place, network) in file.trusted_proxies.iter().enumerate() {
        match network.parse::<Network>() {
            Ok(network) => networks.push(network),
            Err(wrong) => {
                check.error(&["trusted_proxies", &place.to_string()], wrong.to_string(), None);
            }
        }
    }
    let teller = match file.trusted_header {
        TrustedHeader::XForwardedFor => Teller::XForwardedFor,
        TrustedHeader::Forwarded => Teller::Forwarded,
        TrustedHeader::XRealIp => Teller::XRealIp,
    };
    Proxies { networks, teller }
}

fn fetch_images(file: &File, check: &mut Check<'_>) -> FetchImages {
    const MOST: u32 = 100;
    let written = &file.fetch_images;
    if written.size.0.0 == 0 {
        check.error(
            &["fetch_images", "size"],
            "expected a size above 0",
            "enabled: false gets none".to_owned(),
        );
    }
    FetchImages {
        enabled: written.enabled,
        http: written.http,
        private: written.private,
        size: written.size.0,
        count: check.number(&["fetch_images", "count"], written.count, MOST),
        timeout: check.time(&["fetch_images", "timeout"], written.timeout),
    }
}

fn upstream(file: &File, check: &mut Check<'_>) -> Upstream {
    let upstream = &file.upstream;
    Upstream {
        connect_timeout: check.time(&["upstream", "connect_timeout"], upstream.connect_timeout),
        first_byte_timeout: check.time(&["upstream", "first_byte_timeout"], upstream.first_byte_timeout),
        first_token_timeout: upstream.first_token_timeout.0,
        idle_timeout: check.time(&["upstream", "idle_timeout"], upstream.idle_timeout),
        total_timeout: check.time(&["upstream", "total_timeout"], upstream.total_timeout),
        session_timeout: check.time(&["upstream", "session_timeout"], upstream.session_timeout),
        session_idle_timeout: check
            .time(&["upstream", "session_idle_timeout"], upstream.session_idle_timeout),
        attempts: check.number(&["upstream", "attempts"], upstream.attempts, MOST_ATTEMPTS),
        retries: u32::try_from(upstream.retries.0).unwrap_or(100),
    }
}
