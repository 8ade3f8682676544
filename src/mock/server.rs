//! Listeners and the connection loop: one current-thread runtime and one listener per thread.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::http::{self, Bad, Dechunk, Framing, Head};
use super::play::{Conn, Next};
use super::{World, route};

/// A buffer that grew past this for one large body is given back afterwards.
const KEEP_BUFFER: usize = 256 << 10;

/// Binds a socket that other threads may bind as well; it does not listen yet.
pub(super) fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

/// Serves `socket` until `stopped` resolves, and tells `ready` once it listens.
pub(super) fn serve(
    socket: TcpSocket,
    world: &Arc<World>,
    stopped: oneshot::Receiver<()>,
    ready: &mpsc::Sender<io::Result<()>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody listens for `ready` only if the starter is gone too.
            let _ = ready.send(Err(error));
            return;
        }
    };
    // Dropping the runtime at the end drops every connection with it.
    runtime.block_on(async {
        let listener = match socket.listen(4096) {
            Ok(listener) => listener,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let _ = ready.send(Ok(()));
        let accept = async {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(world)))),
                    // Out of descriptors, most likely: let some connections end first.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                }
            }
        };
        tokio::select! {
            () = accept => {}
            _ = stopped => {}
        }
    });
}

/// Counts a connection as open for as long as it lives, however it ends.
struct Open(Arc<World>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.stats.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn connection(stream: TcpStream, world: Arc<World>) {
    world.stats.open.fetch_add(1, Ordering::Relaxed);
    let open = Open(world);
    // A socket without it still works, only slower.
    let _ = stream.set_nodelay(true);
    let mut conn = Conn { stream, input: Vec::new(), output: Vec::new() };
    while let Ok(Some((head, body))) = receive(&mut conn).await {
        let (framed, dechunked) = match &body {
            Received::Plain(len) => (*len, None),
            Received::Chunked(len, body) => (*len, Some(body.as_slice())),
        };
        let (head_bytes, rest) = conn.input.split_at(head.len);
        let body = dechunked.or(rest.get(..framed)).unwrap_or_default();
        let Ok(act) = http::lend(head_bytes, body, |request| route::answer(&request, head_bytes, &open.0))
        else {
            break;
        };
        conn.input.drain(..head.len + framed);
        if conn.input.is_empty() && conn.input.capacity() > KEEP_BUFFER {
            conn.input = Vec::new();
        }
        if conn.perform(act, head, &open.0).await == Next::Close {
            break;
        }
    }
    // Unread input would turn the close into a reset that can eat the end of the answer.
    let _ = conn.stream.shutdown().await;
    drain(&conn).await;
}

/// Reads and forgets what the client still sends, for a moment.
async fn drain(conn: &Conn) {
    let mut sink = vec![0; 4096];
    let patience = tokio::time::sleep(std::time::Duration::from_millis(200));
    tokio::pin!(patience);
    loop {
        tokio::select! {
            () = &mut patience => return,
            ready = conn.stream.readable() => {
                if ready.is_err() {
                    return;
                }
                match conn.stream.try_read(&mut sink) {
                    Ok(0) => return,
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                    _ => {}
                }
            }
        }
    }
}

/// How the body came, with its length on the wire.
enum Received {
    Plain(usize),
    Chunked(usize, Vec<u8>),
}

/// Waits until the input starts with a whole request; `None` when the client is done.
async fn receive(conn: &mut Conn) -> io::Result<Option<(Head, Received)>> {
    let head = loop {
        if !conn.input.is_empty() {
            match http::head(&conn.input) {
                Ok(Some(head)) => break head,
                Ok(None) => {}
                Err(bad) => return refuse(conn, bad).await,
            }
        }
        if !conn.fill().await? {
            return Ok(None);
        }
    };
    let mut dechunk = Dechunk::default();
    let mut asked = !head.expect;
    loop {
        let here = conn.input.get(head.len..).unwrap_or_default();
        match head.framing {
            Framing::Length(len) if here.len() >= len => {
                return Ok(Some((head, Received::Plain(len))));
            }
            Framing::Length(len) => {
                let missing = len - here.len();
                conn.input.reserve(missing);
            }
            Framing::Chunked => match dechunk.feed(here) {
                Ok(Some(len)) => {
                    let body = std::mem::take(&mut dechunk.body);
                    return Ok(Some((head, Received::Chunked(len, body))));
                }
                Ok(None) => {}
                Err(bad) => return refuse(conn, bad).await,
            },
        }
        if !asked {
            conn.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            asked = true;
        }
        if !conn.fill().await? {
            return Ok(None);
        }
    }
}

async fn refuse(conn: &mut Conn, bad: Bad) -> io::Result<Option<(Head, Received)>> {
    let (status, text) = match bad {
        Bad::Syntax => (400, "the request is not HTTP/1.1 as the mock reads it"),
        Bad::TooLarge => (413, "the request is too large"),
    };
    let body = format!(r#"{{"error":{{"message":"{text}","type":"invalid_request_error"}}}}"#);
    let answer = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        http::reason(status),
        body.len()
    );
    conn.stream.write_all(answer.as_bytes()).await?;
    Ok(None)
}
