//! What the process is started with.

use std::path::PathBuf;
use std::time::Duration;

use super::file::{LogFormat, LogLevel, Sync, WhenFull};
use crate::provider::Base;
use crate::units::{ByteSize, Secret};

/// What only a restart or an upgrade in place can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The address and port for clients.
    pub listen: String,
    /// The address and port for the operator.
    pub admin_listen: Option<String>,
    /// The number of worker threads.
    pub threads: usize,
    /// The folder for the journal and the database.
    pub data_dir: PathBuf,
    /// How long, and within how many bytes, responses are kept; `None` when they are not.
    pub responses: Option<(Duration, ByteSize)>,
    /// What is kept of finished requests; `None` when nothing is.
    pub ledger: Option<Ledger>,
    /// The least important kind of log line.
    pub log: LogLevel,
    /// How many keys, owners, providers and models together metrics tell apart.
    pub metrics_series: usize,
    /// Whether each finished request gets a line.
    pub access_log: bool,
    /// How those lines are written.
    pub lines: LogLines,
    /// Where spans and metrics go by OTLP; `None` when neither does.
    pub otlp: Option<Otlp>,
    /// Where answers are kept behind memory.
    pub tiers: SecondTiers,
    /// How long requests in flight may go on after a termination signal.
    pub drain: Duration,
    /// How long they may go on in the old process after an upgrade.
    pub upgrade_drain: Duration,
    /// The socket by which the listeners are handed over.
    pub upgrade_sock: PathBuf,
    /// How often providers are asked which models they serve.
    pub discovery: Option<Duration>,
    /// Whether clients may speak HTTP/2 without TLS.
    pub h2c: bool,
}

/// What is kept of finished requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    /// How long rows of single requests are kept; for ever where nothing is said.
    pub keep: Option<Duration>,
    /// How long sums by the hour are kept, likewise.
    pub keep_rollups: Option<Duration>,
    /// How long bodies that are logged are kept, likewise.
    pub keep_bodies: Option<Duration>,
    /// What becomes of requests while nothing can be written.
    pub when_full: WhenFull,
    /// Whether a row is on the disk before its request counts as done.
    pub sync: Sync,
}

/// How the lines of finished requests are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLines {
    /// In which form.
    pub format: LogFormat,
    /// Where to.
    pub output: LogOutput,
    /// The part of what goes well that gets one, of [`ALL`](crate::account::trace::ALL).
    pub sample: u64,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOutput {
    /// Standard output.
    Stdout,
    /// A file, which makes room for another at this size; so many old ones are kept.
    File {
        /// Where it is.
        path: PathBuf,
        /// How large it may become.
        size: ByteSize,
        /// How many old ones are kept.
        keep: u32,
    },
    /// The system's log at this socket.
    Socket(PathBuf),
    /// One elsewhere, by UDP.
    Host(String, u16),
}

/// How OTLP is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpForm {
    /// In Protocol Buffers.
    Protobuf,
    /// In JSON.
    Json,
}

/// Where spans and metrics go, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// The whole address for spans; `None` where none are sent.
    pub traces: Option<Base>,
    /// The whole address for metrics, likewise.
    pub metrics: Option<Base>,
    /// How often those are sent.
    pub metrics_interval: Duration,
    /// Headers for it.
    pub headers: Vec<(String, Secret)>,
    /// How it is spoken to.
    pub form: OtlpForm,
    /// Whether what is sent is packed.
    pub gzip: bool,
    /// The part of all traces that is followed, of [`ALL`](crate::account::trace::ALL).
    pub sample: u64,
    /// Whether a client that says if it follows a trace has its way.
    pub parent_based: bool,
    /// Whether what fails is told of in any case.
    pub errors: bool,
    /// Whether providers are told of the trace.
    pub propagate: bool,
    /// Whether what was asked and answered is told.
    pub content: bool,
    /// The most of it that is told, of each side.
    pub content_limit: ByteSize,
    /// How long spans wait for others.
    pub interval: Duration,
    /// How long one export may take.
    pub timeout: Duration,
    /// How many bytes may wait or be on their way.
    pub queue: ByteSize,
    /// What is said of this service.
    pub resource: Vec<(String, String)>,
}

/// Where answers are kept behind memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecondTiers {
    /// The disk, if they are kept there.
    pub disk: Option<DiskTier>,
    /// The server, if they are kept there.
    pub redis: Option<RedisServer>,
}

/// Answers on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskTier {
    /// All that is kept there.
    pub bytes: ByteSize,
    /// The folder, where it is not the usual one.
    pub path: Option<PathBuf>,
}

/// A server of Redis or Valkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisServer {
    /// Whether it is spoken to by TLS.
    pub tls: bool,
    /// Its host: a name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// As whom, where that is not the default user.
    pub user: Option<String>,
    /// The password, where there is one.
    pub password: Option<Secret>,
    /// Which of its databases.
    pub database: u32,
    /// How long a look-up may take.
    pub timeout: Duration,
    /// What all names there begin with.
    pub prefix: String,
    /// What all who share it know.
    pub secret: Secret,
}

impl Process {
    /// The fields of the file in which the two differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("listen", self.listen != other.listen),
            ("admin.listen", self.admin_listen != other.admin_listen),
            ("threads", self.threads != other.threads),
            ("data_dir", self.data_dir != other.data_dir),
            ("responses", self.responses != other.responses),
            ("metrics.series", self.metrics_series != other.metrics_series),
            ("ledger", self.ledger != other.ledger),
            ("log.level", self.log != other.log),
            ("log.access", self.access_log != other.access_log),
            ("log", self.lines != other.lines),
            ("telemetry", self.otlp != other.otlp),
            ("cache.disk", self.tiers.disk != other.tiers.disk),
            ("cache.redis", self.tiers.redis != other.tiers.redis),
            ("shutdown.drain", self.drain != other.drain),
            ("shutdown.upgrade_drain", self.upgrade_drain != other.upgrade_drain),
            ("shutdown.socket", self.upgrade_sock != other.upgrade_sock),
            ("discovery", self.discovery != other.discovery),
            ("h2c", self.h2c != other.h2c),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}
