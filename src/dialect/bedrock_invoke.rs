//! Claude by Bedrock's `invoke`: the body is Anthropic's own, but a stream is AWS's binary one, whose
//! `chunk` messages each hold one of Anthropic's events in base64.
//!
//! Seen at <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html>
//! in November 2026. [`Unwrap`] turns what comes from Bedrock into server-sent events, [`Wrap`] turns
//! those into what Bedrock's clients read, so that all between the two is Anthropic's dialect.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::{bedrock_converse, codec};
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::refusal::Kind;
use crate::wire::event_stream;
use crate::wire::json::{self, Json};
use crate::wire::{lens, sse};

/// The name of the messages that hold events.
const CHUNK: &str = "chunk";
/// The name of those that hold a piece of whatever an endpoint of `SageMaker` streams.
const PART: &str = "PayloadPart";

/// Turns Bedrock's stream into Anthropic's.
#[derive(Debug)]
pub struct Unwrap {
    messages: event_stream::Parser,
    /// Whose words an error inside the stream is said in.
    dialect: Dialect,
    failed: bool,
}

impl Unwrap {
    /// For a stream whose messages have at most `limit` bytes.
    #[must_use]
    pub const fn new(dialect: Dialect, limit: usize) -> Self {
        Self { messages: event_stream::Parser::new(limit), dialect, failed: false }
    }

    /// Takes the next bytes and appends the events that they complete.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        let mut fault = None;
        let framed = self.messages.push(chunk, |message| {
            if fault.is_some() {
                return;
            }
            match message.kind() {
                event_stream::Kind::Event(PART) => out.extend_from_slice(message.payload()),
                event_stream::Kind::Event(CHUNK) => match event(message.payload()) {
                    Some(data) => write_event(out, &data),
                    None => fault = Some(broken("the provider's stream holds no event where one should be")),
                },
                // What else the service tells is not Anthropic's.
                event_stream::Kind::Event(_) => {}
                event_stream::Kind::Exception(name) => {
                    fault = Some(bedrock_converse::read_exception(name, message.payload()));
                }
                event_stream::Kind::Error { code, message } => {
                    fault = Some(broken(&format!("the provider's stream failed with {code}: {message}")));
                }
            }
        });
        let fault = fault.or_else(|| framed.is_err().then(|| broken("the provider's stream is damaged")));
        if let Some(fault) = fault {
            self.failed = true;
            out.extend_from_slice(b"event: error\ndata: ");
            out.extend_from_slice(&codec(self.dialect).render_error(&fault.into_refusal()));
            out.extend_from_slice(b"\n\n");
        }
    }
}

fn broken(message: &str) -> Fault {
    Fault { status: 200, ..Fault::new(Kind::BadGateway, message) }
}

/// The event in the payload of a message.
fn event(payload: &[u8]) -> Option<Vec<u8>> {
    let encoded = json::parse(payload).ok()?;
    let encoded = encoded.field("bytes").and_then(Json::as_str)?;
    STANDARD.decode(encoded).ok()
}

fn write_event(out: &mut Vec<u8>, data: &[u8]) {
    let name = lens::find(data, "type").map(|name| name.trim_matches('"')).unwrap_or_default();
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // An event of server-sent events is one line.
    out.extend(data.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    out.extend_from_slice(b"\n\n");
}

/// Turns Anthropic's stream into Bedrock's.
#[derive(Debug)]
pub struct Wrap {
    events: sse::Parser,
}

impl Wrap {
    /// For a stream whose events have at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { events: sse::Parser::new(limit) }
    }

    /// Takes the next bytes and appends the messages that they complete.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        // A frame that is too long was written by nobody: the relay refuses it before.
        let _ = self.events.push(chunk, |frame| {
            if frame.comment_only {
                return;
            }
            if frame.event == Some("error") {
                let headers = http::HeaderMap::new();
                let fault = codec(Dialect::AnthropicMessages).parse_error(500, &headers, &frame.data);
                bedrock_converse::write_exception(out, fault.kind, &fault.message);
                return;
            }
            event_stream::write(out, event_stream::Kind::Event(CHUNK), |out| {
                json::object(out, |payload| payload.string("bytes", &STANDARD.encode(&frame.data)));
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"type":"message_start","message":{"id":"m"}}"#;

    fn chunk(data: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let payload = format!(r#"{{"bytes":"{}","p":"abcdef"}}"#, STANDARD.encode(data));
        event_stream::write(&mut out, event_stream::Kind::Event("chunk"), |out| {
            out.extend_from_slice(payload.as_bytes());
        });
        out
    }

    #[test]
    fn each_chunk_holds_one_event_however_the_bytes_arrive() {
        let stop = r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}"#;
        let stream = [chunk(START), chunk(stop)].concat();
        let expected =
            format!("event: message_start\ndata: {START}\n\nevent: message_stop\ndata: {stop}\n\n");
        for piece in [1, 7, stream.len()] {
            let (mut unwrap, mut out) = (Unwrap::new(Dialect::AnthropicMessages, 1 << 20), Vec::new());
            stream.chunks(piece).for_each(|piece| unwrap.push(piece, &mut out));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn an_exception_becomes_an_error_of_anthropics() {
        let mut stream = chunk(START);
        event_stream::write(&mut stream, event_stream::Kind::Exception("throttlingException"), |out| {
            out.extend_from_slice(br#"{"message":"too fast"}"#);
        });
        let (mut unwrap, mut out) = (Unwrap::new(Dialect::AnthropicMessages, 1 << 20), Vec::new());
        unwrap.push(&stream, &mut out);
        unwrap.push(&chunk(START), &mut out);
        let said = String::from_utf8(out).unwrap();
        let (_, error) = said.split_once("event: error\ndata: ").unwrap();
        assert!(error.contains(r#""type":"rate_limit_error""#) && error.contains("too fast"), "{error}");
        assert_eq!(said.matches("message_start").count(), 2, "nothing follows an error");
        let mut damaged = chunk(START);
        *damaged.last_mut().unwrap() ^= 1;
        let (mut unwrap, mut out) = (Unwrap::new(Dialect::AnthropicMessages, 1 << 20), Vec::new());
        unwrap.push(&damaged, &mut out);
        assert!(String::from_utf8(out).unwrap().contains("damaged"));
    }

    #[test]
    fn what_is_wrapped_is_unwrapped_again() {
        let text = format!("event: message_start\ndata: {START}\n\n");
        let (mut wrap, mut messages) = (Wrap::new(1 << 20), Vec::new());
        for piece in text.as_bytes().chunks(9) {
            wrap.push(piece, &mut messages);
        }
        let (mut unwrap, mut out) = (Unwrap::new(Dialect::AnthropicMessages, 1 << 20), Vec::new());
        unwrap.push(&messages, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), text);
        let mut failed = Vec::new();
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"later"}}"#;
        wrap.push(format!("event: error\ndata: {error}\n\n").as_bytes(), &mut failed);
        let (mut unwrap, mut out) = (Unwrap::new(Dialect::AnthropicMessages, 1 << 20), Vec::new());
        unwrap.push(&failed, &mut out);
        assert!(String::from_utf8(out).unwrap().contains("later"));
    }
}
