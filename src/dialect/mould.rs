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
    /// What follows a second string, which says nothing and only hides the length of the first.
    last: Option<Vec<u8>>,
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
            last: padding.and_then(|(_, end)| event.get(end..)).map(<[u8]>::to_vec),
        })
    }

    /// The string in an event of this shape; `None` if it is of another.
    pub(in crate::dialect) fn text(&self, event: &[u8]) -> Option<String> {
        let rest = event.strip_prefix(self.before.as_slice())?;
        let text = json::prefix(rest).filter(Json::is_string)?;
        let rest = rest.get(text.raw().len()..)?;
        match &self.last {
            None if same(rest, &self.after) => {}
            None => return None,
            Some(last) => {
                let rest = rest.strip_prefix(self.after.as_slice())?;
                let padding = json::prefix(rest).filter(Json::is_string)?;
                if rest.get(padding.raw().len()..)? != last {
                    return None;
                }
            }
        }
        text.into_string()
    }
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
    fn padding_may_be_of_any_length() {
        let mould = mould(r#"{"delta":{"text":"a"},"u":null,"p":"xx"}"#, Some("p"));
        let text = |event: &str| mould.text(event.as_bytes());
        assert_eq!(text(r#"{"delta":{"text":"b"},"u":null,"p":""}"#).unwrap(), "b");
        assert_eq!(text(r#"{"delta":{"text":"b"},"u":1,"p":"x"}"#), None);
        assert_eq!(text(r#"{"delta":{"text":"b"},"u":null,"p":"x","q":1}"#), None);
    }
}
