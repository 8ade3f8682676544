//! What an answer is, and playing it onto a connection: pace, SSE framing, and the ways it may break.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::World;
use super::http::{self, Head};
use super::live;
use super::stats::up;

/// Frames that are due together leave in one write until this many bytes.
const BURST: usize = 4096;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Act {
    Say(Box<Say>),
    /// Take up a realtime session.
    Open(Box<live::Opening>),
    /// Never answer; wait for the client to give up.
    Hang,
}

/// An answer, ready to be written.
#[derive(Debug)]
pub(super) struct Say {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    /// More header lines, each with its CRLF.
    pub(super) headers: String,
    pub(super) body: Body,
    pub(super) pace: Pace,
    pub(super) fault: Fault,
}

/// The bytes of an answer.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Vec<u8>),
    Stream(Frames),
}

/// When the bytes of an answer are due.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    pub(super) first: Duration,
    /// Tokens per second.
    pub(super) rate: Option<f64>,
    /// All tokens of the answer, for one that is not streamed.
    pub(super) tokens: usize,
}

/// How an answer breaks, or is made hard to read.
#[derive(Debug, Clone, Default)]
pub(super) struct Fault {
    /// Drop the connection after this many frames.
    pub(super) cut: Option<usize>,
    /// End the body properly, but after this many frames.
    pub(super) end: Option<usize>,
    /// After this many frames send `error` and end.
    pub(super) error_at: Option<usize>,
    pub(super) error: Vec<u8>,
    /// Write the stream in pieces of this many bytes.
    pub(super) piece: Option<usize>,
    pub(super) crlf: bool,
    pub(super) comments: bool,
}

/// The frames of a streamed answer, in one buffer.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) bytes: Vec<u8>,
    /// For each frame: where it ends, and how many tokens it carries.
    marks: Vec<(usize, usize)>,
}

impl Frames {
    /// Ends a frame at the end of `bytes`.
    pub(super) fn mark(&mut self, tokens: usize) {
        self.marks.push((self.bytes.len(), tokens));
    }

    /// Adds a frame that carries no tokens.
    pub(super) fn push(&mut self, frame: &str) {
        self.bytes.extend_from_slice(frame.as_bytes());
        self.mark(0);
    }

    /// The same frames, each as other bytes.
    pub(super) fn map(self, say: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let mut said = Self::default();
        for (frame, tokens) in self.iter() {
            said.bytes.extend(say(frame));
            said.mark(tokens);
        }
        said
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], usize)> {
        let mut start = 0;
        self.marks.iter().map(move |&(end, tokens)| {
            let frame = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            (frame, tokens)
        })
    }

    /// The same frames bent as `fault` says, up to where it breaks them off.
    fn bent(self, fault: &Fault) -> Self {
        let stop = [fault.cut, fault.end, fault.error_at].into_iter().flatten().min();
        if stop.is_none() && !fault.crlf && !fault.comments {
            return self;
        }
        let mut bent = Self::default();
        for (index, (frame, tokens)) in self.iter().enumerate() {
            if stop.is_some_and(|stop| index >= stop) {
                break;
            }
            if fault.comments {
                bent.push(": keep-alive\n\n");
            }
            bent.bytes.extend_from_slice(frame);
            bent.mark(tokens);
        }
        if fault.error_at.is_some() && fault.error_at == stop {
            bent.bytes.extend_from_slice(&fault.error);
            bent.mark(0);
        }
        if fault.crlf { bent.with_crlf() } else { bent }
    }

    fn with_crlf(&self) -> Self {
        let mut bent = Self::default();
        for (frame, tokens) in self.iter() {
            let mut before = 0;
            for &byte in frame {
                if byte == b'\n' && before != b'\r' {
                    bent.bytes.push(b'\r');
                }
                bent.bytes.push(byte);
                before = byte;
            }
            bent.mark(tokens);
        }
        bent
    }

    /// The same bytes in frames of `size`, wherever that cuts.
    fn pieces(self, size: usize) -> Self {
        let ends = (1..=self.bytes.len().div_ceil(size)).map(|n| (n * size, 0));
        let total = self.bytes.len();
        Self { marks: ends.map(|(end, tokens)| (end.min(total), tokens)).collect(), ..self }
    }
}

/// Whether the connection can take another request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Again,
    Close,
}

/// A connection with its buffers.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) stream: TcpStream,
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
}

