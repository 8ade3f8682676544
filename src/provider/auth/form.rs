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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::percent::decode;

    #[test]
    fn what_a_form_encodes_is_decoded_again() {
        assert_eq!(form(&[("a", "x y&z"), ("b", "ü/:")]), "a=x%20y%26z&b=%C3%BC%2F%3A");
        assert_eq!(decode("x%20y%26z%zz%4").as_ref(), b"x y&z%zz%4");
    }
}
