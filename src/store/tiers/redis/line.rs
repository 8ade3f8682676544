//! A connection to the server, on which commands are sent without waiting for those before them.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use pingora::connectors::TransportConnector;
use pingora::prelude::HttpPeer;
use pingora::protocols::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, sleep_until, timeout};

use crate::clock;
use crate::config::RedisServer;
use crate::wire::resp::{self, Reply};

/// So many may wait to be sent, and so many for an answer.
const MOST: usize = 256;
/// No reply is longer.
const LARGEST: usize = 64 << 20;
/// A connection is made in this time.
const CONNECT: Duration = Duration::from_secs(5);
/// One that says nothing for so long, though it was asked, is given up.
const STALL: Duration = Duration::from_secs(5);
/// The first pause before another try; each further one is twice as long,
const PAUSE: Duration = Duration::from_millis(100);
/// up to this.
const LONGEST: Duration = Duration::from_secs(5);
/// How often at most somebody is told that there is no connection.
const TELL: Duration = Duration::from_secs(60);

/// Commands, and who waits for so many replies.
struct Ask {
    commands: Vec<u8>,
    replies: usize,
    answer: oneshot::Sender<Vec<Reply>>,
}

/// Where commands are left.
#[derive(Clone)]
pub(super) struct Line {
    asks: mpsc::Sender<Ask>,
    is_up: Arc<AtomicBool>,
}

impl Line {
    /// Whether there is a connection.
    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Sends commands with so many replies. `None` where there is no connection, or too much waits.
    pub(super) fn ask(&self, commands: Vec<u8>, replies: usize) -> Option<oneshot::Receiver<Vec<Reply>>> {
        let (answer, answered) = oneshot::channel();
        let sent = self.is_up() && self.asks.try_send(Ask { commands, replies, answer }).is_ok();
        sent.then_some(answered)
    }
}

/// The other end of a line.
pub(super) struct Speaker {
    server: RedisServer,
    asks: mpsc::Receiver<Ask>,
    is_up: Arc<AtomicBool>,
    connector: Arc<TransportConnector>,
    /// When somebody was told that there is no connection.
    told: Option<Instant>,
}

/// Both ends of a line.
pub(super) fn new(server: &RedisServer, connector: &Arc<TransportConnector>) -> (Line, Speaker) {
    let (asks, asked) = mpsc::channel(MOST);
    let is_up = Arc::<AtomicBool>::default();
    let connector = Arc::clone(connector);
    let speaker =
        Speaker { server: server.clone(), asks: asked, is_up: Arc::clone(&is_up), connector, told: None };
    (Line { asks, is_up }, speaker)
}

