//! What the environment says: variables of the process and of env files, laid over the file.
//!
//! A variable that is set but empty counts as not set. GoModel's names work where they mean the
//! same here; Tollgate's own win over them.

mod clouds;
mod otel;
mod providers;

use std::collections::BTreeMap;

use crate::catalog::nearest;

use super::problem::{Place, Problems};
use super::tree::{Node, Value};

pub(super) use providers::{needs_address, stem};

/// What all of Tollgate's own variables begin with.
const PREFIX: &str = "TOLLGATE_";
/// The path of the configuration file, which the command line reads.
const CONFIG: &str = "TOLLGATE_CONFIG";

/// How a variable's text stands for the value of a field.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    /// As in the file.
    Same,
    /// A list, separated by commas.
    Commas,
    /// A port, on every address.
    Port,
    /// A number of attempts after the first.
    Retries,
    /// A level in any logger's words; other programs read the variable too.
    ForeignLevel,
    /// As OpenTelemetry's specification has it.
    Otel(otel::Spelling),
}

use Spelling::{Commas, ForeignLevel, Otel, Port, Retries, Same};
use otel::Spelling::{Capture, Exporter, Milliseconds, Not, Pairs, Protocol};

/// A field and its variables, of which the first that is set wins.
type Setting = (&'static [&'static str], &'static [(&'static str, Spelling)]);

