//! A raw HTTP/1.1 client: it sends whatever bytes it is given, and tells exactly how an answer ended.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

use super::PATIENCE;

/// A request to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Sent in chunks of this many bytes, without a length.
    pub(crate) chunked: Option<usize>,
}

/// A GET of this path.
pub(crate) fn get(path: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        chunked: None,
    }
}

/// A POST to this path.
pub(crate) fn post(path: &str) -> Request {
    Request { method: "POST".to_owned(), ..get(path) }.header("content-type", "application/json")
}

impl Request {
    /// The same with one more header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with this body.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The same with this body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    /// The same, sent in chunks of this size.
    pub(crate) fn chunked(mut self, size: usize) -> Self {
        self.chunked = Some(size);
        self
    }

    /// The head as it goes over the wire.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: gateway\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.chunked.is_some() {
            head.push_str("transfer-encoding: chunked\r\n");
        } else if self.method != "GET" {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The body as it goes over the wire.
    pub(crate) fn framed_body(&self) -> Vec<u8> {
        let Some(size) = self.chunked else { return self.body.clone() };
        let mut framed = Vec::with_capacity(self.body.len() + 64);
        for chunk in self.body.chunks(size) {
            framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            framed.extend_from_slice(chunk);
            framed.extend_from_slice(b"\r\n");
        }
        framed.extend_from_slice(b"0\r\n\r\n");
        framed
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As its framing promised.
    Clean,
    /// The connection went away before.
    Cut,
}

/// Status and headers of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    left: Left,
}

/// What is left of a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Left {
    #[default]
    Nothing,
    Bytes(usize),
    Chunks,
    UntilClose,
}

impl Head {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    End(End),
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

impl Reply {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}) with status {}: {}", self.status, self.text()))
    }

    /// The id under which the gateway logs the request.
    pub(crate) fn id(&self) -> String {
        self.header("x-request-id").expect("every answer has an id").to_owned()
    }

    /// The same, once it is what a satisfied client expects.
    pub(crate) fn ok(self) -> Self {
        assert_eq!((self.status, self.end), (200, End::Clean), "{}", self.text());
        self
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) stream: TcpStream,
    held: Vec<u8>,
}

impl Conn {
    /// Connects.
    pub(crate) fn to(addr: SocketAddr) -> Self {
        Self::try_to(addr).expect("the gateway takes connections")
    }

