//! The tree: every value with its exact source text, strings and numbers borrowed from it.

use std::borrow::Cow;

use super::Error;
use super::scan::{self, Flaw, Scanner};

/// One JSON value and the text it was read from.
#[derive(Debug, Clone)]
pub struct Json<'a> {
    raw: &'a str,
    kind: Kind<'a>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A string, decoded; borrowed when it had no escapes.
    String(Cow<'a, str>),
    /// The elements in their order.
    Array(Vec<Json<'a>>),
    /// The members in their order, repeated keys included.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Reads one value that must fill the whole source.
///
/// Stricter than the RFC asks in two ways: at most 128 levels deep, and no key twice in the
/// outermost object, where two readers that pick differently could be played against each other.
/// Half a surrogate pair is read as U+FFFD.
///
/// # Errors
/// At the first byte that is not UTF-8 or breaks the grammar; for a repeated key, at its value.
pub fn parse(source: &[u8]) -> Result<Json<'_>, Error> {
    whole(source).map_err(|flaw| Error::locate(source, flaw))
}

/// Reads the value that a text begins with and nothing that follows it; `None` where that is none.
///
/// For one member of a large answer whose place is known, so that the rest need not be read.
#[must_use]
pub fn prefix(source: &[u8]) -> Option<Json<'_>> {
    let text = match std::str::from_utf8(source) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(source.get(..error.valid_up_to())?).ok()?,
    };
    let mut reader = Reader::new(text);
    reader.value(0).ok()
}

/// The string that a text begins with, decoded, and what follows it; `None` where that is none.
#[must_use]
pub fn string_prefix(source: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let mut scan = Scanner::new(source);
    (source.first() == Some(&b'"')).then_some(())?;
    let quoted = scan.string().ok()?;
    let (string, rest) = source.split_at_checked(scan.at())?;
    Some((quoted.decode(scan::text(string).ok()?), rest))
}

/// Checks that [`parse`] would accept the source, without building the tree.
///
/// # Errors
/// Exactly those of [`parse`].
pub fn validate(source: &[u8]) -> Result<(), Error> {
    let check = || {
        let text = scan::text(source)?;
        let mut scan = Scanner::new(source);
        if scan.peek() == Some(b'{') {
            return scan::members(text, &super::Watch::NONE).map(|_| ());
        }
        scan.skip(0)?;
        scan.end()
    };
    check().map_err(|flaw| Error::locate(source, flaw))
}

fn whole(source: &[u8]) -> Result<Json<'_>, Flaw> {
    let text = scan::text(source)?;
    let mut reader = Reader::new(text);
    let root = reader.value(0)?;
    reader.scan.end()?;
    // Both are slices of one text, so the difference of their addresses is an offset.
    let offset = |value: &Json<'_>| value.raw.as_ptr() as usize - text.as_ptr() as usize;
    let keys = root.entries().iter();
    match scan::repeated(keys.map(|(key, value)| (&**key, offset(value)))) {
        Some(offset) => Err(scan::duplicate(offset)),
        None => Ok(root),
    }
}

struct Reader<'a> {
    text: &'a str,
    scan: Scanner<'a>,
    /// The members and elements of what is not closed yet, so that each list is made once and has
    /// room for no more than it holds.
    members: Vec<(Cow<'a, str>, Json<'a>)>,
    elements: Vec<Json<'a>>,
}

