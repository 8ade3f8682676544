//! A fake provider that speaks every dialect: OpenAI chat, Responses, text completions and embeddings,
//! Anthropic Messages, Gemini, Bedrock Converse, Ollama, Cohere's chat.
//!
//! The demo, the load tests, the black-box tests and the vendors' own SDKs all talk to it. It is
//! strict where the real services are strict, so that a wrong translation fails here and not in
//! production, and it is fast enough never to be the slow part of a measurement. What it answers
//! can be scripted from the prompt (see [`say::script`]).
#![allow(
    clippy::disallowed_methods,
    reason = "the mock is a test peer: it reads the time itself and may build JSON trees"
)]

mod anthropic;
mod bedrock;
mod cache;
mod cohere;
mod dialect;
mod errors;
mod flat;
mod gemini;
mod http;
mod kin;
mod live;
mod models;
mod ollama;
mod openai;
mod play;
mod responses;
mod route;
pub mod say;
mod server;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

/// How the mock listens and how it paces its answers.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one, see [`Mock::addr`].
    pub listen: SocketAddr,
    /// Serving threads, each with its own listener on the same port; 0 counts as 1.
    pub threads: usize,
    /// Wait before the first byte of an answer.
    pub first_token: Duration,
    /// Tokens in an answer when the request does not say.
    pub tokens: usize,
    /// Tokens per second; `None` answers as fast as possible.
    pub rate: Option<f64>,
    /// Share of requests, 0.0 to 1.0, that fail with 500, 503 or 529.
    pub failure_rate: f64,
    /// A pace people can watch: 250 ms to the first token, then 40 tokens per second.
    pub human: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            threads: 1,
            first_token: Duration::ZERO,
            tokens: 60,
            rate: None,
            failure_rate: 0.0,
            human: false,
        }
    }
}

/// A running mock; it stops, and drops its connections, when this value is dropped.
#[derive(Debug)]
pub struct Mock {
    addr: SocketAddr,
    threads: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Mock {
    /// The address it listens on, with the real port.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let (stops, threads): (Vec<_>, Vec<_>) = self.threads.drain(..).unzip();
        drop(stops);
        for thread in threads {
            // A thread that panicked has already said so on stderr.
            let _ = thread.join();
        }
    }
}

/// Starts the mock on threads of its own and returns once every one of them listens.
///
/// # Errors
/// The address cannot be bound, or a thread or its runtime cannot be started.
pub fn start(options: Options) -> std::io::Result<Mock> {
    let mut options = options;
    if options.human {
        options.first_token = Duration::from_millis(250);
        options.rate = Some(40.0);
    }
    let threads = options.threads.max(1);
    let first = server::bind(options.listen)?;
    let addr = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..threads {
        sockets.push(server::bind(addr)?);
    }
    let world = Arc::new(World::new(options));
    let mut mock = Mock { addr, threads: Vec::with_capacity(threads) };
    for (index, socket) in sockets.into_iter().enumerate() {
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = std::sync::mpsc::channel();
        let world = Arc::clone(&world);
        let thread = std::thread::Builder::new()
            .name(format!("mock-{index}"))
            .spawn(move || server::serve(socket, &world, stopped, &ready))?;
        mock.threads.push((stop, thread));
        listening.recv().map_err(std::io::Error::other)??;
    }
    Ok(mock)
}

/// What all connections share.
struct World {
    options: Options,
    stats: stats::Stats,
    /// Fingerprints of prompts and prompt prefixes already seen, for cached-token counts.
    seen: Mutex<HashSet<u64>>,
    dice: AtomicU64,
    /// Files and batches, by id.
    kept: Mutex<std::collections::BTreeMap<String, flat::kept::Thing>>,
}

impl World {
    fn new(options: Options) -> Self {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            options,
            stats: stats::Stats::default(),
            seen: Mutex::default(),
            dice: AtomicU64::new(u64::from(seed.subsec_nanos()) << 20 ^ seed.as_secs()),
            kept: Mutex::default(),
        }
    }

    /// The next pseudo-random number (splitmix64 over a shared counter).
    fn roll(&self) -> u64 {
        let mut z = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A fresh id: `prefix` and `len` letters and digits.
    fn id(&self, prefix: &str, len: usize) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut id = String::with_capacity(prefix.len() + len);
        id.push_str(prefix);
        let mut bits = 0;
        for i in 0..len {
            if i % 10 == 0 {
                bits = self.roll();
            }
            let letter = ALPHABET.get((bits % 62) as usize).copied().unwrap_or(b'A');
            id.push(char::from(letter));
            bits /= 62;
        }
        id
    }

    /// Whether this fingerprint was seen before; remembers it either way.
    fn seen_before(&self, fingerprint: u64) -> bool {
        /// Keeps a long load test from growing the set without end.
        const MOST: usize = 100_000;
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.clear();
        }
        !seen.insert(fingerprint)
    }

    /// Whether this fingerprint was seen before, without remembering it.
    fn knows(&self, fingerprint: u64) -> bool {
        let seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.contains(&fingerprint)
    }
}

/// Seconds since 1970, for `created` fields.
fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
