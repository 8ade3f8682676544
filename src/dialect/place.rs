//! Where in a client's body we are, so that a complaint can name the field.
//!
//! A place is a chain of borrowed steps: it costs nothing until a complaint spells it out.

use std::fmt;

use crate::dialect::Malformed;
use crate::wire::json::Json;

/// One value's place in the body.
#[derive(Debug, Clone, Copy)]
pub(in crate::dialect) enum Place<'p> {
    /// The body itself.
    Body,
    /// A member of the object at a place.
    Member(&'p Place<'p>, &'p str),
    /// An element of the list at a place.
    Element(&'p Place<'p>, usize),
}

impl<'p> Place<'p> {
    pub(in crate::dialect) fn member(&'p self, key: &'p str) -> Self {
        Self::Member(self, key)
    }

    pub(in crate::dialect) fn element(&'p self, index: usize) -> Self {
        Self::Element(self, index)
    }

    /// A complaint that something else was expected here.
    pub(in crate::dialect) fn expected(&self, what: &str) -> Malformed {
        Malformed::new(self.to_string(), format!("expected {what} for '{self}'"))
    }

    /// A complaint that the value is missing.
    pub(in crate::dialect) fn missing(&self) -> Malformed {
        Malformed::new(self.to_string(), format!("missing required parameter: '{self}'"))
    }

    pub(in crate::dialect) fn string<'j>(&self, value: &'j Json<'_>) -> Result<&'j str, Malformed> {
        value.as_str().ok_or_else(|| self.expected("a string"))
    }

    pub(in crate::dialect) fn owned(&self, value: &Json<'_>) -> Result<String, Malformed> {
        self.string(value).map(str::to_owned)
    }

    pub(in crate::dialect) fn truth(&self, value: &Json<'_>) -> Result<bool, Malformed> {
        value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    pub(in crate::dialect) fn count(&self, value: &Json<'_>) -> Result<u64, Malformed> {
        value.as_u64().ok_or_else(|| self.expected("a whole number that is not negative"))
    }

    pub(in crate::dialect) fn whole(&self, value: &Json<'_>) -> Result<i64, Malformed> {
        value.as_i64().ok_or_else(|| self.expected("a whole number"))
    }

    pub(in crate::dialect) fn number(&self, value: &Json<'_>) -> Result<f64, Malformed> {
        value.as_f64().ok_or_else(|| self.expected("a number"))
    }

    pub(in crate::dialect) fn list<'j, 'a>(&self, value: &'j Json<'a>) -> Result<&'j [Json<'a>], Malformed> {
        if value.is_array() { Ok(value.elements()) } else { Err(self.expected("a list")) }
    }

    pub(in crate::dialect) fn object<'j, 'a>(&self, value: &'j Json<'a>) -> Result<&'j Json<'a>, Malformed> {
        if value.is_object() { Ok(value) } else { Err(self.expected("an object")) }
    }

    /// The string under `key`, which must be there.
    pub(in crate::dialect) fn required<'j>(
        &self,
        object: &'j Json<'_>,
        key: &str,
    ) -> Result<&'j str, Malformed> {
        let place = Place::Member(self, key);
        match object.field(key) {
            Some(value) => place.string(value),
            None => Err(place.missing()),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Member(Self::Body, key) => f.write_str(key),
            Self::Member(parent, key) => write!(f, "{parent}.{key}"),
            Self::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The text, unless there is none.
pub(in crate::dialect) fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
