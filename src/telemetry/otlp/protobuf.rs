//! Protocol Buffers as far as OTLP needs them, and the messages of traces in them.
//!
//! Field numbers are those of `opentelemetry/proto` 1.x (`trace/v1/trace.proto`, `common/v1/common.proto`,
//! `collector/trace/v1/trace_service.proto`), which never change.

use super::span::{Event, Failure, Span, Value};

/// Appends the fields of one message.
#[derive(Debug)]
pub(super) struct Message<'w>(&'w mut Vec<u8>);

/// How a field's value is framed.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

impl<'w> Message<'w> {
    pub(super) const fn new(out: &'w mut Vec<u8>) -> Self {
        Self(out)
    }

    fn key(&mut self, field: u32, wire: Wire) {
        varint(self.0, u64::from(field << 3 | wire as u32));
    }

    /// Adds a number that is not zero; zero is what an absent field means.
    pub(super) fn number(&mut self, field: u32, number: u64) {
        if number != 0 {
            self.one_of_number(field, number);
        }
    }

    /// Adds a number that may be zero, where one of several fields is set.
    fn one_of_number(&mut self, field: u32, number: u64) {
        self.key(field, Wire::Varint);
        varint(self.0, number);
    }

    pub(super) fn fixed64(&mut self, field: u32, number: u64) {
        self.key(field, Wire::Fixed64);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn fixed32(&mut self, field: u32, number: u32) {
        self.key(field, Wire::Fixed32);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.one_of_bytes(field, bytes);
        }
    }

    /// Adds bytes that are there, whatever they are.
    pub(super) fn one_of_bytes(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, Wire::Length);
        varint(self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Adds a message. Its length stands before it and is known after it: one byte is left for it, and what
    /// is longer moves.
    pub(super) fn message(&mut self, field: u32, fill: impl FnOnce(&mut Message<'_>)) {
        self.key(field, Wire::Length);
        let at = self.0.len();
        self.0.push(0);
        fill(&mut Message(self.0));
        let length = self.0.len() - at - 1;
        let mut digits = Vec::with_capacity(4);
        varint(&mut digits, length as u64);
        drop(self.0.splice(at..=at, digits));
    }

    /// Adds fields that are framed already.
    pub(super) fn ready(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    pub(super) fn attribute(&mut self, field: u32, name: &str, value: &Value) {
        self.message(field, |pair| {
            pair.bytes(1, name.as_bytes());
            pair.message(2, |any| any.value(value));
        });
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.one_of_bytes(1, text.as_bytes()),
            Value::Truth(truth) => self.one_of_number(2, u64::from(*truth)),
            // A negative number has all ten bytes.
            Value::Integer(number) => self.one_of_number(3, number.cast_unsigned()),
            Value::Float(number) => self.fixed64(4, number.to_bits()),
            Value::Texts(texts) => self.message(5, |list| {
                for text in texts {
                    list.message(1, |any| any.one_of_bytes(1, text.as_bytes()));
                }
            }),
        }
    }

    fn event(&mut self, event: &Event) {
        self.fixed64(1, event.at);
        self.bytes(2, event.name.as_bytes());
        for (name, value) in &event.attributes {
            self.attribute(3, name, value);
        }
    }

    fn span(&mut self, span: &Span) {
        self.bytes(1, &span.trace.bytes());
        self.bytes(2, &span.id.bytes());
        self.bytes(3, span.state.as_bytes());
        if let Some(parent) = span.parent {
            self.bytes(4, &parent.bytes());
        }
        self.bytes(5, span.name.as_bytes());
        self.number(6, span.kind as u64);
        self.fixed64(7, span.began);
        self.fixed64(8, span.ended);
        for (name, value) in &span.attributes {
            self.attribute(9, name, value);
        }
        for event in &span.events {
            self.message(11, |message| message.event(event));
        }
        if let Some(Failure(message)) = &span.failure {
            self.message(15, |status| {
                status.bytes(2, message.as_bytes());
                status.number(3, 2);
            });
        }
        self.fixed32(16, span.flags());
    }
}

/// Appends a span as one of those of a scope (`ScopeSpans.spans`).
pub(super) fn span(span: &Span, out: &mut Vec<u8>) {
    Message(out).message(2, |message| message.span(span));
}

/// A number in groups of seven bits, the lowest first.
fn varint(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_bytes_as_they_need() {
        let said = |number| {
            let mut out = Vec::new();
            varint(&mut out, number);
            out
        };
        assert_eq!(said(0), [0]);
        assert_eq!(said(127), [127]);
        assert_eq!(said(300), [0xac, 0x02]);
        assert_eq!(said(u64::MAX).len(), 10);
    }

    #[test]
    fn messages_of_any_length_know_it() {
        for length in [0, 1, 127, 128, 20_000] {
            let mut out = Vec::new();
            Message(&mut out).message(1, |inner| inner.one_of_bytes(2, &vec![7; length]));
            let mut inner = Vec::new();
            Message(&mut inner).one_of_bytes(2, &vec![7; length]);
            let mut whole = Vec::new();
            Message(&mut whole).one_of_bytes(1, &inner);
            assert_eq!(out, whole, "{length}");
        }
    }

    #[test]
    fn values_are_framed_by_their_kind() {
        let said = |value: Value| {
            let mut out = Vec::new();
            Message(&mut out).value(&value);
            out
        };
        assert_eq!(said(Value::Text("".into())), [0x0a, 0]);
        assert_eq!(said(Value::Truth(false)), [0x10, 0]);
        assert_eq!(said(Value::Integer(300)), [0x18, 0xac, 0x02]);
        assert_eq!(said(Value::Float(1.0)), [0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(said(Value::Texts(vec!["a".to_owned()])), [0x2a, 5, 0x0a, 3, 0x0a, 1, b'a']);
    }
}
