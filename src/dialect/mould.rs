//! The shape that the events of a stream repeat.
//!
//! A stream is hundreds of events that are alike but for a few words of one string. Once one of
//! them was read in full, those like it need only be compared with it.

use crate::wire::json::{self, Json};

/// An event of a stream without the one string that differs from event to event.
#[derive(Debug)]
pub(in crate::dialect) struct Mould {
    before: Vec<u8>,
    after: Vec<u8>,
    end: End,
}

/// What may differ behind the string.
#[derive(Debug)]
enum End {
    /// Nothing.
    Same,
    /// A second string, which says nothing and only hides the length of the first; what follows it.
    Padded(Vec<u8>),
    /// Numbers: what stands between them.
    Counted(Vec<Vec<u8>>),
}

impl Mould {
    /// The mould of an event, of which `text` is the string that differs and `padding` another
    /// one behind it. Both must have been read from `event`.
    pub(in crate::dialect) fn of(event: &[u8], text: &Json<'_>, padding: Option<&Json<'_>>) -> Option<Self> {
        let place = |json: &Json<'_>| {
            let start = (json.raw().as_ptr() as usize).checked_sub(event.as_ptr() as usize)?;
            json.is_string().then_some((start, start + json.raw().len()))
        };
        let (start, end) = place(text)?;
        let padding = padding.and_then(place).filter(|(start, _)| *start >= end);
        let stop = padding.map_or(event.len(), |(start, _)| start);
        Some(Self {
            before: event.get(..start)?.to_vec(),
            after: event.get(end..stop)?.to_vec(),
            end: match padding.and_then(|(_, end)| event.get(end..)) {
                Some(rest) => End::Padded(rest.to_vec()),
                None => End::Same,
            },
        })
    }

    /// The mould of an event that tells in each slice how much was said so far: in `counts`, an
    /// object behind the string, and from there on, numbers may differ too.
    pub(in crate::dialect) fn counting(event: &[u8], text: &Json<'_>, counts: &Json<'_>) -> Option<Self> {
        let mut mould = Self::of(event, text, None)?;
        let start = (counts.raw().as_ptr() as usize).checked_sub(event.as_ptr() as usize)?;
        let behind = event.get(start..).filter(|_| counts.is_object())?;
        mould.after.truncate(mould.after.len().checked_sub(behind.len())?);
        mould.end = End::Counted(between_numbers(behind));
        Some(mould)
    }

    /// The string in an event of this shape; `None` if it is of another.
    pub(in crate::dialect) fn text(&self, event: &[u8]) -> Option<String> {
        self.text_and_counts(event).map(|(text, _)| text)
    }

    /// The same, and the event from its counts on.
    pub(in crate::dialect) fn text_and_counts<'e>(&self, event: &'e [u8]) -> Option<(String, &'e [u8])> {
        let rest = event.strip_prefix(self.before.as_slice())?;
        let (text, rest) = json::string_prefix(rest)?;
        let counts = match &self.end {
            End::Same => same(rest, &self.after).then_some(rest)?,
            End::Padded(last) => {
                let rest = rest.strip_prefix(self.after.as_slice())?;
                (json::string_prefix(rest)?.1 == last).then_some(rest)?
            }
            End::Counted(fixed) => {
                let counts = rest.strip_prefix(self.after.as_slice())?;
                is_counted(counts, fixed).then_some(counts)?
            }
        };
        Some((text.into_owned(), counts))
    }
}

/// What stands between the numbers of a JSON text: digits inside strings are no numbers.
fn between_numbers(json: &[u8]) -> Vec<Vec<u8>> {
    let (mut pieces, mut piece) = (Vec::new(), Vec::new());
    let (mut quoted, mut escaped, mut number) = (false, false, false);
    for &byte in json {
        let digit = !quoted && byte.is_ascii_digit();
        if !digit {
            piece.push(byte);
        } else if !number {
            pieces.push(std::mem::take(&mut piece));
        }
        number = digit;
        quoted ^= byte == b'"' && !escaped;
        escaped = quoted && byte == b'\\' && !escaped;
    }
    pieces.push(piece);
    pieces
}

