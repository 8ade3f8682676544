//! One side of a WebSocket, as strict as a server must be.

use std::io;

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::mock::play::Conn;
use crate::wire::websocket::{self, Control, Kind, Piece, Reader};

/// A message that is longer than this ends the session.
const MOST: usize = 16 << 20;

/// A session's socket.
pub(super) struct Socket<'c> {
    conn: &'c mut Conn,
    reader: Reader,
    message: Vec<u8>,
    /// Messages that are whole and not taken yet.
    waiting: Vec<Vec<u8>>,
    /// Whether the client closed, or broke the rules.
    over: bool,
    /// Write text in fragments of this many bytes.
    pub(super) fragment: Option<usize>,
}

impl<'c> Socket<'c> {
    pub(super) fn new(conn: &'c mut Conn) -> Self {
        let (reader, message, waiting) = (Reader::new(), Vec::new(), Vec::new());
        Self { conn, reader, message, waiting, over: false, fragment: None }
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.conn.stream.write_all(bytes).await
    }

    /// The next message; `None` once the session is over.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if !self.waiting.is_empty() {
                return Ok(Some(self.waiting.remove(0)));
            }
            if self.over {
                return Ok(None);
            }
            if self.conn.input.is_empty() && !self.conn.fill().await? {
                return Ok(None);
            }
            let answer = self.take();
            self.raw(&answer).await?;
        }
    }

    /// Reads what came, and gives what must be said to that at once.
    fn take(&mut self) -> Vec<u8> {
        let input = std::mem::take(&mut self.conn.input);
        let mut out = Vec::new();
        let Self { reader, message, waiting, over, .. } = self;
        let read = reader.push(&input, |piece| match piece {
            Piece::Begin(_) => message.clear(),
            Piece::Data(data) => message.extend_from_slice(data),
            Piece::End => waiting.push(std::mem::take(message)),
            Piece::Control(Control::Ping, payload) => {
                out.extend([0x8a, u8::try_from(payload.len()).unwrap_or(0)]);
                out.extend_from_slice(payload);
            }
            Piece::Control(Control::Pong, _) => {}
            Piece::Control(Control::Close, payload) => {
                let (code, _) = websocket::closing(payload);
                websocket::close(&mut out, if code == 1005 { 1000 } else { code }, "", None);
                *over = true;
            }
        });
        let unmasked = self.reader.is_between_frames() && !input.is_empty() && read.is_ok() && {
            // The first frame of a read shows whether its client masks.
            input.get(1).is_some_and(|second| second & 0x80 == 0) && input.first() == Some(&0x81)
        };
        if read.is_err() || unmasked || self.message.len() > MOST {
            self.over = true;
            websocket::close(&mut out, 1002, "protocol error", None);
        }
        out
    }

    /// Says a message.
    pub(super) async fn say(&mut self, kind: Kind, value: &Value) -> io::Result<()> {
        let text = value.to_string();
        let mut out = Vec::with_capacity(text.len() + 16);
        match self.fragment {
            Some(size) if text.len() > size => fragments(&mut out, kind, text.as_bytes(), size),
            Some(_) | None => websocket::write(&mut out, kind, text.as_bytes(), None),
        }
        self.raw(&out).await
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self, code: u16, reason: &str) -> io::Result<()> {
        let mut out = Vec::new();
        websocket::close(&mut out, code, reason, None);
        self.over = true;
        self.raw(&out).await
    }
}

/// A message in fragments, with a ping behind the first.
fn fragments(out: &mut Vec<u8>, kind: Kind, text: &[u8], size: usize) {
    let mut pieces = text.chunks(size.clamp(1, 125)).peekable();
    let mut opcode = if kind == Kind::Text { 1 } else { 2 };
    while let Some(piece) = pieces.next() {
        let last = if pieces.peek().is_none() { 0x80 } else { 0 };
        out.extend([last | opcode, u8::try_from(piece.len()).unwrap_or(0)]);
        out.extend_from_slice(piece);
        if opcode != 0 {
            out.extend(b"\x89\x02hi");
        }
        opcode = 0;
    }
}
