//! Providers behind TLS, over HTTP/2 and HTTP/1.1: each request is answered step by step.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, server};
use http::{HeaderMap, Response};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::PATIENCE;

type Socket = TlsStream<tokio::net::TcpStream>;

/// What a provider offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    Http2,
    Http11,
    /// HTTP/2, with a certificate that nobody trusts.
    Untrusted,
    /// HTTP/2, and an answer before the question was read.
    Early,
}

/// One step of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// The head; the body follows.
    Head(u16, Vec<(&'static str, String)>),
    /// The head, which also ends the answer.
    HeadAlone(u16, Vec<(&'static str, String)>),
    Data(Vec<u8>),
    /// The last piece, in the frame that ends the answer.
    Last(Vec<u8>),
    /// The end in a frame of its own.
    End,
    /// The end in a frame of trailers.
    Trailers,
    Sleep(Duration),
    /// Waits for [`TlsProvider::open`].
    Gate,
    /// Breaks the stream off; over HTTP/1.1 the connection.
    Reset(Reason),
    /// Takes no more requests on this connection.
    GoAway,
    /// Drops the connection.
    Drop,
    /// Waits until the other side gives the stream up, and notes that.
    Gone,
}

/// A request as it was heard.
#[derive(Debug, Clone)]
pub(crate) struct TlsHeard {
    /// Which request this is, counted from 0 over all connections.
    pub(crate) number: usize,
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
    pub(crate) alpn: String,
    pub(crate) sni: Option<String>,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

type Act = dyn Fn(&TlsHeard) -> Vec<Step> + Send + Sync;

struct Shared {
    act: Box<Act>,
    heard: Mutex<Vec<TlsHeard>>,
    /// Why streams were given up.
    gone: Mutex<Vec<String>>,
    gate: Semaphore,
    offer: Offer,
}

/// A provider behind TLS.
pub(crate) struct TlsProvider {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Authority {
    pem: PathBuf,
    /// The files of a certificate and its key, for a server that is not one of ours.
    files: (PathBuf, PathBuf),
    trusted: Arc<ServerConfig>,
    plain: Arc<ServerConfig>,
    strange: Arc<ServerConfig>,
}

/// The authority that gateways are told to trust, and the providers' certificates.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let (trusted, pem) = authority("right");
    let (strange, _) = authority("wrong");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ca-{}.pem", std::process::id()));
    std::fs::write(&path, pem).expect("a writable target folder");
    let files = files(&trusted);
    Authority {
        pem: path,
        files,
        trusted: config(&trusted, &[b"h2", b"http/1.1"]),
        plain: config(&trusted, &[b"http/1.1"]),
        strange: config(&strange, &[b"h2", b"http/1.1"]),
    }
});

fn authority(name: &str) -> ((Certificate, KeyPair), String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).expect("a certificate");
    let pem = own.pem();
    ((own, key), pem)
}

fn files((issuer, issuer_key): &(Certificate, KeyPair)) -> (PathBuf, PathBuf) {
    let key = KeyPair::generate().expect("a key");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let own = CertificateParams::new(names).expect("names").signed_by(&key, issuer, issuer_key);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let write = |name: &str, pem: String| {
        let path = folder.join(format!("{name}-{}.pem", std::process::id()));
        std::fs::write(&path, pem).expect("a writable target folder");
        path
    };
    (write("server", own.expect("a certificate").pem()), write("server-key", key.serialize_pem()))
}

fn config((issuer, issuer_key): &(Certificate, KeyPair), alpn: &[&[u8]]) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("a key");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let own = CertificateParams::new(names).expect("names").signed_by(&key, issuer, issuer_key);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.expect("a certificate").der().clone()], key)
        .expect("a certificate and its key");
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// The file of the authority that a gateway must trust.
pub(crate) fn trusted() -> String {
    AUTHORITY.pem.to_string_lossy().into_owned()
}

/// The files of a certificate that those gateways trust, of its key, and of its authority.
pub(crate) fn server_files() -> (String, String, String) {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (certificate, key) = &AUTHORITY.files;
    (text(certificate), text(key), trusted())
}

impl TlsProvider {
    /// Starts one.
    pub(crate) fn start(offer: Offer, act: impl Fn(&TlsHeard) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            act: Box::new(act),
            heard: Mutex::default(),
            gone: Mutex::default(),
            gate: Semaphore::new(0),
            offer,
        });
        let (stop, stopped) = oneshot::channel();
        let sharing = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = accept(listener, sharing) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { port, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// What it heard so far.
    pub(crate) fn heard(&self) -> Vec<TlsHeard> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// Why streams were given up so far.
    pub(crate) fn gone(&self) -> Vec<String> {
        self.shared.gone.lock().unwrap().clone()
    }

    /// Lets so many answers through a gate.
    pub(crate) fn open(&self, gates: usize) {
        self.shared.gate.add_permits(gates);
    }
}

