//! Traces and metrics by OTLP as a human writes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::scalar::{Fraction, Key, Size, Span};
use crate::units::ByteSize;

/// Who follows requests from outside. OpenTelemetry's own variables mean what they mean everywhere.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Telemetry {
    /// What this service is called there. Default: `tollgate`. Needs a restart.
    pub(in crate::config) service: String,
    /// More that is said of it, such as `deployment.environment.name: production`. Needs a restart.
    pub(in crate::config) resource: BTreeMap<String, String>,
    /// Where spans and metrics go by OTLP.
    pub(in crate::config) otlp: Otlp,
}

/// OTLP over HTTP. There is none without an address.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Otlp {
    /// Whether anything is sent. Default: true. Needs a restart.
    pub(in crate::config) enabled: bool,
    /// A collector's address, to which `/v1/traces` and `/v1/metrics` are added: `http://collector:4318`.
    /// Default: none. Needs a restart.
    pub(in crate::config) endpoint: Option<String>,
    /// The whole address for spans, where it is another. Default: none. Needs a restart.
    pub(in crate::config) traces_endpoint: Option<String>,
    /// The same for metrics. Default: none. Needs a restart.
    pub(in crate::config) metrics_endpoint: Option<String>,
    /// Headers for whoever takes them, such as a credential. Default: none. Needs a restart.
    pub(in crate::config) headers: BTreeMap<String, Key>,
    /// How they are said: `http/protobuf` or `http/json`. Default: `http/protobuf`. Needs a restart.
    pub(in crate::config) protocol: Protocol,
    /// How they are packed: `none` or `gzip`. Default: `none`. Needs a restart.
    pub(in crate::config) compression: Compression,
    /// Whether spans are sent at all. Default: true. Needs a restart.
    pub(in crate::config) traces: bool,
    /// Whether metrics are sent, which `/metrics` of the operator's listener has too. Default: true.
    /// Needs a restart.
    pub(in crate::config) metrics: bool,
    /// How often they are. Default: `60s`. Needs a restart.
    pub(in crate::config) metrics_interval: Span,
    /// The part of all traces that is followed, from 0 to 1. Default: 1. Needs a restart.
    pub(in crate::config) sample: Fraction,
    /// Whether a client that says if it follows a trace has its way. Default: true. Needs a restart.
    pub(in crate::config) parent_based: bool,
    /// Whether requests that fail are told of whatever `sample` and their clients say. Default: false.
    /// Needs a restart.
    pub(in crate::config) errors: bool,
    /// Whether providers are told of the trace (`traceparent`). Default: true. Needs a restart.
    pub(in crate::config) propagate: bool,
    /// Whether spans hold what was asked and answered, as guards left it. Default: false. Needs a restart.
    pub(in crate::config) content: bool,
    /// The most of it that they hold, of each side. Default: `64KiB`. Needs a restart.
    pub(in crate::config) content_limit: Size,
    /// How long spans wait for others to go with. Default: `5s`. Needs a restart.
    pub(in crate::config) interval: Span,
    /// How long sending them may take. Default: `10s`. Needs a restart.
    pub(in crate::config) timeout: Span,
    /// How many bytes may wait or be on their way; what is more is dropped and counted.
    /// Default: `16MiB`. Needs a restart.
    pub(in crate::config) queue: Size,
}

/// How spans are said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub(in crate::config) enum Protocol {
    /// In Protocol Buffers.
    #[default]
    #[serde(rename = "http/protobuf")]
    Protobuf,
    /// In JSON.
    #[serde(rename = "http/json")]
    Json,
}

/// How what is sent is packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Compression {
    /// It is not.
    #[default]
    None,
    /// By gzip.
    Gzip,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { service: "tollgate".to_owned(), resource: BTreeMap::new(), otlp: Otlp::default() }
    }
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            enabled: true,
            endpoint: None,
            traces_endpoint: None,
            metrics_endpoint: None,
            headers: BTreeMap::new(),
            protocol: Protocol::default(),
            compression: Compression::default(),
            traces: true,
            metrics: true,
            metrics_interval: Span(Duration::from_secs(60)),
            sample: Fraction(1.0),
            parent_based: true,
            errors: false,
            propagate: true,
            content: false,
            content_limit: Size(ByteSize(64 << 10)),
            interval: Span(Duration::from_secs(5)),
            timeout: Span(Duration::from_secs(10)),
            queue: Size(ByteSize(16 << 20)),
        }
    }
}
