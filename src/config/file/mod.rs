//! The configuration file as a human writes it; everything in it has a default.
//!
//! The comments on the fields are the reference that `schema` and the examples under `conf/`
//! repeat: what it is, its unit, its default.

mod auth;
mod breakers;
mod cache;
mod external;
mod guards;
mod jwt;
mod keys;
mod ledger;
mod limits;
mod log;
mod operators;
mod pressure;
mod providers;
mod rewrites;
mod routes;
mod scalar;
#[cfg(test)]
pub(super) mod schema;
mod telemetry;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::units::ByteSize;

pub(super) use auth::Auth;
pub(super) use breakers::Breakers;
pub(super) use cache::{Cache, CacheLeft, CacheMode, CacheOtherwise, CacheReplay, CacheScope};
pub(super) use external::{
    ExternalAction, ExternalFailure, ExternalGuard, ExternalKind, ExternalMode, ExternalTurns,
};
pub(super) use guards::{Class, Guard, GuardAction, GuardOn};
pub(super) use jwt::Jwt;
pub(super) use keys::{
    Allowance, Budget, BudgetPer, Limit, LimitPer, MasterKeyFor, Priority, TrustedHeader, Unpriced,
    VirtualKey,
};
pub(super) use ledger::Ledger;
pub use ledger::{Sync, WhenFull};
pub(super) use limits::{Limits, Upstream};
pub(super) use log::Log;
pub use log::{LogFormat, LogLevel};
pub(super) use operators::Admin;
pub(super) use pressure::{ClientGone, Pressure};
pub(super) use providers::{Correction, Provider};
pub(super) use rewrites::{HeaderChanges, Rewrite, SystemPrompt};
pub(super) use routes::{Bond, Fallbacks, Modality, Route, Strategy, Target, Timeouts, When};
pub(super) use scalar::{Concurrency, Interval, Key, Size, Span, Usd};
pub(super) use telemetry::{Compression, Protocol, Telemetry};

/// The configuration of Tollgate. Texts may hold references: `${file:PATH}`, `${env:NAME}`,
/// `${env:NAME:-default}`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(title = "Configuration of Tollgate"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    /// The address and port for clients. Default: `0.0.0.0:8080`. Needs a restart.
    pub(super) listen: String,
    /// The listener for health, metrics, the admin API and the dashboard.
    pub(super) admin: Admin,
    /// The networks of proxies in front of the gateway, which are believed when they say where a client
    /// is: `10.0.0.0/8`. Default: none, so that the client is who connects.
    pub(super) trusted_proxies: Vec<String>,
    /// The header in which they say so; what stands in the others a client may have written itself.
    /// Default: `x-forwarded-for`.
    pub(super) trusted_header: TrustedHeader,
    /// The number of worker threads. Default: one for each core. Needs a restart.
    pub(super) threads: Option<u32>,
    /// The key that opens everything. Default: none, which leaves the gateway open as long as there
    /// are no virtual keys.
    pub(super) master_key: Option<Key>,
    /// What the master key opens: `everything`, or the operator's listener alone (`admin`).
    /// Default: `everything`.
    pub(super) master_key_for: MasterKeyFor,
    /// Virtual keys by name, besides those that `tollgate keys` keeps in `data_dir`.
    pub(super) keys: BTreeMap<String, VirtualKey>,
    /// Issuers by a name of your choice whose tokens (JWT) open the gateway as keys do.
    pub(super) jwt: BTreeMap<String, Jwt>,
    /// Limits and budgets of owners by path: `org`, `org/team`, `org/team/service`.
    pub(super) owners: BTreeMap<String, Allowance>,
    /// Limits and budgets of labels.
    pub(super) labels: BTreeMap<String, Allowance>,
    /// What becomes of a request under a budget whose model has no known price: `refuse`, or `allow`
    /// it to count nothing. Models on servers of one's own are free. Default: `refuse`.
    pub(super) unpriced: Unpriced,
    /// Guards by name: what may pass, in requests and in answers.
    pub(super) guards: BTreeMap<String, Guard>,
    /// Classes of data by name, and who may have such; guards say what is of a class.
    pub(super) classes: BTreeMap<String, Class>,
    /// Rules by name for what is said otherwise in requests.
    pub(super) rewrites: BTreeMap<String, Rewrite>,
    /// Guards by name that live elsewhere: services that are asked what they make of what is said.
    pub(super) external_guards: BTreeMap<String, ExternalGuard>,
    /// The folder for the journal and the database, relative to the working directory.
    /// Default: `tollgate-data`. Needs a restart.
    pub(super) data_dir: String,
    /// How finely metrics tell things apart.
    pub(super) metrics: Metrics,
    /// What is logged.
    pub(super) log: Log,
    /// Who follows requests from outside: traces by OpenTelemetry's protocol.
    pub(super) telemetry: Telemetry,
    /// Files of `NAME=value` lines, read again at every reload; the process environment wins over
    /// them, and they win over this file. Paths are relative to this file. Default: none.
    pub(super) env_files: Vec<String>,
    /// What a client may take of time and memory.
    pub(super) limits: Limits,
    /// What a provider may take of time.
    pub(super) upstream: Upstream,
    /// When it is not worth asking a provider for a while.
    pub(super) breakers: Breakers,
    /// How many requests go to a model at one time, and who waits.
    pub(super) pressure: Pressure,
    /// How pictures behind addresses are got for providers that do not go there themselves.
    pub(super) fetch_images: FetchImages,
    /// What is kept of answers, to answer the same question once more.
    pub(super) cache: Cache,
    /// How the process ends.
    pub(super) shutdown: Shutdown,
    /// How long responses and conversations are kept.
    pub(super) responses: Responses,
    /// What is kept of finished requests.
    pub(super) ledger: Ledger,
    /// Whether a request is refused when a translation would lose something of it.
    /// Default: false; what is lost is then shown in a response header.
    pub(super) strict: bool,
    /// The provider for models that nobody is known to serve. Default: none.
    pub(super) default_provider: Option<String>,
    /// Providers in the order in which a model that several serve is asked for. Default: makers
    /// of models before those who resell them.
    pub(super) prefer: Vec<String>,
    /// How new models of the providers are found.
    pub(super) discovery: Discovery,
    /// Whether clients may speak HTTP/2 without TLS. Default: true. Needs a restart.
    pub(super) h2c: bool,
    /// The providers by name. A vendor's id as the name implies the vendor.
    pub(super) providers: BTreeMap<String, Provider>,
    /// Other names for models: name → `provider/model`, a model, a route or another alias.
    pub(super) aliases: BTreeMap<String, String>,
    /// Names with several targets, tried in turn.
    pub(super) routes: BTreeMap<String, Route>,
    /// Corrections of the built-in prices and limits of models; a later one wins.
    pub(super) models: Vec<Correction>,
}