impl Drop for TlsProvider {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    let config = match shared.offer {
        Offer::Http2 | Offer::Early => &AUTHORITY.trusted,
        Offer::Http11 => &AUTHORITY.plain,
        Offer::Untrusted => &AUTHORITY.strange,
    };
    let acceptor = TlsAcceptor::from(Arc::clone(config));
    for connection in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        let _ = stream.set_nodelay(true);
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => http2(stream, connection, shared).await,
                _ => http11(stream, connection, &shared).await,
            }
        });
    }
}

impl Shared {
    fn hear(&self, mut heard: TlsHeard) -> VecDeque<Step> {
        let mut all = self.heard.lock().unwrap();
        heard.number = all.len();
        all.push(heard.clone());
        drop(all);
        (self.act)(&heard).into()
    }

    async fn wait(&self, step: &Step) {
        match step {
            Step::Sleep(time) => tokio::time::sleep(*time).await,
            Step::Gate => {
                if let Ok(Ok(gate)) = tokio::time::timeout(PATIENCE, self.gate.acquire()).await {
                    gate.forget();
                }
            }
            _ => {}
        }
    }
}

fn blank(stream: &Socket, connection: usize) -> TlsHeard {
    let (_, tls) = stream.get_ref();
    TlsHeard {
        number: 0,
        connection,
        alpn: String::from_utf8_lossy(tls.alpn_protocol().unwrap_or_default()).into_owned(),
        sni: tls.server_name().map(str::to_owned),
        authority: String::new(),
        path: String::new(),
        headers: HeaderMap::new(),
        body: Vec::new(),
    }
}

/// What a stream asks of its connection.
enum Wish {
    GoAway,
    Drop,
}

async fn http2(stream: Socket, connection: usize, shared: Arc<Shared>) {
    let blank = blank(&stream, connection);
    let Ok(mut own) = server::Builder::new().handshake::<_, Bytes>(stream).await else { return };
    let (wish, mut wishes) = tokio::sync::mpsc::unbounded_channel();
    loop {
        let (request, respond) = tokio::select! {
            asked = own.accept() => match asked {
                Some(Ok(asked)) => asked,
                Some(Err(_)) | None => return,
            },
            Some(wished) = wishes.recv() => match wished {
                Wish::Drop => return,
                Wish::GoAway => {
                    own.graceful_shutdown();
                    continue;
                }
            },
        };
        let (shared, blank, wish) = (Arc::clone(&shared), blank.clone(), wish.clone());
        tokio::spawn(async move {
            let (head, mut stream) = request.into_parts();
            let mut body = Vec::new();
            while shared.offer != Offer::Early
                && let Some(Ok(piece)) = stream.data().await
            {
                let _ = stream.flow_control().release_capacity(piece.len());
                body.extend_from_slice(&piece);
            }
            let authority = head.uri.authority().map(ToString::to_string).unwrap_or_default();
            let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            let steps = shared.hear(TlsHeard { authority, path, headers: head.headers, body, ..blank });
            play2(steps, respond, &shared, &wish).await;
            drop(stream);
        });
    }
}

async fn play2(
    steps: VecDeque<Step>,
    mut respond: server::SendResponse<Bytes>,
    shared: &Shared,
    wish: &tokio::sync::mpsc::UnboundedSender<Wish>,
) {
    let mut body: Option<h2::SendStream<Bytes>> = None;
    for step in steps {
        match step {
            Step::Head(status, headers) => body = respond.send_response(head(status, &headers), false).ok(),
            Step::HeadAlone(status, headers) => {
                let _ = respond.send_response(head(status, &headers), true);
            }
            Step::Data(bytes) => send(&mut body, bytes, false).await,
            Step::Last(bytes) => send(&mut body, bytes, true).await,
            Step::End => send(&mut body, Vec::new(), true).await,
            Step::Trailers => {
                if let Some(body) = &mut body {
                    let trailers = [(http::HeaderName::from_static("x-checksum"), "1".parse().unwrap())];
                    let _ = body.send_trailers(trailers.into_iter().collect());
                }
            }
            Step::Sleep(_) | Step::Gate => shared.wait(&step).await,
            Step::Reset(reason) => match &mut body {
                Some(body) => body.send_reset(reason),
                None => respond.send_reset(reason),
            },
            Step::GoAway => drop(wish.send(Wish::GoAway)),
            Step::Drop => drop(wish.send(Wish::Drop)),
            Step::Gone => {
                let told = match &mut body {
                    Some(body) => poll_fn(|context| body.poll_reset(context)).await,
                    None => poll_fn(|context| respond.poll_reset(context)).await,
                };
                shared.gone.lock().unwrap().push(format!("{told:?}"));
            }
        }
    }
}

