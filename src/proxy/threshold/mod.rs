//! The stream between a client and Pingora: it gives heads a time and a size, says in the client's
//! words what Pingora would refuse in none, and ends the wait for a provider that is late.

use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use pingora::protocols::{Shutdown, Stream};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, ReadBuf};

use crate::clock;
use crate::dialect::codec;
use crate::ir::Dialect;
use crate::proxy::answer;
use crate::proxy::exchange::Exchange;
use crate::proxy::shared::Shared;
use crate::proxy::threshold::others::Backlog;
use crate::proxy::threshold::timer::Timer;
use crate::proxy::threshold::vigil::{Broken, Phase, Vigil};
use crate::refusal::{Kind, Refusal};

pub mod entrance;
pub mod files;
pub mod linger;
pub mod others;
mod stream;
pub mod timer;
pub mod vigil;

/// As much of a head as tells the client's dialect.
const LINE: usize = 64;

/// A sign of life between two events of Anthropic's, as a chunk.
const PING: &[u8] = b"23\r\nevent: ping\ndata: {\"type\":\"ping\"}\n\n\r\n";

/// One client's connection.
#[derive(Debug)]
pub struct Threshold {
    stream: Stream,
    shared: Arc<Shared>,
    vigil: Arc<Vigil>,
    /// How much a head may be, how long it may take, how long nothing may come, and how long
    /// nothing may be taken.
    most: usize,
    patience: Duration,
    idle: Duration,
    slowest: Duration,
    /// After how long a silence there is a ping.
    rhythm: Duration,
    /// How much of the present head was read, and how it begins.
    read: usize,
    line: [u8; LINE],
    /// Until when it must begin, and be whole, once either was waited for.
    begins: Option<Instant>,
    whole: Option<Instant>,
    /// Until when what is written must be taken, once that was waited for.
    taken: Option<Instant>,
    /// When the next ping is due, once a silence was noticed.
    beat: Option<Instant>,
    /// What of a ping was not taken yet.
    ping: &'static [u8],
    /// What a slow client has still to take of an answer that others wait for.
    behind: Backlog,
    /// What a look at the connection's beginning has read.
    ahead: Bytes,
    timer: Timer,
    /// Rings when a client does not take what is written.
    bell: Timer,
    /// Our own words, where Pingora meant to write its own.
    instead: Option<Bytes>,
}

impl Threshold {
    /// A connection that was just taken.
    #[must_use]
    pub fn new(stream: Stream, shared: &Arc<Shared>) -> Self {
        let world = shared.world.load();
        Self {
            stream,
            shared: Arc::clone(shared),
            vigil: Arc::default(),
            most: world.downstream.head.as_usize(),
            patience: world.downstream.read_timeout,
            idle: world.downstream.keepalive,
            slowest: world.downstream.write_timeout,
            rhythm: world.downstream.ping,
            read: 0,
            line: [0; LINE],
            begins: None,
            whole: None,
            taken: None,
            beat: None,
            ping: &[],
            behind: Backlog::default(),
            ahead: Bytes::new(),
            timer: Timer::default(),
            bell: Timer::default(),
            instead: None,
        }
    }

    /// What is waited for on it.
    #[must_use]
    pub const fn vigil(&self) -> &Arc<Vigil> {
        &self.vigil
    }

    /// What was read too far is read again.
    pub fn rewind(&mut self, early: Bytes) {
        self.ahead = early;
    }

    /// Says no to whoever connected, before anything was read.
    pub async fn turn_away(mut self, refusal: Refusal) {
        self.instead = Some(self.refuse(refusal));
        // Whoever does not read a kilobyte at once is not waited for.
        let _ = tokio::time::timeout(Duration::from_secs(1), Shutdown::shutdown(&mut self)).await;
        // What came already is read away, but for more the file is needed too badly.
        let mut room = vec![0; 16 << 10];
        let _ = answer::at_once(self.stream.read(&mut room));
        self.instead = None;
    }