/// How finely metrics tell things apart.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Metrics {
    /// How many keys, owners, providers and models together have series of their own; all others are
    /// counted under `other`. 0 to 100000. Default: 2000. Needs a restart.
    pub(super) series: u32,
}

/// How pictures and PDFs behind addresses are got for providers that take bytes alone (Bedrock, Claude
/// at clouds, older Gemini models, Ollama). Clients decide where this goes, so that it goes nowhere but
/// to public addresses by https unless it is told to.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct FetchImages {
    /// Whether they are got; else they are lost, or the request is refused where it is strict.
    /// Default: true.
    pub(super) enabled: bool,
    /// Whether addresses of `http:` are gone to as well. Default: false.
    pub(super) http: bool,
    /// Whether addresses of this machine and of private networks are gone to as well. Default: false.
    pub(super) private: bool,
    /// The largest one. Default: `20MiB`.
    pub(super) size: Size,
    /// How many a request may have; 1 to 100. Default: 20.
    pub(super) count: u32,
    /// How long one may take, redirects included. Default: `10s`.
    pub(super) timeout: Span,
}

/// How new models of the providers are found; may be written as the time alone, or `off`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(extend("type" = ["object", "string", "boolean"])))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Discovery {
    /// How often the providers are asked which models they serve, or `off`. Default: `1h`. Needs a
    /// restart.
    pub(super) interval: Interval,
}

/// How the process ends.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Shutdown {
    /// How long requests in flight may go on after a termination signal. Default: `30s`. Needs a
    /// restart.
    pub(super) drain: Span,
    /// How long they may go on in the old process after an upgrade in place. Default: `10m`.
    /// Needs a restart.
    pub(super) upgrade_drain: Span,
    /// The socket by which the listeners are handed to the new process. Default: `upgrade.sock`
    /// in `data_dir`. Needs a restart.
    pub(super) socket: Option<String>,
}

/// How long responses and conversations of OpenAI's Responses are kept, where their provider does
/// not keep them: in `data_dir`, unless a request says `store: false`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Responses {
    /// How long after they were last used, or `off` to keep none. Default: `30d`. Needs a restart.
    pub(super) keep: Interval,
    /// How many bytes they may have together; what was used longest ago goes first.
    /// Default: `1GiB`. Needs a restart.
    pub(super) room: Size,
}

impl Default for File {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:8080".to_owned(),
            admin: Admin::default(),
            trusted_proxies: Vec::new(),
            trusted_header: TrustedHeader::default(),
            threads: None,
            master_key: None,
            master_key_for: MasterKeyFor::default(),
            keys: BTreeMap::new(),
            jwt: BTreeMap::new(),
            owners: BTreeMap::new(),
            labels: BTreeMap::new(),
            unpriced: Unpriced::default(),
            guards: BTreeMap::new(),
            classes: BTreeMap::new(),
            rewrites: BTreeMap::new(),
            external_guards: BTreeMap::new(),
            data_dir: "tollgate-data".to_owned(),
            metrics: Metrics::default(),
            log: Log::default(),
            telemetry: Telemetry::default(),
            env_files: Vec::new(),
            limits: Limits::default(),
            upstream: Upstream::default(),
            breakers: Breakers::default(),
            pressure: Pressure::default(),
            fetch_images: FetchImages::default(),
            cache: Cache::default(),
            shutdown: Shutdown::default(),
            responses: Responses::default(),
            ledger: Ledger::default(),
            strict: false,
            default_provider: None,
            prefer: Vec::new(),
            discovery: Discovery::default(),
            h2c: true,
            providers: BTreeMap::new(),
            aliases: BTreeMap::new(),
            routes: BTreeMap::new(),
            models: Vec::new(),
        }
    }
}

impl Default for Responses {
    fn default() -> Self {
        Self { keep: Interval(Some(Duration::from_secs(30 * 86_400))), room: Size(ByteSize(1 << 30)) }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { series: 2000 }
    }
}

impl Default for FetchImages {
    fn default() -> Self {
        Self {
            enabled: true,
            http: false,
            private: false,
            size: Size(ByteSize(20 << 20)),
            count: 20,
            timeout: Span(Duration::from_secs(10)),
        }
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Self { interval: Interval(Some(Duration::from_secs(3600))) }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain: Span(Duration::from_secs(30)),
            upgrade_drain: Span(Duration::from_secs(600)),
            socket: None,
        }
    }
}