/// Takes the list out that began at `from`.
fn closed<T>(open: &mut Vec<T>, from: usize) -> Vec<T> {
    if from == 0 { std::mem::take(open) } else { open.split_off(from) }
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let scan = Scanner::new(text.as_bytes());
        Self { text, scan, members: Vec::with_capacity(16), elements: Vec::new() }
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, Flaw> {
        let first = self.scan.peek();
        let start = self.scan.at();
        let kind = match first {
            Some(b'"') => Kind::String(self.scan.string()?.decode(self.text)),
            Some(b'{') => Kind::Object(self.members(depth)?),
            Some(b'[') => Kind::Array(self.elements(depth)?),
            Some(b'-' | b'0'..=b'9') => {
                self.scan.number()?;
                Kind::Number(self.since(start))
            }
            Some(b't') => {
                self.scan.word(b"true")?;
                Kind::Bool(true)
            }
            Some(b'f') => {
                self.scan.word(b"false")?;
                Kind::Bool(false)
            }
            Some(b'n') => {
                self.scan.word(b"null")?;
                Kind::Null
            }
            _ => return self.scan.flaw("expected a value"),
        };
        Ok(Json { raw: self.since(start), kind })
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Cow<'a, str>, Json<'a>)>, Flaw> {
        let outer = self.members.len();
        let mut more = self.scan.open(b'}', depth)?;
        while more {
            let key = self.scan.key()?.decode(self.text);
            let value = self.value(depth + 1)?;
            self.members.push((key, value));
            more = self.scan.more(b'}')?;
        }
        Ok(closed(&mut self.members, outer))
    }

    fn elements(&mut self, depth: usize) -> Result<Vec<Json<'a>>, Flaw> {
        let outer = self.elements.len();
        let mut more = self.scan.open(b']', depth)?;
        while more {
            let value = self.value(depth + 1)?;
            self.elements.push(value);
            more = self.scan.more(b']')?;
        }
        Ok(closed(&mut self.elements, outer))
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.scan.at()).unwrap_or_default()
    }
}

impl<'a> Json<'a> {
    /// The exact source text of this value, without the white space around it.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// What this value is, for matching.
    #[must_use]
    pub fn kind(&self) -> &Kind<'a> {
        &self.kind
    }

    /// The member under this key, the last one if it is repeated; none if this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        let mut entries = self.entries().iter().rev();
        entries.find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The member under this key, where a null counts as absent.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Json<'a>> {
        self.get(key).filter(|value| !value.is_null())
    }

    /// The value reached by these keys one after another.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Json<'a>> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth, if this is `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The number if it is whole and fits, however it is written: `300`, `300.0` and `3e2` alike.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self.kind {
            Kind::Number(text) => unsigned(text),
            _ => None,
        }
    }

    /// The number if it is whole and fits, however it is written.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        let Kind::Number(text) = self.kind else {
            return None;
        };
        if let Ok(number) = text.parse() {
            return Some(number);
        }
        let (negative, size) = whole_number(text)?;
        let size = i128::from(size);
        i64::try_from(if negative { -size } else { size }).ok()
    }

    /// The nearest float, if this is a number within a float's range.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self.kind {
            Kind::Number(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Whether this is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self.kind, Kind::Object(_))
    }

    /// Whether this is an array.
    #[must_use]
    pub fn is_array(&self) -> bool {
        matches!(self.kind, Kind::Array(_))
    }

    /// Whether this is a string.
    #[must_use]
    pub fn is_string(&self) -> bool {
        matches!(self.kind, Kind::String(_))
    }

    /// The elements, or nothing if this is no array.
    #[must_use]
    pub fn elements(&self) -> &[Json<'a>] {
        match &self.kind {
            Kind::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The members in their order, or nothing if this is no object.
    #[must_use]
    pub fn entries(&self) -> &[(Cow<'a, str>, Json<'a>)] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    /// The text as its own, if this is a string; one that had escapes is not copied again.
    #[must_use]
    pub fn into_string(self) -> Option<String> {
        match self.kind {
            Kind::String(text) => Some(text.into_owned()),
            _ => None,
        }
    }
}

/// The value of a JSON text that is a number, whole, not negative and fits, however it is written.
pub(in crate::wire) fn unsigned(text: &str) -> Option<u64> {
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (negative, size) = whole_number(text)?;
    (!negative || size == 0).then_some(size)
}

/// Sign and size of a JSON number written with a point or an exponent, in exact arithmetic.
fn whole_number(text: &str) -> Option<(bool, u64)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    let significant =
        whole.len() + fraction.len() - digits().rev().take_while(|digit| *digit == b'0').count();
    if significant == 0 {
        return Some((negative, 0));
    }
    let shift = exponent.parse::<i64>().ok()?;
    let zeros = shift.checked_add(i64::try_from(whole.len()).ok()?)?;
    let zeros = zeros.checked_sub(i64::try_from(significant).ok()?)?;
    let mut size = 0_u64;
    for digit in digits().take(significant) {
        size = size.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    size = size.checked_mul(10_u64.checked_pow(u32::try_from(zeros).ok()?)?)?;
    Some((negative, size))
}