/// Every field with one value.
const SETTINGS: &[Setting] = &[
    (&["listen"], &[("TOLLGATE_LISTEN", Same), ("PORT", Port)]),
    (&["admin", "listen"], &[("TOLLGATE_ADMIN_LISTEN", Same)]),
    (&["trusted_proxies"], &[("TOLLGATE_TRUSTED_PROXIES", Commas)]),
    (&["trusted_header"], &[("TOLLGATE_TRUSTED_HEADER", Same)]),
    (&["threads"], &[("TOLLGATE_THREADS", Same)]),
    (&["master_key"], &[("TOLLGATE_MASTER_KEY", Same), ("GOMODEL_MASTER_KEY", Same)]),
    (&["master_key_for"], &[("TOLLGATE_MASTER_KEY_FOR", Same)]),
    (&["unpriced"], &[("TOLLGATE_UNPRICED", Same)]),
    (&["responses", "keep"], &[("TOLLGATE_RESPONSES_KEEP", Same)]),
    (&["responses", "room"], &[("TOLLGATE_RESPONSES_ROOM", Same)]),
    (&["ledger", "enabled"], &[("TOLLGATE_LEDGER", Same)]),
    (&["ledger", "keep"], &[("TOLLGATE_LEDGER_KEEP", Same)]),
    (&["ledger", "keep_rollups"], &[("TOLLGATE_LEDGER_KEEP_ROLLUPS", Same)]),
    (&["ledger", "keep_bodies"], &[("TOLLGATE_LEDGER_KEEP_BODIES", Same)]),
    (&["ledger", "body_size"], &[("TOLLGATE_LEDGER_BODY_SIZE", Same)]),
    (&["ledger", "when_full"], &[("TOLLGATE_LEDGER_WHEN_FULL", Same)]),
    (&["ledger", "sync"], &[("TOLLGATE_LEDGER_SYNC", Same)]),
    (&["data_dir"], &[("TOLLGATE_DATA_DIR", Same), ("GOMODEL_CACHE_DIR", Same)]),
    (&["metrics", "series"], &[("TOLLGATE_METRICS_SERIES", Same)]),
    (&["log", "level"], &[("TOLLGATE_LOG", Same), ("LOG_LEVEL", ForeignLevel)]),
    (&["log", "access"], &[("TOLLGATE_ACCESS_LOG", Same), ("LOGGING_ENABLED", Same)]),
    (&["log", "format"], &[("TOLLGATE_LOG_FORMAT", Same)]),
    (&["log", "output"], &[("TOLLGATE_LOG_OUTPUT", Same)]),
    (&["log", "rotate_size"], &[("TOLLGATE_LOG_ROTATE_SIZE", Same)]),
    (&["log", "rotate_keep"], &[("TOLLGATE_LOG_ROTATE_KEEP", Same)]),
    (&["log", "sample"], &[("TOLLGATE_LOG_SAMPLE", Same)]),
    (&["telemetry", "service"], &[("OTEL_SERVICE_NAME", Same)]),
    (&["telemetry", "resource"], &[("OTEL_RESOURCE_ATTRIBUTES", Otel(Pairs))]),
    (&["telemetry", "otlp", "enabled"], &[("OTEL_SDK_DISABLED", Otel(Not))]),
    (&["telemetry", "otlp", "endpoint"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", Same)]),
    (&["telemetry", "otlp", "traces_endpoint"], &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Same)]),
    (
        &["telemetry", "otlp", "headers"],
        &[("OTEL_EXPORTER_OTLP_TRACES_HEADERS", Otel(Pairs)), ("OTEL_EXPORTER_OTLP_HEADERS", Otel(Pairs))],
    ),
    (
        &["telemetry", "otlp", "protocol"],
        &[
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", Otel(Protocol)),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", Otel(Protocol)),
        ],
    ),
    (
        &["telemetry", "otlp", "compression"],
        &[("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", Same), ("OTEL_EXPORTER_OTLP_COMPRESSION", Same)],
    ),
    (&["telemetry", "otlp", "metrics_endpoint"], &[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", Same)]),
    (&["telemetry", "otlp", "metrics"], &[("OTEL_METRICS_EXPORTER", Otel(Exporter))]),
    (&["telemetry", "otlp", "metrics_interval"], &[("OTEL_METRIC_EXPORT_INTERVAL", Otel(Milliseconds))]),
    (&["telemetry", "otlp", "traces"], &[("OTEL_TRACES_EXPORTER", Otel(Exporter))]),
    (&["telemetry", "otlp", "sample"], &[("TOLLGATE_OTLP_SAMPLE", Same)]),
    (&["telemetry", "otlp", "errors"], &[("TOLLGATE_OTLP_ERRORS", Same)]),
    (&["telemetry", "otlp", "propagate"], &[("TOLLGATE_OTLP_PROPAGATE", Same)]),
    (
        &["telemetry", "otlp", "content"],
        &[
            ("TOLLGATE_OTLP_CONTENT", Same),
            ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", Otel(Capture)),
        ],
    ),
    (&["telemetry", "otlp", "content_limit"], &[("TOLLGATE_OTLP_CONTENT_LIMIT", Same)]),
    (&["telemetry", "otlp", "interval"], &[("OTEL_BSP_SCHEDULE_DELAY", Otel(Milliseconds))]),
    (
        &["telemetry", "otlp", "timeout"],
        &[
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", Otel(Milliseconds)),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", Otel(Milliseconds)),
        ],
    ),
    (&["telemetry", "otlp", "queue"], &[("TOLLGATE_OTLP_QUEUE", Same)]),
    (&["env_files"], &[("TOLLGATE_ENV_FILES", Commas)]),
    (&["limits", "body"], &[("TOLLGATE_BODY_LIMIT", Same), ("BODY_SIZE_LIMIT", Same)]),
    (&["limits", "head"], &[("TOLLGATE_HEAD_LIMIT", Same)]),
    (&["limits", "held"], &[("TOLLGATE_HELD_LIMIT", Same)]),
    (&["limits", "read_timeout"], &[("TOLLGATE_READ_TIMEOUT", Same)]),
    (&["limits", "write_timeout"], &[("TOLLGATE_WRITE_TIMEOUT", Same)]),
    (&["limits", "keepalive"], &[("TOLLGATE_KEEPALIVE", Same)]),
    (&["limits", "ping"], &[("TOLLGATE_PING", Same)]),
    (&["fetch_images", "enabled"], &[("TOLLGATE_FETCH_IMAGES", Same)]),
    (&["fetch_images", "http"], &[("TOLLGATE_FETCH_IMAGES_HTTP", Same)]),
    (&["fetch_images", "private"], &[("TOLLGATE_FETCH_IMAGES_PRIVATE", Same)]),
    (&["fetch_images", "size"], &[("TOLLGATE_FETCH_IMAGES_SIZE", Same)]),
    (&["fetch_images", "count"], &[("TOLLGATE_FETCH_IMAGES_COUNT", Same)]),
    (&["fetch_images", "timeout"], &[("TOLLGATE_FETCH_IMAGES_TIMEOUT", Same)]),
    (&["upstream", "connect_timeout"], &[("TOLLGATE_CONNECT_TIMEOUT", Same)]),
    (
        &["upstream", "first_byte_timeout"],
        &[("TOLLGATE_FIRST_BYTE_TIMEOUT", Same), ("HTTP_RESPONSE_HEADER_TIMEOUT", Same)],
    ),
    (&["upstream", "first_token_timeout"], &[("TOLLGATE_FIRST_TOKEN_TIMEOUT", Same)]),
    (&["upstream", "retries"], &[("TOLLGATE_RETRIES", Same)]),
    (&["upstream", "idle_timeout"], &[("TOLLGATE_IDLE_TIMEOUT", Same)]),
    (&["upstream", "total_timeout"], &[("TOLLGATE_TOTAL_TIMEOUT", Same), ("HTTP_TIMEOUT", Same)]),
    (&["upstream", "session_timeout"], &[("TOLLGATE_SESSION_TIMEOUT", Same)]),
    (&["upstream", "session_idle_timeout"], &[("TOLLGATE_SESSION_IDLE_TIMEOUT", Same)]),
    (&["upstream", "attempts"], &[("TOLLGATE_ATTEMPTS", Same), ("RETRY_MAX_RETRIES", Retries)]),
    (&["breakers", "enabled"], &[("TOLLGATE_BREAKERS", Same)]),
    (&["breakers", "failures"], &[("TOLLGATE_BREAKER_FAILURES", Same)]),
    (&["breakers", "share"], &[("TOLLGATE_BREAKER_SHARE", Same)]),
    (&["breakers", "window"], &[("TOLLGATE_BREAKER_WINDOW", Same)]),
    (&["breakers", "cool_down"], &[("TOLLGATE_BREAKER_COOL_DOWN", Same)]),
    (&["breakers", "longest"], &[("TOLLGATE_BREAKER_LONGEST", Same)]),
    (&["breakers", "slow"], &[("TOLLGATE_BREAKER_SLOW", Same)]),
    (&["breakers", "probe"], &[("TOLLGATE_BREAKER_PROBE", Same)]),
    (&["breakers", "last_resort"], &[("TOLLGATE_BREAKER_LAST_RESORT", Same)]),
    (&["pressure", "concurrency"], &[("TOLLGATE_CONCURRENCY", Same)]),
    (&["pressure", "least"], &[("TOLLGATE_CONCURRENCY_LEAST", Same)]),
    (&["pressure", "most"], &[("TOLLGATE_CONCURRENCY_MOST", Same)]),
    (&["pressure", "queue"], &[("TOLLGATE_QUEUE", Same)]),
    (&["pressure", "wait"], &[("TOLLGATE_QUEUE_WAIT", Same)]),
    (&["cache", "mode"], &[("TOLLGATE_CACHE", Same)]),
    (&["cache", "room"], &[("TOLLGATE_CACHE_ROOM", Same)]),
    (&["cache", "entry"], &[("TOLLGATE_CACHE_ENTRY", Same)]),
    (&["cache", "ttl"], &[("TOLLGATE_CACHE_TTL", Same)]),
    (&["cache", "scope"], &[("TOLLGATE_CACHE_SCOPE", Same)]),
    (&["cache", "temperature"], &[("TOLLGATE_CACHE_TEMPERATURE", Same)]),
    (&["cache", "without_temperature"], &[("TOLLGATE_CACHE_WITHOUT_TEMPERATURE", Same)]),
    (&["cache", "tools"], &[("TOLLGATE_CACHE_TOOLS", Same)]),
    (&["cache", "in_flight"], &[("TOLLGATE_CACHE_IN_FLIGHT", Same)]),
    (&["cache", "left"], &[("TOLLGATE_CACHE_LEFT", Same)]),
    (&["cache", "replay"], &[("TOLLGATE_CACHE_REPLAY", Same)]),
    (&["cache", "shadow"], &[("TOLLGATE_CACHE_SHADOW", Same)]),
    (&["cache", "verified", "model"], &[("TOLLGATE_CACHE_VERIFIED_MODEL", Same)]),
    (&["cache", "verified", "timeout"], &[("TOLLGATE_CACHE_VERIFIED_TIMEOUT", Same)]),
    (&["cache", "custom", "model"], &[("TOLLGATE_CACHE_CUSTOM_MODEL", Same)]),
    (&["cache", "custom", "threshold"], &[("TOLLGATE_CACHE_CUSTOM_THRESHOLD", Same)]),
    (&["cache", "custom", "timeout"], &[("TOLLGATE_CACHE_CUSTOM_TIMEOUT", Same)]),
    (&["cache", "disk", "bytes"], &[("TOLLGATE_CACHE_DISK", Same)]),
    (&["cache", "disk", "path"], &[("TOLLGATE_CACHE_DISK_PATH", Same)]),
    (&["cache", "redis", "url"], &[("TOLLGATE_CACHE_REDIS_URL", Same)]),
    (&["cache", "redis", "timeout"], &[("TOLLGATE_CACHE_REDIS_TIMEOUT", Same)]),
    (&["cache", "redis", "prefix"], &[("TOLLGATE_CACHE_REDIS_PREFIX", Same)]),
    (&["cache", "redis", "secret"], &[("TOLLGATE_CACHE_REDIS_SECRET", Same)]),
    (&["shutdown", "drain"], &[("TOLLGATE_DRAIN", Same)]),
    (&["shutdown", "upgrade_drain"], &[("TOLLGATE_UPGRADE_DRAIN", Same)]),
    (&["shutdown", "socket"], &[("TOLLGATE_UPGRADE_SOCKET", Same)]),
    (&["strict"], &[("TOLLGATE_STRICT", Same)]),
    (&["default_provider"], &[("TOLLGATE_DEFAULT_PROVIDER", Same)]),
    (&["prefer"], &[("TOLLGATE_PREFER", Commas)]),
    (&["discovery"], &[("TOLLGATE_DISCOVERY", Same), ("CACHE_REFRESH_INTERVAL", Same)]),
    (&["h2c"], &[("TOLLGATE_H2C", Same)]),
];