    /// Connects, if the other side lets us.
    pub(crate) fn try_to(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, held: Vec::new() })
    }

    /// Sends these bytes, whatever they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the gateway reads");
    }

    /// Sends a request and reads its whole answer. The body is written beside the reading, since
    /// a refusal may come before all of it was taken.
    pub(crate) fn ask(&mut self, request: &Request) -> Reply {
        self.try_ask(request).expect("the gateway answers")
    }

    /// The same, where the connection may fail.
    pub(crate) fn try_ask(&mut self, request: &Request) -> io::Result<Reply> {
        let mut bytes = request.head();
        bytes.extend_from_slice(&request.framed_body());
        if bytes.len() < 128 << 10 {
            self.stream.write_all(&bytes)?;
            return self.try_reply();
        }
        let mut writer = self.stream.try_clone()?;
        let writing = std::thread::spawn(move || drop(writer.write_all(&bytes)));
        let reply = self.try_reply();
        writing.join().expect("writing does not panic");
        reply
    }

    /// Reads a whole answer, past interim ones.
    pub(crate) fn reply(&mut self) -> Reply {
        self.try_reply().expect("the gateway answers")
    }

    fn try_reply(&mut self) -> io::Result<Reply> {
        let mut head = self.try_head()?;
        while head.status < 200 {
            head = self.try_head()?;
        }
        let mut body = Vec::new();
        loop {
            match self.piece(&mut head) {
                Piece::Bytes(bytes) => body.extend_from_slice(&bytes),
                Piece::End(end) => {
                    return Ok(Reply { status: head.status, headers: head.headers, body, end });
                }
            }
        }
    }

    /// Reads the head of an answer.
    pub(crate) fn head(&mut self) -> Head {
        self.try_head().expect("the gateway answers")
    }

    /// The same, where the connection may fail.
    pub(crate) fn try_head(&mut self) -> io::Result<Head> {
        let end = loop {
            if let Some(at) = self.held.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let text = String::from_utf8_lossy(&self.held[..end]).into_owned();
        self.held.drain(..end + 4);
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let split = |line: &str| {
            line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers: Vec<_> = lines.filter_map(split).collect();
        let left = if status < 200 || status == 204 || status == 304 {
            Left::Nothing
        } else if header(&headers, "transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            Left::Chunks
        } else {
            header(&headers, "content-length")
                .and_then(|value| value.parse().ok())
                .map_or(Left::UntilClose, Left::Bytes)
        };
        Ok(Head { status, headers, left })
    }

    /// Reads what comes next of a body.
    pub(crate) fn piece(&mut self, head: &mut Head) -> Piece {
        match head.left {
            Left::Nothing | Left::Bytes(0) => Piece::End(End::Clean),
            Left::Bytes(left) => {
                if self.held.is_empty() && !matches!(self.fill(), Ok(read) if read > 0) {
                    return Piece::End(End::Cut);
                }
                let bytes: Vec<u8> = self.held.drain(..left.min(self.held.len())).collect();
                head.left = Left::Bytes(left - bytes.len());
                Piece::Bytes(bytes)
            }
            Left::UntilClose => {
                if self.held.is_empty() {
                    match self.fill() {
                        Ok(0) => return Piece::End(End::Clean),
                        Ok(_) => {}
                        Err(_) => return Piece::End(End::Cut),
                    }
                }
                Piece::Bytes(std::mem::take(&mut self.held))
            }
            Left::Chunks => self.chunk().unwrap_or(Piece::End(End::Cut)),
        }
    }

    fn chunk(&mut self) -> Option<Piece> {
        let line = loop {
            if let Some(at) = self.held.windows(2).position(|two| two == b"\r\n") {
                break at;
            }
            if self.fill().ok()? == 0 {
                return None;
            }
        };
        let size = usize::from_str_radix(std::str::from_utf8(&self.held[..line]).ok()?.trim(), 16).ok()?;
        let whole = line + 2 + size + 2;
        while self.held.len() < whole {
            if self.fill().ok()? == 0 {
                return None;
            }
        }
        let bytes = self.held[line + 2..line + 2 + size].to_vec();
        self.held.drain(..whole);
        Some(if size == 0 { Piece::End(End::Clean) } else { Piece::Bytes(bytes) })
    }

    /// Reads a stream until this text is in it, or it ends.
    pub(crate) fn read_until(&mut self, head: &mut Head, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.piece(head) {
                Piece::Bytes(bytes) => seen.extend_from_slice(&bytes),
                Piece::End(_) => break,
            }
            if String::from_utf8_lossy(&seen).contains(text) {
                break;
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Reads the rest of a body.
    pub(crate) fn rest(&mut self, head: &mut Head) -> (String, End) {
        let mut seen = Vec::new();
        loop {
            match self.piece(head) {
                Piece::Bytes(bytes) => seen.extend_from_slice(&bytes),
                Piece::End(end) => return (String::from_utf8_lossy(&seen).into_owned(), end),
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 << 10];
        let read = loop {
            match self.stream.read(&mut buffer) {
                // A child that is stopped or goes on makes a signal.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.held.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    /// What comes next, whatever it is; nothing at the end.
    pub(crate) fn some(&mut self) -> Vec<u8> {
        if self.held.is_empty() {
            // A reset is an end as well.
            let _ = self.fill();
        }
        std::mem::take(&mut self.held)
    }

    /// Whether the other side closes, with nothing more to say.
    pub(crate) fn is_closed_by_peer(&mut self) -> bool {
        match self.fill() {
            Ok(read) => read == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Says that nothing more will be sent, and stays to listen.
    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).expect("a live socket can be shut");
    }

    /// Goes away with a reset instead of a goodbye.
    pub(crate) fn reset(self) {
        reset(self.stream);
    }
}

/// Closes a socket with a reset.
pub(crate) fn reset(stream: TcpStream) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        stream.set_nonblocking(true).expect("a live socket");
        let stream = tokio::net::TcpStream::from_std(stream).expect("a live socket");
        stream.set_zero_linger().expect("a live socket");
    });
}