impl Conn {
    /// Reads more input; `false` when the client has closed.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        self.input.reserve(8192);
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
    }

    async fn flush(&mut self) -> io::Result<()> {
        let done = self.stream.write_all(&self.output).await;
        self.output.clear();
        done
    }

    /// Waits, unless the client closes first: then `false`.
    async fn wait(&mut self, until: Instant) -> bool {
        loop {
            // A client that pipelines endlessly while it waits must not fill the memory.
            if self.input.len() > 2 * http::MAX_BODY {
                return false;
            }
            tokio::select! {
                () = sleep_until(until) => return true,
                more = self.fill() => if !matches!(more, Ok(true)) { return false },
            }
        }
    }

    /// Performs `act` and counts how it went.
    pub(super) async fn perform(&mut self, act: Act, head: Head, world: &World) -> Next {
        let say = match act {
            Act::Say(say) => say,
            Act::Open(opening) => {
                up(&world.stats.streams);
                live::serve(self, *opening, world).await;
                return Next::Close;
            }
            Act::Hang => {
                while matches!(self.fill().await, Ok(true)) {}
                up(&world.stats.gone);
                return Next::Close;
            }
        };
        if say.status >= 400 {
            up(&world.stats.errors);
        }
        let played = match say.body {
            Body::Whole(_) => self.whole(&say, head).await,
            Body::Stream(_) => {
                up(&world.stats.streams);
                self.stream(*say, head).await
            }
        };
        match played {
            Ok(Next::Again) if head.keep_alive => Next::Again,
            Ok(_) => Next::Close,
            Err(_) => {
                world.stats.gone.fetch_add(1, Ordering::Relaxed);
                Next::Close
            }
        }
    }

    async fn whole(&mut self, say: &Say, head: Head) -> io::Result<Next> {
        let Body::Whole(body) = &say.body else {
            return Ok(Next::Close);
        };
        let writing = say.pace.rate.map_or(0.0, |rate| tokens_f64(say.pace.tokens) / rate);
        let total = say.pace.first + seconds(writing);
        if !total.is_zero() && !self.wait(Instant::now() + total).await {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.head(say, head);
        self.output.extend_from_slice(b"content-length: ");
        self.output.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
        self.output.extend_from_slice(b"\r\n\r\n");
        self.output.extend_from_slice(body);
        // A cut means the same for a whole answer: half of it, then nothing.
        if say.fault.cut.is_some() {
            self.output.truncate(self.output.len() - body.len() / 2);
            self.flush().await?;
            return Ok(Next::Close);
        }
        self.flush().await?;
        Ok(Next::Again)
    }

    async fn stream(&mut self, mut say: Say, head: Head) -> io::Result<Next> {
        let Body::Stream(frames) = &mut say.body else {
            return Ok(Next::Close);
        };
        let mut frames = std::mem::take(frames).bent(&say.fault);
        if let Some(size) = say.fault.piece {
            frames = frames.pieces(size.max(1));
        }
        let mut due = Instant::now() + say.pace.first;
        if !say.pace.first.is_zero() && !self.wait(due).await {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.head(&say, head);
        if head.chunks {
            self.output.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        self.output.extend_from_slice(b"\r\n");
        let start = due;
        let mut spent = 0;
        for (index, (frame, tokens)) in frames.iter().enumerate() {
            if let Some(rate) = say.pace.rate
                && tokens > 0
            {
                due = start + seconds(tokens_f64(spent) / rate);
                spent += tokens;
                if due > Instant::now() {
                    self.flush().await?;
                    if !self.wait(due).await {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
            }
            self.frame(frame, head);
            let alone = index == 0 || say.pace.rate.is_some() || say.fault.piece.is_some();
            if alone || self.output.len() >= BURST {
                self.flush().await?;
            }
            if say.fault.piece.is_some() {
                tokio::task::yield_now().await;
            }
        }
        if say.fault.cut.is_some() {
            self.flush().await?;
            return Ok(Next::Close);
        }
        if head.chunks {
            self.output.extend_from_slice(b"0\r\n\r\n");
        }
        self.flush().await?;
        Ok(if head.chunks { Next::Again } else { Next::Close })
    }

    fn frame(&mut self, frame: &[u8], head: Head) {
        if frame.is_empty() {
            return;
        }
        if head.chunks {
            self.output.extend_from_slice(format!("{:x}\r\n", frame.len()).as_bytes());
            self.output.extend_from_slice(frame);
            self.output.extend_from_slice(b"\r\n");
        } else {
            self.output.extend_from_slice(frame);
        }
    }

    /// Writes the status line and headers, without the empty line that ends them.
    fn head(&mut self, say: &Say, head: Head) {
        let out = &mut self.output;
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(itoa::Buffer::new().format(say.status).as_bytes());
        out.push(b' ');
        out.extend_from_slice(http::reason(say.status).as_bytes());
        out.extend_from_slice(b"\r\ncontent-type: ");
        out.extend_from_slice(say.kind.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(say.headers.as_bytes());
        if !head.keep_alive {
            out.extend_from_slice(b"connection: close\r\n");
        } else if !head.chunks {
            out.extend_from_slice(b"connection: keep-alive\r\n");
        }
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX / 4)
}

#[expect(clippy::cast_precision_loss, reason = "token counts stay far below 2^52")]
fn tokens_f64(tokens: usize) -> f64 {
    tokens as f64
}