/// The variables that are set, each with its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables(BTreeMap<String, (String, Place)>);

impl Variables {
    pub(super) fn of_process(environment: &BTreeMap<String, String>) -> Self {
        let set = environment.iter().filter(|(_, value)| !value.trim().is_empty());
        Self(
            set.map(|(name, value)| (name.clone(), (value.clone(), Place::Variable(name.clone())))).collect(),
        )
    }

    /// Adds the variables of an env file that are not set yet: `NAME=value` lines, perhaps with
    /// `export` before and quotes around the value, and `#` comments.
    pub(super) fn add_file(&mut self, name: &str, text: &str, problems: &mut Problems) {
        let mut own = BTreeMap::new();
        for (line, content) in (1_u64..).zip(text.lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let place = Place::File { name: name.into(), line, column: 1 };
            let assignment = content.strip_prefix("export ").unwrap_or(content);
            match assignment.split_once('=') {
                Some((key, value)) if is_name(key.trim()) => {
                    own.insert(key.trim().to_owned(), (unquoted(value.trim()).to_owned(), place));
                }
                _ => problems.error(&place, "expected NAME=value", None),
            }
        }
        for (key, value) in own {
            if !value.0.trim().is_empty() {
                self.0.entry(key).or_insert(value);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<(&str, &Place)> {
        self.0.get(name).map(|(value, place)| (value.as_str(), place))
    }

    /// Sets one, unless it is set.
    pub(super) fn set(&mut self, name: &str, value: &str, place: &Place) {
        if !value.trim().is_empty() {
            self.0.entry(name.to_owned()).or_insert_with(|| (value.to_owned(), place.clone()));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Place)> {
        self.0.iter().map(|(name, (value, place))| (name.as_str(), value.as_str(), place))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The value without its quotes, or without the comment after it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inner;
        }
    }
    value.split_once(" #").map_or(value, |(value, _)| value).trim_end()
}

/// Lays the variables over the file's tree.
pub(super) fn lay_over(tree: &mut Node, variables: &Variables, problems: &mut Problems) {
    for (path, names) in SETTINGS {
        let set = names.iter().find_map(|(name, spelling)| Some((*spelling, variables.get(name)?)));
        if let Some((spelling, (value, place))) = set
            && let Some(node) = spelt(spelling, value, place, problems)
        {
            tree.put(path, node);
        }
    }
    if let Some((format, place)) = variables.get("LOG_FORMAT")
        && !format.eq_ignore_ascii_case("json")
    {
        problems.warning(
            place,
            "this changes nothing; TOLLGATE_LOG_FORMAT is what says in which form the log is",
            None,
        );
    }
    otel::sampler(tree, variables, problems);
    clouds::declare(tree, variables);
    providers::lay_over(tree, variables, problems);
    warn_of_unknown(variables, problems);
}

fn spelt(spelling: Spelling, value: &str, place: &Place, problems: &mut Problems) -> Option<Node> {
    let value = value.trim();
    Some(match spelling {
        Same => Node::text(place, value),
        Commas => list(value, place),
        Port => Node::text(place, format!("0.0.0.0:{value}")),
        Retries => match value.parse::<u32>() {
            Ok(retries) => Node::text(place, retries.saturating_add(1).to_string()),
            Err(_) => Node::text(place, value),
        },
        ForeignLevel => {
            let level = match value.to_ascii_lowercase().as_str() {
                "off" | "none" => "off",
                "error" | "fatal" | "critical" | "panic" => "error",
                "warn" | "warning" => "warn",
                "info" | "notice" => "info",
                "debug" => "debug",
                "trace" => "trace",
                _ => {
                    problems.warning(place, "this level is not known, so it changes nothing", None);
                    return None;
                }
            };
            Node::text(place, level)
        }
        Otel(spelling) => return otel::spelt(spelling, value, place, problems),
    })
}

fn list(value: &str, place: &Place) -> Node {
    let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
    Node::new(place, Value::List(items.map(|item| Node::text(place, item)).collect()))
}

/// The variables of all settings.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().flat_map(|(_, names)| names.iter().map(|(name, _)| *name))
}

/// Whether a variable of this name says something that the file can say. OpenTelemetry's are read as they
/// are, by whoever is started beside them.
pub(super) fn is_understood(name: &str) -> bool {
    let is_otels = name.starts_with("OTEL_");
    names().any(|known| known == name && !is_otels) || providers::is_read(name)
}

/// Whether a variable that is understood holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let opens = |(path, names): &Setting| {
        matches!(path, ["master_key"] | ["telemetry", "otlp", "headers"])
            && names.iter().any(|(known, _)| *known == name)
    };
    SETTINGS.iter().any(opens) || providers::is_key(name)
}