/// Whether a text is these pieces with whole numbers between them.
fn is_counted(mut rest: &[u8], pieces: &[Vec<u8>]) -> bool {
    let Some((last, others)) = pieces.split_last() else { return false };
    for piece in others {
        let Some(behind) = rest.strip_prefix(piece.as_slice()) else { return false };
        let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match behind.get(digits..).filter(|_| digits > 0) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest == last.as_slice()
}

/// Whether two ends of an event are alike; where only brackets are left, white space between them
/// may differ, by which Anthropic hides lengths.
fn same(rest: &[u8], after: &[u8]) -> bool {
    if rest == after {
        return true;
    }
    let solid = |byte: &&u8| **byte != b' ';
    after.iter().all(|byte| matches!(byte, b'}' | b']' | b' '))
        && rest.iter().filter(solid).eq(after.iter().filter(solid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mould(event: &str, padding: Option<&str>) -> Mould {
        let json = json::parse(event.as_bytes()).unwrap();
        let padding = padding.map(|key| json.get(key).unwrap());
        Mould::of(event.as_bytes(), json.at(&["delta", "text"]).unwrap(), padding).unwrap()
    }

    #[test]
    fn an_event_of_the_same_shape_is_read() {
        let mould = mould(r#"{"i":0,"delta":{"text":"a"}   }"#, None);
        let text = |event: &str| mould.text(event.as_bytes());
        assert_eq!(text(r#"{"i":0,"delta":{"text":"b\n\"é"}}"#).unwrap(), "b\n\"é");
        assert_eq!(text(r#"{"i":0,"delta":{"text":""}      }"#).unwrap(), "");
        for other in [
            r#"{"i":1,"delta":{"text":"a"}}"#,
            r#"{"i":0,"delta":{"text":"a"}"#,
            r#"{"i":0,"delta":{"text":"a"},"x":1}"#,
            r#"{"i":0,"delta":{"text":"a","x":1}}"#,
            r#"{"i":0,"delta":{"text":1}}"#,
            r#"{"i":0,"delta":{"text":"a}}"#,
        ] {
            assert_eq!(text(other), None, "{other}");
        }
    }

    #[test]
    fn counts_may_be_any_numbers() {
        let event = br#"{"i":0,"t":"a 1","n":{"x":7,"y":[{"z":"a\"1","w":12}]},"m":"v-2"}"#;
        let json = json::parse(event).unwrap();
        let mould = Mould::counting(event, json.get("t").unwrap(), json.get("n").unwrap()).unwrap();
        let read = |event: &str| {
            let (text, counts) = mould.text_and_counts(event.as_bytes())?;
            Some((text, json::prefix(counts)?.raw().to_owned()))
        };
        assert_eq!(
            read(r#"{"i":0,"t":"","n":{"x":1234,"y":[{"z":"a\"1","w":0}]},"m":"v-2"}"#).unwrap(),
            (String::new(), r#"{"x":1234,"y":[{"z":"a\"1","w":0}]}"#.to_owned())
        );
        for other in [
            r#"{"i":1,"t":"","n":{"x":7,"y":[{"z":"a\"1","w":12}]},"m":"v-2"}"#,
            r#"{"i":0,"t":"","n":{"x":7,"y":[{"z":"a\"2","w":12}]},"m":"v-2"}"#,
            r#"{"i":0,"t":"","n":{"x":7,"y":[{"z":"a\"1","w":12}]},"m":"v-3"}"#,
            r#"{"i":0,"t":"","n":{"x":7.5,"y":[{"z":"a\"1","w":12}]},"m":"v-2"}"#,
            r#"{"i":0,"t":"","n":{"x":,"y":[{"z":"a\"1","w":12}]},"m":"v-2"}"#,
            r#"{"i":0,"t":"","n":{"x":7,"y":[{"z":"a\"1","w":12}]},"m":"v-2""#,
            r#"{"i":0,"t":"","n":{"x":7,"y":[{"z":"a\"1","w":12}]},"m":"v-2","k":1}"#,
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn padding_may_be_of_any_length() {
        let mould = mould(r#"{"delta":{"text":"a"},"u":null,"p":"xx"}"#, Some("p"));
        let text = |event: &str| mould.text(event.as_bytes());
        assert_eq!(text(r#"{"delta":{"text":"b"},"u":null,"p":""}"#).unwrap(), "b");
        assert_eq!(text(r#"{"delta":{"text":"b"},"u":1,"p":"x"}"#), None);
        assert_eq!(text(r#"{"delta":{"text":"b"},"u":null,"p":"x","q":1}"#), None);
    }
}