async fn send(body: &mut Option<h2::SendStream<Bytes>>, bytes: Vec<u8>, end: bool) {
    let Some(body) = body else { return };
    let mut left = Bytes::from(bytes);
    while !left.is_empty() {
        body.reserve_capacity(left.len());
        let Some(Ok(room)) = poll_fn(|context| body.poll_capacity(context)).await else { return };
        let piece = left.split_to(room.min(left.len()));
        if body.send_data(piece, end && left.is_empty()).is_err() || (end && left.is_empty()) {
            return;
        }
    }
    if end {
        let _ = body.send_data(Bytes::new(), true);
    }
}

fn head(status: u16, headers: &[(&'static str, String)]) -> Response<()> {
    let mut head = Response::builder().status(status);
    for (name, value) in headers {
        head = head.header(*name, value);
    }
    head.body(()).expect("a well-formed head")
}

async fn http11(mut stream: Socket, connection: usize, shared: &Shared) {
    let mut held = Vec::new();
    loop {
        let Some(heard) = hear11(&mut stream, &mut held, connection).await else { return };
        let steps = shared.hear(heard);
        if play11(steps, &mut stream, shared).await.is_none() {
            return;
        }
    }
}

async fn hear11(stream: &mut Socket, held: &mut Vec<u8>, connection: usize) -> Option<TlsHeard> {
    loop {
        if let Some(at) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&held[..at]).into_owned();
            let mut heard = blank(stream, connection);
            heard.path = text.split(' ').nth(1)?.to_owned();
            for (name, value) in text.lines().skip(1).filter_map(|line| line.split_once(": ")) {
                heard.headers.append(name.parse::<http::HeaderName>().ok()?, value.parse().ok()?);
            }
            let header = |name| heard.headers.get(name).and_then(|value| value.to_str().ok());
            let length = header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            if held.len() >= at + 4 + length {
                heard.authority = header("host")?.to_owned();
                heard.body = held.drain(..at + 4 + length).skip(at + 4).collect();
                return Some(heard);
            }
        }
        if stream.read_buf(held).await.ok()? == 0 {
            return None;
        }
    }
}

/// `None` when the connection must be closed.
async fn play11(steps: VecDeque<Step>, stream: &mut Socket, shared: &Shared) -> Option<()> {
    let (mut last, mut unframed, mut opened) = (false, false, false);
    for step in steps {
        let mut out = Vec::new();
        let ends = matches!(step, Step::Last(_) | Step::End | Step::HeadAlone(..));
        match &step {
            Step::Head(status, headers) | Step::HeadAlone(status, headers) => {
                out.extend_from_slice(format!("HTTP/1.1 {status} X\r\n").as_bytes());
                for (name, value) in headers {
                    out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
                }
                opened = *status == 101;
                let sized =
                    opened || *status == 204 || headers.iter().any(|(name, _)| *name == "content-length");
                if !sized {
                    out.extend_from_slice(b"transfer-encoding: chunked\r\n");
                }
                out.extend_from_slice(b"\r\n");
                unframed = sized;
            }
            Step::Data(bytes) if opened => out.extend_from_slice(bytes),
            Step::Data(bytes) | Step::Last(bytes) => {
                out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            Step::Sleep(_) | Step::Gate => shared.wait(&step).await,
            Step::End => {}
            Step::Trailers => out.extend_from_slice(b"0\r\nx-checksum: 1\r\n\r\n"),
            Step::GoAway => last = true,
            Step::Reset(_) | Step::Drop => return None,
            Step::Gone => {
                let ended = stream.read(&mut [0; 16]).await;
                shared.gone.lock().unwrap().push(format!("{ended:?}"));
                return None;
            }
        }
        if ends && !unframed {
            out.extend_from_slice(b"0\r\n\r\n");
        }
        stream.write_all(&out).await.ok()?;
        stream.flush().await.ok()?;
    }
    Some(()).filter(|()| !last)
}