/// Whether a cloud's own tools read a variable of this name.
pub(super) fn is_of_clouds(name: &str) -> bool {
    const BEGINNINGS: [&str; 12] = [
        "AWS_",
        "AMAZON_",
        "GOOGLE_",
        "VERTEX_",
        "VERTEXAI_",
        "AZURE_",
        "IDENTITY_",
        "WATSONX_",
        "DATABRICKS_",
        "GIGACHAT_",
        "OCI_",
        "SSL_CERT_",
    ];
    BEGINNINGS.iter().any(|start| name.starts_with(start))
}

fn warn_of_unknown(variables: &Variables, problems: &mut Problems) {
    for (name, value, place) in variables.iter() {
        let ours = name.starts_with(PREFIX) || name.starts_with("GOMODEL_");
        if !ours || name == CONFIG || is_of_kubernetes(name, value) || names().any(|known| known == name) {
            continue;
        }
        let hint = match name {
            "TOLLGATE_PORT" => Some("did you mean TOLLGATE_LISTEN=0.0.0.0:8080?".to_owned()),
            _ => nearest_setting(name),
        };
        problems.warning(place, "no setting has this name", hint);
    }
}

/// What all names share says nothing of how near they are.
fn nearest_setting(name: &str) -> Option<String> {
    let (_, own) = name.split_once('_')?;
    let nearest = nearest(own, names().filter_map(|known| known.strip_prefix(PREFIX)));
    nearest.first().map(|known| format!("did you mean {PREFIX}{known}?"))
}

/// Kubernetes sets such variables in every pod beside a Service called `tollgate`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.contains("_PORT_") && name.contains("_TCP"))
        || (name.ends_with("_PORT") && value.starts_with("tcp://"))
}
