//! The writer: closures in the shape of the document, appending to a byte buffer.
//!
//! Commas and quotes are its business; nothing is buffered, so a document costs only its bytes.

use super::quoted::clean_run;

pub use itoa::Integer as Number;

/// Appends an object whose members the closure adds.
pub fn object(out: &mut Vec<u8>, f: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    f(&mut Object { out, empty: true });
    out.push(b'}');
}

/// Appends an array whose elements the closure adds.
pub fn array(out: &mut Vec<u8>, f: impl FnOnce(&mut Array<'_>)) {
    out.push(b'[');
    f(&mut Array { out, empty: true });
    out.push(b']');
}

/// An object being written; each method adds one member.
#[derive(Debug)]
pub struct Object<'w> {
    out: &'w mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    /// Adds a member whose value the function appends; it must append exactly one JSON value.
    pub fn embed(&mut self, key: &str, f: impl FnOnce(&mut Vec<u8>)) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        write_string(self.out, key);
        self.out.push(b':');
        f(self.out);
    }

    /// Adds a string.
    pub fn string(&mut self, key: &str, text: &str) {
        self.embed(key, |out| write_string(out, text));
    }

    /// Adds a string, or nothing.
    pub fn opt_string(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.string(key, text);
        }
    }

    /// Adds a value that is JSON text already.
    pub fn raw(&mut self, key: &str, json: &str) {
        self.embed(key, |out| out.extend_from_slice(json.as_bytes()));
    }

    /// Adds a value that is JSON text already, or nothing.
    pub fn opt_raw(&mut self, key: &str, json: Option<&str>) {
        if let Some(json) = json {
            self.raw(key, json);
        }
    }

    /// Adds an integer.
    pub fn number(&mut self, key: &str, number: impl Number) {
        self.embed(key, |out| write_number(out, number));
    }

    /// Adds an integer, or nothing.
    pub fn opt_number(&mut self, key: &str, number: Option<impl Number>) {
        if let Some(number) = number {
            self.number(key, number);
        }
    }

    /// Adds a float in its shortest form that reads back the same; not-a-number becomes null.
    pub fn float(&mut self, key: &str, number: f64) {
        self.embed(key, |out| write_float(out, number));
    }

    /// Adds a float, or nothing.
    pub fn opt_float(&mut self, key: &str, number: Option<f64>) {
        if let Some(number) = number {
            self.float(key, number);
        }
    }

    /// Adds `true` or `false`.
    pub fn bool(&mut self, key: &str, truth: bool) {
        self.raw(key, bool_text(truth));
    }

    /// Adds `true` or `false`, or nothing.
    pub fn opt_bool(&mut self, key: &str, truth: Option<bool>) {
        if let Some(truth) = truth {
            self.bool(key, truth);
        }
    }

    /// Adds `null`.
    pub fn null(&mut self, key: &str) {
        self.raw(key, "null");
    }

    /// Adds an object whose members the closure adds.
    pub fn object(&mut self, key: &str, f: impl FnOnce(&mut Object<'_>)) {
        self.embed(key, |out| object(out, f));
    }

    /// Adds an array whose elements the closure adds.
    pub fn array(&mut self, key: &str, f: impl FnOnce(&mut Array<'_>)) {
        self.embed(key, |out| array(out, f));
    }

    /// Whether no member was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.empty
    }
}

/// An array being written; each method adds one element.
#[derive(Debug)]
pub struct Array<'w> {
    out: &'w mut Vec<u8>,
    empty: bool,
}

impl Array<'_> {
    /// Adds an element that the function appends; it must append exactly one JSON value.
    pub fn embed(&mut self, f: impl FnOnce(&mut Vec<u8>)) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        f(self.out);
    }

    /// Adds a string.
    pub fn string(&mut self, text: &str) {
        self.embed(|out| write_string(out, text));
    }

    /// Adds a value that is JSON text already.
    pub fn raw(&mut self, json: &str) {
        self.embed(|out| out.extend_from_slice(json.as_bytes()));
    }

    /// Adds an integer.
    pub fn number(&mut self, number: impl Number) {
        self.embed(|out| write_number(out, number));
    }

    /// Adds a float in its shortest form that reads back the same; not-a-number becomes null.
    pub fn float(&mut self, number: f64) {
        self.embed(|out| write_float(out, number));
    }

    /// Adds `true` or `false`.
    pub fn bool(&mut self, truth: bool) {
        self.raw(bool_text(truth));
    }

    /// Adds `null`.
    pub fn null(&mut self) {
        self.raw("null");
    }

    /// Adds an object whose members the closure adds.
    pub fn object(&mut self, f: impl FnOnce(&mut Object<'_>)) {
        self.embed(|out| object(out, f));
    }

    /// Adds an array whose elements the closure adds.
    pub fn array(&mut self, f: impl FnOnce(&mut Array<'_>)) {
        self.embed(|out| array(out, f));
    }

    /// Whether no element was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.empty
    }
}

/// Appends the text in quotes, escaping only what JSON says must be.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    loop {
        let (clean, special) = rest.split_at(clean_run(rest));
        out.extend_from_slice(clean);
        let Some((&byte, after)) = special.split_first() else {
            break;
        };
        rest = after;
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                let hex = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
    out.push(b'"');
}

/// The text as quoted JSON.
#[must_use]
pub fn string(text: &str) -> String {
    let mut out = Vec::new();
    write_string(&mut out, text);
    // Only ASCII was put in, and only between whole characters.
    String::from_utf8(out).unwrap_or_default()
}

/// Appends an integer.
pub fn write_number(out: &mut Vec<u8>, number: impl Number) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn write_float(out: &mut Vec<u8>, number: f64) {
    if !number.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(number);
    let text = text.strip_suffix(".0").unwrap_or(text);
    out.extend_from_slice(text.as_bytes());
}

fn bool_text(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}
