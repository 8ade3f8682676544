//! What the tests stand on: the gateway as a child process, providers, and clients that can misbehave.

mod client;
mod cloud;
mod collector;
mod dialect;
mod gateway;
mod http2;
mod provider;
mod redis;
mod script;
mod socket;
mod tls;

use std::time::{Duration, Instant};

pub(crate) use client::{Conn, End, Head, Piece, Reply, Request, get, post};
pub(crate) use cloud::Cloud;
pub(crate) use collector::Collector;
pub(crate) use dialect::{CLIENTS, Client};
pub(crate) use gateway::{Gateway, Setup};
pub(crate) use http2::Http2;
pub(crate) use provider::{Heard, Provider, Then, closed_port, json_reply, mock, mock_page};
pub(crate) use redis::Redis;
pub(crate) use script::{asked, fine, json_head, kind, pieces, sse_head, whole};
pub(crate) use socket::{Came, Socket, handshake};
pub(crate) use tls::{Offer, Step, TlsHeard, TlsProvider, server_files, trusted};

/// How long anything may take that should take no time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Looks again and again until there is something to see.
///
/// # Panics
/// When there is nothing in time.
pub(crate) fn wait<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < patience, "waited {patience:?} for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
