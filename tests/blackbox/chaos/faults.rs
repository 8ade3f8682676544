//! The ways in which a provider fails, as the bytes that it sends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::{Client, Heard, PATIENCE, Then, json_reply, pieces, whole};

/// How many places of an answer `Fault::Stops` knows.
pub(super) const PLACES: usize = 24;

/// What a provider does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It answers as it should.
    Nothing,
    /// It answers as it should, a few bytes at a time.
    Drips,
    /// It sends a second answer that nobody asked for behind the first.
    SaysMore,
    /// Its connection ends at one of the places of its answer.
    Stops { place: usize, framing: Framing, by: End },
    /// It falls silent at one of the places of its answer, with its connection open.
    Hangs { place: usize },
    /// It refuses with this status, in its own words.
    Refuses(u16),
    /// It refuses with this status, in the words of some proxy before it.
    RefusesInHtml(u16),
    /// A page with status 200.
    Html,
    /// What is no JSON and no event, with the content type of an answer.
    Garbage,
    /// Half of what was packed, with the length of that half.
    HalfAPack,
    /// Its length says more than comes.
    TooShort,
    /// Its length says less than comes.
    TooLong,
    /// Head and end, with nothing between.
    Empty,
    /// An error event before any content; of a whole answer, an error with status 200.
    BreaksFirst,
    /// An error event after the first content.
    BreaksLater,
    /// JSON that ends in its middle, in framing that ends as it should.
    CutInside,
    /// A stream that ends as it should, without its last words.
    Forgets,
    /// Text in which some bytes are no UTF-8.
    NoText,
    /// A chunk whose size is no number, after the first content.
    BadChunk,
}

/// The ways in which an answer is none, or is not as it should be.
pub(super) const SPOILT: [Fault; 12] = [
    Fault::Html,
    Fault::Garbage,
    Fault::HalfAPack,
    Fault::TooShort,
    Fault::TooLong,
    Fault::Empty,
    Fault::BreaksFirst,
    Fault::BreaksLater,
    Fault::CutInside,
    Fault::Forgets,
    Fault::NoText,
    Fault::BadChunk,
];

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Chunks,
    /// A length for what is whole; a stream ends with its connection.
    Plain,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Goodbye,
    Reset,
}

/// What a client may be told of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The answer.
    Answer,
    /// The answer, or that there is none whole; whichever, it must be true.
    Truth,
    /// That there is none.
    Failure,
    /// A refusal with this status.
    Status(u16),
}

impl Fault {
    pub(super) fn wanted(self) -> Wanted {
        match self {
            Self::Nothing | Self::Drips | Self::SaysMore => Wanted::Answer,
            Self::Refuses(status) | Self::RefusesInHtml(status) => Wanted::Status(status),
            Self::Html => Wanted::Status(502),
            Self::Stops { .. } | Self::TooShort | Self::NoText => Wanted::Truth,
            Self::Hangs { .. }
            | Self::Garbage
            | Self::HalfAPack
            | Self::TooLong
            | Self::Empty
            | Self::BreaksFirst
            | Self::BreaksLater
            | Self::CutInside
            | Self::Forgets
            | Self::BadChunk => Wanted::Failure,
        }
    }

    /// Whether the provider itself says that its nonsense is all. A whole answer in the client's own
    /// dialect goes through as it is, so that such nonsense reaches the client, who cannot read it.
    pub(super) const fn passes_for_whole(self) -> bool {
        matches!(
            self,
            Self::Garbage
                | Self::HalfAPack
                | Self::TooLong
                | Self::CutInside
                | Self::NoText
                | Self::BreaksFirst
                | Self::BreaksLater
        )
    }

    /// All that the provider sends.
    pub(super) fn sent(self, target: Client, stream: bool) -> Vec<u8> {
        let right = |framing| right(target, stream, framing);
        let kind = if stream { "text/event-stream" } else { "application/json" };
        let body = body(target, stream);
        let with_length = |length: usize, more: &str, body: &[u8]| {
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{more}content-length: {length}\r\n\r\n");
            [head.as_bytes(), body].concat()
        };
        let [one, two, _] = pieces(target);
        match self {
            Self::Nothing | Self::Drips => right(Framing::Chunks),
            Self::SaysMore => {
                let mut bytes = right(Framing::Chunks);
                bytes.extend_from_slice(&json_reply(200, "{\"unasked\":true}"));
                bytes
            }
            Self::Stops { place, framing, .. } => up_to(place, right(framing)),
            Self::Hangs { place } => up_to(place, right(Framing::Chunks)),
            Self::Refuses(status) => {
                let body = refusal(target, status);
                let length = body.len();
                format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nretry-after: 7\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
            }
            Self::RefusesInHtml(status) => html(status),
            Self::Html => html(200),
            Self::Garbage => {
                let garbage = b"\x00\x9f{]\xff one: two\n\n\x07 \r\n\r\n";
                with_length(garbage.len(), "", garbage)
            }
            Self::HalfAPack => {
                let mut packer = GzEncoder::new(Vec::new(), Compression::default());
                packer.write_all(&body).expect("memory takes it");
                let packed = packer.finish().expect("memory takes it");
                let half = &packed[..packed.len() / 2];
                with_length(half.len(), "content-encoding: gzip\r\n", half)
            }
            Self::TooShort => with_length(body.len() + 100, "", &body),
            Self::TooLong => {
                // A stream ends behind its first content, where all of what follows is beyond its length.
                let length = if stream { one.len() } else { body.len() - 10 };
                with_length(length, "", &body)
            }
            Self::Empty => chunked(kind, &[]),
            Self::BreaksFirst => chunked(kind, &[&broke(target, stream)]),
            Self::BreaksLater if stream => chunked(kind, &[&one, &broke(target, true)]),
            Self::BreaksLater => chunked(kind, &[&broke(target, false)]),
            Self::CutInside if stream => chunked(kind, &[&one, &two[..two.len() - 20]]),
            Self::CutInside => chunked(kind, &[&body[..body.len() - 20]]),
            Self::Forgets if stream => chunked(kind, &[&one, &two]),
            Self::Forgets => chunked(kind, &[]),
            Self::NoText => {
                let spoilt: Vec<Vec<u8>> =
                    if stream { pieces(target).to_vec() } else { vec![whole(target, "onetwo")] };
                let spoilt: Vec<_> = spoilt.iter().map(|piece| spoil(piece)).collect();
                chunked(kind, &spoilt.iter().map(Vec::as_slice).collect::<Vec<_>>())
            }
            Self::BadChunk => {
                let first: &[u8] = if stream { &one } else { &body[..40] };
                let mut bytes = chunked(kind, &[first]);
                bytes.truncate(bytes.len() - 5);
                bytes.extend_from_slice(b"zz\r\nnonsense\r\n0\r\n\r\n");
                bytes
            }
        }
    }

