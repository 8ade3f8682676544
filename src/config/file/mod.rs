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
mod operators;
mod pressure;
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
pub(super) use operators::Admin;
pub(super) use pressure::{ClientGone, Pressure};
pub(super) use rewrites::{HeaderChanges, Rewrite, SystemPrompt};
pub(super) use routes::{Bond, Fallbacks, Modality, Route, Strategy, Target, Timeouts, When};
pub(super) use scalar::{Concurrency, Fraction, Interval, Key, Percent, Size, Span, Usd};
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

/// What is logged.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    /// The least important kind of line that is written. Default: `info`. Needs a restart.
    pub(super) level: LogLevel,
    /// Whether each finished request gets a line. Default: true. Needs a restart.
    pub(super) access: bool,
    /// In which form: `json`, `pretty` for eyes, or `auto`, which is `pretty` on a terminal alone.
    /// Default: `auto`. Needs a restart.
    pub(super) format: LogFormat,
    /// Where to: `stdout`, a file's path, `syslog`, or `syslog://HOST:PORT` by UDP. Default: `stdout`.
    /// Needs a restart.
    pub(super) output: String,
    /// How large that file may become before another is begun. Default: `100MiB`. Needs a restart.
    pub(super) rotate_size: Size,
    /// How many old files are kept: 0 to 1000. Default: 5. Needs a restart.
    pub(super) rotate_keep: u32,
    /// The part of what goes well that gets a line, from 0 to 1; what is refused or fails always does.
    /// Default: 1. Needs a restart.
    pub(super) sample: Fraction,
}

/// In which form lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For eyes on a terminal, else for programs.
    #[default]
    Auto,
    /// For programs: an object a line.
    Json,
    /// For eyes.
    Pretty,
}

/// How important a log line must be to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing is logged.
    Off,
    /// Data was lost, or there is a bug.
    Error,
    /// Somebody should look.
    Warn,
    /// What happened.
    Info,
    /// What was decided, and why.
    Debug,
    /// Everything.
    Trace,
}

/// What a client may take of time and memory.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    /// The largest request body that is read whole; what goes through is not. Default: `32MiB`.
    pub(super) body: Size,
    /// The largest request head. Default: `64KiB`.
    pub(super) head: Size,
    /// All request bodies held at one time. Default: `1GiB`.
    pub(super) held: Size,
    /// How long the whole head of a request may take, and one read of its body. Default: `60s`.
    pub(super) read_timeout: Span,
    /// How long one write to a client may take. Default: `60s`.
    pub(super) write_timeout: Span,
    /// How long an idle connection is kept. Default: `75s`.
    pub(super) keepalive: Span,
    /// After how long a silence an Anthropic client hears a ping inside its stream, where that is
    /// translated. Default: `10s`.
    pub(super) ping: Span,
}

/// What a provider may take of time.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Upstream {
    /// To connect, TLS included. Default: `10s`.
    pub(super) connect_timeout: Span,
    /// Until the first byte of an answer. Default: `300s`.
    pub(super) first_byte_timeout: Span,
    /// Until a stream has something in it, from when it was asked for, or `off`. Default: `off`.
    pub(super) first_token_timeout: Interval,
    /// The longest silence inside a streamed answer; over HTTP/2 the shorter of this and
    /// `first_byte_timeout` bounds both. Default: `300s`.
    pub(super) idle_timeout: Span,
    /// For the whole answer, all attempts together. Default: `1h`.
    pub(super) total_timeout: Span,
    /// For a whole realtime session. Default: `2h`.
    pub(super) session_timeout: Span,
    /// The longest silence of both sides of one; pings break it. Default: `15m`.
    pub(super) session_idle_timeout: Span,
    /// How many attempts a request may make, the first included; 1 to 20. Default: 3.
    pub(super) attempts: u32,
    /// How many further attempts all requests together may make, as a part of the requests, so that a
    /// provider that is down is not asked all the more; a few are always made. Default: `20%`.
    pub(super) retries: Percent,
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

