//! Forms: `a=1&b=2` with everything else encoded.

use super::sigv4::encode;

/// A form of these pairs.
#[must_use]
pub fn form(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode(&mut out, name.as_bytes());
        out.push('=');
        encode(&mut out, value.as_bytes());
    }
    out
}

/// Undoes percent-encoding; what is no encoding stays.
#[must_use]
pub fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|&digit| char::from(digit).to_digit(16));
        match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_encodes_is_decoded_again() {
        assert_eq!(form(&[("a", "x y&z"), ("b", "ü/:")]), "a=x%20y%26z&b=%C3%BC%2F%3A");
        assert_eq!(decode("x%20y%26z%zz%4"), b"x y&z%zz%4");
    }
}
