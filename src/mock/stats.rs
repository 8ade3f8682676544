//! What the mock remembers of its traffic, so that a black-box test can ask what really arrived.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::http::{self, Request};

const RING: usize = 64;
/// All bodies in the ring together, in bytes; the newest one is always kept.
const RING_BYTES: usize = 128 << 20;

/// Counters, and the last requests as they came.
#[derive(Debug, Default)]
pub(super) struct Stats {
    pub(super) requests: AtomicU64,
    pub(super) streams: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) gone: AtomicU64,
    pub(super) errors: AtomicU64,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    head: Vec<u8>,
    body: Vec<u8>,
}

/// One more of what `counter` counts.
pub(super) fn up(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Stats {
    /// Counts a model request and keeps a copy of it.
    pub(super) fn keep(&self, head: &[u8], body: &[u8]) {
        up(&self.requests);
        let mut ring = self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut slot = Kept::default();
        while ring.kept.len() >= RING || (ring.bytes + body.len() > RING_BYTES && !ring.kept.is_empty()) {
            let Some(oldest) = ring.kept.pop_front() else {
                break;
            };
            ring.bytes -= oldest.body.len();
            slot = oldest;
        }
        slot.head.clear();
        slot.head.extend_from_slice(head);
        slot.body.clear();
        slot.body.extend_from_slice(body);
        ring.bytes += body.len();
        ring.kept.push_back(slot);
    }

    /// Answers the `/__mock/` pages: status and JSON.
    pub(super) fn page(&self, request: &Request<'_>) -> (u16, String) {
        let page = request.path.strip_prefix("/__mock/").unwrap_or_default();
        match page {
            "stats" => (200, self.counters().to_string()),
            "last" => match self.last(1).pop() {
                Some(last) => (200, last.to_string()),
                None => (404, json!({"error": "no request yet"}).to_string()),
            },
            "requests" => {
                let n = request.param("n").and_then(|n| n.parse().ok()).unwrap_or(RING);
                (200, Value::Array(self.last(n)).to_string())
            }
            "reset" => {
                self.reset();
                (200, self.counters().to_string())
            }
            _ => (404, json!({"error": "no such page"}).to_string()),
        }
    }

    fn counters(&self) -> Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "requests": read(&self.requests),
            "streams": read(&self.streams),
            "open_connections": read(&self.open),
            "client_gone": read(&self.gone),
            "errors": read(&self.errors),
        })
    }

    /// Forgets everything but the open connections.
    fn reset(&self) {
        for counter in [&self.requests, &self.streams, &self.gone, &self.errors] {
            counter.store(0, Ordering::Relaxed);
        }
        *self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Ring::default();
    }

    /// The last `n` requests, oldest first. A body that is JSON shows as JSON, else as text.
    fn last(&self, n: usize) -> Vec<Value> {
        let ring = self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let skip = ring.kept.len().saturating_sub(n);
        ring.kept.iter().skip(skip).filter_map(Kept::show).collect()
    }
}

impl Kept {
    fn show(&self) -> Option<Value> {
        http::lend(&self.head, &self.body, |request| {
            let body: Value = serde_json::from_slice(request.body)
                .unwrap_or_else(|_| String::from_utf8_lossy(request.body).into_owned().into());
            let mut headers = serde_json::Map::new();
            for (name, value) in request.headers {
                let name = name.to_ascii_lowercase();
                let value = match headers.get(&name).and_then(Value::as_str) {
                    Some(earlier) => format!("{earlier}, {value}"),
                    None => (*value).to_owned(),
                };
                headers.insert(name, value.into());
            }
            json!({
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "headers": headers,
                "body": body,
                "body_text": String::from_utf8_lossy(request.body),
            })
        })
        .ok()
    }
}