    /// What was read ahead, then what comes.
    fn poll_bytes(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let count = self.ahead.len().min(buf.remaining());
            buf.put_slice(self.ahead.get(..count).unwrap_or_default());
            self.ahead.advance(count);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.vigil.phase() == Phase::Next {
            self.begin();
        }
        // Pingora reads on only while the head is not whole: all that came belongs to it.
        if self.read > self.most {
            let message = format!("the request's head is larger than the limit of {} bytes", self.most);
            return self.hang_up(cx, Refusal { status: 431, ..Refusal::new(Kind::TooLarge, message) });
        }
        let before = buf.filled().len();
        if let Poll::Ready(read) = self.poll_bytes(cx, buf) {
            let fresh = buf.filled().get(before..).unwrap_or_default();
            self.note(fresh);
            return Poll::Ready(read);
        }
        let due = if self.read == 0 {
            *self.begins.get_or_insert_with(|| clock::now() + self.idle)
        } else {
            *self.whole.get_or_insert_with(|| clock::now() + self.patience)
        };
        ready!(self.timer.poll_until(cx, due));
        if self.read == 0 {
            // Nobody asked for anything: that is the end of the connection.
            return Poll::Ready(Ok(()));
        }
        let message = "the request's head did not come in time";
        self.hang_up(cx, Refusal { status: 408, ..Refusal::new(Kind::InvalidRequest, message) })
    }

    fn begin(&mut self) {
        self.vigil.enter(Phase::Head);
        (self.read, self.begins, self.whole) = (0, None, None);
    }

    fn note(&mut self, fresh: &[u8]) {
        if let Some(room) = self.line.get_mut(self.read..) {
            for (place, byte) in room.iter_mut().zip(fresh) {
                *place = *byte;
            }
        }
        self.read += fresh.len();
    }

