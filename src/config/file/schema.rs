//! Makes the schema of the file out of its types, for a test that holds the written one against it.
//!
//! It is written down, since making it anew in every program would take a quarter of a megabyte of it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::{Serialize, Serializer};

use super::File;
use super::external::ExternalModes;
use super::scalar::{
    Concurrency, Degree, Dollars, Fraction, Interval, Key, Moment, Percent, Portion, Size, Span, Usd,
};

/// The schema of the file as its types are.
pub(in crate::config) fn of_types() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(File)).unwrap() + "\n"
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0.as_secs(), self.0.subsec_millis());
        match (seconds % 3600, seconds % 60, rest) {
            (_, _, 1..) => write!(f, "{}ms", self.0.as_millis()),
            (0, _, 0) if seconds > 0 => write!(f, "{}h", seconds / 3600),
            (_, 0, 0) if seconds > 0 => write!(f, "{}m", seconds / 60),
            _ => write!(f, "{seconds}s"),
        }
    }
}

impl fmt::Display for Degree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(every) => Span(every).fmt(f),
            None => f.write_str("off"),
        }
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Adaptive => f.write_str("adaptive"),
            Self::Fixed(number) => number.fmt(f),
        }
    }
}

macro_rules! described {
    ($($type:ident: $schema:tt,)*) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

described! {
    Size: {
        "type": ["string", "integer"],
        "description": "A number of bytes: 512KiB, 10MB, 1048576.",
        "minimum": 0
    },
    Span: {
        "type": ["string", "number"],
        "description": "A span of time: 250ms, 30s, 5m, 1h; a plain number is seconds.",
        "minimum": 0
    },
    Interval: {
        "type": ["string", "number", "boolean"],
        "description": "A span of time such as 1h, or off.",
        "minimum": 0
    },
    Concurrency: {
        "type": ["string", "integer", "boolean"],
        "description": "How many at one time: adaptive, a number, or off.",
        "minimum": 1
    },
    Key: {
        "type": "string",
        "description": "A secret, best given by reference: ${file:/run/secrets/key}."
    },
    Dollars: {
        "type": ["string", "number"],
        "description": "US dollars: 50, 0.25.",
        "minimum": 0
    },
    Degree: {
        "type": ["string", "number"],
        "description": "A temperature from 0 to 2.",
        "minimum": 0,
        "maximum": 2
    },
    Fraction: {
        "type": ["string", "number"],
        "description": "A part from 0 to 1: 0.1, 10%.",
        "minimum": 0,
        "maximum": 1
    },
    Percent: {
        "type": ["string", "number"],
        "description": "A part of a whole: 80%."
    },
    Portion: {
        "type": ["string", "boolean"],
        "description": "On for all, off for none, or a part of them: 10%."
    },
    Moment: {
        "type": "string",
        "description": "A day or a moment in UTC: 2027-01-31, 2027-01-31T12:00:00Z."
    },
    ExternalModes: {
        "type": ["string", "array"],
        "description": "One of pre, during and post, or a list of these.",
        "items": {"enum": ["pre", "during", "post"]}
    },
    Usd: {
        "type": ["string", "number"],
        "description": "USD per million tokens, to the sixth decimal place.",
        "minimum": 0
    },
}

macro_rules! shown_as_default {
    ($($type:ident)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

shown_as_default! { Size Span Interval Concurrency Degree Fraction }