impl Speaker {
    /// Speaks until nobody can ask any more; connects again for as long as that takes.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSE;
        loop {
            let connected = timeout(CONNECT, self.connect()).await;
            let ended = match connected.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())) {
                Ok(stream) => {
                    pause = PAUSE;
                    self.is_up.store(true, Ordering::Relaxed);
                    let ended = self.speak(stream).await;
                    self.is_up.store(false, Ordering::Relaxed);
                    ended
                }
                Err(error) => Err(error),
            };
            let Err(error) = ended else { return };
            self.complain(&error);
            if !self.wait(pause).await {
                return;
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// Waits for another try; whether that still matters.
    async fn wait(&mut self, pause: Duration) -> bool {
        let over = sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return true,
                // Dropped, it tells whoever asks that nothing comes.
                ask = self.asks.recv() => if ask.is_none() { return false },
            }
        }
    }

    fn complain(&mut self, error: &Error) {
        let now = clock::now();
        if self.told.is_none_or(|told| now.saturating_duration_since(told) >= TELL) {
            self.told = Some(now);
            let RedisServer { host, port, .. } = &self.server;
            log::warn!("the cache's server {host}:{port} cannot be used: {error}");
        }
    }

    async fn connect(&self) -> Result<Stream> {
        let RedisServer { host, port, tls, user, password, database, .. } = &self.server;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await?;
        // Edge hosts often have no way out by IPv6; where there is a choice, take the older.
        let found = found.min_by_key(SocketAddr::is_ipv6);
        let address = found.ok_or_else(|| Error::other("no such host is known"))?;
        let mut peer = HttpPeer::new(address, *tls, host.clone());
        peer.options.connection_timeout = Some(CONNECT);
        peer.options.total_connection_timeout = Some(CONNECT);
        let stream = self.connector.new_stream(&peer).await;
        let mut stream = stream.map_err(|error| Error::other(error.etype().as_str().to_owned()))?;
        let (mut commands, mut replies) = (Vec::new(), 1);
        if let Some(password) = password {
            let (user, password) = (user.as_deref(), password.expose().as_bytes());
            match user {
                Some(user) => resp::put(&mut commands, &[b"AUTH", user.as_bytes(), password]),
                None => resp::put(&mut commands, &[b"AUTH", password]),
            }
            replies += 1;
        }
        if *database > 0 {
            resp::put(&mut commands, &[b"SELECT", database.to_string().as_bytes()]);
            replies += 1;
        }
        resp::put(&mut commands, &[b"PING"]);
        stream.write_all(&commands).await?;
        stream.flush().await?;
        let mut buffer = BytesMut::new();
        while replies > 0 {
            while let Some(reply) = next(&mut buffer)? {
                if let Reply::Error(why) = reply {
                    // What a server says of a password does not repeat it.
                    return Err(Error::other(String::from_utf8_lossy(&why).into_owned()));
                }
                replies -= 1;
            }
            if replies > 0 && stream.read_buf(&mut buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(stream)
    }

    /// Speaks on a connection; an error where that ends before those who ask.
    async fn speak(&mut self, stream: Stream) -> Result<()> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut pending: VecDeque<Pending> = VecDeque::new();
        let mut buffer = BytesMut::with_capacity(16 << 10);
        loop {
            let since = pending.front().map_or_else(clock::now, |first| first.since);
            tokio::select! {
                biased;
                read = reader.read_buf(&mut buffer) => {
                    if read? == 0 {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    while let Some(reply) = next(&mut buffer)? {
                        hear(&mut pending, reply)?;
                    }
                    // What is slow, but comes, is no stall.
                    if let Some(first) = pending.front_mut() {
                        first.since = clock::now();
                    }
                }
                ask = self.asks.recv(), if pending.len() < MOST => {
                    let Some(ask) = ask else { return Ok(()) };
                    let mut commands = take(&mut pending, ask);
                    while pending.len() < MOST && let Ok(ask) = self.asks.try_recv() {
                        commands.extend_from_slice(&take(&mut pending, ask));
                    }
                    let sent = async {
                        writer.write_all(&commands).await?;
                        writer.flush().await
                    };
                    timeout(STALL, sent).await??;
                }
                () = sleep_until((since + STALL).into()), if !pending.is_empty() => {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
        }
    }
}

/// Somebody who waits for replies.
struct Pending {
    left: usize,
    replies: Vec<Reply>,
    answer: oneshot::Sender<Vec<Reply>>,
    since: Instant,
}

fn take(pending: &mut VecDeque<Pending>, ask: Ask) -> Vec<u8> {
    let Ask { commands, replies: left, answer } = ask;
    pending.push_back(Pending {
        left,
        replies: Vec::with_capacity(left.min(64)),
        answer,
        since: clock::now(),
    });
    commands
}

/// A reply came, to whoever waits first.
fn hear(pending: &mut VecDeque<Pending>, reply: Reply) -> Result<()> {
    let first = pending.front_mut().ok_or_else(|| Error::other(resp::Broken))?;
    first.replies.push(reply);
    first.left = first.left.saturating_sub(1);
    if first.left == 0
        && let Some(Pending { answer, replies, .. }) = pending.pop_front()
    {
        // Whoever asked may have lost patience.
        let _ = answer.send(replies);
    }
    Ok(())
}

/// The next whole reply.
fn next(buffer: &mut BytesMut) -> Result<Option<Reply>> {
    let Some(length) = resp::length(buffer, LARGEST).map_err(Error::other)? else { return Ok(None) };
    let whole = buffer.split_to(length).freeze();
    resp::read(&whole).map(Some).map_err(Error::other)
}