    /// A request is served and the client says nothing, as it should; the provider may be late.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(due) = self.vigil.due() {
            if self.shared.is_cutting() {
                self.vigil.break_off(Broken::Cut);
                return Poll::Ready(Err(ErrorKind::Interrupted.into()));
            }
            let beat = self.vigil.beats().then(|| self.next_beat()).filter(|beat| *beat < due);
            ready!(self.timer.poll_until(cx, beat.unwrap_or(due)));
            if beat.is_none() {
                self.vigil.break_off(Broken::Late);
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            if self.vigil.is_alone() || !self.behind.is_empty() {
                self.beat = None;
                continue;
            }
            // Pingora is between two chunks: it watches the client only while it writes none.
            self.ping = PING;
            self.beat = None;
            // A client that is gone shows when it is read from.
            let _ = self.poll_ping(cx).map(|pinged| pinged.is_ok()) == Poll::Ready(true)
                && Pin::new(&mut self.stream).poll_flush(cx).is_ready();
        }
        Poll::Pending
    }

    /// The client says something, or is gone, while an answer is on its way that others may wait for: if
    /// they do, it goes on.
    fn poll_gone(
        &mut self,
        cx: &mut Context<'_>,
        read: Poll<io::Result<()>>,
        before: usize,
        after: usize,
    ) -> Poll<io::Result<()>> {
        let ended = matches!(read, Poll::Ready(Err(_))) || before == after;
        if ended && self.vigil.goes_on(cx.waker()) {
            self.behind.clear();
            return self.poll_wait(cx);
        }
        read
    }

    /// Writes what is left for a slow client, as far as it takes that.
    fn catch_up(&mut self, cx: &mut Context<'_>) {
        if !self.behind.is_empty() {
            // One that is gone shows when it is read from.
            let _ = self.behind.poll(&mut self.stream, cx);
        }
    }

    /// Writes to a client while others may wait for the same: as fast as it takes that, or not at all.
    fn poll_shared(
        &mut self,
        cx: &mut Context<'_>,
        said: &[u8],
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(_)) => return written,
            Poll::Pending if !self.vigil.is_waited_for(cx.waker()) => return Poll::Pending,
            // The others do not wait for it.
            Poll::Pending if self.falls_behind(said) => return Poll::Ready(Ok(said.len())),
            Poll::Pending | Poll::Ready(Err(_)) => {}
        }
        if self.vigil.goes_on(cx.waker()) {
            self.behind.clear();
            return Poll::Ready(Ok(said.len()));
        }
        written
    }

    /// Whether there is room for what a client does not take yet.
    fn falls_behind(&mut self, said: &[u8]) -> bool {
        let most = self.shared.world.load().downstream.held.as_usize();
        self.behind.add(said, &self.shared.held, most)
    }

    fn next_beat(&mut self) -> Instant {
        *self.beat.get_or_insert_with(|| clock::now() + self.rhythm)
    }

    /// Writes what is left of a ping.
    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ping.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, self.ping))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.ping = self.ping.get(written..).unwrap_or_default();
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what Pingora says to a client that is served, behind what is left of a ping.
    fn poll_said(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Stream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.beat = None;
        if !self.behind.is_empty() {
            match self.behind.poll(&mut self.stream, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.poll_taken(cx, Poll::Pending),
            }
        }
        let written = match self.poll_ping(cx) {
            Poll::Ready(Ok(())) => write(Pin::new(&mut self.stream), cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.poll_taken(cx, written)
    }

    /// What came of a write: a client that takes nothing for too long is given up.
    fn poll_taken<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.taken = None;
            return written;
        }
        let due = *self.taken.get_or_insert_with(|| clock::now() + self.slowest);
        ready!(self.bell.poll_until(cx, due));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// The refusal as it goes over the wire; the record of it is left.
    fn refuse(&self, refusal: Refusal) -> Bytes {
        let mut exchange = Exchange::new(self.shared.world.load_full(), Arc::clone(&self.shared.telemetry));
        let (status, dialect) = (refusal.status, self.dialect());
        let body = codec(dialect).render_error(&refusal);
        let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let mut said = format!(
            "HTTP/1.1 {status} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\nx-request-id: {}\r\n",
            reason.unwrap_or("Refused"),
            body.len(),
            exchange.id.as_str(),
        );
        if let Some(after) = refusal.retry_after {
            // Writing to a string never fails.
            let _ = write!(said, "retry-after: {}\r\n", after.as_secs());
        }
        said.push_str("\r\n");
        let mut said = said.into_bytes();
        said.extend_from_slice(&body);
        exchange.refusal = Some(refusal);
        exchange.leave(status, (0, body.len() as u64));
        said.into()
    }

    /// What the client speaks, as far as the first bytes of its head tell.
    fn dialect(&self) -> Dialect {
        let has = |word: &[u8]| memchr::memmem::find(&self.line, word).is_some();
        if has(b"/messages") {
            Dialect::AnthropicMessages
        } else if has(b"/converse") || has(b" /model/") {
            Dialect::BedrockConverse
        } else if has(b"/v1beta/") {
            Dialect::GeminiGenerate
        } else if has(b" /api/chat ") || has(b" /api/generate ") {
            Dialect::OllamaChat
        } else if has(b" /v2/chat ") {
            Dialect::CohereChat
        } else {
            Dialect::OpenaiChat
        }
    }

    /// Says no in the middle of a head, and takes nothing more.
    fn hang_up(&mut self, cx: &mut Context<'_>, refusal: Refusal) -> Poll<io::Result<()>> {
        self.instead = Some(self.refuse(refusal));
        // What does not fit into the socket at once is not waited for.
        let _ = Pin::new(&mut *self).poll_flush(cx);
        self.vigil.enter(Phase::Served);
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl Drop for Threshold {
    fn drop(&mut self) {
        if self.instead.is_some() || self.vigil.lingers() {
            let nobody = Box::new(io::Cursor::new(Vec::new()));
            linger::see_off(std::mem::replace(&mut self.stream, nobody));
        }
    }
}