    /// Does it.
    pub(super) fn act(self, target: Client, stream: bool, to: &mut TcpStream) -> Then {
        let bytes = self.sent(target, stream);
        if self == Self::Drips {
            bytes.chunks(7).for_each(|some| Heard::answer(to, some));
        } else {
            Heard::answer(to, &bytes);
        }
        match self {
            Self::Stops { by: End::Reset, .. } => Then::Reset,
            Self::Stops { by: End::Goodbye, .. } | Self::TooShort | Self::BadChunk => Then::Close,
            Self::Hangs { .. } => {
                // Until the gateway gives up.
                let _ = to.set_read_timeout(Some(PATIENCE + Duration::from_secs(5)));
                let _ = to.read(&mut [0; 1]);
                Then::Close
            }
            // What is left in the connection must do no harm to who is given it next.
            Self::Nothing
            | Self::Drips
            | Self::SaysMore
            | Self::Refuses(_)
            | Self::RefusesInHtml(_)
            | Self::Html
            | Self::Garbage
            | Self::HalfAPack
            | Self::TooLong
            | Self::Empty
            | Self::BreaksFirst
            | Self::BreaksLater
            | Self::CutInside
            | Self::Forgets
            | Self::NoText => Then::Keep,
        }
    }
}

fn body(target: Client, stream: bool) -> Vec<u8> {
    if stream { pieces(target).concat() } else { whole(target, "onetwo") }
}

fn chunked(kind: &str, pieces: &[&[u8]]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
    for piece in pieces {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn right(target: Client, stream: bool, framing: Framing) -> Vec<u8> {
    match (stream, framing) {
        (true, Framing::Chunks) => {
            let [one, two, last] = pieces(target);
            chunked("text/event-stream", &[&one, &two, &last])
        }
        (true, Framing::Plain) => {
            let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
            bytes.extend_from_slice(&body(target, true));
            bytes
        }
        (false, Framing::Chunks) => chunked("application/json", &[&body(target, false)]),
        (false, Framing::Plain) => {
            json_reply(200, std::str::from_utf8(&body(target, false)).expect("JSON is text"))
        }
    }
}

/// The bytes up to one of the places: around the ends of head and body all, between them some.
fn up_to(place: usize, mut bytes: Vec<u8>) -> Vec<u8> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    let at = match place {
        0 | 1 => place,
        2 => 12,
        3 => head - 2,
        4 => head,
        5 => head + 1,
        6..=17 => head + (place - 5) * (bytes.len() - head) / 13,
        _ => bytes.len() - PLACES + place,
    };
    bytes.truncate(at);
    bytes
}

fn html(status: u16) -> Vec<u8> {
    let page = "<html><body><h1>Bad day</h1></body></html>";
    let length = page.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n{page}")
        .into_bytes()
}

fn refusal(target: Client, status: u16) -> String {
    match target {
        Client::Openai => {
            r#"{"error":{"message":"bad day","type":"server_error","param":null,"code":null}}"#.to_owned()
        }
        Client::Anthropic => {
            r#"{"type":"error","error":{"type":"api_error","message":"bad day"},"request_id":"req_1"}"#
                .to_owned()
        }
        Client::Gemini => {
            format!(r#"{{"error":{{"code":{status},"message":"bad day","status":"UNAVAILABLE"}}}}"#)
        }
    }
}

/// What a provider says of its own breaking in the middle, with status 200.
fn broke(target: Client, stream: bool) -> Vec<u8> {
    let error = refusal(target, 503);
    match target {
        _ if !stream => error,
        Client::Anthropic => format!("event: error\ndata: {error}\n\n"),
        Client::Openai | Client::Gemini => format!("data: {error}\n\n"),
    }
    .into_bytes()
}

/// The same with bytes that are no text behind its first `one`.
fn spoil(bytes: &[u8]) -> Vec<u8> {
    let Some(at) = bytes.windows(3).position(|three| three == b"one") else { return bytes.to_vec() };
    [&bytes[..at + 3], b"\xff\xfe", &bytes[at + 3..]].concat()
}
