//! Forms of several parts (`multipart/form-data`), read as far as they came: where each part's value
//! lies, without a copy of it (RFC 7578, RFC 2046 section 5.1).

use std::ops::Range;

use memchr::memmem;

/// The lines above one part's value may not be longer than this.
const LONGEST_HEAD: usize = 16 << 10;

/// No form of a known operation has more parts than this; sixteen pictures are the most so far.
const MOST_PARTS: usize = 256;

/// What is wrong with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It does not begin with its boundary.
    #[error("expected the form to begin with the boundary that its content-type names")]
    Beginning,
    /// The lines above a part are none.
    #[error("expected each part of the form to have a content-disposition with a name")]
    Head,
    /// There are too many parts.
    #[error("expected a form of fewer parts")]
    Parts,
}

/// One part whose end was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Whether it is a file.
    pub is_file: bool,
    /// Where its value lies.
    pub value: Range<usize>,
}

/// Reads a form that comes in pieces; each call must see all that came so far.
#[derive(Debug, Clone)]
pub struct Reader {
    delimiter: Vec<u8>,
    parts: Vec<Part>,
    state: State,
    /// Where the next look begins.
    at: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Start,
    /// Behind a boundary.
    Boundary,
    /// In the lines above a value.
    Head,
    /// In a value that began there.
    Value { start: usize, name: String, is_file: bool },
    /// Behind the last boundary.
    End,
}

impl Reader {
    /// A reader of the form that has this content type; `None` for the type of anything else.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let boundary = boundary(content_type)?;
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Some(Self { delimiter, parts: Vec::new(), state: State::Start, at: 0 })
    }

    /// The parts whose end was seen.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The first part of that name that is no file, if its end was seen.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name && !part.is_file)
    }

    /// Whether the form's last boundary was seen.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state == State::End
    }

    /// Reads on in a form of which so much came.
    ///
    /// # Errors
    /// When it is none.
    pub fn advance(&mut self, form: &[u8]) -> Result<(), Flaw> {
        while self.step(form)? {}
        Ok(())
    }

    /// Takes one step; whether another may follow.
    fn step(&mut self, form: &[u8]) -> Result<bool, Flaw> {
        let rest = form.get(self.at..).unwrap_or_default();
        match &mut self.state {
            State::Start => {
                let opening = self.delimiter.get(2..).unwrap_or_default();
                // An empty line before the form is common enough.
                let skipped = if rest.starts_with(b"\r\n") { 2 } else { 0 };
                let rest = rest.get(skipped..).unwrap_or_default();
                if rest.len() < opening.len() {
                    let fits = opening.starts_with(rest) || rest == b"\r";
                    return if fits { Ok(false) } else { Err(Flaw::Beginning) };
                }
                if !rest.starts_with(opening) {
                    return Err(Flaw::Beginning);
                }
                self.at += skipped + opening.len();
                self.state = State::Boundary;
            }
            State::Boundary => {
                if rest.starts_with(b"--") {
                    self.state = State::End;
                    return Ok(false);
                }
                let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                let Some(line_end) = rest.get(padding..padding + 2) else {
                    return if rest.len() > LONGEST_HEAD { Err(Flaw::Head) } else { Ok(false) };
                };
                if line_end != b"\r\n" {
                    return Err(Flaw::Head);
                }
                // The line's end stays: an empty head is one more of them.
                self.at += padding;
                self.state = State::Head;
            }
            State::Head => {
                let Some(end) = memmem::find(rest, b"\r\n\r\n") else {
                    return if rest.len() > LONGEST_HEAD { Err(Flaw::Head) } else { Ok(false) };
                };
                let head = rest.get(..end).filter(|head| head.len() <= LONGEST_HEAD).ok_or(Flaw::Head)?;
                let (name, is_file) = disposition(head).ok_or(Flaw::Head)?;
                self.at += end + 4;
                self.state = State::Value { start: self.at, name, is_file };
            }
            State::Value { start, name, is_file } => {
                let Some(found) = memmem::find(rest, &self.delimiter) else {
                    // What came may end in the middle of the delimiter.
                    self.at += (rest.len() + 1).saturating_sub(self.delimiter.len());
                    return Ok(false);
                };
                if self.parts.len() >= MOST_PARTS {
                    return Err(Flaw::Parts);
                }
                let end = self.at + found;
                let part = Part { name: std::mem::take(name), is_file: *is_file, value: *start..end };
                self.parts.push(part);
                self.at += found + self.delimiter.len();
                self.state = State::Boundary;
            }
            State::End => return Ok(false),
        }
        Ok(true)
    }

    /// The form with another value in this part's place.
    #[must_use]
    pub fn replaced(form: &[u8], part: &Part, value: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(form.len() + value.len());
        out.extend_from_slice(form.get(..part.value.start).unwrap_or_default());
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(form.get(part.value.end..).unwrap_or_default());
        out
    }

    /// The form with one more part before the others.
    #[must_use]
    pub fn with_field(&self, form: &[u8], name: &str, value: &str) -> Vec<u8> {
        let opening = self.delimiter.get(2..).unwrap_or_default();
        let mut out = Vec::with_capacity(form.len() + value.len() + 128);
        out.extend_from_slice(opening);
        out.extend_from_slice(b"\r\ncontent-disposition: form-data; name=\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\"\r\n\r\n");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(form.strip_prefix(b"\r\n").unwrap_or(form));
        out
    }
}

