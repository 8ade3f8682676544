//! `tollgate serve`: from the configuration to a running server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use pingora::tls::{RootCertStore, load_native_certs};

use crate::admin::Admin;
use crate::cli::{complain, complain_of};
use crate::config::{self, Compiled, Sources};
use crate::proxy::Shared;
use crate::proxy::exporting;
use crate::proxy::keeper::Keeper;
use crate::proxy::keeping::Shelf;
use crate::proxy::key_watch::KeyWatch;
use crate::proxy::reloads::{Loaded, Reloads};
use crate::proxy::serve::{self, Start};
use crate::proxy::tallying::Tallying;
use crate::store::journal::Journal;
use crate::store::ledger::{Keep, Ledger};
use crate::store::tiers::Tiers;
use crate::store::{Retention, Store};
use crate::telemetry::{Access, Metrics, Telemetry, Tracing, diagnostics};

/// Serves until a signal ends it.
pub(super) fn serve(file: Option<PathBuf>, start: Start) -> ExitCode {
    let sources = Sources::from_process(file);
    match config::load(&sources, 1) {
        Ok(compiled) => run(compiled, sources, start),
        Err(problems) => complain_of(&problems),
    }
}

/// Runs a compiled configuration.
pub(super) fn run(compiled: Compiled, sources: Sources, start: Start) -> ExitCode {
    let Compiled { snapshot, process, keys, written, warnings } = compiled;
    diagnostics::start(process.log);
    for warning in &warnings {
        log::warn!("{warning}");
    }
    let admin = process.admin_listen.as_deref();
    for (address, variable) in
        [(Some(process.listen.as_str()), "TOLLGATE_LISTEN"), (admin, "TOLLGATE_ADMIN_LISTEN")]
    {
        let Some(address) = address else { continue };
        if let Err(error) = check_listener(address, start) {
            complain(&format!("cannot listen on {address}: {error}; {variable} names another address"));
            return ExitCode::FAILURE;
        }
    }
    let ledger = process.ledger.map(|written| ledger(&process, written));
    let tallying = Tallying::open(&process.data_dir, process.threads);
    let keys = match KeyWatch::open(&process.data_dir, keys, Arc::clone(tallying.book())) {
        Ok(keys) => keys,
        Err(why) => {
            complain(&why);
            return ExitCode::FAILURE;
        }
    };
    let snapshot = snapshot.with_keys(keys.keyring());
    if ledger.as_ref().is_some_and(Ledger::is_alone) {
        tallying.recount(&process.data_dir);
    }
    if snapshot.door.is_open() {
        log::warn!(
            "THE GATEWAY IS OPEN: anyone who reaches {} may spend your money; set TOLLGATE_MASTER_KEY, \
             or make a key with `tollgate keys create`",
            process.listen
        );
    }
    if let Err(why) = check_authorities(&snapshot) {
        complain(&why);
        return ExitCode::FAILURE;
    }
    raise_file_limit();
    let loaded = Loaded::now(written, warnings);
    match prepare(snapshot, &process, sources.clone(), loaded, (keys, tallying, ledger), start) {
        Ok((shared, reloads, telemetry)) => {
            let mut server = serve::server(&process, &shared, start);
            if let Some(address) = &process.admin_listen {
                let admin = Admin::new(Arc::clone(&shared), reloads, sources, &process.data_dir);
                server.add_service(admin.service(address));
            }
            let names: Vec<_> =
                shared.world.load().providers.iter().map(|provider| provider.name.clone()).collect();
            log::info!(
                "tollgate {} serves {} on {} with {} workers; admin on {}",
                env!("CARGO_PKG_VERSION"),
                names.join(", "),
                process.listen,
                process.threads,
                process.admin_listen.as_deref().unwrap_or("nothing"),
            );
            serve::run(server, &process, &shared);
            drop(telemetry);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}

type Prepared = (Arc<Shared>, Arc<Reloads>, crate::telemetry::Listener);

fn prepare(
    snapshot: crate::snapshot::Snapshot,
    process: &config::Process,
    sources: Sources,
    loaded: Loaded,
    (keys, tallying, ledger): (KeyWatch, Tallying, Option<Ledger>),
    start: Start,
) -> Result<Prepared, Box<dyn std::error::Error>> {
    let metrics = Arc::new(Metrics::new()?.telling_apart(process.metrics_series));
    let journal = ledger.as_ref().map(|ledger| Arc::clone(&ledger.journal));
    let access = process.access_log.then(|| Access::open(&process.lines)).transpose();
    let access = access.map_err(|error| format!("the access log cannot be written: {error}"))?;
    let (tracing, inbox) = process.otlp.clone().map(|otlp| Tracing::new(otlp, &metrics)).unzip();
    let tracing = tracing.map(Arc::new);
    let (telemetry, listener) = Telemetry::start(metrics, access, journal, tracing.clone())?;
    let shelf = shelf(process, start);
    let tiers = Tiers::open(&process.tiers, &process.data_dir, &telemetry.metrics)?;
    let (snapshot, counts) = (Arc::new(snapshot), (tallying, ledger));
    let shared = Arc::new(Shared::new(snapshot, telemetry, shelf, counts, tiers, &process.listen));
    if let Some(tiers) = &shared.tiers {
        let shared = Arc::downgrade(&shared);
        tiers.heed(move |which| {
            if let Some(shared) = shared.upgrade() {
                shared.heed(which);
            }
        });
    }
    if let Some((tracing, inbox)) = tracing.zip(inbox) {
        exporting::start(&shared, tracing, inbox)?;
    }
    let (reloads, wishes) = Reloads::new(loaded);
    let keeper = Keeper {
        shared: Arc::clone(&shared),
        sources,
        process: process.clone(),
        keys,
        reloads: Arc::clone(&reloads),
        wishes,
        newest: shared.world.load().generation,
    };
    keeper.start()?;
    Ok((shared, reloads, listener))
}

/// Where requests are written down, with what earlier processes have left moved already.
fn ledger(process: &config::Process, written: config::Ledger) -> Ledger {
    let config::Ledger { keep, keep_rollups, keep_bodies, when_full, sync } = written;
    let journal = Journal::open(&process.data_dir, process.threads, when_full, sync);
    let keep = Keep { rows: keep, hours: keep_rollups, bodies: keep_bodies };
    Ledger::start(&process.data_dir, journal, keep)
}

/// What is kept for clients, or why nothing is.
fn shelf(process: &config::Process, start: Start) -> Shelf {
    let Some((keep, room)) = process.responses else {
        return Shelf::new(Err("its configuration says so (responses.keep: off)".to_owned()));
    };
    let store = Store::open(&process.data_dir, Retention { keep, room });
    if let (Ok(store), Start::Fresh) = (&store, start)
        && let Err(why) = store.fail_running()
    {
        log::warn!("what ran in the background when the last process ended is not settled: {why}");
    }
    Shelf::new(store.map_err(|unusable| {
        log::warn!("no responses are kept, for the folder of TOLLGATE_DATA_DIR cannot be used: {unusable}");
        "the folder for its data cannot be used; its log says why".to_owned()
    }))
}

/// Reads the authorities' certificates before the workers do, since they could only panic.
fn check_authorities(snapshot: &crate::snapshot::Snapshot) -> Result<(), String> {
    let known = load_native_certs()
        .map_err(|error| format!("the certificates of the authorities cannot be read: {error}"))?;
    let all = known.len();
    let (_, bad) = RootCertStore::empty().add_parsable_certificates(known);
    if bad > 0 {
        return Err(format!(
            "{bad} of the {all} certificates of authorities cannot be read; \
             SSL_CERT_FILE can name a file without them"
        ));
    }
    if all == 0 && snapshot.providers.iter().any(|provider| provider.base.tls) {
        log::warn!(
            "no authority's certificate was found: no provider can be reached over https; \
             install those of the system, or name a file of them in SSL_CERT_FILE"
        );
    }
    Ok(())
}

/// Tries the address before those who serve it do, since they would try for long and then panic.
fn check_listener(address: &str, start: Start) -> std::io::Result<()> {
    if start == Start::Fresh {
        std::net::TcpListener::bind(address)?;
    }
    Ok(())
}

/// Ten thousand streams need twenty thousand files; many systems give a thousand unless asked.
fn raise_file_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(1 << 20) {
        log::debug!("the limit of open files stays as it is: {error}");
    }
}
