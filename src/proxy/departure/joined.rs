//! Head and body leave in one piece.
//!
//! Pingora sends a head by itself before it looks at the body. That is one system call and one
//! segment more for each request, and a provider that is woken twice.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use pingora::connectors::TransportConnector;
use pingora::connectors::http::custom::{Connection, Connector};
use pingora::http::{ResponseHeader, StatusCode};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use pingora::upstreams::peer::Peer;
use pingora::{OrErr as _, Result};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// Makes connections that send head and body in one piece; asked for by an ALPN of its own.
#[allow(missing_debug_implementations)]
pub struct Joining(TransportConnector);

impl Joining {
    /// What a peer must ask for to be connected this way.
    pub const ALPN: &str = "tollgate";

    /// Connects by this connector, whose pool is not used: Pingora puts connections that are free
    /// again into the pool of all HTTP/1.1 connections, and finds them there.
    #[must_use]
    pub const fn new(connector: TransportConnector) -> Self {
        Self(connector)
    }
}

#[async_trait]
impl Connector for Joining {
    type Session = ();

    async fn get_http_session<P: Peer + Send + Sync + 'static>(
        &self,
        peer: &P,
    ) -> Result<(Connection<()>, bool)> {
        let stream = self.0.new_stream(peer).await?;
        Ok((Connection::Stream(Box::new(Joined::new(stream)?)), false))
    }

    async fn reused_http_session<P: Peer + Send + Sync + 'static>(&self, _peer: &P) -> Option<()> {
        None
    }

    async fn release_http_session<P: Peer + Send + Sync + 'static>(
        &self,
        _session: (),
        _peer: &P,
        _idle_timeout: Option<std::time::Duration>,
    ) {
    }
}

/// Tells a connection that the next head on it has a body. It finds its way through Pingora as
/// what a forward proxy would have said of the connection.
#[derive(Debug, Default)]
struct Word(AtomicBool);

/// Says that the head that goes out next on this connection has a body that follows at once.
pub fn body_follows(connection: &Digest) {
    let said = connection.proxy_digest.as_ref().and_then(|digest| digest.user_data.as_ref());
    if let Some(word) = said.and_then(|said| said.downcast_ref::<Arc<Word>>()) {
        word.0.store(true, Ordering::Relaxed);
    }
}

/// So much is copied to leave in one piece; what is longer goes on by itself.
const PIECE: usize = 16 << 10;

/// A connection to a provider.
#[derive(Debug)]
struct Joined {
    stream: Stream,
    word: Arc<Word>,
    digest: Arc<ProxyDigest>,
    phase: Phase,
    /// What is held back, and how much of it has left.
    held: Vec<u8>,
    left: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Everything goes through.
    Through,
    /// A head is held back until its body comes.
    Head,
    /// The body is awaited behind a head of this length.
    Body(usize),
}

impl Joined {
    fn new(stream: Stream) -> Result<Self> {
        let word = Arc::<Word>::default();
        let nothing = ResponseHeader::build(StatusCode::OK, Some(0))
            .or_err(pingora::ErrorType::InternalError, "an empty head")?;
        let digest = Arc::new(ProxyDigest::new(Box::new(nothing), Some(Box::new(Arc::clone(&word)))));
        Ok(Self { stream, word, digest, phase: Phase::Through, held: Vec::new(), left: 0 })
    }

    /// Sends what is held back.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.held.get(self.left..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.left += written;
        }
        self.held.clear();
        self.left = 0;
        self.phase = Phase::Through;
        Poll::Ready(Ok(()))
    }

    /// Whether the next bytes go through as they are. Those of a head that was announced do not.
    fn goes_through(&mut self) -> bool {
        if self.phase == Phase::Through && self.word.0.load(Ordering::Relaxed) {
            self.word.0.store(false, Ordering::Relaxed);
            self.phase = Phase::Head;
        }
        self.phase == Phase::Through
    }
}

impl AsyncRead for Joined {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Joined {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.goes_through() {
            let room = match this.phase {
                Phase::Head => buf.len(),
                Phase::Through | Phase::Body(_) => PIECE.saturating_sub(this.held.len()),
            };
            let fits = buf.get(..room).unwrap_or(buf);
            if !fits.is_empty() || buf.is_empty() {
                this.held.extend_from_slice(fits);
                return Poll::Ready(Ok(fits.len()));
            }
        }
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.phase {
            Phase::Head => {
                this.phase = Phase::Body(this.held.len());
                return Poll::Ready(Ok(()));
            }
            Phase::Body(head) if this.held.len() == head => return Poll::Ready(Ok(())),
            Phase::Body(_) | Phase::Through => {}
        }
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_held(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.goes_through() {
            ready!(self.poll_held(cx))?;
            return Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for Joined {
    async fn shutdown(&mut self) {
        // The provider may be gone.
        let _ = self.flush().await;
        Shutdown::shutdown(&mut *self.stream).await;
    }
}

impl UniqueID for Joined {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

// Only connections without TLS are made this way.
impl Ssl for Joined {}

impl Peek for Joined {}

impl GetTimingDigest for Joined {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> std::time::Duration {
        self.stream.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> std::time::Duration {
        self.stream.get_write_pending_time()
    }
}

impl GetProxyDigest for Joined {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(Arc::clone(&self.digest))
    }
}

impl GetSocketDigest for Joined {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }
}
