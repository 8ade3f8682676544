//! Seals in `thoughtSignature`. The field is bytes, so what stands there must be base64, and a
//! client may send it back in the other alphabet of base64 than it came in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::types::DIALECT;
use crate::ir::Signature;

/// Stands before the seal of another dialect. Nine bytes, so that their base64 is whole and can be
/// looked for in a body.
const WRAPPED: &str = "tollgate:";
/// [`WRAPPED`] in base64.
const WRAPPED_BASE64: &str = "dG9sbGdhdGU6";

/// The text of a `thoughtSignature` that carries this seal.
pub(super) fn carried(seal: &Signature) -> String {
    let text = seal.carried_by(DIALECT);
    if seal.dialect == DIALECT { text } else { STANDARD.encode(format!("{WRAPPED}{text}")) }
}

/// Reads a `thoughtSignature`.
pub(super) fn read(text: &str) -> Signature {
    Signature::read(DIALECT, unwrapped(text).as_deref().unwrap_or(text))
}

fn unwrapped(text: &str) -> Option<String> {
    if !text.starts_with(WRAPPED_BASE64) {
        return None;
    }
    let standard: String = text
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    let bytes = STANDARD_NO_PAD.decode(standard).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix(WRAPPED).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Dialect;

    #[test]
    fn a_carried_seal_is_base64_and_comes_back_in_either_alphabet() {
        for dialect in Dialect::ALL {
            let seal = Signature::new(dialect, "EqQB/CgIYA?h+~>==");
            let text = carried(&seal);
            assert_eq!(read(&text), seal);
            if dialect != DIALECT {
                assert!(text.starts_with(WRAPPED_BASE64), "{text}");
                assert!(STANDARD.decode(&text).is_ok());
                assert_eq!(read(&text.replace('+', "-").replace('/', "_")), seal);
                assert_eq!(read(text.trim_end_matches('=')), seal);
            }
        }
    }

    #[test]
    fn a_seal_that_only_looks_wrapped_is_googles_own() {
        let text = "dG9sbGdhdGU6*";
        assert_eq!(read(text), Signature::new(DIALECT, text));
    }
}
