//! A span, before it is said in either form of OTLP.

use std::borrow::Cow;

use crate::account::trace::{SpanId, TraceId};

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(Cow<'static, str>),
    Texts(Vec<String>),
    Truth(bool),
    Integer(i64),
    Float(f64),
}

/// Attributes in their order.
pub(super) type Attributes = Vec<(Cow<'static, str>, Value)>;

/// What a span is to the work around it, by OTLP's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// Something that happened within a span.
#[derive(Debug)]
pub(super) struct Event {
    /// When, in nanoseconds since 1970.
    pub(super) at: u64,
    pub(super) name: &'static str,
    pub(super) attributes: Attributes,
}

/// What went wrong, for humans.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

/// One span.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    /// Whether the parent is in another process.
    pub(super) is_remote: bool,
    pub(super) sampled: bool,
    pub(super) state: String,
    pub(super) name: String,
    pub(super) kind: Kind,
    /// In nanoseconds since 1970, as is the end.
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) attributes: Attributes,
    pub(super) events: Vec<Event>,
    pub(super) failure: Option<Failure>,
}

impl Span {
    /// The W3C flags, and whether the parent is remote, which is known.
    pub(super) fn flags(&self) -> u32 {
        const KNOWN: u32 = 0x100;
        const REMOTE: u32 = 0x200;
        u32::from(self.sampled) | KNOWN | if self.is_remote { REMOTE } else { 0 }
    }

    /// Adds an attribute.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.attributes.push((name.into(), value.into()));
    }

    /// Adds an attribute, where there is something to say.
    pub(super) fn maybe(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Adds a text, unless it is empty.
    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.set(name, text.to_owned());
        }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}
