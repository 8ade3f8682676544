//! The threshold as Pingora sees it: a stream like any other.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::Buf as _;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::Threshold;
use crate::proxy::threshold::vigil::Phase;
use crate::refusal::{Kind, Refusal};

/// How an HTTP/2 connection begins, as far as Pingora looks.
const GREETING: usize = 24;

impl AsyncRead for Threshold {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.vigil.phase() != Phase::Served {
            return this.poll_head(cx, buf);
        }
        this.catch_up(cx);
        let before = buf.filled().len();
        match this.poll_bytes(cx, buf) {
            Poll::Pending => this.poll_wait(cx),
            read @ Poll::Ready(_) if this.vigil.is_shared() => {
                this.poll_gone(cx, read, before, buf.filled().len())
            }
            read @ Poll::Ready(_) => read,
        }
    }
}

impl AsyncWrite for Threshold {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.vigil.phase() == Phase::Served {
            if !this.vigil.is_shared() {
                return this.poll_said(cx, |stream, cx| stream.poll_write(cx, buf));
            }
            if this.vigil.is_alone() {
                return Poll::Ready(Ok(buf.len()));
            }
            let written = this.poll_said(cx, |stream, cx| stream.poll_write(cx, buf));
            return this.poll_shared(cx, buf, written);
        }
        // What is written before a request is served is Pingora's refusal of its head.
        if this.instead.is_none() {
            let status = if buf.starts_with(b"HTTP/1.1 405") { 405 } else { 400 };
            let message = match status {
                405 => "the method CONNECT is not served here",
                _ => "the request's head is not as HTTP has it",
            };
            let refusal = Refusal { status, ..Refusal::new(Kind::InvalidRequest, message) };
            this.instead = Some(this.refuse(refusal));
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while let Some(said) = this.instead.as_mut().filter(|said| !said.is_empty()) {
            let written = ready!(Pin::new(&mut this.stream).poll_write(cx, said))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            said.advance(written);
        }
        if this.vigil.is_shared() {
            // What a client has not taken yet holds nobody up.
            this.catch_up(cx);
            let waits = this.vigil.is_alone() || !this.behind.is_empty();
            let flushed = if waits { Poll::Ready(Ok(())) } else { Pin::new(&mut this.stream).poll_flush(cx) };
            return match flushed {
                Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
                Poll::Pending if this.vigil.is_waited_for(cx.waker()) => Poll::Ready(Ok(())),
                Poll::Ready(Err(_)) if this.vigil.goes_on(cx.waker()) => Poll::Ready(Ok(())),
                flushed => this.poll_taken(cx, flushed),
            };
        }
        if !this.behind.is_empty() {
            let caught_up = this.behind.poll(&mut this.stream, cx);
            ready!(this.poll_taken(cx, caught_up))?;
        }
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.poll_taken(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.vigil.phase() == Phase::Served && !self.vigil.is_shared() {
            return self.get_mut().poll_said(cx, |stream, cx| stream.poll_write_vectored(cx, bufs));
        }
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for Threshold {
    async fn shutdown(&mut self) {
        // The client may be gone.
        let _ = self.flush().await;
        Shutdown::shutdown(&mut *self.stream).await;
    }
}

#[async_trait]
impl Peek for Threshold {
    /// Reads only as far as this could be the greeting, since a whole request may be shorter.
    async fn try_peek(&mut self, greeting: &mut [u8]) -> io::Result<bool> {
        const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        self.begin();
        let mut read = Vec::with_capacity(GREETING);
        while read.len() < PREFACE.len() && PREFACE.starts_with(&read) {
            let mut room = (&mut *self).take((PREFACE.len() - read.len()) as u64);
            if room.read_buf(&mut read).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        if read == PREFACE {
            greeting.copy_from_slice(PREFACE);
            self.vigil.enter(Phase::Served);
        } else {
            // The head is read again from here; its time runs on.
            self.read = 0;
        }
        if self.ahead.is_empty() {
            self.ahead = read.into();
        } else {
            self.ahead = [read, self.ahead.to_vec()].concat().into();
        }
        // What was looked at stands in `greeting` only if it is one: nobody reads the rest.
        Ok(true)
    }
}

impl UniqueID for Threshold {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

// Clients come in without TLS.
impl Ssl for Threshold {}

impl GetTimingDigest for Threshold {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }
}

impl GetProxyDigest for Threshold {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }
}

impl GetSocketDigest for Threshold {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }
}
