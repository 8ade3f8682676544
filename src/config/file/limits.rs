//! What a client and a provider may take of time and memory, as a human writes it.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::{Interval, Percent, Size, Span};
use crate::units::ByteSize;

/// What a client may take of time and memory.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Limits {
    /// The largest request body that is read whole; what goes through is not. Default: `32MiB`.
    pub(in crate::config) body: Size,
    /// The largest request head. Default: `64KiB`.
    pub(in crate::config) head: Size,
    /// All request bodies held at one time. Default: `1GiB`.
    pub(in crate::config) held: Size,
    /// How long the whole head of a request may take, and one read of its body. Default: `60s`.
    pub(in crate::config) read_timeout: Span,
    /// How long one write to a client may take. Default: `60s`.
    pub(in crate::config) write_timeout: Span,
    /// How long an idle connection is kept. Default: `75s`.
    pub(in crate::config) keepalive: Span,
    /// After how long a silence an Anthropic client hears a ping inside its stream, where that is
    /// translated. Default: `10s`.
    pub(in crate::config) ping: Span,
}

/// What a provider may take of time.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Upstream {
    /// To connect, TLS included. Default: `10s`.
    pub(in crate::config) connect_timeout: Span,
    /// Until the first byte of an answer. Default: `300s`.
    pub(in crate::config) first_byte_timeout: Span,
    /// Until a stream has something in it, from when it was asked for, or `off`. Default: `off`.
    pub(in crate::config) first_token_timeout: Interval,
    /// The longest silence inside a streamed answer; over HTTP/2 the shorter of this and
    /// `first_byte_timeout` bounds both. Default: `300s`.
    pub(in crate::config) idle_timeout: Span,
    /// For the whole answer, all attempts together. Default: `1h`.
    pub(in crate::config) total_timeout: Span,
    /// For a whole realtime session. Default: `2h`.
    pub(in crate::config) session_timeout: Span,
    /// The longest silence of both sides of one; pings break it. Default: `15m`.
    pub(in crate::config) session_idle_timeout: Span,
    /// How many attempts a request may make, the first included; 1 to 20. Default: 3.
    pub(in crate::config) attempts: u32,
    /// How many further attempts all requests together may make, as a part of the requests, so that a
    /// provider that is down is not asked all the more; a few are always made. Default: `20%`.
    pub(in crate::config) retries: Percent,
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
