//! The thread that hands spans and metrics to a collector: in batches, again where that may help, and never for long.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::prelude::HttpPeer;

use crate::clock;
use crate::config::{Otlp, OtlpForm};
use crate::provider::Base;
use crate::provider::limits::retry_after;
use crate::proxy::shared::Shared;
use crate::telemetry::otlp::{Inbox, Parcel, rejected};
use crate::telemetry::{Tracing, breakers, pressure};

/// How often the thread looks.
const BEAT: Duration = Duration::from_millis(100);
/// A batch goes when it has so many spans,
const MOST_SPANS: u64 = 512;
/// or so many bytes.
const MOST_BYTES: usize = 4 << 20;
/// How often a batch is tried.
const TRIES: u32 = 5;
/// The first pause between two tries; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
/// No collector is waited for longer, whatever it asks for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a try may take once the process ends.
const LAST: Duration = Duration::from_secs(1);
/// As much of an answer is read.
const LARGEST: usize = 64 << 10;
/// How long a connection is kept for the next batch.
const IDLE: Duration = Duration::from_secs(30);
/// How often at most somebody is told that spans are lost.
const TELL: Duration = Duration::from_secs(60);

/// Starts the thread.
///
/// # Errors
/// When no thread or runtime can be had.
pub fn start(shared: &Arc<Shared>, tracing: Arc<Tracing>, inbox: Inbox) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shared = Arc::clone(shared);
    let exporter =
        Exporter { shared, tracing, inbox, connector: None, told: None, batch: Vec::new(), held: (0, 0) };
    std::thread::Builder::new().name("otlp".to_owned()).spawn(move || runtime.block_on(exporter.run()))?;
    Ok(())
}

struct Exporter {
    shared: Arc<Shared>,
    tracing: Arc<Tracing>,
    inbox: Inbox,
    /// Made with the first batch, since it holds every root certificate.
    connector: Option<Connector>,
    /// When somebody was told that spans are lost.
    told: Option<Instant>,
    batch: Vec<Parcel>,
    /// How many bytes and spans are in the batch.
    held: (usize, u64),
}

/// Why a batch was not taken.
enum Untaken {
    /// It may be taken later, perhaps after so long.
    Yet(String, Option<Duration>),
    /// It will not.
    Ever(String),
}

