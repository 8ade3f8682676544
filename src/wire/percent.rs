//! Percent-encoding, as addresses have it (RFC 3986).

use std::borrow::Cow;

/// Undoes it; what is no encoding stays.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.split_first_chunk().filter(|_| byte == b'%');
        let escaped = escaped.and_then(|(digits, after)| Some((coded(*digits)?, after)));
        let (byte, after) = escaped.unwrap_or((byte, after));
        out.push(byte);
        rest = after;
    }
    Cow::Owned(out)
}

/// Undoes it where a text is expected; what is none in UTF-8 becomes U+FFFD.
#[must_use]
pub fn decode_text(text: &str) -> Cow<'_, str> {
    match decode(text) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(
            String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        ),
    }
}

/// The byte that two hexadecimal digits say; no sign belongs to them.
fn coded([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_encoding_stays() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("a%2Fb%2fc", b"a/b/c"),
            ("%+f%-1% 5", b"%+f%-1% 5"),
            ("%zz%4", b"%zz%4"),
            ("%%41%", b"%A%"),
            ("%C3%BC%ff", b"\xc3\xbc\xff"),
        ] {
            assert_eq!(decode(text), bytes, "{text}");
        }
        assert!(matches!(decode("a+b"), Cow::Borrowed(b"a+b")));
    }

    #[test]
    fn a_text_is_always_one() {
        assert_eq!(decode_text("%C3%BC%ff+"), "ü\u{fffd}+");
        assert!(matches!(decode_text("plain"), Cow::Borrowed("plain")));
    }
}