/// The boundary that a form's content type names.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (1..=200).contains(&boundary.len()).then_some(boundary)
}

/// The value of a parameter as in `a=b; c="d"`; a quoted one ends at the next quote that stands
/// alone.
fn parameter<'a>(parameters: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = parameters;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut escaped = false;
                let end = quoted.find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                })?;
                (quoted.get(..end)?, quoted.get(end + 1..)?)
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after.get(..end)?.trim(), after.get(end..)?)
            }
        };
        if name.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// The name that the lines above a value give, and whether it is a file's.
fn disposition(head: &[u8]) -> Option<(String, bool)> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let line = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (kind, parameters) = line.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let is_file = parameter(parameters, "filename").or_else(|| parameter(parameters, "filename*")).is_some();
    Some((parameter(parameters, "name")?.to_owned(), is_file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; charset=utf-8; boundary=\"b 1\"";
    const FORM: &str = "--b 1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;name=\\\"x\\\".mp3\"\r\n\
        Content-Type: audio/mpeg\r\n\r\n\x00\r\n--b\r\n\r\n--b 1 \r\ncontent-disposition:form-data;name=model\r\n\r\n\
        whisper-1\r\n--b 1\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--b 1--\r\nepilogue";

    fn read(form: &[u8], size: usize) -> Result<Reader, Flaw> {
        let mut reader = Reader::of(KIND).unwrap();
        for end in (0..form.len()).step_by(size).chain([form.len()]) {
            reader.advance(&form[..end])?;
        }
        Ok(reader)
    }

    #[test]
    fn parts_are_found_however_the_form_is_cut() {
        for size in 1..FORM.len() {
            let reader = read(FORM.as_bytes(), size).unwrap();
            assert!(reader.is_whole());
            let told: Vec<_> = reader
                .parts()
                .iter()
                .map(|part| (part.name.as_str(), part.is_file, &FORM[part.value.clone()]))
                .collect();
            let file = ("file", true, "\x00\r\n--b\r\n");
            assert_eq!(told, [file, ("model", false, "whisper-1"), ("empty", false, "")], "{size}");
        }
    }

    #[test]
    fn a_value_is_replaced_or_added_and_the_rest_stays() {
        let reader = read(FORM.as_bytes(), 7).unwrap();
        let said = Reader::replaced(FORM.as_bytes(), reader.field("model").unwrap(), "gpt-4o-transcribe");
        assert_eq!(String::from_utf8(said).unwrap(), FORM.replace("whisper-1", "gpt-4o-transcribe"));
        let more = reader.with_field(FORM.as_bytes(), "language", "de");
        let reader = read(&more, more.len()).unwrap();
        assert_eq!(reader.parts().len(), 4);
        assert_eq!(&more[reader.field("language").unwrap().value.clone()], b"de");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (form, flaw) in [
            ("{\"model\":1}", Flaw::Beginning),
            ("--b 2\r\n", Flaw::Beginning),
            ("--b 1x\r\n", Flaw::Head),
            ("--b 1\r\nContent-Type: a/b\r\n\r\nx\r\n--b 1--", Flaw::Head),
            ("--b 1\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b 1--", Flaw::Head),
            ("--b 1\r\n\r\n\r\nx\r\n--b 1--", Flaw::Head),
        ] {
            assert_eq!(read(form.as_bytes(), 1).unwrap_err(), flaw, "{form}");
        }
        for kind in [
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=a",
        ] {
            assert!(Reader::of(kind).is_none(), "{kind}");
        }
        assert!(!read(&FORM.as_bytes()[..60], 1).unwrap().is_whole());
    }
}