impl Exporter {
    async fn run(mut self) {
        let interval = self.tracing.settings().interval;
        let every = self.tracing.settings().metrics_interval;
        let (mut due, mut metrics_due) = (clock::now() + interval, clock::now() + every);
        loop {
            // Read before the queue, so that what was put in before the end is still sent.
            let closing = self.inbox.is_closing();
            while let Ok(parcel) = self.inbox.take() {
                self.held.0 += parcel.bytes.len();
                self.held.1 += parcel.spans;
                self.batch.push(parcel);
                if self.held.1 >= MOST_SPANS || self.held.0 >= MOST_BYTES {
                    self.send().await;
                }
            }
            if closing || clock::now() >= due {
                self.send().await;
                due = clock::now() + interval;
            }
            if closing || clock::now() >= metrics_due {
                self.send_metrics().await;
                metrics_due = clock::now() + every;
            }
            if closing {
                self.inbox.closed();
                return;
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Sends what has gathered, or gives it up.
    async fn send(&mut self) {
        let (bytes, spans) = std::mem::take(&mut self.held);
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return;
        }
        let tracing = Arc::clone(&self.tracing);
        // Without an address no span is made.
        let Some(base) = &tracing.settings().traces else { return };
        let body = tracing.spans(&batch);
        drop(batch);
        let body = ready(tracing.settings(), body);
        let mut pause = PAUSE;
        let mut tries = 1;
        let why = loop {
            let why = match self.post(tracing.settings(), base, body.clone()).await {
                Ok(rejected) => {
                    let rejected = rejected.min(spans);
                    self.inbox.let_go(bytes, spans - rejected, rejected);
                    if rejected > 0 {
                        self.complain(base, &format!("{rejected} were rejected"));
                    }
                    return;
                }
                Err(Untaken::Ever(why)) => break why,
                Err(Untaken::Yet(why, after)) => {
                    if tries >= TRIES || self.inbox.is_closing() {
                        break why;
                    }
                    self.wait(after.unwrap_or(pause).min(PATIENCE)).await;
                    why
                }
            };
            log::debug!("spans are sent once more: {why}");
            tries += 1;
            pause *= 2;
        };
        self.inbox.let_go(bytes, 0, spans);
        self.complain(base, &why);
    }

    /// Sends the metrics as they stand. What is not taken is not sent again: the next export has all of it.
    async fn send_metrics(&mut self) {
        let tracing = Arc::clone(&self.tracing);
        let Some(base) = &tracing.settings().metrics else { return };
        let families = {
            let shared = &self.shared;
            let world = shared.world.load();
            let rules = world.door.keyring.standing(clock::unix_seconds());
            shared.metrics().keeps(&shared.cache.stand(), &shared.behind());
            let told = breakers::told(&world, clock::ticks(clock::now()));
            shared.metrics().gather(shared.held.now(), rules, &told, &pressure::told(&world))
        };
        let Ok(families) = families else { return };
        let body = ready(tracing.settings(), tracing.metrics(&families));
        if let Err(Untaken::Yet(why, _) | Untaken::Ever(why)) =
            self.post(tracing.settings(), base, body).await
        {
            self.complain(base, &why);
        }
    }

    /// Waits so long, or until the process ends.
    async fn wait(&self, pause: Duration) {
        let begun = clock::now();
        while begun.elapsed() < pause && !self.inbox.is_closing() {
            tokio::time::sleep(BEAT.min(pause)).await;
        }
    }

    fn complain(&mut self, base: &Base, why: &str) {
        let now = clock::now();
        if self.told.is_none_or(|told| now.saturating_duration_since(told) >= TELL) {
            self.told = Some(now);
            let host = base.authority();
            log::warn!("spans or metrics are lost, {host} did not take them: {why}");
        }
    }

    /// One try; how many of the spans were rejected.
    async fn post(&mut self, settings: &Otlp, base: &Base, body: Bytes) -> Result<u64, Untaken> {
        let patience = if self.inbox.is_closing() { LAST.min(settings.timeout) } else { settings.timeout };
        match tokio::time::timeout(patience, self.exchange(settings, base, body)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Untaken::Yet("it did not answer in time".to_owned(), None)),
        }
    }

    async fn exchange(&mut self, settings: &Otlp, base: &Base, body: Bytes) -> Result<u64, Untaken> {
        const BROKEN: &str = "it broke off the connection";
        let yet = |why: &str| Untaken::Yet(why.to_owned(), None);
        let address = self.shared.resolver.address(&base.host, base.port).await;
        let address = address.ok_or_else(|| yet("no such host is known"))?;
        let mut peer = HttpPeer::new(address, base.tls, base.host.clone());
        peer.options.connection_timeout = Some(settings.timeout);
        peer.options.total_connection_timeout = Some(settings.timeout);
        peer.options.read_timeout = Some(settings.timeout);
        let connector = self.connector.get_or_insert_with(|| Connector::new(None));
        let session = connector.get_http_session(&peer).await;
        let (mut session, _) = session.map_err(|_| yet("it could not be reached"))?;
        let head =
            head(settings, base, body.len()).map_err(|_| Untaken::Ever("its address is none".to_owned()))?;
        session.write_request_header(Box::new(head)).await.map_err(|_| yet(BROKEN))?;
        session.write_request_body(body, true).await.map_err(|_| yet(BROKEN))?;
        session.finish_request_body().await.map_err(|_| yet(BROKEN))?;
        session.read_response_header().await.map_err(|_| yet(BROKEN))?;
        let head = session.response_header().ok_or_else(|| yet(BROKEN))?;
        let status = head.status.as_u16();
        let after = after(status, &head.headers);
        let mut said = Vec::new();
        while let Some(chunk) = session.read_response_body().await.map_err(|_| yet(BROKEN))? {
            said.extend_from_slice(&chunk);
            if said.len() > LARGEST {
                return Err(Untaken::Ever("its answer is too large".to_owned()));
            }
        }
        connector.release_http_session(session, &peer, Some(IDLE)).await;
        match status {
            200..=299 => Ok(rejected(settings.form, &said)),
            429 | 502 | 503 | 504 => Err(Untaken::Yet(format!("it said {status}"), after)),
            _ => Err(Untaken::Ever(format!("it said {status}"))),
        }
    }
}

/// When a collector that is too busy wants to be asked again.
fn after(status: u16, headers: &HeaderMap) -> Option<Duration> {
    matches!(status, 429 | 503).then(|| retry_after(headers)).flatten()
}

fn head(settings: &Otlp, base: &Base, length: usize) -> pingora::Result<RequestHeader> {
    const AGENT: &str = concat!("tollgate/", env!("CARGO_PKG_VERSION"));
    let path = if base.path.is_empty() { "/" } else { &base.path };
    let mut head = RequestHeader::build("POST", path.as_bytes(), Some(8))?;
    head.insert_header("host", base.authority())?;
    head.insert_header("user-agent", AGENT)?;
    head.insert_header("accept-encoding", "identity")?;
    for (name, value) in &settings.headers {
        head.insert_header(name.clone(), value.expose())?;
    }
    let kind = match settings.form {
        OtlpForm::Protobuf => "application/x-protobuf",
        OtlpForm::Json => "application/json",
    };
    head.insert_header("content-type", kind)?;
    if settings.gzip {
        head.insert_header("content-encoding", "gzip")?;
    }
    head.insert_header("content-length", length)?;
    Ok(head)
}

/// A body as it is sent.
fn ready(settings: &Otlp, body: Vec<u8>) -> Bytes {
    if settings.gzip { packed(&body).unwrap_or(body).into() } else { body.into() }
}

fn packed(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    packer.write_all(body)?;
    packer.finish()
}
