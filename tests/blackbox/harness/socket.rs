//! A client of realtime sessions: a WebSocket over a raw connection.

use serde_json::Value;
use tollgate::wire::websocket::{self, Control, Kind, Piece as Said, Reader};

use super::{Conn, Gateway, Head, Request, get};

/// The rules' own example of a key, and what proves that it was understood.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const PROOF: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A GET that asks for a session.
pub(crate) fn handshake(path: &str) -> Request {
    get(path)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", KEY)
}

/// What came of a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Came {
    Message(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// The connection ended.
    End,
}

/// An open session.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) conn: Conn,
    pub(crate) head: Head,
    reader: Reader,
    message: Vec<u8>,
    came: Vec<Came>,
}

impl Gateway {
    /// Opens a session.
    pub(crate) fn open(&self, request: &Request) -> Socket {
        let mut conn = self.conn();
        conn.send(&request.head());
        let mut head = conn.head();
        if head.status != 101 {
            let (text, _) = conn.rest(&mut head);
            panic!("status {}: {text}", head.status);
        }
        assert_eq!(head.header("sec-websocket-accept"), Some(PROOF));
        assert_eq!(head.header("upgrade"), Some("websocket"));
        assert_eq!(head.header("connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
        Socket { conn, head, reader: Reader::new(), message: Vec::new(), came: Vec::new() }
    }
}

impl Socket {
    /// Says a message of words.
    pub(crate) fn say(&mut self, value: &Value) {
        let mut out = Vec::new();
        websocket::write(&mut out, Kind::Text, value.to_string().as_bytes(), Some([1, 2, 3, 4]));
        self.conn.send(&out);
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, code: u16) {
        let mut out = Vec::new();
        websocket::close(&mut out, code, "", Some([4, 3, 2, 1]));
        self.conn.send(&out);
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Came {
        while self.came.is_empty() {
            let bytes = self.conn.some();
            if bytes.is_empty() {
                return Came::End;
            }
            let Self { reader, message, came, .. } = self;
            reader
                .push(&bytes, |piece| match piece {
                    Said::Begin(_) => message.clear(),
                    Said::Data(data) => message.extend_from_slice(data),
                    Said::End => came.push(Came::Message(std::mem::take(message))),
                    Said::Control(Control::Ping, _) => {}
                    Said::Control(Control::Pong, payload) => came.push(Came::Pong(payload.to_vec())),
                    Said::Control(Control::Close, payload) => {
                        let (code, reason) = websocket::closing(payload);
                        came.push(Came::Close(code, reason.to_owned()));
                    }
                })
                .expect("frames");
        }
        self.came.remove(0)
    }

    /// The next message as JSON.
    pub(crate) fn event(&mut self) -> Value {
        match self.next() {
            Came::Message(text) => serde_json::from_slice(&text).expect("JSON"),
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// The events up to the first of this kind.
    pub(crate) fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            events.push(self.event());
            if events.last().is_some_and(|event| event["type"] == kind) {
                return events;
            }
        }
    }

    /// The last event of this kind is the next that comes of it.
    pub(crate) fn wait_for(&mut self, kind: &str) -> Value {
        self.until(kind).pop().expect("it came")
    }

    /// Asks for a response to these words, and gives its events.
    pub(crate) fn ask(&mut self, text: &str) -> Vec<Value> {
        self.say(&serde_json::json!({"type": "conversation.item.create", "item": {"type": "message",
            "role": "user", "content": [{"type": "input_text", "text": text}]}}));
        self.say(&serde_json::json!({"type": "response.create"}));
        self.until("response.done")
    }
}
