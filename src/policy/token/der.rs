//! Public keys in PEM form (SPKI, RFC 5280; PKCS#1, RFC 8017), as far as they are known here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::policy::token::jwk::Material;

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const BITS: u8 = 0x03;
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const CURVE: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The key in a PEM text; `None` where there is none that is known.
pub(super) fn public_key(pem: &str) -> Option<Material> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (kind, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    let der = STANDARD.decode(body).ok()?;
    match kind {
        "PUBLIC KEY" => spki(&der),
        "RSA PUBLIC KEY" => Some(Material::Pkcs1(der)),
        _ => None,
    }
}

fn spki(der: &[u8]) -> Option<Material> {
    let (whole, _) = element(der, SEQUENCE)?;
    let (algorithm, rest) = element(whole, SEQUENCE)?;
    let (kind, parameters) = element(algorithm, OBJECT)?;
    let (bits, _) = element(rest, BITS)?;
    // The first byte counts the bits that are not used.
    let key = bits.strip_prefix(&[0])?.to_vec();
    if kind == RSA {
        return Some(Material::Pkcs1(key));
    }
    if kind == ED25519 {
        return Some(Material::Ed25519(key));
    }
    let (curve, _) = element(parameters, OBJECT).filter(|_| kind == CURVE)?;
    match curve {
        _ if curve == P256 => Some(Material::P256(key)),
        _ if curve == P384 => Some(Material::P384(key)),
        _ => None,
    }
}

/// The content of the first element, which must be of this kind, and what follows it.
fn element(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first().filter(|_| tag == kind)?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