/// A provider: a vendor with an address and keys.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Provider {
    /// The vendor's id, or `custom`. Default: the provider's own name.
    pub(super) vendor: Option<String>,
    /// The key. Default: that of the vendor's environment variable.
    pub(super) api_key: Option<Key>,
    /// Several keys, used in turn.
    pub(super) api_keys: Vec<Key>,
    /// The address, up to where the API begins. Default: the vendor's.
    pub(super) base_url: Option<String>,
    /// The models it serves. Default: those of the vendor that are known.
    pub(super) models: Vec<String>,
    /// How many requests each of its models has in flight: a number, `adaptive`, or `off`.
    /// Default: as for all (`pressure`).
    pub(super) concurrency: Option<Concurrency>,
    /// What becomes of an answer whose client leaves: `close` lets the provider go at once; `drain` hears it to
    /// its end, for providers that bill all of it anyway and say only then how much that is.
    /// Default: `close`.
    pub(super) client_gone: ClientGone,
    /// Headers for every request to it. Default: none.
    pub(super) headers: BTreeMap<String, String>,
    /// Azure's `api-version`, Vertex's `v1` or `v1beta1`, watsonx' `version`. Default: the vendor's.
    pub(super) api_version: Option<String>,
    /// Amazon's region. Default: that of `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile. Or watsonx',
    /// default: that of `WATSONX_REGION`, else `us-south`. Or Oracle's, default: that of `OCI_REGION` or the
    /// profile.
    pub(super) region: Option<String>,
    /// Google's project. Default: that of `VERTEX_PROJECT`, `GOOGLE_CLOUD_PROJECT` or the
    /// credentials. Or the id of watsonx', default: that of `WATSONX_PROJECT_ID`.
    pub(super) project: Option<String>,
    /// The id of watsonx' space, instead of a project. Default: that of `WATSONX_SPACE_ID`.
    pub(super) space: Option<String>,
    /// The OCID of Oracle's compartment. Default: that of `OCI_COMPARTMENT_ID`, else the tenancy.
    pub(super) compartment: Option<String>,
    /// Google's location: a region, `us`, `eu` or `global`. Default: that of `VERTEX_LOCATION` or
    /// `GOOGLE_CLOUD_LOCATION`, else `global`.
    pub(super) location: Option<String>,
    /// How a cloud lends credentials, for a provider without a key. Default: as the cloud's own
    /// tools find them, in the environment, in files and on the machine.
    pub(super) auth: Option<Auth>,
    /// What a `custom` vendor speaks. Default: `openai_chat`.
    pub(super) dialect: Option<Dialect>,
    /// Which of the dialects that its vendor speaks it does, where its server has not all of them.
    /// Default: all.
    pub(super) dialects: Vec<Dialect>,
}

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Dialect {
    /// OpenAI's chat completions.
    OpenaiChat,
    /// OpenAI's Responses.
    OpenaiResponses,
    /// Anthropic's messages.
    AnthropicMessages,
    /// Gemini's `generateContent`.
    GeminiGenerate,
    /// Bedrock Converse.
    BedrockConverse,
    /// OpenAI's text completions.
    OpenaiCompletions,
    /// Ollama's own chat.
    OllamaChat,
    /// Ollama's own prompts.
    OllamaGenerate,
    /// Cohere's chat.
    CohereChat,
}

impl From<Dialect> for crate::ir::Dialect {
    fn from(written: Dialect) -> Self {
        match written {
            Dialect::OpenaiChat => Self::OpenaiChat,
            Dialect::OpenaiResponses => Self::OpenaiResponses,
            Dialect::AnthropicMessages => Self::AnthropicMessages,
            Dialect::GeminiGenerate => Self::GeminiGenerate,
            Dialect::BedrockConverse => Self::BedrockConverse,
            Dialect::OpenaiCompletions => Self::OpenaiCompletions,
            Dialect::OllamaChat => Self::OllamaChat,
            Dialect::OllamaGenerate => Self::OllamaGenerate,
            Dialect::CohereChat => Self::CohereChat,
        }
    }
}

/// A correction of what is known of a model. Prices are in USD per million tokens, exact to the
/// sixth decimal place; they replace the built-in ones as a whole.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Correction {
    /// The provider's name or the vendor's id; `*` stands for any letters.
    pub(super) provider: String,
    /// The model's name there; `*` stands for any letters.
    pub(super) model: String,
    /// Input that is not cached.
    pub(super) input: Option<Usd>,
    /// Output.
    pub(super) output: Option<Usd>,
    /// Input read from the provider's cache. Default: as `input`.
    pub(super) cache_read: Option<Usd>,
    /// Input written to the provider's cache for five minutes. Default: as `input`.
    pub(super) cache_write_5m: Option<Usd>,
    /// Input written to the provider's cache for an hour. Default: as `cache_write_5m`.
    pub(super) cache_write_1h: Option<Usd>,
    /// Reasoning. Default: as `output`.
    pub(super) reasoning: Option<Usd>,
    /// The most tokens of a prompt. Default: as built in.
    pub(super) max_input: Option<u64>,
    /// The most tokens of a reply. Default: as built in.
    pub(super) max_output: Option<u64>,
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

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            access: true,
            format: LogFormat::default(),
            output: "stdout".to_owned(),
            rotate_size: Size(ByteSize(100 << 20)),
            rotate_keep: 5,
            sample: Fraction(1.0),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: Size(ByteSize(32 << 20)),
            head: Size(ByteSize(64 << 10)),
            held: Size(ByteSize(1 << 30)),
            read_timeout: Span(Duration::from_secs(60)),
            write_timeout: Span(Duration::from_secs(60)),
            keepalive: Span(Duration::from_secs(75)),
            ping: Span(Duration::from_secs(10)),
        }
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            connect_timeout: Span(Duration::from_secs(10)),
            first_byte_timeout: Span(Duration::from_secs(300)),
            idle_timeout: Span(Duration::from_secs(300)),
            total_timeout: Span(Duration::from_secs(3600)),
            session_timeout: Span(Duration::from_secs(7200)),
            session_idle_timeout: Span(Duration::from_secs(900)),
            first_token_timeout: Interval(None),
            attempts: 3,
            retries: Percent(20),
        }
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
