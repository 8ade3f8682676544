//! What a collector says of an export that it took in part.

use crate::config::OtlpForm;
use crate::wire::json;

/// How many spans a collector did not take although it said 200 (`partial_success.rejected_spans`).
#[must_use]
pub fn rejected(form: OtlpForm, body: &[u8]) -> u64 {
    match form {
        OtlpForm::Protobuf => field(body, 1, 2).and_then(|partial| match partial {
            Field::Bytes(partial) => match field(partial, 1, 0)? {
                Field::Number(number) => Some(number),
                Field::Bytes(_) => None,
            },
            Field::Number(_) => None,
        }),
        OtlpForm::Json => json::parse(body).ok().and_then(|said| {
            let number = said.at(&["partialSuccess", "rejectedSpans"])?;
            number.as_u64().or_else(|| number.as_str()?.parse().ok())
        }),
    }
    .unwrap_or(0)
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The first field of this number and framing in a message that has numbers and bytes alone.
fn field(mut message: &[u8], wanted: u64, framing: u64) -> Option<Field<'_>> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let number = varint(&mut message)?;
        let value = match key & 7 {
            0 => Field::Number(number),
            2 => {
                let (bytes, rest) = message.split_at_checked(usize::try_from(number).ok()?)?;
                message = rest;
                Field::Bytes(bytes)
            }
            _ => return None,
        };
        if key == wanted << 3 | framing {
            return Some(value);
        }
    }
    None
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rejected_is_told_in_either_form() {
        assert_eq!(rejected(OtlpForm::Protobuf, &[0x0a, 5, 0x08, 0xac, 0x02, 0x12, 0]), 300);
        assert_eq!(rejected(OtlpForm::Protobuf, &[0x0a, 7, 0x12, 2, b'n', b'o', 0x08, 0xac, 0x02]), 300);
        assert_eq!(rejected(OtlpForm::Json, br#"{"partialSuccess":{"rejectedSpans":"7"}}"#), 7);
        for none in [&[][..], &[0x0a, 0], &[0x0a, 9, 1], &[0xff; 20]] {
            assert_eq!(rejected(OtlpForm::Protobuf, none), 0, "{none:?}");
        }
        assert_eq!(rejected(OtlpForm::Json, b"{}"), 0);
    }
}
