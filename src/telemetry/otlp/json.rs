//! The same messages in OTLP's JSON: ids in hexadecimal, 64-bit numbers as text, enums as numbers.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding> (seen in November 2026).

use super::span::{Attributes, Failure, Span, Value};
use crate::wire::json::{self, Object};

/// Appends a span.
pub(super) fn span(span: &Span, out: &mut Vec<u8>) {
    json::object(out, |object| {
        object.string("traceId", &span.trace.to_string());
        object.string("spanId", &span.id.to_string());
        object.opt_string("parentSpanId", span.parent.map(|parent| parent.to_string()).as_deref());
        if !span.state.is_empty() {
            object.string("traceState", &span.state);
        }
        object.number("flags", span.flags());
        object.string("name", &span.name);
        object.number("kind", span.kind as u8);
        object.string("startTimeUnixNano", &span.began.to_string());
        object.string("endTimeUnixNano", &span.ended.to_string());
        attributes(object, &span.attributes);
        if !span.events.is_empty() {
            object.array("events", |events| {
                for event in &span.events {
                    events.object(|object| {
                        object.string("timeUnixNano", &event.at.to_string());
                        object.string("name", event.name);
                        attributes(object, &event.attributes);
                    });
                }
            });
        }
        if let Some(Failure(message)) = &span.failure {
            object.object("status", |status| {
                if !message.is_empty() {
                    status.string("message", message);
                }
                status.number("code", 2_u8);
            });
        }
    });
}

pub(super) fn attributes(object: &mut Object<'_>, all: &Attributes) {
    object.array("attributes", |list| {
        for (name, value) in all {
            list.object(|pair| {
                pair.string("key", name);
                pair.object("value", |any| self::value(any, value));
            });
        }
    });
}

fn value(any: &mut Object<'_>, value: &Value) {
    match value {
        Value::Text(text) => any.string("stringValue", text),
        Value::Truth(truth) => any.bool("boolValue", *truth),
        Value::Integer(number) => any.string("intValue", &number.to_string()),
        Value::Float(number) => any.float("doubleValue", *number),
        Value::Texts(texts) => any.object("arrayValue", |list| {
            list.array("values", |values| {
                for text in texts {
                    values.object(|any| any.string("stringValue", text));
                }
            });
        }),
    }
}
